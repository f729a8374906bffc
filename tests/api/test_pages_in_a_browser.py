"""The pages as people see them: a real browser that may reach this application and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from api.catalogue import Catalogue
from api.demo import draw_maps
from api.settings import Settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "no Chromium on PATH: `make test` installs it"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        opened = playwright.chromium.launch(executable_path=found, args=arguments)
        yield opened
        opened.close()


class Watch:
    """Everything a page complained of, and every address it asked for."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def foreign(self, *own: str) -> list[str]:
        return [url for url in self.asked if not url.startswith((*own, "data:", "blob:"))]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    yield context.new_page()
    context.close()


def test_the_home_page_shows_verdicts_scoreboard_and_map(page: Page, address: str, sample: Any) -> None:
    watch = Watch(page)
    page.goto(address + "/", wait_until="networkidle")
    violations = sum(row["verdict"] == "violation" for row in sample.evaluation.findings)
    assert page.locator(".card.violation b").inner_text() == str(violations)
    assert page.get_by_text("CN-14-1", exact=True).count() >= 2
    frame = page.frame_locator("iframe")
    frame.locator(".leaflet-container").wait_for()
    assert watch.complaints == []
    assert watch.foreign(address) == []


def test_the_home_page_speaks_english_to_an_english_browser(browser: Browser, address: str) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(address + "/")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "violation" in page.locator(".card.violation").inner_text()
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_screen(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    for path in ("/", "/maps/overview", "/maps/trace?section=S430602001&upstream=60"):
        page.goto(address + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize(
    "subject",
    ["overview", "buffers", "sections", "facility/WKK-01", "trace?section=S430602001&upstream=60"],
)
def test_the_served_maps_ask_this_application_only(page: Page, address: str, subject: str) -> None:
    watch = Watch(page)
    page.goto(f"{address}/maps/{subject}", wait_until="networkidle")
    page.locator(".leaflet-container").wait_for()
    assert watch.complaints == []
    assert watch.foreign(address) == []


def test_the_description_of_the_api_needs_no_network(page: Page, address: str) -> None:
    watch = Watch(page)
    page.goto(f"{address}/docs", wait_until="networkidle")
    page.get_by_text("/api/v1/findings").first.wait_for()
    assert watch.complaints == []
    assert watch.foreign(address) == []


@pytest.mark.parametrize("name", ["overview", "buffers", "sections", "trace_upstream", "trace_downstream"])
def test_the_maps_of_the_demo_open_with_the_network_cut(
    browser: Browser, sample: Any, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    home: Path = tmp_path_factory.mktemp("home")
    paths = draw_maps(sample.engine, Settings(home=home), Catalogue(), sample.as_of)
    path = next(path for path in paths if path.stem == name)
    context = browser.new_context(offline=True)
    page = context.new_page()
    watch = Watch(page)
    page.goto(path.as_uri(), wait_until="load")
    page.locator(".leaflet-container").wait_for()
    signs = "button[data-place]" if name.startswith("trace") else "input[type=checkbox]"
    assert page.locator(signs).count() >= 3
    assert watch.complaints == []
    assert watch.foreign("file:") == []
    context.close()
