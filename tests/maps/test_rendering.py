"""Pictures as files: no text left to any font, nothing cut, nothing on top of something else, same bytes."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from maps.charts import RankBar, draw_ranking
from maps.rendering import render_html, render_png, render_svg
from tests.maps.chart_samples import SOURCE, names, pictures, words

ROOT = Path(__file__).parents[2]
SLOW = ("heat_nation", "series_many", "shares_cut")
"""Their words are few and stand in the others too: drawn in one language."""
CASES = [("zh", name) for name in names()] + [("en", name) for name in names() if name not in SLOW]
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  # drawn a line above


@dataclass(frozen=True)
class Label:
    """A drawn text and the box around its ink, in pixels of the picture."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Label) -> bool:
        slack = 1.0
        return (
            self.left + slack < other.right
            and other.left + slack < self.right
            and self.top + slack < other.bottom
            and other.top + slack < self.bottom
        )


def labels(element: ET.Element, across: float = 0.0, down: float = 0.0) -> Iterator[Label]:
    """Every outlined text that stands upright."""
    transform = element.get("transform", "")
    for x, y in re.findall(rf"translate\(({_NUMBER}),({_NUMBER})\)", transform):
        across, down = across + float(x), down + float(y)
    if "rotate" in transform:
        return
    said = element.get("aria-label")
    if said is not None and element.tag.endswith("path") and element.get("d"):
        numbers = [float(one) for one in re.findall(_NUMBER, element.get("d", ""))]
        xs, ys = numbers[0::2], numbers[1::2]
        yield Label(said, across + min(xs), down + min(ys), across + max(xs), down + max(ys))
    for child in element:
        yield from labels(child, across, down)


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[str, str], str]:
    return {(language, name): render_svg(pictures(language)[name]) for language, name in CASES}


@pytest.mark.parametrize(("language", "name"), CASES)
def test_a_picture_needs_no_font_and_no_network(
    drawn: dict[tuple[str, str], str], language: str, name: str
) -> None:
    svg = drawn[language, name]
    assert "<text" not in svg
    assert "font-family" not in svg
    addresses = set(re.findall(r"https?://[^\s\"'<]+", svg))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    root = parsed(svg)
    assert root.findtext("{http://www.w3.org/2000/svg}title") == pictures(language)[name].title


@pytest.mark.parametrize(("language", "name"), CASES)
def test_no_label_is_cut_and_none_lies_on_another(
    drawn: dict[tuple[str, str], str], language: str, name: str
) -> None:
    root = parsed(drawn[language, name])
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    found = list(labels(root))
    assert found
    for label in found:
        assert label.left >= -0.5, label
        assert label.right <= width + 0.5, label
        assert label.top >= -0.5, label
        assert label.bottom <= height + 0.5, label
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            assert not one.overlaps(other), (one, other)


@pytest.mark.parametrize("name", [name for language, name in CASES if language == "en"])
def test_english_pictures_hold_no_chinese_of_ours(drawn: dict[tuple[str, str], str], name: str) -> None:
    given_by_the_sample = re.compile(r"[\u4e00-\u9fff]")
    ours = [
        label.text for label in labels(parsed(drawn["en", name])) if given_by_the_sample.search(label.text)
    ]
    # Names of sections, groups and files, and the titles that the sample hands in.
    known = ("断面", "省", "洞庭湖", "数据", "方法", "总磷", "片区", "清江上游", "恩施", "自治州", "…")
    assert [text for text in ours if not any(part in text for part in known)] == []


@pytest.mark.parametrize("name", ["series", "heat", "shares", "ranking", "trophic"])
def test_the_same_picture_is_the_same_bytes_elsewhere(
    drawn: dict[tuple[str, str], str], name: str, tmp_path: Path
) -> None:
    if name != "series":
        assert render_svg(pictures("zh")[name]) == drawn["zh", name]
        return
    code = (
        "import sys; from tests.maps.chart_samples import draw_series, series, words; "
        "from maps.rendering import render_svg; "
        "sys.stdout.buffer.write(render_svg(draw_series(series(), words('zh'))).encode())"
    )
    elsewhere = {**os.environ, "TZ": "America/New_York", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, env=elsewhere
    )
    assert done.stdout.decode() == drawn["zh", "series"]


def test_png_is_drawn_from_the_outlines_at_the_asked_scale() -> None:
    small, large = (render_png(pictures("zh")["ranking"], scale) for scale in (1.0, 2.0))
    sizes = [tuple(int.from_bytes(png[at : at + 4]) for at in (16, 20)) for png in (small, large)]
    assert small.startswith(b"\x89PNG\r\n\x1a\n")
    assert sizes[1] == (sizes[0][0] * 2, sizes[0][1] * 2)


def test_the_page_holds_the_numbers_as_a_table_and_no_script() -> None:
    page = render_html(pictures("zh")["shares"])
    assert page.startswith('<!doctype html>\n<html lang="zh-CN">')
    assert "<script" not in page
    assert "<td>湖北省</td><td>12</td><td>60</td><td>30</td><td>3</td><td>1</td><td>1</td><td>2</td>" in page


def test_names_cannot_break_out_of_the_page_or_the_picture() -> None:
    evil = '<script>alert("1")</script> & ]]>'
    picture = draw_ranking(
        [RankBar(evil, Decimal(1), "1", 3)], words("en"), title=evil, quantity="tp", source=SOURCE
    )
    page = render_html(dataclasses.replace(picture, columns=[evil], rows=[[evil]]))
    assert "<script" not in page
    parsed(render_svg(picture))
