"""Uploads: the same code path and the same full report as ``qingjiang ingest``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Header, Path, Query, Request, UploadFile
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.errors import NotKnownError, UploadTooLargeError
from api.keys import authenticate, require_upload
from api.kinds import Kind
from api.output import to_csv
from api.schemas import UploadOut
from api.web.dependencies import CatalogueDep, DayQuery, SessionDep, SettingsDep
from api.web.problems import ProblemOut
from ingest.loader import load_files
from ingest.options import IngestOptions
from models import queries

router = APIRouter(prefix="/uploads", tags=["uploads"])

CHUNK = 1 << 20
NAME_BYTES = 255
UploadId = Annotated[int, Path(ge=1, le=2**63 - 1, description="the `upload_id` of a report")]
OptionText = Annotated[str | None, Form(max_length=500, pattern=r"^[^\x00]*$")]


def require_key(
    request: Request, authorization: Annotated[str | None, Header(description="Bearer key")] = None
) -> None:
    """Let only keys pass that may upload."""
    with Session(request.app.state.engine()) as session:
        require_upload(authenticate(session, authorization))


def plain_name(name: str) -> str:
    """A name that any folder can hold: its last part, without control signs, of at most 255 bytes."""
    last = PurePath(name.replace("\\", "/")).name
    last = "".join(sign for sign in last if sign.isprintable())
    stem, ending = PurePath(last).stem, PurePath(last).suffix
    room = NAME_BYTES - len(ending.encode())
    if last in ("", ".", "..") or room <= 0:
        return "upload"
    return stem.encode()[:room].decode(errors="ignore") + ending


def staged(file: UploadFile, settings: SettingsDep) -> Iterator[FilePath]:
    """The uploaded file in a private folder under its own name, bounded in size, gone afterwards."""
    limit = settings.upload_max_mb << 20
    with tempfile.TemporaryDirectory(prefix="qingjiang-") as folder:
        path = FilePath(folder) / plain_name(file.filename or "")
        written = 0
        with path.open("wb") as target:
            while chunk := file.file.read(CHUNK):
                written += len(chunk)
                if written > limit:
                    raise UploadTooLargeError(limit)
                target.write(chunk)
        yield path


@router.post(
    "",
    status_code=202,
    response_model=UploadOut,
    dependencies=[Depends(require_key)],
    responses={status: {"model": ProblemOut} for status in (401, 403, 413, 422)},
)
def create_upload(
    request: Request,
    kind: Annotated[Kind, Query(description="what the file holds")],
    path: Annotated[FilePath, Depends(staged)],
    catalogue: CatalogueDep,
    crs: OptionText = None,
    encoding: OptionText = None,
    sheet: OptionText = None,
    source: OptionText = None,
    captured_at: Annotated[
        DayQuery, Form(description="when a feed whose times have no year was captured")
    ] = None,
    on_conflict: Annotated[
        Literal["reject", "keep", "replace"],
        Form(
            description="readings that differ from known ones: reject the rows, keep the known, or replace"
            " them (the old value stays as an earlier revision)"
        ),
    ] = "reject",
    partial: Annotated[bool, Query(description="load the good rows of a file with bad ones")] = False,
    dry_run: Annotated[bool, Query(description="do everything except storing")] = False,
) -> dict[str, Any]:
    """Load a file; the answer reports every row and every error. Rejected rows are not an HTTP error."""
    options = IngestOptions(
        crs=crs,
        encoding=encoding,
        sheet=sheet,
        source=source,
        captured_at=captured_at,
        on_conflict=on_conflict,
        partial=partial,
        dry_run=dry_run,
    )
    (report,) = load_files(request.app.state.engine(), kind.table, [path], options, text=catalogue.text)
    return upload_out(report.as_json(catalogue.text), partial=partial)


def upload_out(report: dict[str, Any], *, partial: bool) -> dict[str, Any]:
    """A report in the shape of :class:`UploadOut`."""
    rejected = bool(report["rows_rejected"]) and not partial
    return {**report, "state": "rejected" if rejected else "loaded"}


@router.get("/{upload_id}", responses={404: {"model": ProblemOut}})
def read_upload(upload_id: UploadId, session: SessionDep) -> dict[str, Any]:
    """What an earlier upload did."""
    found = queries.upload(session, upload_id)
    if found is None:
        raise NotKnownError("upload", str(upload_id))
    return found


@router.get("/{upload_id}/rejects.csv", response_class=Response, responses={404: {"model": ProblemOut}})
def read_rejects(upload_id: UploadId, session: SessionDep) -> Response:
    """The rejected rows in the file's own columns, with the reason (原因)."""
    if queries.upload(session, upload_id) is None:
        raise NotKnownError("upload", str(upload_id))
    rows = [
        {**row["original"], "原因": "；".join(error["message"] for error in row["errors"])}
        for row in queries.rejected_rows(session, upload_id)
    ]
    name = f"rejects-{upload_id}.csv"
    return Response(
        "\ufeff" + to_csv(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
