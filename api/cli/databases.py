"""``qingjiang db``: the embedded cluster, the schema, backup and restore."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.door import Door, FormatOption, door
from api.output import Format, to_json

app = typer.Typer(
    no_args_is_help=True, help="The database: up, down, status, migrate, refresh, backup, restore."
)


def _external(opened: Door) -> bool:
    if opened.settings.database_url is None:
        return False
    opened.say(opened.text("cli.db_external"))
    return True


@app.command()
def up(context: typer.Context) -> None:
    """Start the embedded cluster (nothing to do where an external database is configured)."""
    from models.cluster import ensure_cluster

    opened = door(context)
    if not _external(opened):
        with opened.working(opened.text("cli.starting_database")):
            url = ensure_cluster(opened.settings.home)
        typer.echo(opened.text("cli.db_up", url=url))


@app.command()
def down(context: typer.Context) -> None:
    """Stop the embedded cluster; its data stays."""
    from models.cluster import stop_cluster

    opened = door(context)
    if not _external(opened):
        stop_cluster(opened.settings.home)
        typer.echo(opened.text("cli.db_down"))


@app.command()
def status(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Where the embedded cluster is, and whether it runs; starts nothing."""
    from dataclasses import asdict

    from models.cluster import cluster_status

    opened = door(context)
    if _external(opened):
        facts: dict[str, object] = {"state": "external"}
    else:
        facts = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in asdict(cluster_status(opened.settings.home)).items()
        }
    if form is Format.TABLE:
        for key, value in facts.items():
            typer.echo(f"{key}: {'—' if value is None else value}")
    elif form is Format.JSON:
        opened.write(to_json(facts), None)
    else:
        opened.show([facts], [], form, None)


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the schema to this version."""
    from models.database import current_revision

    opened = door(context)
    with opened.working(opened.text("cli.starting_database")):
        engine = opened.engine
    typer.echo(opened.text("cli.db_migrated", revision=current_revision(engine)))


@app.command()
def refresh(
    context: typer.Context,
    since: Annotated[
        str, typer.Option("--since", help="loads from this moment on (2026-01-31, or with a time and zone)")
    ],
    form: FormatOption = Format.TABLE,
) -> None:
    """Assess again what the loads since a moment touched: after a bulk load, or when a rule has changed."""
    from api.cli.history import show_refresh
    from api.cli.warnings import read_moment
    from api.versions import refresh_since

    opened = door(context)
    opened.refuse_files(form)
    moment = read_moment(since, "--since")
    with opened.working(opened.text("cli.evaluating")):
        found = refresh_since(opened.engine, moment).as_json()
    if form is Format.TABLE:
        show_refresh(opened, found)
    else:
        opened.write(to_json(found), None)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="file to write (pg_dump custom format)")],
) -> None:
    """Write a consistent copy of the configured database."""
    from models.database import backup as write_backup

    opened = door(context)
    write_backup(_url(opened), file)
    typer.echo(opened.text("cli.db_backup", path=file))


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="file that `db backup` wrote")],
    yes: Annotated[
        bool, typer.Option("--yes", help="replace what the database holds, without asking")
    ] = False,
) -> None:
    """Replace the configured database's content by a backup."""
    from models.database import restore as read_backup

    opened = door(context)
    if not yes:
        _ask(opened, file)
    read_backup(_url(opened), file)
    typer.echo(opened.text("cli.db_restored", path=file))


def _ask(opened: Door, file: Path) -> None:
    """Let a person say yes; where nobody answers, the option must."""
    refusal = typer.BadParameter(opened.text("cli.restore_unconfirmed"), param_hint="--yes")
    asked = sys.stdin.isatty() and typer.confirm(opened.text("cli.restore_question", path=file), err=True)
    if not asked:
        raise refusal


def _url(opened: Door) -> str:
    from models.cluster import ensure_cluster

    return opened.settings.database_url or ensure_cluster(opened.settings.home)
