"""Foreign files under a mapping. The expectations for the Water Quality Portal are worked out here, by hand.

They use the csv module, Decimal and the two tables below and nothing of the programme's: what a result is in
our unit, and whether it is below detection, follows from the portal's own columns.
"""

import csv
import gzip
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine

from ingest import blocks
from ingest.errors import MissingColumnsError, OptionError
from ingest.features import parse_features
from ingest.loader import load_files
from ingest.mapping import load_mapping, shipped_mappings
from ingest.options import IngestOptions
from ingest.readings import ParsedReadings, parse_readings
from ingest.readings_load import ReadingsFile
from ingest.report import merge_notices

WHOLE = {"Total", "Total Recoverable", "Unfiltered"}
ANY = {"Total", "Total Recoverable", "Unfiltered", "Dissolved", "Suspended", "None", ""}

# name in the portal → our parameter, the fractions taken, what is counted where the row does not say it
NAMES: dict[str, tuple[str, set[str], str]] = {
    "Temperature, water": ("water_temp", ANY, ""),
    "pH": ("ph", ANY, ""),
    "Dissolved oxygen saturation": ("do_saturation", ANY, ""),
    "Specific conductance": ("conductivity", ANY, ""),
    "Conductivity": ("conductivity", ANY, ""),
    "Turbidity": ("turbidity", ANY, ""),
    "Turbidity Field": ("turbidity", ANY, ""),
    "Depth, Secchi disk depth": ("transparency", ANY, ""),
    "Total suspended solids": ("suspended_solids", ANY, ""),
    "Chlorophyll a": ("chl_a", ANY, ""),
    "Chlorophyll a, corrected for pheophytin": ("chl_a", ANY, ""),
    "Biochemical oxygen demand, standard conditions": ("bod5", ANY, ""),
    "Chemical oxygen demand": ("cod_cr", ANY, ""),
    "Chloride": ("chloride", ANY, ""),
    "Fluoride": ("fluoride", ANY, ""),
    "Sulfate": ("sulfate", ANY, "SO4"),
    "Ammonia-nitrogen": ("nh3_n", ANY, "N"),
    "Ammonia": ("nh3_n", ANY, "?"),
    "Ammonium": ("nh3_n", ANY, "?"),
    "Nitrate": ("nitrate", ANY, "?"),
    "Nitrogen": ("tn", WHOLE, "N"),
    "Total Nitrogen, mixed forms": ("tn", WHOLE, "N"),
    "Phosphorus": ("tp", WHOLE, "P"),
    "Total Phosphorus, mixed forms": ("tp", WHOLE, "P"),
    "Cyanide": ("cyanide", WHOLE, ""),
    "Copper": ("cu", WHOLE, ""),
    "Zinc": ("zn", WHOLE, ""),
    "Selenium": ("se", WHOLE, ""),
    "Arsenic": ("arsenic", WHOLE, ""),
    "Mercury": ("hg", WHOLE, ""),
    "Cadmium": ("cd", WHOLE, ""),
    "Chromium": ("cr_total", WHOLE, ""),
    "Lead": ("pb", WHOLE, ""),
    "Iron": ("fe", WHOLE, ""),
    "Manganese": ("mn", WHOLE, ""),
    "Thallium": ("tl", WHOLE, ""),
}
MASS = {"mg/L": "1", "mg/l": "1", "ug/L": "0.001", "ng/L": "0.000001"}
FACTORS: dict[str, dict[str, str]] = {
    "water_temp": {"deg C": "1"},
    "ph": {"None": "1"},
    "do_saturation": {"%": "1"},
    "conductivity": {"uS/cm": "1", "mS/cm": "1000"},
    "turbidity": {"NTU": "1"},
    "transparency": {"m": "1", "ft": "0.3048"},
}
# grams of the element (or of SO4) in a gram of the compound: N 14.007, O 15.999, H 1.008, P 30.974
SHARES = {
    "nh3_n": {"N": (1, 1), "NH3": (14.007, 17.031)},
    "nitrate": {"N": (1, 1), "NO3": (14.007, 62.004)},
    "tn": {"N": (1, 1)},
    "tp": {"P": (1, 1), "PO4": (30.974, 94.970)},
    "sulfate": {"SO4": (1, 1)},
}
ZONES = {"CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
NO_SURFACE_WATER_SITE = {
    "Well", "Other-Ground Water", "Spring", "Facility Other", "Storm Sewer", "Waste Sewer", "Land",
}  # fmt: skip


@pytest.mark.parametrize("sign", ["/", "."])
def test_a_file_of_the_portal_is_read_as_downloaded_and_as_saved_again(tmp_path: Path, sign: str) -> None:
    mapping = load_mapping("wqp", "readings")
    row = dict.fromkeys(mapping.foreign, "") | {
        "MonitoringLocationIdentifier": "UTAHDWQ-1",
        "StateCode": "49",
        "CharacteristicName": "Phosphorus",
        "ResultMeasureValue": "20",
        "ResultMeasure.MeasureUnitCode": "ug/l",
        "ResultSampleFractionText": "Total",
        "MethodSpeciationName": "as P",
        "ActivityStartDate": "2020-07-01",
        "ActivityStartTime.Time": "10:00:00",
        "ActivityStartTime.TimeZoneCode": "MST",
    }
    path = tmp_path / "results.csv"
    headers = [name.replace(".", sign) for name in row]
    bad = {**row, "ResultMeasure.MeasureUnitCode": "mg/kg"}
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([headers, list(row.values()), list(bad.values())])
    parsed = parse_readings(path, IngestOptions(mapping="wqp"), for_loading=True)
    assert parsed.readings[["parameter", "value"]].to_numpy().tolist() == [["tp", Decimal("0.020")]]
    assert parsed.samples["sampled_at"].iloc[0].isoformat() == "2020-07-02T01:00:00+08:00"
    told = [(problem.row, problem.column, problem.code) for problem in parsed.problems]
    assert told == [(3, f"ResultMeasure{sign}MeasureUnitCode", "unit_not_convertible")]


class Expected(NamedTuple):
    """What must become of a row: left out, refused, or a reading."""

    fate: str
    parameter: str = ""
    value: float = 0
    below: bool = False


def expected(row: dict[str, str]) -> Expected:
    """One result of the portal in our words, worked out from its own columns."""
    if (
        row["ActivityTypeCode"].startswith("Quality Control")
        or row["ActivityMediaSubdivisionName"] in {"Surface Water Sediment", "Groundwater", "Bulk deposition"}
        or row["MonitoringLocationTypeName"] in NO_SURFACE_WATER_SITE
    ):
        return Expected("left out")
    if row["ResultCommentText"].lower() == "duplicate" or row["ResultCommentText"].endswith(
        (". Duplicate", ".Duplicate")
    ):
        return Expected("left out")
    name, unit = row["CharacteristicName"], row["ResultMeasure.MeasureUnitCode"]
    if name == "Dissolved oxygen (DO)":
        code, fractions, default = ("do_saturation" if unit == "%" else "do"), ANY, ""
    elif name in NAMES:
        code, fractions, default = NAMES[name]
    else:
        return Expected("left out")
    if row["ResultSampleFractionText"] not in fractions:
        return Expected("left out")
    text, condition = row["ResultMeasureValue"], row["ResultDetectionConditionText"]
    if condition in {"Not Reported", "Present Above Quantification Limit"}:
        return Expected("refused")
    below = bool(condition) or text in {"ND", "BDL", "BPQL"}
    if below:
        if text not in {"", "ND", "BDL", "BPQL"} and Decimal(text) > Decimal(
            row["DetectionQuantitationLimitMeasure.MeasureValue"]
        ):
            return Expected("refused")
        text = row["DetectionQuantitationLimitMeasure.MeasureValue"]
        unit = row["DetectionQuantitationLimitMeasure.MeasureUnitCode"] or unit
    try:
        number = Decimal(text)
    except ArithmeticError:
        return Expected("refused")
    counted = row["MethodSpeciationName"].removeprefix("as ")
    counted = "" if counted in {"None", "unknown"} else counted
    if " as" in unit:
        unit, _, counted = (part.strip() for part in unit.partition(" as"))
    factor = FACTORS.get(code, MASS).get(unit)
    if factor is None:
        return Expected("refused")
    value = float(number * Decimal(factor))
    if default:
        if not counted and default == "?":
            return Expected("refused")
        share = SHARES[code].get(counted or default)
        if share is None:
            return Expected("refused")
        value *= share[0] / share[1]
    if (value < 0 and code != "water_temp") or (below and value <= 0):
        return Expected("refused")
    limits = {"ph": (0, 14), "water_temp": (-5, 50), "do": (0, 60), "do_saturation": (0, 500)}
    least, most = limits.get(code, (0, float("inf")))
    if not least <= value <= most:
        return Expected("refused")
    return Expected("reading", code, value, below)


def giving_way(rows: list[dict[str, str]]) -> set[int]:
    """Places of the results beside which the same sample has another one that is meant.

    The same result as N before that as NO3; a sample at one point before one over the depth; of a profile
    with depths in one unit the shallowest. Where one of them does not say it, none is told apart.
    """
    samples: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        want = expected(row)
        if want.fate == "reading":
            where = ("MonitoringLocationIdentifier", "ActivityStartDate", "ActivityStartTime.Time")
            samples.setdefault((*(row[name] for name in where), want.parameter), []).append(place)
    gone: set[int] = set()

    def keep(places: list[int], ranks: list[float | None]) -> list[int]:
        if None in ranks:
            return places
        best = min(rank for rank in ranks if rank is not None)
        gone.update(place for place, rank in zip(places, ranks, strict=True) if rank != best)
        return [place for place, rank in zip(places, ranks, strict=True) if rank == best]

    forms: dict[str, float] = {"mg/l as N": 0, "mg/l asNO3": 1}
    kinds: dict[str, float] = {"Sample-Routine": 0, "Sample-Integrated Vertical Profile": 1}
    for sample in samples.values():
        places = sample
        for column in ("ResultMeasure", "DetectionQuantitationLimitMeasure"):
            units = [forms.get(rows[place][f"{column}.MeasureUnitCode"]) for place in places]
            places = keep(places, units)
        places = keep(places, [kinds.get(rows[place]["ActivityTypeCode"]) for place in places])
        for unit in {rows[place]["ActivityDepthHeightMeasure.MeasureUnitCode"] for place in places}:
            alike = [
                place for place in places if rows[place]["ActivityDepthHeightMeasure.MeasureUnitCode"] == unit
            ]
            depths: list[float | None] = []
            for place in alike:
                text = rows[place]["ActivityDepthHeightMeasure.MeasureValue"]
                depths.append(float(text) if text.replace(".", "", 1).isdigit() else None)
            keep(alike, depths)
    return gone


def moment(row: dict[str, str]) -> datetime:
    """The time of a result; a day without a clock is that day's beginning in Beijing."""
    day, clock = row["ActivityStartDate"], row["ActivityStartTime.Time"]
    if not clock:
        return datetime.fromisoformat(day).replace(tzinfo=timezone(timedelta(hours=8)))
    zone = timezone(timedelta(hours=ZONES[row["ActivityStartTime.TimeZoneCode"]]))
    return datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=zone)


LEFT = {
    106_424: {"one activity, no depth": 50_632, "one activity, one depth": 54, "other": 349},
    14_538: {"two methods": 184},
}
"""Contradicting results that stay, by the number of rows of the file."""

FILES = ["wqp_six_tribes_results.csv.gz", "wqp_utah_nutrients.csv.gz"]


@pytest.fixture(scope="module", params=FILES)
def portal(request: pytest.FixtureRequest) -> tuple[list[dict[str, str]], ParsedReadings]:
    path = Path(__file__).parents[2] / "../shared/data/water_quality" / request.param
    if not path.exists():
        pytest.skip("the real data sets (../shared/data) are not on this machine")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows, parse_readings(path, IngestOptions(mapping="wqp"), for_loading=True)


def test_five_hundred_random_results_of_the_portal_are_what_its_columns_say(
    portal: tuple[list[dict[str, str]], ParsedReadings],
) -> None:
    rows, parsed = portal
    frame = parsed.readings
    found = {int(row): place for place, row in enumerate(frame["row"])}
    times = dict(zip(parsed.samples["sample_id"], parsed.samples["sampled_at"], strict=True))
    sites = dict(zip(parsed.samples["sample_id"], parsed.samples["section"], strict=True))
    kept = {int(row) for row in parsed.table.rows}
    refused = {problem.row for problem in parsed.problems}
    chosen = random.Random(20261120).sample(range(len(rows)), 500)  # noqa: S311 - a sample, no secret
    # Whatever is rare must be among them: non-detects, converted units, speciation.
    rare = [place for place, row in enumerate(rows) if row["ResultDetectionConditionText"]]
    rare += [place for place, row in enumerate(rows) if "NO3" in row["ResultMeasure.MeasureUnitCode"]]
    rare += [place for place, row in enumerate(rows) if row["MethodSpeciationName"] in {"as NH3", "as NO3"}]
    gone = giving_way(rows)
    assert len(gone) > 200
    some = random.Random(11).sample(sorted(gone), 100)  # noqa: S311 - as above
    wrong: list[Any] = []
    for place in sorted({*chosen, *some, *random.Random(7).sample(rare, 300)}):  # noqa: S311 - as above
        number, want = place + 2, Expected("left out") if place in gone else expected(rows[place])
        if number in found:
            reading = frame.iloc[found[number]]
            got = Expected(
                "reading", reading["parameter"], float(reading["value"]), reading["qualifier"] == "<"
            )
            if times[reading["sample_id"]] != moment(rows[place]):
                wrong.append((number, "time"))
            if sites[reading["sample_id"]] != rows[place]["MonitoringLocationIdentifier"]:
                wrong.append((number, "section"))
            if reading["detection_limit"] != (reading["value"] if want.below else None):
                wrong.append((number, "detection limit"))
            same = (got.parameter, got.below) == (want.parameter, want.below) and got.value == pytest.approx(
                want.value, rel=1e-9
            )
        else:
            got = Expected("left out" if number not in kept else "refused")
            # A row that says "not reported", or None, has no value: only loading refuses it.
            silent = rows[place]["ResultDetectionConditionText"] == "Not Reported"
            silent = silent or rows[place]["ResultMeasureValue"] == "None"
            same = got.fate == want.fate and (got.fate == "left out" or silent or number in refused)
        if not same:
            wrong.append((number, want, got))
    assert not wrong


def test_every_row_of_the_portal_is_read_or_left_out_with_its_reason(
    portal: tuple[list[dict[str, str]], ParsedReadings],
) -> None:
    rows, parsed = portal
    left = sum(
        notice.params["count"]
        for notice in parsed.warnings
        if notice.code in {"rows_left_out", "rows_unmapped", "rows_of_other_form"}
    )
    assert parsed.rows_read + left == len(rows)


def test_non_detects_of_the_portal_keep_their_limits(
    portal: tuple[list[dict[str, str]], ParsedReadings],
) -> None:
    rows, parsed = portal
    below = parsed.readings[parsed.readings["qualifier"] == "<"]
    gone = giving_way(rows)
    want = sum(
        expected(row).fate == "reading" and expected(row).below
        for place, row in enumerate(rows)
        if place not in gone
    )
    assert len(below) == want > 200
    assert (below["value"] == below["detection_limit"]).all()


def test_results_that_the_portal_tells_apart_contradict_each_other_no_more(
    portal: tuple[list[dict[str, str]], ParsedReadings],
) -> None:
    """What is left are profiles without depths, unmarked replicates, and two methods for one sample."""
    rows, parsed = portal
    refused = {problem.row for problem in parsed.problems}
    frame = parsed.readings[~parsed.readings["row"].isin(refused)]
    at = dict(zip(parsed.samples["sample_id"], parsed.samples["sampled_at"], strict=True))
    said: dict[tuple[Any, ...], list[tuple[Decimal, str, int]]] = {}
    for reading in frame.itertuples():
        row = rows[int(str(reading.row)) - 2]
        key = (row["MonitoringLocationIdentifier"], at[reading.sample_id], reading.parameter)
        said.setdefault(key, []).append((reading.value, reading.qualifier, int(str(reading.row))))
    conflicts = [
        [rows[row - 2] for *_, row in found]
        for found in said.values()
        if len({(value, below) for value, below, _ in found}) > 1
    ]
    counts: dict[str, int] = {}
    for found in conflicts:
        methods = {row["ResultAnalyticalMethod.MethodIdentifier"] for row in found}
        one = len({row["ActivityIdentifier"] for row in found}) == 1
        depths = {row["ActivityDepthHeightMeasure.MeasureValue"] for row in found}
        if one and found[0]["ActivityTypeCode"] == "Field Msr/Obs":
            told = "one activity, no depth" if depths == {""} else "one activity, one depth"
        else:
            told = "two methods" if len(methods) > 1 else "other"
        counts[told] = counts.get(told, 0) + len(found)
    assert counts == LEFT[len(rows)]


# -- mappings of one's own -------------------------------------------------------------------------------

MAPPING = """
kind = "readings"
[columns]
section = "site"
parameter = "what"
value = "result"
unit = "in"
[constants]
province = "湖北省"
[time]
date = "day"
[detection]
condition = "seen"
below = ["not seen*"]
limit = "lowest"
[[parameters]]
code = "tp"
names = ["phosphorus"]
basis = "P"
[[leave_out]]
where = { site = ["blank*"] }
reason = "空白样"
"""
HEAD = "site,day,what,result,in,seen,lowest\n"


def mapped(tmp_path: Path, rows: str, mapping: str = MAPPING) -> ParsedReadings:
    (tmp_path / "own.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "a.csv").write_text(HEAD + rows, encoding="utf-8")
    return parse_readings(
        tmp_path / "a.csv", IngestOptions(mapping=str(tmp_path / "own.toml")), for_loading=True
    )


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("a,2023-06-30,phosphorus,,mg/L,not seen,", "limit_missing", "lowest"),
        ("a,2023-06-30,phosphorus,0.1,,,", "unit_missing", "in"),
        ("a,2023-06-30,phosphorus,0.1,mg/L,perhaps,", "condition_unknown", "seen"),
        ("a,2023-06-30,phosphorus,0.5,mg/L,not seen,0.01", "detection_contradiction", "result"),
        ("a,2023-06-30,phosphorus,0.1,mg/kg,,", "unit_not_convertible", "in"),
        ("a,2023-06-31,phosphorus,0.1,mg/L,,", "time_impossible", "day"),
    ],
)
def test_what_cannot_be_brought_over_is_refused_in_the_files_own_columns(
    tmp_path: Path, row: str, code: str, column: str
) -> None:
    parsed = mapped(tmp_path, row + "\n")
    assert [(problem.row, problem.code, problem.column) for problem in parsed.problems] == [(2, code, column)]
    assert parsed.table.row_cells(0)["what"] == "phosphorus"


def test_constants_conditions_and_rules_of_a_mapping_hold(tmp_path: Path) -> None:
    parsed = mapped(
        tmp_path,
        "blank 1,2023-06-30,phosphorus,0.1,mg/L,,\na,2023-06-30,phosphorus,,ug/L,not seen here,10\n"
        "a,2023-07-01,phosphorus,0.3066,mg/L as PO4,,\na,2023-07-01,gold,1,mg/L,,\n",
    )
    frame = parsed.readings
    assert frame["row"].tolist() == [3, 4]
    assert frame["value"].tolist()[0] == Decimal("0.010")
    assert float(frame["value"].tolist()[1]) == pytest.approx(0.09999609, rel=1e-6)  # * 30.974 / 94.970
    assert parsed.samples["province"].tolist() == ["湖北省", "湖北省"]
    assert [(notice.code, notice.params["count"], notice.params["reason"]) for notice in parsed.warnings] == [
        ("rows_left_out", 1, "空白样"),
        ("rows_unmapped", 1, "gold"),
    ]


PREFER = """
[[prefer]]
column = "in"
order = ["mg/L as P", "mg/L as PO4"]
reason = "已以 P 计"
[[prefer]]
column = "depth"
order = "least"
same = ["length"]
reason = "较深"
"""
DEEP = HEAD.strip() + ",depth,length\n"


def preferred(tmp_path: Path, rows: list[str]) -> tuple[list[int], dict[str, int]]:
    """Rows that stay, and how many were left out for which reason."""
    (tmp_path / "own.toml").write_text(MAPPING + PREFER, encoding="utf-8")
    (tmp_path / "a.csv").write_text(DEEP + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    options = IngestOptions(mapping=str(tmp_path / "own.toml"))
    whole = parse_readings(tmp_path / "a.csv", options, for_loading=True)
    pieces = list(ReadingsFile(tmp_path / "a.csv", options))
    left = [
        {notice.params["reason"]: notice.params["count"] for notice in notices}
        for notices in (whole.warnings, merge_notices([note for one in pieces for note in one.warnings]))
    ]
    kept = [whole.table.rows.tolist(), [row for one in pieces for row in one.table.rows.tolist()]]
    assert (kept[0], left[0]) == (kept[1], left[1])
    return kept[0], left[0]


@pytest.mark.parametrize(
    ("rows", "kept", "left"),
    [
        (
            ["a,2023-06-30,phosphorus,0.31,mg/L as PO4,,,,", "a,2023-06-30,phosphorus,0.1,mg/L as P,,,,"],
            [3],
            {"已以 P 计": 1},
        ),
        (
            ["a,2023-06-30,phosphorus,0.31,mg/L as PO4,,,,", "b,2023-06-30,phosphorus,0.1,mg/L as P,,,,"],
            [2, 3],
            {},
        ),
        # A third one of which the rule knows nothing: none is told apart.
        (
            [
                "a,2023-06-30,phosphorus,0.31,mg/L as PO4,,,,",
                "a,2023-06-30,phosphorus,0.1,mg/L as P,,,,",
                "a,2023-06-30,phosphorus,0.2,mg/L,,,,",
            ],
            [2, 3, 4],
            {},
        ),
        (
            [
                "a,2023-06-30,phosphorus,0.3,mg/L,,,2.5,m",
                "a,2023-06-30,phosphorus,0.1,mg/L,,,0.5,m",
                "a,2023-06-30,phosphorus,0.2,mg/L,,,10,m",
            ],
            [3],
            {"较深": 2},
        ),
        (["a,2023-06-30,phosphorus,0.3,mg/L,,,2.5,m", "a,2023-06-30,phosphorus,0.1,mg/L,,,5,ft"], [2, 3], {}),
        (
            ["a,2023-06-30,phosphorus,0.3,mg/L,,,2.5,m", "a,2023-06-30,phosphorus,0.1,mg/L,,,0-2,m"],
            [2, 3],
            {},
        ),
        # One after the other: what gave way under the first rule does not count under the second.
        (
            [
                "a,2023-06-30,phosphorus,0.31,mg/L as PO4,,,0,m",
                "a,2023-06-30,phosphorus,0.1,mg/L as P,,,1,m",
                "a,2023-06-30,phosphorus,0.1,mg/L as P,,,2,m",
            ],
            [3],
            {"已以 P 计": 1, "较深": 1},
        ),
        # What cannot be brought over pushes nothing aside.
        (["a,2023-06-30,phosphorus,0.3,mg/L,?,,0,m", "a,2023-06-30,phosphorus,0.1,mg/L,,,1,m"], [2, 3], {}),
        (["a,2023-06-30,phosphorus,,mg/L,,,0,m", "a,2023-06-30,phosphorus,0.1,mg/L,,,1,m"], [2, 3], {}),
        # Two alike at one depth are the loader's to judge.
        (
            [
                "a,2023-06-30,phosphorus,0.3,mg/L,,,1,m",
                "a,2023-06-30,phosphorus,0.1,mg/L,,,1.0,m",
                "a,2023-06-30,phosphorus,0.1,mg/L,,,2,m",
            ],
            [2, 3],
            {"较深": 1},
        ),
    ],
)
def test_of_several_results_of_one_sample_the_mapping_takes_the_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], kept: list[int], left: dict[str, int]
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1)
    assert preferred(tmp_path, rows) == (kept, left)


def test_a_long_file_is_looked_through_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 40)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 100)
    monkeypatch.setattr(blocks, "_HEAD_ROWS", 40)
    rows = [f"s{n % 50},2023-06-30,phosphorus,0.{n:03},mg/L,,,{9 - n // 50},m" for n in range(1, 500)]
    kept, left = preferred(tmp_path, rows)
    # Of each site the last of its rows is the shallowest.
    assert kept == list(range(451, 501))
    assert left == {"较深": 449}


def test_a_mapping_serves_inventories_too(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'kind = "facilities"\n[columns]\ncode = "FOLIO"\nname = "NOMBRE"\n'
        'lon = "LONGITUD"\nlat = "LATITUD"\n',
        encoding="utf-8",
    )
    (tmp_path / "a.csv").write_text("FOLIO,NOMBRE,LATITUD,LONGITUD\n7,Relave,30.5,111.2\n", encoding="utf-8")
    parsed = parse_features(
        "facilities", tmp_path / "a.csv", IngestOptions(mapping=str(tmp_path / "own.toml"))
    )
    assert (parsed.frame["code"][0], parsed.frame.geometry[0].wkt) == ("7", "POINT (111.2 30.5)")


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "colums = {}",
        '[[parameters]]\ncode = "gold"\nnames = ["x"]',
        '[columns]\nparameter = "a"\nvalue = "b"\n[[parameters]]\ncode = "tp"',
        'kind = "outfalls"',
        '[detection]\ncondition = "c"',
        '[time]\nclock = "c"',
        '[[leave_out]]\nwhere = { a = "b" }',
        '[[prefer]]\ncolumn = "c"\norder = ["a"]\nreason = "r"',
        MAPPING + '[[prefer]]\ncolumn = "c"\norder = ["a"]',
        MAPPING + '[[prefer]]\ncolumn = "c"\norder = "first"\nreason = "r"',
        MAPPING + '[[prefer]]\ncolumn = "c"\norder = "least"\nreason = "r"\nbest = "a"',
    ],
)
def test_a_mapping_that_says_something_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        load_mapping(str(tmp_path / "own.toml"), "readings")
    assert caught.value.option == "--mapping"


def test_a_mapping_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(OptionError, match="wqp, wqp-dissolved"):
        load_mapping("nowhere.toml", "readings")
    for name in shipped_mappings():
        assert load_mapping(name, "readings").parameters


def test_a_file_without_the_columns_of_its_mapping_is_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("site,day\n1,2\n", encoding="utf-8")
    with pytest.raises(MissingColumnsError, match="CharacteristicName"):
        parse_readings(tmp_path / "a.csv", IngestOptions(mapping="wqp"))


def test_blocks_that_leave_out_as_many_rows_are_both_counted(
    fresh_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    (tmp_path / "own.toml").write_text(MAPPING, encoding="utf-8")
    rows = "".join(
        f"s{n},2023-06-30,phosphorus,0.1,mg/L,,\nblank,2023-06-30,phosphorus,0,mg/L,,\n" for n in range(4)
    )
    (tmp_path / "a.csv").write_text(HEAD + rows, encoding="utf-8")
    options = IngestOptions(mapping=str(tmp_path / "own.toml"))
    (report,) = load_files(fresh_database, "readings", [tmp_path / "a.csv"], options)
    left = [notice.params["count"] for notice in report.notices if notice.code == "rows_left_out"]
    assert (report.rows_loaded, left) == (4, [4])
