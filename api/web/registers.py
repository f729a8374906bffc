"""Pages of the registers: the same list for sections and for every kind of facility."""

from __future__ import annotations

from datetime import date

from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.features import feature_rows, with_former_names
from api.jobs import ONLY
from api.web.dependencies import AnswerFormat, Page, answer, today
from models import queries


def register_page(
    session: Session,
    kind: str,
    page: Page,
    form: AnswerFormat,
    *,
    bbox: tuple[float, float, float, float] | None,
    region: str | None,
    as_of: date | None,
) -> Response:
    """Entries of one kind in force on a day (None: today), ordered by code, in the asked format."""
    frame = queries.features_in_force(
        session,
        kind,
        as_of or today(),
        region_code=region,
        bbox=bbox,
        where=ONLY.get(kind),
        after=after[0] if (after := page.key(str)) else "",
        limit=page.fetch,
    )
    rows = feature_rows(frame)
    shown = rows[: page.limit]
    if kind == "sections":
        shown = with_former_names(session, shown)
    return answer(shown, form, page.next_cursor(rows, [shown[-1]["code"]] if shown else []))
