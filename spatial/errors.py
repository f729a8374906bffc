"""Errors of the engine: one class for each thing that a caller may treat differently.

Missing or undecidable data is never an error here; it comes back as an undetermined result.
"""

from datetime import date


class SpatialError(Exception):
    """Base class of every error raised by the engine."""


class UnknownParameterError(SpatialError):
    """No parameter of the registry has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no water-quality parameter has the code {code!r}")
        self.code = code


class UnknownWaterBodyTypeError(SpatialError):
    """A water-body type is neither river, lake nor reservoir."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{value!r} is no water-body type: expected river, lake or reservoir")
        self.value = value


class WaterClassTextError(SpatialError):
    """A text names neither a water class nor 'not monitored'."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{value!r} does not name a water class")
        self.value = value


class WaterClassRangeError(SpatialError):
    """A number is not a class of the standard (1 to 5), or 6 for worse than Ⅴ."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{value!r} is no water class: expected 1 to 6")
        self.value = value


class PeriodError(SpatialError):
    """A text is no assessment period, or the period ends before it begins."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no period: expected 2025-06, 2025-Q2, 2025, 2025-flood, 2025-dry"
            " or 2024-11-01/2025-02-28",
        )
        self.text = text


class RuleFileError(SpatialError):
    """A rule file says something that no rule can say: the file, the entry and the reason."""

    def __init__(self, file: str, entry: str, reason: str) -> None:
        super().__init__(f"{file}: [{entry}] {reason}")
        self.file = file
        self.entry = entry
        self.reason = reason


class StandardNotInForceError(SpatialError):
    """No packaged edition of the surface-water standard was in force on a day."""

    def __init__(self, day: date, documents: tuple[str, ...]) -> None:
        super().__init__(
            f"no edition of the surface-water standard was in force on {day}; known: {', '.join(documents)}"
        )
        self.day = day
        self.documents = documents


class FrameColumnsError(SpatialError):
    """A frame lacks columns that the computation needs."""

    def __init__(self, frame: str, missing: frozenset[str]) -> None:
        super().__init__(f"the {frame} frame lacks the columns {', '.join(sorted(missing))}")
        self.frame = frame
        self.missing = missing


class FrameValueError(SpatialError):
    """A cell of a frame holds a value that the frame's description excludes."""

    def __init__(self, frame: str, column: str, value: object) -> None:
        super().__init__(f"the {frame} frame holds {value!r} in the column {column}")
        self.frame = frame
        self.column = column
        self.value = value


class QuantityError(SpatialError):
    """A quantity is no number that the computation accepts (negative, not finite, zero in a logarithm)."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{value!r} is no usable value of {name}")
        self.name = name
        self.value = value


class UnitError(SpatialError):
    """A unit cannot be converted into the one that the computation needs."""

    def __init__(self, code: str, unit: str, expected: str) -> None:
        super().__init__(f"{code} is given in {unit!r}, which is no unit of {expected!r}")
        self.code = code
        self.unit = unit
        self.expected = expected


class SpanError(SpatialError):
    """Between two days lies no whole month or year, or more of them than are taken at once."""

    def __init__(self, first: str, last: str, by: str, count: int, most: int) -> None:
        super().__init__(f"from {first} to {last} there are {count} whole {by}s: expected 1 to {most}")
        self.first = first
        self.last = last
        self.by = by
        self.count = count
        self.most = most


class SeriesTooShortError(SpatialError):
    """A trend needs more periods than were given."""

    def __init__(self, length: int, minimum: int) -> None:
        super().__init__(f"a trend needs at least {minimum} periods, not {length}")
        self.length = length
        self.minimum = minimum


class CrsError(SpatialError):
    """Geometry is not in the coordinate system that the computation works in; nothing is reprojected."""

    def __init__(self, frame: str, crs: object) -> None:
        super().__init__(f"the {frame} are in {crs}, not in longitude and latitude of CGCS2000 (EPSG:4490)")
        self.frame = frame
        self.crs = crs


class DatumError(SpatialError):
    """A coordinate system stands on a datum without an exact way to CGCS2000 (Beijing 1954, Xian 1980 …)."""

    def __init__(self, crs: str, datum: str) -> None:
        super().__init__(f"{crs} stands on {datum}, from which no exact shift to CGCS2000 is known")
        self.crs = crs
        self.datum = datum


class CoordinateTextError(SpatialError):
    """A text is no angle or position; `reason` is a stable code."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r} is no coordinate: {reason.replace('_', ' ')}")
        self.text = text
        self.reason = reason


class CoordinateRangeError(SpatialError):
    """A longitude beyond ±180, a latitude beyond ±90 or a number that is not finite."""

    def __init__(self, subject: str, longitude: float, latitude: float) -> None:
        super().__init__(f"{subject}: longitude {longitude!r}, latitude {latitude!r} is nowhere on Earth")
        self.subject = subject
        self.longitude = longitude
        self.latitude = latitude


class ProjectionZoneError(SpatialError):
    """Plane coordinates do not tell, or contradict, their Gauss–Krüger zone; `reason` is a stable code."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(f"no CGCS2000 Gauss–Krüger zone for {value!r}: {reason.replace('_', ' ')}")
        self.value = value
        self.reason = reason


class ShorelineGeometryError(SpatialError):
    """A shoreline is neither a line nor a water polygon."""

    def __init__(self, water_body_code: object, geometry_type: str) -> None:
        super().__init__(
            f"shoreline of {water_body_code!r} holds a {geometry_type}: only lines and polygons have a shore",
        )
        self.water_body_code = water_body_code
        self.geometry_type = geometry_type


class SearchRadiusError(SpatialError):
    """A search radius is not a positive number of metres, or beyond what the method measures exactly."""

    def __init__(self, within_m: float, maximum_m: float) -> None:
        super().__init__(f"cannot search within {within_m!r} m: expected more than 0, at most {maximum_m:g}")
        self.within_m = within_m
        self.maximum_m = maximum_m


class PlaceNotFoundError(SpatialError):
    """No place of this kind and code stands in the frame of places on the river network."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"no {kind or 'place'} {code!r} is among the places on the river network")
        self.kind = kind
        self.code = code


class GridBoxError(SpatialError):
    """A box of a raster is empty or not in degrees."""

    def __init__(self, box: str) -> None:
        super().__init__(
            f"the box {box} is none of longitudes and latitudes:"
            " expected west < east and south < north, in degrees"
        )
        self.box = box


class GridResolutionError(SpatialError):
    """The side of a pixel is no positive number."""

    def __init__(self, resolution: float) -> None:
        super().__init__(f"a pixel cannot be {resolution!r} wide: expected more than 0")
        self.resolution = resolution


class GridDomainError(SpatialError):
    """A box lies where a projection has no places."""

    def __init__(self, crs: str) -> None:
        super().__init__(f"{crs} does not reach over the whole box: choose a nearer zone or a smaller box")
        self.crs = crs


class GridSizeError(SpatialError):
    """A raster would have more pixels than are written."""

    def __init__(self, pixels: int, maximum: int) -> None:
        super().__init__(
            f"the raster would have {pixels} pixels, at most {maximum} are written:"
            " choose a coarser resolution or a smaller box"
        )
        self.pixels = pixels
        self.maximum = maximum


class UnknownRuleError(SpatialError):
    """No rule of the rule book has this id."""

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"no rule has the id {rule_id!r}")
        self.rule_id = rule_id


class RuleSettingError(SpatialError):
    """A setting of the rule book does not exist, or does not allow this value."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"the rule book has no setting {name!r} that allows {value!r}")
        self.name = name
        self.value = value


class AssessmentsMissingError(SpatialError):
    """The facts lack the assessments of a period that the rules need; `required_periods` names them."""

    def __init__(self, period: str) -> None:
        super().__init__(f"the facts hold no assessments of the period {period!r}")
        self.period = period


class ExplanationError(SpatialError):
    """The readings do not lead to the assessment: `what` of it comes out differently."""

    def __init__(self, section: str, period: str, what: str) -> None:
        super().__init__(f"the readings of {section!r} in {period} do not give the {what} of the assessment")
        self.section = section
        self.period = period
        self.what = what


class SceneFileError(SpatialError):
    """A file is no raster that can be read, or its pixels are damaged."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} cannot be read as a raster: {reason}")
        self.file = file
        self.reason = reason


class SceneUnplacedError(SpatialError):
    """A raster does not say where on Earth its pixels lie."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} does not say where it lies: no coordinate system or no place of its pixels")
        self.file = file


class SceneSizeError(SpatialError):
    """A raster claims more pixels than are worked through at once."""

    def __init__(self, file: str, width: int, height: int, most: int) -> None:
        super().__init__(f"{file} has {width} × {height} pixels: at most {most} are read; cut out the area")
        self.file = file
        self.width = width
        self.height = height
        self.most = most


class SceneBlockError(SpatialError):
    """A raster is stored in blocks that do not fit in memory."""

    def __init__(self, file: str, block_mb: int, most_mb: int) -> None:
        super().__init__(f"{file} is stored in blocks of {block_mb} MB, more than {most_mb}: tile it first")
        self.file = file
        self.block_mb = block_mb
        self.most_mb = most_mb


class BandMissingError(SpatialError):
    """Nothing tells which band of the files sees what is needed."""

    def __init__(self, role: str, bands: str) -> None:
        super().__init__(f"no band is known to be {role}; the files hold {bands}")
        self.role = role
        self.bands = bands


class BandNumberError(SpatialError):
    """The files do not have so many bands."""

    def __init__(self, role: str, number: int, count: int) -> None:
        super().__init__(f"{role} is said to be band {number}, but the files hold the bands 1 to {count}")
        self.role = role
        self.number = number
        self.count = count


class BandsApartError(SpatialError):
    """Two rasters of one scene cover different places."""

    def __init__(self, file: str, other: str) -> None:
        super().__init__(f"{file} and {other} do not cover one area")
        self.file = file
        self.other = other


class ScenesTogetherError(SpatialError):
    """Files that each hold everything that is needed: several scenes where one is meant."""

    def __init__(self, file: str, other: str) -> None:
        super().__init__(f"{file} and {other} are whole scenes each, not bands of one")
        self.file = file
        self.other = other


class CalibrationError(SpatialError):
    """A scale or an offset that no reflectance can be made with."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{value!r} is no usable {name}")
        self.name = name
        self.value = value


class CloudClassError(SpatialError):
    """A file of cloud classes holds a number that is none of them."""

    def __init__(self, file: str, number: float) -> None:
        super().__init__(f"{file} holds {number:g}, which is no class of SCL (0 to 11)")
        self.file = file
        self.number = number


class SceneEmptyError(SpatialError):
    """No pixel of a scene has data in all bands that are needed and is free of clouds."""

    def __init__(self, file: str, clouded: float) -> None:
        super().__init__(f"{file} has no clear pixel with data ({clouded:.1f} % under clouds)")
        self.file = file
        self.clouded = clouded


class NotBimodalError(SpatialError):
    """The index does not fall into water and land, so that no threshold between them can be found."""

    def __init__(self, file: str, mean: float, separation: float, valley: float) -> None:
        super().__init__(
            f"the index of {file} does not fall into water and land"
            f" (mean {mean}, separation {separation}, valley {valley}): name a threshold"
        )
        self.file = file
        self.mean = mean
        self.separation = separation
        self.valley = valley


class MaskValuesError(SpatialError):
    """A raster of one band is no water mask: its numbers are not 0 and 1, or 0 and 255."""

    def __init__(self, file: str, values: str) -> None:
        super().__init__(f"{file} is no water mask: it holds {values}")
        self.file = file
        self.values = values


class OutlinesError(SpatialError):
    """The outlines of a scene have more vertices than water has: they are those of noise."""

    def __init__(self, file: str, most: int) -> None:
        super().__init__(f"the outlines of {file} have over {most} vertices: the threshold cuts noise")
        self.file = file
        self.most = most


class NoWaterError(SpatialError):
    """Nothing of a scene is water, or no water of it is large enough."""

    def __init__(self, file: str, water_pixels: int, min_water_m2: float) -> None:
        super().__init__(
            f"{file} shows no water of {min_water_m2:g} m² ({water_pixels} pixels of water in all)"
        )
        self.file = file
        self.water_pixels = water_pixels
        self.min_water_m2 = min_water_m2


class ProductNotInForceError(SpatialError):
    """The rules have no such water product for images of this day."""

    def __init__(self, product: str, day: str) -> None:
        super().__init__(f"the rules have no {product} for images of {day}")
        self.product = product
        self.day = day


class ZoneShapeError(SpatialError):
    """A water that a product is asked for is no polygon."""

    def __init__(self, code: str, shape: str) -> None:
        super().__init__(f"{code!r} is no polygon but {shape}")
        self.code = code
        self.shape = shape
