"""Findings and scores in words: the same words on the screen and on the page."""

from __future__ import annotations

from collections.abc import Callable

from api.catalogue import Catalogue, Language
from api.output import Row
from spatial.parameters import find_parameter


def guide_texts(catalogue: Catalogue) -> list[Callable[..., str]]:
    """The catalogue in every language, the reader's own first: for what is read by several people."""
    others = [Catalogue(language) for language in Language if language is not catalogue.language]
    return [one.text for one in (catalogue, *others)]


def reason_text(catalogue: Catalogue, row: Row) -> str:
    """The reason of a finding or a score in words."""
    reason = row["evidence"]["reason"]
    return catalogue.text(f"reasons.{reason['code']}", **reason["params"])


def threshold_text(row: Row) -> str:
    """What a target asks for, such as ``>= 97.3 % of sections``; empty where the plan gives no number."""
    if row["threshold"] in (None, ""):
        return ""
    return f"{row['comparator']} {row['threshold']} {row['unit'] or ''}".strip()


def measured_text(row: Row) -> str:
    """What was measured, with the counts behind it."""
    counted = "" if row["denominator"] is None else f"{row['numerator']}/{row['denominator']}"
    value = "" if row["measured"] is None else shown_number(row["measured"], row["unit"])
    return f"{value} ({counted})" if value and counted else value or counted


def shown_number(value: object, unit: str | None) -> str:
    """A number as bulletins print it: per cents with one decimal, other fractions with three."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if (unit or "").startswith("%") else f"{value:.3f}".rstrip("0").rstrip(".")


def item_name(code: str, language: Language) -> str:
    """The name of a water-quality parameter.

    Raises
    ------
    UnknownParameterError
        If no parameter has this code.
    """
    parameter = find_parameter(code)
    return parameter.name_zh if language is Language.CHINESE else parameter.name_en


def distance_text(row: Row) -> str:
    """The measured distance of a finding about a place; empty for the others."""
    distance_m = row["measured"].get("distance_m")
    return "" if distance_m is None else f"{distance_m:,.1f} m"


def error_text(catalogue: Catalogue, error: Exception) -> str:
    """One line for an expected error: by its code (ingest) or its class, in the reader's language."""
    code, params = getattr(error, "code", None), getattr(error, "params", None)
    if isinstance(code, str) and isinstance(params, dict) and catalogue.has(f"ingest.{code}"):
        return catalogue.text(f"ingest.{code}", **params)
    key = f"errors.{type(error).__name__}"
    if not catalogue.has(key):
        return str(error)
    return catalogue.text(key, **{name: shown_attribute(value) for name, value in vars(error).items()})


def shown_attribute(value: object) -> object:
    """An attribute of an error as a sentence can hold it."""
    if isinstance(value, set | frozenset | tuple | list):
        return ", ".join(sorted(str(item) for item in value))
    return "—" if value is None else value
