"""The vendored files: what the README says of them holds."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from maps.bundle import SCRIPTS, STYLES, inline_script, inline_style, list_assets, read_asset
from maps.errors import AssetNotFoundError

ASSETS = Path(__file__).parents[2] / "maps" / "assets"


def test_every_vendored_file_is_the_one_that_the_readme_names() -> None:
    stated = dict(
        re.findall(
            r"^\| `(\S+/\S+)` \| `([0-9a-f]{64})` \|$", (ASSETS / "README.md").read_text(), re.MULTILINE
        )
    )
    present = {
        str(path.relative_to(ASSETS)): sha256(path.read_bytes()).hexdigest()
        for folder in ("leaflet", "markercluster")
        for path in (ASSETS / folder).rglob("*")
        if path.is_file()
    }
    assert present == stated
    assert {"leaflet/LICENSE", "markercluster/LICENSE"} <= set(present)


@pytest.mark.parametrize(
    "name", ["../errors.py", "README.md", "leaflet/LICENSE", "/etc/passwd", "leaflet", ""]
)
def test_only_scripts_styles_and_pictures_of_the_folder_are_assets(name: str) -> None:
    with pytest.raises(AssetNotFoundError):
        read_asset(name)


def test_an_asset_has_the_type_and_address_that_it_is_served_with() -> None:
    asset = list_assets()["leaflet/leaflet.js"]
    assert asset.media_type == "text/javascript; charset=utf-8"
    assert asset.url == f"/maps/assets/leaflet/leaflet.js?v={asset.sha256[:12]}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_inlined_script_cannot_close_its_element_or_point_to_another_file(name: str) -> None:
    text = inline_script(name)
    assert "</script" not in text
    assert "sourceMappingURL" not in text


@pytest.mark.parametrize("name", STYLES)
def test_an_inlined_style_carries_its_pictures(name: str) -> None:
    text = inline_style(name)
    assert "</style" not in text
    assert re.findall(r"url\((?!data:image/png;base64,|#)", text) == []


def test_the_library_style_does_carry_pictures() -> None:
    assert inline_style("leaflet/leaflet.css").count("url(data:image/png;base64,") == 3
