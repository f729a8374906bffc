"""Rows of a foreign file that say one thing in several ways, and which of them its mapping takes.

One result stated as N and as NO3, a profile of a lake with its depths, a sample at one depth beside one over
all of them: they would be readings of the same section, time and parameter that differ. Where the file tells
them apart and the mapping says which is meant (``[[prefer]]``), the others give way; they are counted with
the rule's reason. The whole file is looked at before its first row is taken: the outcome does not depend on
where blocks begin.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.mapping import ColumnMapping, Preference, apply_mapping, fits_pattern
from ingest.readers import RawTable, select_rows, without_totals
from ingest.report import Notice
from ingest.values import Reading, parse_value

Floats = NDArray[np.float64]
Digests = NDArray[np.uint64]

_KEY = ("section", "section_code", "province", "sampled_at", "parameter")


@dataclass(frozen=True, slots=True)
class GivingWay:
    """Rows that give way to another, by their number, with the reason."""

    reasons: dict[int, str] = field(default_factory=dict)

    def leave(self, table: RawTable) -> RawTable:
        """The table without them, with a notice for each reason that counts them."""
        if not self.reasons:
            return table
        said = [self.reasons.get(row) for row in table.rows.tolist()]
        counts = Counter(reason for reason in said if reason is not None)
        if not counts:
            return table
        kept = select_rows(
            table, np.array([at for at, one in enumerate(said) if one is None], dtype=np.int64)
        )
        notices = [
            Notice("rows_left_out", {"count": count, "reason": reason}) for reason, count in counts.items()
        ]
        return replace(kept, notices=(*kept.notices, *notices))


def giving_way(tables: Iterable[RawTable], mapping: ColumnMapping) -> GivingWay:
    """Look through a file and say which rows give way.

    Rows that the mapping leaves out or refuses, and rows without a value, neither win nor lose. Within the
    readings of one section, time and parameter (and of one text in each column of the rule's `same`) a rule
    decides only where it ranks them all, and not all alike; the first rule is applied first.
    """
    rules = mapping.prefer
    if not rules:
        return GivingWay()
    rows: list[NDArray[np.int64]] = []
    digests: list[list[Digests]] = [[] for _ in rules]
    ranks: list[list[Floats]] = [[] for _ in rules]
    for table in tables:
        found = _ranked(table, mapping)
        rows.append(found[0])
        for number, (digest, rank) in enumerate(found[1]):
            digests[number].append(digest)
            ranks[number].append(rank)
    numbers = np.concatenate(rows)
    alive = np.ones(len(numbers), dtype=bool)
    reasons: dict[int, str] = {}
    for number, rule in enumerate(rules):
        lost = _lost(np.concatenate(digests[number]), np.concatenate(ranks[number]), alive)
        alive &= ~lost
        reasons |= dict.fromkeys(numbers[lost].tolist(), rule.reason)
    return GivingWay(reasons)


def _ranked(
    table: RawTable, mapping: ColumnMapping
) -> tuple[NDArray[np.int64], list[tuple[Digests, Floats]]]:
    """Numbers of the readings of one block, and their key and rank under each rule."""
    read = without_totals(table) if table.geometry is None else table
    mapped = apply_mapping(read, mapping)
    fields = dict(zip(mapped.fields or (), mapped.cells, strict=True))
    places = mapped.origin[1].tolist() if mapped.origin is not None else list(range(len(mapped)))
    headers = mapping.places(read.columns)
    faulty = {fault.position for fault in mapped.faults}
    good = [
        at
        for at, value in enumerate(fields["value"])
        if at not in faulty and parse_value(value).reading is not Reading.MISSING
    ]
    known = [fields[name] for name in _KEY if name in fields]
    keys = ["\x1f".join(column[at] for column in known) for at in good]

    def own(header: str) -> list[str]:
        cells = read.cells[headers[header]]
        return [cells[places[at]].strip() for at in good]

    told: list[tuple[Digests, Floats]] = []
    for rule in mapping.prefer:
        parts = [keys, *(own(header) for header in rule.same)]
        texts = own(rule.column)
        ranks = {text: _rank(rule, text) for text in set(texts)}
        told.append((_digests(parts), np.array([ranks[text] for text in texts], dtype=np.float64)))
    return mapped.rows[np.array(good, dtype=np.int64)], told


def _rank(rule: Preference, text: str) -> float:
    """How good a text is, the least best; NaN where the rule has nothing to say of it."""
    if rule.order is None:
        read = parse_value(text)
        return float(read.number) if read.number is not None and read.reading is Reading.MEASURED else np.nan
    for place, pattern in enumerate(rule.order):
        if fits_pattern(text, (pattern,)):
            return float(place)
    return np.nan


def _digests(parts: Sequence[Sequence[str]]) -> Digests:
    """128 bits of each key, as two columns: two different keys do not meet."""
    known: dict[tuple[str, ...], bytes] = {}
    found: list[bytes] = []
    for key in zip(*parts, strict=True):
        digest = known.get(key)
        if digest is None:
            text = "\x1e".join(key).encode("utf-8", "surrogatepass")
            digest = known[key] = hashlib.blake2b(text, digest_size=16).digest()
        found.append(digest)
    return np.frombuffer(b"".join(found), dtype=np.uint64).reshape(-1, 2)


def _lost(digests: Digests, ranks: Floats, alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which living rows another one of their key is better than."""
    lost = np.zeros(len(ranks), dtype=bool)
    chosen = np.flatnonzero(alive)
    if not len(chosen):
        return lost
    order = chosen[np.lexsort((digests[chosen, 1], digests[chosen, 0]))]
    keys: NDArray[Any] = digests[order]
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    ranked = ranks[order]
    best = np.minimum.reduceat(ranked, starts)  # NaN where one of them has no rank
    worse = ranked > np.repeat(best, np.diff(np.r_[starts, len(order)]))
    lost[order[worse]] = True
    return lost
