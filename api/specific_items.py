"""Thallium and antimony of ordinary sections, judged against Table 3 where somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from spatial.assessment import SectionAssessment
from spatial.classification import give_reason
from spatial.errors import StandardNotInForceError
from spatial.overlays import load_standards
from spatial.source_rules import SPECIFIC_AT_SECTIONS, load_source_rules
from spatial.source_water import judge_specific_items


def is_asked(asked: bool | None) -> bool:
    """Whether to judge them: as the caller says, else by the dated setting of the rules."""
    return load_source_rules().choices[SPECIFIC_AT_SECTIONS] == "on" if asked is None else asked


def section_rows(
    assessed: Sequence[SectionAssessment], day: date, *, asked: bool | None = None
) -> list[dict[str, Any]]:
    """Assessments of sections in the shape of the contract; where asked, with ``specific_items``.

    They change no class and no verdict: Table 3 is made for drinking-water sources. A row that shows some
    says so in its warnings.
    """
    rows: list[dict[str, Any]] = [dict(one.as_json()) for one in assessed]
    if not is_asked(asked):
        return rows
    book = load_standards()
    for one, row in zip(assessed, rows, strict=True):
        try:
            standard = book.standard_for(one.region_code, day, basin=one.basin)
        except StandardNotInForceError:
            row["specific_items"] = []
            continue
        items = judge_specific_items(one, standard)
        row["specific_items"] = [item.as_json() for item in items]
        if items:
            codes = "、".join(item.parameter for item in items)
            warning = give_reason("specific_items_by_table_3", parameters=codes)
            row["warnings"] = [*row["warnings"], warning.as_json()]
    return rows
