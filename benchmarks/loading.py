"""Loading readings: our end-to-end load against a bare COPY of the same readings, in one run.

The file is made here from a fixed seed: a wide feed as the national platform publishes it (nine parameters, a
round of all sections every four hours, ``--`` and ``*`` for what was not measured). It is loaded through
`load_files` in a process of its own, whose peak memory is reported; the readings that came out of it are
then sent by a bare COPY, text and binary, into the same partitioned table with all its indexes in a fresh
database. A workbook with one bad row in a hundred is loaded after that. Run it with ``make bench``, or alone:
``python benchmarks/loading.py [--rows N] [--workbook-rows N] [--keep]``.
"""

import argparse
import csv
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import xlsxwriter
from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session

from api.catalogue import Catalogue
from ingest.loader import load_files
from ingest.options import IngestOptions
from models.cluster import ensure_cluster, remove_cluster
from models.database import create_database_engine, migrate
from models.partitions import ensure_partitions

SEED = 26
SECTIONS = 1_800
ROUND = timedelta(hours=4)
START = datetime(2023, 1, 1)  # noqa: DTZ001 - written into the file as Beijing time without a zone
BLOCK_BYTES = 1 << 20
PROVINCES = ("湖北省", "湖南省", "江西省", "安徽省", "江苏省", "重庆市", "四川省", "云南省", "贵州省")
# Header, usual value, spread of its logarithm, decimals: rivers of the middle basin as the feed shows them.
PARAMETERS = (
    ("水温(℃)", 18.0, 0.30, 1),
    ("pH(无量纲)", 7.8, 0.05, 2),
    ("溶解氧(mg/L)", 8.0, 0.20, 2),
    ("电导率(μS/cm)", 400.0, 0.50, 1),
    ("浊度(NTU)", 30.0, 0.90, 1),
    ("高锰酸盐指数(mg/L)", 3.0, 0.40, 2),
    ("氨氮(mg/L)", 0.20, 0.90, 3),
    ("总磷(mg/L)", 0.08, 0.60, 3),
    ("总氮(mg/L)", 2.0, 0.50, 2),
)
HEADER = ["省份", "流域", "断面名称", "监测时间", "水质类别", *(name for name, *_ in PARAMETERS), "站点情况"]
MISSING_SHARE = 0.06
PERSISTENCE = 0.999
"""Correlation of one round with the next."""
COLUMNS = (
    "section_id, parameter, sampled_at, revision, station_type, value, full_value, qualifier,"
    " detection_limit, raw, method, station_status, upload_id, source_row, recorded_at, quality,"
    " quality_tests"
)
DUMP = f"COPY (SELECT {COLUMNS} FROM qingjiang.readings) TO STDOUT (FORMAT {{form}})"  # noqa: S608


# -- the files -------------------------------------------------------------------------------------------


def make_rows(count: int) -> Iterator[list[str]]:
    """`count` rows of the feed, round by round; every row has at least one value."""
    random = np.random.default_rng(SEED)
    # A river keeps its level: each section has its own, around which it drifts slowly.
    level = random.normal(0.0, 0.6, (len(PARAMETERS), SECTIONS))
    drift = random.normal(0.0, 1.0, (len(PARAMETERS), SECTIONS))
    for first in range(0, count, SECTIONS):
        size = min(SECTIONS, count - first)
        at = (START + ROUND * (first // SECTIONS)).strftime("%Y-%m-%d %H:%M")
        drift = PERSISTENCE * drift + np.sqrt(1 - PERSISTENCE**2) * random.normal(0.0, 1.0, drift.shape)
        columns = []
        for place, (_, usual, spread, decimals) in enumerate(PARAMETERS):
            values = usual * np.exp(spread * (level[place] + 0.5 * drift[place]))[:size]
            if place == 1:
                values = np.clip(values, 6.0, 9.5)
            elif place == 0:
                values = np.clip(values, 0.0, 40.0)
            texts = [f"{value:.{decimals}f}" for value in values]
            if place:
                gone = random.random(size) < MISSING_SHARE
                texts = [
                    ("*" if place == len(PARAMETERS) - 1 else "--") if missing else shown
                    for shown, missing in zip(texts, gone, strict=True)
                ]
            columns.append(texts)
        for section, values_of_row in enumerate(zip(*columns, strict=True)):
            province = PROVINCES[section % len(PROVINCES)]
            yield [province, "长江流域", f"断面{section:04d}", at, "Ⅱ", *values_of_row, "正常"]


def write_feed(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(make_rows(count))


def write_workbook(path: Path, count: int) -> int:
    """The same feed as a workbook, in which one row in a hundred has one bad cell; returns how many have."""
    faults = ((6, "71"), (7, "1..2"), (11, "-0.5"), (3, "2023-02-30 08:00"))
    bad = 0
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("水质")
    sheet.write_row(0, 0, HEADER)
    for number, row in enumerate(make_rows(count)):
        if number % 100 == 37:
            column, cell = faults[bad % len(faults)]
            row[column] = cell
            bad += 1
        sheet.write_row(number + 1, 0, row)
    book.close()
    return bad


# -- the measurements ------------------------------------------------------------------------------------


def fresh_database(url: str, name: str) -> Engine:
    """A migrated, empty database of the cluster."""
    admin = create_database_engine(make_url(url).set(database="postgres"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    engine = create_database_engine(make_url(url).set(database=name))
    migrate(engine)
    return engine


def load_in_child(engine: Engine, path: Path, *options: str) -> dict[str, float]:
    """Load one file in a process of its own: what it counted, seconds, and its peak memory in MiB."""
    url = engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, __file__, "--child", url, str(path), *options],
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def child(url: str, path: Path, *, partial: bool) -> None:
    """What `load_in_child` runs; imports are not part of the time, everything else of a load is."""
    engine = create_database_engine(url)
    before = time.perf_counter()
    (report,) = load_files(engine, "readings", [path], IngestOptions(partial=partial), text=Catalogue().text)
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak_mib": peak,
                "rows": report.rows_read,
                "loaded": report.rows_loaded,
                "rejected": report.rows_rejected,
                "errors": len(report.problems),
                "readings": report.readings_loaded,
            }
        )
    )


def dump_readings(engine: Engine, path: Path, form: str) -> None:
    """All readings in the order in which they lie in the table: the friendliest order for a bare COPY."""
    with engine.connect() as connection, path.open("wb") as stream:
        driver = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(DUMP.format(form=form)) as copy,
        ):
            for block in copy:
                stream.write(block)


def measure_bare_copy(source: Engine, target: Engine, path: Path, form: str) -> tuple[float, int]:
    """Seconds and readings of one COPY in one transaction; sections, upload and partitions are there."""
    with source.connect() as connection:
        months = list(
            connection.scalars(
                text(
                    "SELECT DISTINCT date_trunc('month', sampled_at, 'Asia/Shanghai') FROM qingjiang.readings"
                )
            )
        )
        sections = [
            tuple(row)
            for row in connection.execute(
                text("SELECT id, code, province, name FROM qingjiang.section_registry ORDER BY id")
            )
        ]
    with Session(target) as session, session.begin():
        ensure_partitions(session, months)
        session.execute(
            text(
                "INSERT INTO qingjiang.section_registry (id, code, province, name, provisional)"
                " OVERRIDING SYSTEM VALUE VALUES (:id, :code, :province, :name, true)"
            ),
            [dict(zip(("id", "code", "province", "name"), row, strict=True)) for row in sections],
        )
        session.execute(
            text(
                "INSERT INTO qingjiang.uploads (kind, file_name, file_sha256, size_bytes, options, state)"
                " VALUES ('readings', 'bare', repeat('0', 64), 1, '{}', 'loading')"
            )
        )
    with target.connect() as connection:
        driver = connection.connection.driver_connection
        before = time.perf_counter()
        with (
            driver.cursor() as cursor,
            path.open("rb") as stream,
            cursor.copy(f"COPY qingjiang.readings ({COLUMNS}) FROM STDIN (FORMAT {form})") as copy,
        ):
            while block := stream.read(BLOCK_BYTES):
                copy.write(block)
        driver.commit()
        seconds = time.perf_counter() - before
        count: int = connection.scalar(text("SELECT count(*) FROM qingjiang.readings"))
        return seconds, count


def table_line(name: str, seconds: float, readings: float, reference: float | None) -> str:
    rate = readings / seconds
    share = "" if reference is None else f"{rate / reference:6.0%}"
    return f"| {name:<34} | {readings:>10,.0f} | {seconds:>7.1f} | {rate:>9,.0f} | {share:>6} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the feed")
    parser.add_argument("--workbook-rows", type=int, default=100_000, help="rows of the workbook; 0: none")
    parser.add_argument("--keep", action="store_true", help="keep the files and the database")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="qingjiang-bench-"))
    home.chmod(0o755)  # the server may run as another user than the one who started it
    try:
        measure(home, arguments.rows, arguments.workbook_rows)
    finally:
        if arguments.keep:
            print(f"kept: {home}")
        else:
            remove_cluster(home)
            shutil.rmtree(home)


def measure(home: Path, rows: int, workbook_rows: int) -> None:
    url = ensure_cluster(home)
    feed = home / "feed.csv"
    write_feed(feed, rows)
    ours = fresh_database(url, "bench_ours")
    figures = load_in_child(ours, feed)
    bare: dict[str, tuple[float, int]] = {}
    for form in ("text", "binary"):
        target = fresh_database(url, "bench_bare")
        dump = home / f"readings.{form}"
        dump_readings(ours, dump, form)
        bare[form] = measure_bare_copy(ours, target, dump, form)
        target.dispose()
        dump.unlink()
    if any(count != figures["readings"] for _, count in bare.values()):
        raise SystemExit(f"the loads differ: {figures['readings']} and {bare}")
    best = max(count / seconds for seconds, count in bare.values())
    print(f"wide feed of {rows:,} rows, {feed.stat().st_size / 1e6:,.0f} MB, nine parameters")
    print(f"| {'':<34} | {'readings':>10} | {'seconds':>7} | {'per s':>9} | {'share':>6} |")
    print(f"|{'-' * 36}|{'-' * 11}:|{'-' * 8}:|{'-' * 10}:|{'-' * 7}:|")
    for form, (seconds, count) in bare.items():
        print(table_line(f"bare COPY, {form}", seconds, count, best))
    print(table_line("qingjiang ingest, end to end", figures["seconds"], figures["readings"], best))
    print(f"peak memory of the load: {figures['peak_mib']:,.0f} MiB")
    again = load_in_child(ours, feed)
    print(
        f"the same file again: {again['seconds']:.1f} s, {again['readings']:,.0f} readings new,"
        f" {again['peak_mib']:,.0f} MiB"
    )
    if workbook_rows:
        book = home / "feed.xlsx"
        bad = write_workbook(book, workbook_rows)
        target = fresh_database(url, "bench_book")
        for name, options in (("refused whole", ()), ("--partial", ("--partial",))):
            figures = load_in_child(target, book, *options)
            if figures["rejected"] != bad:
                raise SystemExit(f"{bad} bad rows were written, {figures['rejected']} refused")
            print(
                f"workbook of {workbook_rows:,} rows, {bad:,} bad ({name}): {figures['seconds']:.1f} s,"
                f" {figures['errors']:,.0f} errors, {figures['readings']:,.0f} readings,"
                f" {figures['peak_mib']:,.0f} MiB"
            )
        target.dispose()
    ours.dispose()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), partial="--partial" in sys.argv)
    else:
        main()
