"""Which limits hold where and when: editions, overlays of provinces and basins, and what is refused."""

import re
import shutil
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.errors import RuleFileError, StandardNotInForceError
from spatial.overlays import (
    assess_in_force,
    group_by_standard,
    load_standards,
    make_book,
    parse_overlay,
    read_standards,
    standard_for,
)
from spatial.period import parse_period
from spatial.rulebook import load_rulebook, read_rulebook
from spatial.standards import load_standard, parse_standard
from spatial.vocabulary import Verdict
from tests.spatial.rule_facts import put_into_words

HERE = Path(__file__).parent / "overlays"
MADE_UP = (HERE / "made_up_province.toml").read_text(encoding="utf-8")
NATIONAL = resources.files("spatial").joinpath("rules", "gb3838_2002.toml").read_text(encoding="utf-8")
BOOK = read_standards(resources.files("spatial").joinpath("rules"), HERE)
IN_FORCE, LATER, BEFORE = date(2024, 8, 1), date(2025, 2, 1), date(2024, 6, 30)


def head(**changes: str) -> str:
    lines = {
        "id": '"o1"',
        "base": '"gb3838_2002"',
        "document": '"D 1"',
        "title_zh": '"一"',
        "title_en": '"One"',
        "edition": '"1"',
        "region_code": '"510000"',
        "in_force": "2024-01-01",
    } | changes
    return "[overlay]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


def item(
    table: str = "river.tp",
    limit: str = 'at_most = ["0.02", "0.1", "0.15", "0.3", "0.4"]',
    source: str = 'document = "D 1", clause = "1", in_force = 2024-01-01',
    more: str = "",
) -> str:
    return f'[{table}]\nunit = "mg/L"\ndecimals = 3\n{limit}\nsource = {{ {source} }}\n{more}'


def book_of(*overlays: str):
    editions = [("gb3838_2002.toml", parse_standard(NATIONAL, "gb3838_2002.toml"))]
    return make_book(editions, [parse_overlay(text, f"o{n}.toml") for n, text in enumerate(overlays, 1)])


def refused(*overlays: str) -> RuleFileError:
    with pytest.raises(RuleFileError) as caught:
        book_of(*overlays)
    return caught.value


# --- what holds ---


def test_no_overlay_is_shipped_and_the_printed_standard_holds_everywhere():
    assert load_standards().overlays == ()
    assert standard_for("510000", IN_FORCE) == load_standard()
    assert standard_for(None, IN_FORCE).overlays == ()


@pytest.mark.parametrize(
    ("region", "day", "expected"),
    [
        ("510000", IN_FORCE, "0.15"),
        ("510722", IN_FORCE, "0.15"),
        ("510722", date(2024, 7, 1), "0.15"),
        ("510722", BEFORE, "0.2"),
        ("420000", IN_FORCE, "0.2"),
        (None, IN_FORCE, "0.2"),
    ],
)
def test_a_tightened_limit_holds_in_its_region_from_its_day_on(region, day, expected):
    assert BOOK.standard_for(region, day).river["tp"].bound_of(3) == (Decimal(expected),)


def test_every_limit_says_which_document_it_came_from():
    standard = BOOK.standard_for("510000", IN_FORCE)
    assert standard.river["tp"].source.document == "DB99/T 1-2024"
    assert standard.lake["tp"].source.document == "GB 3838-2002"
    assert standard.river["cod_mn"].source.document == "GB 3838-2002"
    assert [overlay.id for overlay in standard.overlays] == ["made_up_province_2024"]
    assert standard.as_json()["overlays"][0]["document"] == "DB99/T 1-2024"


def test_an_item_that_the_national_standard_does_not_regulate_is_added():
    assert "cr_total" not in BOOK.standard_for("420000", IN_FORCE).river
    for water in ("river", "lake"):
        assert BOOK.standard_for("510000", IN_FORCE).limits_for(water)["cr_total"].grade(Decimal("0.08")) == 3
    assert BOOK.standard_for("510000", IN_FORCE).single["chl_a"].table is None


def test_an_item_of_an_overlay_may_enter_into_force_later_than_the_rest():
    assert BOOK.standard_for("510000", IN_FORCE).single["mn"].limit == Decimal("0.1")
    assert BOOK.standard_for("510000", LATER).single["mn"].limit == Decimal("0.05")


def test_merged_limits_keep_the_order_of_the_registry():
    assert list(BOOK.standard_for("510000", IN_FORCE).river)[:3] == ["water_temp", "ph", "do"]
    assert list(BOOK.standard_for("510000", IN_FORCE).river)[-1] == "cr_total"


def test_an_overlay_of_a_basin_holds_in_that_basin_only():
    book = book_of(head(basins='["沱江流域"]') + item())
    assert book.standard_for("510100", IN_FORCE, basin="沱江流域").overlays
    assert not book.standard_for("510100", IN_FORCE, basin="岷江流域").overlays
    assert not book.standard_for("420000", IN_FORCE, basin="沱江流域").overlays


@pytest.mark.parametrize(
    ("scope", "region", "basin"),
    [
        ({"region_code": '"510100"'}, "510000", None),
        ({"region_code": '"510100"'}, None, None),
        ({"basins": '["沱江流域"]'}, "510100", None),
    ],
)
def test_where_the_place_does_not_say_enough_the_overlay_is_named_and_not_taken(scope, region, basin):
    found = book_of(head(**scope) + item()).limits_in_force(region, IN_FORCE, basin=basin)
    assert found.standard.overlays == ()
    assert [overlay.id for overlay in found.undecided] == ["o1"]


def test_an_overlay_ends_with_its_last_day():
    book = book_of(head(valid_to="2024-12-31") + item())
    assert book.standard_for("510000", date(2024, 12, 31)).overlays
    assert not book.standard_for("510000", date(2025, 1, 1)).overlays


def test_the_overlay_that_replaces_another_holds_where_both_could():
    wide = head() + item()
    narrow = head(id='"o2"', region_code='"510100"', replaces='["o1"]') + item(
        limit='at_most = ["0.02", "0.1", "0.12", "0.3", "0.4"]'
    )
    for book in (book_of(wide, narrow), book_of(narrow, wide)):
        assert book.standard_for("510100", IN_FORCE).river["tp"].bound_of(3) == (Decimal("0.12"),)
        assert book.standard_for("510700", IN_FORCE).river["tp"].bound_of(3) == (Decimal("0.15"),)


def test_a_looser_limit_with_its_reason_is_taken():
    text = head() + item(
        limit='at_most = ["0.02", "0.1", "0.25", "0.3", "0.4"]',
        more='looser_because = "natural background"\n',
    )
    limit = book_of(text).standard_for("510000", IN_FORCE).river["tp"]
    assert (limit.bound_of(3), limit.looser_because) == ((Decimal("0.25"),), "natural background")


def test_no_edition_was_in_force_before_the_first():
    with pytest.raises(StandardNotInForceError) as caught:
        standard_for(None, date(2002, 5, 31))
    assert caught.value.day == date(2002, 5, 31)
    assert standard_for(None, date(2002, 6, 1)).id == "gb3838_2002"


def test_a_new_edition_takes_over_on_its_first_day():
    old = NATIONAL.replace(
        "in_force = 2002-06-01\n\n[any.w", "in_force = 2002-06-01\nvalid_to = 2029-12-31\n\n[any.w"
    )
    new = NATIONAL.replace('id = "gb3838_2002"', 'id = "gb3838_next"').replace(
        "in_force = 2002-06-01\n\n[any.w", "in_force = 2030-01-01\n\n[any.w"
    )
    book = make_book(
        [("a.toml", parse_standard(old, "a.toml")), ("b.toml", parse_standard(new, "b.toml"))], []
    )
    assert book.edition_on(date(2029, 12, 31)).id == "gb3838_2002"
    assert book.edition_on(date(2030, 1, 1)).id == "gb3838_next"


CODES = ["cod_mn", "nh3_n", "tp", "do", "ph", "cr_total", "mn", "chl_a", "cu"]


@given(
    code=st.sampled_from(CODES),
    value=st.decimals(0, 20, places=4),
    region=st.sampled_from(["510000", "511500", "420000", None]),
    day=st.dates(date(2023, 1, 1), date(2026, 1, 1)),
)
def test_an_overlay_never_gives_a_better_class_than_the_nation(code, value, region, day):
    national, merged = load_standard(), BOOK.standard_for(region, day)
    for water in ("river", "lake"):
        if code in national.limits_for(water):
            assert merged.limits_for(water)[code].grade(value) >= national.limits_for(water)[code].grade(
                value
            )
    if code in national.single:
        assert national.single[code].is_met_by(value) or not merged.single[code].is_met_by(value)


# --- sections under their standards ---


def test_each_section_is_assessed_by_the_limits_of_its_region_and_of_the_last_day(sections_of, readings_of):
    sections = sections_of(
        {"code": "S1", "region_code": "510100"},
        {"code": "S2", "region_code": "420500"},
        {"code": "S3", "region_code": None},
    )
    readings = readings_of(
        *(
            (code, f"{month}-10 09:00", {"tp": "0.18"})
            for code in ("S1", "S2", "S3")
            for month in ("2024-06", "2024-08")
        )
    )

    def classes(period):
        found = assess_in_force(sections, readings, parse_period(period), book=BOOK)
        return [one.water_class for one in found], found

    assert classes("2024-06")[0] == [3, 3, 3]
    found, rows = classes("2024-08")
    assert found == [4, 3, 3]
    assert rows[0].verdict is Verdict.VIOLATION
    assert "overlay_scope_unknown" in [warning.code for warning in rows[2].warnings]
    put_into_words(rows[2].warnings[0].as_json())


def test_without_overlays_all_sections_stand_in_one_group(sections_of):
    sections = sections_of({"code": "S1"}, {"code": "S2", "region_code": None})
    (group,) = group_by_standard(sections, IN_FORCE)
    assert group.sections is sections
    assert group.standard == load_standard()


def test_before_the_first_edition_nothing_is_judged_and_the_reason_is_said(sections_of, readings_of):
    readings = readings_of(("S1", "2001-05-10 09:00", {"tp": "0.18"}))
    (found,) = assess_in_force(sections_of({"code": "S1"}), readings, parse_period("2001-05"))
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert [reason.code for reason in found.reasons] == ["no_standard_in_force"]
    put_into_words(found.reasons[0].as_json())


# --- what is refused, with the file, the entry and the remedy ---


@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        (
            head() + item(limit='at_most = ["0.02", "0.15", "0.1", "0.3", "0.4"]'),
            "river.tp",
            "do not rise.*put class Ⅰ first",
        ),
        (head() + item().replace("source", "# source"), "river.tp", "has no source: add source"),
        (
            head() + item().replace('"mg/L"', '"mg/l/h"'),
            "river.tp",
            "unknown unit 'mg/l/h': give the bounds in 'mg/L'",
        ),
        (head() + item().replace('"mg/L"', '"μg/L"'), "river.tp", "keeps tp in 'mg/L': convert it"),
        (head() + item("river.phosphor"), "river.phosphor", "unknown parameter 'phosphor': take a code"),
        (
            head() + item(limit='at_most = ["0.02", "0.1", "0.25", "0.3", "0.4"]'),
            "river.tp",
            r"\(class Ⅲ: 0.25 instead of 0.2\): tighten it, or say why in looser_because",
        ),
        (
            head() + item("any.tp"),
            "lake.tp",
            r"looser than GB 3838-2002 \(class Ⅰ: 0.02 instead of 0.01\)",
        ),
        (
            head() + item("any.do", 'at_least = ["7.5", "6", "4", "3", "2"]'),
            "river.do",
            "class Ⅲ: 4 instead of 5",
        ),
        (
            head() + item("any.ph", 'within = ["5.5", "9"]').replace("mg/L", "dimensionless"),
            "river.ph",
            "5.5 instead of 6",
        ),
        (
            head() + item("any.do", 'at_most = ["1", "2", "3", "4", "5"]'),
            "river.do",
            "limited as at_most.*keep that kind",
        ),
        (
            head() + item("supplementary.mn", 'limit = "0.3"'),
            "single.mn",
            r"looser than GB 3838-2002 \(0.3 instead of 0.1\)",
        ),
        (head() + item("additional.mn", 'limit = "0.05"'), "single.mn", "belongs under supplementary"),
        (head() + item("specific.mn", 'limit = "0.05"'), "single.mn", "belongs under supplementary"),
        (head() + item("specific.chl_a", 'limit = "0.05"'), "single.chl_a", "belongs under additional"),
        (head() + item() + item(), "river.tp", "stands there twice: keep one of the two"),
        (
            head()
            + item("any.cd", 'at_most = ["0.001", "0.005", "0.005", "0.005", "0.01"]')
            + item("lake.cd", 'at_most = ["0.001", "0.005", "0.005", "0.005", "0.01"]'),
            "lake.cd",
            "under any as well",
        ),
        (
            head() + item("specific.tl", 'limit = "0.0001"') + item("additional.tl", 'limit = "0.0001"'),
            "additional.tl",
            "another table of single limits as well: keep one",
        ),
        (head(), "overlay", "limits nothing: add at least one item"),
        (
            head(base='"gb3838_1988"') + item(),
            "overlay",
            "unknown edition 'gb3838_1988': name one of gb3838_2002",
        ),
        (head(replaces='["o9"]') + item(), "overlay", "replaces the unknown overlay 'o9'"),
        (head(region_code='"51"') + item(), "overlay", "GB/T 2260 code of six digits"),
        (head(valid_to="2023-01-01") + item(), "overlay", "ends before it begins"),
        (head(in_force="2024-01-01T00:00:00") + item(), "overlay", "must be a day"),
        (head(author='"x"') + item(), "overlay", "unknown key 'author'"),
        (head().replace('document = "D 1"\n', "") + item(), "overlay", "lacks the key 'document': add it"),
        (head() + item("sea.tp"), "file", "unknown table 'sea'"),
        (head(id='"gb3838_2002"') + item(), "gb3838_2002", "another file has as well"),
    ],
)
def test_an_overlay_that_no_rule_can_be_is_refused(text, entry, reason):
    error = refused(text)
    assert (error.file, error.entry) == ("o1.toml", entry)
    assert re.search(reason, error.reason), error.reason
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("other", "clash"),
    [
        ({}, True),
        ({"region_code": '"510100"'}, True),
        ({"region_code": '"yangtze"'}, True),
        ({"basins": '["沱江流域"]'}, True),
        ({"region_code": '"420000"'}, False),
        ({"in_force": "2030-01-01"}, True),
        ({"in_force": "2023-01-01", "valid_to": "2023-12-31"}, False),
    ],
)
def test_two_overlays_that_could_meet_on_one_item_are_refused(other, clash):
    texts = (head() + item(), head(id='"o2"', **other) + item())
    if not clash:
        assert len(book_of(*texts).overlays) == 2
        return
    error = refused(*texts)
    assert (error.file, error.entry) == ("o2.toml", "river.tp")
    assert "limited by o1 as well" in error.reason
    assert "replaces" in error.reason


def test_overlays_of_other_items_or_other_basins_do_not_clash():
    first = head(basins='["沱江流域"]') + item()
    assert len(book_of(first, head(id='"o2"', basins='["岷江流域"]') + item()).overlays) == 2
    assert len(book_of(first, head(id='"o2"') + item("specific.tl", 'limit = "0.0001"')).overlays) == 2


def test_an_overlay_looser_than_the_one_it_replaces_is_refused():
    narrow = head(id='"o2"', region_code='"510100"', replaces='["o1"]') + item(
        limit='at_most = ["0.02", "0.1", "0.18", "0.3", "0.4"]'
    )
    error = refused(head() + item(), narrow)
    assert (error.file, error.entry) == ("o2.toml", "river.tp")
    assert "looser than D 1" in error.reason


def test_overlays_that_replace_each_other_are_refused():
    error = refused(head(replaces='["o2"]') + item(), head(id='"o2"', replaces='["o1"]') + item())
    assert "let only one give way" in error.reason


def test_two_editions_in_force_at_once_are_refused():
    new = NATIONAL.replace('id = "gb3838_2002"', 'id = "gb3838_next"').replace(
        "in_force = 2002-06-01\n\n[any.w", "in_force = 2030-01-01\n\n[any.w"
    )
    editions = [("a.toml", parse_standard(NATIONAL, "a.toml")), ("b.toml", parse_standard(new, "b.toml"))]
    with pytest.raises(RuleFileError, match="end gb3838_2002 with valid_to = 2029-12-31") as caught:
        make_book(editions, [])
    assert (caught.value.file, caught.value.entry) == ("b.toml", "gb3838_next")


def test_the_packaged_rules_and_an_overlay_are_one_rule_set(tmp_path):
    """The rule book takes an overlay into its hash: a verdict under other limits is another verdict."""
    shutil.copytree(Path(str(resources.files("spatial").joinpath("rules"))), tmp_path / "rules")
    shutil.copy(HERE / "made_up_province.toml", tmp_path / "rules")
    extended = read_rulebook(tmp_path / "rules")
    assert "made_up_province.toml" in extended.data_files
    assert extended.rule_set_hash != load_rulebook().rule_set_hash
    assert len(read_standards(tmp_path / "rules").overlays) == 1


def test_the_overlay_of_the_guide_is_the_one_of_the_tests():
    guide = (Path(__file__).parents[2] / "docs/adding-a-standard.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert parse_overlay(block, "guide.toml").limits == parse_overlay(MADE_UP, "guide.toml").limits
    assert block in MADE_UP
