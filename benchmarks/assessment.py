"""Ten million readings → the full assessment of 3 641 sections × 12 months, beside bare float versions.

The readings are made here from a fixed seed and written to a Parquet file in the order of a feed: nine
parameters of automatic stations, non-detects, suspect readings, stations under maintenance; in one
section-month of twenty the mean of an item lies exactly at a limit. Every contender runs in a process of its
own, three times in turn; medians are printed, and the highest peak memory. Imports are not part of a time.
The CPU seconds of the process change less on a busy machine (those of the database server are not in them).

ours        every reading sorted out by state, quality and number, exact means, non-detects as halves,
            precedence, classes, multiples, main pollutants, verdicts, coverage, doubt by suspect readings:
            both tables
Polars      float means of all values, worst class only (bare)
NumPy       the same with ``bincount`` (bare)
pandas      the same with ``groupby`` (bare: numbers made floats by Arrow, in one step of its own); and as one
            writes it, ``read_parquet``, ``astype(float)``, ``groupby``, for the whole: what enters, halves,
            precedence, means, classes, multiples, main pollutants, verdicts

The last lines count the section-months to which float means give another class than exact ones, from the
same readings that enter. Run it with ``make bench``, or alone: ``python benchmarks/assessment.py
[--readings N] [--no-database]``; three million readings and no database fit a small machine.
"""

# ruff: noqa: PLC0415 - the process that starts the others stays small: theirs begin with its peak memory

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SEED = 38_38
YEAR = 2025
SECTIONS = 3_641
MONTHS = 12
RUNS = 3
# Parameter, usual value, spread of its logarithm.
PARAMETERS = (
    ("water_temp", 18.0, 0.3),
    ("ph", 7.8, 0.04),
    ("do", 8.0, 0.2),
    ("conductivity", 400.0, 0.5),
    ("turbidity", 30.0, 0.9),
    ("cod_mn", 3.0, 0.4),
    ("nh3_n", 0.2, 0.9),
    ("tp", 0.08, 0.6),
    ("tn", 2.0, 0.5),
)
NAMES = [name for name, _, _ in PARAMETERS]
BOUNDS = {
    "do": (7.5, 6.0, 5.0, 3.0, 2.0),
    "cod_mn": (2.0, 4.0, 6.0, 10.0, 15.0),
    "nh3_n": (0.15, 0.5, 1.0, 1.5, 2.0),
    "tp": (0.02, 0.1, 0.2, 0.3, 0.4),
}
PLACES = 3
SHARE_AT_LIMIT = 0.05
SHARE_BELOW = 0.02
SHARE_SUSPECT = 0.01
SHARE_MAINTENANCE = 0.01
HOURS = 4
AT_ONCE = 1 << 20
COLUMNS = (
    "section_id, parameter, sampled_at, station_type, value, qualifier, detection_limit, raw, station_status,"
    " upload_id, source_row, quality, quality_tests"
)
PEERS = {
    "ours": "ours, from Parquet",
    "polars": "Polars, bare float",
    "numpy": "NumPy, bare float",
    "pandas": "pandas, bare float",
    "pandas_whole": "pandas, straightforward: the whole in float",
}

ENSURE = """
import sys
from pathlib import Path
from models.cluster import ensure_cluster
print(ensure_cluster(Path(sys.argv[1])))
"""
REMOVE = """
import sys
from pathlib import Path
from models.cluster import remove_cluster
remove_cluster(Path(sys.argv[1]))
"""


def clock() -> tuple[float, float]:
    """Seconds by the wall and of this process."""
    return time.perf_counter(), time.process_time()


def since(started: tuple[float, float]) -> dict[str, Any]:
    """Seconds from then to now."""
    return dict(
        zip(("seconds", "cpu"), (now - then for then, now in zip(started, clock(), strict=True)), strict=True)
    )


def section_codes(count: int) -> list[str]:
    return [f"CN{number:05d}" for number in range(count)]


# -- the readings ----------------------------------------------------------------------------------------


def make_months(readings: int) -> Iterator[Any]:
    """Arrow tables, one a month, in the order of time."""
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(SEED)
    width = len(PARAMETERS)
    sections = min(SECTIONS, max(1, readings // (width * 2 * MONTHS)))
    rounds_of_year = readings // (width * sections)
    usual = np.array([level for _, level, _ in PARAMETERS])
    spread = np.array([share for _, _, share in PARAMETERS])
    level = usual * np.exp(random.normal(0, 1, (sections, width)) * spread * 0.7)

    def words(places: Any, known: list[str]) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(known))

    for month in range(1, MONTHS + 1):
        start, end = (
            np.datetime64(f"{YEAR + (m > MONTHS)}-{(m - 1) % MONTHS + 1:02d}-01T00", "h")
            - np.timedelta64(8, "h")
            for m in (month, month + 1)
        )
        possible = np.arange(start, end, np.timedelta64(HOURS, "h"))
        count = rounds_of_year // MONTHS + (month <= rounds_of_year % MONTHS)
        rounds = np.sort(random.choice(len(possible), min(count, len(possible)), replace=False))
        shape = (len(rounds), sections, width)
        values = level * np.exp(random.normal(0, 0.5, shape) * spread)
        values[:, :, 1] = np.clip(values[:, :, 1], 5, 10)
        amounts = np.rint(values * 10**PLACES).astype(np.int64)
        at_limit = _put_at_limits(random, amounts)
        below = (random.random(shape) < SHARE_BELOW) & (np.arange(width) >= NAMES.index("nh3_n")) & ~at_limit
        suspect = (random.random(shape) < SHARE_SUSPECT) & ~at_limit
        stopped = (random.random(shape[:2]) < SHARE_MAINTENANCE)[:, :, None] & ~at_limit
        when, section, parameter = (places.ravel() for places in np.indices(shape))
        whole = np.zeros((amounts.size, 2), dtype=np.int64)
        whole[:, 0] = amounts.ravel()
        kind, length = pa.decimal128(12, PLACES), amounts.size
        known = pa.py_buffer(np.packbits(below.ravel(), bitorder="little"))
        yield pa.table(
            {
                "section": words(section, section_codes(sections)),
                "sampled_at": pa.array(possible[rounds][when].astype("datetime64[us]")).cast(
                    pa.timestamp("us", "UTC")
                ),
                "parameter": words(parameter, NAMES),
                "value": pa.Array.from_buffers(kind, length, [None, pa.py_buffer(whole)]),
                "qualifier": words(below.ravel(), ["=", "<"]),
                "detection_limit": pa.Array.from_buffers(kind, length, [known, pa.py_buffer(whole)]),
                "station_type": words(np.zeros(length), ["automatic"]),
                "station_status": words(stopped.ravel(), ["正常", "维护"]),
                "quality": pa.array(np.where(suspect.ravel(), 3, 1).astype(np.uint8)),
                "upload_id": pa.array(np.full(length, 1)),
            }
        )


def _put_at_limits(random: Any, amounts: Any) -> Any:
    """Let the mean of one item lie exactly at a limit in some sections; mark the readings behind it."""
    import numpy as np

    rounds, sections, _ = amounts.shape
    marked = np.zeros(amounts.shape, dtype=bool)
    items = [name for name in BOUNDS if name != "do"]
    for section in np.flatnonzero(random.random(sections) < SHARE_AT_LIMIT).tolist():
        name = items[random.integers(len(items))]
        bound = round(BOUNDS[name][random.integers(1, 5)] * 10**PLACES)
        shifts = random.integers(0, bound // 2, rounds // 2)
        column = np.full(rounds, bound)
        column[: rounds // 2] += shifts
        column[rounds - rounds // 2 :] -= shifts
        place = NAMES.index(name)
        amounts[:, section, place] = random.permutation(column)
        marked[:, section, place] = True
    return marked


def make(path: Path, readings: int) -> dict[str, Any]:
    """Write the readings to a Parquet file."""
    import pyarrow.parquet as pq

    writer, rows, sections = None, 0, 0
    for table in make_months(readings):
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=AT_ONCE)
        rows, sections = rows + table.num_rows, len(table["section"].chunk(0).dictionary)
    if writer is not None:
        writer.close()
    return {"readings": rows, "sections": sections, "mib": path.stat().st_size / 2**20}


def fill(path: Path, url: str) -> dict[str, Any]:
    """Send the same readings into the partitioned table, by COPY."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    from models.database import create_database_engine, migrate
    from models.partitions import ensure_partitions

    engine = create_database_engine(url)
    migrate(engine)
    file = pq.ParquetFile(path)
    codes = file.read_row_group(0, columns=["section"])["section"].chunk(0).dictionary.to_pylist()
    with Session(engine) as session, session.begin():
        months = sorted({moment for (moment,) in _month_starts()})
        ensure_partitions(session, months)
        session.execute(
            text(
                "INSERT INTO qingjiang.uploads (kind, file_name, file_sha256, size_bytes, state)"
                " VALUES ('readings', 'benchmark', repeat('0', 64), 1, 'loaded')"
            )
        )
        session.execute(
            text(
                "INSERT INTO qingjiang.section_registry (code, provisional)"
                " SELECT unnest(CAST(:codes AS text[])), false"
            ),
            {"codes": codes},
        )
        found = session.execute(text("SELECT code, id FROM qingjiang.section_registry"))
        ids = dict(found.all())
        (upload,) = session.scalars(text("SELECT id FROM qingjiang.uploads"))
    numbers = pa.array([ids[code] for code in codes], pa.int32())
    started = clock()
    for group in range(file.num_row_groups):
        batch = file.read_row_group(group).combine_chunks()
        section = batch["section"].chunk(0)
        text_value = pc.cast(batch["value"], pa.string())
        rows = pa.table(
            {
                "section_id": numbers.take(section.indices),
                "parameter": pc.cast(batch["parameter"], pa.string()),
                "sampled_at": pc.strftime(batch["sampled_at"], "%Y-%m-%d %H:%M:%S+00"),
                "station_type": pc.cast(batch["station_type"], pa.string()),
                "value": text_value,
                "qualifier": pc.cast(batch["qualifier"], pa.string()),
                "detection_limit": pc.cast(batch["detection_limit"], pa.string()),
                "raw": text_value,
                "station_status": pc.cast(batch["station_status"], pa.string()),
                "upload_id": pa.array([upload] * batch.num_rows, pa.int64()),
                "source_row": pa.array(range(1, batch.num_rows + 1), pa.int32()),
                "quality": batch["quality"],
                "quality_tests": pc.if_else(pc.equal(batch["quality"], 3), "{spike}", None),
            }
        )
        sink = pa.BufferOutputStream()
        pa_csv.write_csv(rows, sink, pa_csv.WriteOptions(include_header=False, quoting_style="none"))
        with engine.begin() as connection:
            driver = connection.connection.driver_connection
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY qingjiang.readings ({COLUMNS}) FROM STDIN (FORMAT csv)") as copy,
            ):
                copy.write(sink.getvalue().to_pybytes())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE qingjiang.readings"))  # as the server does by itself in time
    engine.dispose()
    return since(started)


def _month_starts() -> Iterator[tuple[Any]]:
    from datetime import datetime, timedelta, timezone

    for month in range(1, MONTHS + 1):
        yield (datetime(YEAR, month, 1, tzinfo=timezone(timedelta(hours=8))),)


# -- the contenders --------------------------------------------------------------------------------------


def assess_stream(pieces: Callable[[], Iterator[Any]], sections: int) -> dict[str, Any]:
    """Both tables of all sections and months, from columns of readings."""
    import pandas as pd

    from spatial.assessment import assess_columns
    from spatial.period import parse_period

    codes = section_codes(sections)
    frame = pd.DataFrame({"code": codes, "name": codes, "water_body_type": "river", "target_class": 3})
    periods = [parse_period(f"{YEAR}-{month:02d}") for month in range(1, MONTHS + 1)]
    started = clock()
    tables = assess_columns(frame, pieces(), periods)
    found, items = tables.sections, tables.parameters
    took = since(started)
    classes = pd.Series(found["class"].to_numpy(dtype="float64", na_value=float("nan")))
    classes.index = pd.MultiIndex.from_product([range(1, MONTHS + 1), codes])
    return {**took, "rows": [len(found), len(items)], "classes": classes}


def run_ours(path: Path, sections: int) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from spatial.columns import ReadingColumns

    def pieces() -> Iterator[ReadingColumns]:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=AT_ONCE):
            yield ReadingColumns.from_arrow(batch)

    return assess_stream(pieces, sections)


def run_database(url: str, sections: int) -> dict[str, Any]:
    from datetime import timedelta

    import pandas as pd
    from sqlalchemy.orm import Session

    from api.jobs import reading_columns
    from models.database import create_database_engine

    engine = create_database_engine(url)
    starts = [moment for (moment,) in _month_starts()]
    frame = pd.DataFrame({"code": section_codes(sections)})
    with Session(engine) as session:
        end = starts[-1] + timedelta(days=31)
        found = assess_stream(lambda: reading_columns(session, frame, starts[0], end), sections)
    engine.dispose()
    return found


def run_polars(path: Path, _sections: int, *, entering: bool = False) -> dict[str, Any]:
    import pandas as pd
    import polars as pl

    started = clock()
    value = pl.col("value").cast(pl.Float64)
    frame = pl.scan_parquet(path)
    if entering:
        frame = frame.filter((pl.col("quality") != 3) & (pl.col("station_status").cast(pl.String) != "维护"))
        value = pl.when(pl.col("qualifier").cast(pl.String) == "<").then(value * 0.5).otherwise(value)
    month = pl.col("sampled_at").dt.convert_time_zone("Asia/Shanghai").dt.month()
    means = (
        frame.select("section", "parameter", value.alias("value"), month.alias("month"))
        .group_by("section", "parameter", "month")
        .agg(pl.col("value").mean())
    )
    mean, parameter = pl.col("value"), pl.col("parameter").cast(pl.String)
    outside = (mean < 6) | (mean > 9)
    number = pl.when(parameter == "ph").then(pl.when(outside).then(6).otherwise(1))
    for name, bounds in BOUNDS.items():
        missed = [mean < bound if name == "do" else mean > bound for bound in bounds]
        number = number.when(parameter == name).then(1 + sum(one.cast(pl.Int32) for one in missed))
    found = (
        means.with_columns(number.alias("class"))
        .group_by("month", "section")
        .agg(pl.col("class").max())
        .collect()
    )
    took = since(started)
    keys = [found["month"].to_list(), found["section"].cast(pl.String).to_list()]
    classes = pd.Series(found["class"].to_list(), index=pd.MultiIndex.from_arrays(keys), dtype="float64")
    return {**took, "rows": [found.height], "classes": classes}


def run_numpy(path: Path, sections: int, *, entering: bool = False) -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    started = clock()
    cells = sections * len(NAMES) * MONTHS
    sums, counts = np.zeros(cells), np.zeros(cells)
    edges = np.array([moment.timestamp() * 1_000_000 for (moment,) in _month_starts()], dtype=np.int64)
    columns = ["section", "parameter", "sampled_at", "value"]
    more = ["quality", "station_status", "qualifier"] if entering else []
    for batch in pq.ParquetFile(path).iter_batches(batch_size=AT_ONCE, columns=columns + more):
        value = pc.cast(batch["value"], pa.float64()).to_numpy()
        moment = pc.cast(batch["sampled_at"], pa.int64()).to_numpy()
        month = np.searchsorted(edges, moment, side="right") - 1
        section, parameter = batch["section"].indices.to_numpy(), batch["parameter"].indices.to_numpy()
        cell = (month * sections + section) * len(NAMES) + parameter
        if entering:
            enters = (batch["quality"].to_numpy() != 3) & (batch["station_status"].indices.to_numpy() == 0)
            value = np.where(batch["qualifier"].indices.to_numpy() == 1, value * 0.5, value)
            cell, value = cell[enters], value[enters]
        sums += np.bincount(cell, value, cells)
        counts += np.bincount(cell, minlength=cells)
    with np.errstate(invalid="ignore"):
        means = (sums / counts).reshape(MONTHS, sections, len(NAMES))
    acid = means[..., NAMES.index("ph")]
    worst = np.where((acid < 6) | (acid > 9), 6, 1)
    for name, bounds in BOUNDS.items():
        mean = means[..., NAMES.index(name), None]
        missed = mean < np.array(bounds) if name == "do" else mean > np.array(bounds)
        worst = np.maximum(worst, 1 + missed.sum(axis=-1))
    took = since(started)
    index = pd.MultiIndex.from_product([range(1, MONTHS + 1), section_codes(sections)])
    return {**took, "rows": [worst.size], "classes": pd.Series(worst.ravel(), index=index)}


def _classes_of(items: Any) -> Any:
    """Classes of the rows of a frame with `parameter` and `mean`; 0 for what has none."""
    import numpy as np

    found = np.zeros(len(items), dtype=np.int64)
    mean, parameter = items["mean"].to_numpy(), items["parameter"].astype(str).to_numpy()
    acid = parameter == "ph"
    found[acid] = np.where((mean[acid] >= 6) & (mean[acid] <= 9), 1, 6)
    for name, bounds in BOUNDS.items():
        mine = parameter == name
        value = mean[mine, None]
        missed = value < np.array(bounds) if name == "do" else value > np.array(bounds)
        found[mine] = 1 + missed.sum(axis=1)
    return found


def run_pandas(path: Path, _sections: int) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    started = clock()
    table = pq.read_table(path, columns=["section", "parameter", "sampled_at", "value"])
    frame = table.set_column(3, "value", table["value"].cast(pa.float64())).to_pandas()
    frame["month"] = frame["sampled_at"].dt.tz_convert("Asia/Shanghai").dt.month
    means = frame.groupby(["month", "section", "parameter"], observed=True)["value"].mean().reset_index()
    means["class"] = _classes_of(means.rename(columns={"value": "mean"}))
    found = means.groupby(["month", "section"], observed=True)["class"].max()
    took = since(started)
    return {**took, "rows": [len(found)], "classes": found}


def run_pandas_whole(path: Path, _sections: int) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    started = clock()
    frame = pd.read_parquet(path)
    for name in ("value", "detection_limit"):
        frame[name] = frame[name].astype(float)  # they come as Decimals
    frame["month"] = frame["sampled_at"].dt.tz_convert("Asia/Shanghai").dt.month
    frame = frame[(frame["station_status"] != "维护") & frame["quality"].isin([1, 2])]
    frame = frame[frame["value"].notna() & (frame["value"] >= 0)].copy()
    below = frame["qualifier"] == "<"
    frame["entering"] = frame["value"].mask(below, frame["detection_limit"] / 2)
    frame["below"] = below
    keys = ["month", "section", "parameter"]
    frame["automatic"] = frame["station_type"] == "automatic"
    led = frame.groupby(keys, observed=True)["automatic"].transform("any")
    first = frame["parameter"].isin(["ph", "do", "cod_mn", "nh3_n", "tp", "tn"])
    frame = frame[frame["automatic"] | ~(led & first)]
    items = (
        frame.groupby(keys, observed=True)
        .agg(mean=("entering", "mean"), samples=("entering", "size"), non_detects=("below", "sum"))
        .reset_index()
    )
    samples = frame.groupby(["month", "section"], observed=True)["sampled_at"].nunique()
    items["class"] = _classes_of(items)
    class_3 = (
        items["parameter"]
        .astype(str)
        .map({name: bounds[2] for name, bounds in BOUNDS.items() if name != "do"})
    )
    items["multiple"] = (items["mean"] / class_3 - 1).where(items["mean"] > class_3)
    found = items.groupby(["month", "section"], observed=True)["class"].max().to_frame("class")
    found["samples"] = samples
    found["verdict"] = np.where(found["class"] <= 3, "compliant", "violation")
    over = items[items["class"] > 3].sort_values(["class", "multiple"], ascending=[False, False])
    named = over.groupby(["month", "section"], observed=True)["parameter"].agg(lambda names: list(names[:3]))
    found["main_pollutants"] = named
    took = since(started)
    return {**took, "rows": [len(found), len(items)], "classes": pd.Series(found["class"])}


def count_wrong(path: Path, sections: int) -> dict[str, Any]:
    """Section-months to which float means of the readings that enter give another class than exact ones."""
    import pandas as pd

    classes = {"exact": run_ours(path, sections)["classes"]}
    for name, run in (("polars", run_polars), ("numpy", run_numpy)):
        classes[name] = run(path, sections, entering=True)["classes"]
    known = pd.DataFrame(classes).dropna()
    return {"of": len(known)} | {
        name: int((known[name] != known["exact"]).sum()) for name in ("polars", "numpy")
    }


# -- one run ---------------------------------------------------------------------------------------------


def apart(*words: str) -> dict[str, Any]:
    """Do one step in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--step", *words], check=True, stdout=subprocess.PIPE)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def step(name: str, *words: str) -> None:
    """What `apart` runs."""
    path = Path(words[0])
    contenders = {
        "ours": run_ours,
        "polars": run_polars,
        "numpy": run_numpy,
        "pandas": run_pandas,
        "pandas_whole": run_pandas_whole,
    }
    if name == "make":
        found = make(path, int(words[1]))
    elif name == "fill":
        found = fill(path, words[1])
    elif name == "wrong":
        found = count_wrong(path, int(words[1]))
    elif name == "database":
        found = run_database(words[2], int(words[1]))
    else:
        found = contenders[name](path, int(words[1]))
    found.pop("classes", None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"peak_mib": peak}))


def start_database(folder: Path) -> str:
    """Address of an empty database in a cluster of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ENSURE, str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=10_000_000, help="about how many readings to make")
    parser.add_argument("--no-database", action="store_true", help="leave PostgreSQL out")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(*options.step)
        return
    folder = Path(tempfile.mkdtemp(prefix="qingjiang-assessment-"))
    folder.chmod(0o755)
    try:
        path = folder / "readings.parquet"
        made = apart("make", str(path), str(options.readings))
        sections = str(made["sections"])
        print(
            f"{made['readings']:,} readings, {made['sections']:,} sections x {MONTHS} months,"
            f" {made['mib']:.0f} MiB of Parquet",
            flush=True,
        )
        names = dict(PEERS)
        url = ""
        if not options.no_database:
            url = start_database(folder / "home")
            filled = apart("fill", str(path), url)
            names["database"] = "ours, from PostgreSQL"
            print(f"filled PostgreSQL in {filled['seconds']:.0f} s", flush=True)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(RUNS):
            for name in names:
                runs[name].append(apart(name, str(path), sections, url))
        seconds = {name: statistics.median(run["seconds"] for run in found) for name, found in runs.items()}
        cpu = {name: statistics.median(run["cpu"] for run in found) for name, found in runs.items()}
        print("\n| | seconds | ours takes | CPU, s | ours takes | peak, MiB |")
        print("|---|--:|--:|--:|--:|--:|")
        for name, label in names.items():
            ratios = [
                "" if name in {"ours", "database"} else f"{figures['ours'] / figures[name]:.2f} x"
                for figures in (seconds, cpu)
            ]
            peak = max(run["peak_mib"] for run in runs[name])
            print(
                f"| {label} | {seconds[name]:.2f} | {ratios[0]}"
                f" | {cpu[name]:.2f} | {ratios[1]} | {peak:,.0f} |"
            )
        wrong = apart("wrong", str(path), sections)
        for name in ("polars", "numpy"):
            print(f"\n{PEERS[name]}: another class at {wrong[name]:,} of {wrong['of']:,} section-months")
    finally:
        if (folder / "home").exists():
            subprocess.run([sys.executable, "-c", REMOVE, str(folder / "home")], check=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
