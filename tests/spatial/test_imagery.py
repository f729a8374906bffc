"""Water from arrays and made-up scenes whose shoreline is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from spatial.errors import CloudClassError, NotBimodalError, NoWaterError, OutlinesError
from spatial.imagery import (
    UNKNOWN,
    WATER,
    IndexHistogram,
    clear_pixels,
    contour_polygons,
    find_threshold,
    level_of_mask,
    mixing_signal,
    smooth_level,
    water_index,
)
from spatial.imagery_outlines import close_seams, drop_small, snap
from spatial.imagery_scenes import Extraction, ExtractionSettings, extract_water, water_mask
from spatial.scenes import open_scene
from spatial.sensors import CloudKind, SourceKind, WaterIndex
from tests.spatial.imagery_cases import (
    LAKE,
    PIXEL_M,
    Look,
    coverage,
    errors_of,
    lake_and_river,
    reflectance,
    write_raster,
    write_scene,
)

DATA = Path(__file__).parents[3] / "shared" / "data" / "raster"
SIZE = 240
PLAIN = ExtractionSettings(geolocation_m=0.0)
MASK = replace(PLAIN, kind=SourceKind.MASK, smooth=2)


@pytest.fixture(scope="module")
def share() -> np.ndarray:
    return coverage(lake_and_river(), (SIZE, SIZE))


def extract(path: Path, chosen: ExtractionSettings = PLAIN, clouds: Path | None = None) -> Extraction:
    with open_scene([path], clouds=clouds) as scene:
        return extract_water(scene, chosen)


# ----------------------------------------------------------------------------------------- the true line


@pytest.mark.parametrize(
    "look",
    [
        Look(),
        Look(noise=0, uneven=0, blur=0),
        Look(noise=0.01),
        Look(uneven=0.06),
        Look(blur=1.0),
        Look(blur=0),
        Look(water=(0.10, 0.08), land=(0.09, 0.22)),  # turbid water beside bare soil
        Look(seed=2),
    ],
    ids=["usual", "clean", "noisy", "uneven", "blurred", "sharp", "turbid", "again"],
)
def test_a_known_shoreline_is_found_within_0_3_pixels_and_its_accuracy_covers_19_of_20_points(
    tmp_path: Path, share: np.ndarray, look: Look
) -> None:
    found = extract(write_scene(tmp_path / "scene.tif", share, look))
    assert len(found.outlines) == 2
    assert sorted(shapely.get_num_interior_rings(found.outlines.polygons)) == [
        0,
        1,
    ]  # the lake has its island
    errors = errors_of(found.outlines.shores, lake_and_river())
    together = np.concatenate(errors)
    assert len(together) > 1500
    assert np.sqrt((together**2).mean()) < 0.3
    for one, accuracy_m in zip(errors, found.accuracy_m, strict=True):
        assert (one * PIXEL_M <= accuracy_m).mean() >= 0.95
        assert accuracy_m <= PIXEL_M  # and says more than "somewhere in the pixel next door"


@pytest.mark.parametrize(
    "look", [Look(), Look(uneven=0.06), Look(blur=1.0)], ids=["usual", "uneven", "blurred"]
)
def test_a_shortwave_band_of_20_m_beside_green_of_10_m_does_nearly_as_well(
    tmp_path: Path, share: np.ndarray, look: Look
) -> None:
    green, swir = np.rint(reflectance(share, look) * 10_000)
    coarse = swir.reshape(120, 2, 120, 2).mean(axis=(1, 3))
    paths = [
        write_raster(
            tmp_path / f"T48RVV_20200216T033829_{name}.tif", band.astype(np.uint16)[None], pixel=size
        )
        for name, band, size in (("B03_10m", green, 10.0), ("B11_20m", coarse, 20.0))
    ]
    chosen = replace(PLAIN, index=WaterIndex.MNDWI)
    with open_scene(paths) as scene:
        found = extract_water(scene, chosen)
    with open_scene(paths) as scene:
        strips = extract_water(scene, replace(chosen, strip_rows=16))
    assert shapely.equals_exact(found.outlines.polygons, strips.outlines.polygons, 0.0).all()
    errors = errors_of(found.outlines.shores, lake_and_river())
    assert np.sqrt((np.concatenate(errors) ** 2).mean()) < 0.3
    for one, accuracy_m in zip(errors, found.accuracy_m, strict=True):
        assert (one * PIXEL_M <= accuracy_m).mean() >= 0.95


def test_areas_are_those_of_the_shapes(tmp_path: Path, share: np.ndarray) -> None:
    found = extract(write_scene(tmp_path / "scene.tif", share, Look(noise=0, uneven=0, blur=0)))
    truth = sorted((part.area * PIXEL_M**2 for part in shapely.get_parts(lake_and_river())), reverse=True)
    assert found.outlines.area_m2 == pytest.approx(truth, rel=0.01)


def test_the_contour_of_the_index_itself_would_lie_too_far_in_the_water(share: np.ndarray) -> None:
    """Why the line is not the contour of the index at its threshold (the docstring of the module says so)."""
    green, nir = (
        (share * wet + (1 - share) * dry).astype(np.float32) for wet, dry in ((0.06, 0.08), (0.02, 0.30))
    )
    axis = np.arange(SIZE) + 0.5
    by_index = contour_polygons(water_index(green, nir) + np.float32(0.05), axis, axis)
    by_signal = contour_polygons(mixing_signal(nir) + np.float32(0.16), axis, axis)
    lake = shapely.Polygon(LAKE.exterior)
    filled = [shapely.polygons(shapely.get_exterior_ring(found)) for found in (by_index, by_signal)]
    at_lake = [found[shapely.contains_xy(found, 45, 70)][0] for found in filled]
    errors = [np.sqrt(lake.area / np.pi) - np.sqrt(found.area / np.pi) for found in at_lake]
    assert errors[0] > 0.2
    assert abs(errors[1]) < 0.03


# ----------------------------------------------------------------------------------- strips and the whole


@pytest.mark.parametrize("changes", [{}, {"opening_m": 30.0, "closing_m": 30.0}, {"min_water_m2": 0.0}])
@pytest.mark.parametrize("rows", [8, 40, 64, 136])
def test_strips_of_any_height_give_what_the_whole_image_gives(
    tmp_path: Path, share: np.ndarray, rows: int, changes: dict[str, float]
) -> None:
    path = write_scene(tmp_path / "scene.tif", share)
    chosen = replace(PLAIN, **changes)
    whole = extract(path, replace(chosen, strip_rows=4096))
    strips = extract(path, replace(chosen, strip_rows=rows))
    assert shapely.equals_exact(strips.outlines.polygons, whole.outlines.polygons, 0.0).all()
    assert shapely.equals_exact(strips.outlines.shores, whole.outlines.shores, 0.0).all()
    assert strips.threshold == whole.threshold
    for name in ("area_m2", "shore_m", "open_m", "error_m"):
        assert np.array_equal(getattr(strips.outlines, name), getattr(whole.outlines, name), equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 14), share=st.floats(0.2, 0.8))
def test_pieces_of_random_masks_join_without_a_seam(seed: int, cut: int, share: float) -> None:
    water = np.random.default_rng(seed).random((16, 16)) < share
    level = smooth_level(level_of_mask(water.astype(np.uint8)).level, 1)
    axis = np.arange(16) + 0.5
    whole = snap(contour_polygons(level, axis, axis))
    above = snap(contour_polygons(level[: cut + 1], axis, axis[: cut + 1]))
    below = snap(contour_polygons(level[cut:], axis, axis[cut:]))
    joined = close_seams(np.concatenate((above, below)))
    assert len(joined) == len(whole)
    assert shapely.is_valid(joined).all()
    together = (
        shapely.normalize(shapely.multipolygons(joined)),
        shapely.normalize(shapely.multipolygons(whole)),
    )
    assert shapely.equals_exact(*together, tolerance=0.0)


# --------------------------------------------------------------------------------------------- threshold


def histogram_of(index: np.ndarray) -> IndexHistogram:
    histogram = IndexHistogram(*index.shape)
    histogram.add(index.astype(np.float32), 0)
    return histogram


def test_the_threshold_lies_between_two_heaps() -> None:
    random = np.random.default_rng(3)
    index = np.where(random.random((300, 300)) < 0.4, random.normal(0.5, 0.05, (300, 300)), -0.5)
    found = find_threshold(histogram_of(index))
    assert found.bimodal
    assert -0.45 < found.value < 0.45
    assert found.water_mean == pytest.approx(0.5, abs=0.02)
    assert found.land_mean == pytest.approx(-0.5, abs=0.02)


def test_a_little_water_in_much_land_of_two_kinds_is_still_found() -> None:
    """Otsu's threshold of the whole would divide fields from forest: 1 % of the scene is water."""
    random = np.random.default_rng(4)
    index = np.where(random.random((2560, 2560)) < 0.5, -0.7, -0.3) + random.normal(0, 0.03, (2560, 2560))
    index[1000:1256, 1000:1256] = random.normal(0.4, 0.05, (256, 256))
    found = find_threshold(histogram_of(index))
    assert found.bimodal
    assert found.cells_used >= 1
    assert -0.25 < found.value < 0.3


@pytest.mark.parametrize(
    ("low", "high"),
    [(-0.7, -0.3), (0.3, 0.7), (-0.5, -0.5)],
    ids=["two kinds of land", "two kinds of water", "one heap"],
)
def test_land_alone_and_water_alone_have_no_threshold(low: float, high: float) -> None:
    random = np.random.default_rng(5)
    index = np.where(random.random((300, 300)) < 0.5, low, high) + random.normal(0, 0.05, (300, 300))
    assert not find_threshold(histogram_of(index)).bimodal


def test_a_scene_of_land_is_refused_and_a_given_threshold_is_taken(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "land.tif", np.zeros((64, 64)))
    with pytest.raises(NotBimodalError):
        extract(path)
    with pytest.raises(NoWaterError):
        extract(path, replace(PLAIN, threshold=0.0))


def test_a_scene_of_water_is_one_polygon_without_a_shore(tmp_path: Path) -> None:
    found = extract(write_scene(tmp_path / "sea.tif", np.ones((64, 48))), replace(PLAIN, threshold=0.0))
    assert len(found.outlines) == 1
    assert found.outlines.area_m2[0] == pytest.approx(64 * 48 * 100, rel=1e-3)
    assert found.outlines.shore_m[0] == 0
    assert found.outlines.open_m[0] == pytest.approx(2 * (64 + 48) * 10, rel=1e-3)
    assert shapely.is_empty(found.outlines.shores[0])


def test_dark_water_below_zero_is_water_and_nothing_at_all_is_unknown() -> None:
    index = water_index(np.float32([[0.02, -0.01]]), np.float32([[-0.01, -0.02]]))
    assert index[0, 0] == 1
    assert np.isnan(index[0, 1])


# ------------------------------------------------------------------------------------------------ clouds


def test_a_cloud_is_unknown_and_never_land(tmp_path: Path, share: np.ndarray) -> None:
    """A cloud over the lake's east: its outline there is open, and the mask says unknown."""
    path = write_scene(tmp_path / "scene.tif", share)
    scl = np.full((1, SIZE // 2, SIZE // 2), 4, dtype=np.uint8)  # vegetation; 20 m pixels
    scl[0, 20:50, 35:60] = 9  # cloud
    scl[0, 0:10, 0:10] = 6  # water is no cloud, and no reason to believe in water
    clouds = write_raster(tmp_path / "scl.tif", scl, pixel=20.0)
    clear, clouded = extract(path), extract(path, clouds=clouds)
    assert clouded.pixels_clouded == 60 * 50
    cloud = shapely.box(70, 40, 120, 100)
    lake = clouded.outlines.polygons[np.argmax(shapely.contains_xy(clouded.outlines.polygons, 45, 70))]
    assert shapely.intersection(lake, cloud.buffer(-0.6)).area == 0
    index = int(np.flatnonzero([polygon is lake for polygon in clouded.outlines.polygons])[0])
    shore = clouded.outlines.shores[index]
    assert shapely.length(shapely.intersection(shore, cloud.buffer(0.4))) < 5  # no shore along the cloud
    assert clouded.outlines.open_m[index] > 300
    assert clear.outlines.open_m.sum() < clouded.outlines.open_m.sum()
    (_, classes), *_ = water_mask(clouded, (SIZE, SIZE), SIZE)
    assert (classes[42:98, 72:118] == UNKNOWN).all()
    assert (classes == WATER)[70, 45]
    outside = shapely.difference(shapely.boundary(LAKE), cloud.buffer(3))
    assert shapely.hausdorff_distance(outside, shapely.intersection(shore, outside.buffer(2))) < 3


def test_the_margin_around_clouds_is_in_metres(tmp_path: Path, share: np.ndarray) -> None:
    path = write_scene(tmp_path / "scene.tif", share)
    cover = np.zeros((1, SIZE, SIZE), dtype=np.uint8)
    cover[0, 100, 100] = 1
    clouds = write_raster(tmp_path / "cover.tif", cover)
    chosen = replace(PLAIN, cloud_kind=CloudKind.MASK, cloud_margin_m=30.0, strip_rows=8)
    assert extract(path, chosen, clouds).pixels_clouded == 7 * 7


def test_cloud_bits_of_landsat_and_classes_of_sentinel() -> None:
    qa = np.array(
        [21824, 21952, 22280, 23888, 1, 0], dtype=np.uint16
    )  # clear, water, cloud, shadow, fill, none
    assert list(clear_pixels(qa, CloudKind.QA_PIXEL)) == [True, True, False, False, False, False]
    scl = np.arange(12, dtype=np.uint8)
    assert list(np.flatnonzero(clear_pixels(scl, CloudKind.SCL))) == [2, 4, 5, 6, 7]


@pytest.mark.parametrize("number", [21824, 12, 0.5, -1])
def test_a_file_of_other_numbers_than_cloud_classes_is_refused(number: float) -> None:
    numbers = np.array([4, 9, number])
    with pytest.raises(CloudClassError, match=r"clouds\.tif"):
        clear_pixels(numbers, CloudKind.SCL, file="clouds.tif")
    # Its number without data is no class, and no clear sight either.
    assert list(clear_pixels(numbers, CloudKind.SCL, nodata=number)) == [True, False, False]
    assert list(clear_pixels(np.array([4, np.nan]), CloudKind.SCL)) == [True, False]


# ---------------------------------------------------------------------------------------------- cleaning


def mask_path(folder: Path, water: np.ndarray, **options: object) -> Path:
    return write_raster(folder / "mask.tif", water.astype(np.uint8)[None], **options)


def test_every_pixel_of_a_mask_stays_on_its_side_of_the_line(tmp_path: Path, share: np.ndarray) -> None:
    water = share > 0.5
    chosen = replace(MASK, simplify_px=0.0, min_water_m2=0.0, min_island_m2=0.0)
    found = extract(mask_path(tmp_path, water), chosen)
    assert np.array_equal(rasterize(found.outlines.polygons, out_shape=water.shape) > 0, water)
    squares = shapely.union_all(
        [shapely.box(x, y, x + 1, y + 1) for y, x in zip(*np.nonzero(water), strict=True)]
    )
    for shore in found.outlines.shores:
        points = shapely.points(shapely.get_coordinates(shore))
        assert shapely.distance(points, shapely.boundary(squares)).max() <= 0.5


def test_a_mask_in_strips_is_the_mask_as_a_whole(tmp_path: Path, share: np.ndarray) -> None:
    path = mask_path(tmp_path, share > 0.5)
    whole, strips = extract(path, MASK), extract(path, replace(MASK, strip_rows=16))
    assert shapely.equals_exact(whole.outlines.polygons, strips.outlines.polygons, 0.0).all()


def test_opening_drops_a_ditch_and_closing_a_bridge(tmp_path: Path) -> None:
    water = np.zeros((60, 120), dtype=bool)
    water[20:40, :] = True  # a river 200 m wide
    water[:20, 60] = True  # a ditch of one pixel
    water[:, 90:92] = False  # a bridge of two
    path = mask_path(tmp_path, water)
    assert len(extract(path, MASK).outlines) == 2
    opened = extract(path, replace(MASK, opening_m=40.0))
    assert all(shapely.bounds(polygon)[1] > 15 for polygon in opened.outlines.polygons)
    closed = extract(path, replace(MASK, closing_m=40.0))
    assert len(closed.outlines) == 1
    assert closed.outlines.polygons[0].contains(shapely.Point(91, 30))


def test_small_water_and_small_islands_go_and_what_lay_on_them_too(tmp_path: Path) -> None:
    water = np.zeros((80, 80), dtype=bool)
    water[5:70, 5:70] = True
    water[20:40, 20:40] = False  # an island of 4 ha
    water[26:34, 26:34] = True  # with a pond of 0.64 ha
    water[50:53, 50:53] = False  # an islet of 900 m²
    water[75:77, 75:77] = True  # a puddle of 400 m²
    path = mask_path(tmp_path, water)
    everything = extract(path, replace(MASK, min_water_m2=0.0, min_island_m2=0.0))
    assert len(everything.outlines) == 3
    usual = extract(path, replace(MASK, min_water_m2=5_000.0, min_island_m2=1_000.0))
    assert sorted(shapely.get_num_interior_rings(usual.outlines.polygons)) == [0, 1]
    filled = extract(path, replace(MASK, min_water_m2=0.0, min_island_m2=50_000.0))
    assert sorted(np.round(filled.outlines.area_m2 / 1e4, 1)) == pytest.approx([0.0, 42.2], abs=0.1)


def test_drop_small_keeps_what_is_large_enough_as_it_is() -> None:
    lake = shapely.Polygon(shapely.box(0, 0, 10, 10).exterior, [shapely.box(4, 4, 6, 6).exterior])
    kept = drop_small(np.array([lake, shapely.box(20, 0, 21, 1)]), 2.0, 4.0)
    assert len(kept) == 1
    assert kept[0].equals(lake)


# ----------------------------------------------------------------------------------------- real rasters


@pytest.mark.skipif(not DATA.exists(), reason="the shared rasters are not here")
def test_the_water_mask_of_deyang_is_reproduced_by_its_shoreline() -> None:
    path = DATA / "deyang_s2b_20200216" / "water_mask.tif"
    with rasterio.open(path) as file:
        water = file.read(1) > 0
    assert water.sum() == 18_030
    found = extract(path, replace(MASK, min_water_m2=0.0, min_island_m2=0.0))
    again = rasterize(found.outlines.polygons, out_shape=water.shape) > 0
    assert (water & again).sum() / (water | again).sum() >= 0.99
    usual = extract(path, MASK)  # without the water of less than half a hectare
    again = rasterize(usual.outlines.polygons, out_shape=water.shape) > 0
    assert (water & again).sum() / (water | again).sum() >= 0.95


@pytest.mark.skipif(not DATA.exists(), reason="the shared rasters are not here")
def test_the_alpine_reservoir_is_where_the_scene_classes_see_water() -> None:
    path = DATA / "S2A2A_20190723_022_Barbellino_BOA_10.tif"
    found = extract(path)
    with rasterio.open(DATA / "S2A2A_20190723_022_Barbellino_SCL_10.tif") as file:
        scl = np.repeat(np.repeat(file.read(1) == 6, 2, axis=0), 2, axis=1)
    water = rasterize(found.outlines.polygons, out_shape=scl.shape) > 0
    assert scl.sum() == 4 * 65
    assert (water & scl).sum() / scl.sum() > 0.97  # all that they call water
    assert (water & scl).sum() / (water | scl).sum() > 0.8  # they leave the mixed pixels of the bank out


@pytest.mark.skipif(not DATA.exists(), reason="the shared rasters are not here")
def test_the_coast_of_olinda_is_one_sea_and_the_city_is_no_water() -> None:
    chosen = replace(PLAIN, green=2, nir=4)
    found = extract(DATA / "landsat7_olinda_L7_ETMs.tif", chosen)
    sea = found.outlines.polygons[0]
    assert found.outlines.area_m2[0] > 0.95 * found.outlines.area_m2.sum()
    assert sea.contains(shapely.Point(330, 250))
    assert not shapely.contains_xy(found.outlines.polygons, 180, 200).any()
    bounds = shapely.total_bounds(found.outlines.polygons)
    assert bounds[2:] == pytest.approx([349, 352])  # up to the edge of the image


def test_outlines_of_noise_are_refused_before_they_fill_the_memory(
    tmp_path: Path, share: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scene(tmp_path / "scene.tif", share)
    vertices = shapely.get_num_coordinates(
        extract(path, replace(PLAIN, simplify_px=0.0)).outlines.polygons
    ).sum()
    monkeypatch.setattr("spatial.imagery_scenes.MAX_VERTICES", vertices // 2)
    with pytest.raises(OutlinesError):
        extract(path)
    monkeypatch.setattr("spatial.imagery_scenes.MAX_VERTICES", vertices * 2)
    assert len(extract(path).outlines) == 2
