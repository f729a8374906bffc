"""Uploads: the same code path and the same full report as ``qingjiang ingest``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Header, Path, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy.orm import Session

from api.alerts import READINGS, warnings_of_upload
from api.errors import BadRequestError, NotKnownError, UploadTooLargeError
from api.keys import authenticate, require_upload
from api.kinds import Kind
from api.output import to_csv
from api.schemas import UploadOut
from api.versions import load_and_follow
from api.web.dependencies import CatalogueDep, SessionDep, SettingsDep
from api.web.problems import ProblemOut
from ingest.errors import OptionError
from ingest.mapping import shipped_mappings
from ingest.options import IngestOptions, parse_capture, parse_limits, parse_pairs
from models import queries

router = APIRouter(prefix="/uploads", tags=["uploads"])

CHUNK = 1 << 20
NAME_BYTES = 255
UploadId = Annotated[int, Path(ge=1, le=2**63 - 1, description="the `upload_id` of a report")]
PlainText = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
OptionText = PlainText | None
QUERY_FIELDS = ("kind", "partial", "dry_run")
FILE_FIELDS = ("file", "mapping_file", "provinces")


def require_key(
    request: Request, authorization: Annotated[str | None, Header(description="Bearer key")] = None
) -> str:
    """Let only keys pass that may upload; what the key is called."""
    with Session(request.app.state.engine()) as session:
        key = authenticate(session, authorization)
        require_upload(key)
        return key.name or key.prefix


ActorDep = Annotated[str, Depends(require_key)]


def plain_name(name: str) -> str:
    """A name that any folder can hold: its last part, without control signs, of at most 255 bytes."""
    last = PurePath(name.replace("\\", "/")).name
    last = "".join(sign for sign in last if sign.isprintable())
    stem, ending = PurePath(last).stem, PurePath(last).suffix
    room = NAME_BYTES - len(ending.encode())
    if last in ("", ".", "..") or room <= 0:
        return "upload"
    return stem.encode()[:room].decode(errors="ignore") + ending


class UploadForm(BaseModel):
    """The fields of an upload: the file and everything that `qingjiang ingest` can be told about it."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="CSV, XLSX, XLS, JSON, GeoJSON, GeoPackage, zipped Shapefile …")
    mapping: OptionText = Field(
        default=None,
        description="how a foreign file's columns become ours: the name of a mapping that is shipped",
        examples=["wqp"],
    )
    mapping_file: UploadFile | None = Field(default=None, description="a mapping of one's own, TOML")
    column: list[PlainText] = Field(
        default=[],
        description="FIELD=HEADER: a column whose header is not known; repeatable",
        examples=[["lon=lon_gcj", "lat=lat_gcj"]],
    )
    constants: list[PlainText] = Field(
        default=[],
        alias="set",
        description="FIELD=TEXT: what every row says in a field without a column; repeatable",
        examples=[["level=national"]],
    )
    code_from: Literal["name", "province/name"] | None = Field(
        default=None, description="make missing codes out of the names"
    )
    rank: OptionText = Field(
        default=None,
        description="rank of every water body or line of a file without one",
        examples=["tributary"],
    )
    crs: OptionText = Field(
        default=None,
        description="coordinate system of the file; it wins over what the file says",
        examples=["EPSG:4547", "gcj02"],
    )
    transformation: OptionText = Field(
        default=None,
        description="way from a refused `crs` to WGS 84: an EPSG code, or a PROJ pipeline in degrees",
        examples=["EPSG:15918"],
    )
    transformation_accuracy: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="accuracy of `transformation` in metres", examples=[1]
    )
    swapped: Literal["error", "correct"] = Field(
        default="error", description="longitude and latitude in each other's column"
    )
    outside: Literal["warn", "error", "ignore"] | None = Field(
        default=None,
        description="places outside basin or province, and at (0, 0); default: warn, but (0, 0) is an error",
    )
    provinces: UploadFile | None = Field(
        default=None, description="polygon layer of provinces to check places against"
    )
    encoding: OptionText = Field(
        default=None, description="encoding of a text file", examples=["gb18030", "cp1252"]
    )
    sheet: OptionText = Field(
        default=None, description="sheet or layer: name, or number counted from 1", examples=["2"]
    )
    source: OptionText = Field(default=None, description="where the file comes from")
    note: OptionText = Field(
        default=None,
        description="why: told wherever the file changes an assessment",
        examples=["实验室复核后更正"],
    )
    captured_at: OptionText = Field(
        default=None,
        description="when a feed whose times have no year was captured: a day, or a moment",
        examples=["2024-04-02", "2024-04-02T08:00"],
    )
    on_conflict: Literal["reject", "keep", "replace"] = Field(
        default="reject",
        description="readings that differ from known ones: reject the rows, keep the known, or replace"
        " them (the old value stays as an earlier revision)",
    )
    negative_is_limit: bool = Field(
        default=False, description="a negative concentration is a detection limit (-0.05: <0.05)"
    )
    detection_limit: list[PlainText] = Field(
        default=[],
        description="PARAMETER=NUMBER: detection limit of a bare ND, in the parameter's own unit; repeatable",
        examples=[["cyanide=0.004"]],
    )
    partial: bool = Field(default=False, description="load the good rows of a file with bad ones")
    dry_run: bool = Field(default=False, description="do everything except storing")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unsaid(cls, value: object, info: ValidationInfo) -> object:
        """A field that a form leaves empty says nothing."""
        if value == "" and info.field_name is not None:
            return cls.model_fields[info.field_name].get_default()
        return value


def staged(
    form: Annotated[UploadForm, Form(media_type="multipart/form-data")], settings: SettingsDep
) -> Iterator[tuple[UploadForm, dict[str, FilePath]]]:
    """The form, and its files in private folders under their own names, bounded in size, gone afterwards."""
    left = limit = settings.upload_max_mb << 20
    paths: dict[str, FilePath] = {}
    with tempfile.TemporaryDirectory(prefix="qingjiang-") as folder:
        for field in FILE_FIELDS:
            file: UploadFile | None = getattr(form, field)
            if file is None:
                continue
            path = paths[field] = FilePath(folder) / field / plain_name(file.filename or "")
            path.parent.mkdir()
            with path.open("wb") as target:
                while chunk := file.file.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise UploadTooLargeError(limit)
                    target.write(chunk)
        yield form, paths


StagedDep = Annotated[tuple[UploadForm, dict[str, FilePath]], Depends(staged)]


@router.post(
    "",
    status_code=202,
    response_model=UploadOut,
    responses={status: {"model": ProblemOut} for status in (401, 403, 413, 422)},
)
def create_upload(
    request: Request,
    kind: Annotated[Kind, Query(description="what the file holds")],
    actor: ActorDep,
    upload: StagedDep,
    catalogue: CatalogueDep,
    partial: Annotated[bool, Query(description="as the field of this name")] = False,
    dry_run: Annotated[bool, Query(description="as the field of this name")] = False,
) -> dict[str, Any]:
    """Load a file; the answer reports every row and every error. Rejected rows are not an HTTP error."""
    for name, value in request.query_params.items():
        if name not in QUERY_FIELDS:
            raise BadRequestError(name, value, f"one of {', '.join(QUERY_FIELDS)}, or a field of the form")
    form, paths = upload
    partial = partial or form.partial
    try:
        options = options_of(form, paths, partial=partial, dry_run=dry_run or form.dry_run)
        options = replace(options, actor=actor)
        engine = request.app.state.engine()
        (report,) = load_and_follow(
            engine,
            kind.table,
            [paths["file"]],
            options,
            settings=request.app.state.settings,
            text=catalogue.text,
        )
    except OptionError as error:
        raise wrong_field(error, paths) from error
    return upload_out(report.as_json(catalogue.text), partial=partial)


def options_of(
    form: UploadForm, paths: dict[str, FilePath], *, partial: bool, dry_run: bool
) -> IngestOptions:
    """What the form says, as the loader takes it. Nothing in a form names a file of this machine.

    Raises
    ------
    OptionError
        If a field cannot be understood.
    """
    if form.mapping is not None and (form.mapping_file or form.mapping not in shipped_mappings()):
        expected = f"{', '.join(shipped_mappings())}; mapping_file"
        raise OptionError("--mapping", form.mapping, expected)
    own_mapping = paths.get("mapping_file")
    return IngestOptions(
        crs=form.crs,
        transformation=form.transformation,
        transformation_accuracy_m=form.transformation_accuracy,
        swapped=form.swapped,
        outside=form.outside,
        provinces=paths.get("provinces"),
        columns=parse_pairs("--column", form.column),
        constants=parse_pairs("--set", form.constants),
        code_from=form.code_from,
        encoding=form.encoding,
        sheet=form.sheet,
        source=form.source,
        note=form.note,
        partial=partial,
        on_conflict=form.on_conflict,
        dry_run=dry_run,
        captured_at=parse_capture(form.captured_at),
        rank=form.rank,
        negative_is_limit=form.negative_is_limit,
        detection_limits=parse_limits(form.detection_limit),
        mapping=form.mapping if own_mapping is None else str(own_mapping),
    )


def wrong_field(error: OptionError, paths: dict[str, FilePath]) -> BadRequestError:
    """An option of the command line as the field of the form that it is here."""
    field = error.option.removeprefix("--").replace("-", "_").lower()
    if field == "mapping" and "mapping_file" in paths:
        field = "mapping_file"
    value = str(error.params["value"])
    for path in paths.values():
        value = value.replace(str(path), path.name)
    return BadRequestError(field, value, str(error.params["expected"]))


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
    if found["kind"] == READINGS:
        found["new_warnings"] = warnings_of_upload(session, upload_id)
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
