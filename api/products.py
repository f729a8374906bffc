"""Water products: waters and scenes in, statistics out, and the readings that they give into the database."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.errors import BadRequestError, NoWatersError
from api.output import Row
from api.versions import load_and_follow
from ingest.options import IngestOptions, Origin
from models import queries
from models.sections import remote_sections
from spatial.classification import Reason, give_reason
from spatial.distance import shorelines_in_force
from spatial.parameters import convert_unit, find_parameter
from spatial.period import BEIJING
from spatial.product_rules import ProductRules, load_product_rules
from spatial.sensors import BandRole
from spatial.vocabulary import Rank, StationType, WaterBodyType
from spatial.water_products import BloomIndex, Product, ProductRequest, ZoneProduct, measure_products

if TYPE_CHECKING:
    from api.settings import Settings
    from ingest.report import Translator, UploadReport
    from spatial.scenes import Contradiction, Scene
    from spatial.sensors import CloudKind

READY: Final = "ready:"
SECTION_PREFIX: Final = "RS-"
"""Before the code of a water stands the code of the section that holds what images say of it."""
STATISTICS: Final = ("mean", "median", "p10", "p90", "minimum", "maximum")
_POLYGONS: Final = ("Polygon", "MultiPolygon")
_LAKES: Final = (WaterBodyType.LAKE.value, WaterBodyType.RESERVOIR.value)
_LAKE_RANKS: Final = (Rank.LAKE.value, Rank.IMPORTANT_LAKE.value)
_DIGITS: Final = 6
_READING_COLUMNS: Final = (
    "section_code",
    "sampled_at",
    "parameter",
    "value",
    "unit",
    "station_type",
    "method",
)
_SECTION_COLUMNS: Final = (
    "code",
    "name",
    "water_body_code",
    "water_body_type",
    "region_code",
    "station_type",
    "lon",
    "lat",
)


def parse_request(
    text: str,
    *,
    unit: str | None = None,
    index: BloomIndex = BloomIndex.FAI,
    ready: bool = False,
    threshold: Decimal | None = None,
    bands: Mapping[BandRole, int] | None = None,
    whole_only: bool = False,
) -> ProductRequest:
    """A product by its name: chlorophyll, ndci, bloom, turbidity, ndti, or ready:PARAMETER.

    Raises
    ------
    BadRequestError
        If there is no such product, or an option does not fit it.
    UnknownParameterError, UnitError
        If a ready product's parameter does not exist, or is not measured in the unit.
    """
    parameter = None
    if text.startswith(READY):
        product = Product.READY
        parameter = find_parameter(text.removeprefix(READY))
        if unit is None and parameter.unit not in ("dimensionless", "%", "°C"):
            raise BadRequestError("--unit", "", f"the unit of the file's numbers, such as {parameter.unit}")
        if unit is not None:
            convert_unit(Decimal(1), unit, parameter.unit, code=parameter.code)
    else:
        try:
            product = Product(text)
        except ValueError:
            product = Product.READY
        if product is Product.READY:
            names = ", ".join(one.value for one in Product if one is not Product.READY)
            raise BadRequestError("--product", text, f"{names}, {READY}PARAMETER")
        if unit is not None:
            raise BadRequestError("--unit", unit, f"--product {READY}PARAMETER")
    if product is not Product.BLOOM and (ready or threshold is not None or index is not BloomIndex.FAI):
        raise BadRequestError("--product", text, "bloom (with --index, --ready, --threshold)")
    return ProductRequest(
        product,
        parameter=None if parameter is None else parameter.code,
        unit=unit,
        index=index,
        ready=ready,
        threshold=threshold,
        numbers=bands,
        whole_only=whole_only,
    )


def parse_moment(text: str | None, scene: Scene) -> datetime:
    """When the image was taken, in Beijing; a day without an hour is its beginning. None: as the scene says.

    Raises
    ------
    BadRequestError
        If it is neither, or nothing says it.
    """
    if text is None:
        if scene.acquired is None:
            raise BadRequestError("--date", "", "2024-01-01: neither file nor name says when it was taken")
        return datetime.combine(scene.acquired, time(), BEIJING)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequestError("--date", text, "2024-01-01, 2024-01-01T11:30") from error
    if not date(1972, 1, 1) <= moment.date() <= date(2100, 1, 1):
        raise BadRequestError("--date", text, "1972–2100")
    return moment.replace(tzinfo=BEIJING) if moment.tzinfo is None else moment.astimezone(BEIJING)


def parse_bands(pairs: Mapping[str, str]) -> dict[BandRole, int]:
    """Numbers of bands by what they see.

    Raises
    ------
    BadRequestError
        If there is no such role, or a number is none.
    """
    found = {}
    for name, number in pairs.items():
        if name not in set(BandRole) or not number.isdigit() or int(number) < 1:
            raise BadRequestError("--band", f"{name}={number}", f"{BandRole.RED}=4 ({', '.join(BandRole)})")
        found[BandRole(name)] = int(number)
    return found


def waters_in_force(session: Session, day: date, codes: Sequence[str] = ()) -> gpd.GeoDataFrame:
    """The lakes and reservoirs of the database as polygons: ``code``, ``name``, ``geometry``, by code.

    The polygon of the water body stands; where it has none, those of its shorelines.

    Raises
    ------
    NoWatersError
        If there is none, or one of the `codes` is not among them.
    """
    bodies = queries.features_in_force(session, "water_bodies", day)
    names = dict(zip(bodies["code"], bodies["name"], strict=True))
    lakes = bodies[bodies["kind"].isin(_LAKES) & bodies.geometry.geom_type.isin(_POLYGONS)]
    shores = shorelines_in_force(queries.features_in_force(session, "shorelines", day), day)
    shores = shores[shores["rank"].isin(_LAKE_RANKS) & shores.geometry.geom_type.isin(_POLYGONS)]
    found: dict[str, Any] = dict(zip(lakes["code"], lakes.geometry, strict=True))
    for code, part in shores.groupby("water_body_code"):
        if code not in found:
            found[str(code)] = shapely.union_all(part.geometry.to_numpy())
    missing = sorted(set(codes) - set(found))
    if missing or not found:
        raise NoWatersError(missing[0] if missing else "—", day.isoformat())
    chosen = sorted(set(codes) or found)
    return gpd.GeoDataFrame(
        {"code": chosen, "name": [names.get(code) for code in chosen]},
        geometry=[found[code] for code in chosen],
        crs=bodies.crs,
    )


@dataclass(frozen=True)
class Measured:
    """A product over some waters, and everything that tells how it came about."""

    zones: gpd.GeoDataFrame
    found: list[ZoneProduct]
    request: ProductRequest
    rules: ProductRules
    moment: datetime
    sensor: str | None
    files: tuple[Path, ...]
    statistic: str
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def product(self) -> str:
        """The product as it was asked for."""
        request = self.request
        return f"{READY}{request.parameter}" if request.product is Product.READY else request.product.value

    @property
    def method(self) -> str:
        """What stands beside a stored reading: product, satellite, formula, statistic, version of rules."""
        request, rules = self.request, self.rules
        formula = request.formula
        parts = ["remote sensing", self.product, self.sensor or "satellite not stated"]
        if formula is not None:
            source = rules.formulas[formula].source
            parts.append(f"{source.document}: {source.clause}")
        if request.product is Product.BLOOM:
            threshold = rules.thresholds[str(formula)] if request.threshold is None else request.threshold
            parts.append(
                f"{request.index.value} {'=' if request.index is BloomIndex.MASK else '>='} {threshold}"
            )
        else:
            parts.append(f"{self.statistic} of pixels")
        parts.append("whole pixels" if request.whole_only else "pixels by centre")
        parts.append(f"rules {rules.edition} {rules.sha256[:12]}")
        return " | ".join(parts)

    def rows(self, *, shapes: bool = False) -> list[Row]:
        """The answer, one row per water."""
        geometries = self.zones.to_crs("EPSG:4490").geometry if shapes else [None] * len(self.found)
        return [
            {**self._row(one), **({"geometry": shape} if shapes else {})}
            for one, shape in zip(self.found, geometries, strict=True)
        ]

    def _row(self, one: ZoneProduct) -> dict[str, Any]:
        spread = one.spread
        return {
            "code": one.code,
            "name": one.name,
            "product": self.product,
            "acquired_at": self.moment.isoformat(),
            "readings": [
                {"parameter": code, "value": _rounded(value), "unit": find_parameter(code).unit}
                for code, value in one.readings(self.request, self.statistic).items()
            ],
            "area_km2": _rounded(one.area_km2),
            "seen_km2": _rounded(one.seen_km2),
            "seen_share": _rounded(100 * one.seen_share),
            "cloud_share": _rounded(100 * one.cloud_share),
            "pixels": {
                "inside": one.pixels,
                "seen": one.seen,
                "clouded": one.clouded,
                "empty": one.empty,
                "impossible": one.impossible,
                "beyond_validity": one.beyond,
                "bloom": one.bloom_pixels,
            },
            "bloom_km2": None if one.bloom_km2 is None else _rounded(one.bloom_km2),
            "bloom_share": None if one.bloom_share is None else _rounded(100 * one.bloom_share),
            "statistics": None
            if spread is None
            else {name: _rounded(float(getattr(spread, name))) for name in STATISTICS},
            "reasons": [reason.as_json() for reason in one.reasons],
            "warnings": [reason.as_json() for reason in (*self._band_warnings(), *one.warnings)],
            "evidence": {
                "method": self.method,
                "files": [path.name for path in self.files],
                "formula": self._formula(),
            },
        }

    def _band_warnings(self) -> list[Reason]:
        """Stated bands that their own files call something else."""
        return [
            give_reason(
                "product_band",
                band=f"{clash.role.value}={clash.number}",
                file=clash.file,
                name=clash.name,
                described=clash.described.value,
            )
            for clash in self.contradictions
        ]

    def _formula(self) -> dict[str, Any] | None:
        if self.request.formula is None:
            return None
        formula = self.rules.formulas[self.request.formula]
        return {
            "basis": formula.basis,
            "source": formula.source.as_json(),
            "validity": dict(formula.validity) or None,
            "rules_sha256": self.rules.sha256,
        }


def _rounded(value: float) -> float:
    """A number to six digits: more than an image can say, and the same on every machine."""
    return float(f"{value:.{_DIGITS}g}")


def measure(
    scene: Scene,
    zones: gpd.GeoDataFrame,
    request: ProductRequest,
    moment: datetime,
    *,
    cloud_kind: CloudKind,
    statistic: str = "mean",
) -> Measured:
    """Measure a product over waters; errors as in `spatial.water_products.measure_products`."""
    rules = load_product_rules()
    found = measure_products(scene, zones, request, rules, moment.date(), cloud_kind=cloud_kind)
    label = None if scene.sensor is None else scene.sensor.label
    clashes = scene.contradictions(request.numbers or {})
    return Measured(zones, found, request, rules, moment, label, scene.paths, statistic, clashes)


# -- into the database ---------------------------------------------------------------------------------------


def origin_of(files: Sequence[Path]) -> Origin:
    """What an upload of products is recorded as: the image; of several files one hash of all."""
    digests, size = [], 0
    for path in files:
        with path.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
        size += path.stat().st_size
    if len(files) == 1:
        return Origin(files[0].name, digests[0], size)
    whole = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    return Origin(" + ".join(path.name for path in files), whole, size)


def store_products(
    engine: Engine,
    measured: Measured,
    *,
    settings: Settings,
    text: Translator,
    sections: Mapping[str, str] | None = None,
    region: str | None = None,
    on_conflict: Literal["reject", "keep", "replace"] = "reject",
    note: str | None = None,
) -> list[UploadReport]:
    """Load what the waters gave as readings of remote sensing, on the ordinary way into the database.

    Each water has a section of its own of this station type: the one that `sections` names, else
    ``RS-<code of the water>``, which is registered where it is not known. What says nothing of a water gives
    no reading. Loaded again, the same image changes nothing.

    Raises
    ------
    BadRequestError
        If `sections` names a water that is not among those measured.
    """
    named = dict(sections or {})
    strangers = sorted(set(named) - {one.code for one in measured.found})
    if strangers:
        raise BadRequestError("--section", strangers[0], ", ".join(one.code for one in measured.found))
    code_of = {one.code: named.get(one.code, f"{SECTION_PREFIX}{one.code}") for one in measured.found}
    storable = [one for one in measured.found if one.readings(measured.request, measured.statistic)]
    with Session(engine) as session:
        known = remote_sections(session, list(code_of.values()))
    new = [one for one in storable if one.code not in named and code_of[one.code] not in known]
    origin = origin_of(measured.files)
    options = IngestOptions(
        source=measured.sensor, actor=getuser(), note=note, origin=origin, outside="ignore"
    )
    reports: list[UploadReport] = []
    with tempfile.TemporaryDirectory(prefix="qingjiang-products-") as folder:
        if new:
            table = Path(folder) / "sections.csv"
            _write(table, _SECTION_COLUMNS, _section_rows(measured, new, code_of, region, text))
            reports += load_and_follow(engine, "sections", [table], options, settings=settings, text=text)
        if storable and all(report.ok for report in reports):
            table = Path(folder) / "readings.csv"
            _write(table, _READING_COLUMNS, _reading_rows(measured, storable, code_of))
            loading = IngestOptions(
                source=measured.sensor,
                actor=getuser(),
                note=note,
                origin=origin,
                on_conflict=on_conflict,
            )
            reports += load_and_follow(engine, "readings", [table], loading, settings=settings, text=text)
    return reports


def _section_rows(
    measured: Measured,
    new: Sequence[ZoneProduct],
    code_of: Mapping[str, str],
    region: str | None,
    text: Translator,
) -> list[list[object]]:
    inner = measured.zones.to_crs("EPSG:4490").geometry.representative_point()
    places = dict(zip(measured.zones["code"], inner, strict=True))
    return [
        [
            code_of[one.code],
            text("products.section_name", water=one.name or one.code),
            one.code,
            WaterBodyType.LAKE.value,
            region or "",
            StationType.REMOTE_SENSING.value,
            f"{places[one.code].x:.6f}",
            f"{places[one.code].y:.6f}",
        ]
        for one in new
    ]


def _reading_rows(
    measured: Measured, storable: Sequence[ZoneProduct], code_of: Mapping[str, str]
) -> list[list[object]]:
    return [
        [
            code_of[one.code],
            measured.moment.isoformat(),
            parameter,
            f"{Decimal(str(_rounded(value))):f}",
            find_parameter(parameter).unit,
            StationType.REMOTE_SENSING.value,
            measured.method,
        ]
        for one in storable
        for parameter, value in one.readings(measured.request, measured.statistic).items()
    ]


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)


def zones_of(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """The polygons of a file of waters: ``code``, ``name``, ``geometry``; pieces of one code together."""
    zones = gpd.GeoDataFrame(frame)
    rows = []
    for code, part in zones.groupby("code", sort=False):
        name = next((one for one in part["name"] if isinstance(one, str)), None)
        whole = part.geometry.iloc[0] if len(part) == 1 else shapely.union_all(part.geometry.to_numpy())
        rows.append((str(code), name, whole))
    return gpd.GeoDataFrame(
        {"code": [row[0] for row in rows], "name": [row[1] for row in rows]},
        geometry=[row[2] for row in rows],
        crs=zones.crs,
    )
