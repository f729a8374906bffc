"""The scripts, styles and pictures that a map needs, kept in ``maps/assets`` and nowhere else.

A served page links them (``/maps/assets/…``), a saved page carries them inside. Either way the browser asks
no other host for anything.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from maps.errors import AssetNotFoundError

ASSETS_URL = "/maps/assets/"
"""Where the application serves :func:`read_asset`; linked pages point here."""

STYLES = ("leaflet/leaflet.css", "markercluster/MarkerCluster.css", "qingjiang/map.css")
SCRIPTS = ("leaflet/leaflet.js", "markercluster/leaflet.markercluster.js", "qingjiang/map.js")

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
}
"""What may be served. Licences and notes stay in the folder."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of ``maps/assets`` as it is sent: its bytes never change without its digest."""

    name: str
    content: bytes
    media_type: str
    sha256: str

    @property
    def url(self) -> str:
        """Address under the application. The digest in the query lets browsers keep the file for good."""
        return f"{ASSETS_URL}{self.name}?v={self.sha256[:12]}"


@cache
def list_assets() -> dict[str, Asset]:
    """Every servable file by its name, such as ``leaflet/leaflet.js``, in the order of the names."""
    root = files("maps") / "assets"
    found: dict[str, Asset] = {}
    folders = [(root, PurePosixPath())]
    while folders:
        folder, path = folders.pop()
        for entry in folder.iterdir():
            name = path / entry.name
            if entry.is_dir():
                folders.append((entry, name))
            elif name.suffix in MEDIA_TYPES:
                content = entry.read_bytes()
                digest = sha256(content).hexdigest()
                found[str(name)] = Asset(str(name), content, MEDIA_TYPES[name.suffix], digest)
    return dict(sorted(found.items()))


def read_asset(name: str) -> Asset:
    """Return one asset. Only names of :func:`list_assets` are found, so no path leads out of the folder.

    Raises
    ------
    AssetNotFoundError
        If no asset has this name.
    """
    try:
        return list_assets()[name]
    except KeyError:
        raise AssetNotFoundError(name) from None


def inline_script(name: str) -> str:
    """Text of a script, fit to stand between script tags of a page.

    The pointer to a source map is dropped: a saved page has no such neighbour.
    """
    text = read_asset(name).content.decode("utf-8")
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE).replace(
        "</script", "<\\/script"
    )


def inline_style(name: str) -> str:
    """Text of a style sheet with its pictures inside as data."""
    folder = PurePosixPath(name).parent

    def embed(match: re.Match[str]) -> str:
        picture = read_asset(str(folder / match["path"]))
        return f"url(data:{picture.media_type};base64,{base64.b64encode(picture.content).decode('ascii')})"

    text = read_asset(name).content.decode("utf-8").replace("\r\n", "\n")
    return re.sub(r"url\((?P<path>[^)#:]+)\)", embed, text)
