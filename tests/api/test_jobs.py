"""What the jobs hand to the rules, on a small database of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.errors import NoRunError
from api.features import read_facility, require_run
from api.jobs import run_evaluation
from api.pictures import gather_layers

SHORELINE = """{"type": "FeatureCollection", "features": [{"type": "Feature",
"properties": {"water_body_code": "W", "name": "测试河", "rank": "tributary", "kind": "waterside_line"},
"geometry": {"type": "LineString", "coordinates": [[107, 30], [108, 30]]}}]}"""
SITES = """code,name,kind,action,action_on,region_code,lon,lat
HG-1,甲化工,project,new,2023-08-01,500100,107.5,30.001
HG-2,乙化工,project,new,2023-08-01,,107.6,30.001
HG-3,丙化工,project,new,2023-08-01,420500,107.7,30.001
"""
AS_OF = date(2024, 1, 1)


@pytest.fixture
def three_sites(clone_database: Callable[[], Engine], cli: Any, tmp_path: Path) -> Engine:
    """Three banned sites on one bank: of Chongqing, of no known region, of Hubei."""
    engine = clone_database()
    for kind, name, text in (
        ("shorelines", "bank.geojson", SHORELINE),
        ("chemical-sites", "sites.csv", SITES),
    ):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        result = cli("ingest", kind, file, database=engine)
        assert result.exit_code == 0, result.output
    return engine


def test_a_site_of_unknown_region_keeps_a_province_from_being_called_clean(three_sites: Engine) -> None:
    whole = run_evaluation(three_sites, AS_OF)
    province = run_evaluation(three_sites, AS_OF, region="500000")
    for run in (whole, province):
        found = {one["subject_code"]: one["verdict"] for one in run.findings if one["rule_id"] == "CQ-5-2-2"}
        assert found == {"HG-1": "violation", "HG-2": "undetermined"}
    banned = {one["subject_code"] for one in province.findings if one["rule_id"] == "YPL-26-2-chemical"}
    assert banned == {"HG-1"}


def test_a_run_over_another_region_does_not_make_a_facility_look_clean(three_sites: Engine) -> None:
    run_evaluation(three_sites, AS_OF)
    run_evaluation(three_sites, AS_OF, region="500000")
    run_evaluation(three_sites, AS_OF, region="420000")
    with Session(three_sites) as session:
        for code, rules in (
            ("HG-1", {"CQ-5-2-2", "YPL-26-2-chemical"}),
            ("HG-2", {"CQ-5-2-2", "YPL-26-2-chemical"}),  # of no known region: the run over the basin
            ("HG-3", {"YPL-26-2-chemical"}),
        ):
            facility = read_facility(session, "chemical_sites", code, AS_OF)
            assert {one["rule_id"] for one in facility["findings"]} == rules, code


def test_a_map_of_a_region_shows_no_site_of_unknown_region(three_sites: Engine) -> None:
    assert set(gather_layers(three_sites, AS_OF, "500000").facilities["code"]) == {"HG-1"}
    assert len(gather_layers(three_sites, AS_OF, None).facilities) == 3


def test_a_run_over_another_region_answers_for_no_other(fresh_database: Engine) -> None:
    run_evaluation(fresh_database, date(2024, 1, 1), region="500000")
    with Session(fresh_database) as session:
        with pytest.raises(NoRunError):
            require_run(session, None, "430000")
        with pytest.raises(NoRunError):
            require_run(session, None, None)
        assert require_run(session, None, "500100").region_code == "500000"
    run_evaluation(fresh_database, date(2024, 1, 1))
    with Session(fresh_database) as session:
        assert require_run(session, None, "430000").region_code is None
