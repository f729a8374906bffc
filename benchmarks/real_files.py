"""Load every public file of ../shared/data by its documented command, and print what became of its rows.

Each file goes through the command line in a process of its own, into an empty database of its own, with
``--partial``. The rows of the file are counted here a second time by plain means, so that the report's counts
are held against the file and not against themselves. A table in Markdown is printed: rows, what became of
them, wall-clock seconds and peak memory of the whole process, start of the interpreter included.
Run it with ``make bench``, or alone: ``python benchmarks/real_files.py [--only TEXT]``.
"""

import argparse
import csv
import gzip
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pyogrio
from sqlalchemy import make_url, text

from models.cluster import ensure_cluster, remove_cluster
from models.database import create_database_engine, migrate

DATA = (Path(__file__).parents[1] / "../shared/data").resolve()
COMMAND = Path(sys.executable).with_name("qingjiang")
TEMPLATE = "real_files_template"
CONFLICTS = frozenset({"key_conflict", "reading_conflict_in_file", "reading_conflict_stored"})

# A process's peak begins with that of the one that starts it, so that a small one starts every load.
LAUNCHER = """
import os, subprocess, sys, time
started = time.perf_counter()
with open("out", "wb") as out, open("err", "wb") as err:
    process = subprocess.Popen(sys.argv[1:], stdout=out, stderr=err)
    _, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - started, usage.ru_maxrss)
"""
LEFT_OUT = frozenset({"rows_left_out", "rows_of_other_form", "rows_unmapped"})

# One line for each load: kind, file, options. A path of the data folder in an option stands in braces; a kind
# after an ampersand goes into the database of the line before it.
LOADS = """
readings       water_quality/cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz
readings       water_quality/cnemc_national_snapshot_2020-05-08.csv.gz
readings       water_quality/cnemc_national_snapshot_2020-05-08.json.gz
readings       water_quality/cnemc_daily_noon_98sections_2020-05-10_2020-12-31.csv.gz
readings       water_quality/cnemc_national_2025-11-06_to_08.csv.gz
readings       water_quality/cnemc_snapshot_2026-08-21_sh-js-zj-ah.csv --captured-at 2026-08-21
readings       water_quality/raw_examples/cnemc_2020-08-15.json --captured-at 2020-08-15
sections       water_quality/taihu_physicochemical_monthly_2007-2015.xlsx --column code=观测站代码 \
               --column name=观测站代码 --set water_body_type=lake
&readings      water_quality/taihu_physicochemical_monthly_2007-2015.xlsx
readings       water_quality/wqp_six_tribes_results.csv.gz --mapping wqp
readings       water_quality/wqp_utah_nutrients.csv.gz --mapping wqp
sections       stations/taihu_sections_geocoded_jiangsu-shanghai.csv --column lon=lon_gcj \
               --column lat=lat_gcj --crs gcj02 --column river=river_ref --set level=national \
               --provinces {geometry/china_admin/china_provinces.geojson}
sections       stations/legacy_auto_stations_east-central.csv --column name=station --column lon=coord_1 \
               --column lat=coord_2 --code-from name --set station_type=automatic
outfalls       outfalls/yangtze_estuary_named_points_l3.geojson --column code=ID --column name=地名
outfalls       outfalls/utah_updes_permitted_facilities.csv
outfalls       outfalls/utah_updes_permitted_facilities.csv --encoding cp1252 --column code=locationID \
               --column name=locationName --column lon=LongitudeMeasure --column lat=LatitudeMeasure
tailings-ponds tailings/chile_sernageomin_relaves_2025-10.csv --column code=ID \
               --column name=NOMBRE_INSTALACION --column lon=LONGITUD --column lat=LATITUD
tailings-ponds tailings/osm_brazil_minas-gerais_tailings_ponds.geojson --column code=id \
               --column name=municipality
sites          geometry/yangtze_basin_4tu.geojson --column name=Name --code-from name --set category=basin
shorelines     geometry/yangtze_river_tnc.geojson --rank mainstem --set kind=centreline
shorelines     geometry/ne_10m_rivers_yangtze_bbox.geojson --rank tributary --set kind=centreline
shorelines     geometry/ne_10m_lakes_yangtze_bbox.geojson --rank lake
shorelines     geometry/yangtze_estuary_dock_lines.geojson --rank mainstem
rivers         geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp --column code=HYRIV_ID \
               --column downstream_code=NEXT_DOWN
sites          geometry/china_admin/china_provinces.geojson --column code=id --set category=province
"""


@dataclass(frozen=True)
class Load:
    """One documented command and what came of it."""

    kind: str
    file: str
    options: tuple[str, ...]
    continued: bool = False

    @property
    def command(self) -> list[str]:
        """What is run."""
        options = (str(DATA / part[1:-1]) if part.startswith("{") else part for part in self.options)
        return [str(COMMAND), "--lang", "en", "ingest", self.kind, str(DATA / self.file), "--partial",
                "--format", "json", *options]  # fmt: skip

    @property
    def shown(self) -> str:
        """What stands in the table."""
        return " ".join([self.kind, *(shlex.quote(part.strip("{}")) for part in self.options)])


def loads(only: str) -> list[Load]:
    """The loads of `LOADS` whose line holds a text; each folder of alike small files is one load a file."""
    lines = LOADS.replace("\\\n", " ").strip().splitlines()
    parts = [shlex.split(line) for line in lines]
    feeds = sorted((DATA / "water_quality/raw_examples").glob("*.csv"))
    parts.extend(["readings", str(path.relative_to(DATA))] for path in feeds)
    cities = sorted((DATA / "geometry/china_admin").glob("cities_*.geojson"))
    of_cities = ["--column", "code=id", "--set", "category=city"]
    parts.extend(["sites", str(path.relative_to(DATA)), *of_cities] for path in cities)
    others = sorted(path for path in (DATA / "raster").rglob("*") if path.is_file())
    parts.extend(["sites", str(path.relative_to(DATA))] for path in others)  # images: to be refused in words
    return [
        Load(kind.lstrip("&"), file, tuple(rest), kind.startswith("&"))
        for kind, file, *rest in parts
        if only in file
    ]


def count_rows(path: Path) -> int:
    """The rows of a file, by means that share nothing with the reader under test; an image has none."""
    if path.suffix in {".tif", ".img", ".hdr"}:
        return 0
    if path.suffix == ".shp":
        return int(pyogrio.read_info(path)["features"])
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0]
        return sum(1 for row in sheet.iter_rows(min_row=2, values_only=True) if any(map(bool, row)))
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".json" in path.suffixes or path.suffix == ".geojson":
        document = json.loads(data)
        for key in ("features", "tbody", "rows", "data"):
            if isinstance(document, dict) and isinstance(document.get(key), list):
                return len(document[key])
        return len(document)
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    return sum(1 for row in rows if any(cell.strip() for cell in row)) - 1


def count_apart(load: Load) -> int:
    """The rows of a file, counted in a process of its own."""
    command = [sys.executable, __file__, "--count", str(DATA / load.file)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(load: Load, url: str, folder: Path) -> tuple[dict[str, Any] | str, float, float]:
    """Report (or the sentence of a refusal), seconds and peak MiB of one command."""
    environment = {**os.environ, "QINGJIANG_DATABASE_URL": url, "QINGJIANG_HOME": str(folder)}
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *load.command]
    told = subprocess.run(launcher, check=True, capture_output=True, text=True, cwd=folder, env=environment)
    code, seconds, peak_kib = (float(word) for word in told.stdout.split())
    if code in {0, 1}:
        return json.loads((folder / "out").read_bytes()), seconds, peak_kib / 1024
    sentence = (folder / "err").read_text(encoding="utf-8").strip().splitlines()
    if code != 2 or any("Traceback" in line for line in sentence):
        raise SystemExit(f"{load.file}: exit {code:.0f}\n" + "\n".join(sentence))
    return " ".join(sentence), seconds, peak_kib / 1024


def reasons(report: dict[str, Any]) -> tuple[int, str]:
    """Rows in conflict, and the other rejected rows by reason: the first one where a row has several."""
    first: dict[int, str] = {}
    for error in report["errors"]:
        first.setdefault(error["row"], error["code"])
    conflict = sum(code in CONFLICTS for code in first.values())
    others = Counter(code for code in first.values() if code not in CONFLICTS)
    return conflict, ", ".join(f"{code} {count:,}" for code, count in others.most_common())


def lines(found: list[Load], url: str, folder: Path) -> Iterator[str]:
    """The rows of the table, one for each load."""
    address = make_url(url)
    admin = create_database_engine(address.set(database="postgres")).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    name = ""
    for number, load in enumerate(found):
        with admin.connect() as connection:
            if name and not load.continued:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            if not load.continued:
                name = f"real_files_{number}"
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
        target = address.set(database=name).render_as_string(hide_password=False)
        in_file = count_apart(load)
        result, seconds, peak = run(load, target, folder)
        label = f"| `{Path(load.file).name}` | `{load.shown}` | {in_file:,} |"
        tail = f"{seconds:.1f} | {peak:.0f} |"
        if isinstance(result, str):
            yield f"{label} refused: {result.replace('|', '/')} | | | | | | {tail}"
        else:
            yield f"{label} {counts(load, result, in_file)} | {tail}"
    admin.dispose()


def counts(load: Load, report: dict[str, Any], in_file: int) -> str:
    """The report's counts as cells, once they add up to the file."""
    conflict, others = reasons(report)
    read, rejected = report["rows_read"], report["rows_rejected"]
    told = report["rows_loaded"] + report["rows_duplicate"] + rejected + report["rows_held"]
    # What a mapping leaves out is told in a warning, with its number of rows.
    left_out = sum(
        int(number[1])
        for warning in report["warnings"]
        if warning["code"] in LEFT_OUT
        and (number := re.search(r"(\d+) rows", warning["message"])) is not None
    )
    if read != told or read + left_out != in_file:
        print(f"{load.file}: {in_file} rows, {left_out} left out, {read} read, {told} told", file=sys.stderr)
    plain = rejected - conflict
    return (
        f"{left_out:,} | {read:,} | {report['rows_loaded']:,} | {report['rows_duplicate']:,} | {conflict:,} |"
        f" {plain:,}{f' ({others})' if others else ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only files whose path holds this text")
    parser.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.count is not None:
        print(count_rows(options.count))
        return
    found = loads(options.only)
    if not DATA.is_dir():
        raise SystemExit("the real data sets (../shared/data) are not on this machine")
    folder = Path(tempfile.mkdtemp(prefix="qingjiang-real-"))
    folder.chmod(0o755)
    try:
        url = ensure_cluster(folder)
        admin = create_database_engine(make_url(url).set(database="postgres"))
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
        admin.dispose()
        template = create_database_engine(make_url(url).set(database=TEMPLATE))
        migrate(template)
        template.dispose()
        print("| file | `qingjiang ingest …` | rows in file | left out | read | loaded | duplicate |"
              " conflict | rejected (reason) | s | MiB |")  # fmt: skip
        print("|---|---|--:|--:|--:|--:|--:|--:|---|--:|--:|")
        for line in lines(found, url, folder):
            print(line, flush=True)
    finally:
        remove_cluster(folder)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
