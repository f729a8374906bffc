"""Hold `qingjiang classify` against the classes that the national feed publishes; writes docs/validation.md.

The publisher does not say which sections are lakes, so that a row agrees if the river or the lake limits give
its class. Every file goes through the command twice, once for each; every row that agrees with neither is
listed with its cause. The files are kept outside the repository: ``python scripts/validate_published_classes.py
[--data FOLDER]``, or ``--check`` to compare with the page as it is and write nothing.
"""

# ruff: noqa: E501 - the lines of the page are prose, and read best whole

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from spatial.class_text import class_label, parse_water_class  # noqa: E402  # the path is set above
from spatial.standards import load_evaluation_method, load_standard  # noqa: E402

DATA = (ROOT / "../shared/data/water_quality").resolve()
PAGE = ROOT / "docs/validation.md"
COMMAND = Path(sys.executable).with_name("qingjiang")
WATERS = ("river", "lake")
NEEDED = frozenset({"do", "cod_mn", "nh3_n", "tp"})
ITEMS = ("ph", "do", "cod_mn", "nh3_n", "tp")
# Places that the feed shows; the file of April 2021 holds no unrounded values.
SHOWN_PLACES = {"ph": 2, "do": 2, "cod_mn": 2, "nh3_n": 3, "tp": 3}


@dataclass(frozen=True)
class Source:
    """A file of the feed, the options it needs, what must agree, and whether it shows rounded values only."""

    name: str
    options: tuple[str, ...]
    least: Fraction
    shown_only: bool = False
    one_round_a_day: bool = False


SOURCES = (
    Source("cnemc_national_snapshot_2020-05-08.csv.gz", ("--captured-at", "2020-05-08"), Fraction(1)),
    Source(
        "cnemc_daily_noon_98sections_2020-05-10_2020-12-31.csv.gz",
        (),
        Fraction(9997, 10000),
        one_round_a_day=True,
    ),
    Source("cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz", (), Fraction(992, 1000), shown_only=True),
    Source("cnemc_national_2025-11-06_to_08.csv.gz", (), Fraction(1)),
    Source("cnemc_snapshot_2026-08-21_sh-js-zj-ah.csv", ("--captured-at", "2026-08-21"), Fraction(1)),
)

CAUSES = {
    "A": "**A value shown at a limit.** Only rounded values are in the file, and one of this row stands exactly at a"
    " limit (or so near that rounding hides the side): the unrounded values that round to the shown ones include"
    " some that give the published class.",
    "B": "**The class of the round before.** The printed class is that of the section's previous row in the file, by"
    " the values printed there; these values give another. The publisher's page had the new numbers before the new"
    " class.",
    "B2": "**The class of two rounds before.** As B, with one round more between.",
    "C": "**A station under maintenance, without phosphorus.** The published class is the worst of the items that are"
    " there. We give none: of the {all} rows of these files that are in this state and lack nothing else, the"
    " publisher itself leaves {open} without a class.",
    "D": "**A class that no values of the row give.** All such rows are of one capture; the class is neither that"
    " of the shown nor of the unrounded values, by river or lake limits. The round before, whose class it may be"
    " (cause B), is not in a file with one round a day.",
}


@dataclass(frozen=True)
class Disagreement:
    """A row whose published class neither limits give."""

    row: int
    section: str
    province: str
    moment: str
    status: str
    values: Mapping[str, Any]
    published: int
    found: tuple[int | None, int | None]
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One file against its published classes; `complete` rows have all of DO, CODMn, NH3-N and TP."""

    source: Source
    rows: int
    published: int
    agreed: int
    complete: int
    complete_agreed: int
    disagreements: tuple[Disagreement, ...]
    maintenance: tuple[int, int]


def classify(source: Source, data: Path, water: str, *options: str) -> list[dict[str, Any]]:
    """Answer of the command for one file and one type of water body."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "classes.json"
        command = [str(COMMAND), "classify", str(data / source.name), "--water-body", water,
                   "--format", "json", "--out", str(out), *source.options, *options]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        found: list[dict[str, Any]] = json.loads(out.read_bytes())
    return found


def compare(source: Source, data: Path = DATA, *options: str) -> Comparison:
    """Compare every row of a file that has a published class."""
    answers = [classify(source, data, water, *options) for water in WATERS]
    pairs = [
        (river, lake, published)
        for river, lake in zip(*answers, strict=True)
        if (published := parse_water_class(river["reported_class"])) is not None
    ]
    rounds = _rounds(pairs)
    counts: Counter[str] = Counter()
    listed = []
    for river, lake, published in pairs:
        found = (river["class"], lake["class"])
        agrees = published in found
        whole = {item["code"] for item in river["parameters"]} >= NEEDED
        counts.update(published=1, agreed=agrees, complete=whole, complete_agreed=agrees and whole)
        if not agrees:
            causes = tuple(_causes(source, river, published, rounds))
            values = {item["code"]: item["value"] for item in river["parameters"]}
            listed.append(
                Disagreement(river["row"], river["section"], river["province"], river["sampled_at"][:16],
                             river["station_status"] or "", values, published, found, causes)
            )  # fmt: skip
    stopped = [
        parse_water_class(row["reported_class"]) is None
        for row in answers[0]
        if row["reason"]
        and row["reason"]["code"] == "station_under_maintenance"
        and row["reason"]["params"]["missing"] == ["tp"]
    ]
    return Comparison(
        source,
        len(answers[0]),
        counts["published"],
        counts["agreed"],
        counts["complete"],
        counts["complete_agreed"],
        tuple(listed),
        (sum(stopped), len(stopped)),
    )


Rounds = dict[tuple[str, str], dict[str, set[int]]]


def _rounds(pairs: Sequence[tuple[dict[str, Any], dict[str, Any], int]]) -> Rounds:
    """Classes of each section by moment, by the values printed then."""
    found: Rounds = defaultdict(lambda: defaultdict(set))
    for river, lake, _ in pairs:
        if river["sampled_at"]:
            classes = {row["class"] for row in (river, lake) if row["class"]}
            found[river["province"], river["section"]][river["sampled_at"]] |= classes
    return found


def _causes(source: Source, row: dict[str, Any], published: int, rounds: Rounds) -> Iterator[str]:
    items = {item["code"]: item["value"] for item in row["parameters"] if item["code"] in ITEMS}
    if row["reason"] and row["reason"]["code"] == "station_under_maintenance":
        alone = row["reason"]["params"]["missing"] == ["tp"]
        if alone and published in {_reach(items, water, hidden=False)[1] for water in WATERS}:
            yield "C"
        return
    if source.shown_only:
        spans = [_reach(items, water, hidden=True) for water in WATERS]
        if any(best <= published <= worst for best, worst in spans):
            yield "A"
    own = rounds[row["province"], row["section"]]
    before = sorted(own)[: bisect_left(sorted(own), row["sampled_at"])]
    if not source.one_round_a_day:
        if before and published in own[before[-1]]:
            yield "B"
        elif len(before) > 1 and published in own[before[-2]]:
            yield "B2"
    if source.one_round_a_day:
        yield "D"


def _reach(values: Mapping[str, Any], water: str, *, hidden: bool) -> tuple[int, int]:
    """Best and worst class of some values, or of all that round to them."""
    limits, evaluated = load_standard().limits_for(water), load_evaluation_method().evaluated
    best = worst = 1
    for code, value in values.items():
        if code not in evaluated:
            continue
        shown = Decimal(str(value))
        half = Decimal("0.499").scaleb(-SHOWN_PLACES[code]) if hidden else Decimal(0)
        classes = [limits[code].grade(max(Decimal(0), shown + part)) for part in (-half, Decimal(0), half)]
        best, worst = max(best, min(classes)), max(worst, *classes)
    return best, worst


# --- the page ---

INTRO = """# Validation: our class against the publisher's

Made by `python scripts/validate_published_classes.py` from the public files of the national feed (中国环境监测总站,
国家地表水水质自动监测实时数据发布系统), which are kept outside the repository. Each file goes through
`qingjiang classify FILE --water-body river` and again with `lake`: the feed does not say which sections are lakes, so that
a row agrees if either gives the class that it prints. Which value is compared, the shown or the unrounded one, follows the
dated setting of the method (unrounded to the end of 2021, shown from then on), unless a column says otherwise.
`tests/api/test_published_classes.py` does the same again and compares it with this page; it skips where the files are not
there.

## Agreement

*All* are the rows with a published class; *complete* those of them with oxygen, CODMn, ammonia and phosphorus.

| file | rows | all | agree | share | complete | agree | share | asked for |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""
OTHER = """
The same with one value throughout, as `--compare` forces it (complete rows):

| file | shown values | unrounded values |
|---|--:|--:|
"""
LISTED = """
Where a file holds no unrounded values, both columns are the same.

## Every row that disagrees, and why

"""
AFTER_CAUSES = """
Values as the command compared them; *ours* by river / lake limits. The row is the line of the file, its header being line 1.
Where two causes stand, either would do.

"""

TWICE = """
## The assessment of periods, computed twice

The publisher prints no class of a month. `tests/spatial/assessment_oracle.py` therefore assesses sections a second time, in plain
Python fractions, from the text of the rules and with limits typed in by hand, importing nothing of the engine:
half-limits, precedence of automatic data, monthly means, minimum counts, rounding, classes, open ranges, main pollutants,
multiples, verdicts, quality flags, stations out of service, flood-season intensity. The cases are random and made to hurt:
means exactly at limits and one step off, of months and of years; many non-detects; mixed stations; the first and last
microsecond of a month. The suite compares a slice; all of it, on 20 November 2026: 101,184 section-months, and with
their quarters, years, seasons and ranges 177,072 sections and periods, no difference. Redo it (six minutes):

```
QINGJIANG_SECTION_MONTHS=100000 .venv/bin/pytest tests/spatial/test_assessment_recomputed.py
```
"""


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %"


def summary_line(found: Comparison) -> str:
    """Row of the first table."""
    return (
        f"| `{found.source.name}` | {found.rows:,} | {found.published:,} | {found.agreed:,} |"
        f" {_share(found.agreed, found.published)} | {found.complete:,} | {found.complete_agreed:,} |"
        f" {_share(found.complete_agreed, found.complete)} | {float(100 * found.source.least):.4g} % |\n"
    )


def listing(found: Comparison) -> str:
    """Table of the disagreements of one file."""
    counts = Counter("+".join(entry.causes) for entry in found.disagreements)
    told = ", ".join(f"{causes or '?'} {count}" for causes, count in sorted(counts.items()))
    lines = [
        f"### `{found.source.name}`: {len(found.disagreements)} rows ({told})\n\n",
        "| row | section | time | state | pH | DO | CODMn | NH3-N | TP | published | ours | cause |\n",
        "|--:|---|---|---|--:|--:|--:|--:|--:|---|---|---|\n",
    ]
    for entry in found.disagreements:
        values = " | ".join(str(entry.values.get(code, "—")) for code in ITEMS)
        ours = " / ".join(class_label(number) or "—" for number in entry.found)
        lines.append(
            f"| {entry.row} | {entry.province} {entry.section} | {entry.moment.replace('T', ' ')} |"
            f" {entry.status} | {values} | {class_label(entry.published)} | {ours} |"
            f" {', '.join(entry.causes) or 'not explained'} |\n"
        )
    return "".join(lines)


def explain_causes(compared: Sequence[Comparison]) -> str:
    """List of the causes that occur."""
    listed = [found for found in compared if found.disagreements]
    used = {cause for found in listed for entry in found.disagreements for cause in entry.causes}
    open_ = sum(found.maintenance[0] for found in listed)
    whole = sum(found.maintenance[1] for found in listed)
    return "".join(
        f"- **{letter}**: {text.format(open=f'{open_:,}', all=f'{whole:,}')}\n"
        for letter, text in CAUSES.items()
        if letter in used
    )


def render(compared: Sequence[Comparison], forced: Mapping[str, Sequence[Comparison]]) -> str:
    """Whole page."""
    page = INTRO + "".join(map(summary_line, compared)) + OTHER
    for place, found in enumerate(compared):
        cells = (
            f"{each.complete_agreed:,} of {each.complete:,} ({_share(each.complete_agreed, each.complete)})"
            for each in (forced[value][place] for value in ("reported", "full"))
        )
        page += f"| `{found.source.name}` | {' | '.join(cells)} |\n"
    tables = [listing(found) for found in compared if found.disagreements]
    return page + LISTED + explain_causes(compared) + AFTER_CAUSES + "\n".join(tables) + TWICE


def main() -> None:
    """Compare all files and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the files")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if the page says otherwise"
    )
    options = parser.parse_args()
    if missing := [source.name for source in SOURCES if not (options.data / source.name).exists()]:
        raise SystemExit(f"not in {options.data}: {', '.join(missing)}")
    compared = [compare(source, options.data) for source in SOURCES]
    forced = {
        value: [compare(source, options.data, "--compare", value) for source in SOURCES]
        for value in ("reported", "full")
    }
    page = render(compared, forced)
    if options.check:
        raise SystemExit(PAGE.read_text(encoding="utf-8") != page)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
