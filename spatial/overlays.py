"""Which limits hold where and when: editions of the standard, and the overlays of provinces and basins.

An edition is a file of ``spatial/rules`` with a table ``[standard]``; an overlay is one with a table
``[overlay]``. An overlay adds items that the national standard does not regulate (GB 3838-2002, clause 7.3)
or tightens a limit, for one region, where it says so for some basins only, and for some days. It lies over
one edition: a new edition needs its overlays restated. docs/adding-a-standard.md walks through one.

The limits that hold at a place on a day are those of the edition in force, with the overlays in force there
laid over them, item by item. Two overlays that could limit the same item at one place on one day are refused
unless one names the other in `replaces`: nobody has to guess which one holds.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache, partial
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import combinations, pairwise
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

import pandas as pd

from spatial.assessment import (
    AssessmentSettings,
    AssessmentTables,
    SectionAssessment,
    assess_sections,
    read_sections,
)
from spatial.class_text import class_label
from spatial.classification import check_columns, give_reason, list_cells
from spatial.columns import ReadingColumns
from spatial.errors import RuleFileError, StandardNotInForceError
from spatial.facts import covers, lies_in, region_prefix
from spatial.parameters import find_parameter
from spatial.period import Period
from spatial.rule_entry import RuleEntry, Source, parse_toml
from spatial.standards import (
    CLASS_GROUPS,
    SINGLE_GROUPS,
    AppliedOverlay,
    Direction,
    Limit,
    LimitTables,
    SingleLimit,
    Standard,
    parse_standard,
    read_limits,
)
from spatial.sums import Tally

_T = TypeVar("_T", Limit, SingleLimit)
_REGION: Final = re.compile(r"yangtze|[1-9]\d{5}")
_NEVER_ENDS: Final = date.max


@dataclass(frozen=True, slots=True)
class Overlay:
    """The limits of one provincial or basin document. `basins` empty: everywhere in the region.

    `replaces` names the overlays that give way to this one, item by item.
    """

    applied: AppliedOverlay
    base: str
    title_zh: str
    title_en: str
    basins: tuple[str, ...]
    replaces: tuple[str, ...]
    limits: LimitTables
    file: str

    @property
    def id(self) -> str:
        """Identity of the overlay among all rules."""
        return self.applied.id

    def holds_at(self, region_code: str | None, basin: str | None) -> bool | None:
        """Whether a place lies in the overlay's scope; None where its region or basin does not say."""
        region = self.applied.region_code
        inside = lies_in(region_code, region)
        if inside is False and region_code is not None:
            # A place known only by its province may lie in the city that the overlay is for.
            inside = None if region_prefix(region).startswith(region_prefix(region_code)) else False
        within = True if not self.basins else None if basin is None else basin in self.basins
        if inside is False or within is False:
            return False
        return True if inside and within else None

    def may_meet(self, other: "Overlay") -> bool:
        """Whether some place lies in the scope of both."""
        mine, theirs = self.applied.region_code, other.applied.region_code
        nested = covers(mine, theirs) or covers(theirs, mine)
        return nested and not (self.basins and other.basins and not set(self.basins) & set(other.basins))


def _in_force(source: Source, day: date) -> bool:
    return source.in_force <= day <= (source.valid_to or _NEVER_ENDS)


def parse_overlay(text: str, file: str) -> Overlay:
    """Read an overlay from the text of its file. What it lies over is checked by `StandardBook`.

    Raises
    ------
    RuleFileError
        On an unknown key, unit, parameter or region, a missing source, bounds that do not rise, an item that
        stands twice, an overlay that ends before it begins, or one without any limit.
    """
    data = parse_toml(text, file)
    if unknown := set(data) - {"overlay", *CLASS_GROUPS, *SINGLE_GROUPS}:
        raise RuleFileError(file, "file", f"has the unknown table {min(unknown)!r}: correct or remove it")
    head = RuleEntry(file, "overlay", data.get("overlay", {}))
    region = head.take("region_code", str)
    if not _REGION.fullmatch(region):
        raise head.refuse(f"has the region_code {region!r}: give a GB/T 2260 code of six digits, or yangtze")
    found = Overlay(
        applied=AppliedOverlay(
            id=head.take("id", str),
            document=head.take("document", str),
            edition=head.take("edition", str),
            region_code=region,
            in_force=head.day("in_force"),
            valid_to=head.day_or_none("valid_to"),
            sha256=sha256(text.encode()).hexdigest(),
        ),
        base=head.take("base", str),
        title_zh=head.take("title_zh", str),
        title_en=head.take("title_en", str),
        basins=head.texts("basins") if head.has("basins") else (),
        replaces=head.texts("replaces") if head.has("replaces") else (),
        limits=read_limits(data, file, overlay=True),
        file=file,
    )
    head.close()
    if found.applied.valid_to is not None and found.applied.valid_to < found.applied.in_force:
        raise head.refuse("ends before it begins: valid_to must not lie before in_force")
    if not found.limits.lake and not found.limits.river and not found.limits.single:
        raise RuleFileError(file, "overlay", "limits nothing: add at least one item")
    return found


# --- checks between files ---


def _days(start: date, end: date | None) -> tuple[date, date]:
    return start, end or _NEVER_ENDS


def _common_days(*spans: tuple[date, date]) -> date | None:
    """The first day that lies in every span, None where there is none."""
    first, last = max(start for start, _ in spans), min(end for _, end in spans)
    return first if first <= last else None


def _items_of(limits: LimitTables) -> dict[tuple[str, str], Limit | SingleLimit]:
    found: dict[tuple[str, str], Limit | SingleLimit] = {}
    for group, table in (("river", limits.river), ("lake", limits.lake), ("single", limits.single)):
        for code, limit in table.items():
            found[group, code] = limit
    return found


def _tables_of(standard: Standard) -> LimitTables:
    return LimitTables(standard.river, standard.lake, standard.single)


def _looser_in(limit: Limit | SingleLimit, over: Limit | SingleLimit) -> str | None:
    """Say in words where a limit is looser than the one it lies over, None where it is nowhere."""
    if isinstance(limit, SingleLimit) or isinstance(over, SingleLimit):
        mine, theirs = _single(limit), _single(over)
        return f"{mine} instead of {theirs}" if mine > theirs else None
    pairs = list(zip(limit.bounds, over.bounds, strict=True))
    match limit.direction:
        case Direction.AT_LEAST:
            looser = [mine < theirs for mine, theirs in pairs]
        case Direction.WITHIN:
            looser = [pairs[0][0] < pairs[0][1], pairs[1][0] > pairs[1][1]]
        case _:
            looser = [mine > theirs for mine, theirs in pairs]
    place = next((place for place, is_looser in enumerate(looser) if is_looser), None)
    if place is None:
        return None
    words = f"{pairs[place][0]} instead of {pairs[place][1]}"
    return f"class {class_label(place + 1)}: {words}" if len(pairs) == 5 else words


def _single(limit: Limit | SingleLimit) -> Any:
    return limit.limit if isinstance(limit, SingleLimit) else limit.bounds[0]


def _check_over(
    overlay: Overlay, key: tuple[str, str], limit: Limit | SingleLimit, over: Limit | SingleLimit
) -> None:
    entry = f"{key[0]}.{key[1]}"
    if isinstance(limit, Limit) and isinstance(over, Limit) and limit.direction is not over.direction:
        raise RuleFileError(
            overlay.file,
            entry,
            f"is limited as {limit.direction}, in {over.source.document} as {over.direction}: keep that kind",
        )
    looser = _looser_in(limit, over)
    if looser is not None and limit.looser_because is None:
        raise RuleFileError(
            overlay.file,
            entry,
            f"is looser than {over.source.document} ({looser}): tighten it, or say why in looser_because",
        )


def _check_base(overlay: Overlay, base: Standard) -> None:
    national = _items_of(_tables_of(base))
    for key, limit in _items_of(overlay.limits).items():
        over = national.get(key)
        if isinstance(limit, SingleLimit):
            table = over.table if isinstance(over, SingleLimit) else None
            if limit.table != table:
                group = {2: "supplementary", 3: "specific", None: "additional"}[table]
                raise RuleFileError(
                    overlay.file,
                    f"single.{key[1]}",
                    f"belongs under {group} by {base.document}: move it there",
                )
        if over is not None:
            _check_over(overlay, key, limit, over)


def _check_pair(first: Overlay, second: Overlay) -> None:
    """Refuse two overlays that could limit one item at one place and day, unless one replaces the other."""
    if first.base != second.base or not first.may_meet(second):
        return
    spans = [_days(one.applied.in_force, one.applied.valid_to) for one in (first, second)]
    mine, theirs = _items_of(first.limits), _items_of(second.limits)
    for key in sorted(mine.keys() & theirs.keys()):
        sources = [_days(limit.source.in_force, limit.source.valid_to) for limit in (mine[key], theirs[key])]
        day = _common_days(*spans, *sources)
        if day is None:
            continue
        if second.id in first.replaces:
            _check_over(first, key, mine[key], theirs[key])
        elif first.id in second.replaces:
            _check_over(second, key, theirs[key], mine[key])
        else:
            raise RuleFileError(
                second.file,
                f"{key[0]}.{key[1]}",
                f"is limited by {first.id} as well from {day} on: end one with valid_to,"
                " or name the one that gives way in replaces",
            )


# --- the book ---


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """The standard that holds at a place on a day, and the overlays of which that could not be told."""

    standard: Standard
    undecided: tuple[AppliedOverlay, ...]


@dataclass(frozen=True)
class StandardBook:
    """Every edition, the oldest first, and every overlay, by id; checked against each other."""

    editions: tuple[Standard, ...]
    overlays: tuple[Overlay, ...]
    _merged: dict[tuple[object, ...], Standard] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def edition_on(self, day: date) -> Standard:
        """Give the national edition in force on a day; raises StandardNotInForceError."""
        for edition in self.editions:
            if edition.in_force <= day <= (edition.valid_to or _NEVER_ENDS):
                return edition
        raise StandardNotInForceError(day, tuple(edition.document for edition in self.editions))

    def limits_in_force(
        self, region_code: str | None, day: date, *, basin: str | None = None
    ) -> LimitsInForce:
        """Give the limits that hold at a place on a day.

        A region or basin that is not known leaves out the overlays that turn on it and names them.

        Raises
        ------
        StandardNotInForceError
            If no edition is in force on that day.
        """
        edition = self.edition_on(day)
        present = [
            (overlay, overlay.holds_at(region_code, basin))
            for overlay in self.overlays
            if overlay.base == edition.id
            and overlay.applied.in_force <= day <= (overlay.applied.valid_to or _NEVER_ENDS)
        ]
        chosen = [overlay for overlay, holds in present if holds]
        undecided = tuple(overlay.applied for overlay, holds in present if holds is None)
        return LimitsInForce(self._lay_over(edition, chosen, day), undecided)

    def standard_for(self, region_code: str | None, day: date, *, basin: str | None = None) -> Standard:
        """Give the standard of a place and day; raises StandardNotInForceError. See `limits_in_force`."""
        return self.limits_in_force(region_code, day, basin=basin).standard

    def _lay_over(self, edition: Standard, overlays: Sequence[Overlay], day: date) -> Standard:
        items = [
            (overlay.id, group, code)
            for overlay in overlays
            for (group, code), limit in _items_of(overlay.limits).items()
            if _in_force(limit.source, day)
        ]
        if not items:
            return edition
        key = (edition.id, *items)
        if key not in self._merged:
            used = [overlay for overlay in overlays if any(item[0] == overlay.id for item in items)]
            self._merged[key] = replace(
                edition,
                river=_merge(edition.river, [(one, one.limits.river) for one in used], day),
                lake=_merge(edition.lake, [(one, one.limits.lake) for one in used], day),
                single=_merge(edition.single, [(one, one.limits.single) for one in used], day),
                overlays=tuple(overlay.applied for overlay in used),
            )
        return self._merged[key]


def _merge(
    base: Mapping[str, _T], over: Sequence[tuple[Overlay, Mapping[str, _T]]], day: date
) -> Mapping[str, _T]:
    """Lay the limits of overlays over those of an edition; what is replaced first, what replaces it last."""
    found = dict(base)
    names = {overlay.id for overlay, _ in over}
    order = TopologicalSorter({overlay.id: set(overlay.replaces) & names for overlay, _ in over})
    tables = {overlay.id: table for overlay, table in over}
    for name in order.static_order():
        found |= {code: limit for code, limit in tables[name].items() if _in_force(limit.source, day)}
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: find_parameter(item[0]).order)))


def make_book(editions: Iterable[tuple[str, Standard]], overlays: Iterable[Overlay]) -> StandardBook:
    """Check editions (with their file names) and overlays against each other.

    Raises
    ------
    RuleFileError
        If an id stands twice, two editions are in force on one day, an overlay lies over an unknown edition,
        is looser than what it lies over without a reason, puts an item into the wrong table, or could meet
        another overlay on the same item.
    """
    dated = sorted(editions, key=lambda entry: (entry[1].in_force, entry[1].id))
    laid = sorted(overlays, key=lambda overlay: overlay.id)
    known: set[str] = set()
    for file, name in [(file, edition.id) for file, edition in dated] + [(one.file, one.id) for one in laid]:
        if name in known:
            raise RuleFileError(file, name, "is an id that another file has as well: give this one its own")
        known.add(name)
    for (_, earlier), (file, later) in pairwise(dated):
        if (earlier.valid_to or _NEVER_ENDS) >= later.in_force:
            day = later.in_force - timedelta(days=1)
            raise RuleFileError(
                file,
                later.id,
                f"is in force together with {earlier.id} from {later.in_force} on:"
                f" end {earlier.id} with valid_to = {day}",
            )
    by_id = {edition.id: edition for _, edition in dated}
    for overlay in laid:
        if overlay.base not in by_id:
            raise RuleFileError(
                overlay.file,
                "overlay",
                f"lies over the unknown edition {overlay.base!r}: name one of {', '.join(sorted(by_id))}",
            )
        if unknown := sorted(set(overlay.replaces) - {one.id for one in laid}):
            raise RuleFileError(
                overlay.file, "overlay", f"replaces the unknown overlay {unknown[0]!r}: correct or remove it"
            )
        _check_base(overlay, by_id[overlay.base])
    try:
        TopologicalSorter({overlay.id: overlay.replaces for overlay in laid}).prepare()
    except CycleError as error:
        first = next(overlay for overlay in laid if overlay.id in error.args[1])
        raise RuleFileError(
            first.file, "overlay", "replaces an overlay that replaces it in turn: let only one give way"
        ) from error
    for one, other in combinations(laid, 2):
        _check_pair(one, other)
    return StandardBook(tuple(edition for _, edition in dated), tuple(laid))


def read_standards(*directories: Traversable) -> StandardBook:
    """Read every edition and overlay of rule directories; other files are left alone.

    Raises
    ------
    RuleFileError
        As `parse_standard`, `parse_overlay` and `make_book`.
    """
    editions: list[tuple[str, Standard]] = []
    overlays: list[Overlay] = []
    for directory in directories:
        for file in sorted(directory.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".toml"):
                text = file.read_text(encoding="utf-8")
                data = parse_toml(text, file.name)
                if "standard" in data:
                    editions.append((file.name, parse_standard(text, file.name)))
                elif "overlay" in data:
                    overlays.append(parse_overlay(text, file.name))
    return make_book(editions, overlays)


@cache
def load_standards() -> StandardBook:
    """Read the packaged editions and overlays, once."""
    return read_standards(resources.files("spatial").joinpath("rules"))


def standard_for(region_code: str | None, day: date, *, basin: str | None = None) -> Standard:
    """Give the packaged standard of a place and day; raises StandardNotInForceError."""
    return load_standards().standard_for(region_code, day, basin=basin)


def edition_for_groups(day: date) -> Standard:
    """Give the edition by which means over several sections are judged: the national one, without overlays.

    A river crosses regions, so no overlay holds for all of it. Before the first edition the first is given:
    no section has a class then, and nothing is judged by it.
    """
    book = load_standards()
    try:
        return book.edition_on(day)
    except StandardNotInForceError:
        return book.editions[0]


# --- sections under their standards ---


@dataclass(frozen=True, slots=True)
class SectionsUnderStandard:
    """Sections that one standard holds for; `standard` is None where no edition was in force."""

    standard: Standard | None
    undecided: tuple[AppliedOverlay, ...]
    sections: pd.DataFrame


def group_by_standard(
    sections: pd.DataFrame, day: date, book: StandardBook | None = None
) -> list[SectionsUnderStandard]:
    """Group sections by the limits that hold for them on a day.

    Parameters
    ----------
    sections : DataFrame, one row per section
        ``region_code`` and ``basin`` where there; missing ones are unknown.
    day : date
        Of an assessment, the last day of its period.

    Returns
    -------
    list of SectionsUnderStandard
        Every row stands in one group; rows keep their order. One group for all where no overlay is in force.
    """
    book = book or load_standards()
    try:
        edition = book.edition_on(day)
    except StandardNotInForceError:
        return [SectionsUnderStandard(None, (), sections)]
    if not book.overlays:
        return [SectionsUnderStandard(edition, (), sections)]
    places = zip(_cells(sections, "region_code"), _cells(sections, "basin"), strict=True)
    chosen: dict[tuple[object, ...], tuple[LimitsInForce, list[int]]] = {}
    for row, (region, basin) in enumerate(places):
        found = book.limits_in_force(region, day, basin=basin)
        key = (id(found.standard), *(overlay.id for overlay in found.undecided))
        chosen.setdefault(key, (found, []))[1].append(row)
    return [
        SectionsUnderStandard(found.standard, found.undecided, sections.iloc[rows])
        for found, rows in chosen.values()
    ]


def _cells(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame.columns:
        return [None] * len(frame)
    return [None if cell is None else str(cell) for cell in list_cells(frame[column])]


def assess_in_force(
    sections: pd.DataFrame,
    readings: pd.DataFrame,
    period: Period,
    settings: AssessmentSettings | None = None,
    book: StandardBook | None = None,
) -> list[SectionAssessment]:
    """Assess sections, each under the standard in force for it on the last day of the period.

    Frames and errors as in `assess_sections`. A section that an overlay might or might not hold for is judged
    without it, and says so in a warning. Where no edition was in force, all are undetermined for that reason.
    """
    check_columns(sections, "sections", {"code"})
    book = book or load_standards()

    def assess(group: SectionsUnderStandard, standard: Standard, *, judged: bool) -> list[SectionAssessment]:
        entering = readings if judged else readings.iloc[:0]
        return assess_sections(group.sections, entering, period, standard, settings)

    return _assess_groups_in_force(sections, period, book, assess)


def assess_periods_in_force(
    sections: pd.DataFrame,
    readings: Iterable[ReadingColumns],
    periods: Sequence[Period],
    settings: AssessmentSettings | None = None,
    book: StandardBook | None = None,
    *,
    only: Mapping[str, Collection[str]] | None = None,
) -> Iterator[tuple[Period, list[SectionAssessment]]]:
    """Assess sections over periods, each under the standard in force for it on the last day of the period.

    As `assess_in_force`, from a stream of columns that is added up once for all periods and all standards.
    `only` names the sections that are asked about, by the spelling of the period; without it all are.

    Yields
    ------
    (Period, list of SectionAssessment by code), in the order of `periods`
    """
    book = book or load_standards()
    facts = read_sections(sections)
    codes = [fact["code"] for fact in facts]
    tally = Tally(codes, periods, settings)
    for piece in readings:
        tally.add(piece)
    nothing = Tally(codes, periods, settings)
    tables: dict[tuple[bool, int], AssessmentTables] = {}

    def assess(
        group: SectionsUnderStandard, standard: Standard, *, judged: bool, period: Period
    ) -> list[SectionAssessment]:
        key = judged, id(standard)
        if key not in tables:
            tables[key] = AssessmentTables(tally if judged else nothing, facts, standard)
        return [tables[key].assessment(str(code), period) for code in list_cells(group.sections["code"])]

    for period in periods:
        asked = sections if only is None else sections[sections["code"].isin(list(only[period.text]))]
        yield period, _assess_groups_in_force(asked, period, book, partial(assess, period=period))


def section_tables_in_force(
    sections: pd.DataFrame,
    readings: Iterable[ReadingColumns],
    periods: Sequence[Period],
    settings: AssessmentSettings | None = None,
    book: StandardBook | None = None,
) -> pd.DataFrame:
    """Give the table of sections by period, each under the standard in force for it on the last day.

    As `assess_periods_in_force`, for who wants classes and verdicts of many sections, not their assessments.

    Returns
    -------
    DataFrame with the columns of `AssessmentTables.sections`, by period, then section. A period in which no
    edition was in force has no rows.
    """
    book = book or load_standards()
    facts = read_sections(sections)
    tally = Tally([fact["code"] for fact in facts], periods, settings)
    for piece in readings:
        tally.add(piece)
    tables: dict[int, pd.DataFrame] = {}
    parts = []
    for period in periods:
        for group in group_by_standard(sections, period.end, book):
            if group.standard is None:
                continue
            if id(group.standard) not in tables:
                tables[id(group.standard)] = AssessmentTables(tally, facts, group.standard).sections
            table = tables[id(group.standard)]
            wanted = (table["period"] == period.text) & table["section"].isin(list(group.sections["code"]))
            parts.append(table[wanted])
    if not parts:
        return AssessmentTables(tally, facts, book.editions[0]).sections.iloc[:0]
    place = {period.text: number for number, period in enumerate(periods)}
    found = pd.concat(parts, ignore_index=True)
    order = pd.DataFrame(
        {"period": found["period"].map(place).astype("int64"), "section": found["section"].astype(str)}
    ).sort_values(["period", "section"])
    return found.loc[order.index].reset_index(drop=True)


class _Assess(Protocol):
    """Assess the sections of a group under a standard; not `judged`: as if there were no readings."""

    def __call__(
        self, group: SectionsUnderStandard, standard: Standard, *, judged: bool
    ) -> list[SectionAssessment]: ...


def _assess_groups_in_force(
    sections: pd.DataFrame, period: Period, book: StandardBook, assess: _Assess
) -> list[SectionAssessment]:
    found: list[SectionAssessment] = []
    for group in group_by_standard(sections, period.end, book):
        if group.standard is None:
            reason = give_reason("no_standard_in_force", day=period.end.isoformat())
            nothing = assess(group, book.editions[0], judged=False)
            found.extend(replace(one, reasons=(reason,)) for one in nothing)
            continue
        assessed = assess(group, group.standard, judged=True)
        if group.undecided:
            documents = "、".join(overlay.document for overlay in group.undecided)
            warning = give_reason("overlay_scope_unknown", documents=documents)
            assessed = [replace(one, warnings=(*one.warnings, warning)) for one in assessed]
        found.extend(assessed)
    return sorted(found, key=lambda one: one.code)
