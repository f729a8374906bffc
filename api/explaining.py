"""Explanations of an assessment: gathered from the database, and put into words for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.catalogue import Catalogue, Language
from api.errors import NotKnownError
from api.features import plain_cell
from api.wording import class_words, reason_words
from models import queries
from spatial.assessment import AssessmentSettings
from spatial.class_text import class_label
from spatial.explanation import Explanation, explain_section
from spatial.overlays import assess_in_force, group_by_standard, load_standards
from spatial.parameters import find_parameter
from spatial.period import Period
from spatial.rounding import round_fraction
from spatial.rulebook import load_rulebook

TARGET_RULE = "GB3838-5.1"
ROWS_SHOWN = 40
_TABLE_ITEM = re.compile(r"Table (?P<table>\d+), item (?P<item>\d+)")
_SPAN = re.compile(r"(?P<first>\d+) to (?P<last>\d+)")
_PART = re.compile(r"part (?P<part>\d+) \((?P<chapter>\d+)\)(?: (?P<number>\d+))?")

Document = dict[str, Any]


def explain(
    engine: Engine, code: str, period: Period, settings: AssessmentSettings | None = None
) -> Document:
    """Explain the assessment of one section over a period; see :func:`explain_in`."""
    with Session(engine) as session:
        return explain_in(session, code, period, settings)


def explain_in(
    session: Session, code: str, period: Period, settings: AssessmentSettings | None = None
) -> Document:
    """The chain from the readings of a section to its verdict, as a document with the files behind it.

    The section is taken as it stood on the last day of the period.

    Raises
    ------
    NotKnownError
        If no section with this code was in force on that day.
    """
    sections = queries.features_in_force(session, "sections", period.end, codes=[code])
    if sections.empty:
        raise NotKnownError("section", code)
    readings = queries.readings_between(
        session, period.starts_at, period.ends_before, section_codes=[code], origins=True
    )
    (assessment,) = assess_in_force(sections, readings, period, settings)
    (group,) = group_by_standard(sections, period.end, load_standards())
    standard = group.standard or load_standards().editions[0]
    if group.standard is None:  # nothing was judged: no edition was in force
        readings = readings.iloc[:0]
    found: Explanation = explain_section(
        dict(zip(sections.columns, sections.iloc[0].tolist(), strict=True)),
        readings,
        assessment,
        period,
        standard=standard,
        settings=settings,
        duty=target_duty(),
    )
    return {**found.as_json(), "uploads": list(_uploads(session, found))}


def target_duty() -> Document:
    """The rule that asks a section to meet its target, with the words it rests on."""
    rulebook = load_rulebook()
    rule = next(rule for rule in rulebook.rules if rule.id == TARGET_RULE)
    document = rulebook.documents[rule.document]
    return {
        "rule_id": rule.id,
        "document": rule.document,
        "title_zh": document.title.zh,
        "title_en": document.title.en,
        "clause": rule.clause,
        "quote": rule.quote,
    }


def _uploads(session: Session, found: Explanation) -> Iterator[Document]:
    numbers = sorted({use.upload_id for use in found.readings if use.upload_id is not None})
    for number in numbers:
        record = queries.upload(session, number)
        if record is not None:
            names = ("upload_id", "file_name", "file_sha256", "source", "received_at")
            yield {name: plain_cell(record[name]) for name in names}


# --- in words ---


@dataclass(frozen=True)
class Block:
    """A heading with lines of text, and a table where `columns` has headings; `level` 0, 1 or 2."""

    title: str
    lines: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    level: int = 1


def explanation_blocks(document: Document, catalogue: Catalogue) -> list[Block]:
    """An explanation as a person reads it, from the readings down to what would change the class."""
    words = _Words(document, catalogue)
    blocks = [
        words.head(),
        words.readings(),
        words.left_out(),
        words.means(),
        words.months(),
        words.classes(),
        words.pollutants(),
        words.target(),
        words.trophic(),
        words.changes(),
        words.sources(),
    ]
    return list(_numbered(block for block in blocks if block is not None))


def _numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """Number the steps that are there: 1, 1.1, 2 and so on."""
    step = part = 0
    for block in blocks:
        if block.level == 1:
            step, part = step + 1, 0
            yield replace(block, title=f"{step}. {block.title}")
        elif block.level == 2:
            part += 1
            yield replace(block, title=f"{step}.{part} {block.title}")
        else:
            yield block


def clause_text(catalogue: Catalogue, source: Mapping[str, Any]) -> str:
    """Document and clause of a source, with the usual kinds of clause in the reader's language."""
    clause = str(source["clause"])
    if found := _TABLE_ITEM.fullmatch(clause):
        clause = catalogue.text("explain.clause_table_item", **found.groupdict())
    elif found := _SPAN.fullmatch(clause):
        clause = catalogue.text("explain.clause_span", **found.groupdict())
    elif found := _PART.fullmatch(clause):
        parts = found.groupdict()
        key = "explain.clause_part" if parts["number"] is None else "explain.clause_part_number"
        clause = catalogue.text(key, **parts)
    return f"{source['document']} {clause}"


class _Words:
    """One explanation in one language."""

    def __init__(self, document: Document, catalogue: Catalogue) -> None:
        self.document = document
        self.catalogue = catalogue
        self.text: Callable[..., str] = catalogue.text
        self.chinese = catalogue.language is Language.CHINESE
        self.entries: list[Document] = document["parameters"]
        self.files = {upload["upload_id"]: upload["file_name"] for upload in document["uploads"]}

    # --- small words ---

    def name(self, code: str) -> str:
        parameter = find_parameter(code)
        return parameter.name_zh if self.chinese else parameter.name_en

    def unit(self, unit: str) -> str:
        return "" if unit == "dimensionless" else unit

    def label(self, water_class: int | None) -> str:
        """A class as short text; what is worse than Ⅴ is 劣Ⅴ or, in English, >Ⅴ."""
        return "" if water_class is None else class_words(water_class, self.catalogue.language)

    def a_class(self, water_class: int | None) -> str:
        if water_class is None:
            return self.text("explain.no_class")
        return self.text("explain.class", label=self.label(water_class))

    def clause(self, source: Mapping[str, Any]) -> str:
        return clause_text(self.catalogue, source)

    def list_of(self, parts: Sequence[str]) -> str:
        return self.text("explain.separator").join(parts)

    def reason(self, reason: Mapping[str, Any]) -> str:
        return reason_words(self.catalogue, reason)

    def counts_of_reasons(self, counts: Mapping[str, int]) -> list[str]:
        return [
            self.text("explain.count_of", what=self.text(f"explain.not_used_{code}"), count=count)
            for code, count in counts.items()
        ]

    # --- the chain ---

    def head(self) -> Block:
        doc, text = self.document, self.text
        section, period = doc["section"], doc["period"]
        kind = section["water_body_type"]
        judged = section["judged_as"]
        lines = [
            text("explain.period", text=period["text"], start=period["start"], end=period["end"]),
            text(
                "explain.judged_as_unknown" if judged is None else "explain.judged_as",
                kind=text(f"explain.water_{kind or 'unknown'}"),
                judged=text(f"explain.water_{judged or 'unknown'}"),
            ),
        ]
        grade = "" if doc["grade"] is None else f" · {text('states.grade_' + doc['grade'])}"
        lines.append(text("explain.result_class", found=self.a_class(doc["class"]) + grade))
        if doc["class_range"] is not None and doc["class_range"][0] != doc["class_range"][1]:
            best, worst = (self.label(end) for end in doc["class_range"])
            lines.append(text("explain.result_range", best=best, worst=worst))
        if doc["target"]["class"] is not None:
            lines.append(
                text(
                    "explain.result_target",
                    target=self.a_class(doc["target"]["class"]),
                    verdict=text(f"states.{doc['verdict']}"),
                )
            )
        if doc["main_pollutants"]["named"]:
            named = [self._with_multiple(code) for code in doc["main_pollutants"]["named"]]
            lines.append(text("explain.result_pollutants", named=self.list_of(named)))
        lines += [text("explain.because", reason=self.reason(reason)) for reason in doc["reasons"]]
        lines += [text("explain.note", note=self.reason(warning)) for warning in doc["warnings"]]
        river = "" if not section["river"] else f" · {section['river']}"
        return Block(f"{section['code']} {section['name'] or ''}{river}".strip(), lines, level=0)

    def _with_multiple(self, code: str) -> str:
        (rank,) = (rank for rank in self.document["main_pollutants"]["order"] if rank["code"] == code)
        if rank["multiple"] is None:
            return self.name(code)
        return f"{self.name(code)}({one_decimal(rank['multiple'])})"

    def readings(self) -> Block:
        doc, text = self.document, self.text
        found = doc["readings"]
        lines = [text("explain.readings_counts", **{key: found[key] for key in ("total", "used")})]
        lines += self.counts_of_reasons(found["not_used"])
        wanted = self._telling()
        rows = [row for row in found["rows"] if row["used"] and row["parameter"] in wanted]
        after = []
        if len(rows) > ROWS_SHOWN:
            after.append(text("explain.rows_elsewhere", count=len(rows)))
            rows = []
        columns = ["parameter", "time", "reported", "enters_as", "station_type", "file", "row"]
        return Block(
            text("explain.step_readings"),
            lines,
            [text(f"explain.col_{name}") for name in columns] if rows else [],
            [
                [
                    self.name(row["parameter"]),
                    when(row["sampled_at"]),
                    self._reported(row),
                    self._entering(row),
                    text(f"explain.station_{row['station_type']}"),
                    self._file(row),
                    "" if row["row"] is None else str(row["row"]),
                ]
                for row in rows
            ],
            after,
        )

    def _telling(self) -> frozenset[str]:
        """The parameters whose readings a person wants to see: what decides, and what is over a limit."""
        doc = self.document
        over = [rank["code"] for rank in doc["main_pollutants"]["order"]]
        over += [need["code"] for need in doc["over_target"]]
        return frozenset([*doc["limiting"], *over])

    def _reported(self, row: Mapping[str, Any]) -> str:
        if row["qualifier"] == "<":
            return f"<{row['detection_limit'] or row['value']}"
        shown = "—" if row["value"] is None else str(row["value"])
        if row["full_value"] is not None and row["full_value"] != row["value"]:
            return self.text("explain.with_full", shown=shown, full=row["full_value"])
        return shown

    def _entering(self, row: Mapping[str, Any]) -> str:
        if row["halved"]:
            return self.text("explain.halved", value=row["enters_as"])
        return str(row["enters_as"])

    def _file(self, row: Mapping[str, Any]) -> str:
        number = row["upload_id"]
        return "" if number is None else f"{self.files.get(number, '')} (#{number})".strip()

    def left_out(self) -> Block | None:
        text = self.text
        rows = [row for row in self.document["readings"]["rows"] if not row["used"]]
        if not rows:
            return None
        after = []
        if len(rows) > ROWS_SHOWN:
            after.append(text("explain.rows_more", count=len(rows) - ROWS_SHOWN))
        columns = ["parameter", "time", "reported", "why", "file", "row"]
        return Block(
            text("explain.step_left_out"),
            [],
            [text(f"explain.col_{name}") for name in columns],
            [
                [
                    self.name(row["parameter"]),
                    when(row["sampled_at"]),
                    self._reported(row),
                    self._why(row),
                    self._file(row),
                    "" if row["row"] is None else str(row["row"]),
                ]
                for row in rows[:ROWS_SHOWN]
            ],
            after,
            level=2,
        )

    def _why(self, row: Mapping[str, Any]) -> str:
        why = self.text(f"explain.not_used_{row['reason']}")
        details = [row["station_status"]] if row["reason"].startswith("station_") else row["quality_tests"]
        details = [str(detail) for detail in details if detail]
        return f"{why} ({self.list_of(details)})" if details else why

    def means(self) -> Block | None:
        text = self.text
        if not self.entries:
            return None
        settings = self.document["settings"]
        rule = next((entry["rule"] for entry in self.entries if entry["rule"] != "hydrogen"), "samples")
        lines = [
            text(f"explain.rule_{rule}", clause=self.clause(settings["sources"]["averages"])),
            text("explain.rule_half", clause=self.clause(settings["sources"]["automatic_data"])),
        ]
        if any(entry["rule"] == "hydrogen" for entry in self.entries):
            lines.append(text("explain.rule_hydrogen"))
        return Block(
            text("explain.step_means"),
            lines,
            [
                text(f"explain.col_{name}")
                for name in ("parameter", "unit", "samples", "months", "non_detects", "sum", "mean")
            ],
            [
                [
                    self.name(entry["code"]),
                    self.unit(entry["unit"]),
                    str(entry["samples"]),
                    str(len(entry["months"])),
                    str(entry["non_detects"]) if entry["non_detects"] else "",
                    _division(entry),
                    self._number(entry["mean"], entry),
                ]
                for entry in self.entries
            ],
        )

    def months(self) -> Block | None:
        wanted = self._telling()
        shown = [entry for entry in self.entries if entry["code"] in wanted and entry["rule"] == "months"]
        if not shown:
            return None
        text = self.text
        return Block(
            text("explain.step_months"),
            [],
            [
                text(f"explain.col_{name}")
                for name in ("parameter", "month", "samples", "non_detects", "sum", "month_mean")
            ],
            [
                [
                    self.name(entry["code"]),
                    month["month"],
                    str(month["samples"]),
                    str(month["non_detects"]) if month["non_detects"] else "",
                    f"{month['sum']['decimal']} / {month['samples']}",
                    approximate(month["mean"]),
                ]
                for entry in shown
                for month in entry["months"]
            ],
            [text("explain.months_elsewhere")],
            level=2,
        )

    def classes(self) -> Block | None:
        text, doc = self.text, self.document
        if not self.entries:
            return None
        labels = [class_label(water_class) or "" for water_class in range(1, 6)]
        rows = []
        for entry in sorted(self.entries, key=lambda entry: not entry["evaluated"]):
            for place, judgement in enumerate(entry["judgements"]):
                first = place == 0
                rows.append(
                    [
                        self.name(entry["code"])
                        if first
                        else text(f"explain.water_{judgement['water_body']}"),
                        self._judged(entry) if first else "",
                        *_limit_cells(judgement),
                        "" if judgement["source"] is None else self.clause(judgement["source"]),
                        self._class_of(entry, judgement, first=first),
                        "●" if entry["decides"] and first else "",
                    ]
                )
        lines = [text("explain.rule_worst", clause=self.clause(doc["class_source"]))]
        if doc["limiting"]:
            deciding = self.list_of([self.name(code) for code in doc["limiting"]])
            lines.append(text("explain.decided_by", found=self.a_class(doc["class"]), names=deciding))
        columns = [text("explain.col_parameter"), text("explain.col_judged"), *labels]
        columns += [text(f"explain.col_{name}") for name in ("clause", "class", "decides")]
        return Block(text("explain.step_classes"), lines, columns, rows)

    def _judged(self, entry: Mapping[str, Any]) -> str:
        shown = self._number(entry["judged"], entry)
        return f"<{shown}" if entry["basis"] == "mean_detection_limit" else shown

    def _class_of(self, entry: Mapping[str, Any], judgement: Mapping[str, Any], *, first: bool) -> str:
        if judgement["class_range"] is None:
            return self.text("explain.not_judged")
        span = judgement["class_range"]
        shown = "–".join(self.label(end) for end in dict.fromkeys(span))
        if first and entry["left_open"] is not None:
            counted = entry["samples"] if entry["left_open"]["counted"] == "samples" else len(entry["months"])
            return self.text(
                f"explain.left_open_{entry['left_open']['counted']}",
                found=counted,
                needed=entry["left_open"]["needed"],
            )
        return shown if entry["evaluated"] else self.text("explain.reported_apart", found=shown)

    def pollutants(self) -> Block | None:
        text, found = self.text, self.document["main_pollutants"]
        if not found["order"]:
            return None
        lines = [
            text(
                "explain.rule_pollutants",
                most=found["most"],
                reference=class_label(found["reference_class"]),
                clause=self.clause(found["source"]),
            )
        ]
        columns = ["order", "parameter", "priority", "class", "multiple", "calculation", "named"]
        entries = {entry["code"]: entry for entry in self.entries}
        return Block(
            text("explain.step_pollutants"),
            lines,
            [text(f"explain.col_{name}") for name in columns],
            [
                [
                    str(place),
                    self.name(rank["code"]),
                    text("explain.yes") if rank["priority"] else "",
                    self.label(rank["class"]),
                    "—" if rank["multiple"] is None else approximate(rank["multiple"]),
                    self._multiple(entries[rank["code"]], rank, found["reference_class"]),
                    text("explain.yes") if rank["named"] else "",
                ]
                for place, rank in enumerate(found["order"], 1)
            ],
        )

    def _multiple(self, entry: Mapping[str, Any], rank: Mapping[str, Any], reference: int) -> str:
        if rank["multiple"] is None:
            return ""
        bound = entry["judgements"][0]["limits"][reference - 1]
        return f"({self._number(entry['judged'], entry)} − {bound}) / {bound}"

    def target(self) -> Block | None:
        text, doc = self.text, self.document
        target, duty = doc["target"], doc["duty"]
        if target["class"] is None:
            return Block(text("explain.step_target"), [text("explain.no_target")])
        lines = [
            text(
                "explain.target_from",
                target=self.a_class(target["class"]),
                day=doc["period"]["end"],
                version="—" if target["version_id"] is None else target["version_id"],
                start=target["valid_from"] or text("explain.open_end"),
                end=target["valid_to"] or text("explain.open_end"),
            )
        ]
        if duty is not None:
            title = duty["title_zh"] if self.chinese else duty["title_en"]
            lines.append(text("explain.duty", title=title, clause=duty["clause"], quote=duty["quote"]))
        lines.append(
            text(
                "explain.verdict",
                found=self.a_class(doc["class"]),
                target=self.a_class(target["class"]),
                verdict=text(f"states.{doc['verdict']}"),
            )
        )
        columns = ["parameter", "judged", "limit_target", "target_multiple"]
        entries = {entry["code"]: entry for entry in self.entries}
        over = [(need, entries[need["code"]]) for need in doc["over_target"]]
        return Block(
            text("explain.step_target"),
            lines,
            [text(f"explain.col_{name}") for name in columns] if over else [],
            [
                [
                    self.name(need["code"]),
                    self._number(entry["judged"], entry),
                    "–".join(entry["limit_target"]),
                    "—" if entry["target_multiple"] is None else approximate(entry["target_multiple"]),
                ]
                for need, entry in over
            ],
        )

    def trophic(self) -> Block | None:
        text, found = self.text, self.document["trophic"]
        if found is None:
            return None
        lines = [
            text("explain.rule_trophic", clause=self.clause(found["source"])),
            text(
                "explain.trophic_result",
                tli=rounded(Decimal(found["tli"]), 5),
                state=text(f"explain.trophic_{found['state']}"),
            ),
        ]
        columns = ["parameter", "value", "a", "b", "ln", "tli", "weight"]
        return Block(
            text("explain.step_trophic"),
            lines,
            [text(f"explain.col_{name}") for name in columns],
            [
                [
                    self.name(part["code"]),
                    f"{rounded(Decimal(part['value']), 6)} {part['unit']}",
                    part["a"],
                    part["b"],
                    rounded(Decimal(part["ln"]), 6),
                    rounded(Decimal(part["tli"]), 6),
                    rounded(Decimal(part["weight"]["decimal"]), 4),
                ]
                for part in found["parts"]
            ],
        )

    def changes(self) -> Block | None:
        text, found = self.text, self.document["changes"]
        lines = []
        if found["better"] is not None:
            needs = self.list_of([self._need(need) for need in found["better"]["needs"]])
            lines.append(text("explain.better", found=self.a_class(found["better"]["class"]), needs=needs))
        if found["worse"] is not None:
            (need,) = found["worse"]["needs"]
            lines.append(
                text(
                    "explain.worse",
                    found=self.a_class(found["worse"]["class"]),
                    need=self._need(need, beyond=True),
                )
            )
        lines += [
            text(
                "explain.settle",
                name=self.name(need["code"]),
                judged=approximate(need["judged"]),
                bound=need["bound"],
            )
            for need in found["settle"]
        ]
        return Block(text("explain.step_changes"), lines) if lines else None

    def _need(self, need: Mapping[str, Any], *, beyond: bool = False) -> str:
        """What a bound asks of a parameter; what equals the bound meets it, so the worse lies `beyond`."""
        rises, falls = ("need_exceeds", "need_undercuts") if beyond else ("need_rises", "need_falls")
        difference = Decimal(need["difference"]["decimal"])
        share = need["share"]
        return self.text(
            f"explain.{rises if difference > 0 or (difference == 0 and not self._is_floor(need)) else falls}",
            name=self.name(need["code"]),
            judged=approximate(need["judged"]),
            bound=need["bound"],
            difference=rounded(abs(difference), 4),
            share="—" if share is None else rounded(abs(Decimal(share["decimal"])) * 100, 3),
        )

    def _is_floor(self, need: Mapping[str, Any]) -> bool:
        """Whether a bound is a lower one: of oxygen, and the lower end for pH."""
        entry = next(one for one in self.document["parameters"] if one["code"] == need["code"])
        judgement = entry["judgements"][0]
        return judgement["direction"] != "at_most" and Decimal(need["bound"]) < Decimal(
            judgement["limits"][-1] if judgement["direction"] == "within" else "Infinity"
        )

    def sources(self) -> Block:
        text, doc = self.text, self.document
        lines = []
        for edition in (doc["standard"], doc["method"]):
            title = edition["title_zh"] if self.chinese else edition["title_en"]
            lines.append(
                text(
                    "explain.edition",
                    document=edition["document"],
                    title=title,
                    day=edition["in_force"],
                    hash=edition["sha256"][:12],
                )
            )
        lines += [
            text(
                "explain.overlay",
                document=overlay["document"],
                day=overlay["in_force"],
                hash=overlay["sha256"][:12],
            )
            for overlay in doc["standard"]["overlays"]
        ]
        lines += [
            text(
                "explain.upload",
                number=upload["upload_id"],
                file=upload["file_name"],
                received=when(upload["received_at"]),
                hash=upload["file_sha256"][:12],
            )
            for upload in doc["uploads"]
        ]
        lines.append(text("explain.whole_chain"))
        return Block(text("explain.step_sources"), lines)

    def _number(self, number: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
        """A number as it is shown; never so short that it would look equal to a limit it is not equal to."""
        bounds = {Decimal(bound) for one in entry["judgements"] for bound in one["limits"] or ()}
        return approximate(number, bounds)


def _division(entry: Mapping[str, Any]) -> str:
    """What is divided by what to get a mean."""
    if entry["rule"] == "samples":
        total = sum((Decimal(month["sum"]["decimal"]) for month in entry["months"]), Decimal(0))
        return f"{total:f} / {entry['samples']}"
    return f"Σ / {len(entry['months'])}" if entry["rule"] == "months" else "−lg"


def _limit_cells(judgement: Mapping[str, Any]) -> list[str]:
    sign = {"at_most": "≤", "at_least": "≥"}.get(judgement["direction"])
    if sign is not None:
        return [f"{sign}{bound}" for bound in judgement["limits"]]
    if judgement["direction"] == "within":
        return ["–".join(judgement["limits"])] * 5
    return [""] * 5


def approximate(number: Mapping[str, Any], bounds: frozenset[Decimal] | set[Decimal] = frozenset()) -> str:
    """An exact number of an explanation for the eye: all of it when short, else six digits after a ``≈``."""
    whole = Decimal(number["decimal"])
    if number["exact"] and len(whole.as_tuple().digits) <= 8:
        return str(number["decimal"])
    short = rounded(whole, 6)
    return f"≈{number['decimal'] if Decimal(short) in bounds else short}"


def rounded(number: Decimal, digits: int) -> str:
    """A decimal with so many significant digits, half to even, without an exponent or idle zeros."""
    found = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(number)
    return f"{found.normalize():f}"


def one_decimal(number: Mapping[str, Any]) -> str:
    """A multiple as bulletins print it: rounded once from the exact number, half to even."""
    return f"{round_fraction(Fraction(int(number['numerator']), int(number['denominator'])), 1):f}"


def when(moment: str) -> str:
    """A Beijing instant to the minute."""
    return moment[:16].replace("T", " ")


def reading_rows(document: Document) -> list[Document]:
    """The readings of an explanation as flat rows, each with the file it came from."""
    files = {upload["upload_id"]: upload["file_name"] for upload in document["uploads"]}
    head = {"section": document["section"]["code"], "period": document["period"]["text"]}
    return [
        {
            **head,
            **{key: value for key, value in row.items() if key != "quality_tests"},
            "quality_tests": ";".join(row["quality_tests"]),
            "file": files.get(row["upload_id"]),
        }
        for row in document["readings"]["rows"]
    ]
