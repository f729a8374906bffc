"""Water products over polygons: formulas by hand, areas on the ellipsoid, what was seen, real images."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Geod
from rasterio.features import shapes as outlines
from rasterio.transform import Affine
from rasterio.windows import Window

from spatial.errors import BandMissingError, ProductNotInForceError, RuleFileError, UnitError, ZoneShapeError
from spatial.product_rules import FILE, load_product_rules, parse_product_rules
from spatial.scenes import open_scene
from spatial.sensors import SENSORS, BandRole, CloudKind
from spatial.water_products import (
    BloomIndex,
    Product,
    ProductRequest,
    ZoneProduct,
    floating_algae_index,
    measure_products,
    pixel_areas_m2,
)

RULES = load_product_rules()
DAY = date(2020, 8, 1)
UTM = "EPSG:32650"
PLACE = Affine(10, 0, 600_000, 0, -10, 3_500_000)
DATA = Path(__file__).parents[2] / "../shared/data/raster"
SENTINEL2 = ("B3", "B4", "B5", "B8A", "B11")


def write(
    path: Path,
    bands: Sequence[np.ndarray],
    names: Sequence[str] = (),
    *,
    crs: str = UTM,
    place: Affine = PLACE,
    nodata: float | None = None,
) -> Path:
    height, width = bands[0].shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=len(bands),
        dtype=bands[0].dtype,
        crs=crs,
        transform=place,
        nodata=nodata,
    ) as file:
        for number, band in enumerate(bands, 1):
            file.write(band, number)
        if names:
            file.descriptions = tuple(names)
    return path


def box(columns: tuple[float, float], rows: tuple[float, float], place: Affine = PLACE) -> shapely.Polygon:
    """A rectangle from columns and rows of a grid."""
    corners = [(columns[0], rows[0]), (columns[1], rows[0]), (columns[1], rows[1]), (columns[0], rows[1])]
    return shapely.Polygon([place @ corner for corner in corners])


def waters(*shapes: Any, crs: str = UTM) -> gpd.GeoDataFrame:
    codes = [f"L{number}" for number in range(1, len(shapes) + 1)]
    return gpd.GeoDataFrame({"code": codes, "name": [None] * len(codes)}, geometry=list(shapes), crs=crs)


def grey(*values: float, shape: tuple[int, int] = (4, 4)) -> list[np.ndarray]:
    return [np.full(shape, value, dtype=np.float32) for value in values]


def one(path: Path, request: ProductRequest, zone: Any = None, **more: Any) -> ZoneProduct:
    zones = waters(box((0, 4), (0, 4)) if zone is None else zone)
    clouds = more.pop("clouds", None)
    with open_scene([path], sensor=SENSORS["sentinel2"], clouds=clouds) as scene:
        (found,) = measure_products(scene, zones, request, RULES, DAY, **more)
    return found


# --- formulas ---


def test_ndci_is_the_normalised_difference_of_red_edge_and_red(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.05, 0.04, 0.06, 0.02, 0.01), SENTINEL2)
    found = one(path, ProductRequest(Product.NDCI))
    assert found.spread.mean == pytest.approx((0.06 - 0.04) / (0.06 + 0.04), rel=1e-6)
    assert list(found.readings(ProductRequest(Product.NDCI))) == ["ndci"]


def test_chlorophyll_is_the_quadratic_of_mishra_and_mishra_in_milligrams(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.05, 0.04, 0.06, 0.02, 0.01), SENTINEL2)
    found = one(path, ProductRequest(Product.CHLOROPHYLL))
    # 14.039 + 86.115 * 0.2 + 194.325 * 0.04 = 39.035 µg/L
    assert found.readings(ProductRequest(Product.CHLOROPHYLL)) == {"chl_a": pytest.approx(0.039035, rel=1e-5)}
    assert (found.beyond, found.warnings) == (0, ())


@pytest.mark.parametrize(("edge", "end"), [(0.01, -0.2), (0.5, 0.5)])
def test_beyond_its_range_the_index_counts_as_its_end_and_the_answer_warns(tmp_path, edge, end):
    path = write(tmp_path / "a.tif", grey(0.05, 0.04, edge, 0.02, 0.01), SENTINEL2)
    found = one(path, ProductRequest(Product.CHLOROPHYLL))
    expected = (14.039 + 86.115 * end + 194.325 * end**2) / 1000
    assert found.spread.mean == pytest.approx(expected, rel=1e-5)
    assert found.beyond == 16
    assert [warning.code for warning in found.warnings] == ["product_beyond_validity"]


def test_reflectance_below_zero_counts_as_zero_and_darkness_says_nothing(tmp_path):
    bands = grey(0.05, -0.01, 0.02, 0.02, 0.01)
    bands[2][0] = -0.02
    path = write(tmp_path / "a.tif", bands, SENTINEL2)
    found = one(path, ProductRequest(Product.NDCI))
    assert (found.impossible, found.seen) == (4, 12)
    assert found.spread.maximum == 1
    assert [reason.code for reason in found.reasons] == ["product_impossible"]


def test_fai_is_what_the_near_infrared_has_above_the_line_from_red_to_short_wave():
    red, near, short = (np.array([value], dtype=np.float32) for value in (0.02, 0.1, 0.04))
    # at 864.7 nm of a line from 664.6 to 1613.7 nm: 0.02 + 0.02 * 0.210831... = 0.0242166
    share = (864.7 - 664.6) / (1613.7 - 664.6)
    assert floating_algae_index(red, near, short, share)[0] == pytest.approx(0.0757834, abs=1e-6)


def test_bloom_is_where_fai_reaches_its_threshold_and_its_area_is_that_of_the_pixels(tmp_path):
    bands = grey(0.05, 0.02, 0.03, 0.01, 0.01)
    bands[3][0] = 0.12  # one row of four is bloom
    found = one(write(tmp_path / "a.tif", bands, SENTINEL2), ProductRequest(Product.BLOOM))
    assert (found.bloom_pixels, found.seen) == (4, 16)
    readings = found.readings(ProductRequest(Product.BLOOM))
    assert readings["bloom_share"] == pytest.approx(25, abs=1e-3)
    assert readings["bloom_area"] == pytest.approx(4 * 100 / 1e6, rel=1e-3)


def test_another_threshold_finds_another_bloom(tmp_path):
    bands = grey(0.05, 0.02, 0.03, 0.01, 0.01)
    bands[3][0] = 0.12
    path = write(tmp_path / "a.tif", bands, SENTINEL2)
    assert one(path, ProductRequest(Product.BLOOM, threshold=Decimal("0.2"))).bloom_pixels == 0
    assert one(path, ProductRequest(Product.BLOOM, threshold=Decimal(-1))).bloom_pixels == 16


def test_no_bloom_is_a_bloom_of_nothing_and_not_unknown(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.05, 0.02, 0.03, 0.01, 0.01), SENTINEL2)
    found = one(path, ProductRequest(Product.BLOOM))
    assert found.readings(ProductRequest(Product.BLOOM)) == {"bloom_area": 0.0, "bloom_share": 0.0}


def test_bloom_by_ndvi_from_bands_and_from_a_ready_index_is_one(tmp_path):
    bands = grey(0.05, 0.02, 0.03, 0.01, 0.01)
    bands[3][:, 0] = 0.12
    ndvi = (bands[3] - bands[1]) / (bands[3] + bands[1])
    request = ProductRequest(Product.BLOOM, index=BloomIndex.NDVI)
    first = one(write(tmp_path / "a.tif", bands, SENTINEL2), request)
    ready = ProductRequest(Product.BLOOM, index=BloomIndex.NDVI, ready=True)
    second = one(write(tmp_path / "b.tif", [ndvi.astype(np.float32)]), ready)
    assert first.bloom_pixels == second.bloom_pixels == 4


@pytest.mark.parametrize(
    ("red", "near", "expected"),
    [
        (0.02, 0.01, 228.1 * 0.02 / (1 - 0.02 / 0.1641)),
        (0.10, 0.08, 3078.9 * 0.08 / (1 - 0.08 / 0.2112)),
        (
            0.06,
            0.03,
            0.5 * 228.1 * 0.06 / (1 - 0.06 / 0.1641) + 0.5 * 3078.9 * 0.03 / (1 - 0.03 / 0.2112),
        ),
        (0.2, 0.3, 1000),
    ],
)
def test_turbidity_switches_from_the_red_band_to_the_near_infrared(tmp_path, red, near, expected):
    path = write(tmp_path / "a.tif", grey(0.05, red, 0.03, near, 0.01), SENTINEL2)
    found = one(path, ProductRequest(Product.TURBIDITY))
    assert found.readings(ProductRequest(Product.TURBIDITY)) == {
        "turbidity_fnu": pytest.approx(expected, rel=1e-5)
    }
    assert found.beyond == (16 if expected == 1000 else 0)


def test_ndti_is_the_normalised_difference_of_red_and_green(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.06, 0.03, 0.03, 0.02, 0.01), SENTINEL2)
    assert one(path, ProductRequest(Product.NDTI)).spread.median == pytest.approx(-1 / 3, rel=1e-6)


def test_a_band_that_nothing_names_is_asked_for_and_may_be_said_by_number(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.04, 0.06))
    with pytest.raises(BandMissingError):
        one(path, ProductRequest(Product.NDCI))
    said = {BandRole.RED: 1, BandRole.RED_EDGE_1: 2}
    assert one(path, ProductRequest(Product.NDCI, numbers=said)).spread.mean == pytest.approx(0.2, rel=1e-6)


# --- ready products ---


def test_a_ready_product_is_converted_to_the_unit_of_its_parameter(tmp_path):
    path = write(tmp_path / "a.tif", grey(12.5))
    request = ProductRequest(Product.READY, parameter="chl_a", unit="μg/L")
    assert one(path, request).readings(request) == {"chl_a": pytest.approx(0.0125)}
    with pytest.raises(UnitError):
        one(path, ProductRequest(Product.READY, parameter="chl_a", unit="NTU"))


def test_values_that_no_water_has_are_left_out_and_counted(tmp_path):
    (band,) = grey(0.1)
    band[0, 0] = -0.5
    found = one(write(tmp_path / "a.tif", [band]), ProductRequest(Product.READY, parameter="tp", unit="mg/L"))
    assert (found.impossible, found.seen, found.spread.minimum) == (1, 15, pytest.approx(0.1))
    assert [warning.code for warning in found.warnings] == ["product_impossible_left_out"]
    assert found.reasons == ()


def test_too_many_impossible_values_make_a_product_say_nothing(tmp_path):
    (band,) = grey(0.1)
    band[0] = -0.5
    request = ProductRequest(Product.READY, parameter="tp", unit="mg/L")
    found = one(write(tmp_path / "a.tif", [band]), request)
    assert [reason.code for reason in found.reasons] == ["product_impossible"]
    assert found.readings(request) == {}


def test_a_zero_of_a_ready_mask_is_a_zero_also_where_the_satellite_fills_with_zeros(tmp_path):
    mask = np.zeros((4, 4), dtype=np.uint8)
    mask[0, :2] = 1
    found = one(write(tmp_path / "a.tif", [mask]), ProductRequest(Product.BLOOM, index=BloomIndex.MASK))
    assert (found.seen, found.bloom_pixels) == (16, 2)


# --- what is seen ---


def test_pixels_belong_by_their_centres_or_only_whole(tmp_path):
    path = write(tmp_path / "a.tif", grey(1.0, shape=(10, 10)))
    shape = box((1.4, 6.6), (2.4, 8.6))  # centres 1.5 to 6.5 and 2.5 to 8.5: 6 × 7; whole: 2–6 and 3–8: 4 × 5
    request = ProductRequest(Product.READY, parameter="tn", unit="mg/L")
    assert one(path, request, shape).pixels == 42
    whole = ProductRequest(Product.READY, parameter="tn", unit="mg/L", whole_only=True)
    assert one(path, whole, shape).pixels == 20


def test_an_island_is_no_water(tmp_path):
    path = write(tmp_path / "a.tif", grey(1.0, shape=(10, 10)))
    ring = box((0, 10), (0, 10)).difference(box((3, 7), (3, 7)))
    assert one(path, ProductRequest(Product.READY, parameter="tn", unit="mg/L"), ring).pixels == 84


def test_clouds_are_not_seen_and_their_share_is_told(tmp_path):
    path = write(tmp_path / "a.tif", grey(1.0))
    classes = np.full((2, 2), 6, dtype=np.uint8)
    classes[0, 0] = 9
    clouds = write(tmp_path / "scl.tif", [classes], place=PLACE @ Affine.scale(2))
    request = ProductRequest(Product.READY, parameter="tn", unit="mg/L")
    found = one(path, request, clouds=clouds)
    assert (found.clouded, found.seen, found.cloud_share) == (4, 12, 0.25)
    assert found.reasons == ()
    other = one(path, request, clouds=clouds, cloud_kind=CloudKind.MASK)
    assert other.clouded == 16
    assert [reason.code for reason in other.reasons] == ["product_nothing_seen"]


@pytest.mark.parametrize(("columns", "code"), [((-4, 4), None), ((-5, 4), "product_too_little_seen")])
def test_half_of_a_water_must_be_in_sight(tmp_path, columns, code):
    path = write(tmp_path / "a.tif", grey(1.0))
    found = one(path, ProductRequest(Product.READY, parameter="tn", unit="mg/L"), box(columns, (0, 4)))
    share = 4 / (columns[1] - columns[0])
    assert found.seen_share == pytest.approx(share, rel=1e-4)
    # Half is enough; the grid's own rounding decides nothing at 4 of 8 columns.
    if code is not None:
        assert [reason.code for reason in found.reasons] == [code]
        assert RULES.least_seen == Fraction(1, 2)


def test_a_water_outside_the_image_is_undetermined_and_breaks_nothing(tmp_path):
    path = write(tmp_path / "a.tif", grey(1.0))
    found = one(path, ProductRequest(Product.READY, parameter="tn", unit="mg/L"), box((20, 30), (0, 4)))
    assert (found.pixels, found.spread) == (0, None)
    assert [reason.code for reason in found.reasons] == ["product_outside_image"]


def test_a_line_is_no_water(tmp_path):
    path = write(tmp_path / "a.tif", grey(1.0))
    with pytest.raises(ZoneShapeError, match="LineString"):
        one(
            path,
            ProductRequest(Product.READY, parameter="tn", unit="mg/L"),
            shapely.LineString([(0, 0), (1, 1)]),
        )


def test_windows_change_nothing(tmp_path, monkeypatch):
    values = np.random.default_rng(5).random((37, 53)).astype(np.float32)
    path = write(tmp_path / "a.tif", [values])
    shape = shapely.Point(PLACE @ (26, 18)).buffer(150)
    request = ProductRequest(Product.READY, parameter="tn", unit="mg/L")
    whole = one(path, request, shape)
    monkeypatch.setattr("spatial.water_products._BLOCK_PIXELS", 64)
    pieces = one(path, request, shape)
    assert pieces.spread == whole.spread
    assert pieces.seen_km2 == pytest.approx(whole.seen_km2, rel=1e-12)
    inside = np.array(
        [[shape.covers(shapely.Point(PLACE @ (c + 0.5, r + 0.5))) for c in range(53)] for r in range(37)]
    )
    assert whole.seen == inside.sum()
    assert whole.spread.mean == pytest.approx(values[inside].astype(np.float64).mean(), rel=1e-12)
    assert (whole.spread.p10, whole.spread.p90) == tuple(np.percentile(values[inside], (10, 90)))


# --- areas on the ellipsoid ---


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:4490", Affine(0.0001, 0, 104.39, 0, -0.00009, 31.16)),
        ("EPSG:4490", Affine(0.01, 0, 119, 0, -0.01, 34)),
        ("EPSG:32648", Affine(10, 0, 440_000, 0, -10, 3_450_000)),
        ("EPSG:4547", Affine(30, 0, 640_000, 0, -30, 3_400_000)),
        ("EPSG:3857", Affine(100, 0, 12_000_000, 0, -100, 3_600_000)),
        ("EPSG:32650", Affine(8, 6, 500_000, 6, -8, 3_500_000)),
    ],
)
def test_areas_of_pixels_are_those_on_the_ellipsoid_in_any_system(tmp_path, crs, place):
    path = write(tmp_path / "a.tif", grey(1.0, shape=(60, 80)), crs=crs, place=place)
    with open_scene([path]) as scene:
        areas = pixel_areas_m2(scene.grid, Window(10, 5, 70, 55))
        assert areas.shape == (55, 70)
    ellipsoid = Geod(ellps="GRS80")
    for rows, columns in ((slice(0, 55), slice(0, 70)), (slice(40, 55), slice(50, 70))):
        ends = (columns.start + 10, columns.stop + 10), (rows.start + 5, rows.stop + 5)
        ring = gpd.GeoSeries([box(*ends, place)], crs=crs).segmentize(abs(place.a)).to_crs("EPSG:4490")
        expected = abs(ellipsoid.geometry_area_perimeter(ring.iloc[0])[0])
        assert areas[rows, columns].sum() == pytest.approx(expected, rel=2e-6)


def test_a_lake_in_degrees_and_the_same_in_metres_have_one_area(tmp_path):
    request = ProductRequest(Product.READY, parameter="tn", unit="mg/L")
    shape = shapely.Point(PLACE @ (200, 200)).buffer(1500)
    metres = write(tmp_path / "a.tif", grey(1.0, shape=(400, 400)))
    first = one(metres, request, shape)
    degrees = gpd.GeoSeries([shape], crs=UTM).to_crs("EPSG:4490")
    west, south, east, north = degrees.total_bounds
    place = Affine((east - west) / 500, 0, west, 0, -(north - south) / 500, north)
    second = one(
        write(tmp_path / "b.tif", grey(1.0, shape=(500, 500)), crs="EPSG:4490", place=place), request, shape
    )
    assert first.seen_km2 == pytest.approx(second.seen_km2, rel=2e-3)
    assert first.area_km2 == second.area_km2
    assert first.seen_km2 == pytest.approx(first.area_km2, rel=2e-3)


# --- rules ---


def text_of_rules() -> str:
    return resources.files("spatial").joinpath("rules", FILE).read_text(encoding="utf-8")


def test_the_rules_name_their_sources_and_version():
    assert {name for name, formula in RULES.formulas.items() if formula.basis == "document"} >= {
        "chlorophyll",
        "bloom_fai",
        "turbidity",
    }
    assert all(formula.source.document for formula in RULES.formulas.values())
    assert len(RULES.sha256) == 64


def test_a_formula_that_did_not_hold_yet_is_refused(tmp_path):
    path = write(tmp_path / "a.tif", grey(0.05, 0.02, 0.03, 0.01, 0.01), SENTINEL2)
    with (
        open_scene([path], sensor=SENSORS["sentinel2"]) as scene,
        pytest.raises(ProductNotInForceError, match="2001-01-01"),
    ):
        measure_products(
            scene, waters(box((0, 4), (0, 4))), ProductRequest(Product.CHLOROPHYLL), RULES, date(2001, 1, 1)
        )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('coefficients = ["14.039"', 'factors = ["14.039"', "coefficients"),
        ('index_from = "-0.2"', 'index_from = "0.9"', "index_from"),
        ('switch_to = "0.07"', 'switch_to = "0.01"', "switch_from"),
        ('unit = "FNU"', 'unit = "NTU"', "FNU"),
        ("[ndti]", "[ndti2]", "tables"),
        ('red = ["228.1", "0.1641"]', 'red = ["228.1"]', "red must be"),
    ],
)
def test_a_slip_in_the_rules_is_refused(old, new, told):
    text = text_of_rules()
    assert old in text
    with pytest.raises(RuleFileError, match=told):
        parse_product_rules(text.replace(old, new, 1))


# --- real images ---


@pytest.fixture(scope="module")
def deyang() -> gpd.GeoDataFrame:
    path = DATA / "deyang_s2b_20200216/water_mask.tif"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with rasterio.open(path) as file:
        mask = file.read(1)
        found = [
            shapely.geometry.shape(shape)
            for shape, _ in outlines(mask, mask=mask == 1, transform=file.transform)
        ]
        return gpd.GeoDataFrame({"code": ["DY"]}, geometry=[shapely.union_all(found)], crs=file.crs)


@pytest.mark.parametrize("in_degrees", [False, True])
def test_the_river_of_deyang_has_the_pixels_and_the_mean_of_its_mask(deyang, in_degrees):
    zones = deyang.to_crs("EPSG:4490") if in_degrees else deyang
    request = ProductRequest(Product.READY, parameter="chl_a", unit="μg/L")
    path = DATA / "deyang_s2b_20200216/CHLA.img"
    with open_scene([path]) as scene:
        (found,) = measure_products(scene, zones, request, RULES, date(2020, 2, 16))
    with rasterio.open(path) as file:
        numbers = file.read(1).astype(np.float64)
    assert found.pixels == found.seen == np.isfinite(numbers).sum() == 18_030
    assert found.spread.mean == pytest.approx(np.nanmean(numbers) / 1000, rel=1e-6)
    # 180.3 ha on the projection, whose scale there is 0.9996²: 0.07 % more on the ellipsoid.
    assert found.seen_km2 == pytest.approx(1.803 * 1.0007, rel=2e-4)
    assert found.seen_km2 == pytest.approx(found.area_km2, rel=1e-6)


def test_nitrogen_of_deyang_is_a_value_and_phosphorus_with_its_negatives_is_none(deyang):
    found = {}
    for name, code in (("TN", "tn"), ("TP", "tp")):
        with open_scene([DATA / f"deyang_s2b_20200216/{name}.img"]) as scene:
            request = ProductRequest(Product.READY, parameter=code, unit="mg/L")
            (found[code],) = measure_products(scene, deyang, request, RULES, date(2020, 2, 16))
    assert found["tn"].reasons == ()
    assert (found["tp"].impossible, found["tp"].seen) == (8_048, 9_982)
    assert [reason.code for reason in found["tp"].reasons] == ["product_impossible"]


def test_the_bloom_mask_of_deyang_has_the_area_of_its_pixels_in_degrees(deyang):
    path = DATA / "deyang_s2b_20200317_FAI01.tif"
    with rasterio.open(path) as file:
        numbers, bounds, place = file.read(1), file.bounds, file.transform
    everything = gpd.GeoDataFrame({"code": ["ALL"]}, geometry=[shapely.box(*bounds)], crs="EPSG:4490")
    request = ProductRequest(Product.BLOOM, index=BloomIndex.MASK)
    with open_scene([path]) as scene:
        (found,) = measure_products(scene, everything, request, RULES, date(2020, 3, 17))
    assert (found.bloom_pixels, found.empty, found.pixels) == (1_350, 4_504, 182 * 893)
    assert found.bloom_pixels == (numbers == 1).sum()
    ellipsoid = Geod(ellps="GRS80")
    expected = 0.0
    for row in np.flatnonzero((numbers == 1).any(axis=1)):
        (west, north), (east, south) = place @ (0, row), place @ (1, row + 1)
        area = abs(ellipsoid.geometry_area_perimeter(shapely.box(west, south, east, north))[0])
        expected += area * (numbers[row] == 1).sum()
    assert found.bloom_km2 == pytest.approx(expected / 1e6, rel=1e-6)
    assert found.bloom_km2 == pytest.approx(0.135, rel=1e-3)


def test_a_clear_alpine_lake_has_hardly_any_bloom_and_low_turbidity():
    path = DATA / "S2A2A_20190723_022_Barbellino_BOA_10.tif"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with rasterio.open(DATA / "S2A2A_20190723_022_Barbellino_SCL_10.tif") as file:
        classes = file.read(1)
        found = [
            shapely.geometry.shape(shape)
            for shape, _ in outlines(classes, mask=classes == 6, transform=file.transform)
        ]
        lake = gpd.GeoDataFrame({"code": ["B"]}, geometry=[shapely.union_all(found)], crs=file.crs)
    measured = {}
    for product in (Product.BLOOM, Product.TURBIDITY):
        with open_scene([path], scale=1e-4) as scene:
            assert scene.sensor is SENSORS["sentinel2"]
            request = ProductRequest(product, whole_only=True)
            (measured[product],) = measure_products(scene, lake, request, RULES, date(2019, 7, 23))
    assert measured[Product.BLOOM].bloom_share < 0.03
    assert 1 < measured[Product.TURBIDITY].spread.median < 5
