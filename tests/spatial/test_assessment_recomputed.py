"""The engine against an independent re-computation, on random section-months made to hurt.

The suite runs a slice. All of the 100 000 section-months (about six minutes):
``QINGJIANG_SECTION_MONTHS=100000 pytest tests/spatial/test_assessment_recomputed.py``
"""

import ast
import os
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from spatial.standards import load_evaluation_method, load_standard
from tests.spatial import assessment_oracle as oracle
from tests.spatial.assessment_cases import compare_batch, make_batch, spans_of
from tests.spatial.assessment_oracle import Reading, Span, assess

SLICE = 2_400
SECTION_MONTHS = int(os.environ.get("QINGJIANG_SECTION_MONTHS", str(SLICE)))
SEEDS = 4
SECTIONS = 34


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_engine_agrees_with_the_recomputation(seed):
    rng = random.Random(f"section-months {seed}")  # noqa: S311 - the same cases every time
    compared = 0
    while compared < SECTION_MONTHS / SEEDS:
        compared += compare_batch(make_batch(rng, SECTIONS), rng)


def test_the_cases_hit_what_is_hard():
    """Means exactly at limits, classes left open by detection limits, superseded data, every verdict."""
    seen = set()
    rng = random.Random("what is hard")  # noqa: S311 - the same cases every time
    bounds = {
        code: {Fraction(bound) for bound in text.split()} for code, (_, text, _) in oracle.RIVER.items()
    }
    for _ in range(4):
        batch = make_batch(rng, 20)
        spans = spans_of(batch.year)
        for code, readings in batch.readings.items():
            for text in (f"{batch.year}-07", f"{batch.year}-Q3", f"{batch.year}"):
                kind, target = batch.kinds[code], batch.targets[code]
                water = None if kind is None else "river" if kind == "river" else "lake"
                found = assess(readings, spans[text], water=water, target=target, suspect=batch.suspect)
                many = {name for name, item in found.items.items() if item.samples > 1}
                at_limit = any(found.items[name].mean in bounds.get(name, ()) for name in many)
                seen |= {(spans[text].kind, "at a limit")} if at_limit else set()
                seen |= {found.verdict, f"class {found.shown}"} | (
                    {"open"} if found.best < found.worst else set()
                )
                seen |= {"excluded"} if found.excluded else set()
                hidden = [item for item in found.items.values() if 0 < item.non_detects < item.samples]
                seen |= {"partly below detection"} if hidden else set()
                seen |= {f"{len(found.pollutants)} pollutants"}
    assert seen >= {("month", "at a limit"), ("quarter", "at a limit"), ("year", "at a limit")}
    assert seen >= {
        "compliant",
        "violation",
        "undetermined",
        None,
        "open",
        "excluded",
        "partly below detection",
    }
    assert seen >= {f"class {number}" for number in range(7)} | {
        f"{number} pollutants" for number in range(4)
    }


def test_the_recomputation_imports_nothing_of_the_engine():
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert modules == {"collections", "collections.abc", "dataclasses", "datetime", "decimal", "fractions"}


def test_the_limits_typed_in_twice_are_the_same():
    """A slip in one of the two tables would be an error of both results only where it is the same slip."""
    standard = load_standard()
    assert set(oracle.EVALUATED) == set(load_evaluation_method().evaluated)
    for water in ("river", "lake"):
        for code, (direction, bounds, decimals) in oracle.limits_of(water).items():
            limit = standard.limits_for(water)[code]
            assert (limit.direction, limit.decimals) == (direction, decimals), code
            assert limit.bounds == tuple(map(Decimal, bounds.split())), code


# --- the re-computation itself, by hand ---

MARCH = Span("month", date(2025, 3, 1), date(2025, 3, 31))


def reading(hour, parameter, value, **more):
    return Reading("S", datetime(2025, 3, 5, hour, tzinfo=UTC), parameter, Decimal(value), **more)


def test_by_hand_a_mean_at_the_limit_with_half_a_detection_limit():
    # (0.05 / 2 + 0.375) / 2 = 0.2: class III of a river, exactly.
    rows = [reading(1, "tp", "0.05", below=True, limit=Decimal("0.05")), reading(5, "tp", "0.375")]
    found = assess(rows, MARCH, water="river", target=2)
    assert (found.items["tp"].mean, found.shown, found.verdict) == (Fraction(1, 5), 3, "violation")
    assert (found.items["tp"].multiple, found.items["tp"].target_multiple) == (None, 1)
    assert assess(rows, MARCH, water="lake", target=2).items["tp"].multiple == 3


def test_by_hand_automatic_data_stand_before_manual_data_for_six_items():
    rows = [
        reading(1, "nh3_n", "0.4", automatic=True),
        reading(5, "nh3_n", "9"),
        reading(5, "hg", "0.0002"),
        reading(9, "hg", "0", automatic=True),
    ]
    found = assess(rows, MARCH, water="river", target=3)
    assert (found.items["nh3_n"].mean, found.items["hg"].mean) == (Fraction(2, 5), Fraction(1, 10000))
    # The manual moment stays a sample: mercury was taken then.
    assert (found.samples, found.automatic_samples, found.shown) == (3, 2, 3)


def test_by_hand_published_order_of_main_pollutants():
    # Xihucun on the Longgang river: ammonia 2.3, phosphorus 0.32, COD 24.
    rows = [reading(1, "cod_cr", "24"), reading(1, "tp", "0.32"), reading(1, "nh3_n", "2.3")]
    found = assess(rows, MARCH, water="river", target=3)
    assert (found.shown, found.pollutants) == (6, ("nh3_n", "tp", "cod_cr"))
    assert [found.items[code].multiple for code in found.pollutants] == [
        Fraction(13, 10),
        Fraction(6, 10),
        Fraction(2, 10),
    ]
