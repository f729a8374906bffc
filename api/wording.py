"""Findings and scores in words: the same words on the screen and on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from api.catalogue import Catalogue, Language
from api.output import Row
from spatial.parameters import find_parameter
from spatial.rounding import round_half_even
from spatial.vocabulary import CLASS_LABELS

# Parameters of reasons that hold codes of water-quality items, one or several.
_ITEM_KEYS: Final = ("parameter", "parameters", "items", "only_before", "only_after")
_CLASS_KEYS: Final = ("best_class", "worst_class", "shown_class")


def guide_texts(catalogue: Catalogue) -> list[Callable[..., str]]:
    """The catalogue in every language, the reader's own first: for what is read by several people."""
    others = [Catalogue(language) for language in Language if language is not catalogue.language]
    return [one.text for one in (catalogue, *others)]


def reason_text(catalogue: Catalogue, row: Row) -> str:
    """The reason of a finding or a score in words."""
    reason = row["evidence"]["reason"]
    return reason_words(catalogue, reason)


def reason_words(catalogue: Catalogue, reason: Mapping[str, Any]) -> str:
    """A reason or warning in words, its items by name."""
    language = catalogue.language
    params = {key: _shown_param(key, value, language) for key, value in reason["params"].items()}
    return catalogue.text(f"reasons.{reason['code']}", **params)


def reason_list(catalogue: Catalogue, reasons: Iterable[Mapping[str, Any]]) -> str:
    """Several reasons or warnings in one cell."""
    separator = "；" if catalogue.language is Language.CHINESE else "; "
    return separator.join(reason_words(catalogue, reason) for reason in reasons)


def multiple_text(multiple: object) -> str:
    """An exceedance multiple as bulletins print it: one decimal, two where one would hide it."""
    shown = decimal_text(multiple, 1)
    return decimal_text(multiple, 2) if shown == "0.0" else shown


def _shown_param(key: str, value: object, language: Language) -> object:
    """What a reason is made of, as a text shows it: items by name, classes by label."""
    if key in _CLASS_KEYS and isinstance(value, int):
        return class_words(value, language)
    if not isinstance(value, str):
        return value
    if key in _ITEM_KEYS and value != "—":
        return item_list(value.replace("、", ",").replace(" ", "").split(","), language)
    return class_words(6, language) if value == CLASS_LABELS[6] else value


def class_words(water_class: int | None, language: Language) -> str:
    """A class as a table shows it: Ⅰ to Ⅴ, what is worse as 劣Ⅴ or, in English, >Ⅴ; a dash for none."""
    if water_class is None:
        return "—"
    return ">Ⅴ" if water_class == 6 and language is not Language.CHINESE else CLASS_LABELS[water_class]


def decimal_text(value: object, decimals: int) -> str:
    """A number as bulletins print it: rounded half to even (GB/T 8170), a dash for none.

    JSON holds the nearest float of an exact number; its shortest spelling is rounded, so that 0.35 is 0.4.
    """
    return "—" if value is None else f"{round_half_even(Decimal(str(value)), decimals):f}"


def share_text(row: Row, name: str) -> str:
    """A share in per cent with the counts behind it: ``58.1 (18/31)``."""
    if row[name] is None:
        return "—"
    counts = (_count_text(row[f"{name}_{part}"]) for part in ("numerator", "denominator"))
    return f"{decimal_text(row[name], 1)} ({'/'.join(counts)})"


def _count_text(amount: float) -> str:
    return f"{amount:g}"


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
    return decimal_text(value, 1) if (unit or "").startswith("%") else f"{value:.3f}".rstrip("0").rstrip(".")


def item_name(code: str, language: Language) -> str:
    """The name of a water-quality parameter.

    Raises
    ------
    UnknownParameterError
        If no parameter has this code.
    """
    parameter = find_parameter(code)
    return parameter.name_zh if language is Language.CHINESE else parameter.name_en


def item_list(codes: Iterable[str], language: Language) -> str:
    """The names of several items; raises as `item_name`."""
    return ("、" if language is Language.CHINESE else ", ").join(item_name(code, language) for code in codes)


def pollutant_list(pollutants: Iterable[Row], language: Language) -> str:
    """Main pollutants of a section by name, with one decimal of the multiple: 高锰酸盐指数(1.2)."""
    names = (
        item_name(item["code"], language)
        + ("" if item["multiple"] is None else f"({multiple_text(item['multiple'])})")
        for item in pollutants
    )
    return ("、" if language is Language.CHINESE else ", ").join(names)


def distance_text(row: Row) -> str:
    """The measured distance of a finding about a place; empty for the others."""
    distance_m = row["measured"].get("distance_m")
    return "" if distance_m is None else f"{distance_m:,.2f} m"


def error_text(catalogue: Catalogue, error: Exception) -> str:
    """One line for an expected error: by its code (ingest) or its class, in the reader's language."""
    code, params = getattr(error, "code", None), getattr(error, "params", None)
    if isinstance(code, str) and isinstance(params, dict) and catalogue.has(f"ingest.{code}"):
        return catalogue.text(f"ingest.{code}", **params)
    key = f"errors.{type(error).__name__}"
    if not catalogue.has(key):
        return str(error)
    shown = {name: shown_attribute(value) for name, value in vars(error).items()}
    if catalogue.has(kind := f"states.kind_{shown.get('kind')}"):
        shown["kind"] = catalogue.text(kind)
    return catalogue.text(key, **shown)


def shown_attribute(value: object) -> object:
    """An attribute of an error as a sentence can hold it."""
    if isinstance(value, set | frozenset | tuple | list):
        return ", ".join(sorted(str(item) for item in value))
    return "—" if value is None else value
