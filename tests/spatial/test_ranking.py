"""City water-quality index, improvement, flood-season intensity: values by hand, ranks with ties."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import assess_sections
from spatial.city_index import city_of, index_change, index_value, quality_index, subjects_of
from spatial.period import parse_period
from spatial.ranking import rank_by_flood_intensity, rank_by_improvement, rank_by_index, rank_values
from spatial.standards import load_evaluation_method, load_standard

A, B = "2025-06", "2024-06"
RIVER = load_standard().limits_for("river")
LAKE = load_standard().limits_for("lake")
CLASS_3 = {
    "ph": "7", "do": "5", "cod_mn": "6", "cod_cr": "20", "bod5": "4", "nh3_n": "1", "tp": "0.2", "cu": "1",
    "zn": "1", "fluoride": "1", "se": "0.01", "arsenic": "0.05", "hg": "0.0001", "cd": "0.005",
    "cr6": "0.05", "pb": "0.05", "cyanide": "0.2", "volatile_phenol": "0.005", "petroleum": "0.05",
    "las": "0.2", "sulfide": "0.2",
}  # fmt: skip
"""The 21 items at their class Ⅲ limits (river), pH neutral."""


@pytest.fixture(scope="module")
def assess_at(sections_of, readings_of):
    """Assess sections in one month from {code: (facts, values)}."""

    def assess(period, rows):
        sections = sections_of(*({"code": code} | facts for code, (facts, _) in rows.items()))
        readings = readings_of(*((code, f"{period}-01", values) for code, (_, values) in rows.items()))
        return assess_sections(sections, readings, parse_period(period))

    return assess


# --- the index ---


@pytest.mark.parametrize(
    ("code", "mean", "index"),
    [
        ("tp", "0.2", "1"),
        ("tp", "0.05", "0.25"),
        ("do", "5", "1"),
        ("do", "10", "0.5"),
        ("ph", "7", "0"),
        ("ph", "6.5", "0.5"),
        ("ph", "6", "1"),
        ("ph", "8", "0.5"),
        ("ph", "9", "1"),
    ],
)
def test_the_index_of_an_item_is_its_share_of_the_class_3_limit(code, mean, index):
    assert index_value(code, Fraction(mean), RIVER[code], 3) == Fraction(index)


def test_oxygen_of_zero_has_no_index():
    assert index_value("do", Fraction(0), RIVER["do"], 3) is None


def test_water_at_every_class_3_limit_has_the_index_of_its_items(assess_at):
    index = quality_index(assess_at(A, {"S": ({}, CLASS_3)}))
    # Twenty items at their limit count 1 each, neutral pH nothing.
    assert (index.value, index.missing, len(index.items)) == (20, (), 21)
    assert set(index.items) == set(load_evaluation_method().evaluated)


def test_means_over_sections_come_before_limits(assess_at):
    index = quality_index(
        assess_at(A, {"S": ({}, {"tp": "0.1", "do": "4"}), "T": ({}, {"tp": "0.3"})}), items=("tp", "do")
    )
    # Phosphorus (0.1 + 0.3) / 2 over 0.2; oxygen 5 over the only 4.
    assert index.value == 1 + Fraction(5, 4)
    assert [(item.code, item.sections) for item in index.parts[0].items] == [("do", 1), ("tp", 2)]


def test_rivers_and_lakes_of_a_city_are_weighted_by_their_sections(assess_at):
    lake = {"water_body_type": "lake"}
    rows = {"R1": ({}, {"tp": "0.2"}), "R2": ({}, {"tp": "0.4"}), "L": (lake, {"tp": "0.1"})}
    index = quality_index(assess_at(A, rows), items=("tp",))
    # Rivers 0.3 / 0.2 with two sections, the lake 0.1 / 0.05 with one: (2 × 1.5 + 2) / 3.
    assert [(part.water_body, part.value) for part in index.parts] == [("lake", 2), ("river", Fraction(3, 2))]
    assert index.value == Fraction(5, 3)


def test_what_was_not_detected_enters_with_half_the_detection_limit(assess_at):
    assert quality_index(assess_at(A, {"S": ({}, {"tp": "<0.02"})}), items=("tp",)).value == Fraction(1, 20)


def test_missing_items_are_named(assess_at):
    index = quality_index(assess_at(A, {"S": ({}, {"tp": "0.1"})}), items=("tp", "hg", "do"))
    assert (index.missing, index.items) == (("do", "hg"), ("tp",))


def test_an_item_named_twice_counts_once(assess_at):
    assert quality_index(assess_at(A, {"S": ({}, {"tp": "0.2"})}), items=("tp", "tp")).value == 1


def test_without_usable_sections_there_is_no_index(assess_at):
    unknown = assess_at(A, {"S": ({"water_body_type": None}, {"tp": "0.1"})})
    assert quality_index(unknown) is None
    assert quality_index([]) is None


# --- cities ---


@pytest.mark.parametrize(
    ("facts", "code", "name"),
    [
        ({"region_code": "420506", "city": "宜昌市"}, "420500", "宜昌市"),
        ({"region_code": "500112", "province": "重庆市", "city": "市辖区"}, "500000", "重庆市"),
        ({"region_code": "310000", "province": "上海市"}, "310000", "上海市"),
        ({"region_code": "429004", "city": "仙桃市"}, "429004", "仙桃市"),
        ({"region_code": None, "city": "宜昌市"}, "湖北省/宜昌市", "宜昌市"),
        ({"region_code": "420000", "city": "宜昌市"}, "湖北省/宜昌市", "宜昌市"),
    ],
)
def test_every_section_belongs_to_a_prefecture_city(assess_at, facts, code, name):
    (section,) = assess_at(A, {"S": (facts, {"tp": "0.1"})})
    assert city_of(section) == (code, name)


def test_a_section_of_no_known_city_is_left_out(assess_at):
    found = assess_at(A, {"S": ({"region_code": None, "city": None}, {"tp": "0.1"})})
    assert subjects_of(found, "city") == {}


def test_cities_are_ranked_by_index_and_incomplete_ones_are_not(assess_at):
    def city(region, name, **values):
        return ({"region_code": region, "city": name}, {"do": "5", "tp": "0.2"} | values)

    rows = {
        "A": city("420100", "武汉市", tp="0.1"),
        "B": city("420500", "宜昌市"),
        "C": city("421000", "荆州市"),
        "D": city("420600", "襄阳市", tp="0.4"),
        "E": ({"region_code": "420200", "city": "黄石市"}, {"tp": "0.02"}),
    }
    found = rank_by_index(assess_at(A, rows), period=A, items=("do", "tp"))
    assert [(row.rank, row.code, row.value) for row in found] == [
        (1, "420100", Fraction(3, 2)),
        (2, "420500", 2),
        (2, "421000", 2),
        (4, "420600", 3),
        (None, "420200", None),
    ]
    last = found[-1].as_json()
    assert last["items_missing"] == ["do"]
    assert last["index"] == 0.1  # shown, not ranked
    assert last["reason"] == {"code": "index_items_missing", "params": {"items": "do"}}
    assert last["ranked"] == 4


def test_the_change_of_a_city_index_rests_on_what_both_years_have(assess_at):
    city = {"region_code": "420500", "city": "宜昌市"}
    before = assess_at(B, {"S": (city, {"tp": "0.2", "hg": "0.0001"}), "OLD": (city, {"tp": "0.4"})})
    after = assess_at(A, {"S": (city, {"tp": "0.1"}), "NEW": (city, {"tp": "0.3"})})
    (row,) = rank_by_index(after, before, period=A, compared_with=B, items=("tp",))
    # The city stands at (0.1 + 0.3) / 2 / 0.2; the change is that of section S: 1 to 0.5, -50 %.
    assert row.value == 1
    change = row.as_json()["change"]
    assert (change["index_before"], change["index_after"], change["change_per_cent"]) == (1, 0.5, -50)
    assert (change["sections_only_before"], change["sections_only_after"]) == (["OLD"], ["NEW"])
    assert (change["section_codes"], change["items"]) == (["S"], ["tp"])


# --- improvement ---


def test_the_most_improved_stand_first_and_ties_share_a_rank(assess_at):
    before = {code: ({}, {"tp": "0.2"}) for code in "ABCDE"}
    after = {
        "A": ({}, {"tp": "0.1"}),
        "B": ({}, {"tp": "0.3"}),
        "C": ({}, {"tp": "0.1"}),
        "D": ({}, {"tp": "0.2"}),
        "F": ({}, {"tp": "0.2"}),
    }
    sides = assess_at(B, before), assess_at(A, after)
    found = rank_by_improvement(*sides, period=A, compared_with=B)
    assert [(row.rank, row.code, row.value) for row in found] == [
        (1, "A", -50),
        (1, "C", -50),
        (3, "D", 0),
        (4, "B", 50),
        (None, "E", None),
        (None, "F", None),
    ]
    assert [row.facts["direction"] for row in found[:4]] == ["improved", "improved", "unchanged", "worsened"]
    assert (found[0].facts["class_before"], found[0].facts["class_after"]) == (3, 2)
    assert found[-1].reason.code == "nothing_in_common"
    worst = rank_by_improvement(*sides, period=A, compared_with=B, worst_first=True, most=2)
    assert [(row.rank, row.code) for row in worst] == [(1, "B"), (2, "D")]


def test_an_item_measured_in_one_period_only_is_no_change(assess_at):
    before = assess_at(B, {"S": ({}, {"tp": "0.1", "hg": "0.001"})})
    after = assess_at(A, {"S": ({}, {"tp": "0.1", "cod_mn": "3"})})
    (row,) = rank_by_improvement(before, after, period=A, compared_with=B)
    assert (row.value, row.facts["change"]["items"]) == (0, ["tp"])


def test_rivers_are_ranked_over_their_common_sections(assess_at):
    river = {"river": "香溪河"}
    before = assess_at(B, {"S": (river, {"tp": "0.2"}), "T": (river, {"tp": "0.4"})})
    after = assess_at(A, {"S": (river, {"tp": "0.2"}), "T": (river, {"tp": "0.1"})})
    (row,) = rank_by_improvement(before, after, period=A, compared_with=B, of="river")
    # Means 0.3 and 0.15: half.
    assert (row.code, row.value) == ("香溪河", -50)


def test_an_index_that_was_zero_has_no_change_in_per_cent(assess_at):
    before, after = (assess_at(period, {"S": ({}, {"ph": ph})}) for period, ph in ((B, "7"), (A, "8")))
    (row,) = rank_by_improvement(before, after, period=A, compared_with=B)
    assert (row.rank, row.reason.code) == (None, "index_before_zero")


def test_oxygen_of_zero_in_one_period_leaves_the_item_out_of_both(assess_at):
    before = assess_at(B, {"S": ({}, {"do": "5", "tp": "0.2"})})
    after = assess_at(A, {"S": ({}, {"do": "0", "tp": "0.2"})})
    change = index_change(before, after)
    assert (change.before.items, change.after.items, change.per_cent) == (("tp",), ("tp",), 0)


# --- flood-season intensity ---


def test_the_worst_flood_stands_first_and_shows_what_it_is_made_of(assess_at):
    rows = {
        "A": ({"target_class": 2}, {"tp": "3.3"}),
        "B": ({"target_class": 2}, {"tp": "0.1", "cod_mn": "9"}),
        "C": ({"target_class": None}, {"tp": "9"}),
        "D": ({"target_class": 2}, {"ph": "7"}),
    }
    found = rank_by_flood_intensity(assess_at(A, rows), period=A)
    # Published: 3.30 mg/L of phosphorus over the limit 0.10 is 33.0, the highest in the country.
    assert [(row.rank, row.code, row.value) for row in found] == [(1, "A", 33), (2, "B", Fraction(9, 4))]
    first = found[0].as_json()
    assert (first["parameter"], first["highest"], first["limit"]) == ("tp", 3.3, 0.1)
    every = rank_by_flood_intensity(assess_at(A, rows), period=A, every=True)
    assert [(row.code, row.reason.code) for row in every[2:]] == [
        ("C", "target_class_missing"),
        ("D", "no_flood_readings"),
    ]


def test_the_list_ends_with_everybody_who_ties_on_the_last_rank(assess_at):
    rows = {code: ({"target_class": 2}, {"tp": value}) for code, value in zip("ABC", "321", strict=True)}
    rows |= {"D": ({"target_class": 2}, {"tp": "2"})}
    found = rank_by_flood_intensity(assess_at(A, rows), period=A, most=2)
    assert [(row.rank, row.code) for row in found] == [(1, "A"), (2, "B"), (2, "D")]
    assert found[0].ranked == 4


# --- ranks ---


def test_equal_values_share_a_rank_and_the_next_counts_on():
    values = [Fraction(3), None, Fraction(1), Fraction(3), Fraction(5)]
    assert rank_values(values) == [2, None, 1, 2, 4]
    assert rank_values(values, largest_first=True) == [2, None, 4, 2, 1]


@given(values=st.lists(st.one_of(st.none(), st.decimals(0, 3, places=1).map(Fraction))))
def test_a_rank_is_one_more_than_how_many_are_better(values):
    for value, rank in zip(values, rank_values(values), strict=True):
        better = sum(other is not None and value is not None and other < value for other in values)
        assert rank == (None if value is None else better + 1)


@given(values=st.lists(st.sampled_from(["0.1", "0.2", "0.4"]), min_size=1, max_size=6))
def test_the_order_of_the_sections_changes_no_ranking(assess_at, values):
    rows = {
        f"S{place}": ({"region_code": f"4205{place:02d}"}, {"tp": value})
        for place, value in enumerate(values)
    }
    assessed = assess_at(A, rows)
    for of in ("section", "city"):
        found = [
            [row.as_json() for row in rank_by_index(order, period=A, of=of, items=("tp",))]
            for order in (assessed, assessed[::-1])
        ]
        assert found[0] == found[1]


def test_lakes_are_held_to_the_limits_of_lakes():
    assert index_value("tp", Fraction(1, 20), LAKE["tp"], 3) == Decimal(1)
