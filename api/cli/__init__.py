"""The command line ``qingjiang``: each command parses arguments, calls one function, shows the result.

Exit codes: 0 done, 1 rows were rejected or a check failed, 2 unusable file or arguments.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from api.catalogue import Catalogue, Language
from api.cli import (
    charts,
    comparisons,
    data,
    databases,
    distances,
    pictures,
    products,
    relations,
    rules,
    service,
    shoreline,
    sources,
    trace,
    verdicts,
    warnings,
    zones,
)
from api.cli.door import Door, Doorkeeper
from api.settings import read_settings

app = typer.Typer(
    cls=Doorkeeper,
    name="qingjiang",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="清江：断面达标与岸线管控的判定，附证据。Water-quality and shoreline compliance, with the evidence.",
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"qingjiang {installed_version('qingjiang')}")
        raise typer.Exit


@app.callback()
def enter(
    context: typer.Context,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="language of texts: zh-CN or en; default: the setting")
    ] = None,
    version: Annotated[  # noqa: ARG001  # handled by its callback
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version and end"),
    ] = False,
) -> None:
    """Read the settings once and hand them to the command."""
    from api.logs import configure_logging

    settings = read_settings()
    configure_logging(settings.log_level)
    opened = Door(settings, Catalogue(lang or settings.language))
    context.obj = opened
    context.call_on_close(opened.close)


app.add_typer(databases.app, name="db")
app.add_typer(rules.app, name="rules")
app.add_typer(sources.app, name="sources")
app.add_typer(shoreline.app, name="shoreline")
app.add_typer(warnings.app, name="warnings")
app.add_typer(relations.app, name="relations")
app.add_typer(pictures.app, name="map")
app.add_typer(charts.app, name="chart")
app.add_typer(service.keys_app, name="keys")
app.command("ingest")(data.ingest_command)
app.command("template")(data.template_command)
app.command("classify")(data.classify_command)
app.command("distance")(distances.distance_command)
app.command("zones")(zones.zones_command)
app.command("trace")(trace.trace_command)
app.command("products")(products.products_command)
app.command("evaluate")(verdicts.evaluate_command)
app.command("assess")(verdicts.assess_command)
app.command("compare")(comparisons.compare_command)
app.command("trend")(comparisons.trend_command)
app.command("ranking")(comparisons.ranking_command)
app.command("flux")(comparisons.flux_command)
app.command("scoreboard")(verdicts.scoreboard_command)
app.command("serve")(service.serve_command)
app.command("demo")(service.demo_command)
