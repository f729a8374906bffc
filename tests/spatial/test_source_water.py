"""Drinking-water sources against Tables 1, 2 and 3 (GB 3838-2002, clause 5.3): truth tables."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial.assessment import SectionAssessment, assess_sections
from spatial.errors import RuleFileError
from spatial.overlays import read_standards
from spatial.period import parse_period
from spatial.rulebook import load_rulebook
from spatial.source_rules import load_source_rules, parse_source_rules
from spatial.source_shares import share_sources
from spatial.source_water import (
    SourceAssessment,
    WaterSource,
    assess_source,
    judge_specific_items,
    months_of,
)
from spatial.vocabulary import Verdict
from tests.spatial.conftest import make_readings, make_sections
from tests.spatial.rule_facts import put_into_words

RULES = load_source_rules()
C, V, U = Verdict.COMPLIANT, Verdict.VIOLATION, Verdict.UNDETERMINED

# Every required item well inside class Ⅱ, Table 2 well inside its limits.
CLEAN = {
    "ph": "7.6", "do": "8.0", "cod_mn": "2.4", "bod5": "1.5", "nh3_n": "0.12", "tp": "0.02", "cu": "0.002",
    "zn": "<0.05", "fluoride": "0.2", "se": "<0.0004", "arsenic": "0.0012", "hg": "<0.00004", "cd": "<0.0001",
    "cr6": "<0.004", "pb": "<0.001", "cyanide": "<0.001", "volatile_phenol": "<0.0003", "petroleum": "<0.01",
    "las": "<0.05", "sulfide": "<0.01", "sulfate": "40", "chloride": "12", "nitrate": "1.1", "fe": "<0.03",
    "mn": "<0.01",
}  # fmt: skip


def source(**facts: Any) -> WaterSource:
    usual: dict[str, Any] = {
        "code": "SY-1",
        "name": "样例",
        "level": "city",
        "kind": "surface",
        "region_code": "420500",
        "section_codes": ("S1",),
    }
    return WaterSource(**(usual | facts))


def months(
    samples: Mapping[str, Mapping[str, str]], *, section: str = "S1", period: str = "2023-06", **facts: Any
) -> list[SectionAssessment]:
    """Assess one section month by month from samples by day; `facts` are those of the section."""
    readings = make_readings(*((section, f"{day} 09:00", values) for day, values in samples.items()))
    sections = make_sections({"code": section} | facts)
    return [
        found
        for month in months_of(parse_period(period))
        for found in assess_sections(sections, readings, month)
    ]


def judge(
    *changes: Mapping[str, str | None],
    rules: Any = RULES,
    standard: Any = None,
    water_body_type: str | None = "river",
    **facts: Any,
) -> SourceAssessment:
    """One source in June 2023; each change is a sample that differs from clean water, None leaves out."""
    samples = {}
    for day, change in enumerate(changes or ({},), 1):
        samples[f"2023-06-{day:02d}"] = {
            code: value for code, value in (CLEAN | dict(change)).items() if value is not None
        }
    found = assess_source(
        source(**facts),
        months(samples, water_body_type=water_body_type),
        parse_period("2023-06"),
        standard,
        rules,
    )
    for reason in (*found.reasons, *(warning for _, warning in found.warnings)):
        put_into_words(reason.as_json())
    return found


def year(
    over: Mapping[int, Mapping[str, str]], measured: range | list[int] = range(1, 13), **facts: Any
) -> SourceAssessment:
    samples = {f"2023-{month:02d}-05": CLEAN | dict(over.get(month, {})) for month in measured}
    rules = facts.pop("rules", RULES)
    found = assess_source(source(**facts), months(samples, period="2023"), parse_period("2023"), rules=rules)
    for reason in found.reasons:
        put_into_words(reason.as_json())
    return found


# --- one month: the limits ---


@pytest.mark.parametrize(
    ("change", "verdict", "limiting"),
    [
        ({}, C, ()),
        # Table 1, class Ⅲ, the limit included
        ({"tp": "0.2"}, C, ()),
        ({"tp": "0.2001"}, V, ("tp",)),
        ({"do": "5"}, C, ()),
        ({"do": "4.99"}, V, ("do",)),
        ({"ph": "6"}, C, ()),
        ({"ph": "5.99"}, V, ("ph",)),
        ({"ph": "9.01"}, V, ("ph",)),
        ({"hg": "0.0001"}, C, ()),
        ({"hg": "0.00011"}, V, ("hg",)),
        # an item that is not required counts where it is measured
        ({"cod_cr": "20"}, C, ()),
        ({"cod_cr": "20.1"}, V, ("cod_cr",)),
        # Table 2
        ({"sulfate": "250"}, C, ()),
        ({"sulfate": "250.1"}, V, ("sulfate",)),
        ({"chloride": "250"}, C, ()),
        ({"chloride": "251"}, V, ("chloride",)),
        ({"nitrate": "10"}, C, ()),
        ({"nitrate": "10.01"}, V, ("nitrate",)),
        ({"fe": "0.3"}, C, ()),
        ({"fe": "0.31"}, V, ("fe",)),
        ({"mn": "0.1"}, C, ()),
        ({"mn": "0.101"}, V, ("mn",)),
        # Table 3, where it is measured
        ({"tl": "0.0001"}, C, ()),
        ({"tl": "0.00011"}, V, ("tl",)),
        ({"sb": "0.005", "ni": "0.02"}, C, ()),
        ({"sb": "0.0051", "ni": "0.02"}, V, ("sb",)),
        # reported apart: total nitrogen of a river has no limit, coliforms and temperature do not count
        ({"tn": "9"}, C, ()),
        ({"fecal_coliform": "99999"}, C, ()),
        ({"water_temp": "31"}, C, ()),
        # nothing in the standard
        ({"conductivity": "900", "chl_a": "0.2"}, C, ()),
        # below a detection limit that lies above the limit nothing is shown
        ({"hg": "<0.0002"}, U, ()),
        ({"mn": "<0.2"}, U, ()),
        ({"mn": "<0.1"}, C, ()),
        ({"tl": "<0.001"}, U, ()),
        # a required item is missing
        ({"sulfide": None}, U, ()),
        ({"mn": None}, U, ()),
        ({"cod_cr": None}, C, ()),
        # what is over its limit is over it, whatever is missing or open
        ({"mn": None, "tp": "0.3"}, V, ("tp",)),
        ({"hg": "<0.0002", "fe": "0.6"}, V, ("fe",)),
        # a value that no water can have
        ({"ph": "15"}, U, ()),
    ],
)  # fmt: skip
def test_a_source_meets_the_tables_or_not(change, verdict, limiting):
    found = judge(change)
    assert (found.verdict, found.limiting) == (verdict, limiting)


@pytest.mark.parametrize(
    ("water", "tp", "verdict"),
    [
        ("river", "0.2", C),
        ("river", "0.21", V),
        ("lake", "0.05", C),
        ("lake", "0.051", V),
        ("reservoir", "0.05", C),
        ("reservoir", "0.2", V),
        (None, "0.05", C),
        (None, "0.1", U),
        (None, "0.21", V),
    ],
)
def test_phosphorus_has_the_limit_of_its_water_and_is_open_where_the_type_is_not_known(water, tp, verdict):
    assert judge({"tp": tp}, water_body_type=water).verdict is verdict


def test_multiples_are_over_the_limit_and_the_largest_stands_first():
    found = judge({"fe": "0.9", "mn": "0.15", "do": "3"})
    assert found.limiting == ("fe", "mn", "do")
    assert {item.parameter: item.multiple for item in found.exceedances} == {
        "fe": 2,
        "mn": Fraction(1, 2),
        "do": None,
    }


def test_each_exceedance_names_its_value_limit_month_table_and_document():
    (item,) = judge({"mn": "0.15"}).as_json()["exceedances"]
    assert item == {
        "parameter": "mn",
        "month": "2023-06",
        "section": "S1",
        "value": 0.15,
        "censored": False,
        "limit": 0.1,
        "table": 2,
        "verdict": "violation",
        "multiple": 0.5,
        "document": "GB 3838-2002",
        "clause": "Table 2",
    }


def test_within_a_month_the_mean_of_the_samples_is_judged_with_half_the_detection_limit():
    assert judge({"mn": "0.15"}, {"mn": "0.05"}).verdict is C  # mean 0.1
    assert judge({"mn": "0.15"}, {"mn": "0.06"}).verdict is V  # mean 0.105
    assert judge({"mn": "0.18"}, {"mn": "<0.04"}).verdict is C  # mean of 0.18 and 0.02


def test_what_is_reported_apart_is_still_shown():
    found = judge({"fecal_coliform": "20000", "tn": "1.5"}, water_body_type="lake")
    shown = {item.parameter: (item.verdict, item.multiple) for item in found.reference}
    assert shown == {"fecal_coliform": (V, 1), "tn": (V, Fraction(1, 2))}
    assert found.verdict is C


# --- which sources can be judged ---


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"kind": "ground"}, "source_is_ground_water"),
        ({"kind": None}, "source_kind_missing"),
        ({"section_codes": ()}, "source_section_missing"),
        ({"section_codes": ("S9",)}, "source_section_unknown"),
        ({"section_codes": ("S1", "S9")}, "source_section_unknown"),
    ],
)
def test_a_source_that_cannot_be_judged_is_undetermined_and_says_why(facts, reason):
    found = judge({"tp": "9"}, **facts)
    assert (found.verdict, [one.code for one in found.reasons]) == (U, [reason])


def test_a_ground_source_names_the_standard_that_it_would_need():
    assert judge(kind="ground").reasons[0].params["standard"] == "GB/T 14848"


def test_a_source_without_readings_is_undetermined():
    found = assess_source(source(), months({}), parse_period("2023-06"))
    assert (found.verdict, found.months) == (U, 0)
    assert found.reasons[0].code == "source_not_monitored"
    put_into_words(found.reasons[0].as_json())


def test_a_day_before_the_standard_judges_nothing():
    found = assess_source(source(), months({"2001-05-01": CLEAN}, period="2001-05"), parse_period("2001-05"))
    assert (found.verdict, found.reasons[0].code) == (U, "no_standard_in_force")


def test_every_section_of_a_source_must_comply_and_have_all_items():
    good = months({"2023-06-01": CLEAN})
    two = source(section_codes=("S1", "S2"))

    def verdict(**change: str | None) -> Verdict:
        values = {code: value for code, value in (CLEAN | change).items() if value is not None}
        other = months({"2023-06-01": values}, section="S2")
        return assess_source(two, good + other, parse_period("2023-06")).verdict

    assert verdict() is C
    assert verdict(fe="0.4") is V
    assert verdict(fe=None) is U


# --- longer periods ---


def test_over_a_year_every_month_must_comply():
    assert year({}).verdict is C
    found = year({7: {"mn": "0.2"}})
    assert (found.verdict, found.months_over, found.limiting) == (V, 1, ("mn",))


def test_the_mean_of_the_months_is_the_other_reading_and_stands_in_the_evidence():
    found = year({7: {"mn": "0.2"}})  # eleven months of <0.01 (0.005) and one of 0.2: mean 0.02125
    assert [other.as_json() for other in found.alternatives] == [
        {"setting": "source_basis", "value": "mean", "verdict": "compliant"}
    ]
    by_mean = year({7: {"mn": "0.2"}}, rules=RULES.choosing("source_basis", "mean"))
    assert by_mean.verdict is C
    assert next(item.value for item in by_mean.items if item.parameter == "mn") == Fraction("0.255") / 12
    exactly = year({7: {"mn": "1.145"}}, rules=RULES.choosing("source_basis", "mean"))
    assert exactly.verdict is C  # (11 x 0.005 + 1.145) / 12 = 0.1, the limit included
    assert year({7: {"mn": "1.1451"}}, rules=RULES.choosing("source_basis", "mean")).verdict is V


@pytest.mark.parametrize(
    ("level", "measured", "verdict"),
    [
        ("city", list(range(1, 13)), C),
        ("city", list(range(1, 12)), U),
        ("county", [2, 5, 8, 11], C),
        ("county", [2, 5, 8], U),
        ("township", [3, 9], C),
        ("township", [3], U),
        (None, list(range(1, 12)), U),
        (None, list(range(1, 13)), C),
    ],
)
def test_a_year_needs_the_rounds_of_its_level(level, measured, verdict):
    found = year({}, measured, level=level)
    assert (found.verdict, found.full_rounds) == (verdict, len(measured))


@pytest.mark.parametrize(
    ("level", "months_", "needed"),
    [
        ("city", 1, 1),
        ("city", 3, 3),
        ("county", 1, 1),
        ("county", 3, 1),
        ("county", 6, 2),
        ("township", 3, 1),
        ("township", 12, 2),
    ],
)
def test_a_shorter_period_needs_its_share_and_at_least_one_round(level, months_, needed):
    assert RULES.rounds_needed(level, months_) == needed


def test_a_month_with_some_items_only_is_no_full_round_but_may_show_a_violation():
    samples = {f"2023-{month:02d}-05": CLEAN for month in (2, 5, 8, 11)}
    some = {"ph": "7.5", "tp": "0.1"}
    quarterly = source(level="county")
    partly = months(samples | {"2023-03-01": some}, period="2023")
    assert assess_source(quarterly, partly, parse_period("2023")).verdict is C
    over = months(samples | {"2023-03-01": some | {"tp": "0.3"}}, period="2023")
    assert assess_source(quarterly, over, parse_period("2023")).verdict is V
    fewer = months(
        {day: values for day, values in samples.items() if day > "2023-03"} | {"2023-03-01": some},
        period="2023",
    )
    found = assess_source(quarterly, fewer, parse_period("2023"))
    assert (found.verdict, found.months, found.full_rounds) == (U, 4, 3)


def test_a_range_is_cut_into_months_and_parts_of_months():
    assert [one.text for one in months_of(parse_period("2023-01-15/2023-03-31"))] == [
        "2023-01-15/2023-01-31",
        "2023-02",
        "2023-03",
    ]
    assert [one.text for one in months_of(parse_period("2023-Q2"))] == ["2023-04", "2023-05", "2023-06"]


# --- settings ---


@pytest.mark.parametrize(
    ("change", "setting", "value", "before", "after"),
    [
        ({"tp": "0.15"}, "source_class", 2, C, V),
        ({"hg": "<0.00009"}, "source_class", 2, C, U),
        ({"fecal_coliform": "10001"}, "source_reference_items", "counted", C, V),
        ({"fecal_coliform": "10000"}, "source_reference_items", "counted", C, C),
        ({"tl": "0.001"}, "source_specific_items", "picked", V, C),
    ],
)
def test_an_open_point_settled_otherwise_is_named_where_it_matters(change, setting, value, before, after):
    found = judge(change)
    assert found.verdict is before
    assert judge(change, rules=RULES.choosing(setting, value)).verdict is after
    named = {(other.setting, other.value): other.verdict for other in found.alternatives}
    assert named.get((setting, value)) is (after if after is not before else None)


def test_total_nitrogen_counts_for_lakes_only_and_only_where_asked():
    counted = RULES.choosing("source_reference_items", "counted")
    assert judge({"tn": "1.1"}, rules=counted, water_body_type="river").verdict is C
    assert judge({"tn": "1.1"}, rules=counted, water_body_type="lake", standard=None).limiting[-1:] == ("tn",)


PICKED = """
[[picked]]
region_code = "420000"
items = ["tl", "sb"]
source = { document = "样例清单", clause = "1", in_force = 2023-01-01 }
"""


def packaged() -> str:
    return resources.files("spatial").joinpath("rules", "source_water.toml").read_text(encoding="utf-8")


def test_items_that_an_authority_has_picked_are_required_in_its_region():
    rules = parse_source_rules(packaged() + PICKED, "s.toml", load_rulebook())
    found = judge({"tl": "0.00005"}, rules=rules)
    assert (found.verdict, found.missing) == (U, ("sb",))
    assert judge({"tl": "0.00005", "sb": "0.001"}, rules=rules).verdict is C
    assert judge({}, rules=rules, region_code="430500").verdict is C
    only = rules.choosing("source_specific_items", "picked")
    assert judge({"tl": "0.00005", "sb": "0.006"}, rules=only).verdict is V
    assert judge({"tl": "0.00005", "sb": "0.001", "ni": "9"}, rules=only).verdict is C


def test_no_list_of_picked_items_is_made_up():
    assert RULES.picked == ()


def test_an_overlay_of_the_region_tightens_and_adds_limits_for_sources():
    book = read_standards(resources.files("spatial").joinpath("rules"), Path(__file__).parent / "overlays")
    day = parse_period("2025-06").end
    change = {"mn": "0.08", "chl_a": "0.02"}
    here, there = book.standard_for("510100", day), book.standard_for("420500", day)
    assert judge(change, standard=there).verdict is C
    found = judge(change, standard=here)
    assert (found.verdict, found.limiting) == (V, ("chl_a", "mn"))
    assert {item.source.document for item in found.exceedances} == {"DB99/T 1-2024"}
    assert found.as_json()["evidence"]["standard"]["overlays"][0]["id"] == "made_up_province_2024"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"ph", "do"', '"ph", "oxygen"', "unknown parameter 'oxygen'"),
        ('"ph", "do"', '"ph", "tl"', "which Table 1 does not limit"),
        ('"fe", "mn"', '"fe", "tl"', "not in Table 2"),
        ("county = 4", "county = 0", "at least 1"),
        ("township = 2\n", "", "lacks the key 'township'"),
        ('basis = "memory"', 'basis = "hearsay"', "basis must be one of"),
        ("[ground]", "[soil]", "unknown table 'soil'"),
        ('["tl", "sb"]\nbasis', '["tl", "mn"]\nbasis', "not in Table 3"),
        ("[ground]", PICKED.replace('"tl", "sb"', '"mn"') + "\n[ground]", "not in Table 3"),
        ("[ground]", PICKED.replace("source = ", "sauce = ") + "\n[ground]", "has no source"),
    ],
)
def test_rules_for_sources_that_no_rule_can_be_are_refused(old, new, reason):
    text = packaged()
    assert old in text
    with pytest.raises(RuleFileError, match=reason):
        parse_source_rules(text.replace(old, new, 1), "s.toml", load_rulebook())


# --- properties ---

VALUES = st.fixed_dictionaries(
    {},
    optional={
        code: st.sampled_from(texts)
        for code, texts in {
            "tp": ["0.1", "0.2", "0.21", "<0.3"],
            "mn": ["0.05", "0.1", "0.11", "<0.2"],
            "do": ["6", "5", "4.9"],
            "tl": ["0.00005", "0.00011", "<0.001"],
            "fecal_coliform": ["100", "20000"],
            "hg": ["<0.00004", "<0.0002", "0.001"],
        }.items()
    },
)  # fmt: skip
COMPLIANT_ITEMS = {"ni": "0.01", "ba": "0.5", "sb": "<0.001", "cod_cr": "15", "v": "0.05", "b": "0.4"}


@settings(max_examples=15, deadline=None)
@given(values=VALUES, code=st.sampled_from(sorted(COMPLIANT_ITEMS)))
def test_adding_a_compliant_item_never_creates_a_violation(values, code):
    before, after = judge(values), judge(values | {code: COMPLIANT_ITEMS[code]})
    assert after.verdict is before.verdict
    assert after.limiting == before.limiting


@settings(max_examples=15, deadline=None)
@given(values=VALUES, seed=st.randoms(use_true_random=False))
def test_the_order_of_months_and_items_does_not_matter(values, seed):
    samples = {"2023-04-01": CLEAN, "2023-05-01": CLEAN | values, "2023-06-01": CLEAN}
    shuffled = list(samples.items())
    seed.shuffle(shuffled)
    found = months(samples, period="2023-Q2")
    again = months(
        {day: dict(seed.sample(sorted(row.items()), len(row))) for day, row in shuffled}, period="2023-Q2"
    )
    seed.shuffle(again)
    period = parse_period("2023-Q2")
    assert (
        assess_source(source(), found, period).as_json() == assess_source(source(), again, period).as_json()
    )


@settings(max_examples=15, deadline=None)
@given(values=VALUES, code=st.sampled_from(["mn", "tp", "fe", "sulfate"]), factor=st.integers(2, 9))
def test_worse_water_never_turns_a_violation_into_compliance(values, code, factor):
    worse = dict(CLEAN | values)
    number = Decimal(worse[code].lstrip("<"))
    order = {V: 0, U: 1, C: 2}
    before = judge(values)
    after = judge(values | {code: str(number * factor)})
    assert order[after.verdict] <= order[before.verdict] or before.verdict is U


# --- shares ---


def shares_of(*found: tuple[str | None, str | None, Verdict, str | None], by: Any) -> dict[str | None, Any]:
    """Shares of sources given as level, region, verdict and volume."""
    made = []
    clean, over = judge(), judge({"tp": "1"})
    for place, (level, region, verdict, volume) in enumerate(found):
        kept = {C: clean, V: over, U: judge(kind="ground")}[verdict]
        own = source(
            code=f"SY-{place}",
            level=level,
            region_code=region,
            annual_volume=None if volume is None else Decimal(volume),
        )
        made.append(
            SourceAssessment(
                **{name: getattr(kept, name) for name in kept.__dataclass_fields__} | {"source": own}
            )
        )
    return {share.code: share for share in share_sources(made, by)}


SOURCES = (
    ("city", "420500", C, "100"),
    ("city", "421000", V, "300"),
    ("county", "420528", C, None),
    ("county", "430600", U, "5"),
    ("township", "430682", U, "1"),
    (None, None, C, "1"),
)


def test_shares_by_level_have_numerators_denominators_and_what_is_open():
    shares = shares_of(*SOURCES, by="level")
    assert list(shares) == ["city", "county", "township", None]
    assert [(one.compliant, one.determined, one.total, one.share) for one in shares.values()] == [
        (1, 2, 2, 50),
        (1, 1, 2, 100),
        (0, 0, 1, None),
        (1, 1, 1, 100),
    ]
    assert (shares["county"].share_least, shares["county"].share_most) == (50, 100)


def test_a_share_by_volume_is_there_only_where_every_source_states_one():
    shares = shares_of(*SOURCES, by="level")
    assert shares["city"].share_by_volume == 25
    assert shares["county"].share_by_volume is None
    assert shares["township"].share_by_volume is None


def test_regions_are_nested():
    shares = shares_of(*SOURCES, by="region")
    assert {code: share.total for code, share in shares.items()} == {
        "420000": 3,
        "420500": 2,
        "420528": 1,
        "421000": 1,
        "430000": 2,
        "430600": 2,
        "430682": 1,
        None: 1,
    }


@pytest.mark.parametrize(
    ("compliant", "violation", "undetermined", "at_least", "verdict"),
    [
        (10, 0, 0, "100", C),
        (9, 1, 0, "100", V),
        (9, 0, 1, "100", U),
        (93, 7, 0, "93", C),
        (92, 8, 0, "93", V),
        (92, 7, 1, "93", U),
        (93, 0, 7, "93", C),
        (0, 0, 4, "95.8", U),
        (23, 1, 0, "95.8", C),  # 95.833…
        (22, 1, 0, "95.8", V),  # 95.652…
    ],
)
def test_a_share_is_judged_three_valued(compliant, violation, undetermined, at_least, verdict):
    rows = [
        ("city", "420500", each, None)
        for each, count in ((C, compliant), (V, violation), (U, undetermined))
        for _ in range(count)
    ]
    assert shares_of(*rows, by="level")["city"].verdict_for(Decimal(at_least)) is verdict


# --- thallium and antimony at ordinary sections (standards, section 13) ---


def test_thallium_and_antimony_at_ordinary_sections_are_off_by_default():
    assert RULES.choices["specific_items_at_sections"] == "off"


def test_the_settings_of_the_rule_book_are_the_choices_in_use():
    rulebook = load_rulebook().with_settings(specific_items_at_sections="on", source_class=2)
    rules = parse_source_rules(packaged(), "s.toml", rulebook)
    assert (rules.choices["specific_items_at_sections"], rules.choices["source_class"]) == ("on", 2)
    assert rules.others["source_class"] == (3,)
    assert judge({"tp": "0.15"}, rules=rules).verdict is V


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"tl": "0.0001", "sb": "0.005"}, {"tl": (C, None), "sb": (C, None)}),
        ({"tl": "0.0003", "sb": "0.0051"}, {"tl": (V, 2), "sb": (V, Fraction(2, 100))}),
        ({"tl": "<0.001"}, {"tl": (U, None)}),
        ({"ni": "9"}, {}),
    ],
)
def test_on_request_they_are_judged_against_table_3_and_the_class_stays(values, expected):
    (assessment,) = months({"2023-06-01": CLEAN | values})
    found = judge_specific_items(assessment)
    assert {item.parameter: (item.verdict, item.multiple) for item in found} == expected
    assert {(item.table, item.source.document) for item in found} <= {(3, "GB 3838-2002")}
    assert assessment.water_class == months({"2023-06-01": CLEAN})[0].water_class
