"""The published and derived worked examples of water quality, one test each; the CSV holds the numbers."""

import ast
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from spatial.change import change_of_proportions
from spatial.class_text import parse_water_class
from spatial.classification import Grader, classify_values, judge_range
from spatial.flood_season import flood_intensity
from spatial.groups import grade_by_shares, rank_group_pollutants
from spatial.parameters import convert_unit
from spatial.rounding import round_fraction, round_half_even
from spatial.standards import load_evaluation_method, load_standard
from spatial.tailings import design_grade
from spatial.trend import rank_trend
from spatial.trophic import Concentration, trophic_index, trophic_parts, trophic_state, trophic_weights
from spatial.vocabulary import Verdict

STANDARD = load_standard()
METHOD = load_evaluation_method()
CLASSES = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "inferior_V": 6}
TROPHIC_INPUTS = {
    "chla_mg_m3": ("chl_a", "mg/m3"),
    "tp_mg_l": ("tp", "mg/L"),
    "tn_mg_l": ("tn", "mg/L"),
    "sd_m": ("transparency", "m"),
    "cod_mn_mg_l": ("cod_mn", "mg/L"),
}
TROPHIC_CODES = {"chla": "chl_a", "tp": "tp", "tn": "tn", "sd": "transparency", "cod_mn": "cod_mn"}


def decimals(values):
    return {code: Decimal(value) for code, value in values.items()}


def assert_near(found, expected, tolerance):
    assert abs(Fraction(found) - Fraction(expected)) <= Fraction(tolerance)


def assert_section_class(example):
    found = classify_values(
        decimals(example.inputs["sample"]), STANDARD, water_body=example.inputs["water_body"]
    )
    assert found.water_class == CLASSES[example.expected["class"]]
    assert list(found.deciding) == example.expected["deciding"]


def test_a01_river_station_record_with_published_class(worked_examples):
    assert_section_class(worked_examples["A01"])


def test_a02_river_station_record_with_published_class_next_day(worked_examples):
    assert_section_class(worked_examples["A02"])


def test_a03_published_single_item_classes_of_the_heihe(worked_examples):
    example = worked_examples["A03"]
    grader = Grader(STANDARD, METHOD, "river")
    for code, value in decimals(example.inputs["items"]).items():
        # The paper grades total nitrogen by the limits that the standard gives to lakes.
        limit = STANDARD.lake["tn"] if code == "tn" else grader.limits[code]
        assert limit.grade(value) == CLASSES[example.expected[code]], code


def test_a04_ordinary_class_ii_river_sample(worked_examples):
    assert_section_class(worked_examples["A04"])


def test_a05_a_value_equal_to_a_limit_belongs_to_that_class(worked_examples):
    example = worked_examples["A05"]
    for code, values in example.inputs["values"].items():
        found = [STANDARD.river[code].grade(Decimal(value)) for value in values]
        assert found == [CLASSES[name] for name in example.expected[code]], code


def assert_multiples(example):
    values = decimals(example.inputs["concentrations"])
    found = classify_values(values, STANDARD, target=3)
    for item in found.items:
        expected = example.expected[item.code]
        if expected is None:
            assert item.exceedance_multiple is None
        else:
            assert_near(item.exceedance_multiple, expected, example.tolerance)
    assert found.water_class == CLASSES[example.expected["class"]]
    return found


def test_b01_published_multiples_at_xihucun(worked_examples):
    example = worked_examples["B01"]
    found = assert_multiples(example)
    assert list(found.main_pollutants) == example.expected["order"]


def test_b02_published_multiple_at_longkou(worked_examples):
    example = worked_examples["B02"]
    found = assert_multiples(example)
    assert (found.verdict_for(3) is Verdict.COMPLIANT) is example.expected["meets_target"]


def test_b03_phosphorus_with_multiple_and_oxygen_without(worked_examples):
    example = worked_examples["B03"]
    found = assert_multiples(example)
    assert found.grade == example.expected["grade"]
    assert found.main_pollutants == ("tp", "do")


def assert_main_pollutants(example):
    found = classify_values(decimals(example.inputs["sample"]), STANDARD)
    multiples = {item.code: item.exceedance_multiple for item in found.items}
    for code, expected in example.expected["multiples"].items():
        if expected is None:
            assert multiples[code] is None
        else:
            assert_near(multiples[code], expected, example.tolerance)
    assert list(found.main_pollutants) == example.expected["main"]


def test_b04_a_heavy_metal_over_class_iii_comes_first(worked_examples):
    assert_main_pollutants(worked_examples["B04"])


def test_b05_worst_class_first_then_multiple_oxygen_last_inside_its_class(worked_examples):
    assert_main_pollutants(worked_examples["B05"])


def test_b07_exceedance_rate_over_eight_sections(worked_examples):
    example = worked_examples["B07"]
    over, sections = example.inputs["sections_over_class_iii"], example.inputs["sections"]
    ranked = rank_group_pollutants(over, sections)
    assert [entry.code for entry in ranked] == example.expected["main"]
    for code, rate in example.expected["rates_pct"].items():
        assert_near(
            rank_group_pollutants({code: over[code]}, sections)[0].exceedance_rate, rate, example.tolerance
        )


def assert_river_grade(example):
    found = grade_by_shares(Decimal(example.inputs["pct_I_III"]), Decimal(example.inputs["pct_inferior_V"]))
    assert found == example.expected["grade"]


def test_c01_yangtze_system_94_sections(worked_examples):
    assert_river_grade(worked_examples["C01"])


def test_c02_yangtze_mainstem_32_sections(worked_examples):
    assert_river_grade(worked_examples["C02"])


def test_c03_yangtze_tributaries_62_sections(worked_examples):
    assert_river_grade(worked_examples["C03"])


def test_c04_yangtze_provincial_boundary_sections(worked_examples):
    assert_river_grade(worked_examples["C04"])


def test_c05_mulanxi_6_sections(worked_examples):
    assert_river_grade(worked_examples["C05"])


def test_c06_ninety_per_cent_is_excellent(worked_examples):
    assert_river_grade(worked_examples["C06"])


def test_c07_just_under_ninety_per_cent_is_good(worked_examples):
    assert_river_grade(worked_examples["C07"])


def test_c09_under_seventy_five_with_little_inferior_is_light_pollution(worked_examples):
    assert_river_grade(worked_examples["C09"])


def test_c10_twenty_per_cent_inferior_is_moderate_pollution(worked_examples):
    assert_river_grade(worked_examples["C10"])


def test_c11_forty_per_cent_inferior_is_heavy_pollution(worked_examples):
    assert_river_grade(worked_examples["C11"])


def test_c12_exactly_sixty_and_forty_is_heavy_pollution(worked_examples):
    assert_river_grade(worked_examples["C12"])


def test_c13_fewer_than_five_sections_average_the_concentrations(worked_examples, assess_means):
    example = worked_examples["C13"]
    group = assess_means([decimals(section) for section in example.inputs["sections"]])
    assert group.water_class == CLASSES[example.expected["class"]]
    assert group.grade == example.expected["grade"]
    for code, expected in example.expected["mean"].items():
        mean = sum(Fraction(section[code]) for section in example.inputs["sections"]) / 3
        assert_near(mean, expected, example.tolerance)


def trophic_inputs(example):
    return {
        code: Concentration(Decimal(example.inputs[name]), unit)
        for name, (code, unit) in TROPHIC_INPUTS.items()
    }


def assert_trophic_index(example):
    found = trophic_index(trophic_inputs(example))
    for name, expected in example.expected["parts"].items():
        assert_near(found.parts[TROPHIC_CODES[name]], expected, example.tolerance)
    assert_near(found.tli, example.expected["tli"], example.tolerance)
    assert found.state == example.expected["grade"]


def test_d01_trophic_index_of_a_mesotrophic_lake(worked_examples):
    assert_trophic_index(worked_examples["D01"])


def test_d02_trophic_index_of_an_oligotrophic_lake(worked_examples):
    assert_trophic_index(worked_examples["D02"])


def test_d04_trophic_index_of_a_lightly_eutrophic_lake(worked_examples):
    assert_trophic_index(worked_examples["D04"])


def test_d05_trophic_index_of_a_moderately_eutrophic_lake(worked_examples):
    assert_trophic_index(worked_examples["D05"])


def test_d07_at_value_one_the_logarithm_vanishes(worked_examples):
    example = worked_examples["D07"]
    ones = {code: Concentration(Decimal(1), unit) for code, unit in TROPHIC_INPUTS.values()}
    for name, expected in example.expected.items():
        assert_near(trophic_parts(ones)[TROPHIC_CODES[name]], expected, example.tolerance)


def test_d08_weights_from_the_correlation_coefficients(worked_examples):
    example = worked_examples["D08"]
    weights = trophic_weights()
    assert sum(weights.values()) == 1
    assert [item.r for item in METHOD.trophic_indicators] == [
        Decimal(r) for r in example.inputs["r"].values()
    ]
    for name, expected in example.expected.items():
        assert_near(weights[TROPHIC_CODES[name]], expected, example.tolerance)


def test_d09_published_index_and_state_of_dongchang_lake_in_april(worked_examples):
    example = worked_examples["D09"]
    assert trophic_state(Decimal(example.inputs["tli"])) == example.expected["grade"]


def test_d10_published_index_and_state_of_dongchang_lake_in_may(worked_examples):
    example = worked_examples["D10"]
    assert trophic_state(Decimal(example.inputs["tli"])) == example.expected["grade"]


def test_d12_chlorophyll_arrives_in_mg_per_litre(worked_examples):
    example = worked_examples["D12"]
    converted = convert_unit(Decimal(example.inputs["chla_mg_l"]), "mg/L", "mg/m3")
    assert converted == Decimal(example.expected["chla_mg_m3"])


def assert_change(example):
    given = {name: Decimal(value) for name, value in example.inputs.items()}
    found = change_of_proportions(given["G1"], given["D1"], given["G2"], given["D2"])
    assert_near(found.delta_1_3, example.expected["dG"], example.tolerance)
    assert_near(found.delta_inferior, example.expected["dD"], example.tolerance)
    assert_near(found.points, example.expected["dG_minus_dD"], example.tolerance)
    assert found.change == example.expected["change"]


def test_e01_eleven_points_down_is_somewhat_worse(worked_examples):
    assert_change(worked_examples["E01"])


def test_e02_fifteen_points_up_is_somewhat_better(worked_examples):
    assert_change(worked_examples["E02"])


def test_e03_exactly_ten_points_is_no_obvious_change(worked_examples):
    assert_change(worked_examples["E03"])


def test_e04_exactly_twenty_points_is_still_somewhat_better(worked_examples):
    assert_change(worked_examples["E04"])


def test_e05_just_over_twenty_points_is_markedly_better(worked_examples):
    assert_change(worked_examples["E05"])


def test_e06_twenty_three_points_down_is_markedly_worse(worked_examples):
    assert_change(worked_examples["E06"])


def assert_trend(example):
    found = rank_trend([Decimal(value) for value in example.inputs["values"]])
    assert_near(found.rs, example.expected["rs"], example.tolerance)
    assert found.critical.at_0_05 == Decimal(example.expected["critical_0_05"])
    assert found.critical.at_0_01 == Decimal(example.expected["critical_0_01"])
    assert found.trend == example.expected["trend"]
    return found


def test_e08_six_falling_yearly_means(worked_examples):
    example = worked_examples["E08"]
    found = assert_trend(example)
    assert list(found.ranks) == [Fraction(rank) for rank in example.expected["ranks"]]
    assert found.significant_0_01 is example.expected["significant_0_01"]


def test_e10_five_strictly_rising_values_reach_the_critical_value(worked_examples):
    found = assert_trend(worked_examples["E10"])
    assert found.significant_0_01


def test_f01_highest_flood_intensity_in_the_country(worked_examples):
    example = worked_examples["F01"]
    assert STANDARD.river["tp"].bound_of(2) == (Decimal(example.inputs["target_limit"]),)
    highest = {"tp": Decimal(example.inputs["max_concentration"])}
    found = flood_intensity(highest, STANDARD, water_body="river", target_class=2)
    assert_near(found.value, example.expected["intensity"], example.tolerance)


def test_f02_first_pollutant_is_the_one_with_the_largest_ratio(worked_examples):
    example = worked_examples["F02"]
    found = flood_intensity(decimals(example.inputs["max"]), STANDARD, water_body="river", target_class=2)
    for code, ratio in example.expected["ratios"].items():
        assert_near(found.ratios[code], ratio, example.tolerance)
    assert found.code == example.expected["first_pollutant"]
    assert_near(found.value, example.expected["intensity"], example.tolerance)


def test_g02_judging_one_value_below_the_detection_limit(worked_examples):
    met, open_, unknown = worked_examples["G02"].inputs["cases"]
    grader = Grader(STANDARD, METHOD, "river")

    clear = grader.grade_item(met["code"], Decimal(met["value"].rstrip("L")), censored=True)
    assert (clear.best_class, clear.worst_class, clear.water_class) == (1, 1, 1)

    coarse = grader.grade_item(open_["code"], Decimal(open_["value"].rstrip("L")), censored=True)
    assert judge_range(coarse.best_class, coarse.worst_class, CLASSES[open_["class"]]) is Verdict.UNDETERMINED
    assert coarse.limit_target is None
    (reason,) = grader.classify([coarse]).reasons
    assert reason.code == "detection_limit_above_limit"
    assert reason.params["detection_limit"] == 0.0001

    blank = grader.grade_item(unknown["code"], None, censored=True)
    assert blank.water_class is None
    assert judge_range(blank.best_class, blank.worst_class, 5) is Verdict.UNDETERMINED
    assert grader.classify([blank]).reasons[0].code == "detection_limit_unknown"


def test_g04_published_rounding_examples(worked_examples):
    example = worked_examples["G04"]
    found = [str(round_half_even(Decimal(text), places)) for text, places in example.inputs["values"]]
    assert found == example.expected["rounded"]


def test_g05_half_to_even_and_never_twice(worked_examples):
    example = worked_examples["G05"]
    for (text, places), expected in zip(example.inputs["values"], example.expected["rounded"], strict=True):
        assert str(round_half_even(Decimal(text), places)) == expected
        assert str(round_fraction(Fraction(text), places)) == expected


def test_g08_ways_to_write_a_class(worked_examples):
    example = worked_examples["G08"]
    assert [parse_water_class(text) for text in example.inputs["texts"]] == example.expected["class"]


def assert_design_grade(example):
    found = design_grade(Decimal(example.inputs["capacity_10k_m3"]), Decimal(example.inputs["dam_height_m"]))
    assert (found.by_capacity, found.by_height, found.grade) == (
        example.expected["by_capacity"],
        example.expected["by_height"],
        example.expected["grade"],
    )


def test_i11_more_than_one_step_apart_takes_the_higher_grade_lowered_by_one(worked_examples):
    assert_design_grade(worked_examples["I11"])


def test_i12_a_small_pond_has_grade_five(worked_examples):
    assert_design_grade(worked_examples["I12"])


def test_i13_a_huge_pond_behind_a_low_dam_has_grade_two(worked_examples):
    assert_design_grade(worked_examples["I13"])


def test_i14_a_bound_belongs_to_the_larger_grade(worked_examples):
    assert_design_grade(worked_examples["I14"])


def test_every_worked_example_is_exactly_one_named_test(worked_examples):
    """Positions, siting rules and feed cells are tested beside the modules that hold them."""
    named = Counter(
        node.name.split("_")[1].upper()
        for path in sorted(Path(__file__).parents[1].rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and re.match(r"test_[a-i]\d\d_", node.name)
    )
    assert named == Counter(worked_examples.keys())


def test_there_are_sixty_four_worked_examples(worked_examples):
    assert len(worked_examples) == 64
