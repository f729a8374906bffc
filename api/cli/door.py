"""What every command shares: settings, words, the database, and how an error is told."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Self, cast

import structlog
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer.core import TyperGroup

from api.catalogue import Catalogue
from api.errors import ApiError, OutputError
from api.output import Column, Format, Row, to_csv, to_geojson, to_json, to_parquet
from api.settings import Settings
from api.wording import error_text

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = structlog.get_logger(__name__)

YEARS = (1900, 2100)  # as files have them
EXIT_REJECTED = 1
EXIT_UNUSABLE = 2
PLAIN_WIDTH = 160
SPOOLED_BYTES = 16 << 20
"""What a document for stdout may take in memory before it waits on disk to be whole."""

FormatOption = Annotated[Format, typer.Option("--format", help="table, json, csv, geojson or parquet")]
FileFormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="table, json, csv, geojson or parquet; default: by the ending of --out, else table",
    ),
]
ENDINGS: Mapping[str, tuple[Format, ...]] = {
    ".json": (Format.JSON, Format.GEOJSON),
    ".geojson": (Format.GEOJSON,),
    ".csv": (Format.CSV,),
    ".parquet": (Format.PARQUET,),
    ".txt": (Format.TABLE, Format.CSV, Format.JSON, Format.GEOJSON),
}
"""What a file of each ending may hold; the first where nothing else is said."""
OutOption = Annotated[Path | None, typer.Option("--out", help="write to this file instead of the screen")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="date (2024-01-01); default: today")]
REGION = re.compile(r"([1-9][0-9])([0-9]{2})?([0-9]{2})?((?:[0-9]{3}){0,2})")


def parse_region(text: str | None) -> str | None:
    """A region as it is stored: two or four digits stand for the province or the prefecture (42: 420000)."""
    if text is None or text == "yangtze":
        return text
    found = REGION.fullmatch(text)
    if found is None or (found[4] and not found[3]):
        message = f"{text!r} is neither a GB/T 2260 code such as 420000 nor yangtze"
        raise typer.BadParameter(message, param_hint="--region")
    return text.ljust(6, "0")


PERIOD_HELP = "2025-06, 2025-Q2, 2025, 2025-flood or 2024-11-01/2025-02-28"
PeriodOption = Annotated[str, typer.Option("--period", help=PERIOD_HELP)]

RegionOption = Annotated[
    str | None,
    typer.Option("--region", help="GB/T 2260 code, such as 420000, or yangtze", callback=parse_region),
]


@dataclass(frozen=True)
class Door:
    """The command line's side of the house: one per call."""

    settings: Settings
    catalogue: Catalogue
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    @cached_property
    def engine(self) -> Engine:
        """The database, started and migrated on first use."""
        from api.jobs import open_database

        return open_database(self.settings)

    def close(self) -> None:
        """Close the connections to the database, where it was opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def text(self, key: str, /, **params: Any) -> str:
        """A text of the catalogue in this call's language."""
        return self.catalogue.text(key, **params)

    def say(self, line: str) -> None:
        """A line for a person: on stderr, so that stdout holds the document alone."""
        self.err.print(line, markup=False, highlight=False)

    @contextmanager
    def working(self, line: str) -> Iterator[None]:
        """Show that something is under way (stderr, only on a terminal)."""
        with self.err.status(line) if self.err.is_terminal else _nothing():
            yield

    def show(
        self,
        rows: list[Row],
        columns: list[Column],
        form: Format,
        out: Path | None,
        *,
        title: str | None = None,
    ) -> None:
        """Write rows in the asked format to the screen or a file; `columns` are those of the table.

        A table on the screen has the title, one in a file has none.
        """
        if form is Format.TABLE:
            self.table(rows, columns, title=title if out is None else None, out=out)
            return
        document: str | bytes
        match form:
            case Format.JSON:
                document = to_json(rows)
            case Format.GEOJSON:
                document = to_json(to_geojson(rows))
            case Format.PARQUET:
                document = to_parquet(rows)
            case _:
                document = to_csv(rows)
        self.write(document, out)

    def write(self, document: str | bytes, out: Path | None) -> None:
        """Write a finished document to stdout, or to a file that appears whole or not at all."""
        data = document.encode("utf-8") if isinstance(document, str) else document
        if out is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        part = out.with_name(f"{out.name}.part")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            part.write_bytes(data)
            part.replace(out)
        except OSError as error:
            raise OutputError(str(out), error.strerror or str(error)) from error

    @contextmanager
    def writing(self, out: Path | None) -> Iterator[BinaryIO]:
        """Where a document goes piece by piece: stdout, or a file. It appears whole or not at all."""
        if out is None:
            with tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES) as spool:
                yield cast("BinaryIO", spool)
                spool.seek(0)
                shutil.copyfileobj(spool, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            return
        part = out.with_name(f"{out.name}.part")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with part.open("wb") as stream:
                yield stream
            part.replace(out)
        except OSError as error:
            raise OutputError(str(out), error.strerror or str(error)) from error
        finally:
            if not out.is_dir():
                part.unlink(missing_ok=True)

    def refuse_files(self, form: Format) -> None:
        """Refuse a format other than a table or JSON, where the answer is no list of rows.

        Raises
        ------
        typer.BadParameter
            If it is another.
        """
        if form not in (Format.TABLE, Format.JSON):
            message = self.text("cli.format_not_here", form=form.value, fits="table, json")
            raise typer.BadParameter(message, param_hint="--format")

    def refuse_overwriting(
        self, out: Path | None, read: Iterable[Path | None], option: str = "--out"
    ) -> None:
        """Refuse to write over a file that is read from.

        Raises
        ------
        typer.BadParameter
            If `out` is one of them.
        """
        if out is not None and out.resolve() in {file.resolve() for file in read if file is not None}:
            raise typer.BadParameter(self.text("cli.overwrites", file=out.name), param_hint=option)

    def format_of(self, form: Format | None, out: Path | None) -> Format:
        """The asked format, else the one that the ending of `--out` stands for, else a table.

        Raises
        ------
        typer.BadParameter
            If the ending stands for no format, or for another one than asked.
        """
        if out is None:
            return form or Format.TABLE
        ending = out.suffix.lower()
        fits = ENDINGS.get(ending)
        if form is None:
            if fits is None:
                endings = ", ".join(ENDINGS)
                message = self.text("cli.format_unknown_ending", file=out.name, endings=endings)
                raise typer.BadParameter(message, param_hint="--out")
            return fits[0]
        if fits is not None and form not in fits:
            own = ", ".join(ending for ending, formats in ENDINGS.items() if form in formats)
            message = self.text("cli.format_other_ending", file=out.name, form=form.value, endings=own)
            raise typer.BadParameter(message, param_hint="--out")
        return form

    def table(
        self, rows: list[Row], columns: list[Column], title: str | None = None, out: Path | None = None
    ) -> None:
        """A Rich table on stdout, with colours only on a terminal, or as plain text in a file."""
        table = Table(title=title, show_lines=False, header_style="bold")
        for heading, _ in columns:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*("" if (cell := read(row)) is None else str(cell) for _, read in columns))
        if out is None:
            self.out.print(table, markup=False)
            return
        page = io.StringIO()
        Console(file=page, width=PLAIN_WIDTH, color_system=None).print(table, markup=False)
        self.write(page.getvalue(), out)


def _console(*, stderr: bool) -> Console:
    """A console as wide as the terminal; wide enough for the tables where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PLAIN_WIDTH)


class LoadingBar:
    """Rich progress bars on stderr, one for each stage of a load; silent where nobody watches."""

    def __init__(self, console: Console, name: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._name = name
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(f"{self._name} · {stage}", total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def door(context: typer.Context) -> Door:
    """The door of the running command."""
    found = context.find_object(Door)
    if found is None:
        raise RuntimeError("the command line was entered without its callback")
    return found


def parse_date(text: str | None, option: str) -> Any:
    """Parse an ISO date option; None is today in Beijing."""
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    if text is None:
        return datetime.now(ZoneInfo("Asia/Shanghai")).date()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date such as 2024-01-01", param_hint=option) from error
    if not YEARS[0] <= day.year <= YEARS[1]:
        message = f"{text!r} is not in the years {YEARS[0]} to {YEARS[1]}"
        raise typer.BadParameter(message, param_hint=option)
    return day


class Doorkeeper(TyperGroup):
    """Turns every error into one line on stderr and exit code 2.

    The traceback of an error that nobody expected is in the log, at the level DEBUG.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; wrong arguments are one line too."""
        run = partial(super().main, args, prog_name, complete_var, False, windows_expand_args, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except ClickException as error:
            if isinstance(error, NoArgsIsHelpError):
                error.show()
            else:
                _complain(_usage(error))
            raise SystemExit(EXIT_UNUSABLE) from error
        except typer.Abort as error:
            _complain(Catalogue().text("cli.aborted"))
            raise SystemExit(EXIT_UNUSABLE) from error
        raise SystemExit(code or 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; see the class."""
        from ingest.errors import IngestError
        from maps.errors import MapsError
        from models.errors import ModelsError
        from spatial.errors import SpatialError

        try:
            return super().invoke(ctx)
        except (ApiError, IngestError, MapsError, ModelsError, SpatialError) as error:
            found = ctx.find_object(Door)
            catalogue = found.catalogue if found else Catalogue()
            _complain(error_text(catalogue, error))
            raise SystemExit(EXIT_UNUSABLE) from error
        except (ClickException, typer.Abort, typer.Exit):
            raise
        except Exception as error:
            if isinstance(error, BrokenPipeError):
                raise  # whoever read the output has enough
            log.debug("unexpected error", exc_info=error)
            found = ctx.find_object(Door)
            catalogue = found.catalogue if found else Catalogue()
            detail = str(error).strip().partition("\n")[0]
            _complain(catalogue.text("cli.unexpected", kind=type(error).__name__, detail=detail))
            raise SystemExit(EXIT_UNUSABLE) from error


def _complain(line: str) -> None:
    """One line on stderr, whatever the text."""
    typer.echo(f"qingjiang: {' '.join(line.split())}", err=True)


def _usage(error: ClickException) -> str:
    """What is wrong with the arguments, and where the right ones are listed."""
    message = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} ({context.command_path} --help)"
