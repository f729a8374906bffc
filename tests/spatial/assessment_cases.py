"""Random section-months made to hurt, and the engine held against `assessment_oracle` on them.

Values stand at limits, a smallest step off, or so that their mean does (of a month, or of a year's months);
half-limits of non-detects complete a mean to the limit; stations are mixed; readings of stations out of
service, flagged, impossible or without a number lie between, as do the first and last moments of a month.
"""

import random
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spatial.assessment import AssessmentSettings, assess_columns
from spatial.columns import ReadingColumns
from spatial.period import parse_period
from tests.spatial import assessment_oracle as oracle
from tests.spatial.assessment_oracle import BEIJING, Answer, Reading, Span

YEARS = (2019, 2021, 2022, 2024)
KINDS = ("river", "river", "lake", "reservoir", None)
EXACTLY_CHECKED = 11
"""Of so many sections and periods, one is also compared as exact fractions."""


@dataclass(frozen=True)
class Batch:
    """Sections with a year of readings each, and the settings under which they are assessed."""

    year: int
    readings: Mapping[str, list[Reading]]
    kinds: Mapping[str, str | None]
    targets: Mapping[str, int | None]
    interrupted: frozenset[str]
    rounded: bool
    suspect: bool


def spans_of(year: int) -> dict[str, Span]:
    """Periods that touch a year, by their spelling."""
    found = {
        f"{year}-{month:02d}": Span(
            "month", date(year, month, 1), date(year, month, monthrange(year, month)[1])
        )
        for month in range(1, 13)
    }
    for quarter in range(1, 5):
        last = quarter * 3
        end = date(year, last, monthrange(year, last)[1])
        found[f"{year}-Q{quarter}"] = Span("quarter", date(year, last - 2, 1), end)
    found[f"{year}"] = Span("year", date(year, 1, 1), date(year, 12, 31))
    found[f"{year}-flood"] = Span("flood", date(year, 5, 1), date(year, 10, 31))
    found[f"{year - 1}-dry"] = Span("dry", date(year - 1, 11, 1), date(year, 4, 30))
    for first, last in ((date(year, 6, 25), date(year, 7, 20)), (date(year, 1, 31), date(year, 4, 2))):
        found[f"{first}/{last}"] = Span("range", first, last)
    return found


# --- making ---


def make_batch(rng: random.Random, sections: int) -> Batch:
    """Make a year of readings at some sections."""
    year = rng.choice(YEARS)
    codes = [f"S{number:04d}" for number in range(sections)]
    kinds = {code: rng.choice(KINDS) for code in codes}
    return Batch(
        year=year,
        readings={code: list(_section(rng, code, kinds[code], year)) for code in codes},
        kinds=kinds,
        targets={code: rng.choice((None, 1, 2, 2, 3, 3, 4, 5)) for code in codes},
        interrupted=frozenset(code for code in codes if rng.random() < 0.3),
        rounded=rng.random() < 0.3,
        suspect=rng.random() < 0.3,
    )


def _section(rng: random.Random, code: str, kind: str | None, year: int) -> Iterator[Reading]:
    limits = oracle.limits_of("river" if kind in (None, "river") else "lake")
    parameters = rng.sample(list(limits), rng.randint(0, 3))
    parameters = [*dict.fromkeys([*parameters, *rng.sample(oracle.CORE, rng.randint(1, 5))])]
    sources = rng.choice(("manual", "automatic", "mixed"))
    plans = {}
    for name in parameters:
        bound = Decimal(rng.choice(limits[name][1].split()))
        places = max(0, -int(bound.as_tuple().exponent)) + rng.choice((0, 1, 1, 2, 4))
        shifts = _balanced(rng, 12, 3) if rng.random() < 0.5 else [0] * 12
        plans[name] = int(bound.scaleb(places)), places, shifts
    absent = rng.random() < 0.3
    for month in range(1, 13):
        if absent and rng.random() < 0.3:
            continue
        moments = _moments(rng, year, month)
        for name in parameters:
            if rng.random() < 0.06:
                continue
            bound, places, shifts = plans[name]
            centre = max(0, bound + shifts[month - 1])
            led = sources == "automatic" or (sources == "mixed" and rng.random() < 0.6)
            amounts = _amounts(rng, centre, rng.randint(1, 4), may_hide=name != "ph")
            for moment, (amount, below) in zip(moments, amounts, strict=False):
                yield _reading(rng, code, moment, name, Decimal(amount).scaleb(-places), below=below, led=led)
            if sources == "mixed" and led:
                # Manual data beside automatic ones: superseded for six items, entering for the rest.
                moment = rng.choice((moments[0], *_moments(rng, year, month)))
                value = Decimal(rng.randint(0, 3 * bound)).scaleb(-places)
                yield _reading(
                    rng, code, moment, name, value, below=rng.random() < 0.2 and name != "ph", led=False
                )
            while rng.random() < 0.2:
                yield _useless(rng, code, rng.choice(moments), name, Decimal(3 * bound).scaleb(-places))


def _moments(rng: random.Random, year: int, month: int) -> list[datetime]:
    first = datetime(year, month, 1, tzinfo=BEIJING)
    days = monthrange(year, month)[1]
    found = [first, first + timedelta(days=days, microseconds=-1)] if rng.random() < 0.4 else []
    while len(found) < 5:
        moment = first + timedelta(days=rng.randrange(days), hours=4 * rng.randrange(6))
        if rng.random() < 0.3:
            moment += timedelta(minutes=rng.randrange(240), seconds=rng.randrange(60))
        if moment not in found:
            found.append(moment)
    rng.shuffle(found)
    return found


def _balanced(rng: random.Random, count: int, reach: int) -> list[int]:
    """Whole numbers that add up to nothing."""
    found = [rng.randint(-reach, reach) for _ in range(count)]
    place = 0
    while total := sum(found):
        found[place % count] -= (total > 0) - (total < 0)
        place += 1
    return found


def _amounts(rng: random.Random, centre: int, count: int, *, may_hide: bool) -> list[tuple[int, bool]]:
    """Values (and detection limits) in steps, mostly with a mean at the centre or one step's share off."""
    scheme = rng.choice(
        ("at", "mean", "mean", "off", "wild", *(("halves", "halves", "unseen") if may_hide else ()))
    )
    if scheme == "at":
        return [(centre, False)] * count
    if scheme == "wild":
        return [(rng.randint(0, 3 * centre + 2), False) for _ in range(count)]
    if scheme == "unseen":
        return [(max(1, centre + rng.choice((-1, 0, 0, 1))), True) for _ in range(count)]
    found = [(centre + shift, False) for shift in _balanced(rng, count, max(1, min(centre, 5)))]
    if scheme == "halves" and count > 1:
        half = rng.randint(1, centre + 1)
        found[0] = (2 * half, True)
        found[1] = (found[1][0] + centre - half, False)
        missed = count * centre - half - sum(amount for amount, _ in found[1:])
        found[1] = (found[1][0] + missed, False)
    if scheme == "off" or rng.random() < 0.2:
        found[-1] = (found[-1][0] + rng.choice((-1, 1)), found[-1][1])
    return [(max(1 if below else 0, amount), below) for amount, below in found]


def _reading(
    rng: random.Random, code: str, moment: datetime, name: str, value: Decimal, *, below: bool, led: bool
) -> Reading:
    """Put a number where it enters, and something else where it does not."""
    status = "正常" if led and rng.random() < 0.5 else None
    quality = rng.choice((None, None, 1, 2))
    if below:
        limit = None if rng.random() < 0.3 else value
        shown = value if limit is None or rng.random() < 0.5 else value * 2
        return Reading(code, moment, name, shown, None, True, limit, led, status, quality)
    if rng.random() < 0.6:
        return Reading(code, moment, name, value, None, False, None, led, status, quality)
    other = value + Decimal(rng.choice(("0.4", "1", "0.001")))
    if moment.date() < oracle.SHOWN_FROM:
        return Reading(code, moment, name, other, value, False, None, led, status, quality)
    return Reading(code, moment, name, value, other, False, None, led, status, quality)


def _useless(rng: random.Random, code: str, moment: datetime, name: str, value: Decimal) -> Reading:
    """A reading that does not enter (a suspect one only by the setting)."""
    led = rng.random() < 0.5
    match rng.randrange(6):
        case 0:
            return Reading(
                code, moment, name, value, automatic=led, status=rng.choice(("维护", "停站", "断流"))
            )
        case 1:
            return Reading(code, moment, name, value, automatic=led, quality=rng.choice((4, 9)))
        case 2:
            return Reading(code, moment, name, value, automatic=led, quality=3)
        case 3:
            return Reading(code, moment, name, None, automatic=led)
        case 4:
            return Reading(code, moment, name, None, below=True, automatic=led)
        case _:
            wrong = Decimal("14.01") if name == "ph" else Decimal("-0.01")
            return Reading(code, moment, name, wrong, automatic=led)


# --- comparing ---


def _columns(batch: Batch, rng: random.Random) -> list[ReadingColumns]:
    """The readings in any order and in pieces, from a frame or from Arrow."""
    rows = [reading for readings in batch.readings.values() for reading in readings]
    rng.shuffle(rows)
    cells: dict[str, list[Any]] = {
        "section": [row.section for row in rows],
        "sampled_at": [row.moment for row in rows],
        "parameter": [row.parameter for row in rows],
        "value": [row.value for row in rows],
        "full_value": [row.full for row in rows],
        "qualifier": ["<" if row.below else "=" for row in rows],
        "detection_limit": [row.limit for row in rows],
        "station_type": ["automatic" if row.automatic else "manual" for row in rows],
        "station_status": [row.status for row in rows],
        "quality": [row.quality for row in rows],
    }
    cuts = sorted({0, len(rows), *(rng.randint(0, len(rows)) for _ in range(2))})
    pieces = list(pairwise(cuts))
    if rng.random() < 0.5:
        frame = pd.DataFrame(cells)
        frame["sampled_at"] = pd.to_datetime(frame["sampled_at"], utc=True)
        return [ReadingColumns.from_frame(frame.iloc[start:end]) for start, end in pieces]
    table = pa.table(
        cells
        | {
            "sampled_at": pa.array(cells["sampled_at"], pa.timestamp("us", "Asia/Shanghai")),
            "section": pa.array(cells["section"]).dictionary_encode(),
            "parameter": pa.array(cells["parameter"]).dictionary_encode(),
        }
    )
    return [ReadingColumns.from_arrow(table.slice(start, end - start)) for start, end in pieces]


def compare_batch(batch: Batch, rng: random.Random) -> int:
    """Hold the engine against the oracle on all periods of a batch; gives the number of section-months."""
    spans = spans_of(batch.year)
    codes = sorted(batch.readings)
    sections = pd.DataFrame(
        {
            "code": codes,
            "name": codes,
            "water_body_type": pd.Series([batch.kinds[code] for code in codes], dtype=object),
            "target_class": pd.array([batch.targets[code] for code in codes], dtype="Int64"),
        }
    )
    settings = AssessmentSettings(
        round_means=batch.rounded, use_suspect=batch.suspect, interrupted_sections=batch.interrupted
    )
    periods = [parse_period(text) for text in spans]
    tables = assess_columns(sections, _columns(batch, rng), periods, None, settings)
    rows = {(row["period"], row["section"]): row for row in tables.sections.to_dict("records")}
    items: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in tables.parameters.to_dict("records"):
        items.setdefault((row["period"], row["section"]), {})[row["parameter"]] = row
    number = 0
    for text, span in spans.items():
        for code in codes:
            number += 1
            kind = batch.kinds[code]
            known = {
                "water": None if kind is None else "river" if kind == "river" else "lake",
                "target": batch.targets[code],
                "interrupted": code in batch.interrupted,
                "rounded": batch.rounded,
            }
            answer = oracle.assess(batch.readings[code], span, suspect=batch.suspect, **known)
            place = f"{text} {code} {kind} {known} suspect={batch.suspect}"
            _compare_tables(answer, rows[text, code], items.get((text, code), {}), span, place)
            if not batch.suspect:
                doubted = oracle.assess(batch.readings[code], span, suspect=True, **known)
                differs = (doubted.best, doubted.worst) != (answer.best, answer.worst)
                assert rows[text, code]["suspect_readings_matter"] == differs, place
                if differs:
                    assert _whole(rows[text, code]["class_with_suspect"]) == doubted.shown, place
            if number % EXACTLY_CHECKED == 0:
                _compare_exactly(answer, tables.assessment(code, text), place)
    return 12 * len(codes)


def _whole(cell: Any) -> int:
    return 0 if pd.isna(cell) else int(cell)


def _compare_tables(
    answer: Answer, row: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]], span: Span, place: str
) -> None:
    for name in ("samples", "months", "automatic_samples", "excluded", "representative"):
        assert row[name] == getattr(answer, name), f"{place}: {name} {row[name]} {getattr(answer, name)}"
    found = [_whole(row[name]) for name in ("class", "best_class", "worst_class")]
    assert found == [answer.shown, answer.best, answer.worst], place
    assert (None if pd.isna(row["verdict"]) else row["verdict"]) == answer.verdict, place
    assert row["automatic_coverage_low"] == answer.low_coverage, place
    assert row["main_pollutants"] == len(answer.pollutants), place
    if answer.intensity is None:
        assert pd.isna(row["flood_pollutant"]), place
    else:
        expected = answer.intensity[0], float(answer.intensity[1])
        assert (row["flood_pollutant"], row["flood_intensity"]) == expected, place
    assert list(items) == list(answer.items), place
    ranked = {_whole(item["main_pollutant"]): code for code, item in items.items()}
    assert tuple(ranked[rank] for rank in sorted(ranked) if rank) == answer.pollutants, place
    assert {code for code, item in items.items() if item["limiting"]} == answer.limiting, place
    for code, item in answer.items.items():
        cells, where = items[code], f"{place} {code}"
        for name in ("samples", "months", "non_detects"):
            assert cells[name] == getattr(item, name), where
        assert (_whole(cells["best_class"]), _whole(cells["worst_class"])) == (
            item.best or 0,
            item.worst or 0,
        ), where
        tolerance = 1e-12 if span.by_months else 0
        assert abs(cells["mean"] - float(item.mean)) <= tolerance * float(item.mean), where
        for name, multiple in (
            ("exceedance_multiple", item.multiple),
            ("target_multiple", item.target_multiple),
        ):
            if multiple is None:
                assert np.isnan(cells[name]), f"{where} {name}"
            else:
                assert cells[name] == float(multiple), f"{where} {name}"


def _compare_exactly(answer: Answer, found: Any, place: str) -> None:
    """Compare the assessment that is made on demand, number by number, without any tolerance."""
    assert [entry.code for entry in found.parameters] == list(answer.items), place
    for entry in found.parameters:
        item = answer.items[entry.code]
        assert entry.mean == item.mean, f"{place} {entry.code}"
        assert entry.non_detect_share == Fraction(item.non_detects, item.samples)
        assert (entry.item.best_class, entry.item.worst_class) == (item.best, item.worst), place
        assert entry.item.exceedance_multiple == item.multiple, f"{place} {entry.code}"
        assert entry.item.target_multiple == item.target_multiple, f"{place} {entry.code}"
    assert (found.best_class or 0, found.worst_class or 0, found.water_class or 0) == (
        answer.best,
        answer.worst,
        answer.shown,
    ), place
    assert found.main_pollutants == answer.pollutants, place
    assert set(found.limiting) == answer.limiting, place
    assert found.verdict == answer.verdict, place
    assert (found.samples, found.months, found.representative) == (
        answer.samples,
        answer.months,
        answer.representative,
    ), place
