"""Words and numbers as a person reads them: items by name, half to even, shares with their counts."""

from __future__ import annotations

from typing import Any

import pytest

from api.catalogue import Catalogue, Language
from api.wording import class_words, decimal_text, multiple_text, pollutant_list, reason_words, share_text
from spatial.classification import give_reason
from spatial.parameters import load_parameters


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (0.35, 1, "0.4"),
        (0.25, 1, "0.2"),
        (0.05, 1, "0.0"),
        (1.75, 1, "1.8"),
        (100, 1, "100.0"),
        (None, 1, "—"),
    ],
)
def test_numbers_are_rounded_half_to_even_as_they_are_written(
    value: float | None, decimals: int, shown: str
) -> None:
    assert decimal_text(value, decimals) == shown


def test_a_main_pollutant_is_named_with_its_multiple_and_oxygen_without() -> None:
    found: list[dict[str, Any]] = [{"code": "cod_mn", "multiple": 0.35}, {"code": "do", "multiple": None}]
    assert pollutant_list(found, Language.CHINESE) == "高锰酸盐指数(0.4)、溶解氧"
    assert pollutant_list(found, Language.ENGLISH) == "Permanganate index(0.4), Dissolved oxygen"


@pytest.mark.parametrize(
    ("multiple", "shown"), [(0.29507936507936505, "0.3"), (12.6, "12.6"), (123, "123.0"), (0.04, "0.04")]
)
def test_a_multiple_has_one_decimal_and_two_where_one_would_hide_it(multiple: float, shown: str) -> None:
    assert multiple_text(multiple) == shown


def test_a_share_shows_the_counts_behind_it() -> None:
    row = {"share_1_3": 100 * 18 / 31, "share_1_3_numerator": 18, "share_1_3_denominator": 31}
    assert share_text(row, "share_1_3") == "58.1 (18/31)"


def test_a_reason_names_items_and_classes_in_the_language_of_the_reader() -> None:
    reason = give_reason(
        "detection_limit_above_limit", parameter="hg", detection_limit=0.0002, best_class=1, worst_class=6
    ).as_json()
    chinese, english = (reason_words(Catalogue(language), reason) for language in Language)
    assert "汞" in chinese
    assert "Ⅰ 类至 劣Ⅴ 类" in chinese
    assert "Mercury" in english
    assert "class Ⅰ to >Ⅴ" in english
    missing = give_reason("index_items_missing", items="cod_cr, bod5").as_json()
    assert "化学需氧量、五日生化需氧量" in reason_words(Catalogue(Language.CHINESE), missing)


def test_worse_than_class_v_has_a_word_in_each_language() -> None:
    assert [class_words(6, language) for language in Language] == ["劣Ⅴ", ">Ⅴ"]
    assert class_words(None, Language.ENGLISH) == "—"


@pytest.mark.parametrize(
    "command",
    [
        ("assess", "--period", 2023),
        ("assess", "--period", "2023-06", "--by", "river"),
        ("ranking", "--period", 2023),
        ("ranking", "--period", "2023-12"),
        ("ranking", "--period", "2023-flood", "--what", "flood-intensity", "--every"),
        (
            "trend",
            "--section",
            "S500236001",
            "--parameter",
            "tp",
            "--from",
            "2022-01",
            "--to",
            "2023-12",
            "--by",
            "month",
        ),
        ("flux", "--section", "S500236001", "--period", 2023),
        ("compare", "--period", 2023),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_tables_name_items_and_never_their_codes(cli: Any, sample: Any, command: tuple[object, ...]) -> None:
    codes = {code for code in load_parameters() if "_" in code or code in ("tp", "tn", "hg", "pb")}
    for language in ("zh-CN", "en"):
        result = cli("--lang", language, *command, database=sample.engine)
        assert result.exit_code == 0, result.stderr
        words = set(result.stdout.replace("、", " ").replace(",", " ").replace("(", " ").split())
        assert not words & codes
        assert language == "zh-CN" or "劣" not in result.stdout


def test_an_undetermined_section_says_why_in_the_table(cli: Any, sample: Any) -> None:
    shown = cli("assess", "--period", 2023, database=sample.engine).stdout
    assert "只有" in shown
    assert "总磷(0.2)" in shown
