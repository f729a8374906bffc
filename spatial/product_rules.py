"""Formulas and thresholds of water products as data: see ``rules/water_products.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib import resources
from types import MappingProxyType
from typing import Final

from spatial.errors import ProductNotInForceError, RuleFileError
from spatial.parameters import convert_unit
from spatial.rule_entry import RuleEntry, Source, parse_toml
from spatial.sensors import BandRole

FILE: Final = "water_products.toml"
_BASES: Final = ("document", "memory", "measured", "convention")
_TABLES: Final = (
    "zones",
    "wavelengths_nm",
    "ndci",
    "chlorophyll",
    "bloom_fai",
    "bloom_ndvi",
    "bloom_mask",
    "turbidity",
    "ndti",
)
_LINES: Final = (BandRole.RED, BandRole.NIR, BandRole.NIR_NARROW, BandRole.SWIR)


@dataclass(frozen=True, slots=True)
class Formula:
    """Where a formula comes from, and what it was made for: `validity` by language, empty where not said."""

    source: Source
    basis: str
    validity: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SingleBand:
    """T = a r / (1 - r / c)."""

    a: float
    c: float


@dataclass(frozen=True, slots=True)
class ProductRules:
    """Everything that the products rest on.

    Attributes
    ----------
    least_seen, most_impossible, most_beyond :
        Shares of the area, and of the seen pixels; see the file.
    chlorophyll :
        Coefficients of the polynomial in NDCI, the constant first, in mg/L.
    thresholds :
        From which value of the index on a pixel is bloom, by name of its table; of a mask the number itself.
    formulas :
        By name of the table.
    sha256 :
        Of the file: the version of the rules.
    """

    edition: str
    least_seen: Fraction
    most_impossible: Fraction
    most_beyond: Fraction
    wavelengths_nm: Mapping[BandRole, float]
    chlorophyll: tuple[float, ...]
    index_range: tuple[float, float]
    thresholds: Mapping[str, Decimal]
    turbidity_red: SingleBand
    turbidity_nir: SingleBand
    turbidity_switch: tuple[float, float]
    turbidity_most: float
    formulas: Mapping[str, Formula]
    sha256: str

    def formula_on(self, name: str, day: date) -> Formula:
        """The formula of a product for images of a day.

        Raises
        ------
        ProductNotInForceError
            If the rules have none for that day.
        """
        found = self.formulas[name]
        if not found.source.in_force <= day <= (found.source.valid_to or date.max):
            raise ProductNotInForceError(name, day.isoformat())
        return found


def parse_product_rules(text: str, file: str = FILE) -> ProductRules:
    """Read the rules of products from the text of their file.

    Raises
    ------
    RuleFileError
        On an unknown or missing table or key, a missing source, or bounds that do not rise.
    """
    data = parse_toml(text, file)
    edition = data.pop("edition", None)
    if set(data) != set(_TABLES) or not isinstance(edition, str) or not edition:
        raise RuleFileError(file, "file", f"must hold edition and the tables {', '.join(_TABLES)}")
    tables = {name: RuleEntry(file, name, data[name]) for name in _TABLES}
    formulas = {name: _formula(table) for name, table in tables.items()}
    zones, chlorophyll, turbidity = tables["zones"], tables["chlorophyll"], tables["turbidity"]
    unit = chlorophyll.take("unit", str)
    index_range = _rising(chlorophyll, "index_from", "index_to")
    coefficients = chlorophyll.decimals("coefficients")
    if turbidity.take("unit", str) != "FNU":
        raise turbidity.refuse("must be in FNU: no factor leads from there to another unit")
    waves = tables["wavelengths_nm"]
    found = ProductRules(
        edition=edition,
        least_seen=zones.share("least_seen"),
        most_impossible=zones.share("most_impossible"),
        most_beyond=zones.share("most_beyond"),
        wavelengths_nm=MappingProxyType({role: float(waves.decimal(role.value)) for role in _LINES}),
        chlorophyll=tuple(float(convert_unit(one, unit, "mg/L", code="chl_a")) for one in coefficients),
        index_range=index_range,
        thresholds=MappingProxyType(
            {
                "bloom_fai": tables["bloom_fai"].decimal("threshold"),
                "bloom_ndvi": tables["bloom_ndvi"].decimal("threshold"),
                "bloom_mask": tables["bloom_mask"].decimal("number"),
            }
        ),
        turbidity_red=_single_band(turbidity, "red"),
        turbidity_nir=_single_band(turbidity, "nir"),
        turbidity_switch=_rising(turbidity, "switch_from", "switch_to"),
        turbidity_most=float(turbidity.decimal("most")),
        formulas=MappingProxyType(formulas),
        sha256=sha256(text.encode()).hexdigest(),
    )
    for table in tables.values():
        table.close()
    return found


def _formula(table: RuleEntry) -> Formula:
    validity: dict[str, str] = {}
    if table.has("validity"):
        words = RuleEntry(table.file, f"{table.name}.validity", table.take("validity", dict))
        validity = {language: words.take(language, str) for language in ("zh", "en")}
        words.close()
    return Formula(table.source(), table.one_of("basis", _BASES), MappingProxyType(validity))


def _rising(table: RuleEntry, low: str, high: str) -> tuple[float, float]:
    bounds = float(table.decimal(low)), float(table.decimal(high))
    if not bounds[0] < bounds[1]:
        raise table.refuse(f"{low} must lie below {high}")
    return bounds


def _single_band(table: RuleEntry, key: str) -> SingleBand:
    numbers = table.decimals(key)
    if len(numbers) != 2 or min(numbers) <= 0:
        raise table.refuse(f"{key} must be [a, c] with both above 0")
    return SingleBand(float(numbers[0]), float(numbers[1]))


@cache
def load_product_rules() -> ProductRules:
    """Read the packaged rules once."""
    return parse_product_rules(resources.files("spatial").joinpath("rules", FILE).read_text(encoding="utf-8"))
