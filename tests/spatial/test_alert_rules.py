"""The rules of warnings as data: what is refused, and what the packaged ones say."""

from collections.abc import Callable
from importlib import resources

import pytest

from spatial.alert_rules import load_alert_rules, parse_alert_rules
from spatial.errors import RuleFileError

TEXT = resources.files("spatial").joinpath("rules", "warnings.toml").read_text(encoding="utf-8")

Change = Callable[[str], str]


def swap(old: str, new: str) -> Change:
    assert old in TEXT, old
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (swap("[episodes]", "[episode]"), "severities, episodes"),
        (swap('id = "limit-class-3"', 'id = "limit-target"'), "twice"),
        (swap('severity = "blue", multiple = "0"', 'severity = "green", multiple = "0"'), "one of blue"),
        (swap('multiple = "0.5"', 'multiple = "0"'), "do not rise"),
        (swap('severity = "yellow", multiple', 'severity = "blue", multiple'), "order of the severities"),
        (swap('severity = "blue", multiple = "0"', 'severity = "blue", multiple = "0.1"'), "limit itself"),
        (swap('level = "0.6"', 'level = "0.2"'), "do not rise"),
        (swap('items = ["mn"]', 'items = ["mm"]'), "unknown parameter"),
        (swap('test = "jump"', 'test = "hop"'), "one of class_limit"),
        (swap("fewest_automatic = 3", "fewest_automatic = 0"), "at least 1"),
        (swap("fewest_previous = 6", "fewest_previous = 13"), "lower fewest_previous"),
        (swap("night_hours = [0, 8]", "night_hours = [0, 13]"), "ends before the day"),
        (swap("periods = 6", "periods = 4"), "too few periods"),
        (swap('at_least = "0.943"', 'at_least = "1.2"'), "coefficient"),
        (swap("in_force = 2023-03-06, valid_to = 2025-12-31", "valid_to = 2025-12-31"), "in_force"),
        (swap('order = ["blue", "yellow"', 'order = ["yellow", "blue"'), "order must be"),
        (swap('basis = "convention"\ntitle', 'basis = "hearsay"\ntitle'), "basis"),
        (swap('at_once = "red"', 'at_onse = "red"'), "unknown key"),
    ],
)
def test_a_file_that_says_what_no_rule_can_say_is_refused(change: Change, told: str) -> None:
    with pytest.raises(RuleFileError, match=told):
        parse_alert_rules(change(TEXT))


def test_every_kind_that_was_asked_for_has_a_rule() -> None:
    kinds = {rule.kind for rule in load_alert_rules().rules}
    assert kinds == {"limit", "jump", "rise", "bloom", "metal", "oxygen", "source"}


def test_every_rule_says_where_it_comes_from_and_in_both_languages() -> None:
    for rule in load_alert_rules().rules:
        assert rule.source.document
        assert rule.basis in {"document", "memory", "measured", "convention"}
        assert rule.title_zh != rule.title_en
        assert rule.reason_zh != rule.reason_en


def test_the_plan_of_hunan_gives_three_tenths_of_a_milligram_of_manganese() -> None:
    rule = load_alert_rules().rule("manganese-plan")
    assert str(rule.steps[0].bound) == "0.3"
    assert (rule.source.clause, rule.source.valid_to and rule.source.valid_to.isoformat()) == (
        "（十三）",
        "2025-12-31",
    )
