"""Which registered section a file means: by its code, its name in its province, or a former one.

What a section is called on the day in question comes first: a name or code that one section gave up and
another one took belongs to whoever had it then. Former names and codes are looked at where that decides
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from ingest.names import fold_name
from models import loading
from models.loading import RegisteredSection
from models.sections import NamedVersion, named_versions, section_aliases

_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a section is not taken."""

    column: str
    value: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """The section that is meant; `former` is the former name or code by which it was called, or None."""

    section: RegisteredSection
    former: str | None = None


@dataclass(frozen=True, slots=True)
class SectionKey:
    """How a row calls its section: by a code, by a name, or by one text that may be either."""

    section: str
    code: str | None = None
    name: str | None = None
    province: str | None = None


class SectionIndex:
    """The registry with everything that sections are and were called."""

    def __init__(self, session: Session) -> None:
        self._by_code: dict[str, RegisteredSection] = {}
        self._by_name: dict[str, list[RegisteredSection]] = defaultdict(list)
        self._former_names: dict[str, list[RegisteredSection]] = defaultdict(list)
        self._heirs: dict[str, list[RegisteredSection]] = defaultdict(list)
        self._versions: dict[str, list[NamedVersion]] = defaultdict(list)
        self._former_codes: dict[str, frozenset[str]] = {}
        for entry in loading.registered_sections(session):
            self.enter(entry)
        for version in named_versions(session):
            self._versions[version.code].append(version)
        aliases = section_aliases(session)
        for code, entry in self._by_code.items():
            said = aliases.get(code)
            names = [version.name for version in self._versions.get(code, ())]
            names += said.names if said is not None else ()
            own = fold_name(entry.name or "")
            for name in {fold_name(name) for name in names} - {own}:
                self._former_names[name].append(entry)
            former = {fold_name(old) for old in said.codes} if said is not None else set()
            self._former_codes[code] = frozenset(former - {fold_name(code)})
            for old in self._former_codes[code]:
                self._heirs[old].append(entry)

    def enter(self, entry: RegisteredSection) -> None:
        """Add a section to the registry's names and codes."""
        self._by_code[entry.code] = entry
        if entry.name is not None:
            self._by_name[fold_name(entry.name)].append(entry)

    def __iter__(self) -> Iterator[RegisteredSection]:
        return iter(self._by_code.values())

    # -- what is asked -----------------------------------------------------------------------------------

    def depends_on_day(self, key: SectionKey) -> bool:
        """Whether another day may mean another section."""
        return bool(self._heirs.get(fold_name(key.section))) or len(self._called(key)) > 1

    def find(self, key: SectionKey, day: date | None) -> Match | Refusal | None:
        """The section meant on a day; None where nothing was ever called so and it may be new."""
        own = self._by_code.get(key.section)
        if own is not None and own.provisional and (heir := self._adopter(own)) is not None:
            return Match(heir, key.section)
        if own is not None or key.code is not None:
            ends = self._ends(key.section, day, frozenset())
            if not ends:
                return self._unknown_code(key.section)
            return self._one(ends, key, "section_code", [own] if own is not None else [])
        called = self._called(key)
        if called:
            present = [entry for entry in called if self._is_called(entry, key)]
            return self._one(self._on(called, present, key, day), key, "section", present)
        ends = self._ends(key.section, day, frozenset())
        if ends:
            return self._one(ends, key, "section", [])
        if key.province is None:
            return Refusal("section", key.section, "section_unknown")
        return None

    def adopters(self) -> Iterator[tuple[RegisteredSection, RegisteredSection]]:
        """Provisional sections whose name only one known section of their province has or had."""
        for entry in list(self._by_code.values()):
            if entry.provisional and (heir := self._adopter(entry)) is not None:
                yield entry, heir

    def shared_names(
        self, codes: Iterable[str]
    ) -> Iterator[tuple[str, RegisteredSection, RegisteredSection]]:
        """Former names of some sections that other sections of the province have or had, too."""
        chosen = set(codes)
        for name, entries in self._former_names.items():
            for entry in entries:
                if entry.code not in chosen:
                    continue
                for other in (*self._by_name.get(name, ()), *entries):
                    if other.id != entry.id and not other.provisional and _together(entry, other):
                        yield name, entry, other

    def _unknown_code(self, code: str) -> Refusal:
        """Why a code is not taken, with those that it lacks zeros in front of: spreadsheets drop them."""
        bare = _without_zeros(code)
        similar = [entry for entry in self if bare and _without_zeros(entry.code) == bare]
        if not similar:
            return Refusal("section_code", code, "section_code_unknown")
        listed = ", ".join(_candidate(entry, in_full=True) for entry in similar[:_CANDIDATES])
        return Refusal("section_code", code, "section_code_zeros", {"said": code, "similar": listed})

    # -- how it is found ---------------------------------------------------------------------------------

    def _adopter(self, provisional: RegisteredSection) -> RegisteredSection | None:
        name = provisional.name or ""
        called = self._called(SectionKey(name, None, name, provisional.province))
        return called[0] if len(called) == 1 and not called[0].provisional else None

    def _called(self, key: SectionKey) -> list[RegisteredSection]:
        """Sections that have or had the name; provisional ones only where there is no other."""
        name = fold_name(key.section)
        entries = {
            entry.id: entry
            for entry in (*self._by_name.get(name, ()), *self._former_names.get(name, ()))
            if key.province is None or fold_name(entry.province or "") == fold_name(key.province)
        }
        known = [entry for entry in entries.values() if not entry.provisional]
        return known or list(entries.values())

    def _is_called(self, entry: RegisteredSection, key: SectionKey) -> bool:
        return fold_name(entry.name or "") == fold_name(key.section)

    def _on(
        self,
        called: Sequence[RegisteredSection],
        present: Sequence[RegisteredSection],
        key: SectionKey,
        day: date | None,
    ) -> Sequence[RegisteredSection]:
        """Of several sections of a name those that had it on the day, else those that have it now."""
        if len(called) == 1:
            return called
        name = fold_name(key.section)
        on_day = [
            entry
            for entry in called
            if day is not None
            and any(
                fold_name(version.name) == name and version.holds_on(day)
                for version in self._versions.get(entry.code, ())
            )
        ]
        return on_day or present or called

    def _holds(self, entry: RegisteredSection, day: date | None) -> bool:
        versions = self._versions.get(entry.code, ())
        return any(version.valid_to is None if day is None else version.holds_on(day) for version in versions)

    def _ends(self, code: str, day: date | None, seen: frozenset[str]) -> list[RegisteredSection]:
        """Who a code stands for on a day: its own section, or whoever came after it, and after that."""
        own = self._by_code.get(code)
        heirs = [heir for heir in self._heirs.get(fold_name(code), ()) if heir.code not in seen]
        if own is not None and (not heirs or self._holds(own, day)):
            return [own]
        ends = {end.id: end for heir in heirs for end in self._ends(heir.code, day, seen | {code, heir.code})}
        if own is None:
            return list(ends.values())
        return [end for end in ends.values() if self._holds(end, day)] or [own]

    def _one(
        self,
        entries: Sequence[RegisteredSection],
        key: SectionKey,
        column: str,
        present: Sequence[RegisteredSection],
    ) -> Match | Refusal:
        """The one that is left when those are left out which another one of them was before."""
        replaced = {old for entry in entries for old in self._former_codes.get(entry.code, ())}
        left = [entry for entry in entries if fold_name(entry.code) not in replaced] or list(entries)
        now = {entry.id for entry in present}
        if len(left) == 1:
            return Match(left[0], None if left[0].id in now else key.section)
        listed = ", ".join(_candidate(entry, in_full=entry.id not in now) for entry in left[:_CANDIDATES])
        code = "section_ambiguous" if all(entry.id in now for entry in left) else "section_alias_ambiguous"
        return Refusal(column, key.section, code, {"candidates": listed})


def _without_zeros(code: str) -> str:
    """A code as a spreadsheet leaves it that takes it for a number."""
    return fold_name(code).removesuffix(".0").lstrip("0")


def _together(one: RegisteredSection, other: RegisteredSection) -> bool:
    return fold_name(one.province or "") == fold_name(other.province or "")


def _candidate(entry: RegisteredSection, *, in_full: bool) -> str:
    name = f" {entry.name}" if in_full and entry.name else ""
    return f"{entry.code}{name} ({entry.province or '—'})"
