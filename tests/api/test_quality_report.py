"""The report of quality control as people and programs see it."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from api.catalogue import Catalogue, Language
from api.cli.data import show_quality
from ingest.quality import TESTS, Flag, Tally, arrays_of_frame, check_samples, load_thresholds

ROOT = Path(__file__).parents[2]
MESSAGES = tomllib.loads((ROOT / "api" / "messages" / "quality.toml").read_text(encoding="utf-8"))


class Screen:
    """Stands for the door: keeps what would be shown."""

    def __init__(self, language: str) -> None:
        self.text = Catalogue(Language(language)).text
        self.said: list[str] = []
        self.rows: list[list[str]] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    def table(self, rows, columns, title=None) -> None:
        self.said.append(title)
        self.rows = [[str(read(row)) for _, read in columns] for row in rows]


def report():
    thresholds = load_thresholds()
    midnight = pd.Timestamp("2025-06-01", tz="Asia/Shanghai")
    frame = pd.DataFrame(
        {
            "section": 0,
            "parameter": "tp",
            "sampled_at": [midnight + pd.Timedelta(hours=4 * place) for place in range(6)],
            "value": [0.1, 0.0, 30.0, 0.1, 0.1, 0.1],
        }
    )
    arrays = arrays_of_frame(frame, thresholds)
    tally = Tally(thresholds)
    tally.add(arrays, check_samples(arrays, thresholds))
    return tally.report(cells={"tp": 7}, names={0: "S"})


@pytest.mark.parametrize("test", TESTS)
def test_every_test_has_a_name_in_both_languages(test: str) -> None:
    assert MESSAGES[test].keys() == {"zh", "en"}


def test_the_report_after_a_load_tells_counts_tests_and_completeness() -> None:
    screen = Screen("en")
    show_quality(screen, report())
    assert screen.said == [
        "quality control: 4 pass, 1 suspect, 1 fail, 1 missing",
        "readings that did not pass quality control",
        "  days 83.3% complete (5 usable of 6 due); 0 of 1 section-days below 60%",
        "  months 2.8% complete (5 usable of 180 due); 1 of 1 section-months below 60%",
    ]
    assert screen.rows == [["tp", "4", "1", "1", "1", "zero value 1, gross range 1"]]


def test_a_load_in_which_all_passed_needs_no_table() -> None:
    quality = report()
    counts = dict.fromkeys((flag.name.lower() for flag in Flag), 0) | {"pass": 3}
    quality |= {"flags": counts, "parameters": {"tp": counts | {"tests": {}}}}
    screen = Screen("zh-CN")
    show_quality(screen, quality)
    assert screen.said[0] == "质量控制：通过 3，存疑 0，不合格 0，缺测 0"
    assert screen.rows == []
