"""The kinds of data that files hold, as the command line and the API spell them."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a file holds (contracts, KIND)."""

    WATER_BODIES = "water-bodies"
    SHORELINES = "shorelines"
    RIVERS = "rivers"
    SECTIONS = "sections"
    READINGS = "readings"
    OUTFALLS = "outfalls"
    TAILINGS_PONDS = "tailings-ponds"
    CHEMICAL_SITES = "chemical-sites"
    WATER_SOURCES = "water-sources"
    SECTION_TARGETS = "section-targets"
    SITES = "sites"
    INDICATORS = "indicators"
    LEDGER = "ledger"

    @property
    def table(self) -> str:
        """The kind as the rooms spell it."""
        return self.value.replace("-", "_")
