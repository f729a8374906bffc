"""The FastAPI application: ``create_app(settings)`` builds it; nothing is read from the environment here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine

from api.jobs import open_database
from api.settings import Settings
from api.web import problems
from api.web.description import describe
from api.web.etags import EntityTags
from api.web.routes import (
    assessments,
    charts,
    comparisons,
    facilities,
    findings,
    operations,
    pages,
    rules,
    sections,
    templates,
    trace,
    uploads,
    warnings,
    water_sources,
    zones,
)

DESCRIPTION = """Which sections miss their class, and which facilities stand where the law says they must not.

Every verdict is *compliant*, *violation* or *undetermined*, as of a date, with its evidence. Errors are
problem documents (RFC 9457). Lists answer `{"items": […], "next": …}` and page by `cursor=`."""


class LazyEngine:
    """The database, opened at the first request that needs it; one for the whole application."""

    def __init__(self, settings: Settings, engine: Engine | None) -> None:
        self._settings = settings
        self._engine = engine
        self._lock = threading.Lock()

    def __call__(self) -> Engine:
        """The engine."""
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = open_database(self._settings)
        return self._engine


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """Build the application for these settings; `engine` hands in a database that is open already."""
    app = FastAPI(
        title="Qingjiang 清江",
        version=version("qingjiang"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        license_info={"name": "Apache-2.0"},
    )
    app.state.settings = settings
    opener: Callable[[], Engine] = LazyEngine(settings, engine)
    app.state.engine = opener
    app.state.shelf = pages.Shelf()
    app.state.zones = pages.Shelf()
    problems.register(app)
    app.add_middleware(EntityTags)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)

    for module in (
        charts,  # before the sections, too
        comparisons,  # before the sections, whose codes may hold slashes
        sections,
        assessments,
        water_sources,
        facilities,
        findings,
        warnings,
        zones,
        rules,
        templates,
        trace,
        uploads,
    ):
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(operations.router)
    app.include_router(trace.map_router)  # before the pages, whose maps have any name
    app.include_router(pages.router)

    document = cache(lambda: describe(app))
    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend the document

    swagger = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/assets/swagger", StaticFiles(directory=swagger), name="swagger")
    app.mount("/assets/qingjiang", StaticFiles(directory=str(files("api.web") / "static")), name="static")
    app.mount("/maps/assets", StaticFiles(directory=str(files("maps") / "assets")), name="map-assets")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        """The API's description; every part of the page comes from this application."""
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Qingjiang 清江 · API",
            swagger_js_url="/assets/swagger/swagger-ui-bundle.js",
            swagger_css_url="/assets/swagger/swagger-ui.css",
            swagger_favicon_url="/assets/qingjiang/icon.svg",
        )

    return app
