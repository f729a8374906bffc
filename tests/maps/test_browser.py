"""The page in a real browser with the network cut, on a desk and on a phone, in both languages."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from shapely.geometry import Point

from maps.layers import MapLayers
from maps.page import draw_facility, draw_map, save
from tests.maps.synthetic import catalogue, facility, finding, frame, map_layers, near_mainstem, section

pytestmark = pytest.mark.browser

SIZES = {"desk": (1280, 800), "phone": (390, 844)}

LAYER_IDS = [
    "facility:tailings_pond",
    "facility:chemical_site",
    "facility:outfall",
    "facility:water_source",
    "distances",
    "sections",
    "shoreline:mainstem",
    "shoreline:important_tributary",
    "shoreline:lake",
    "rivers",
    "zone:mainstem:1000",
    "zone:important_tributary:1000",
    "zone:lake:1000",
    "zone:mainstem:3000",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the distribution has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("no Chromium on PATH: apt-get install chromium fonts-noto-cjk")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One opened page, and everything that it said or asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, html: str, folder: Path) -> Page:
        """Save the page, open it from the disk, and wait until it is drawn."""
        path = folder / "map.html"
        save(html, path)
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", self.note)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what the page writes to the console."""
        self.said.append(message.text)

    def note(self, request: Request) -> None:
        """Keep what the page asks for beside itself and what it carries."""
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.asked.append(request.url)


@pytest.fixture(params=list(SIZES))
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """A visit that must end without a word on the console and without a request."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    visit = Visit(context.new_page())
    yield visit
    context.close()
    assert visit.said == []
    assert visit.asked == []


def open_panel(page: Page) -> None:
    """Unfold the layer list where it is folded (phones)."""
    if page.locator("details.qj-card").get_attribute("open") is None:
        page.locator("details.qj-card > summary").click()


def open_marker(page: Page, name: str) -> None:
    """Open the popup of a marker by keyboard: it may lie under another."""
    page.locator(f".leaflet-marker-icon[aria-label*='{name}']").press("Enter")


def look_at(page: Page, lat: float, lon: float) -> None:
    """Go near a place."""
    page.evaluate("([lat, lon]) => qingjiang.page.map.setView([lat, lon], 12)", [lat, lon])


def hidden_panel(page: Page) -> None:
    """Take the panel out of the picture, so that pictures show the map alone."""
    page.add_style_tag(content=".qj-panel { visibility: hidden }")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_lists_every_layer_and_explains_its_signs(
    visit: Visit, tmp_path: Path, language: str
) -> None:
    text = catalogue(language)
    page = visit.open(draw_map(map_layers(), text=text), tmp_path)
    open_panel(page)
    assert page.locator("input[data-layer]").evaluate_all("all => all.map(x => x.dataset.layer)") == LAYER_IDS
    panel = page.locator(".qj-card")
    keys = [f"verdict_{verdict}" for verdict in ("violation", "undetermined", "compliant", "none")]
    keys += [f"class_{number}" for number in (1, 2, 3, 4, 5, 6, "none")]
    keys += [f"kind_{kind}" for kind in ("tailings_pond", "chemical_site", "outfall", "water_source")]
    for key in keys:
        expect(panel).to_contain_text(text(f"maps.{key}"))
    assert panel.locator(".qj-class").all_inner_texts() == ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ", "—"]
    expect(page.locator("html")).to_have_attribute("lang", text("maps.language"))
    expect(page.locator(".qj-head")).to_contain_text("2024-01-01")
    expect(page.locator(".leaflet-control-scale-line")).to_contain_text("km")
    expect(page.locator(".leaflet-control-attribution")).to_contain_text("示例数据")


def test_every_layer_can_be_seen_and_switched(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue("zh")), tmp_path)
    hidden_panel(page)
    stage = page.locator(".qj-stage")
    for layer in sorted(LAYER_IDS, key="distances".__eq__):
        if layer == "distances":  # shorter than a marker until one looks closely
            look_at(page, 30.56, 111.47)
        before = stage.screenshot()
        assert stage.screenshot() == before, "the picture must stand still to be compared"
        box = page.locator(f"input[data-layer='{layer}']")
        box.evaluate("box => box.click()")
        assert stage.screenshot() != before, f"{layer} cannot be seen"
        box.evaluate("box => box.click()")
        assert page.evaluate("id => qingjiang.page.layers[id].visible", layer) is True


def test_sections_print_their_class_and_facilities_their_verdict(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue("zh")), tmp_path)
    printed = page.locator(".leaflet-marker-icon .qj-pill").all_inner_texts()
    assert sorted(printed) == sorted(["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ", "—"])
    look_at(page, 30.61, 111.41)
    markers = page.locator(".leaflet-marker-icon.qj-marker")
    labels = markers.evaluate_all("all => all.map(marker => marker.ariaLabel)")
    assert "尾矿库 · 石板沟尾矿库 · 违反" in labels
    assert "化工园区、企业与项目 · 猇亭化工园 · 无法判定" in labels
    assert "入河排污口 · 临江溪排污口 · 不涉及" in labels


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["违反", "逾期", "第二十六条第三款", "2,245.7 米", "3,000 米", "2023-12-31", "尚未完成治理"]),
        ("en", ["Violation", "overdue", "第二十六条第三款", "2,245.7 m", "3,000 m", "2023-12-31", "passed"]),
    ],
)
def test_a_facility_opens_with_its_findings_and_its_distance(
    visit: Visit, tmp_path: Path, language: str, words: list[str]
) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue(language)), tmp_path)
    open_marker(page, "石板沟尾矿库")
    popup = page.locator(".leaflet-popup-content")
    for word in ["石板沟尾矿库", "TP-1", "420500", *words]:
        expect(popup).to_contain_text(word)
    expect(page.locator(".qj-distance")).to_contain_text("2,245.7")
    box, frame_box = popup.bounding_box(), page.locator(".qj-stage").bounding_box()
    assert box is not None
    assert frame_box is not None
    assert frame_box["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame_box["x"] + frame_box["width"]
    assert frame_box["y"] <= box["y"]


def test_a_section_opens_with_class_target_and_main_pollutants(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue("zh")), tmp_path)
    open_marker(page, "清江口")
    popup = page.locator(".leaflet-popup-content")
    for word in ["清江口", "S4", "2023", "Ⅳ", "Ⅱ", "违反", "总磷（0.4 倍）"]:
        expect(popup).to_contain_text(word)


def test_a_shoreline_tells_its_name_rank_and_kind(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue("zh")), tmp_path)
    page.evaluate(
        """() => qingjiang.page.map.eachLayer(layer => {
            if (layer.feature && layer.feature.properties.code === "W1") layer.openPopup();
        })"""
    )
    expect(page.locator(".leaflet-popup-content")).to_contain_text("长江干流 · W1 · 河道管理范围线")


def test_a_popup_takes_the_focus_and_escape_gives_it_back(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(draw_map(map_layers(), text=catalogue("zh")), tmp_path)
    open_marker(page, "石板沟尾矿库")
    expect(page.locator(".leaflet-popup-content")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".leaflet-popup-content")).to_have_count(0)
    expect(page.locator(".leaflet-marker-icon[aria-label*='石板沟尾矿库']")).to_be_focused()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_facility_map_shows_the_facts_and_the_line(visit: Visit, tmp_path: Path, language: str) -> None:
    text = catalogue(language)
    page = visit.open(draw_facility(map_layers(), "TP-1", text=text), tmp_path)
    facts = page.locator(".qj-facts")
    expect(facts).to_be_visible()
    expect(facts).to_contain_text(text("maps.verdict_violation"))
    expect(facts).to_contain_text("2,245.7")
    expect(page.locator(".qj-distance")).to_be_visible()
    assert page.locator(".qj-focused").count() == 1
    facts.get_by_role("button").click()
    expect(facts).to_be_hidden()


def test_nothing_in_the_data_is_run(visit: Visit, tmp_path: Path) -> None:
    bad = "<img src=x onerror='window.hacked=1'></script><script>window.hacked=1</script>{{7*7}}\u2028\"'\\"
    item = finding("CN-14-1", "violation", "overdue", "not_treated", deadline="2023-12-31")
    item["clause"] = item["evidence"]["rule"]["quote"] = bad
    row = facility(
        "tailings_pond",
        "T",
        bad,
        Point(111.3, 30.6),
        region_code=bad,
        verdict="violation",
        findings=[item],
        **near_mainstem(700.0, 111.31, 30.61),
    )
    layers = map_layers()
    water = layers.shorelines
    assert water is not None
    hostile = MapLayers(
        date(2024, 1, 1),
        shorelines=water.assign(name=bad),
        facilities=frame([row]),
        sections=frame([section("S", bad, 3, 111.302, 30.603, river=bad)]),
        title=bad,
        sources=(bad,),
    )
    page = visit.open(draw_facility(hostile, "T", text=catalogue("zh")), tmp_path)
    page.locator(".leaflet-marker-icon.qj-section").press("Enter")
    expect(page.locator(".leaflet-popup-content h2")).to_have_text(re.compile(re.escape(bad[:40])))
    for place in (".qj-head h1", ".qj-facts h2", ".qj-distance", ".leaflet-control-attribution"):
        expect(page.locator(place)).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_is_wider_than_its_window(visit: Visit, tmp_path: Path, width: int) -> None:
    page = visit.open(draw_facility(map_layers(), "TP-1", text=catalogue("en")), tmp_path)
    page.set_viewport_size({"width": width, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_crowded_facilities_become_one_sign_that_names_the_verdicts(visit: Visit, tmp_path: Path) -> None:
    rows = [
        facility("outfall", f"O{n}", f"口{n}", Point(111.3 + n * 1e-5, 30.6), verdict=verdict)
        for n, verdict in enumerate(["violation", "compliant", "compliant", None])
    ]
    far = facility("water_source", "W", "水源", Point(112.3, 30.2))
    layers = MapLayers(date(2024, 1, 1), facilities=frame([*rows, far]))
    page = visit.open(draw_map(layers, text=catalogue("zh")), tmp_path)
    cluster = page.locator(".qj-marker:has(.qj-cluster)")
    expect(cluster).to_have_attribute("aria-label", "4 处设施（违反 1, 符合 2, 不涉及 1），点击放大")
    expect(cluster).to_have_text("4")


def test_a_large_map_is_drawn_within_seconds(visit: Visit, tmp_path: Path) -> None:
    rows = [
        facility("outfall", f"O{n}", f"口{n}", Point(111 + n % 100 / 100, 30 + n // 100 / 100))
        for n in range(10_000)
    ]
    html = draw_map(MapLayers(date(2024, 1, 1), facilities=frame(rows)), text=catalogue("zh"))
    page = visit.open(html, tmp_path)
    assert len(html) < 4_000_000
    page.wait_for_function("document.querySelectorAll('.qj-cluster').length > 0", timeout=10_000)
