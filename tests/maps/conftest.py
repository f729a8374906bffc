"""The invented stretch of river and the words of a page, as fixtures."""

from collections.abc import Callable

import pytest

from maps.layers import MapLayers
from tests.maps.synthetic import catalogue, map_layers


@pytest.fixture(params=["zh", "en"])
def text(request: pytest.FixtureRequest) -> Callable[..., str]:
    return catalogue(request.param)


@pytest.fixture
def chinese() -> Callable[..., str]:
    return catalogue("zh")


@pytest.fixture
def layers() -> MapLayers:
    return map_layers()
