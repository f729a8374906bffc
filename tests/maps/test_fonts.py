"""The bundled font: what it can draw, and that what is drawn is what was meant."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from api.catalogue import entries
from maps.fonts import (
    ELLIPSIS,
    FAMILY,
    MISSING,
    font_file,
    glyph_of,
    has_glyph,
    outline,
    shorten,
    text_width,
    wrap,
)
from spatial.parameters import load_parameters

PLANE = range(0xA1, 0xFF)
TEXTS = st.text(st.sampled_from("清江水质断面总磷类别ⅠⅤ劣，。（）：abcXYZ 0123456789-%~μ³"), max_size=60)


def pixels(png: bytes) -> npt.NDArray[np.float64]:
    """The picture as darkness, 0 white to 1 black, shape (rows, columns)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(png) as file, file.open(driver="PNG") as picture:
            grey = picture.read([1, 2, 3]).astype(np.float64).mean(axis=0)
    return 1 - np.asarray(grey) / 255


def svg_of(content: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="60" viewBox="0 0 400 60">'
        f'<rect width="400" height="60" fill="white"/>{content}</svg>'
    )


def test_every_character_of_gb2312_has_a_glyph() -> None:
    characters = [
        bytes((row, cell)).decode("gb2312", errors="ignore") for row in range(0xB0, 0xF8) for cell in PLANE
    ]
    hanzi = [one for one in characters if one]
    assert len(hanzi) == 6763  # levels 1 and 2 of the standard
    assert [one for one in hanzi if not has_glyph(one)] == []


def test_every_character_of_our_own_words_has_a_glyph() -> None:
    texts = [text for entry in entries().values() for text in entry.values()]
    texts += [name for one in load_parameters().values() for name in (one.name_zh, one.name_en, one.unit)]
    missing = {sign for text in texts for sign in text if not has_glyph(sign)} - set("\n")
    assert missing == set()


@pytest.mark.parametrize("text", ["清江水质", "ⅠⅡⅢⅣⅤ劣", "总磷≤0.05mg/L", "叶绿素aμSm³"])
def test_the_outlines_look_like_the_text_that_another_engine_sets(text: str) -> None:
    """The drawing library sets each character itself with the same font; ink falls on the same pixels."""
    vl_convert.register_font_directory(str(font_file().parent))
    places = [(sign, 8 + 36 * place) for place, sign in enumerate(text)]
    outlines = "".join(f'<path d="{outline(sign, 32, x, 42)}"/>' for sign, x in places)
    by_it = "".join(
        f'<text x="{x}" y="42" font-size="32px" font-family="{FAMILY}">{sign}</text>' for sign, x in places
    )
    ours, theirs = (pixels(vl_convert.svg_to_png(svg_of(one), scale=1)) for one in (outlines, by_it))
    assert theirs.sum() > 200  # something is there
    assert np.abs(ours - theirs).sum() < 0.05 * theirs.sum()


@pytest.mark.parametrize("character", ["清", "磷", "Ⅴ", "劣", "≤"])
def test_no_character_is_drawn_as_an_empty_box(character: str) -> None:
    box = pixels(vl_convert.svg_to_png(svg_of('<path d="M12 14H40V44H12ZM14 16V42H38V16Z"/>'), scale=1))
    drawn = pixels(vl_convert.svg_to_png(svg_of(f'<path d="{outline(character, 32, 10, 42)}"/>'), scale=1))
    inside = drawn[18:40, 16:36].sum()
    assert inside > 20  # a box is empty inside
    assert np.abs(drawn - box).sum() > 0.5 * box.sum()


def test_what_the_font_lacks_becomes_the_mark_for_a_missing_character() -> None:
    unknown = "\U0001f600"
    assert not has_glyph(unknown)
    assert glyph_of(unknown) == glyph_of(MISSING)
    assert glyph_of(MISSING).strokes


def test_different_characters_have_different_outlines() -> None:
    characters = "清江水质断面总磷氨氮类别优良轻度中度重度污染ⅠⅡⅢⅣⅤ劣"
    assert len({glyph_of(one).strokes for one in characters}) == len(set(characters))


@given(TEXTS, st.floats(40, 400))
def test_wrapped_lines_keep_every_character_and_fit(text: str, width: float) -> None:
    lines = wrap(text, width, 12)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        # A single piece (a word, a character with its mark) may be wider than the line.
        assert text_width(line, 12) <= width or " " not in line.strip()


def test_closing_marks_never_begin_a_line() -> None:
    lines = wrap(
        "方法：环办〔2011〕22号，《地表水环境质量评价办法（试行）》，自发布之日起施行。" * 3, 200, 12
    )
    assert len(lines) > 3
    assert not any(line[0] in "，。：）》" for line in lines)


@given(TEXTS, st.floats(20, 400))
def test_a_shortened_text_fits_and_says_that_it_was_cut(text: str, width: float) -> None:
    short = shorten(text, width, 12)
    if short == text:
        assert text_width(text, 12) <= width
    else:
        assert short.endswith(ELLIPSIS)
        assert text.startswith(short.removesuffix(ELLIPSIS))
        assert text_width(short, 12) <= max(width, text_width(ELLIPSIS, 12))
