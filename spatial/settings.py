"""What the evaluation method leaves open: the settings of an assessment."""

from dataclasses import dataclass, field
from typing import Final, Literal

from spatial.standards import EvaluationMethod, load_evaluation_method
from spatial.vocabulary import Compare, MissingRequired, PhMean

REMOTE_SENSING_READINGS: Final = "remote_sensing_readings"
"""The dated setting of the rules that says whether readings of remote sensing enter an assessment."""


@dataclass(frozen=True, slots=True)
class AssessmentSettings:
    """What the method leaves open (standards, section 13). The defaults are the proposed ones.

    `compare` forces the shown or the unrounded values; None takes the dated setting of the method, by
    Beijing day. `interrupted_sections`, and those that the method lists, freeze or run dry and need fewer
    months. `river_like_reservoirs`, and those that the method lists, are judged as rivers.
    `renormalise_trophic` gives a trophic index with indicators missing. `use_suspect` lets readings enter
    that quality control calls suspect; those that it fails never enter, those that it passed or did not look
    at always do. `use_remote_sensing` lets readings of remote sensing enter: without it they are no part of
    any mean, class, index or verdict.

    The rest takes the setting of the method where it is None, and never is None afterwards: `ph_mean` is
    `plain`, or `hydrogen` for -log10 of the mean hydrogen-ion concentration; `round_means` rounds a mean to
    the published decimals of its item before it is compared; `intensity_highest` is `reading` or
    `daily_mean`; `missing_required` says what becomes of a section where an item that its class should rest
    on was not measured.
    """

    method: EvaluationMethod = field(default_factory=load_evaluation_method)
    compare: Compare | None = None
    ph_mean: PhMean | Literal["plain", "hydrogen"] | None = None
    round_means: bool | None = None
    interrupted_sections: frozenset[str] = frozenset()
    river_like_reservoirs: frozenset[str] = frozenset()
    intensity_highest: Literal["reading", "daily_mean"] | None = None
    renormalise_trophic: bool = False
    use_suspect: bool = False
    use_remote_sensing: bool = False
    missing_required: MissingRequired | None = None

    def __post_init__(self) -> None:
        for name in ("ph_mean", "round_means", "intensity_highest", "missing_required"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(self.method, name))
        interrupted = self.interrupted_sections | frozenset(self.method.interrupted_sections)
        object.__setattr__(self, "interrupted_sections", interrupted)
        river_like = self.river_like_reservoirs | frozenset(self.method.river_like_reservoirs)
        object.__setattr__(self, "river_like_reservoirs", river_like)
