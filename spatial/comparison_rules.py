"""The numbers and settings of rankings, long trends, city indices and loads, as data."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, Literal, cast

from spatial.errors import RuleFileError
from spatial.rule_entry import RuleEntry, Source, parse_toml

NonDetects = Literal["zero", "half"]

_FILE: Final = "comparisons.toml"
_TABLES: Final = ("city_index", "flood_ranking", "kendall", "flux")
_BASES: Final = ("document", "memory", "measured", "convention")


@dataclass(frozen=True, slots=True)
class ComparisonRules:
    """What comparisons between sections, cities and years rest on; `sources` by table.

    `municipalities` are the first two digits of provinces that are one city. `kendall_alpha` is the level of
    a two-sided test.
    """

    ph_neutral: Decimal
    municipalities: frozenset[str]
    flood_ranking_most: int
    kendall_alpha: Decimal
    kendall_fewest_values: int
    kendall_few_values: int
    kendall_fewest_years: int
    flux_non_detects: NonDetects
    sources: MappingProxyType[str, Source]


def parse_comparison_rules(text: str, file: str = _FILE) -> ComparisonRules:
    """Read the rules of comparisons from the text of their file.

    Raises
    ------
    RuleFileError
        On an unknown or missing table or key, a missing source, or a level outside 0 to 1.
    """
    data = parse_toml(text, file)
    if set(data) != set(_TABLES):
        raise RuleFileError(file, "file", f"must hold the tables {', '.join(_TABLES)} and no others")
    tables = {name: RuleEntry(file, name, data[name]) for name in _TABLES}
    for table in tables.values():
        table.one_of("basis", _BASES)
    sources = {name: table.source() for name, table in tables.items()}
    kendall = tables["kendall"]
    alpha = kendall.decimal("alpha")
    if not 0 < alpha < 1:
        raise kendall.refuse("alpha must lie between 0 and 1")
    found = ComparisonRules(
        ph_neutral=tables["city_index"].decimal("ph_neutral"),
        municipalities=frozenset(tables["city_index"].texts("municipalities")),
        flood_ranking_most=tables["flood_ranking"].positive("most"),
        kendall_alpha=alpha,
        kendall_fewest_values=kendall.positive("fewest_values"),
        kendall_few_values=kendall.positive("few_values"),
        kendall_fewest_years=kendall.positive("fewest_years"),
        flux_non_detects=cast("NonDetects", tables["flux"].one_of("non_detects", ("zero", "half"))),
        sources=MappingProxyType(sources),
    )
    for table in tables.values():
        table.close()
    return found


@cache
def load_comparison_rules() -> ComparisonRules:
    """Read the packaged rules once."""
    return parse_comparison_rules(
        resources.files("spatial").joinpath("rules", _FILE).read_text(encoding="utf-8")
    )
