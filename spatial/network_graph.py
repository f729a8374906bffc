"""What the river network consists of: settings, problems, edges, lakes, the graph itself."""

import math
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal

import numpy as np
import shapely

from spatial.errors import QuantityError
from spatial.geodesy import Floats
from spatial.network_lines import Geometries, Ints, Lines

Topology = Literal["both", "codes", "lines"]
Severity = Literal["error", "notice"]


@dataclass(frozen=True, slots=True)
class Velocity:
    """How fast water travels, in m/s: at the slowest, most likely, at the fastest."""

    slowest: float
    likely: float
    fastest: float

    def __post_init__(self) -> None:
        if not 0 < self.slowest <= self.likely <= self.fastest < math.inf:
            raise QuantityError("velocity", (self.slowest, self.likely, self.fastest))

    @classmethod
    def around(cls, likely: float, spread: float = 1.5) -> "Velocity":
        """Take a velocity as likely, known to a factor of `spread` (≥ 1)."""
        return cls(likely / spread, likely, likely * spread)

    @property
    def hours_per_km(self) -> tuple[float, float, float]:
        """Earliest, likely and latest hours for a kilometre."""
        return 1 / 3.6 / self.fastest, 1 / 3.6 / self.likely, 1 / 3.6 / self.slowest


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What joins a network, and how fast water moves in it.

    Joining. Lines meet within `tolerance_m`; a river reaches the one that its `downstream_code` names across
    at most `named_gap_m`, for a centreline may end at the bank of a wide river. `topology` takes codes and
    meeting lines (``both``), or one of them only. `turn_reversed` turns lines round that are drawn away from
    the river they are said to flow into; otherwise they are only listed, and not joined at that end.

    Travel. `velocity` holds where a river states none; a stated one is known to a factor of `stated_spread`.
    `lake_velocity` None means that nothing is known about travel through lakes without ``residence_hours``.

    Placing. A place belongs to a river within `snap_m`, surely within `near_m`; another river rivals the
    nearest when it is at most `rival_factor` times as far plus `rival_m`.
    """

    tolerance_m: float = 50.0
    named_gap_m: float = 5_000.0
    topology: Topology = "both"
    turn_reversed: bool = False
    velocity: Velocity = Velocity(0.1, 0.5, 2.0)
    stated_spread: float = 1.5
    lake_velocity: Velocity | None = None
    snap_m: float = 5_000.0
    near_m: float = 1_000.0
    rival_factor: float = 1.25
    rival_m: float = 25.0

    def __post_init__(self) -> None:
        for name in ("tolerance_m", "named_gap_m", "snap_m", "near_m"):
            if not 0 < getattr(self, name) <= 50_000:
                raise QuantityError(name, getattr(self, name))
        if self.topology not in ("both", "codes", "lines"):
            raise QuantityError("topology", self.topology)
        for name, least in (("stated_spread", 1), ("rival_factor", 1), ("rival_m", 0)):
            if not least <= getattr(self, name) < math.inf:
                raise QuantityError(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class NetworkProblem:
    """Something in the data that the network could not take as it is, or that deserves a look.

    `code` is stable: ``dangling_downstream_code``, ``flows_into_itself``, ``drawn_upstream``,
    ``turned_round``, ``gap`` (an end near another line, beyond the tolerance), ``gap_too_wide`` and
    ``gap_bridged`` (to the named river), ``in_pieces``, ``cycle``, ``ends_meet``, ``starts_meet``,
    ``isolated``, ``self_crossing``, ``crossing`` (rivers that cross and are not joined), ``overlap``,
    ``duplicate_line``, ``duplicate_line_reversed``, ``no_line``, ``short_line``,
    ``lake_apart`` (no river enters or leaves it).
    Errors may make a trace wrong or incomplete; notices are facts that may be right. `params` go into the
    text; `lon` and `lat` say where to look, None where no single place is meant.
    """

    code: str
    severity: Severity
    rivers: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)
    lon: float | None = None
    lat: float | None = None


class Edge(IntEnum):
    """What an edge of the graph is."""

    REACH = 0
    """Water along a line, between two joints."""
    GAP = 1
    """The way from the end of a line to the river that it is said to flow into."""
    LAKE = 2
    """From an inflow of a lake to an outflow, as the crow flies (or along the line that is drawn through)."""
    INSIDE = 3
    """Part of a line inside a lake: not travelled; places on it are places in the lake."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of the graph; all arrays have one length. Reaches of a line follow each other, downstream."""

    kind: Ints
    start: Ints  # node
    end: Ints  # node
    line: Ints  # -1 for lakes; a gap belongs to the line that ends at it
    start_km: Floats  # on the line
    end_km: Floats
    length_km: Floats
    lake: Ints  # -1 outside


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake with the nodes at which water enters and leaves it."""

    code: str
    name: str | None
    geometry: shapely.Geometry
    residence_hours: float | None
    inflows: tuple[int, ...]
    outflows: tuple[int, ...]


@dataclass(frozen=True)
class RiverNetwork:
    """Rivers joined into a directed graph; made by `build_network`, never changed."""

    settings: NetworkSettings
    codes: tuple[str, ...]
    """Codes of the rivers, in the order of the frame; `owner` of the lines counts here."""
    names: tuple[str | None, ...]
    velocities: tuple[Velocity | None, ...]
    lines: Lines
    mouth_km: Floats
    """Per line: kilometres from its end to the mouth of its river."""
    nodes: Floats
    """Longitude and latitude of the nodes, (n, 2)."""
    edges: Edges
    lakes: tuple[Lake, ...]
    problems: tuple[NetworkProblem, ...]

    @cached_property
    def first_edge(self) -> Ints:
        """First of the edges along a line, which follow each other; one more number at the end."""
        along = np.isin(self.edges.kind, (Edge.REACH, Edge.INSIDE))
        counts = np.bincount(self.edges.line[along], minlength=len(self.lines))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def length_km(self) -> float:
        """Length of all lines."""
        return float(self.lines.length_km.sum())

    def river_km(self, line: int, km: float) -> float:
        """Kilometres from the mouth of its river of a place on a line."""
        return float(self.mouth_km[line] + self.lines.length_km[line] - km)

    def edge_at(self, line: int, km: float) -> int:
        """Edge that a kilometre of a line lies on; at a joint the edge below it."""
        low, high = int(self.first_edge[line]), int(self.first_edge[line + 1])
        after = int(np.searchsorted(self.edges.start_km[low:high], km, side="right"))
        return low + max(after - 1, 0)


@dataclass(frozen=True, slots=True)
class Rivers:
    """The frame of rivers as read, in its order."""

    codes: tuple[str, ...]
    names: tuple[str | None, ...]
    downstream: tuple[str | None, ...]
    velocities: tuple[Velocity | None, ...]
    geometry: Geometries
    lines: Lines


@dataclass(frozen=True, slots=True)
class LakeArea:
    """A lake as read: all its polygons together."""

    code: str
    name: str | None
    geometry: shapely.Geometry
    residence_hours: float | None
