"""The page as text: nothing from outside, nothing at random, nothing that data could run."""

import json
import re
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import LineString, Point

from maps.bundle import SCRIPTS, STYLES, list_assets
from maps.errors import FacilityAmbiguousError, FacilityNotDrawableError, LayerError, TilesError
from maps.layers import MapLayers
from maps.page import (
    PAGE_TEMPLATES,
    PAGE_TEXTS,
    Tiles,
    draw_buffers,
    draw_facility,
    draw_map,
    draw_section_classes,
    save,
)
from maps.palette import CLASS_INK_CONTRAST, VERDICT_SIGNS, class_colours, contrast, ink_on
from spatial.vocabulary import Rank, ShorelineKind
from tests.maps.synthetic import (
    RULES,
    catalogue,
    entries,
    facilities,
    facility,
    finding,
    frame,
    near_mainstem,
    section,
    sections,
    shorelines,
    zones,
)

Text = Callable[..., str]
AS_OF = date(2024, 1, 1)

HOSTILE = (
    "</script><script>hacked=1</script><img src=x onerror=hacked=1>\"'`\\ \u2028\u2029 {{7*7}}{% raise %}&lt;"
)

KNOWN_ADDRESSES = {
    "http://www.w3.org/2000/svg",  # the name of a vocabulary
    "https://leafletjs.com",  # in the library's notice and in a link that the page switches off
    "https://bugs.chromium.org/p/chromium/issues/detail?id=600120",  # in comments of the library's style
    "https://bugzilla.mozilla.org/show_bug.cgi?id=888319",
}


class References(HTMLParser):
    """Every address that a page's markup makes a browser load or follow."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the attributes that name something to load."""
        loading = {"src", "href", "srcset", "data", "action", "poster"}
        self.found += [value or "" for name, value in attrs if name in loading]


def embedded(html: str, name: str) -> Any:
    """One JSON document of a page."""
    match = re.search(rf'<script type="application/json" id="qj-{name}">(.*?)</script>', html, re.DOTALL)
    assert match is not None, f"the page has no document {name}"
    return json.loads(match[1])


def properties(html: str, name: str) -> list[dict[str, Any]]:
    return [feature["properties"] for feature in embedded(html, name)["features"]]


# ---- nothing from outside ----


def test_a_saved_page_loads_nothing_from_anywhere(layers: MapLayers, text: Text) -> None:
    html = draw_map(layers, text=text)
    assert [address for address in References(html).found if not address.startswith("data:")] == []
    assert set(re.findall(r"url\((?!data:|#)[^)]*\)", html)) == set()
    assert "@import" not in html
    assert set(re.findall(r"https?://[^\s\"'<>);]+", html)) <= KNOWN_ADDRESSES


@pytest.mark.parametrize("name", ["jquery", "bootstrap", "awesome", "glyphicon", "openstreetmap"])
def test_nothing_of_foliums_own_links_is_left(layers: MapLayers, chinese: Text, name: str) -> None:
    assert name.lower() not in draw_map(layers, text=chinese).lower()


def test_a_served_page_links_only_assets_that_the_application_has(layers: MapLayers, chinese: Text) -> None:
    html = draw_map(layers, text=chinese, assets="linked")
    links = [address for address in References(html).found if not address.startswith("data:")]
    assert sorted(links) == sorted(list_assets()[name].url for name in (*STYLES, *SCRIPTS))
    assert len(html) < len(draw_map(layers, text=chinese)) - 200_000


def test_a_base_map_is_drawn_only_when_it_is_configured(layers: MapLayers, chinese: Text) -> None:
    tiles = Tiles("https://tiles.example.cn/{z}/{x}/{y}.png", "某测绘院 <b>2024</b>", max_zoom=16)
    html = draw_map(layers, text=chinese, tiles=tiles)
    assert html.count("tiles.example.cn") == 1
    assert "某测绘院 \\u003cb\\u003e" not in html  # markup in an attribution is shown, not run
    assert embedded(html, "settings")["graticule"] is False
    bare = draw_map(layers, text=chinese)
    assert "L.tileLayer(\n" not in bare
    assert embedded(bare, "settings")["graticule"] is True


@pytest.mark.parametrize(
    ("url", "attribution"),
    [
        ("javascript:{z}{x}{y}", "A"),
        ("https://tiles.example.cn/{z}/{x}.png", "A"),
        ("https://tiles.example.cn/{z}/{x}/{y}.png", " "),
        ("https://tiles.example.cn/{z}/{x}/{y}/{{k}}.png", "A"),
        ("https://tiles.example.cn/{z}/{x}/{y}.png", "{% for %}"),
    ],
)
def test_an_unusable_base_map_is_refused(url: str, attribution: str) -> None:
    with pytest.raises(TilesError):
        Tiles(url, attribution)


# ---- nothing at random ----


@pytest.mark.parametrize("assets", ["inline", "linked"])
def test_the_same_input_gives_the_same_bytes(layers: MapLayers, text: Text, assets: Any) -> None:
    tiles = Tiles("/tiles/{z}/{x}/{y}.png", "A")
    first = draw_map(layers, text=text, tiles=tiles, focus="TP-1", assets=assets)
    assert draw_map(layers, text=text, tiles=tiles, focus="TP-1", assets=assets) == first


def test_coordinates_carry_at_most_six_decimals(chinese: Text) -> None:
    line = LineString([(111.123456789, 30.987654321), (111.2, 30.5)])
    water = shorelines().iloc[:1].assign(geometry=[line])
    html = draw_map(MapLayers(AS_OF, shorelines=water), text=chinese)
    assert embedded(html, "shorelines")["features"][0]["geometry"]["coordinates"] == [
        [111.123457, 30.987654],
        [111.2, 30.5],
    ]


def test_more_features_make_more_data_and_no_more_script(chinese: Text) -> None:
    def script(count: int) -> str:
        rows = [facility("outfall", f"O{n}", f"口{n}", Point(111 + n / 1000, 30.5)) for n in range(count)]
        html = draw_map(MapLayers(AS_OF, facilities=frame(rows)), text=chinese)
        assert len(properties(html, "facilities")) == count
        return html.rsplit("<script>", 1)[1].split("center:")[0]

    assert script(500) == script(2)


# ---- nothing that data could run ----


def hostile_layers() -> MapLayers:
    item = finding("CN-14-1", "violation", "overdue", "not_treated", deadline="2023-12-31")
    item["clause"] = item["evidence"]["rule"]["quote"] = item["evidence"]["rule"]["document"] = HOSTILE
    point = facility(
        "outfall",
        HOSTILE,
        HOSTILE,
        Point(111.3, 30.6),
        region_code=HOSTILE,
        verdict="violation",
        findings=[item],
        **near_mainstem(700.0, 111.31, 30.61),
    )
    return MapLayers(
        AS_OF,
        shorelines=shorelines().assign(name=HOSTILE),
        facilities=frame([point]),
        sections=frame([section(HOSTILE, HOSTILE, 3, 111.4, 30.5, river=HOSTILE, period=HOSTILE)]),
        title=HOSTILE,
        sources=(HOSTILE,),
    )


@pytest.mark.parametrize("assets", ["inline", "linked"])
def test_no_data_becomes_markup_or_a_template(chinese: Text, assets: Any) -> None:
    html = draw_map(hostile_layers(), text=chinese, assets=assets)
    assert "<script>hacked" not in html
    assert "<img" not in html
    assert "\u2028" not in html.split('id="qj-settings"')[1]
    assert properties(html, "facilities")[0]["name"] == HOSTILE
    assert properties(html, "sections")[0]["river"] == HOSTILE


def test_the_scripts_of_a_page_are_closed_only_where_they_end(chinese: Text) -> None:
    html = draw_map(hostile_layers(), text=chinese)
    assert html.count("<script") == html.count("</script>")


# ---- words ----


def full_layers() -> MapLayers:
    """Every code that has words: all ranks, kinds of shoreline, states, facility kinds."""
    waters = frame(
        [
            {"water_body_code": f"W{n}", "name": None, "rank": rank, "kind": kind, "geometry": line}
            for n, (rank, kind) in enumerate(zip(Rank, ShorelineKind, strict=True))
            for line in [LineString([(111 + n / 10, 30), (111 + n / 10, 31)])]
        ]
    )
    uncertain = facility("outfall", "X", "无坐标", None)
    return MapLayers(
        AS_OF,
        shorelines=waters,
        zones=zones(),
        facilities=frame([*facilities().to_dict("records"), uncertain]),
        sections=sections(),
        rivers=frame([{"name": None, "geometry": LineString([(111, 30), (112, 31)])}]),
        sources=("甲", "乙"),
    )


def test_every_text_is_used_and_every_used_text_exists_in_both_languages() -> None:
    used: set[str] = set()
    for language in ("zh", "en"):
        words = catalogue(language)

        def text(key: str, /, *, words: Text = words, **params: Any) -> str:
            used.add(key)
            return words(key, **params)

        full = full_layers()
        draw_map(full, text=text)
        draw_map(MapLayers(AS_OF), text=text)
        draw_buffers(full, text=text)
        draw_section_classes(full, text=text)
        draw_facility(full, "TP-1", text=text)
    known = {key for key in entries("maps") if not key.startswith("trace_")}  # those are of another page
    assert {key.removeprefix("maps.") for key in used if key.startswith("maps.")} == known


def test_both_languages_have_the_same_placeholders() -> None:
    for key, entry in entries("maps").items():
        assert set(entry) == {"zh", "en"}, key
        chinese, english = (
            {name for _, name, _, _ in string.Formatter().parse(words) if name} for words in entry.values()
        )
        assert chinese == english, key


def test_the_page_script_asks_only_for_texts_that_it_gets() -> None:
    script = list_assets()["qingjiang/map.js"].content.decode()
    assert set(re.findall(r"\btext\.(\w+)", script)) == {*PAGE_TEXTS, *PAGE_TEMPLATES}


def test_the_page_speaks_the_language_of_its_catalogue(layers: MapLayers) -> None:
    chinese, english = (draw_map(layers, text=catalogue(language)) for language in ("zh", "en"))
    assert '<html lang="zh-CN">' in chinese
    assert '<html lang="en">' in english
    assert properties(chinese, "sections")[3]["pollutants"] == "总磷（0.4 倍）"
    assert properties(english, "sections")[3]["pollutants"] == "Total phosphorus (0.4×)"
    assert (
        embedded(chinese, "settings")["rules"]["CN-14-1"]["document"] == "深入打好长江保护修复攻坚战行动方案"
    )


# ---- what the page knows ----


def test_a_facility_tells_clause_deadline_state_distance_limit_and_reason(
    layers: MapLayers, chinese: Text
) -> None:
    html = draw_map(layers, text=chinese)
    pond = properties(html, "facilities")[0]
    assert (pond["kind"], pond["code"], pond["region"], pond["verdict"]) == (
        "tailings_pond",
        "TP-1",
        "420500",
        "violation",
    )
    assert [item["rule"] for item in pond["findings"]] == ["CN-14-1", "YPL-26-3-mainstem"]
    assert pond["findings"][0] == {
        "rule": "CN-14-1",
        "verdict": "violation",
        "state": "逾期",
        "deadline": "2023-12-31",
        "measured": "2,245.7 米",
        "limit": "3,000 米",
        "reason": "期限已过，尚未完成治理",
    }
    rule = embedded(html, "settings")["rules"]["YPL-26-3-mainstem"]
    assert rule["document"] == "中华人民共和国长江保护法"
    assert (rule["clause"], rule["quote"]) == RULES["YPL-26-3-mainstem"][1:]


def test_violations_come_before_what_is_undetermined_and_compliant(chinese: Text) -> None:
    mixed = [
        finding("CN-14-1", "compliant", "resolved", "treated", treated_on="2022-11-30"),
        finding("YPL-26-2-chemical", "undetermined", "open", "not_treated"),
        finding("YPL-26-3-mainstem", "violation", "open", "not_treated"),
    ]
    row = facility("tailings_pond", "T", "库", Point(111, 30), verdict="violation", findings=mixed)
    html = draw_map(MapLayers(AS_OF, facilities=frame([row])), text=chinese)
    verdicts = [item["verdict"] for item in properties(html, "facilities")[0]["findings"]]
    assert verdicts == ["violation", "undetermined", "compliant"]


def test_the_distance_line_ends_at_the_shoreline_point_of_the_gravest_finding(chinese: Text) -> None:
    grave = finding(
        "CN-14-1",
        "violation",
        "overdue",
        "not_treated",
        distance_m=900.0,
        within_m=1000,
        point=(111.02, 30.01),
    )
    row = facility(
        "tailings_pond",
        "T",
        "库",
        Point(111, 30),
        verdict="violation",
        findings=[grave],
        **near_mainstem(200.0, 111.001, 30.001),
    )
    html = draw_map(MapLayers(AS_OF, shorelines=shorelines(), facilities=frame([row])), text=chinese)
    [line] = embedded(html, "distances")["features"]
    assert line["geometry"]["coordinates"] == [[111.0, 30.0], [111.02, 30.01]]
    assert line["properties"]["label"] == "距长江 900.0 米"


def test_the_name_of_one_stretch_never_stands_for_another(layers: MapLayers, chinese: Text) -> None:
    stretches = shorelines().assign(water_body_code="W1", name=["甲段", "乙段", "丙段"])

    def label(**columns: str) -> str:
        html = draw_map(replace(layers, shorelines=stretches.assign(**columns)), text=chinese)
        return str(properties(html, "distances")[0]["label"])

    assert label() == "距长江干流 2,245.7 米"
    assert label(water_body_name="长江") == "距长江 2,245.7 米"


def test_the_distance_line_of_a_polygon_starts_on_its_edge(layers: MapLayers, chinese: Text) -> None:
    line = embedded(draw_map(layers, text=chinese), "distances")["features"][0]
    assert line["geometry"]["coordinates"] == [[111.475, 30.557], [111.458357, 30.542758]]


def test_a_facility_in_the_water_has_no_line_and_one_without_finding_none_either(chinese: Text) -> None:
    rows = [
        facility(
            "outfall", "A", "甲", Point(111, 30), verdict="compliant", **near_mainstem(0.0, 111.0, 30.0)
        ),
        facility("outfall", "B", "乙", Point(111, 30.1), **near_mainstem(500.0, 111.0, 30.0)),
    ]
    layers = MapLayers(AS_OF, facilities=frame(rows))
    assert embedded(draw_map(layers, text=chinese), "distances")["features"] == []
    assert len(embedded(draw_facility(layers, "B", text=chinese), "distances")["features"]) == 1


def test_an_undetermined_section_is_printed_as_a_dash(layers: MapLayers, chinese: Text) -> None:
    last = properties(draw_map(layers, text=chinese), "sections")[-1]
    assert (last["class"], last["label"], last["verdict"]) == (None, "—", "undetermined")


def test_a_facility_without_a_position_is_counted_and_not_drawn(layers: MapLayers, chinese: Text) -> None:
    html = draw_map(layers, text=chinese)
    assert "没有坐标、未绘出的设施：1 处" in html
    assert "未定位排污口" not in html


def test_each_picture_shows_its_own_layers(layers: MapLayers, chinese: Text) -> None:
    buffers = draw_buffers(replace(layers, title=""), text=chinese)
    classes = draw_section_classes(replace(layers, title=""), text=chinese)
    assert 'id="qj-sections"' not in buffers
    assert 'id="qj-facilities"' not in classes
    assert 'id="qj-zones"' not in classes
    assert "<h1>岸线管控地图</h1>" in buffers
    assert "<h1>断面水质类别</h1>" in classes


def test_a_map_of_nothing_says_so_and_shows_the_basin(text: Text) -> None:
    html = draw_map(MapLayers(AS_OF), text=text)
    assert text("maps.empty") in html
    assert embedded(html, "settings")["bounds"] == [[24.5, 90.5], [35.8, 122.5]]


def test_a_facility_map_is_bounded_by_the_facility_and_its_shoreline_point(
    layers: MapLayers, chinese: Text
) -> None:
    settings = embedded(draw_facility(layers, "CS-1", text=chinese), "settings")
    assert settings["focus"] == 1
    assert settings["bounds"] == [[30.642112, 111.341141], [30.648613, 111.348558]]


@pytest.mark.parametrize("code", ["nowhere", "OF-3"])
def test_a_facility_that_is_unknown_or_has_no_position_cannot_be_centred_on(
    layers: MapLayers, chinese: Text, code: str
) -> None:
    with pytest.raises(FacilityNotDrawableError):
        draw_facility(layers, code, text=chinese)


def test_a_code_shared_by_two_kinds_is_refused(chinese: Text) -> None:
    rows = [facility(kind, "A", "甲", Point(111, 30)) for kind in ("outfall", "water_source")]
    with pytest.raises(FacilityAmbiguousError) as caught:
        draw_facility(MapLayers(AS_OF, facilities=frame(rows)), "A", text=chinese)
    assert caught.value.kinds == ("outfall", "water_source")


# ---- entry ----


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        ("shorelines", lambda rows: rows.drop(columns="rank")),
        ("shorelines", lambda rows: rows.assign(rank="creek")),
        ("shorelines", lambda rows: rows.to_crs(3857)),
        ("shorelines", lambda rows: rows.assign(kind="guess")),
    ],
)
def test_a_layer_that_cannot_be_drawn_rightly_is_refused(layer: str, change: Callable[[Any], Any]) -> None:
    with pytest.raises(LayerError) as caught:
        MapLayers(AS_OF, shorelines=change(shorelines()))
    assert caught.value.layer == layer


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(LayerError):
        MapLayers(AS_OF, facilities=facilities().assign(verdict="fine"))


# ---- colours ----


def test_sections_take_the_colours_named_by_the_method_of_2011() -> None:
    # blue, blue, green, yellow, orange, red: the largest channels tell them apart
    hues = [tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5)) for _, colour in class_colours()]
    (red1, _, blue1), (red2, _, blue2), (red3, green3, blue3) = hues[:3]
    assert blue1 > red1
    assert blue2 > red2
    assert green3 > max(red3, blue3)
    yellow, orange, red = hues[3:6]
    assert yellow[0] > 200 > yellow[2]
    assert yellow[1] > orange[1] > red[1]


def test_what_is_written_on_a_colour_can_be_read() -> None:
    for _, colour in class_colours():
        assert contrast(ink_on(colour), colour) >= CLASS_INK_CONTRAST
    for sign in VERDICT_SIGNS.values():
        assert contrast(sign.ink, sign.fill) >= 3  # a sign, not a text: WCAG 1.4.11


def test_verdicts_differ_in_sign_and_in_lightness() -> None:
    signs = [sign for sign in VERDICT_SIGNS.values() if sign.sign]
    assert len({sign.sign for sign in signs}) == 3
    violation, undetermined, _ = signs
    assert contrast(violation.fill, undetermined.fill) >= 3


# ---- saving ----


def test_saving_replaces_the_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "图.html"
    target.write_text("old", encoding="utf-8")
    save("新\n", target)
    assert target.read_bytes() == "新\n".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "map.html"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        save("broken \ud800", target)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]
