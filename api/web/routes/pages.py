"""Pages for people: home and maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Annotated, Any, Literal

import jinja2
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from api.catalogue import Catalogue
from api.features import covering_run, finding_out
from api.jobs import score_in
from api.output import Row
from api.pictures import draw
from api.web.dependencies import AsOfQuery, CatalogueDep, SessionDep, SettingsDep, today
from api.web.problems import ProblemOut
from api.wording import distance_text, measured_text, reason_text, threshold_text
from models import queries
from models.tables import EvaluationRunRow

router = APIRouter(tags=["pages"], include_in_schema=False)
FINDINGS_SHOWN = 10_000

environment = jinja2.Environment(
    loader=jinja2.PackageLoader("api.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass
class Shelf:
    """Finished pages by what they rest on (run, day, language …); the oldest make room."""

    places: int = 16
    _pages: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The page for a key, made on first asking."""
        with self._lock:
            if key not in self._pages:
                while len(self._pages) >= self.places:
                    self._pages.pop(next(iter(self._pages)))
                self._pages[key] = make()
            return self._pages[key]


def page(catalogue: Catalogue, name: str, **context: Any) -> HTMLResponse:
    """A rendered template; everything in it is escaped."""
    template = environment.get_template(name)
    return HTMLResponse(
        template.render(
            text=catalogue.text,
            language=catalogue.language.value,
            reason=lambda row: reason_text(catalogue, row),
            threshold=threshold_text,
            measured=measured_text,
            distance=distance_text,
            **context,
        )
    )


def shown_run(session: Session) -> EvaluationRunRow | None:
    """The latest run over the basin; else the latest over any region, which the page names."""
    return covering_run(session, None) or queries.latest_run(session)


@router.get("/")
def home(request: Request, session: SessionDep, catalogue: CatalogueDep) -> HTMLResponse:
    """The scoreboard, the map and the violations of the latest run."""
    title = catalogue.text("pages.product")
    run = shown_run(session)
    if run is None:
        return page(catalogue, "home.html", title=title, run=None)
    findings: list[Row] = [
        finding_out(row) for row in queries.findings_page(session, run.id, limit=FINDINGS_SHOWN)
    ]
    key = ("scores", run.id, queries.data_hash(session, run.as_of))
    scores: list[Row] = request.app.state.shelf.get(
        key, lambda: [one.as_json() for one in score_in(session, run.as_of, run.region_code)]
    )
    told = [row for row in scores if row["verdict"] != "undetermined" or row["denominator"]]
    return page(
        catalogue,
        "home.html",
        title=title,
        run=run,
        findings=findings,
        finding_counts=Counter(row["verdict"] for row in findings),
        violations=[row for row in findings if row["verdict"] == "violation"],
        target_counts=Counter(row["verdict"] for row in scores),
        scores=told,
        scores_total=len(scores),
    )


@router.get("/maps/{subject}")
def show_map(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    catalogue: CatalogueDep,
    subject: Literal["overview", "buffers", "sections"],
    as_of: AsOfQuery = None,
) -> HTMLResponse:
    """A map as it stood on a day: the latest run's, where none is named."""
    return _map(request, session, settings, catalogue, subject, as_of, None)


@router.get("/maps/facility/{code}", responses={404: {"model": ProblemOut}})
def show_facility_map(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    catalogue: CatalogueDep,
    code: Annotated[str, Path(max_length=200)],
    as_of: AsOfQuery = None,
) -> HTMLResponse:
    """One facility with its nearest shoreline and findings."""
    return _map(request, session, settings, catalogue, "facility", as_of, code)


def _map(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    catalogue: Catalogue,
    subject: str,
    as_of: date | None,
    code: str | None,
) -> HTMLResponse:
    run = shown_run(session)
    day = as_of or (today() if run is None else run.as_of)
    key = (subject, code, day, catalogue.language, queries.data_hash(session, day))
    html = request.app.state.shelf.get(
        key,
        lambda: draw(
            request.app.state.engine(), settings, catalogue, subject, day, code=code, assets="linked"
        ),
    )
    return HTMLResponse(html)
