"""``ingest``, ``template`` and ``classify``: files in, reports and results out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from getpass import getuser
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.door import (
    EXIT_REJECTED,
    Door,
    FileFormatOption,
    FormatOption,
    LoadingBar,
    OutOption,
    door,
)
from api.cli.history import show_refresh
from api.cli.warnings import show_counts
from api.kinds import Kind
from api.output import Column, Format, Row, json_pieces, to_json

if TYPE_CHECKING:
    from ingest.options import IngestOptions
    from ingest.report import Notice, UploadReport

TABLE_ROWS = 40
TABLE_ERRORS = 50
PIECES_AT_ONCE = 1_000
COLUMN_NOTICES = ("column_unknown", "column_unknown_similar", "column_not_stored")


class WaterBody(StrEnum):
    """Which limits apply where the file does not say."""

    RIVER = "river"
    LAKE = "lake"


class ConflictOption(StrEnum):
    """What happens to readings that differ from those that are known."""

    REJECT = "reject"
    KEEP = "keep"
    REPLACE = "replace"


class CompareOption(StrEnum):
    """Which values are compared with the limits."""

    REPORTED = "reported"
    FULL = "full"


class SwappedOption(StrEnum):
    """What happens to longitude and latitude in each other's column."""

    ERROR = "error"
    CORRECT = "correct"


class OutsideOption(StrEnum):
    """What happens to places outside the basin or the province they claim, and to (0, 0)."""

    WARN = "warn"
    ERROR = "error"
    IGNORE = "ignore"


class CodeSource(StrEnum):
    """What the codes of a file without codes are made from."""

    NAME = "name"
    PROVINCE_AND_NAME = "province/name"


FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="files to load")]
FileArgument = Annotated[Path, typer.Argument(help="file to read")]
CrsOption = Annotated[
    str | None, typer.Option("--crs", help="coordinate system of the file, such as EPSG:4547")
]
TransformationOption = Annotated[
    str | None,
    typer.Option(
        "--transformation",
        help="way from a refused --crs to WGS 84: EPSG:15918 … or a PROJ pipeline in degrees",
    ),
]
TransformationAccuracyOption = Annotated[
    float | None, typer.Option("--transformation-accuracy", help="accuracy of --transformation in metres")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=HEADER", help="a column whose header is not known; repeatable"),
]
ConstantsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=TEXT", help="what every row says in a field without a column"),
]
CodeFromOption = Annotated[
    CodeSource | None, typer.Option("--code-from", help="make missing codes out of the names")
]
EncodingOption = Annotated[str | None, typer.Option("--encoding", help="encoding of a text file")]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="sheet or layer: name or number")]
CapturedOption = Annotated[
    str | None, typer.Option("--captured-at", help="when a feed without years was captured (date or time)")
]
MappingOption = Annotated[
    str | None,
    typer.Option(
        "--mapping", help="how a foreign file's columns become ours: a TOML file, or wqp, wqp-dissolved"
    ),
]
SwappedChoice = Annotated[
    SwappedOption, typer.Option("--swapped", help="longitude and latitude in each other's column")
]
OutsideChoice = Annotated[
    OutsideOption | None,
    typer.Option(
        "--outside",
        help="places outside basin or province, and at (0, 0); default: warn, but (0, 0) is an error",
    ),
]
NegativeOption = Annotated[
    bool,
    typer.Option("--negative-is-limit", help="a negative concentration is a detection limit (-0.05: <0.05)"),
]
LimitsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--detection-limit",
        metavar="PARAMETER=NUMBER",
        help="detection limit of a bare ND, in the parameter's own unit; repeatable",
    ),
]


def ingest_command(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="what the files hold")],
    files: FilesArgument,
    crs: CrsOption = None,
    transformation: TransformationOption = None,
    transformation_accuracy: TransformationAccuracyOption = None,
    named: ColumnsOption = None,
    constants: ConstantsOption = None,
    code_from: CodeFromOption = None,
    swapped: SwappedChoice = SwappedOption.ERROR,
    outside: OutsideChoice = None,
    provinces: Annotated[
        Path | None, typer.Option("--provinces", help="polygon layer of provinces to check places against")
    ] = None,
    rank: Annotated[
        str | None, typer.Option("--rank", help="rank of every water body or line of a file without one")
    ] = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    source: Annotated[str | None, typer.Option("--source", help="where the file comes from")] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="why: told wherever the file changes an assessment")
    ] = None,
    mapping: MappingOption = None,
    captured_at: CapturedOption = None,
    negative_is_limit: NegativeOption = False,
    detection_limits: LimitsOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="load the good rows of a file with bad ones")
    ] = False,
    on_conflict: Annotated[
        ConflictOption,
        typer.Option(
            "--on-conflict",
            help="readings that differ from known ones: reject the rows, keep the known, or replace them"
            " (the old value stays as an earlier revision)",
        ),
    ] = ConflictOption.REJECT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="do everything except storing")] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="write the bad rows with the reason to this CSV file")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Load files. Exit code: 0 all rows loaded, 1 rows rejected, 2 unusable file or arguments."""
    from api.versions import load_and_follow
    from ingest.options import IngestOptions, parse_capture, parse_limits, parse_pairs

    opened = door(context)
    opened.refuse_files(form)
    options = IngestOptions(
        crs=crs,
        rank=rank,
        transformation=transformation,
        transformation_accuracy_m=transformation_accuracy,
        columns=parse_pairs("--column", named),
        constants=parse_pairs("--set", constants),
        code_from=None if code_from is None else code_from.value,
        swapped=swapped.value,
        outside=None if outside is None else outside.value,
        provinces=provinces,
        encoding=encoding,
        sheet=sheet,
        source=source,
        actor=getuser(),
        note=note,
        mapping=mapping,
        captured_at=parse_capture(captured_at),
        negative_is_limit=negative_is_limit,
        detection_limits=parse_limits(detection_limits),
        partial=partial,
        on_conflict=on_conflict.value,
        dry_run=dry_run,
        rejects=rejects,
    )
    with opened.working(opened.text("cli.starting_database")):
        engine = opened.engine
    with LoadingBar(opened.err, kind.value) as bar:
        reports = load_and_follow(
            engine,
            kind.table,
            files,
            options,
            settings=opened.settings,
            text=opened.text,
            progress=bar,
        )
    if form is Format.JSON:
        _write_reports(opened, reports)
    else:
        for report in reports:
            show_report(opened, report, options)
    if any(report.rows_rejected for report in reports):
        raise typer.Exit(EXIT_REJECTED)


def _write_reports(opened: Door, reports: Sequence[UploadReport]) -> None:
    """The reports as one JSON document; that of one file error by error: there may be millions of them."""
    if len(reports) != 1:
        opened.write(to_json([report.as_json(opened.text) for report in reports]), None)
        return
    (report,) = reports
    errors = (problem.as_json(opened.text) for problem in report.problems)
    pieces = json_pieces(report.as_json(opened.text, errors=False), "errors", errors)
    while some := "".join(islice(pieces, PIECES_AT_ONCE)):
        opened.write(some, None)


def show_report(opened: Door, report: Any, options: IngestOptions) -> None:
    """One upload's report for a person: every error, up to a screenful; the rest by --rejects or JSON."""
    row = report.as_json(opened.text, errors=False)
    text = opened.text
    opened.say(
        text(
            "cli.upload_summary",
            name=row["file"],
            read=row["rows_read"],
            loaded=row["rows_loaded"],
            duplicate=row["rows_duplicate"],
            rejected=row["rows_rejected"],
            readings=row["readings_loaded"],
        )
    )
    for warning in row["warnings"]:
        opened.say(f"  ⚠ {warning['message']}")
    if report.problems:
        columns: list[Column] = [
            (text("cli.col_row"), lambda item: item["row"]),
            (text("cli.col_column"), lambda item: item["column"]),
            (text("cli.col_value"), lambda item: item["value"]),
            (text("cli.col_message"), lambda item: item["message"]),
        ]
        count = len(report.problems)
        title = text("cli.errors_in", name=row["file"], count=count)
        first = [problem.as_json(text) for problem in report.problems[:TABLE_ERRORS]]
        opened.table(first, columns, title=title)
        if count > TABLE_ERRORS:
            opened.say(text("cli.more_rows", count=count - TABLE_ERRORS))
    if row["quality"]:
        show_quality(opened, row["quality"])
    if row["new_warnings"]:
        show_counts(opened, row["new_warnings"])
    if row["assessments"]:
        show_refresh(opened, row["assessments"])
    if row["rows_rejected"] and not options.partial:
        opened.say(text("cli.nothing_loaded", rejected=row["rows_rejected"]))
    if options.dry_run:
        opened.say(text("cli.dry_run"))


def show_quality(opened: Door, quality: dict[str, Any]) -> None:
    """What quality control found: the counts, the parameters with doubtful readings, and what is complete."""
    text = opened.text
    flags = quality["flags"]
    opened.say(
        text(
            "quality.summary",
            passed=flags["pass"] + flags["not_evaluated"],
            suspect=flags["suspect"],
            failed=flags["fail"],
            missing=flags["missing"],
        )
    )
    doubtful = [
        counts | {"parameter": code} for code, counts in quality["parameters"].items() if counts["tests"]
    ]

    def told(item: Row) -> str:
        return ", ".join(
            f"{text(f'quality.{test}')} {sum(found.values())}" for test, found in item["tests"].items()
        )

    if doubtful:
        columns: list[Column] = [
            (text("quality.parameter"), lambda item: item["parameter"]),
            (text("quality.pass"), lambda item: item["pass"]),
            (text("quality.suspect"), lambda item: item["suspect"]),
            (text("quality.fail"), lambda item: item["fail"]),
            (text("quality.missing"), lambda item: item["missing"]),
            (text("quality.tests"), told),
        ]
        opened.table(doubtful, columns, title=text("quality.title"))
    for by, found in quality["completeness"].items():
        if found["due"]:
            shares = {"share": f"{found['share']:.1%}", "warn_below": f"{found['warn_below']:.0%}"}
            counts = {name: found[name] for name in ("found", "due", "periods", "below")}
            opened.say("  " + text(f"quality.completeness_{by}", **counts, **shares))


def template_command(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="what the workbook shall hold")],
    out: Annotated[Path, typer.Option("--out", help="the workbook to write, such as outfalls.xlsx")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace a file that exists")] = False,
) -> None:
    """Write an Excel template to fill in and load: headers, lists, checks, an example and a guide."""
    from api.wording import guide_texts
    from ingest.templates import make_template

    opened = door(context)
    if out.suffix.lower() != ".xlsx":
        raise typer.BadParameter(opened.text("templates.out_ending", file=out.name), param_hint="--out")
    if out.exists() and not overwrite:
        raise typer.BadParameter(opened.text("templates.out_exists", file=out.name), param_hint="--out")
    opened.write(make_template(kind.table, guide_texts(opened.catalogue)), out)
    opened.say(opened.text("templates.written", file=out))


def classify_command(
    context: typer.Context,
    file: FileArgument,
    water_body: Annotated[
        WaterBody,
        typer.Option("--water-body", help="limits to use where the file does not say: river or lake"),
    ] = WaterBody.RIVER,
    target: Annotated[
        str | None, typer.Option("--target", help="target class for all rows: Ⅰ–Ⅴ or 1–5")
    ] = None,
    compare: Annotated[
        CompareOption | None,
        typer.Option(
            "--compare", help="reported: rounded values as published; full: unrounded; default: by date"
        ),
    ] = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    named: ColumnsOption = None,
    constants: ConstantsOption = None,
    mapping: MappingOption = None,
    captured_at: CapturedOption = None,
    negative_is_limit: NegativeOption = False,
    detection_limits: LimitsOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Classify the samples of a readings file by GB 3838-2002, without any database."""
    from ingest.options import IngestOptions, parse_capture, parse_limits, parse_pairs
    from ingest.readings import parse_readings
    from spatial.class_text import parse_water_class
    from spatial.classification import classify_samples
    from spatial.standards import load_standard

    opened = door(context)
    chosen = opened.format_of(form, out)
    target_class = None if target is None else parse_water_class(target)
    if target is not None and target_class not in range(1, 6):
        raise typer.BadParameter(f"{target!r} is no class from Ⅰ to Ⅴ", param_hint="--target")
    options = IngestOptions(
        encoding=encoding,
        sheet=sheet,
        columns=parse_pairs("--column", named),
        constants=parse_pairs("--set", constants),
        mapping=mapping,
        captured_at=parse_capture(captured_at),
        negative_is_limit=negative_is_limit,
        detection_limits=parse_limits(detection_limits),
    )
    with opened.working(opened.text("cli.reading", name=file.name)):
        parsed = parse_readings(file, options)
        samples = classify_samples(
            parsed.samples,
            parsed.readings,
            load_standard(),
            water_body=water_body.value,
            target=target_class,
            compare=None if compare is None else compare.value,
        )
    rows: list[Row] = [sample.as_json() for sample in samples]
    text = opened.text
    columns: list[Column] = [
        (text("cli.col_section"), lambda row: row["section"]),
        (text("cli.col_time"), lambda row: row["sampled_at"] or row.get("sampled_at_raw")),
        (text("cli.col_class"), lambda row: row["class_label"] or "—"),
        (text("cli.col_reported"), lambda row: row.get("reported_class")),
        (text("cli.col_target"), lambda row: row["target_class"]),
        (text("cli.col_verdict"), lambda row: text(f"states.{row['verdict']}") if row["verdict"] else ""),
        (text("cli.col_main"), lambda row: "、".join(row["main_pollutants"])),
    ]
    shown = rows if out is not None or chosen is not Format.TABLE else rows[:TABLE_ROWS]
    opened.show(shown, columns, chosen, out)
    if len(shown) < len(rows):
        opened.say(text("cli.more_rows", count=len(rows) - len(shown)))
    report_notices(opened, parsed.warnings, file)
    report_problems(opened, parsed.problems, file)


def report_notices(opened: Door, notices: Sequence[Notice], file: Path) -> None:
    """One line for each thing that is worth knowing and refuses nothing."""
    for notice in list(notices)[:TABLE_ERRORS]:
        told = notice.as_json(opened.text)
        key = "cli.notice_in_file" if told["row"] is None else "cli.notice_in_row"
        place = {} if told["row"] is None else {"row": told["row"]}
        opened.say(opened.text(key, file=file.name, message=told["message"], **place))
    if len(notices) > TABLE_ERRORS:
        opened.say(opened.text("cli.more_rows", count=len(notices) - TABLE_ERRORS))


def report_problems(opened: Door, problems: Any, file: Path) -> None:
    """One line for each problem: file, row, column, value, what to do."""
    for problem in list(problems)[:TABLE_ERRORS]:
        row = problem.as_json(opened.text)
        parts = [file.name, opened.text("cli.col_row"), str(row["row"]), row["column"], row["value"]]
        opened.say(f"  {' '.join(part for part in parts if part)}: {row['message']}")
    if len(problems) > TABLE_ERRORS:
        opened.say(opened.text("cli.more_rows", count=len(problems) - TABLE_ERRORS))
