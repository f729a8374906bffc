"""``assess --history``: the stored assessments of one section; and what a load changed of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from api.cli.door import Door
from api.output import Column, Format, Row, to_json
from api.wording import item_name
from spatial.period import Period

TABLE_ROWS = 20
TOLD_CHANGES = 5


def show_refresh(opened: Door, counts: Row) -> None:
    """What a load changed of the stored assessments."""
    text = opened.text
    opened.say(text("history.refreshed", **{name: counts[name] for name in ("checked", "stored", "changed")}))
    for name in ("classes", "verdicts"):
        for change, count in counts[name].items():
            before, after = (_word(opened, word) for word in change.split("→"))
            opened.say("  " + text("history.became", before=before, after=after, count=count))
    columns: list[Column] = [
        (text("cli.col_section"), lambda row: row["section"]),
        (text("history.col_period"), lambda row: row["period"]),
        (
            text("cli.col_class"),
            lambda row: f"{row['class_before'] or '—'} → {row['class_after'] or '—'}",
        ),
        (
            text("cli.col_verdict"),
            lambda row: " → ".join(
                _word(opened, row[name] or "—") for name in ("verdict_before", "verdict_after")
            ),
        ),
    ]
    if counts["sections"]:
        opened.table(counts["sections"][:TABLE_ROWS], columns, title=text("history.changes_title"))
    if len(counts["sections"]) > TABLE_ROWS:
        opened.say(text("cli.more_rows", count=len(counts["sections"]) - TABLE_ROWS))


def _word(opened: Door, word: str) -> str:
    """A verdict in words; a class as it is."""
    known = ("compliant", "violation", "undetermined")
    return opened.text(f"states.{word}") if word in known else word


def show_history(
    opened: Door, code: str, period: Period, known_at: datetime | None, form: Format, out: Path | None
) -> None:
    """The versions of one section and period: a table for people, the whole document as JSON."""
    from sqlalchemy.orm import Session

    from api.versions import assessment_history

    with opened.working(opened.text("cli.evaluating")), Session(opened.engine) as session:
        document = assessment_history(session, code, period, known_at=known_at)
    versions = document["versions"]
    if form is Format.JSON:
        opened.write(to_json(document), out)
        return
    if not versions and form is Format.TABLE:
        opened.say(opened.text("history.nothing", section=code, period=period.text))
        return
    opened.show(versions, _columns(opened), form, out)


def _columns(opened: Door) -> list[Column]:
    text = opened.text
    return [
        (text("history.col_version"), lambda row: row["version"]),
        (text("history.col_computed"), lambda row: row["computed_at"][:16].replace("T", " ")),
        (text("cli.col_class"), lambda row: row["class_label"] or "—"),
        (text("cli.col_verdict"), lambda row: _word(opened, row["verdict"] or "—")),
        (text("history.col_cause"), lambda row: _cause(opened, row)),
        (text("history.col_who"), lambda row: _of_upload(row, "actor", "source")),
        (text("history.col_why"), lambda row: _of_upload(row, "note")),
        (text("history.col_replaced"), lambda row: _changes(opened, row)),
    ]


def _cause(opened: Door, row: Row) -> str:
    cause = opened.text(f"history.cause_{row['cause']}")
    upload = row["upload"]
    if upload is None:
        return cause
    return opened.text(
        "history.cause_file", cause=cause, upload=upload["upload_id"], file=upload["file_name"]
    )


def _of_upload(row: Row, *names: str) -> str:
    upload = row["upload"] or {}
    return "、".join(str(upload[name]) for name in names if upload.get(name))


def _changes(opened: Door, row: Row) -> str:
    told = [
        opened.text(
            "history.change",
            time=change["sampled_at"][:16].replace("T", " "),
            parameter=item_name(change["parameter"], opened.catalogue.language),
            old=change["old"],
            new=change["new"],
            row=change["new_row"],
        )
        for change in row["replaced"][:TOLD_CHANGES]
    ]
    if row["replaced_readings"] > TOLD_CHANGES:
        told.append(opened.text("history.more_changes", count=row["replaced_readings"] - TOLD_CHANGES))
    return "；".join(told)
