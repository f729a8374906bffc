"""Findings: what one rule says about one subject on one day, with everything that led to it.

A finding never travels without its reason. Texts for people are made elsewhere from the reason's code and
parameters; nothing here holds a sentence.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from spatial.vocabulary import State, Verdict

COORDINATE_DECIMALS = 7
"""Decimals of a degree in answers: about one centimetre."""

NUMBER_DECIMALS = 9
"""Decimals of every other binary number in answers, so that the same result has the same bytes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule for one subject as of one day.

    `measured` holds what was measured (distances in metres rounded to 0.01 m, classes, counts), `limit` what
    it was held against. `evidence` always has ``reason`` (code and params), ``rule`` (id, document, clause,
    quote, rule_set) and ``data`` (versions, uploads, periods the result rests on); ``settings`` names the
    open points that were settled by a setting, and ``alternatives`` what another choice would have given,
    where that differs. `geometry` is in EPSG:4490.

    `state` is ``overdue`` for an unmet obligation after its deadline, ``due`` for one that may still be met,
    ``resolved`` where nothing is left to be done, else ``open``.
    """

    rule_id: str
    clause: str
    subject_kind: str
    subject_code: str
    subject_name: str | None
    region_code: str | None
    verdict: Verdict
    state: State
    measured: Mapping[str, Any]
    limit: Mapping[str, Any]
    deadline: date | None
    as_of: date
    evidence: Mapping[str, Any]
    geometry: BaseGeometry | None = None

    @property
    def finding_key(self) -> str:
        """Identity over time: SHA-256 of rule, kind and code of the subject, joined by ``|``."""
        identity = f"{self.rule_id}|{self.subject_kind}|{self.subject_code}"
        return hashlib.sha256(identity.encode()).hexdigest()

    @property
    def sort_key(self) -> tuple[str, str, str]:
        """Order of findings in every answer."""
        return (self.rule_id, self.subject_kind, self.subject_code)

    def as_json(self, first_seen: date | None = None) -> dict[str, Any]:
        """Shape of the contract. `first_seen` is known to the store only; without it, it is `as_of`."""
        return {
            "rule_id": self.rule_id,
            "clause": self.clause,
            "subject_kind": self.subject_kind,
            "subject_code": self.subject_code,
            "subject_name": self.subject_name,
            "region_code": self.region_code,
            "verdict": self.verdict.value,
            "state": self.state.value,
            "measured": plain(self.measured),
            "limit": plain(self.limit),
            "deadline": plain(self.deadline),
            "as_of": plain(self.as_of),
            "first_seen": plain(first_seen or self.as_of),
            "evidence": plain(self.evidence),
            "geometry": geojson(self.geometry),
        }


def is_located(geometry: BaseGeometry | None) -> bool:
    """Whether a geometry is anywhere on Earth: none at all, an empty one and a point of NaN are not."""
    if geometry is None or geometry.is_empty:
        return False
    return all(math.isfinite(bound) for bound in geometry.bounds)


def geojson(geometry: BaseGeometry | None) -> dict[str, Any] | None:
    """GeoJSON geometry in longitude/latitude, coordinates rounded to 7 decimals; null where it is nowhere."""
    if geometry is None or not is_located(geometry):
        return None
    shape = mapping(geometry)
    return {"type": shape["type"], "coordinates": _rounded(shape["coordinates"])}


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, (tuple, list)):
        return [_rounded(part) for part in coordinates]
    return round(float(coordinates), COORDINATE_DECIMALS)


def plain(value: Any) -> Any:
    """Any value of a finding as JSON knows it; dates are ISO, numbers rounded, NaN is null.

    Mappings keep their order, which the evaluators fix. A decimal becomes a number: it was compared before.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return _number(value)


def _number(value: Any) -> int | float | None:
    """An integral decimal as int, any other number as rounded float; not-a-number as null."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    number = float(value)
    return round(number, NUMBER_DECIMALS) if math.isfinite(number) else None
