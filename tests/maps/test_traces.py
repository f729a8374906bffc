"""The map of a trace: bands of travel time, and the page in a real browser with the network cut."""

import math
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from playwright.sync_api import Browser, Page, expect, sync_playwright

from maps.bundle import list_assets
from maps.page import save
from maps.palette import contrast
from maps.traces import (
    KIND_COLOURS,
    SUSPECT_COLOURS,
    TRACE_SCRIPTS,
    TRACE_SHAPES,
    TRACE_STYLES,
    TracedPlace,
    TraceLayers,
    band_of,
    cut_at_bands,
    draw_trace,
)
from tests.maps.synthetic import catalogue, entries

NAN = float("nan")
SIZES = {"desk": (1280, 800), "phone": (390, 844)}


def place(number: int, kind: str, lon: float, **more: Any) -> TracedPlace:
    facts = {"arrival": "约 1.0 小时", "span": "0.5–2.0 小时", "lon": lon, "lat": 30.0, **more}
    return TracedPlace(
        number=number, kind=kind, code=f"{kind}-{number}", name=f"{kind}样例", river_km=number * 10.0, **facts
    )


def layers(**more: Any) -> TraceLayers:
    """Two rivers, one of them without times; a place of every kind."""
    lines = gpd.GeoDataFrame(
        {"hours_from": [0.0, NAN], "hours_to": [30.0, NAN]},
        geometry=[
            shapely.LineString([(111, 30), (112, 30.0)]),
            shapely.LineString([(111.5, 30), (111.5, 30.3)]),
        ],
        crs=4490,
    )
    places = [
        place(number, kind, 111 + number / 10, geometry=shapely.Point(111 + number / 10, 30.02))
        for number, kind in enumerate(TRACE_SHAPES, 1)
    ]
    given: dict[str, Any] = {
        "title": "样例断面 上游 100 公里 </script><b>",
        "as_of": date(2024, 1, 1),
        "direction": "upstream",
        "lon": 111.0,
        "lat": 30.0,
        "origin_label": "样例断面",
        "lines": lines,
        "places": places,
        "facts": ("超标因子：总磷",),
        "notes": ("另有 2 处不在河网上",),
        "sources": ("示例数据",),
    }
    return TraceLayers(**(given | more))


# -- bands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "band"),
    [(0.0, 0), (6.0, 0), (6.01, 1), (12.0, 1), (24.0, 2), (48.0, 3), (48.1, 4), (NAN, None)],
)
def test_a_band_holds_its_upper_bound(hours: float, band: int | None) -> None:
    assert band_of(hours) == band


@pytest.mark.parametrize(("first", "last"), [(0.0, 30.0), (30.0, 0.0)])
def test_a_line_is_cut_where_a_band_ends(first: float, last: float) -> None:
    """30 hours over 10 degrees: 6, 12 and 24 h at 2, 4 and 8 degrees from where the time is 0."""
    pieces = cut_at_bands(shapely.LineString([(0, 0), (10, 0)]), first, last)
    lengths = {band: piece.length for band, piece in pieces}
    assert lengths == pytest.approx({0: 2, 1: 2, 2: 4, 3: 2})
    assert math.isclose(sum(piece.length for _, piece in pieces), 10)
    starts = {band: piece.coords[0][0] for band, piece in pieces}
    assert starts[3] == pytest.approx(8 if first < last else 0)


def test_a_stretch_without_times_is_one_piece_without_a_band() -> None:
    line = shapely.LineString([(0, 0), (1, 0)])
    assert cut_at_bands(line, NAN, NAN) == [(None, line)]


def test_figures_on_every_kind_can_be_read() -> None:
    assert set(KIND_COLOURS) == set(TRACE_SHAPES)
    assert min(contrast("#FFFFFF", colour) for colour in KIND_COLOURS.values()) >= 4.5


def test_the_same_trace_has_the_same_bytes() -> None:
    assert draw_trace(layers(), text=catalogue("zh")) == draw_trace(layers(), text=catalogue("zh"))


def test_every_text_of_a_trace_is_used() -> None:
    words, used = catalogue("zh"), set()

    def text(key: str, /, **params: Any) -> str:
        used.add(key.removeprefix("maps."))
        return words(key, **params)

    suspects = [
        place(n, "outfall", 111 + n / 10, suspect=reason) for n, reason in enumerate(SUSPECT_COLOURS, 1)
    ]
    long = layers().lines.assign(hours_to=[60.0, NAN])
    draw_trace(layers(), text=text)
    draw_trace(layers(places=suspects, lines=long, direction="downstream"), text=text)
    draw_trace(layers(places=[]), text=text)
    assert {key for key in entries("maps") if key.startswith("trace_")} == {
        key for key in used if key.startswith("trace_")
    }


def test_a_served_trace_links_only_assets_that_the_application_has() -> None:
    html = draw_trace(layers(), text=catalogue("zh"), assets="linked")
    for name in (*TRACE_STYLES, *TRACE_SCRIPTS):
        assert list_assets()[name].url in html
    assert "<style" not in html


# -- the page --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "no Chromium on PATH: apt-get install chromium fonts-noto-cjk"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that must say nothing on the console and ask for nothing."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else said.append(asked.url),
    )
    yield opened
    context.close()
    assert said == []


def visit(page: Page, html: str, folder: Path) -> None:
    path = folder / "trace.html"
    save(html, path)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_list_and_map_show_every_place_by_its_number(page: Page, tmp_path: Path, language: str) -> None:
    text = catalogue(language)
    visit(page, draw_trace(layers(), text=text), tmp_path)
    assert page.locator("h1").inner_text() == "样例断面 上游 100 公里 </script><b>"
    rows = page.locator("button[data-place]")
    markers = page.locator(".qj-stop:not(.qj-origin)")
    assert rows.count() == markers.count() == len(TRACE_SHAPES)
    assert [row.split()[0] for row in rows.all_inner_texts()] == [
        str(n + 1) for n in range(len(TRACE_SHAPES))
    ]
    expect(page.locator(".qj-way")).to_contain_text("超标因子：总磷")
    expect(page.locator(".qj-way")).to_contain_text("另有 2 处不在河网上")
    for kind in TRACE_SHAPES:
        expect(page.locator(".qj-panel")).to_contain_text(text(f"maps.trace_kind_{kind}"))
    expect(page.locator(".qj-panel")).to_contain_text(text("maps.trace_untimed"))
    expect(page.locator(".qj-origin")).to_have_count(1)


@pytest.mark.browser
def test_a_row_of_the_list_opens_its_place(page: Page, tmp_path: Path) -> None:
    places = [place(1, "outfall", 111.2, suspect="lists_parameter", suspicion="排放清单含总磷")]
    visit(page, draw_trace(layers(places=places), text=catalogue("zh")), tmp_path)
    page.locator("button[data-place='1']").click()
    popup = page.locator(".leaflet-popup")
    expect(popup).to_contain_text("outfall样例")
    expect(popup).to_contain_text("约 1.0 小时（0.5–2.0 小时）")
    expect(popup).to_contain_text("排放清单含总磷")
    assert page.locator("button[data-place='1']").get_attribute("aria-current") == "true"
    page.keyboard.press("Escape")


@pytest.mark.browser
def test_a_trace_that_meets_nothing_says_so(page: Page, tmp_path: Path) -> None:
    visit(page, draw_trace(layers(places=[]), text=catalogue("zh")), tmp_path)
    expect(page.locator(".qj-way")).to_contain_text("沿程没有登记的目标")
