"""Errors of the maps: one class for each thing that a caller may treat differently.

An empty layer is not an error: the map is drawn without it.
"""


class MapsError(Exception):
    """Base class of every error raised by the maps."""


class LayerError(MapsError):
    """A layer lacks what drawing needs: a column, a known code, longitude and latitude."""

    def __init__(self, layer: str, problem: str) -> None:
        super().__init__(f"layer {layer}: {problem}")
        self.layer = layer
        self.problem = problem


class FacilityNotDrawableError(MapsError):
    """The facility to centre on is not in the layers, or has no position."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no facility with code {code!r} and a position is in the layers")
        self.code = code


class FacilityAmbiguousError(MapsError):
    """Facilities of several kinds share the code; pass the layers with one kind only."""

    def __init__(self, code: str, kinds: tuple[str, ...]) -> None:
        super().__init__(f"code {code!r} belongs to several facilities: {', '.join(kinds)}")
        self.code = code
        self.kinds = kinds


class TilesError(MapsError):
    """A base map's address or attribution cannot be used."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"base map {url!r}: {problem}")
        self.url = url
        self.problem = problem


class AssetNotFoundError(MapsError):
    """The application has no asset of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no asset is called {name!r}")
        self.name = name


class ChartError(MapsError):
    """A chart cannot show what it was given; `problem` is a stable code."""

    def __init__(self, chart: str, problem: str) -> None:
        super().__init__(f"chart {chart}: {problem.replace('_', ' ')}")
        self.chart = chart
        self.problem = problem
