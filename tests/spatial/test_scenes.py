"""Scenes: which band is which, how numbers become reflectance, and files that cannot be used."""

from __future__ import annotations

import struct
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from spatial.errors import (
    BandMissingError,
    BandNumberError,
    BandsApartError,
    CalibrationError,
    CrsError,
    MaskValuesError,
    SceneBlockError,
    SceneEmptyError,
    SceneFileError,
    SceneSizeError,
    SceneUnplacedError,
)
from spatial.imagery_scenes import ExtractionSettings, extract_water
from spatial.scenes import acquisition_day, open_scene
from spatial.sensors import SENSORS, BandRole, SourceKind, band_name, recognise_sensor
from tests.spatial.imagery_cases import coverage, lake_and_river, write_raster, write_scene

ALL = Window(0, 0, 4, 4)


def numbers(count: int = 1, dtype: Any = np.uint16, size: int = 4) -> np.ndarray:
    return np.arange(1, count * size * size + 1).reshape(count, size, size).astype(dtype)


# ------------------------------------------------------------------------------------------------- bands


def test_bands_in_files_of_their_own_are_known_by_their_names(tmp_path: Path) -> None:
    paths = [
        write_raster(tmp_path / f"T48RVV_20200216T033829_{name}.tif", numbers(), pixel=size)
        for name, size in (("B03_10m", 10.0), ("B08_10m", 10.0), ("B11_20m", 20.0))
    ]
    with open_scene(paths) as scene:
        assert scene.sensor is SENSORS["sentinel2"]
        assert [band.role for band in scene.bands] == [BandRole.GREEN, BandRole.NIR, BandRole.SWIR]
        assert (scene.acquired, scene.acquired_from) == (date(2020, 2, 16), "file name")


@pytest.mark.parametrize(
    ("sensor", "count", "green", "nir", "swir"),
    [
        ("sentinel2", 13, 3, 8, 12),
        ("sentinel2", 12, 3, 8, 11),
        ("sentinel2", 11, 3, 8, 10),
        ("sentinel2", 10, 2, 7, 9),
        ("landsat7", 6, 2, 4, 5),
        ("landsat8", 7, 3, 5, 6),
    ],
)
def test_usual_stacks_of_a_sensor_need_no_names(
    tmp_path: Path, sensor: str, count: int, green: int, nir: int, swir: int
) -> None:
    path = write_raster(tmp_path / "stack.tif", numbers(count))
    with open_scene([path], sensor=SENSORS[sensor]) as scene:
        found = [scene.find_band(role).number for role in (BandRole.GREEN, BandRole.NIR, BandRole.SWIR)]
    assert found == [green, nir, swir]


def test_descriptions_tell_bands_in_english_and_chinese(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "stack.tif", numbers(3), names=("红", "绿", "nir08"))
    with open_scene([path]) as scene:
        assert scene.find_band(BandRole.GREEN).number == 2
        assert scene.find_band(BandRole.NIR).number == 3
        with pytest.raises(BandMissingError) as caught:
            scene.find_band(BandRole.SWIR)
    assert caught.value.bands == "1: 红, 2: 绿, 3: nir08"


def test_a_number_beyond_the_bands_is_refused(tmp_path: Path) -> None:
    with (
        open_scene([write_raster(tmp_path / "two.tif", numbers(2))]) as scene,
        pytest.raises(BandNumberError),
    ):
        scene.find_band(BandRole.NIR, 3)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("T48RVV_20200216T033829_B03_10m", "B3"),
        ("T48RVV_20200216T033829_B8A_20m", "B8A"),
        ("LC08_L2SP_128039_20210304_20210312_02_T1_SR_B5", "B5"),
        ("B11", "B11"),
        ("BAND3", None),
        ("water_mask", None),
    ],
)
def test_names_of_bands(text: str, name: str | None) -> None:
    assert band_name(text) == name


def test_products_tell_their_sensor() -> None:
    assert recognise_sensor("S2B_MSIL2A_20220301T032539_N0400_R018_T48RVV.SAFE") is SENSORS["sentinel2"]
    assert recognise_sensor("LC09_L1TP_128039_20230304_20230312_02_T1_B3.TIF") is SENSORS["landsat8"]
    assert recognise_sensor("LE07_L1TP_128039_20010304_20200312_02_T1_B3.TIF") is SENSORS["landsat7"]
    assert recognise_sensor("deyang_s2b_20200317_NDVI.tif") is None


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("S2A_MSIL2A_20190723T101031_N0213_R022", date(2019, 7, 23)),
        ("LC08_L2SP_128039_20210304_20210312_02_T1", date(2021, 3, 4)),
        ("德阳2020-02-16水体", date(2020, 2, 16)),
        ("map_20201399", None),
        ("tile_123456789", None),
    ],
)
def test_days_in_names(name: str, day: date | None) -> None:
    assert acquisition_day(name) == day


# ------------------------------------------------------------------------------------------- calibration


def test_baseline_4_of_sentinel_2_subtracts_1000(tmp_path: Path) -> None:
    for baseline, first in (("N0301", 0.3), ("N0400", 0.2), ("N0511", 0.2)):
        folder = tmp_path / f"S2B_MSIL2A_20220301T032539_{baseline}_R018_T48RVV.SAFE" / "IMG_DATA"
        folder.mkdir(parents=True)
        path = write_raster(
            folder / "T48RVV_20220301T032539_B03_10m.tif", np.full((1, 4, 4), 3000, np.uint16)
        )
        with open_scene([path]) as scene:
            assert scene.read(scene.bands[0], ALL)[0, 0] == pytest.approx(first)


def test_collection_2_of_landsat_is_scaled_as_its_guide_says(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "LC08_L2SP_128039_20210304_20210312_02_T1_SR_B3.tif", np.full((1, 4, 4), 10_000, np.uint16)
    )
    with open_scene([path]) as scene:
        assert scene.read(scene.bands[0], ALL)[0, 0] == pytest.approx(10_000 * 2.75e-5 - 0.2)


def test_what_is_said_wins_over_the_file_and_the_file_over_the_name(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "plain.tif", np.full((1, 4, 4), 500, np.uint16))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.001,), (-0.1,)
    with open_scene([path]) as scene:
        assert scene.read(scene.bands[0], ALL)[0, 0] == pytest.approx(0.4)
    with open_scene([path], scale=0.01, offset=-100.0) as scene:
        assert scene.read(scene.bands[0], ALL)[0, 0] == pytest.approx(4.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_no_positive_number_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(CalibrationError):
        open_scene([write_raster(tmp_path / "plain.tif", numbers())], scale=scale)


def test_no_data_is_nan_whether_declared_said_or_the_habit_of_a_sensor(tmp_path: Path) -> None:
    values = numbers()
    values[0, 0, 0] = 0
    declared = write_raster(tmp_path / "declared.tif", values, nodata=7)
    plain = write_raster(tmp_path / "plain.tif", values)
    fill = write_raster(tmp_path / "S2A_MSIL2A_20200216T033829_B03.tif", values)
    for path, options, empty in (
        (declared, {}, (1, 2)),
        (plain, {"nodata": 7.0}, (1, 2)),
        (fill, {}, (0, 0)),
    ):
        with open_scene([path], **options) as scene:
            read = scene.read(scene.bands[0], ALL)
        assert np.isnan(read[empty])
        assert np.isnan(read).sum() == 1


def test_a_coarse_band_is_interpolated_onto_the_fine_grid(tmp_path: Path) -> None:
    fine = write_raster(tmp_path / "fine.tif", np.ones((1, 40, 40), np.uint16))
    ramp = np.tile(np.arange(20, dtype=np.float32) * 10, (20, 1))[None]
    coarse = write_raster(tmp_path / "coarse.tif", ramp, pixel=20.0)
    with open_scene([coarse, fine]) as scene:
        scene.use(scene.bands)
        assert scene.grid.shape == (40, 40)
        read = scene.read(scene.bands[0], Window(0, 0, 40, 40))
        # The centre of column c lies at (c + 0.5) / 2 - 0.5 of the coarse columns.
        assert read[10, 2:-2] == pytest.approx((np.arange(2, 38) + 0.5) / 2 * 10 - 5, abs=1e-3)
        # A window reads what the whole reads.
        assert np.array_equal(scene.read(scene.bands[0], Window(0, 13, 40, 5)), read[13:18])


def test_the_size_of_pixels_is_in_metres_in_every_system(tmp_path: Path) -> None:
    utm = write_raster(tmp_path / "utm.tif", numbers())
    degrees = write_raster(
        tmp_path / "degrees.tif", numbers(), crs="EPSG:4490", transform=Affine(1e-4, 0, 104.4, 0, -1e-4, 31.0)
    )
    mercator = write_raster(
        tmp_path / "mercator.tif",
        numbers(),
        crs="EPSG:3857",
        transform=Affine(10, 0, 11621800, 0, -10, 3632750),
    )
    with open_scene([utm]) as scene:
        assert scene.grid.pixel_m() == pytest.approx((10.0, 10.0), rel=1e-3)
    with open_scene([degrees]) as scene:  # 1e-4° at 31° N
        assert scene.grid.pixel_m() == pytest.approx((9.549, 11.086), rel=1e-3)
    with open_scene([mercator]) as scene:  # cos 31° of 10 m
        assert scene.grid.pixel_m() == pytest.approx((8.58, 8.55), rel=2e-3)


# ----------------------------------------------------------------------------------------- hostile files


def test_no_file_and_no_raster_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.tif"
    text.write_text("not a raster at all")
    cut = tmp_path / "cut.tif"
    whole = write_raster(
        tmp_path / "whole.tif", np.random.default_rng(1).integers(0, 9, (1, 64, 64), np.uint16)
    )
    cut.write_bytes(whole.read_bytes()[:200])
    for path in (tmp_path / "none.tif", tmp_path, text, cut):
        with pytest.raises(SceneFileError) as caught:
            open_scene([path])
        assert str(tmp_path) not in str(caught.value)


def test_formats_that_point_at_other_files_are_not_followed(tmp_path: Path) -> None:
    target = write_raster(tmp_path / "secret.tif", numbers())
    path = tmp_path / "pointer.tif"
    path.write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{target}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SceneFileError):
        open_scene([path])


def test_damaged_pixels_are_told_when_they_are_read(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 60_000, (1, 256, 256)).astype(np.uint16)
    path = write_raster(tmp_path / "damaged.tif", values, compress="deflate")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    with open_scene([path]) as scene, pytest.raises(SceneFileError):
        scene.read(scene.bands[0], Window(0, 0, 256, 256))


def test_a_raster_without_a_place_is_refused_and_may_be_told_its_system(tmp_path: Path) -> None:
    nowhere = write_raster(tmp_path / "nowhere.tif", numbers(), crs=None)
    with pytest.raises(SceneUnplacedError):
        open_scene([nowhere])
    with open_scene([nowhere], crs="EPSG:32648") as scene:
        assert scene.grid.crs.to_epsg() == 32648
    with pytest.raises(CrsError):
        open_scene([nowhere], crs="EPSG:999999")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)  # by the writing itself
        flat = write_raster(tmp_path / "flat.tif", numbers(), transform=None)
    with pytest.raises(SceneUnplacedError):
        open_scene([flat])


def test_a_huge_claim_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": "EPSG:32648", "sparse_ok": True}
    place = Affine(10, 0, 4e5, 0, -10, 3.4e6)
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512}
    with rasterio.open(path, "w", width=200_000, height=200_000, transform=place, **tiles, **options):
        pass
    with pytest.raises(SceneSizeError):
        open_scene([path])
    tile = {"tiled": True, "blockxsize": 28_672, "blockysize": 28_672, "compress": "deflate"}
    with rasterio.open(path, "w", width=30_000, height=30_000, transform=place, **tile, **options):
        pass
    with pytest.raises(SceneBlockError):
        open_scene([path])


def test_complex_numbers_are_no_reflectance(tmp_path: Path) -> None:
    with pytest.raises(SceneFileError):
        open_scene([write_raster(tmp_path / "radar.tif", numbers(dtype=np.complex64))])


def test_bands_of_different_places_are_no_scene(tmp_path: Path) -> None:
    here = write_raster(tmp_path / "a.tif", numbers())
    there = write_raster(tmp_path / "b.tif", numbers(), transform=Affine(10, 0, 6e5, 0, -10, 3.1e6))
    with open_scene([here, there]) as scene, pytest.raises(BandsApartError):
        scene.use(scene.bands)
    with pytest.raises(BandsApartError):
        open_scene([here], clouds=there)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_scene_without_data_is_told(tmp_path: Path, dtype: Any) -> None:
    empty = np.full((2, 16, 16), np.nan if dtype is np.float32 else 0, dtype)
    path = write_raster(tmp_path / "empty.tif", empty, nodata=0 if dtype is np.uint16 else None)
    with open_scene([path]) as scene, pytest.raises(SceneEmptyError):
        extract_water(scene, ExtractionSettings(green=1, nir=2))


@pytest.mark.parametrize(
    ("values", "options", "count"),
    [
        ((0, 1), {}, 1),
        ((0, 255), {}, 1),
        ((0, 1), {"nodata": 0}, 1),  # land is no data there: water with an open outline
        ((0, 1, 255), {}, 1),
        ((0, 1, 255), {"nodata": 255}, 1),
    ],
)
def test_masks_of_every_custom_are_understood(
    tmp_path: Path, values: tuple[int, ...], options: dict[str, int], count: int
) -> None:
    mask = np.full((1, 40, 40), values[0], np.uint8)
    mask[0, 10:30, 10:30] = values[1]
    if len(values) == 3:
        mask[0, :, 35:] = values[2]
    path = write_raster(tmp_path / "mask.tif", mask, **options)
    with open_scene([path]) as scene:
        found = extract_water(scene, ExtractionSettings(kind=SourceKind.MASK))
    assert len(found.outlines) == count
    assert found.outlines.area_m2[0] == pytest.approx(40_000, rel=0.02)
    assert (
        found.pixels_empty
        == {True: 1200, False: 200 if len(values) == 3 else 0}["nodata" in options and options["nodata"] == 0]
    )


def test_a_band_of_many_numbers_is_no_mask_unless_its_water_is_named(tmp_path: Path) -> None:
    classes = np.full((1, 40, 40), 4, np.uint8)
    classes[0, 10:30, 10:30] = 6
    classes[0, 0, :6] = (0, 1, 2, 3, 7, 8)
    path = write_raster(tmp_path / "classes.tif", classes)
    with open_scene([path]) as scene, pytest.raises(MaskValuesError) as caught:
        extract_water(scene, ExtractionSettings(kind=SourceKind.MASK))
    assert caught.value.values == "0, 1, 2, 3, 4, 6 …"
    with open_scene([path]) as scene:
        found = extract_water(scene, ExtractionSettings(kind=SourceKind.MASK, water_values=(6.0,)))
    assert len(found.outlines) == 1


def test_a_turned_image_gives_the_same_water_in_its_place(tmp_path: Path) -> None:
    share = coverage(lake_and_river(), (240, 240))
    turned = Affine.translation(441_560, 3_447_730) @ Affine.rotation(30) @ Affine.scale(10, -10)
    straight = write_scene(tmp_path / "straight.tif", share)
    rotated = write_scene(tmp_path / "rotated.tif", share, transform=turned)
    found = []
    for path in (straight, rotated):
        with open_scene([path]) as scene:
            found.append(extract_water(scene, ExtractionSettings()))
            assert scene.grid.pixel_m() == pytest.approx((10.0, 10.0), rel=2e-3)
    assert np.allclose(found[0].outlines.area_m2, found[1].outlines.area_m2, rtol=2e-3)


def test_numbers_of_eight_bits_and_reflectances_with_nan_give_the_same_water(tmp_path: Path) -> None:
    share = coverage(lake_and_river(), (240, 240))
    small = np.rint(np.stack([60 * share + 80 * (1 - share), 20 * share + 200 * (1 - share)])).astype(
        np.uint8
    )
    real = small.astype(np.float32) / 255
    real[:, :5, :5] = np.nan
    areas = []
    for name, bands in (("bytes.tif", small), ("floats.tif", real)):
        with open_scene([write_raster(tmp_path / name, bands)]) as scene:
            found = extract_water(scene, ExtractionSettings(green=1, nir=2))
            areas.append(found.outlines.area_m2)
    assert np.allclose(*areas, rtol=1e-6)


def test_a_file_that_is_only_a_header_is_told(tmp_path: Path) -> None:
    path = tmp_path / "header.tif"
    path.write_bytes(b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 0))
    with pytest.raises(SceneFileError):
        open_scene([path])
