"""Quality control of a load: its own readings, and the stored ones that it gives new neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from ingest.quality import Thresholds, flag_readings, load_thresholds, quality_report
from models import quality as store
from models.loading import NULL

BATCH = 200
"""Sections that are flagged anew at a time, so that memory stays bounded."""


class QualityControl:
    """The flags of one load of readings; in the order `flag`, `look_around`, (insert), `settle`, `report`."""

    def __init__(self, session: Session, thresholds: Thresholds | None = None) -> None:
        self.session = session
        self.thresholds = thresholds or load_thresholds()
        self.near: list[store.Stretch] = []

    def flag(self, readings: pd.DataFrame) -> pd.DataFrame:
        """The same readings with `quality` and `quality_tests` (tuples or None)."""
        flags = flag_readings(readings.rename(columns={"section_id": "section"}), self.thresholds)
        return readings.assign(quality=flags["quality"], quality_tests=flags["tests"])

    def look_around(self, readings: pd.DataFrame) -> None:
        """Remember where the database has neighbours of these readings. Before they are inserted."""
        if readings.empty:
            return
        spans = readings.groupby(readings["section_id"].astype("int64"))["sampled_at"].agg(["min", "max"])
        stretches = [
            store.Stretch(int(number), first.to_pydatetime(), last.to_pydatetime())
            for number, first, last in spans.itertuples()
        ]
        self.near = store.stretches_near_stored(
            self.session, stretches, self.thresholds.reach.to_pytimedelta()
        )

    def settle(self) -> int:
        """Flag anew what lies near both stored and new readings; returns how many flags changed.

        A reading is decided by what lies within the reach of the tests; so all readings within the reach of
        new ones are looked at again, with everything within the reach of those as context.
        """
        changed = 0
        reach = self.thresholds.reach
        for start in range(0, len(self.near), BATCH):
            stretches = self.near[start : start + BATCH]
            around = store.readings_near(self.session, stretches, (2 * reach).to_pytimedelta())
            spans = {stretch.section_id: stretch for stretch in stretches}
            firsts = around["section"].map({number: span.first for number, span in spans.items()})
            lasts = around["section"].map({number: span.last for number, span in spans.items()})
            inside = (
                (around["sampled_at"] >= pd.to_datetime(firsts, utc=True) - reach)
                & (around["sampled_at"] <= pd.to_datetime(lasts, utc=True) + reach)
            ).to_numpy(dtype=bool)
            looked_at = around[inside]
            flags = flag_readings(looked_at, self.thresholds, context=around[~inside])
            said = [None if tests is None else tuple(tests) for tests in looked_at["quality_tests"]]
            differs = np.array(
                [
                    (old, was) != (new, now)
                    for old, was, new, now in zip(
                        looked_at["quality"], said, flags["quality"], flags["tests"], strict=True
                    )
                ],
                dtype=bool,
            )
            others, theirs = looked_at[differs], flags[differs]
            changed += store.change_flags(
                self.session,
                zip(
                    others["section"].map(str),
                    others["parameter"],
                    [moment.isoformat() for moment in others["sampled_at"]],
                    others["revision"].map(str),
                    theirs["quality"].map(str),
                    map(tests_text, theirs["tests"]),
                    strict=True,
                ),
            )
        return changed

    def report(
        self, readings: pd.DataFrame, *, missing: Mapping[str, int], names: Mapping[int, str]
    ) -> dict[str, Any]:
        """The quality report of an upload, for flagged readings; `names` has the codes of sections."""
        flags = readings[["quality", "quality_tests"]].rename(columns={"quality_tests": "tests"})
        return quality_report(
            readings.rename(columns={"section_id": "section"}),
            flags,
            self.thresholds,
            missing=missing,
            names=names,
        )


def tests_text(tests: tuple[str, ...] | None) -> str:
    """Tests as COPY reads a text array; their names need no quoting."""
    return NULL if tests is None else f"{{{','.join(tests)}}}"
