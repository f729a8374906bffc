"""What a map is drawn from: frames, checked once on entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from maps.errors import LayerError
from maps.palette import KIND_SHAPES
from spatial.vocabulary import Rank, ShorelineKind, Verdict

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "shorelines": ("water_body_code", "name", "rank", "kind"),
    "zones": ("rank", "width_m"),
    "facilities": ("kind", "code", "name", "region_code", "verdict", "findings"),
    "sections": (
        "code",
        "name",
        "river",
        "water_class",
        "class_label",
        "target_class",
        "period",
        "verdict",
        "main_pollutants",
    ),
    "rivers": ("name",),
}
"""Columns that a layer must have beside its geometry."""

CODES: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("shorelines", "rank"): frozenset(Rank),
    ("shorelines", "kind"): frozenset(ShorelineKind),
    ("zones", "rank"): frozenset(Rank),
    ("facilities", "kind"): frozenset(KIND_SHAPES),
    ("facilities", "verdict"): frozenset(Verdict),
    ("sections", "verdict"): frozenset(Verdict),
}
"""Columns that hold codes. A missing value passes; a code that the legend does not know is refused."""


@dataclass(frozen=True, slots=True)
class MapLayers:
    """The layers of one map, all in longitude/latitude (EPSG:4490 or 4326; nothing is reprojected).

    Attributes
    ----------
    shorelines : GeoDataFrame, optional
        One row per shoreline: ``water_body_code``, ``name``, ``rank``, ``kind``, optionally
        ``water_body_name``; lines or water polygons.
    zones : GeoDataFrame, optional
        One row per rank and width: ``rank``, ``width_m``; polygons, for drawing only.
    facilities : GeoDataFrame, optional
        One row per facility: ``kind`` (outfall | tailings_pond | chemical_site | water_source), ``code``,
        ``name``, ``region_code``, ``verdict`` (missing: no finding), ``findings`` (list of finding
        documents), and where distances were measured ``<rank>_distance_m``, ``<rank>_lon``, ``<rank>_lat``,
        ``<rank>_water_body_code``, ``<rank>_shoreline_kind``; points or polygons. A facility without a
        geometry is counted on the page, not drawn.
    sections : GeoDataFrame, optional
        One row per section: ``code``, ``name``, ``river``, ``water_class`` (1 to 6, missing: undetermined),
        ``class_label``, ``target_class``, ``period``, ``verdict``, ``main_pollutants`` (list of parameter
        codes or of ``{"code", "multiple"}``); points.
    rivers : GeoDataFrame, optional
        One row per river: ``name``; lines.
    as_of : date
        The day for which everything holds.
    title : str
        Heading of the page; empty: the heading of the picture that is drawn.
    sources : tuple of str
        Names of the data sources, for the attribution line.

    Raises
    ------
    LayerError
        If a layer lacks a column, is in another CRS, or holds a code without a legend entry.
    """

    as_of: date
    shorelines: gpd.GeoDataFrame | None = None
    zones: gpd.GeoDataFrame | None = None
    facilities: gpd.GeoDataFrame | None = None
    sections: gpd.GeoDataFrame | None = None
    rivers: gpd.GeoDataFrame | None = None
    title: str = ""
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for layer, columns in COLUMNS.items():
            frame = getattr(self, layer)
            if frame is None or frame.empty:
                continue
            missing = [column for column in (*columns, "geometry") if column not in frame.columns]
            if missing:
                raise LayerError(layer, f"lacks the columns {', '.join(missing)}")
            if frame.crs is None or frame.crs.to_epsg() not in {4490, 4326}:
                raise LayerError(layer, f"is in {frame.crs}, not in EPSG:4490 or EPSG:4326")
            for (of_layer, column), known in CODES.items():
                if of_layer == layer:
                    unknown = sorted(set(frame[column].dropna().astype(str)) - known)
                    if unknown:
                        raise LayerError(layer, f"column {column} holds {', '.join(map(repr, unknown))}")

    def frame(self, layer: str) -> gpd.GeoDataFrame | None:
        """One layer by its name, None where there is nothing to draw."""
        frame: gpd.GeoDataFrame | None = getattr(self, layer)
        return None if frame is None or frame.empty else frame


def present(value: Any) -> bool:
    """Whether a cell holds something: neither None nor NaN nor NaT, nor an empty text."""
    if value is None or value == "":
        return False
    return bool(pd.notna(value)) if pd.api.types.is_scalar(value) else True
