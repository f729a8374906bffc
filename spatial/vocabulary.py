"""The words of the trade: every code that stands in tables, files and answers, and their orders.

Codes are stable and spelled the same everywhere. Texts for people belong to the message catalogue.
"""

from enum import IntEnum, StrEnum


class Rank(StrEnum):
    """Rank of a water body under the Yangtze River Protection Law, Articles 26 and 95."""

    MAINSTEM = "mainstem"
    IMPORTANT_TRIBUTARY = "important_tributary"
    TRIBUTARY = "tributary"
    IMPORTANT_LAKE = "important_lake"
    LAKE = "lake"


class ShorelineKind(StrEnum):
    """What a shoreline geometry stands for, the best kind first (standards, section 8)."""

    MANAGEMENT_BOUNDARY = "management_boundary"
    OUTER_LINE = "outer_line"
    WATERSIDE_LINE = "waterside_line"
    IMAGERY = "imagery"
    CENTRELINE = "centreline"


SHORELINE_KIND_PREFERENCE: dict[ShorelineKind, int] = {
    kind: place for place, kind in enumerate(ShorelineKind)
}
"""Place of each kind, 0 = best: a shoreline is measured on its best kind only."""

ZONE_WIDTHS_M: tuple[int, ...] = (1000, 3000)


def zone_name(rank: Rank, width_m: int) -> str:
    """Code of the strip of `width_m` metres along waters of one rank, such as ``mainstem_3km``."""
    if width_m % 1000:
        return f"{rank.value}_{width_m}m"
    return f"{rank.value}_{width_m // 1000}km"


ZONES: tuple[str, ...] = tuple(zone_name(rank, width) for rank in Rank for width in ZONE_WIDTHS_M)


class Verdict(StrEnum):
    """Three-valued truth. What is missing or cannot be decided is undetermined, never compliant."""

    COMPLIANT = "compliant"
    VIOLATION = "violation"
    UNDETERMINED = "undetermined"


class State(StrEnum):
    """Where a finding stands on the evaluated day."""

    OPEN = "open"
    DUE = "due"
    OVERDUE = "overdue"
    RESOLVED = "resolved"


class TargetVerdict(StrEnum):
    """Where a quantified target of a plan stands."""

    MET = "met"
    MISSED = "missed"
    ON_TRACK = "on_track"
    UNDETERMINED = "undetermined"


class WaterBodyType(StrEnum):
    """Type of the water at a section. A reservoir takes the lake limits."""

    RIVER = "river"
    LAKE = "lake"
    RESERVOIR = "reservoir"


class WaterClass(IntEnum):
    """Classes of GB 3838-2002; 6 is the trade's fixed value for worse than Ⅴ (劣Ⅴ). A larger one is worse."""

    I = 1  # noqa: E741 - the standard's own name of the class
    II = 2
    III = 3
    IV = 4
    V = 5
    INFERIOR_V = 6


CLASS_LABELS: dict[int, str] = {1: "Ⅰ", 2: "Ⅱ", 3: "Ⅲ", 4: "Ⅳ", 5: "Ⅴ", 6: "劣Ⅴ"}
"""Class as printed in the standard: single characters U+2160 to U+2164."""


class Grade(StrEnum):
    """Grade (水质状况) of a section, river or basin, the best first."""

    EXCELLENT = "excellent"
    GOOD = "good"
    LIGHT_POLLUTION = "light_pollution"
    MODERATE_POLLUTION = "moderate_pollution"
    HEAVY_POLLUTION = "heavy_pollution"


GRADE_ORDER: dict[Grade, int] = {grade: place for place, grade in enumerate(Grade)}
"""Place of each grade, 0 = best."""


class TrophicState(StrEnum):
    """Trophic state (营养状态) of a lake, from the poorest in nutrients."""

    OLIGOTROPHIC = "oligotrophic"
    MESOTROPHIC = "mesotrophic"
    LIGHT_EUTROPHIC = "light_eutrophic"
    MODERATE_EUTROPHIC = "moderate_eutrophic"
    HIGH_EUTROPHIC = "high_eutrophic"


class Change(StrEnum):
    """Words for a change between two periods (2011 method)."""

    MARKED_BETTER = "marked_better"
    SOMEWHAT_BETTER = "somewhat_better"
    NO_OBVIOUS_CHANGE = "no_obvious_change"
    SOMEWHAT_WORSE = "somewhat_worse"
    MARKED_WORSE = "marked_worse"


class Trend(StrEnum):
    """Result of the rank-correlation test over many periods."""

    SIGNIFICANT_INCREASE = "significant_increase"
    SIGNIFICANT_DECREASE = "significant_decrease"
    NO_SIGNIFICANT_TREND = "no_significant_trend"


class PhMean(StrEnum):
    """How pH is averaged: as it stands, or as -log10 of the mean hydrogen-ion concentration."""

    PLAIN = "plain"
    HYDROGEN = "hydrogen"


class MissingRequired(StrEnum):
    """What becomes of a section where an item that its class should rest on was not measured."""

    ACCEPT = "accept"
    WARN = "warn"
    UNDETERMINED = "undetermined"


class Compare(StrEnum):
    """Which value of a reading meets the limit: the shown, rounded one, or the unrounded one (原始值)."""

    REPORTED = "reported"
    FULL = "full"


class Qualifier(StrEnum):
    """`=` measured, `<` below the detection limit."""

    EQUAL = "="
    BELOW = "<"


class SectionLevel(StrEnum):
    """Which authority's network a section belongs to: 国控, 省控, 市控, 县控."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"
    MUNICIPAL = "municipal"
    COUNTY = "county"


class StationType(StrEnum):
    """How the readings of a section come about."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    REMOTE_SENSING = "remote_sensing"


class Action(StrEnum):
    """What was done to a facility, in the words of Article 26: 新建, 改建, 扩建."""

    NEW = "new"
    REBUILD = "rebuild"
    EXPAND = "expand"


class Purpose(StrEnum):
    """Purposes that exempt the rebuilding of a tailings pond (Article 26, third paragraph)."""

    SAFETY = "safety"
    ECOLOGY = "ecology"


class ChemicalSiteKind(StrEnum):
    """Kind of a chemical site: 化工园区, 化工企业, 化工项目."""

    PARK = "park"
    ENTERPRISE = "enterprise"
    PROJECT = "project"


class PondStatus(StrEnum):
    """Operating status of a tailings pond (standards, section 7)."""

    IN_CONSTRUCTION = "in_construction"
    IN_USE = "in_use"
    OUT_OF_USE = "out_of_use"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class OutfallCategory(StrEnum):
    """The four categories of river outfalls (国办函〔2022〕17号)."""

    INDUSTRIAL = "industrial"
    WTP = "wtp"
    AGRICULTURAL = "agricultural"
    OTHER = "other"


class Remediation(StrEnum):
    """Kinds of outfall remediation: 依法取缔, 清理合并, 规范整治."""

    BANNED = "banned"
    MERGED = "merged"
    STANDARDISED = "standardised"


class WaterSourceLevel(StrEnum):
    """Which place a drinking-water source serves."""

    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


class WaterSourceKind(StrEnum):
    """Surface water or ground water."""

    SURFACE = "surface"
    GROUND = "ground"


class Comparator(StrEnum):
    """How a measured value is compared with a limit or a target."""

    AT_MOST = "<="
    AT_LEAST = ">="
    EQUAL = "=="
    BELOW = "<"
    ABOVE = ">"
    RANGE = "range"


UNKNOWN_OPERATOR = "未知"
"""Operator of a tailings pond of which nobody said whether it has one; none at all is a missing value."""


class AlertSeverity(StrEnum):
    """How severe a warning (预警) is, the mildest first: the four colours."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class AlertState(StrEnum):
    """How a warning stands; `withdrawn`: readings no longer back it, after a correction or an addition."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
