"""``qingjiang db``: the embedded cluster, the schema, backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.door import EXIT_UNUSABLE, Door, FormatOption, door
from api.output import Format, Row, to_json

app = typer.Typer(
    no_args_is_help=True, help="The embedded database: up, down, status, migrate, backup, restore."
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
        return
    rows: list[Row] = [
        {key: None if value is None else str(value)}
        for key, value in asdict(cluster_status(opened.settings.home)).items()
    ]
    if form is Format.JSON:
        opened.write(to_json({key: value for row in rows for key, value in row.items()}), None)
        return
    for row in rows:
        for key, value in row.items():
            typer.echo(f"{key}: {value or '—'}")


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the schema to this version."""
    from models.database import current_revision

    opened = door(context)
    with opened.working(opened.text("cli.starting_database")):
        engine = opened.engine
    typer.echo(opened.text("cli.db_migrated", revision=current_revision(engine)))


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
    if not yes and not typer.confirm(f"{file} → database?"):
        raise typer.Exit(EXIT_UNUSABLE)
    read_backup(_url(opened), file)
    typer.echo(opened.text("cli.db_restored", path=file))


def _url(opened: Door) -> str:
    from models.cluster import ensure_cluster

    return opened.settings.database_url or ensure_cluster(opened.settings.home)
