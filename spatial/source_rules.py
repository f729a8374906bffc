"""What a verdict on a drinking-water source rests on beside the limits: required items, rounds, picked items.

Read from ``rules/source_water.toml`` and the settings ``source_…`` of the rule book.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

from spatial.errors import RuleFileError
from spatial.facts import lies_in
from spatial.parameters import find_parameter
from spatial.rule_entry import RuleEntry, Source, parse_toml
from spatial.rulebook import Rulebook, SettingValue, load_rulebook
from spatial.standards import Standard, load_standard
from spatial.vocabulary import WaterSourceLevel

_FILE: Final = "source_water.toml"
_BASES: Final = ("document", "memory", "measured", "convention")
SOURCE_CLASS, SOURCE_BASIS = "source_class", "source_basis"
SOURCE_REFERENCE, SOURCE_SPECIFIC = "source_reference_items", "source_specific_items"
SPECIFIC_AT_SECTIONS = "specific_items_at_sections"
SETTINGS: Final = (SOURCE_CLASS, SOURCE_BASIS, SOURCE_REFERENCE, SOURCE_SPECIFIC)


@dataclass(frozen=True, slots=True)
class PickedItems:
    """Items of Table 3 that an authority has picked for the sources of its region."""

    region_code: str
    items: tuple[str, ...]
    source: Source

    def holds_for(self, region_code: str | None, day: date) -> bool:
        """Whether the list is in force for a source on a day; a source of no known region has no list."""
        in_force = self.source.in_force <= day <= (self.source.valid_to or date.max)
        return in_force and lies_in(region_code, self.region_code) is True


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What a verdict on a source rests on beside the limits. `choices` are the settings in use, by name.

    `others` are the choices not taken. `rounds` counts the full rounds of a year by level of source.
    """

    required: tuple[str, ...]
    reference: tuple[str, ...]
    rounds: Mapping[WaterSourceLevel, int]
    ground_standard: str
    specific_at_sections: tuple[str, ...]
    picked: tuple[PickedItems, ...]
    sources: Mapping[str, Source]
    choices: Mapping[str, SettingValue]
    others: Mapping[str, tuple[SettingValue, ...]]

    def choosing(self, name: str, value: SettingValue) -> "SourceRules":
        """Give the rules with one setting settled otherwise."""
        return replace(self, choices={**self.choices, name: value})

    def picked_for(self, region_code: str | None, day: date) -> tuple[str, ...]:
        """Items of Table 3 picked for a source, in registry order."""
        codes = {code for entry in self.picked if entry.holds_for(region_code, day) for code in entry.items}
        return tuple(sorted(codes, key=lambda code: find_parameter(code).order))

    def rounds_needed(self, level: str | None, months: int) -> int:
        """Full rounds that show compliance over so many months; an unknown level asks for the most."""
        yearly = max(self.rounds.values())
        if level is not None and level in self.rounds:
            yearly = self.rounds[WaterSourceLevel(level)]
        return max(1, yearly * months // 12)


def parse_source_rules(text: str, file: str, rulebook: Rulebook) -> SourceRules:
    """Read the rules for sources from the text of their file and the settings of a rule book.

    Raises
    ------
    RuleFileError
        On an unknown key or parameter, a missing source, a level without a number of rounds, a required item
        that no table of the standard limits, or a picked item that is not in Table 3.
    RuleSettingError
        If the rule book lacks a setting.
    """
    data = parse_toml(text, file)
    names = ("required", "reference", "rounds", "ground", "specific_at_sections")
    if unknown := set(data) - {*names, "picked"}:
        raise RuleFileError(file, "file", f"has the unknown table {min(unknown)!r}: correct or remove it")
    tables = {name: RuleEntry(file, name, data.get(name, {})) for name in names}
    sources: dict[str, Source] = {}
    for name, entry in tables.items():
        entry.one_of("basis", _BASES)
        sources[name] = entry.source()
    standard = load_standard()
    table_1 = tables["required"].parameters("table_1")
    table_2 = tables["required"].parameters("table_2")
    for code in table_1:
        if code not in standard.lake:
            raise tables["required"].refuse(f"table_1 names {code}, which Table 1 does not limit: remove it")
    for code in table_2:
        if code not in standard.single or standard.single[code].table != 2:
            raise tables["required"].refuse(f"table_2 names {code}, which is not in Table 2: remove it")
    picked = []
    listed = data.get("picked", [])
    for place, value in enumerate(listed if isinstance(listed, list) else [listed]):
        entry = RuleEntry(file, f"picked[{place}]", value)
        found = PickedItems(entry.take("region_code", str), entry.parameters("items"), entry.source())
        entry.close()
        _check_specific(entry, found.items, standard)
        picked.append(found)
    at_sections = tables["specific_at_sections"].parameters("items")
    _check_specific(tables["specific_at_sections"], at_sections, standard)
    rules = SourceRules(
        required=(*table_1, *table_2),
        reference=tables["reference"].parameters("items"),
        rounds={level: tables["rounds"].positive(level.value) for level in WaterSourceLevel},
        ground_standard=tables["ground"].take("standard", str),
        specific_at_sections=at_sections,
        picked=tuple(picked),
        sources=sources,
        choices={name: rulebook.choice(name) for name in (*SETTINGS, SPECIFIC_AT_SECTIONS)},
        others={name: rulebook.settings[name].alternatives for name in SETTINGS},
    )
    for entry in tables.values():
        entry.close()
    return rules


def _check_specific(entry: RuleEntry, codes: Iterable[str], standard: Standard) -> None:
    for code in codes:
        if code not in standard.single or standard.single[code].table != 3:
            raise entry.refuse(f"names {code}, which is not in Table 3: correct or remove it")


@cache
def load_source_rules() -> SourceRules:
    """Read the packaged rules for sources, with the settings in use, once."""
    text = resources.files("spatial").joinpath("rules", _FILE).read_text(encoding="utf-8")
    return parse_source_rules(text, _FILE, load_rulebook())
