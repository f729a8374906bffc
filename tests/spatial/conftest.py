"""Shared by the engine's tests: the worked examples, and a minimal reader of the real feed files.

`worked_examples.csv` is a copy of the domain's test vectors. Every example is one named test; take it from
the fixture: ``worked_examples["H01"].inputs``, ``.expected``, ``.tolerance``.
"""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spatial.assessment import assess_sections
from spatial.groups import GroupAssessment, assess_groups
from spatial.period import parse_period

DATA = Path(__file__).parents[2] / "../shared/data/water_quality"

FEED_PARAMETERS = {
    "水温(℃)": "water_temp",
    "pH(无量纲)": "ph",
    "溶解氧(mg/L)": "do",
    "电导率(μS/cm)": "conductivity",
    "浊度(NTU)": "turbidity",
    "高锰酸盐指数(mg/L)": "cod_mn",
    "氨氮(mg/L)": "nh3_n",
    "总磷(mg/L)": "tp",
    "总氮(mg/L)": "tn",
}


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """One test vector. Numbers in `inputs` and `expected` are exact: Decimal or int, never float."""

    id: str
    topic: str
    title: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    tolerance: str
    status: str


def read_worked_examples() -> dict[str, WorkedExample]:
    with (Path(__file__).parent / "worked_examples.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["id"]: WorkedExample(
                id=row["id"],
                topic=row["topic"],
                title=row["title"],
                inputs=json.loads(row["inputs_json"], parse_float=Decimal),
                expected=json.loads(row["expected_json"], parse_float=Decimal),
                tolerance=row["tolerance"],
                status=row["status"],
            )
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="session")
def worked_examples() -> dict[str, WorkedExample]:
    return read_worked_examples()


def _to_decimal(cell: str) -> Decimal | None:
    try:
        number = Decimal(cell.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _read_feed(name: str, *, captured: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real feed file {name} is not on this machine")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    when = pd.to_datetime(table[captured].str[:10]).dt.tz_localize("Asia/Shanghai") if captured else pd.NaT
    samples = pd.DataFrame(
        {
            "sample_id": range(len(table)),
            "row": range(2, len(table) + 2),
            "section": table["断面名称"],
            "province": table["省份"],
            "sampled_at": when,
            "sampled_at_raw": table["监测时间"],
            "water_body_type": None,
            "target_class": None,
            "reported_class": table["水质类别"],
            "station_status": table.get("站点情况"),
        },
    )
    parts = []
    for header, code in FEED_PARAMETERS.items():
        full = table.get(f"原始值_{header}", pd.Series("", index=table.index))
        part = pd.DataFrame(
            {
                "sample_id": samples["sample_id"],
                "parameter": code,
                "value": [_to_decimal(cell) for cell in table[header]],
                "full_value": [_to_decimal(cell) for cell in full],
                "qualifier": "=",
                "detection_limit": None,
                "raw": table[header],
            },
        )
        parts.append(part[part["value"].notna()])
    return samples, pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def read_feed() -> Callable[..., tuple[pd.DataFrame, pd.DataFrame]]:
    """Read one real file of the national feed as (samples, readings); `captured` names the capture day."""
    return _read_feed


def make_sections(*rows: Mapping[str, object]) -> pd.DataFrame:
    """Sections with the columns of a stored section; what a row does not say is an ordinary river section."""
    usual = {
        "name": "断面",
        "river": "清江",
        "water_body_code": None,
        "water_body_type": "river",
        "basin": "长江流域",
        "province": "湖北省",
        "city": "宜昌市",
        "region_code": "420500",
        "level": "national",
        "station_type": "manual",
        "target_class": 3,
    }
    frame = pd.DataFrame([usual | dict(row) for row in rows], columns=["code", *usual])
    frame["target_class"] = frame["target_class"].astype("Int64")
    return frame


def make_readings(*rows: tuple[str, str, Mapping[str, str]], station_type: str = "manual") -> pd.DataFrame:
    """Readings from (section, Beijing time, {parameter: text}); ``<0.05`` is below the detection limit 0.05.

    The pseudo-parameters ``status``, ``upload`` and ``type`` are the station status, the upload and the
    type of station; ``cod_mn:full`` is an unrounded value.
    """
    found = []
    for section, when, values in rows:
        for code, text in values.items():
            if code in ("status", "upload", "type") or code.endswith(":full"):
                continue
            number = Decimal(text.lstrip("<"))
            below = text.startswith("<")
            full = values.get(f"{code}:full")
            found.append(
                {
                    "section": section,
                    "sampled_at": pd.Timestamp(when, tz="Asia/Shanghai"),
                    "parameter": code,
                    "value": number,
                    "full_value": None if full is None else Decimal(full),
                    "qualifier": "<" if below else "=",
                    "detection_limit": number if below else None,
                    "station_type": values.get("type", station_type),
                    "station_status": values.get("status"),
                    "upload_id": int(values.get("upload", "1")),
                },
            )
    columns = [
        "section",
        "sampled_at",
        "parameter",
        "value",
        "full_value",
        "qualifier",
        "detection_limit",
        "station_type",
        "station_status",
        "upload_id",
    ]
    frame = pd.DataFrame(found, columns=columns)
    if not found:
        frame["sampled_at"] = pd.to_datetime(frame["sampled_at"]).dt.tz_localize("Asia/Shanghai")
    return frame


@pytest.fixture(scope="session")
def sections_of() -> Callable[..., pd.DataFrame]:
    return make_sections


@pytest.fixture(scope="session")
def readings_of() -> Callable[..., pd.DataFrame]:
    return make_readings


@pytest.fixture(scope="session")
def assess_means() -> Callable[[list[Mapping[str, Decimal]]], GroupAssessment]:
    """Assess one river whose sections have these values in one month."""

    def assess(values: list[Mapping[str, Decimal]]) -> GroupAssessment:
        codes = [f"S{place}" for place in range(len(values))]
        sections = make_sections(*({"code": code} for code in codes))
        rows = (
            (code, "2025-06-10 10:00", {name: str(number) for name, number in found.items()})
            for code, found in zip(codes, values, strict=True)
        )
        (group,) = assess_groups(
            assess_sections(sections, make_readings(*rows), parse_period("2025-06")), by="river"
        )
        return group

    return assess
