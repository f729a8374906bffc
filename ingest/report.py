"""What happened to a file, row by row, with nothing left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.codes import NOTICE_CODES, PROBLEM_CODES
from models.loading import Stretch

Translator = Callable[..., str]
"""The message catalogue of the door in one language: key with its namespace, and params, to a text."""


_SHOWN_CHARACTERS = 200


def _shortened(value: str | None) -> str | None:
    """A cell as a report shows it: a whole novel helps nobody."""
    if value is None or len(value) <= _SHOWN_CHARACTERS:
        return value
    return value[:_SHOWN_CHARACTERS] + "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row. `row` is the row that a person sees in the file (header = row 1).

    `column` is the header as the file writes it, None where the whole row is meant.
    """

    row: int
    column: str | None
    value: str | None
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in PROBLEM_CODES:
            raise ValueError(f"{self.code!r} is no code of a problem")

    def as_json(self, text: Translator) -> dict[str, Any]:
        """The contract's shape, with the message in the translator's language."""
        return {
            "row": self.row,
            "column": self.column,
            "value": _shortened(self.value),
            "code": self.code,
            "message": text(f"ingest.{self.code}", **self.params),
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth knowing that rejects nothing. `row` is None where it concerns the whole file."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    row: int | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        if self.code not in NOTICE_CODES:
            raise ValueError(f"{self.code!r} is no code of a notice")

    def as_json(self, text: Translator) -> dict[str, Any]:
        """Row, column, code and message."""
        return {
            "row": self.row,
            "column": self.column,
            "code": self.code,
            "message": text(f"ingest.{self.code}", **self.params),
        }


COUNTED_NOTICES = frozenset(
    {
        "header_rows_skipped",
        "rows_left_out",
        "rows_of_other_form",
        "rows_short",
        "rows_unmapped",
        "stale_rows",
        "total_rows_skipped",
    }
)


def merge_notices(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """What the blocks of a long file say of the same thing, in one notice each: counts are added up."""
    merged: dict[Any, Notice] = {}
    for place, notice in enumerate(notices):
        if notice.code not in COUNTED_NOTICES:
            merged[place] = notice
            continue
        key = (notice.code, notice.params.get("reason"))
        before = merged.get(key)
        if before is None:
            merged[key] = notice
            continue
        params = {**before.params, "count": before.params["count"] + notice.params["count"]}
        if "rows" in params:
            params["rows"] = f"{before.params['rows']}, {notice.params['rows']}"
        merged[key] = Notice(notice.code, params, notice.row, notice.column)
    return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class UploadReport:
    """The report of one file; the counts always add up: read = loaded + duplicate + rejected + held.

    `quality` is the report of quality control over the good rows of a file of readings (`ingest.quality`).
    `touched` is the time over which each section has readings in what was loaded. `new_warnings` counts the
    warnings that followed, `assessments` those that were looked at again and changed, where somebody looked.

    Where rows were rejected and the load was not partial, nothing was loaded: the good rows are held, and the
    notice ``good_rows_held_back`` says so. After a dry run the counts are those of a load.
    """

    upload_id: int | None
    kind: str
    file: str
    file_sha256: str
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    rows_held: int
    readings_loaded: int
    problems: Sequence[Problem]
    notices: Sequence[Notice]
    dry_run: bool = False
    quality: Mapping[str, Any] | None = None
    touched: tuple[Stretch, ...] = ()
    new_warnings: Mapping[str, Any] | None = None
    assessments: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "notices", merge_notices(self.notices))
        told = self.rows_loaded + self.rows_duplicate + self.rows_rejected + self.rows_held
        if self.rows_read != told:
            raise ValueError(f"the rows of {self.file} do not add up")

    @property
    def ok(self) -> bool:
        """Whether every row was loaded or was known already."""
        return self.rows_rejected == 0

    def as_json(self, text: Translator, *, errors: bool = True) -> dict[str, Any]:
        """The contract's shape of ``ingest … --format json``, with the file's name and the dry-run mark.

        Without `errors` their place is empty: millions of them are better gone through one by one.
        """
        return {
            "upload_id": self.upload_id,
            "kind": self.kind,
            "file": self.file,
            "file_sha256": self.file_sha256,
            "rows_read": self.rows_read,
            "rows_loaded": self.rows_loaded,
            "rows_duplicate": self.rows_duplicate,
            "rows_rejected": self.rows_rejected,
            "rows_held": self.rows_held,
            "readings_loaded": self.readings_loaded,
            "dry_run": self.dry_run,
            "errors": [problem.as_json(text) for problem in self.problems] if errors else [],
            "warnings": [notice.as_json(text) for notice in self.notices],
            "quality": self.quality,
            "new_warnings": self.new_warnings,
            "assessments": self.assessments,
        }
