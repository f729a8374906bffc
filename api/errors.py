"""Errors of the doors. Standard library only; status codes stand in ``api.web.problems``."""


class ApiError(Exception):
    """Base of every error that this room raises on purpose."""


class UnknownMessageError(ApiError):
    """The catalogue has no such entry, or a placeholder was not filled."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"message {key!r}: {detail}")
        self.key = key


class BadRequestError(ApiError):
    """A parameter that cannot be understood."""

    def __init__(self, parameter: str, value: str, expected: str) -> None:
        super().__init__(f"{parameter} {value!r}: expected {expected}")
        self.parameter = parameter
        self.value = value
        self.expected = expected


class PlaceTextError(BadRequestError):
    """A text that is no place: degrees of longitude and latitude."""

    def __init__(self, parameter: str, value: str) -> None:
        super().__init__(parameter, value, "LON,LAT in degrees, such as 111.30,30.70")


class OffRiverError(BadRequestError):
    """A trace that would start where no river or lake is within `km`."""

    def __init__(self, parameter: str, value: str, km: float) -> None:
        super().__init__(parameter, value, f"a place within {km:g} km of a river")
        self.km = f"{km:g}"


class NotLocatedError(BadRequestError):
    """A trace that would start at a section without a position."""

    def __init__(self, parameter: str, value: str) -> None:
        super().__init__(parameter, value, "a section with a position")


class RiverNotThereError(BadRequestError):
    """A river named for a place from which it does not pass within `km`, or that no register knows."""

    def __init__(self, value: str, km: float) -> None:
        super().__init__("river", value, f"a river or lake of the register within {km:g} km of the place")
        self.km = f"{km:g}"


class OutputError(ApiError):
    """A file cannot be written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.path = path
        self.reason = reason


class SettingError(ApiError):
    """A ``QINGJIANG_*`` setting has a value that means nothing."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"setting {name} {value!r}: {expected}")
        self.name = name
        self.value = value
        self.expected = expected


class PortTakenError(ApiError):
    """Nobody can listen on this address."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port} ({reason}): choose another --port or --host")
        self.host = host
        self.port = port
        self.reason = reason


class NotKnownError(ApiError):
    """Nothing of this kind has this code."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"no {kind} has code {code!r}")
        self.kind = kind
        self.code = code


class ProvisionalSectionError(NotKnownError):
    """A section that only feeds have named: it has readings, and nothing else is known of it."""

    def __init__(self, code: str, province: str, name: str) -> None:
        super().__init__("section", code)
        self.province = province
        self.name = name


class NoRunError(ApiError):
    """No evaluation was stored for this date and region."""

    def __init__(self, as_of: str | None, region: str | None) -> None:
        super().__init__(
            f"no evaluation is stored for as_of {as_of or 'any'} and region {region or 'any'}: "
            "run `qingjiang evaluate` first"
        )
        self.as_of = as_of
        self.region = region


class NoShorelinesError(ApiError):
    """No shoreline is there to draw a zone along."""

    def __init__(self) -> None:
        super().__init__("no shoreline of the asked ranks reaches into the asked place")


class RegionShapeError(ApiError):
    """No polygon of a region is stored."""

    def __init__(self, region: str) -> None:
        super().__init__(f"no polygon of region {region} is stored")
        self.region = region


class UnauthorisedError(ApiError):
    """No key, or one that is unknown, expired or revoked."""

    def __init__(self) -> None:
        super().__init__("a valid key is needed: Authorization: Bearer …")


class ForbiddenError(ApiError):
    """The key's role may not do this."""

    def __init__(self, role: str) -> None:
        super().__init__(f"role {role!r} may not do this")
        self.role = role


class UploadTooLargeError(ApiError):
    """The uploaded file is larger than the setting allows."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the file is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class SampleDataMissingError(ApiError):
    """The folder `sample_data/` does not stand beside the application."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing: run the demo from a checkout of the repository")
        self.path = path


class TooManyPeriodsError(ApiError):
    """A chart shows at least one period, and not so many."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"{count} periods: a chart shows 1 to {most}")
        self.count = count
        self.most = most


class NoLakeError(ApiError):
    """The trophic index is made for lakes and reservoirs; the section is on neither."""

    def __init__(self, section: str) -> None:
        super().__init__(f"section {section!r} is not on a lake or reservoir")
        self.section = section


class NotRankableError(ApiError):
    """A parameter of which neither more nor less is worse, such as pH."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"{parameter!r} has no worse side: sections cannot be ranked by it")
        self.parameter = parameter


class WarningStateError(ApiError):
    """A warning that stands as it does cannot be acknowledged or closed."""

    def __init__(self, code: str, state: str, event: str) -> None:
        super().__init__(f"warning {code} is {state}: it cannot be told to {event}")
        self.code = code
        self.state = state
        self.event = event


class SceneDateError(ApiError):
    """Nothing tells of which day a scene is."""

    def __init__(self, file: str) -> None:
        super().__init__(f"nothing tells of which day {file} is: say --date")
        self.file = file


class NoKnownWaterError(ApiError):
    """No water of a scene lies in a known water body, and the others were to be dropped."""

    def __init__(self, file: str, count: int) -> None:
        super().__init__(f"none of the {count} waters of {file} lies in a known water body")
        self.file = file
        self.count = count


class NoWatersError(ApiError):
    """The database has no lake as a polygon, or none of this code."""

    def __init__(self, code: str, day: str) -> None:
        super().__init__(f"no lake or reservoir {code} with a polygon on {day}")
        self.code = code
        self.day = day
