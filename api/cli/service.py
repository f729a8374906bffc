"""``serve``, ``demo`` and ``keys``: the service and who may use it."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.door import EXIT_UNUSABLE, Door, FormatOption, door, parse_date
from api.output import Column, Format, Row, to_json

keys_app = typer.Typer(no_args_is_help=True, help="Keys for programs: create, list, revoke.")

HostOption = Annotated[str, typer.Option("--host", help="address to listen on")]
PortOption = Annotated[int, typer.Option("--port", help="port to listen on", min=1, max=65535)]


def serve_command(
    context: typer.Context,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    workers: Annotated[int, typer.Option("--workers", help="worker processes", min=1)] = 1,
) -> None:
    """Serve the pages and the API until Ctrl-C."""
    opened = door(context)
    with opened.working(opened.text("cli.starting_database")):
        opened.engine.dispose()
    _serve(opened, host, port, workers)


def _serve(opened: Door, host: str, port: int, workers: int) -> None:
    import socket

    import uvicorn

    from api.errors import PortTakenError

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise PortTakenError(host, port, error.strerror or str(error)) from error
    opened.say(opened.text("cli.serving", url=f"http://{host}:{port}/"))
    uvicorn.run(
        "api.web.serving:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level=opened.settings.log_level.lower(),
    )


def demo_command(
    context: typer.Context,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="serve when all is done")] = True,
) -> None:
    """Load the sample data, evaluate, print the scoreboard, draw the maps, and serve."""
    from api.cli.data import show_report
    from api.cli.sources import show_shares
    from api.cli.verdicts import finding_counts, list_findings, show_scoreboard
    from api.demo import draw_maps, load_sample, sample_manifest
    from api.jobs import run_evaluation
    from spatial.period import parse_period

    opened = door(context)
    manifest = sample_manifest()
    with opened.working(opened.text("cli.starting_database")):
        engine = opened.engine
    for entry, report in load_sample(engine, manifest, opened):
        show_report(opened, report, entry.options)
        if report.rows_rejected and not entry.options.partial:
            raise typer.Exit(EXIT_UNUSABLE)
    with opened.working(opened.text("cli.evaluating")):
        result = run_evaluation(engine, manifest.as_of)
    findings: list[Row] = list(result.findings)
    violations = [row for row in findings if row["verdict"] == "violation"]
    list_findings(opened, violations, manifest.as_of.isoformat())
    show_scoreboard(opened, list(result.scores), manifest.as_of.isoformat(), every=False)
    opened.say(finding_counts(opened, findings))
    show_shares(opened, parse_period(str(manifest.as_of.year - 1)))
    with opened.working(opened.text("cli.drawing")):
        paths = draw_maps(engine, opened.settings, opened.catalogue, manifest.as_of)
    for path in paths:
        opened.say(opened.text("cli.map_at", path=path))
    if serve:
        engine.dispose()
        _serve(opened, host, port, 1)


@keys_app.command("create")
def create_key(
    context: typer.Context,
    role: Annotated[str, typer.Option("--role", help="bureau, inspector, portal or admin")],
    region: Annotated[
        str | None, typer.Option("--region", help="GB/T 2260 code the key is limited to")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="whose key this is")] = None,
    expires: Annotated[str | None, typer.Option("--expires", help="last day on which the key works")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a key; it is shown this once."""
    from api.keys import issue_key

    opened = door(context)
    last_day = parse_date(expires, "--expires") if expires else None
    issued = issue_key(opened.engine, role=role, region_code=region, name=name, expires=last_day)
    if form is Format.JSON:
        opened.write(to_json(issued), None)
        return
    typer.echo(issued["key"])
    opened.say(opened.text("cli.key_once"))


@keys_app.command("list")
def list_keys(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Every key: who, what for, until when. The keys themselves are not kept."""
    from api.keys import key_rows

    opened = door(context)
    text = opened.text
    columns: list[Column] = [
        (text("cli.col_id"), lambda row: row["id"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (text("cli.col_role"), lambda row: row["role"]),
        (text("cli.col_region"), lambda row: row["region_code"]),
        (text("cli.col_expires"), lambda row: row["expires"]),
        (text("cli.col_revoked"), lambda row: row["revoked_at"]),
    ]
    opened.show(list(key_rows(opened.engine)), columns, form, None)


@keys_app.command("revoke")
def revoke_key(
    context: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID", help="id of the key")]
) -> None:
    """End a key at once."""
    from api.keys import end_key

    opened = door(context)
    end_key(opened.engine, key_id)
