"""Satellites whose scenes are read by name: their bands, and how well their pixels lie.

Band lists: Sentinel-2 products specification (S2-PDGS-TAS-DI-PSD, issue 14.9) and the Landsat 7 and 8–9
Collection 2 data format control books. `geolocation_m` is the horizontal error that 95 % of all points keep,
stated from the makers' own figures and meant to be overridden where control points say better:

- Sentinel-2: at most 12.5 m (mission requirement without ground control, 2σ); products since baseline 03.00
  (2021-03-30), refined on the global reference image, do better than that.
- Landsat: at most 12 m root mean square for precision-corrected (L1TP, Tier 1) scenes; times 1.73 for 95 %
  of a circular normal distribution (√5.991 / √2), 21 m.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class BandRole(StrEnum):
    """What a band sees. Wavelengths are centres, in nanometres."""

    COASTAL = "coastal"  # 443
    BLUE = "blue"  # 490
    GREEN = "green"  # 560
    RED = "red"  # 660
    RED_EDGE_1 = "red_edge_1"  # 705
    RED_EDGE_2 = "red_edge_2"  # 740
    RED_EDGE_3 = "red_edge_3"  # 783
    NIR = "nir"  # 840
    NIR_NARROW = "nir_narrow"  # 865
    WATER_VAPOUR = "water_vapour"  # 945
    CIRRUS = "cirrus"  # 1375
    SWIR = "swir"  # 1610
    SWIR_2 = "swir_2"  # 2200
    PAN = "pan"
    THERMAL = "thermal"


class WaterIndex(StrEnum):
    """Normalised difference of green and a longer wave."""

    NDWI = "ndwi"  # green and near infrared (McFeeters 1996)
    MNDWI = "mndwi"  # green and shortwave infrared (Xu 2006)


class CloudKind(StrEnum):
    """What the numbers of a cloud file mean."""

    SCL = "scl"  # scene classes of Sentinel-2 level 2A
    QA_PIXEL = "qa_pixel"  # bits of Landsat Collection 2
    MASK = "mask"  # 0 is clear, anything else is not


class SourceKind(StrEnum):
    """What the pixels of a file are."""

    SCENE = "scene"  # reflectance, or numbers that grow with it
    MASK = "mask"  # water or not
    INDEX = "index"  # a ready index between -1 and 1


ROLE_WORDS: Mapping[str, BandRole] = {role.value: role for role in BandRole} | {
    "绿": BandRole.GREEN,
    "绿光": BandRole.GREEN,
    "红": BandRole.RED,
    "红光": BandRole.RED,
    "蓝": BandRole.BLUE,
    "蓝光": BandRole.BLUE,
    "近红外": BandRole.NIR,
    "短波红外": BandRole.SWIR,
    "nir08": BandRole.NIR,
    "nir_08": BandRole.NIR,
    "rededge1": BandRole.RED_EDGE_1,
    "rededge2": BandRole.RED_EDGE_2,
    "rededge3": BandRole.RED_EDGE_3,
    "swir1": BandRole.SWIR,
    "swir_1": BandRole.SWIR,
    "swir16": BandRole.SWIR,
    "swir2": BandRole.SWIR_2,
    "swir22": BandRole.SWIR_2,
}
"""Words by which files describe bands."""


ALIKE: tuple[frozenset[BandRole], ...] = (
    frozenset({BandRole.NIR, BandRole.NIR_NARROW}),
    frozenset({BandRole.SWIR, BandRole.SWIR_2}),
)
"""Bands that may stand for each other where a person says so."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One satellite, or a family whose bands are the same.

    Attributes
    ----------
    bands :
        Role of each band by its name, without leading zeros (``B3``, ``B8A``).
    wavelengths_nm :
        Centre of each band that has one, by name.
    stacks :
        Names of the bands of files that hold several without naming them, by how many there are.
    geolocation_m :
        Horizontal error that 95 % of points keep.
    fill :
        Number that stands for no data in integer files that declare none.
    """

    code: str
    label: str
    bands: Mapping[str, BandRole]
    wavelengths_nm: Mapping[str, float]
    stacks: Mapping[int, tuple[str, ...]]
    geolocation_m: float
    fill: int = 0

    def name_of(self, role: BandRole) -> str | None:
        """Name of the band that sees this, or None."""
        return next((name for name, seen in self.bands.items() if seen is role), None)


def _names(text: str) -> tuple[str, ...]:
    return tuple(f"B{part}" for part in text.split())


_S2 = "1 2 3 4 5 6 7 8 8A"
_L8_ROLES = (
    BandRole.COASTAL,
    BandRole.BLUE,
    BandRole.GREEN,
    BandRole.RED,
    BandRole.NIR,
    BandRole.SWIR,
    BandRole.SWIR_2,
    BandRole.PAN,
    BandRole.CIRRUS,
    BandRole.THERMAL,
)

SENTINEL2 = Sensor(
    code="sentinel2",
    label="Sentinel-2",
    bands={
        "B1": BandRole.COASTAL,
        "B2": BandRole.BLUE,
        "B3": BandRole.GREEN,
        "B4": BandRole.RED,
        "B5": BandRole.RED_EDGE_1,
        "B6": BandRole.RED_EDGE_2,
        "B7": BandRole.RED_EDGE_3,
        "B8": BandRole.NIR,
        "B8A": BandRole.NIR_NARROW,
        "B9": BandRole.WATER_VAPOUR,
        "B10": BandRole.CIRRUS,
        "B11": BandRole.SWIR,
        "B12": BandRole.SWIR_2,
    },
    wavelengths_nm={
        "B1": 442.7,
        "B2": 492.4,
        "B3": 559.8,
        "B4": 664.6,
        "B5": 704.1,
        "B6": 740.5,
        "B7": 782.8,
        "B8": 832.8,
        "B8A": 864.7,
        "B9": 945.1,
        "B10": 1373.5,
        "B11": 1613.7,
        "B12": 2202.4,
    },
    stacks={
        13: _names(f"{_S2} 9 10 11 12"),
        12: _names(f"{_S2} 9 11 12"),
        # The ninth is B8A of some makers and B9 of others (sen2r's, 60 m wide): it has no role.
        11: (*_names("1 2 3 4 5 6 7 8"), "B8A/B9", *_names("11 12")),
        10: _names("2 3 4 5 6 7 8 8A 11 12"),
        4: _names("2 3 4 8"),
    },
    geolocation_m=12.5,
)

LANDSAT7 = Sensor(
    code="landsat7",
    label="Landsat 4–7",
    bands={
        "B1": BandRole.BLUE,
        "B2": BandRole.GREEN,
        "B3": BandRole.RED,
        "B4": BandRole.NIR,
        "B5": BandRole.SWIR,
        "B6": BandRole.THERMAL,
        "B7": BandRole.SWIR_2,
        "B8": BandRole.PAN,
    },
    wavelengths_nm={"B1": 477.0, "B2": 560.0, "B3": 661.0, "B4": 835.0, "B5": 1648.0, "B7": 2204.0},
    stacks={6: _names("1 2 3 4 5 7"), 7: _names("1 2 3 4 5 6 7"), 8: _names("1 2 3 4 5 6 7 8")},
    geolocation_m=21.0,
)

LANDSAT8 = Sensor(
    code="landsat8",
    label="Landsat 8–9",
    bands=dict(zip(_names("1 2 3 4 5 6 7 8 9 10"), _L8_ROLES, strict=True)),
    wavelengths_nm={
        "B1": 443.0,
        "B2": 482.0,
        "B3": 561.4,
        "B4": 654.6,
        "B5": 864.7,
        "B6": 1608.9,
        "B7": 2200.7,
        "B9": 1373.4,
    },
    stacks={7: _names("1 2 3 4 5 6 7"), 11: _names("1 2 3 4 5 6 7 8 9 10 11")},
    geolocation_m=21.0,
)

SENSORS: Mapping[str, Sensor] = {sensor.code: sensor for sensor in (SENTINEL2, LANDSAT7, LANDSAT8)}

_BAND_NAME = re.compile(r"(?<![A-Za-z0-9])(?:SR_|TOA_)?B(0?[1-9]|1[0-2]|8A)(?![A-Za-z0-9])", re.IGNORECASE)
_FAMILIES = (
    (
        re.compile(r"(?<![A-Za-z0-9])S2[ABC](?:2A|1C)?_|(?<![A-Za-z0-9])T[0-9]{2}[A-Z]{3}_[0-9]{8}T"),
        SENTINEL2,
    ),
    (re.compile(r"(?<![A-Za-z0-9])L[COT]0[89]_"), LANDSAT8),
    (re.compile(r"(?<![A-Za-z0-9])L[ETM]0[457]_"), LANDSAT7),
)


def band_name(text: str) -> str | None:
    """The name of a band in a description or a file name, as sensors list it: ``_B03_10m`` is ``B3``."""
    found = _BAND_NAME.findall(text)
    return f"B{found[-1].upper().lstrip('0')}" if found else None


def recognise_sensor(*names: str) -> Sensor | None:
    """The sensor that file and product names tell, or None."""
    return next((sensor for pattern, sensor in _FAMILIES for name in names if pattern.search(name)), None)
