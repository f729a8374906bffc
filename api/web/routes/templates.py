"""Excel templates to fill in and upload."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.kinds import Kind
from api.web.dependencies import CatalogueDep
from api.web.problems import ProblemOut
from api.wording import guide_texts
from ingest.templates import make_template

router = APIRouter(prefix="/templates", tags=["uploads"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get(
    "/{kind}.xlsx",
    response_class=Response,
    responses={
        200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}},
        422: {"model": ProblemOut},
    },
)
def read_template(
    catalogue: CatalogueDep, kind: Annotated[Kind, Path(description="what the workbook shall hold")]
) -> Response:
    """A workbook to fill in and upload: headers, lists, checks, an example and a guide of one kind."""
    headers = {"Content-Disposition": f'attachment; filename="{kind.value}.xlsx"'}
    return Response(make_template(kind.table, guide_texts(catalogue)), media_type=XLSX, headers=headers)
