"""The law as rows and documents: rules, targets, editions of the standard, overlays, the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from api.catalogue import Language
from api.errors import NotKnownError
from spatial.errors import RuleFileError
from spatial.overlays import Overlay, StandardBook, load_standards, make_book, parse_overlay
from spatial.parameters import find_parameter
from spatial.rule_entry import parse_toml
from spatial.rulebook import YANGTZE, Bilingual, load_rulebook
from spatial.standards import (
    Direction,
    EvaluationMethod,
    Limit,
    LimitTables,
    SingleLimit,
    Standard,
    load_evaluation_method,
    parse_standard,
)

ENCODING = "utf-8"


def rule_rows(language: Language) -> list[dict[str, Any]]:
    """Every rule on one line: id, kind, document, clause, title, region, evaluator, dates.

    After the rules stand the editions of the standard, the overlays and the evaluation method.
    """
    rulebook = load_rulebook()
    rows: list[dict[str, Any]] = [
        {
            "id": rule.id,
            "kind": "rule",
            "document": rule.document,
            "document_title": _in(rule_title, language),
            "clause": rule.clause,
            "title": _in(rule.title, language),
            "region_code": rule.region.code,
            "evaluator": rule.evaluator,
            "in_force": _iso(rule.in_force),
            "valid_to": None,
            "deadline": _iso(rule.deadline),
            "target_id": rule.target_id,
        }
        for rule in rulebook.rules
        for rule_title in [rulebook.documents[rule.document].title]
    ]
    book = load_standards()
    rows += [_edition_row("standard", one, YANGTZE, language) for one in book.editions]
    rows += [_edition_row("overlay", one, one.applied.region_code, language) for one in book.overlays]
    return [*rows, _edition_row("method", load_evaluation_method(), YANGTZE, language)]


def _edition_row(
    kind: str, one: Standard | Overlay | EvaluationMethod, region: str, language: Language
) -> dict[str, Any]:
    head = one.applied if isinstance(one, Overlay) else one
    title = one.title_zh if language is Language.CHINESE else one.title_en
    return {
        "id": one.id,
        "kind": kind,
        "document": head.document,
        "document_title": title,
        "clause": None,
        "title": f"{title} ({head.edition})",
        "region_code": region,
        "evaluator": None,
        "in_force": _iso(head.in_force),
        "valid_to": _iso(head.valid_to),
        "deadline": None,
        "target_id": None,
    }


def rule_document(rule_id: str, language: Language) -> dict[str, Any]:
    """One rule or target, edition or overlay, whole.

    Raises
    ------
    NotKnownError
        If nothing of the law has this id.
    """
    content = load_rulebook().content()
    for rule in content["rules"]:
        if rule["id"] == rule_id:
            return {**rule, "title_text": rule["title"][language.key]}
    for target in content["targets"]:
        if target["id"] == rule_id:
            return dict(target)
    book = load_standards()
    for edition in book.editions:
        if edition.id == rule_id:
            tables = LimitTables(edition.river, edition.lake, edition.single)
            titles = {"zh": edition.title_zh, "en": edition.title_en}
            return {
                "kind": "standard",
                "title": titles,
                **edition.as_json(),
                "limits": _limits(tables, language),
            }
    for overlay in book.overlays:
        if overlay.id == rule_id:
            return {
                "kind": "overlay",
                "title": {"zh": overlay.title_zh, "en": overlay.title_en},
                **overlay.applied.as_json(),
                "base": overlay.base,
                "basins": list(overlay.basins),
                "replaces": list(overlay.replaces),
                "limits": _limits(overlay.limits, language),
            }
    method = load_evaluation_method()
    if method.id == rule_id:
        return {
            "kind": "method",
            "id": method.id,
            "title": {"zh": method.title_zh, "en": method.title_en},
            "document": method.document,
            "edition": method.edition,
            "in_force": _iso(method.in_force),
            "valid_to": _iso(method.valid_to),
            "sha256": method.sha256,
            "sources": {name: source.as_json() for name, source in method.sources.items()},
        }
    raise NotKnownError("rule", rule_id)


def limit_rows(
    region: str | None, day: date, water_body: str, language: Language, *, basin: str | None = None
) -> list[dict[str, Any]]:
    """The limits that hold at a place on a day, one row for each item, each with the document it came from.

    Table 1 first, in registry order, then the single limits for drinking-water sources. Numbers are text.

    Raises
    ------
    StandardNotInForceError
        If no edition was in force on that day.
    """
    standard = load_standards().limits_in_force(region, day, basin=basin).standard
    limits: list[Limit | SingleLimit] = [*standard.limits_for(water_body).values(), *standard.single.values()]
    return [_limit_row(limit, language) for limit in limits]


def _limits(tables: LimitTables, language: Language) -> dict[str, list[dict[str, Any]]]:
    groups: Mapping[str, Mapping[str, Limit] | Mapping[str, SingleLimit]] = {
        "river": tables.river,
        "lake": tables.lake,
        "single": tables.single,
    }
    return {name: [_limit_row(limit, language) for limit in group.values()] for name, group in groups.items()}


def _limit_row(limit: Limit | SingleLimit, language: Language) -> dict[str, Any]:
    parameter = find_parameter(limit.parameter)
    bounds: tuple[Decimal, ...]
    if isinstance(limit, SingleLimit):
        direction, bounds, table = Direction.AT_MOST, (limit.limit,), limit.table
    else:
        direction, bounds, table = limit.direction, limit.bounds, 1
    return {
        "parameter": limit.parameter,
        "name": parameter.name_zh if language is Language.CHINESE else parameter.name_en,
        "unit": limit.unit,
        "direction": str(direction),
        "bounds": [str(bound) for bound in bounds],
        "table": table,
        "decimals": limit.decimals,
        **limit.source.as_json(),
        "looser_because": limit.looser_because,
    }


def check_files(paths: Sequence[Path]) -> StandardBook:
    """Check rule files that are not installed yet, together with the packaged editions and overlays.

    Raises
    ------
    RuleFileError
        As `parse_standard`, `parse_overlay` and `make_book`, and where a file is not UTF-8.
    """
    packaged = load_standards()
    editions = [(f"{edition.id}.toml", edition) for edition in packaged.editions]
    overlays = list(packaged.overlays)
    for path in paths:
        try:
            text = path.read_bytes().decode(ENCODING)
        except UnicodeDecodeError as error:
            raise RuleFileError(path.name, "file", "is not UTF-8: save it as UTF-8") from error
        if "standard" in parse_toml(text, path.name):
            editions.append((path.name, parse_standard(text, path.name)))
        else:
            overlays.append(parse_overlay(text, path.name))
    return make_book(editions, overlays)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _in(text: Bilingual, language: Language) -> str:
    return text.zh if language is Language.CHINESE else text.en
