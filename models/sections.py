"""How sections are called: by the names and codes they have, and by those they had before.

Every function takes the caller's session and never commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.queries import among, expression, newest_versions, versioned_table
from models.tables import SectionAliasRow

REMOTE_SENSING = "remote_sensing"


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """One version of a section, as far as its name and its days go."""

    code: str
    name: str
    province: str | None
    valid_from: date | None
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the version is in force on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class Aliases:
    """What the lists of sections say of one section's earlier names and codes."""

    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasStatement:
    """What one row of a list says of a section: None says nothing, an empty list that there are none."""

    source_row: int
    code: str
    names: Sequence[str] | None
    codes: Sequence[str] | None


def named_versions(session: Session, codes: Sequence[str] | None = None) -> list[NamedVersion]:
    """The versions of sections that no later record replaced, by code, the one that began last first."""
    table = versioned_table("sections")
    newest = newest_versions(table, None, [] if codes is None else [among(table.c.code, codes)])
    named = newest.c
    rows = session.execute(
        select(named.code, named.name, named.province, named.valid_from, named.valid_to).order_by(
            named.code, named.valid_from.desc().nulls_last()
        )
    )
    return [NamedVersion(*row) for row in rows]


def remote_sections(session: Session, codes: Sequence[str] | None = None) -> dict[str, set[bool]]:
    """Whether sections stand for remote sensing, by code: what the versions say that no record replaced."""
    table = versioned_table("sections")
    newest = newest_versions(table, None, [] if codes is None else [among(table.c.code, codes)]).c
    found: dict[str, set[bool]] = {}
    for code, kind in session.execute(select(newest.code, newest.station_type)):
        found.setdefault(code, set()).add(kind == REMOTE_SENSING)
    return found


def section_aliases(session: Session, codes: Sequence[str] | None = None) -> dict[str, Aliases]:
    """What holds of the earlier names and codes of sections: of each, what was said last."""
    table = SectionAliasRow
    query = select(table.code, table.names, table.codes).order_by(table.id)
    if codes is not None:
        query = query.where(among(expression(table.code), codes))
    found: dict[str, Aliases] = {}
    for code, said_names, said_codes in session.execute(query):
        before = found.get(code, Aliases())
        found[code] = Aliases(
            before.names if said_names is None else tuple(said_names),
            before.codes if said_codes is None else tuple(said_codes),
        )
    return found


def insert_aliases(
    session: Session, upload_id: int, recorded_at: datetime, statements: Iterable[AliasStatement]
) -> set[int]:
    """Record what is new of the statements; returns the `source_row` of those that said something new."""
    listed = list(statements)
    known = section_aliases(session, [statement.code for statement in listed])
    new = [
        statement
        for statement in listed
        if (statement.names is not None and set(statement.names) != set(_of(known, statement).names))
        or (statement.codes is not None and set(statement.codes) != set(_of(known, statement).codes))
    ]
    if new:
        session.execute(
            insert(SectionAliasRow),
            [
                {
                    "code": statement.code,
                    "names": None if statement.names is None else list(statement.names),
                    "codes": None if statement.codes is None else list(statement.codes),
                    "upload_id": upload_id,
                    "source_row": statement.source_row,
                    "recorded_at": recorded_at,
                }
                for statement in new
            ],
        )
    return {statement.source_row for statement in new}


def _of(known: dict[str, Aliases], statement: AliasStatement) -> Aliases:
    return known.get(statement.code, Aliases())


def former_names(session: Session, codes: Sequence[str]) -> dict[str, Aliases]:
    """Every other name and code of some sections: what lists say, and the names of all their versions."""
    said = section_aliases(session, codes)
    names: dict[str, dict[str, None]] = {
        code: dict.fromkeys(said.get(code, Aliases()).names) for code in codes
    }
    for version in named_versions(session, codes):
        names[version.code].setdefault(version.name)
    return {code: Aliases(tuple(names[code]), said.get(code, Aliases()).codes) for code in codes}
