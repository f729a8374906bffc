"""Options of the commands that read images: whose bands they are, what the numbers mean, where clouds are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spatial.sensors import CloudKind

BANDS_PANEL = "Bands"


class Sensor(StrEnum):
    """Satellites whose bands are known."""

    SENTINEL2 = "sentinel2"
    LANDSAT7 = "landsat7"
    LANDSAT8 = "landsat8"


SensorOption = Annotated[
    Sensor | None,
    typer.Option(
        "--sensor", help="whose bands they are, where names do not tell", rich_help_panel=BANDS_PANEL
    ),
]
NumberOffsetOption = Annotated[
    float | None,
    typer.Option(
        "--dn-offset",
        help="added to the file's numbers: -1000 for Sentinel-2 from baseline 04.00",
        rich_help_panel=BANDS_PANEL,
    ),
]
NodataOption = Annotated[
    float | None,
    typer.Option(
        "--nodata", help="number without data, where the file says none", rich_help_panel=BANDS_PANEL
    ),
]
RasterCrsOption = Annotated[
    str | None,
    typer.Option("--crs", help="coordinate system of files that say none", rich_help_panel=BANDS_PANEL),
]
CloudsOption = Annotated[
    Path | None,
    typer.Option("--clouds", help="cloud classes of the scene, any resolution", rich_help_panel=BANDS_PANEL),
]
CloudKindOption = Annotated[
    CloudKind, typer.Option("--cloud-kind", help="what its numbers mean", rich_help_panel=BANDS_PANEL)
]
