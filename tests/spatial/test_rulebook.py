"""The rule book: every file opens, every rule cites its words, and nothing slips in."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from spatial.errors import RuleFileError, RuleSettingError, UnknownRuleError
from spatial.rulebook import ShareOfSections, SitingBan, load_rulebook, read_rulebook
from spatial.vocabulary import Rank

ROOT = Path(__file__).parents[2]
RULES = ROOT / "spatial" / "rules"
SHARED = ROOT / ".." / "shared"
SEEDS = {
    "national_plan": "000_3d36e1bc0f09d228.txt",
    "chongqing_plan": "001_824db0a947e91179.txt",
    "sichuan_plan": "002_a552c66ba45c4707.txt",
    "hunan_plan": "003_502d65456c908e95.txt",
    "research_plan": "004_f6897e9e802c7fd9.txt",
}

PLAN = """
schema = "rules"
region = { code = "420000", name = { zh = "湖北省", en = "Hubei" } }
document = { key = "hubei_plan", title = { zh = "湖北方案", en = "Hubei plan" } }

[[rule]]
id = "HB-1"
clause = "一"
quote = "禁止"
title = { zh = "禁止", en = "A ban" }
evaluator = "siting_ban"
subject = "tailings_pond"
force = "binding"
in_force = 2024-01-01
actions = ["new"]
zones = [{ rank = "mainstem", within_m = 5000 }]
"""

SETTING = """
schema = "settings"
[missing_accuracy_m]
question = { zh = "几米", en = "How many metres" }
reason = { zh = "惯例", en = "Convention" }
choices = [0, 25]
default = 25
decided_on = 2025-11-20
[centreline_understates_m]
question = { zh = "几米", en = "How many metres" }
reason = { zh = "河宽", en = "Width of the river" }
choices = [1500, 0]
default = 1500
decided_on = 2026-11-20
"""


def read_plan(folder: Path, text: str):
    (folder / "settings.toml").write_text(SETTING, encoding="utf-8")
    (folder / "plan_hubei.toml").write_text(text, encoding="utf-8")
    return read_rulebook(folder)


def bare(text: str) -> str:
    """Text without white space, page marks and emphasis, which differ between print and file."""
    text = re.sub(r"\[bookmark:[^\]]*\]|\*\*", "", text)
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def seeds() -> dict[str, str]:
    folder = SHARED / "seeds"
    if not folder.is_dir():
        pytest.skip("the texts of the plans are not beside the repository")
    return {key: bare((folder / name).read_text(encoding="utf-8")) for key, name in SEEDS.items()}


def test_every_file_of_the_rules_opens() -> None:
    rulebook = load_rulebook()
    assert {rule.document for rule in rulebook.rules} == {
        "yangtze_protection_law",
        "gb3838_2002",
        "national_plan",
        "chongqing_plan",
        "sichuan_plan",
        "hunan_plan",
    }
    assert "gb3838_2002.toml" in rulebook.data_files
    assert "plan_hunan.toml" not in rulebook.data_files


def test_every_rule_has_a_clause_words_and_a_title_in_both_languages() -> None:
    for rule in load_rulebook().rules:
        assert rule.clause
        assert rule.quote
        assert rule.title.zh
        assert rule.title.en


def test_the_rules_of_the_first_width_are_all_there() -> None:
    assert [rule.id for rule in load_rulebook().rules] == sorted(
        [
            *("YPL-26-2-chemical", "YPL-26-3-mainstem", "YPL-26-3-tributary", "GB3838-5.1"),
            *("CN-3-1", "CN-3-2", "CN-14-1", "CN-14-2", "CN-14-3", "CN-14-4"),
            *("CQ-1-3-1", "CQ-1-3-2", "CQ-1-3-3", "CQ-5-1-5", "CQ-5-2-1", "CQ-5-2-2"),
            *("SC-2-1", "SC-2-2", "SC-2-3", "SC-2-7", "SC-3-1-21", "SC-3-1-22", "SC-3-1-23", "SC-3-1-24"),
            *("HN-3-1", "HN-3-2", "HN-3-3", "HN-3-6", "HN-15-1", "HN-15-2", "HN-15-3", "HN-15-4"),
        ]
    )


def test_the_words_of_each_plan_rule_stand_in_the_plan(seeds: dict[str, str]) -> None:
    absent = [
        rule.id
        for rule in load_rulebook().rules
        if rule.document in seeds and bare(rule.quote) not in seeds[rule.document]
    ]
    assert absent == []


def test_the_words_of_each_target_stand_in_its_plan(seeds: dict[str, str]) -> None:
    absent = [
        target.id for target in load_rulebook().targets if bare(target.evidence) not in seeds[target.document]
    ]
    assert absent == []


def test_all_262_targets_are_there_once() -> None:
    ids = [target.id for target in load_rulebook().targets]
    assert len(ids) == 262
    assert len(set(ids)) == 262


def test_the_targets_are_those_of_the_domain_table() -> None:
    source = SHARED / "domain" / "targets.csv"
    if not source.is_file():
        pytest.skip("the domain table is not beside the repository")
    keys = {name: key for key, name in SEEDS.items()}
    with source.open(encoding="utf-8") as lines:
        given = [{**row, "document": keys[row["document"]]} for row in csv.DictReader(lines)]
    with (RULES / "targets.csv").open(encoding="utf-8") as lines:
        ours = [
            {key: cell for key, cell in row.items() if key != "alternative_id"}
            for row in csv.DictReader(lines)
        ]
    assert ours == given


def test_article_26_bans_chemicals_within_1_km_of_the_mainstem_and_all_tributaries_but_no_lakes() -> None:
    rule = load_rulebook().rule("YPL-26-2-chemical")
    assert isinstance(rule, SitingBan)
    assert [(zone.rank, zone.within_m) for zone in rule.zones] == [
        (Rank.MAINSTEM, 1000),
        (Rank.IMPORTANT_TRIBUTARY, 1000),
        (Rank.TRIBUTARY, 1000),
    ]
    assert set(rule.actions) == {"new", "expand"}
    assert rule.in_force == date(2021, 3, 1)
    assert rule.exemptions == ()


def test_article_26_exempts_only_the_rebuilding_of_ponds_for_safety_or_ecology() -> None:
    for rule_id, within_m in (("YPL-26-3-mainstem", 3000), ("YPL-26-3-tributary", 1000)):
        rule = load_rulebook().rule(rule_id)
        assert isinstance(rule, SitingBan)
        assert [zone.within_m for zone in rule.zones] == [within_m]
        assert [(one.action, set(one.purposes)) for one in rule.exemptions] == [
            ("rebuild", {"safety", "ecology"})
        ]


def test_the_two_thirds_of_dongting_stay_an_exact_fraction() -> None:
    rule = load_rulebook().rule("HN-3-6")
    assert isinstance(rule, ShareOfSections)
    assert rule.at_least == Fraction(2, 3)
    assert rule.compare == "counts"


def test_a_new_provincial_plan_is_one_new_file(tmp_path: Path) -> None:
    rulebook = read_plan(tmp_path, PLAN)
    assert [rule.id for rule in rulebook.rules] == ["HB-1"]
    assert rulebook.documents["hubei_plan"].title.en == "Hubei plan"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('clause = "一"\n', "", "clause"),
        ('quote = "禁止"\n', "", "quote"),
        ('quote = "禁止"\n', 'quote = " "\n', "quote"),
        ('evaluator = "siting_ban"', 'evaluator = "guess"', "evaluator"),
        ('force = "binding"', 'force = "binding"\nbonus = 1', "bonus: this key is unknown"),
        ("within_m = 5000", "within = 5000", "within"),
        ("within_m = 5000", 'within_m = "5000"', "within_m"),
        ("within_m = 5000", "within_m = 5000.0", "within_m"),
        ("in_force = 2024-01-01", 'in_force = "2024-01-01"', "is no date"),
        ("in_force = 2024-01-01", "in_force = 2024-01-01T00:00:00", "is no date"),
        ("in_force = 2024-01-01\n", "", "in_force"),
        ('actions = ["new"]', 'actions = ["move"]', "actions"),
        ('actions = ["new"]', "actions = []", "actions"),
        ('rank = "mainstem"', 'rank = "creek"', "rank"),
        ('force = "binding"', 'force = "binding"\ntarget_id = "HB-9"', "HB-9"),
        ('code = "420000"', 'code = "42"', "region.code"),
        ('schema = "rules"\n', "", "schema"),
        ('schema = "rules"', 'schema = "rule"', "schema"),
        ('id = "HB-1"', "id = HB-1", "file"),
    ],
)
def test_the_loader_refuses_what_no_rule_can_say(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    with pytest.raises(RuleFileError, match=re.escape(said)):
        read_plan(tmp_path, PLAN.replace(old, new))


def test_the_loader_refuses_an_unknown_document(tmp_path: Path) -> None:
    text = re.sub(r"document = \{.*\}\n", 'document = "no_such_plan"\n', PLAN)
    with pytest.raises(RuleFileError, match="no_such_plan"):
        read_plan(tmp_path, text)


def test_the_loader_refuses_an_id_twice(tmp_path: Path) -> None:
    rule = PLAN[PLAN.index("[[rule]]") :]
    with pytest.raises(RuleFileError, match="exists already"):
        read_plan(tmp_path, PLAN + rule)


def test_the_loader_refuses_a_zone_under_a_choice_that_does_not_exist(tmp_path: Path) -> None:
    zone = 'within_m = 5000, when = { which_ponds = "all" }'
    with pytest.raises(RuleFileError, match="which_ponds"):
        read_plan(tmp_path, PLAN.replace("within_m = 5000", zone))


@pytest.mark.parametrize("limit", ["97.3", '"many"', '"1/0"'])
def test_the_loader_refuses_a_share_that_is_not_written_as_an_exact_number(
    tmp_path: Path, limit: str
) -> None:
    for name in ("documents.toml", "settings.toml", "targets.csv"):
        (tmp_path / name).write_text((RULES / name).read_text(encoding="utf-8"), encoding="utf-8")
    text = (RULES / "plan_chongqing.toml").read_text(encoding="utf-8")
    assert 'at_least = "97.3"' in text
    (tmp_path / "plan.toml").write_text(
        text.replace('at_least = "97.3"', f"at_least = {limit}"), encoding="utf-8"
    )
    with pytest.raises(RuleFileError, match="at_least"):
        read_rulebook(tmp_path)


def test_the_loader_refuses_a_rule_that_contradicts_its_target(tmp_path: Path) -> None:
    for name in ("documents.toml", "settings.toml", "targets.csv"):
        (tmp_path / name).write_text((RULES / name).read_text(encoding="utf-8"), encoding="utf-8")
    text = (RULES / "plan_national.toml").read_text(encoding="utf-8")
    (tmp_path / "plan.toml").write_text(
        text.replace("deadline = 2023-12-31", "deadline = 2024-12-31", 1), encoding="utf-8"
    )
    with pytest.raises(RuleFileError, match="CN-14-1"):
        read_rulebook(tmp_path)


@pytest.mark.parametrize(
    ("column", "cell"), [("comparator", "about"), ("deadline", "2025年年底"), ("subject", "")]
)
def test_the_loader_refuses_a_target_cell_that_says_nothing(tmp_path: Path, column: str, cell: str) -> None:
    (tmp_path / "documents.toml").write_text(
        (RULES / "documents.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with (RULES / "targets.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    rows[0][column] = cell
    with (tmp_path / "targets.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(RuleFileError, match=column):
        read_rulebook(tmp_path)


def test_the_hash_is_that_of_the_content_and_does_not_change_between_readings() -> None:
    first, second = read_rulebook(RULES), read_rulebook(RULES)
    text = json.dumps(first.content(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert first.rule_set_hash == hashlib.sha256(text.encode()).hexdigest()
    assert first.rule_set_hash == second.rule_set_hash


def test_settling_an_open_point_otherwise_is_another_rule_set() -> None:
    rulebook = load_rulebook()
    other = rulebook.with_settings(which_lakes="important")
    assert other.choice("which_lakes") == "important"
    assert rulebook.choice("which_lakes") == "all"
    assert other.rule_set_hash != rulebook.rule_set_hash


@pytest.mark.parametrize(("name", "value"), [("which_lakes", "none"), ("no_such_setting", 1)])
def test_a_setting_takes_only_its_choices(name: str, value: object) -> None:
    with pytest.raises(RuleSettingError):
        load_rulebook().with_settings(**{name: value})


def test_asking_for_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(UnknownRuleError):
        load_rulebook().rule("XX-1")
