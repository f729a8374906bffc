"""An explanation redone by hand: from its document alone, with the standard library alone.

Nothing of the engine is imported. Whoever has the JSON document and a pocket calculator comes to the same
means, classes, multiples, order of pollutants, verdict and trophic index, or the document is wrong.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

Json = Any


def fraction(number: Mapping[str, Any]) -> Fraction:
    """An exact number of the document; its decimal is all of it, or its first twelve digits."""
    exact = Fraction(int(number["numerator"]), int(number["denominator"]))
    shown = Fraction(Decimal(number["decimal"]))
    if number["exact"]:
        assert shown == exact
    else:
        assert shown != exact
        assert abs(shown - exact) <= abs(exact) / 10**11
    return exact


def grade(value: Fraction, direction: str, limits: Sequence[str]) -> int:
    bounds = [Fraction(Decimal(bound)) for bound in limits]
    if direction == "within":
        return 1 if bounds[0] <= value <= bounds[1] else 6
    meets = [value <= bound if direction == "at_most" else value >= bound for bound in bounds]
    return meets.index(True) + 1 if True in meets else 6


def redo(document: Json) -> None:
    """Walk the chain and compare each step with what the document says."""
    means = redo_means(document)
    classes = redo_classes(document, means)
    redo_section(document, classes)
    redo_pollutants(document, means, classes)
    redo_target(document, means)
    redo_trophic(document)


def redo_means(document: Json) -> dict[str, Fraction]:
    rows: dict[str, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    used = 0
    for row in document["readings"]["rows"]:
        assert row["used"] == (row["reason"] is None)
        if not row["used"]:
            assert row["enters_as"] is None
            continue
        used += 1
        if row["qualifier"] == "<":
            assert row["halved"]
            assert Decimal(row["enters_as"]) * 2 == Decimal(row["detection_limit"] or row["value"])
        else:
            whole = row["full_value"] if row["compare"] == "full" else None
            assert Decimal(row["enters_as"]) == Decimal(whole or row["value"])
        rows[row["parameter"]][row["sampled_at"][:7]].append(row)
    assert used == document["readings"]["used"]
    assert len(document["readings"]["rows"]) == document["readings"]["total"]
    assert used + sum(document["readings"]["not_used"].values()) == document["readings"]["total"]
    assert [entry["code"] for entry in document["parameters"]] == sorted(
        rows, key=[entry["code"] for entry in document["parameters"]].index
    )
    means: dict[str, Fraction] = {}
    for entry in document["parameters"]:
        months = rows[entry["code"]]
        assert [month["month"] for month in entry["months"]] == sorted(months)
        monthly = []
        for month in entry["months"]:
            amounts = [Fraction(Decimal(row["enters_as"])) for row in months[month["month"]]]
            assert month["samples"] == len(amounts)
            assert month["non_detects"] == sum(row["halved"] for row in months[month["month"]])
            assert fraction(month["sum"]) == sum(amounts)
            assert fraction(month["mean"]) == sum(amounts) / len(amounts)
            monthly.append(sum(amounts) / len(amounts))
        every = [Fraction(Decimal(row["enters_as"])) for part in months.values() for row in part]
        assert entry["samples"] == len(every)
        mean = sum(monthly) / len(monthly) if entry["rule"] == "months" else sum(every) / len(every)
        assert fraction(entry["mean"]) == mean
        means[entry["code"]] = Fraction(mean)
        judged = fraction(entry["judged"])
        if entry["basis"] == "mean_detection_limit":
            # Nothing was detected, so every entry was halved, and so was the mean.
            assert judged == 2 * mean
        else:
            assert entry["basis"] == "mean"
            assert judged == mean
    return means


def redo_classes(document: Json, means: Mapping[str, Fraction]) -> dict[str, tuple[int, int]]:
    classes: dict[str, tuple[int, int]] = {}
    for entry in document["parameters"]:
        judged = fraction(entry["judged"])
        for judgement in entry["judgements"]:
            if judgement["class_range"] is None:
                continue
            below = entry["basis"] == "mean_detection_limit"
            # What lies below a lower bound does not reach it; an upper bound it may come as near as it likes.
            nearest = (
                judged - Fraction(1, 10**30) if below and judgement["direction"] != "at_most" else judged
            )
            found = grade(nearest, judgement["direction"], judgement["limits"])
            at_zero = grade(Fraction(0), judgement["direction"], judgement["limits"])
            ends = sorted((found, at_zero)) if below else [found, found]
            assert judgement["class_range"] == ends
            assert judgement["source"]["document"]
            assert judgement["source"]["clause"]
        if not entry["evaluated"]:
            continue
        if entry["left_open"] is not None:
            counted = entry["samples"] if entry["left_open"]["counted"] == "samples" else len(entry["months"])
            assert counted < entry["left_open"]["needed"]
            classes[entry["code"]] = (1, 6)
        else:
            classes[entry["code"]] = tuple(entry["judgements"][0]["class_range"])  # type: ignore[assignment]
        assert entry["class_range"] == list(classes[entry["code"]])
    return classes


def redo_section(document: Json, classes: Mapping[str, tuple[int, int]]) -> None:
    if document["section"]["judged_as"] is None:
        return
    if not document["enough"]:
        assert document["class"] is None
        assert document["reasons"]
        return
    best = max(low for low, _ in classes.values())
    worst = max(high for _, high in classes.values())
    assert document["class_range"] == [best, worst]
    if best == worst:
        assert document["class"] == best
    elif worst == 6 or best <= 3 < worst:
        assert document["class"] is None
    else:
        assert document["class"] == worst
    shown = document["class"]
    deciding = [code for code, (_, high) in classes.items() if shown is not None and high == shown]
    assert document["limiting"] == deciding
    assert [entry["code"] for entry in document["parameters"] if entry["decides"]] == deciding
    grades = ["excellent", "excellent", "good", "light_pollution", "moderate_pollution", "heavy_pollution"]
    assert document["grade"] == (None if shown is None else grades[shown - 1])


def redo_pollutants(
    document: Json, means: Mapping[str, Fraction], classes: Mapping[str, tuple[int, int]]
) -> None:
    entries = {entry["code"]: entry for entry in document["parameters"]}
    keys = []
    for code, (low, high) in classes.items():
        if low <= 3:
            continue
        judgement, multiple = entries[code]["judgements"][0], None
        if judgement["direction"] == "at_most" and low == high:
            bound = Fraction(Decimal(judgement["limits"][2]))
            multiple = (means[code] - bound) / bound
        found = entries[code]["exceedance_multiple"]
        assert (None if found is None else fraction(found)) == multiple
        first = code in {"cyanide", "cu", "zn", "se", "arsenic", "hg", "cd", "cr6", "pb"}
        keys.append((not first, -low, multiple is None, -(multiple or 0), list(classes).index(code), code))
    order = [key[-1] for key in sorted(keys)]
    assert [rank["code"] for rank in document["main_pollutants"]["order"]] == order
    if document["enough"] and document["section"]["judged_as"] is not None:
        assert document["main_pollutants"]["named"] == order[:3]


def redo_target(document: Json, means: Mapping[str, Fraction]) -> None:
    target = document["target"]["class"]
    if target is None:
        assert document["verdict"] is None
        return
    span = document["class_range"]
    if span is None:
        verdict = "undetermined"
    elif span[1] <= target:
        verdict = "compliant"
    else:
        verdict = "violation" if span[0] > target else "undetermined"
    assert document["verdict"] == verdict
    entries = {entry["code"]: entry for entry in document["parameters"]}
    for need in document["over_target"]:
        judgement = entries[need["code"]]["judgements"][0]
        assert grade(means[need["code"]], judgement["direction"], judgement["limits"]) > target
        assert fraction(need["difference"]) == Fraction(Decimal(need["bound"])) - means[need["code"]]


def redo_trophic(document: Json) -> None:
    found = document["trophic"]
    if found is None:
        return
    entries = {entry["code"]: entry for entry in document["parameters"]}
    with localcontext() as context:
        context.prec = 40
        total = Decimal(0)
        for part in found["parts"]:
            mean = fraction(entries[part["code"]]["mean"])
            value = Decimal(mean.numerator) / Decimal(mean.denominator)
            if part["unit"] == "mg/m³":
                value *= 1000
            assert abs(value - Decimal(part["value"])) <= abs(value) / 10**25
            tli = 10 * (Decimal(part["a"]) + Decimal(part["b"]) * value.ln())
            assert abs(tli - Decimal(part["tli"])) < Decimal("1e-20")
            weight = fraction(part["weight"])
            total += tli * Decimal(weight.numerator) / Decimal(weight.denominator)
        assert sum(fraction(part["weight"]) for part in found["parts"]) == 1
        assert abs(total - Decimal(found["tli"])) < Decimal("1e-20")
        states = ["oligotrophic" if total < 30 else None]
        states += [
            state["state"]
            for state in found["states"]
            if state["at_most"] is None or total <= Decimal(state["at_most"])
        ]
        assert found["state"] == next(state for state in states if state is not None)
