"""A minimal reader of the real feed files for tests: cells untouched, numbers as decimals, nothing guessed."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parents[2] / "../shared/data/water_quality"
PARAMETERS = {
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


def to_decimal(cell: str) -> Decimal | None:
    try:
        number = Decimal(cell.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def read_feed(path: Path, *, captured: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one file of the national feed as (samples, readings); `captured` names the column of the capture day."""
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
    for header, code in PARAMETERS.items():
        full = table.get(f"原始值_{header}", pd.Series("", index=table.index))
        part = pd.DataFrame(
            {
                "sample_id": samples["sample_id"],
                "parameter": code,
                "value": [to_decimal(cell) for cell in table[header]],
                "full_value": [to_decimal(cell) for cell in full],
                "qualifier": "=",
                "detection_limit": None,
                "raw": table[header],
            },
        )
        parts.append(part[part["value"].notna()])
    return samples, pd.concat(parts, ignore_index=True)
