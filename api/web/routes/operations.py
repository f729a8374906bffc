"""Whether the service is alive and can work."""

from __future__ import annotations

from importlib.metadata import version

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.schemas import Health
from models.errors import ModelsError

log = structlog.get_logger(__name__)
router = APIRouter(tags=["operations"])


@router.get("/healthz", response_model=Health)
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", version=version("qingjiang"))


@router.get("/readyz", response_model=Health, responses={503: {"model": Health}})
def readyz(request: Request, response: Response) -> Health:
    """The database answers too, on the schema of this version."""
    try:
        with request.app.state.engine().connect() as connection:
            connection.execute(text("SELECT 1 FROM qingjiang.uploads LIMIT 1"))
    except (SQLAlchemyError, ModelsError) as error:
        log.warning("not ready", error=str(error))
        response.status_code = 503
        return Health(status="unavailable", version=version("qingjiang"), detail="database")
    return Health(status="ok", version=version("qingjiang"))
