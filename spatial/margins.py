"""Shorelines of unlike accuracy: near a limit each of them is measured, not the nearest alone.

What a line says about a limit turns on its accuracy and, for a centre line, on how far the bank lies from it.
The nearest of several lines is not always the one that decides: a coarser one a little farther away can leave
a facility undecided, a better one can settle that it stands inside. Lines of the same rank, accuracy and
half-width are a class; of each class the nearest line counts, and no other can say more.

Kinds are ranked: a line that lies behind one of a better kind of the same water body says nothing. It is the
river's middle, or an older bank, of a shore that is known better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial.distance import ShorelineIndex
from spatial.errors import FrameColumnsError
from spatial.geodesy import Floats
from spatial.rulebook import CENTRELINE_UNDERSTATES, MISSING_ACCURACY, Rulebook
from spatial.vocabulary import SHORELINE_KIND_PREFERENCE, Rank, ShorelineKind

HALF_WIDTH = "shoreline_half_width_m"
"""Prefixed with the rank: the column that stands beside those of `measure_distances`."""
_CLASS = ["accuracy_m", "half_width_m", "is_centreline", "mixed", "kind"]
# A class is measured from facilities so near its bounds: 10 km are less than this up to 60° of latitude.
_NEAR_BOUNDS_DEG = 0.2


def limits_by_rank(rulebook: Rulebook) -> dict[Rank, tuple[int, ...]]:
    """The widths of all zones that the rules draw along waters of each rank, in metres."""
    limits: dict[Rank, set[int]] = {}
    for rule in rulebook.rules:
        for zone in getattr(rule, "zones", ()):
            limits.setdefault(zone.rank, set()).add(zone.within_m)
    return {rank: tuple(sorted(found)) for rank, found in limits.items()}


@dataclass(frozen=True, eq=False)
class ShorelineClasses:
    """Shorelines by class, made ready on first use.

    Parameters
    ----------
    shorelines : GeoDataFrame
        Those in force, as for `measure_distances`, optionally with ``half_width_m`` (metres, of centre lines;
        without one it is missing).
    limits_m
        By rank, the distances that anything turns on.
    missing_accuracy_m, understated_m
        The most that a missing accuracy and a centre line without half-width may come to count, in metres.
    """

    shorelines: gpd.GeoDataFrame
    limits_m: Mapping[Rank, Sequence[float]]
    missing_accuracy_m: float
    understated_m: float
    _indexes: dict[Any, ShorelineIndex] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def under(cls, rulebook: Rulebook, shorelines: gpd.GeoDataFrame) -> "ShorelineClasses":
        """The classes as far as any choice of the settings of a rule book may ask for them."""
        most = {
            name: float(max(int(choice) for choice in rulebook.settings[name].choices))
            for name in (MISSING_ACCURACY, CENTRELINE_UNDERSTATES)
        }
        return cls(
            shorelines,
            limits_by_rank(rulebook),
            missing_accuracy_m=most[MISSING_ACCURACY],
            understated_m=most[CENTRELINE_UNDERSTATES],
        )

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """Rank, class and water body of each shoreline, by position."""
        lines = self.shorelines
        kind = lines["kind"] if "kind" in lines else pd.Series(None, index=lines.index, dtype=object)
        kind = kind.astype(object).where(kind.notna(), "").to_numpy()
        rows = pd.DataFrame(
            {
                "rank": lines["rank"].to_numpy(dtype=object),
                "accuracy_m": _numbers(lines, "accuracy_m"),
                "half_width_m": _numbers(lines, "half_width_m"),
                "is_centreline": kind == ShorelineKind.CENTRELINE.value,
                "water_body_code": lines["water_body_code"].to_numpy(dtype=object),
                "kind": kind,
            }
        )
        # Where a water body has lines of several kinds, each kind of it is a class of its own.
        several = rows.groupby("water_body_code")["kind"].transform("nunique") > 1
        rows["mixed"] = rows["water_body_code"].where(several, "")
        rows["kind"] = rows["kind"].where(several, "")
        return rows

    def measure(
        self,
        facilities: gpd.GeoDataFrame,
        measured: pd.DataFrame,
        rank: Rank,
        water_bodies: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The nearest line of every class, for the facilities near a limit along one rank.

        Parameters
        ----------
        facilities : GeoDataFrame
            ``code``, geometry and optionally ``accuracy_m``.
        measured : frame of the same rows
            Columns of `measure_distances` to the shorelines of that rank (and of these water bodies only).
        rank, water_bodies
            Which shorelines: all of the rank, or those of these water bodies.

        Returns
        -------
        DataFrame, one row per facility near a limit and class within reach
            ``code``, the columns ``<rank>_…`` of `measure_distances`, ``<rank>_shoreline_half_width_m``.
            Facilities that no accuracy could bring to a limit, or that stand inside whatever it is, have no
            row: for them the nearest line says all. Lines behind one of a better kind are left out.

        Raises
        ------
        FrameColumnsError
            The facilities were not measured.
        """
        column = f"{rank}_distance_m"
        if column not in measured:
            raise FrameColumnsError("facilities", frozenset({column}))
        rows = self._rows
        chosen = rows["rank"] == rank.value
        if water_bodies is not None:
            chosen &= rows["water_body_code"].isin(list(water_bodies))
        classes = list(rows[chosen].groupby(_CLASS, dropna=False).indices.values())
        half_widths_m = rows.loc[chosen, "half_width_m"].to_numpy()
        places = rows.index[chosen].to_numpy()
        distance_m = measured[column].to_numpy(dtype="float64", na_value=np.nan)
        near = np.flatnonzero(self._is_near(distance_m, facilities, rank, rows[chosen]))
        if len(near) == 0:
            return pd.DataFrame({"code": []})
        close, codes = facilities.iloc[near], facilities["code"].to_numpy()[near]
        found: list[pd.DataFrame] = []
        for members in classes:
            if len(classes) == 1:
                part, own = measured.iloc[near], codes  # of one class the nearest line is known
            else:
                beside = self._are_beside(close, places[members])
                if not beside.any():
                    continue
                own = codes[beside]
                part = self._index(rank, water_bodies, places[members]).measure(close[beside])
            part = part[[name for name in part if str(name).startswith(f"{rank}_")]]
            half_width = {f"{rank}_{HALF_WIDTH}": half_widths_m[members[0]]}
            part = pd.DataFrame(part.assign(code=own, **half_width))
            found.append(part[part[column].notna()])
        return _without_hidden(pd.concat(found, ignore_index=True), rank)

    def _is_near(
        self, distance_m: Floats, facilities: gpd.GeoDataFrame, rank: Rank, lines: pd.DataFrame
    ) -> Any:
        """Where a class other than that of the nearest line, or a half-width, could change what is said."""
        own = _numbers(facilities, "accuracy_m")
        own = np.where(np.isnan(own), self.missing_accuracy_m, own)
        accuracy = lines["accuracy_m"].fillna(self.missing_accuracy_m)
        # Beyond this even a line whose half-width nobody looks at is outside.
        unseen = lines["half_width_m"].fillna(0.0).clip(lower=self.understated_m)
        unseen = unseen.where(lines["is_centreline"], 0.0)
        margin, reach = (
            own + accuracy.max(),
            own + (accuracy + unseen).max(),
        )  # of no lines: NaN, near to none
        near = np.zeros(len(distance_m), dtype=bool)
        for limit_m in self.limits_m.get(rank, ()):
            near |= (distance_m > limit_m - margin) & (distance_m < limit_m + reach)
        return near

    def _are_beside(self, facilities: gpd.GeoDataFrame, rows: Any) -> Any:
        """Which facilities are near enough to the bounds of some shorelines to be measured to them."""
        west, south, east, north = self.shorelines.geometry.iloc[rows].total_bounds
        own_west, own_south, own_east, own_north = facilities.geometry.bounds.to_numpy().T
        apart = (own_west > east + _NEAR_BOUNDS_DEG) | (own_east < west - _NEAR_BOUNDS_DEG)
        return ~(apart | (own_south > north + _NEAR_BOUNDS_DEG) | (own_north < south - _NEAR_BOUNDS_DEG))

    def _index(self, rank: Rank, water_bodies: Sequence[str] | None, rows: Any) -> ShorelineIndex:
        key = (rank, None if water_bodies is None else tuple(water_bodies), rows.tobytes())
        if key not in self._indexes:
            self._indexes[key] = ShorelineIndex(self.shorelines.iloc[rows])
        return self._indexes[key]


def _without_hidden(found: pd.DataFrame, rank: Rank) -> pd.DataFrame:
    """Lines but those behind a better kind of the same water body."""
    place = (
        found[f"{rank}_shoreline_kind"].map(SHORELINE_KIND_PREFERENCE).fillna(len(SHORELINE_KIND_PREFERENCE))
    )
    subject = [found["code"], found[f"{rank}_water_body_code"]]
    order = np.lexsort((place, found[f"{rank}_distance_m"]))
    ordered = place.iloc[order]
    best_so_far = ordered.groupby([key.loc[ordered.index] for key in subject]).cummin()
    return found[place <= best_so_far.loc[found.index]].reset_index(drop=True)


def _numbers(frame: pd.DataFrame, column: str) -> Floats:
    """A column of numbers as float64, NaN where there is none."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[column].astype("Float64").to_numpy(dtype="float64", na_value=np.nan))
