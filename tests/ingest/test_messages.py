"""Every code of a report has words in both languages, and every text belongs to a code."""

import re
import tomllib
from pathlib import Path

import pytest

from ingest.codes import FILE_CODES, NOTICE_CODES, PROBLEM_CODES
from ingest.report import Notice, Problem

ROOT = Path(__file__).parents[2]
MESSAGES = tomllib.loads((ROOT / "api" / "messages" / "ingest.toml").read_text(encoding="utf-8"))


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"(?<!{){([a-z_]+)}(?!})", text))


def test_the_catalogue_and_the_codes_are_the_same_set() -> None:
    assert MESSAGES.keys() == FILE_CODES | PROBLEM_CODES | NOTICE_CODES


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_both_languages_say_the_same_facts(code: str) -> None:
    assert MESSAGES[code].keys() == {"zh", "en"}
    assert placeholders(MESSAGES[code]["zh"]) == placeholders(MESSAGES[code]["en"])


@pytest.mark.parametrize("code", sorted(FILE_CODES | PROBLEM_CODES))
def test_every_error_says_what_is_wrong_and_what_to_do(code: str) -> None:
    for language in ("zh", "en"):
        sentences = [
            part for part in re.split(r"[。.：:；;](?:\s|$)|。", MESSAGES[code][language]) if part.strip()
        ]
        assert len(sentences) >= 2, MESSAGES[code][language]


def test_a_problem_or_notice_with_a_code_of_its_own_making_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no code"):
        Problem(2, None, None, "made_up")
    with pytest.raises(ValueError, match="no code"):
        Notice("made_up")
