"""The law as data: documents, rules, settings for open points, and the targets of the plans.

A rule file is a TOML file of ``spatial/rules/`` that begins with ``schema = "rules"``. It names its document
(a key of ``documents.toml``, or a table with a document of its own), its region, and lists ``[[rule]]``
entries. A new provincial plan is a new file: nothing here or in the evaluators changes. Targets stand in
``targets*.csv``.

Titles and names are bilingual inside the rule files (``{ zh = …, en = … }``); quotes are the words of the
document. Limits are written as text (``"97.3"``, ``"2/3"``) so that they stay exact.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from spatial.errors import RuleFileError, RuleSettingError, UnknownRuleError
from spatial.findings import plain
from spatial.vocabulary import (
    Action,
    ChemicalSiteKind,
    PondStatus,
    Purpose,
    Rank,
    SectionLevel,
    WaterBodyType,
)

YANGTZE = "yangtze"
"""Region of rules that hold in the whole basin; every other region is a GB/T 2260 code."""

MISSING_ACCURACY = "missing_accuracy_m"
CENTRELINE_UNDERSTATES = "centreline_understates_m"
WHICH_LAKES = "which_lakes"
IDLE_OR_OWNERLESS = "idle_or_ownerless"
IDLE_COUNTED_ON = "idle_counted_on"
SHARE_DECIMALS = "share_decimals"
RATING_SECTIONS = "rating_sections"
SUSPECT_READINGS = "suspect_readings"
OVERHEAD_POND = "overhead_pond_m"


def _day(value: object) -> object:
    """Refuse everything but a plain day: a text or a time of day is a slip in a rule."""
    if not isinstance(value, date) or isinstance(value, datetime):
        msg = f"{value!r} is no date: write it as 2023-12-31, without quotation marks"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports value errors
    return value


def _fraction(value: object) -> object:
    """Read an exact limit from text such as ``97.3`` or ``2/3``; a bare TOML number has lost its decimals."""
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, str):
        msg = f'{value!r} is no exact limit: write it as text, such as "97.3" or "2/3"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports value errors
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        msg = f"{value!r} is no number"
        raise ValueError(msg) from error


Day = Annotated[date, BeforeValidator(_day)]
Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
Exact = Annotated[Fraction, BeforeValidator(_fraction), PlainSerializer(str, return_type=str)]
WorstClass = Annotated[StrictInt, Field(ge=1, le=5)]
Metres = Annotated[StrictInt, Field(gt=0, le=10_000)]
SettingValue = StrictInt | str


class Entry(BaseModel):
    """Base of everything read from a rule file: immutable, and an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Bilingual(Entry):
    """A text of our own in both languages."""

    zh: Words
    en: Words


class Region(Entry):
    """The region a rule holds in: a GB/T 2260 code or ``yangtze``."""

    code: Annotated[str, Field(pattern=r"^(yangtze|[1-9]\d{5})$")]
    name: Bilingual


class Document(Entry):
    """A law, standard or plan. `in_force` is missing where the text prints no date (see `note`)."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Bilingual
    issuer: Bilingual | None = None
    number: Words | None = None
    issued: Day | None = None
    in_force: Day | None = None
    expires: Day | None = None
    note: Bilingual | None = None


class Setting(Entry):
    """An open point of the texts that we had to settle, with the reason and what else one could choose."""

    name: Words
    question: Bilingual
    reason: Bilingual
    choices: Annotated[tuple[SettingValue, ...], Field(min_length=2)]
    default: SettingValue
    decided_on: Day

    @property
    def alternatives(self) -> tuple[SettingValue, ...]:
        """Every choice but the one in use."""
        return tuple(choice for choice in self.choices if choice != self.default)


class Zone(Entry):
    """A strip of `within_m` metres along the shorelines of one rank.

    `water_bodies` narrows it to waters of these names; `when` makes it hold only under a choice of a setting.
    """

    rank: Rank
    within_m: Metres
    water_bodies: tuple[Words, ...] = ()
    when: dict[str, SettingValue] = Field(default_factory=dict)


class Exemption(Entry):
    """An action that is not banned when it serves one of these purposes."""

    action: Action
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]


class BaseRule(Entry):
    """What every rule says: where it stands, in which words, for whom and from when."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")]
    document: Words
    clause: Words
    quote: Words
    title: Bilingual
    region: Region
    force: Literal["binding", "promote", "strive", "encourage"]
    target_id: Words | None = None
    in_force: Day | None = None
    in_force_basis: Bilingual | None = None
    deadline: Day | None = None
    note: Bilingual | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the rule is in force on a day; one without a date holds on every day."""
        return self.in_force is None or self.in_force <= day

    def setting_names(self) -> tuple[str, ...]:
        """Names of the settings that this rule's result may turn on."""
        return ()


def _zone_settings(zones: Iterable[Zone]) -> tuple[str, ...]:
    return (MISSING_ACCURACY, CENTRELINE_UNDERSTATES, *sorted({name for zone in zones for name in zone.when}))


class SitingBan(BaseRule):
    """Actions that are banned within a distance of shorelines from a day on.

    `kinds` narrows chemical sites; `exemptions` are the clause's own exceptions.
    """

    evaluator: Literal["siting_ban"]
    subject: Literal["tailings_pond", "chemical_site"]
    in_force: Day
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]
    kinds: tuple[ChemicalSiteKind, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    def setting_names(self) -> tuple[str, ...]:
        """Accuracy of positions, what centre lines understate, and the settings that switch zones."""
        return _zone_settings(self.zones)


class RemediationDeadline(BaseRule):
    """Objects within a distance of shorelines that must be remedied by a day.

    Any one of the dates named in `done_by` shows that it happened.
    """

    evaluator: Literal["remediation_deadline"]
    subject: Literal["tailings_pond"]
    deadline: Day
    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]
    done_by: Annotated[tuple[Literal["treated_on", "cancelled_on"], ...], Field(min_length=1)]

    def setting_names(self) -> tuple[str, ...]:
        """Accuracy of positions, what centre lines understate, and the settings that switch zones."""
        return _zone_settings(self.zones)


class ClosureDeadline(BaseRule):
    """Idle or ownerless objects that must be closed (and struck off) by a day.

    Every date of `needs` must be there. Without zones the rule holds everywhere in its region.
    """

    evaluator: Literal["closure_deadline"]
    subject: Literal["tailings_pond"]
    deadline: Day
    idle_years: Annotated[StrictInt, Field(gt=0)]
    needs: Annotated[tuple[Literal["closed_on", "cancelled_on"], ...], Field(min_length=1)]
    unused_statuses: tuple[PondStatus, ...] = (PondStatus.OUT_OF_USE, PondStatus.ABANDONED)
    zones: tuple[Zone, ...] = ()

    def setting_names(self) -> tuple[str, ...]:
        """How idle and ownerless combine, the day idleness is counted on, and those of the zones."""
        own = (IDLE_OR_OWNERLESS, IDLE_COUNTED_ON)
        return (*own, *_zone_settings(self.zones)) if self.zones else own


class SourceZoneClearance(BaseRule):
    """No facility of these kinds stands inside a protection zone of a drinking-water source.

    `kinds` narrows chemical sites, `site_categories` names the categories of other inventoried places.
    """

    evaluator: Literal["source_zone_clearance"]
    subject: Literal["facility"]
    subjects: Annotated[tuple[Literal["outfall", "chemical_site", "site"], ...], Field(min_length=1)]
    grades: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1)]
    kinds: tuple[ChemicalSiteKind, ...] = ()
    site_categories: tuple[Words, ...] = ()

    def setting_names(self) -> tuple[str, ...]:
        """Accuracy of positions."""
        return (MISSING_ACCURACY,)


class ClassTarget(BaseRule):
    """Sections of named rivers, or on waters of a rank, reach `worst_class` or better over the year."""

    evaluator: Literal["class_target"]
    subject: Literal["section"]
    rivers: tuple[Words, ...] = ()
    ranks: tuple[Rank, ...] = ()
    water_body_types: tuple[WaterBodyType, ...] = ()
    worst_class: WorstClass


class SectionTarget(BaseRule):
    """Every section that has a target class of its own meets it over the year."""

    evaluator: Literal["section_target"]
    subject: Literal["section"]


class ShareOfSections(BaseRule):
    """A share of a region's sections reaches a class over the year.

    With ``compare = "rounded_percent"`` the share is compared as a percentage, rounded as the setting says;
    with ``"counts"`` as integers (met x denominator >= numerator x total), never rounded.
    """

    evaluator: Literal["share_of_sections"]
    subject: Literal["region"]
    levels: Annotated[tuple[SectionLevel, ...], Field(min_length=1)]
    rivers: tuple[Words, ...] = ()
    water_body_types: tuple[WaterBodyType, ...] = ()
    worst_class: WorstClass
    at_least: Exact
    compare: Literal["rounded_percent", "counts"]
    expected_sections: Annotated[StrictInt, Field(gt=0)] | None = None

    def setting_names(self) -> tuple[str, ...]:
        """Rounding of the share, where it is compared as a percentage."""
        return (SHARE_DECIMALS,) if self.compare == "rounded_percent" else ()


class OverallRating(BaseRule):
    """The overall rating of a region, by proportions of classes, is good or better (优良).

    Shares in per cent; source of the proportions: 环办〔2011〕22号, cited in `method`. The method needs
    `minimum_sections` sections.
    """

    evaluator: Literal["overall_rating"]
    subject: Literal["region"]
    method: Words
    worst_class: WorstClass
    excellent_from: Exact
    good_from: Exact
    minimum_sections: Annotated[StrictInt, Field(gt=0)]

    def setting_names(self) -> tuple[str, ...]:
        """Which sections are counted."""
        return (RATING_SECTIONS,)


Rule = (
    SitingBan
    | RemediationDeadline
    | ClosureDeadline
    | SourceZoneClearance
    | ClassTarget
    | SectionTarget
    | ShareOfSections
    | OverallRating
)
_RULE: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="evaluator")])


class RuleFile(Entry):
    """The frame of a rule file; its entries are read one by one, so that an error names its rule."""

    schema_: Literal["rules"] = Field(alias="schema")
    document: str | Document
    region: Region
    rule: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Target:
    """One quantified target of a plan, as coded in ``targets.csv``. Empty cells are None.

    `evidence` holds the words of the clause, `note` ours. `alternative_id` is the target that may be met
    instead (或). `deadline_basis` tells a standing rule (``standing``) from a task without a date
    (``undated``).
    """

    id: str
    document: str
    clause: str
    region: str
    region_code: str
    topic: str
    subject: str
    metric: str
    comparator: str
    threshold: str | None
    unit: str | None
    baseline: str | None
    deadline: date | None
    evaluation: str
    evidence: str
    force: str
    deadline_basis: str
    applies_if: str | None
    distance_km: str | None
    distance_from: str | None
    alternative_id: str | None
    note: str | None

    @property
    def numeric_threshold(self) -> Decimal | None:
        """The threshold as a decimal, where it is a plain number."""
        try:
            return None if self.threshold is None else Decimal(self.threshold)
        except InvalidOperation:
            return None


OPTIONAL_TARGET_COLUMNS = frozenset(
    {
        "threshold",
        "unit",
        "baseline",
        "deadline",
        "applies_if",
        "distance_km",
        "distance_from",
        "alternative_id",
        "note",
    }
)
TARGET_WORDS: Mapping[str, frozenset[str]] = {
    "comparator": frozenset(
        {">=", "<=", "==", "complete", "mostly_complete", "maintain", "trend_up", "trend_down", "prohibit"}
    ),
    "evaluation": frozenset(
        {"computed_readings", "computed_spatial", "computed_ledger", "reported_indicator"}
    ),
    "force": frozenset({"binding", "promote", "strive", "encourage"}),
    "deadline_basis": frozenset({"stated", "stated_year", "relative", "period", "undated", "standing"}),
}


@dataclass(frozen=True)
class Rulebook:
    """All rules, documents, settings and targets as loaded; immutable.

    `rules` and `targets` keep a fixed order: rules by id, targets as their files list them. `data_files`
    holds the SHA-256 of the other rule data (limits, parameters), which a verdict rests on too.
    """

    rules: tuple[Rule, ...]
    documents: Mapping[str, Document]
    settings: Mapping[str, Setting]
    targets: tuple[Target, ...]
    data_files: Mapping[str, str]

    def rule(self, rule_id: str) -> Rule:
        """The rule with this id; raises UnknownRuleError."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise UnknownRuleError(rule_id)

    def choice(self, name: str) -> SettingValue:
        """The value in use of a setting; raises RuleSettingError."""
        if name not in self.settings:
            raise RuleSettingError(name, None)
        return self.settings[name].default

    def with_settings(self, **values: SettingValue) -> Rulebook:
        """Return a rule book in which open points are settled otherwise; it has a hash of its own.

        Raises
        ------
        RuleSettingError
            If there is no such setting, or it does not allow the value.
        """
        changed = dict(self.settings)
        for name, value in values.items():
            if name not in changed or value not in changed[name].choices:
                raise RuleSettingError(name, value)
            changed[name] = changed[name].model_copy(update={"default": value})
        return Rulebook(self.rules, self.documents, changed, self.targets, self.data_files)

    def content(self) -> dict[str, Any]:
        """Everything that a verdict may rest on, as JSON knows it; what `rule_set_hash` is taken of."""
        return {
            "rules": [rule.model_dump(mode="json") for rule in self.rules],
            "documents": [self.documents[key].model_dump(mode="json") for key in sorted(self.documents)],
            "settings": [self.settings[name].model_dump(mode="json") for name in sorted(self.settings)],
            "targets": [plain(asdict(target)) for target in self.targets],
            "data_files": {name: self.data_files[name] for name in sorted(self.data_files)},
        }

    @cached_property
    def rule_set_hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON of `content`: keys sorted, no white space, UTF-8."""
        text = json.dumps(self.content(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def load_rulebook() -> Rulebook:
    """The rule book of this version; read once per process."""
    return read_rulebook(files("spatial") / "rules")


def read_rulebook(directory: Traversable) -> Rulebook:
    """Read and check every file of a rule directory.

    TOML files that begin with ``schema`` are ours (``rules``, ``documents``, ``settings``); ``targets*.csv``
    hold targets. Any other TOML or CSV file belongs to another part of the engine and is only hashed.

    Raises
    ------
    RuleFileError
        If an entry lacks document, clause or quote, has an unknown key, evaluator, document, setting or
        target, a date that is no date, a limit of the wrong type, or an id that exists already.
    """
    documents: dict[str, Document] = {}
    settings: dict[str, Setting] = {}
    targets: list[Target] = []
    data_files: dict[str, str] = {}
    rule_files: list[tuple[str, dict[str, Any]]] = []
    for file in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("targets") and file.name.endswith(".csv"):
            targets.extend(_read_targets(file.name, file.read_text(encoding="utf-8")))
            continue
        content = _parse_toml(file) if file.name.endswith(".toml") else {}
        match content.get("schema"):
            case "rules":
                rule_files.append((file.name, content))
            case "documents":
                _read_documents(file.name, content, documents)
            case "settings":
                _read_settings(file.name, content, settings)
            case None if "rule" in content:
                raise RuleFileError(file.name, "schema", 'has rules but does not begin with schema = "rules"')
            case None:
                if file.name.endswith((".toml", ".csv")):
                    data_files[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
            case unknown:
                raise RuleFileError(
                    file.name, "schema", f"{unknown!r} is neither rules, documents nor settings"
                )
    by_id: dict[str, Rule] = {}
    for name, content in rule_files:
        for rule in _read_rules(name, content, documents):
            if rule.id in by_id:
                raise RuleFileError(name, rule.id, "this id exists already")
            by_id[rule.id] = rule
            _check_settings(name, rule, settings)
    _check_targets(by_id.values(), targets, documents)
    return Rulebook(
        rules=tuple(by_id[rule_id] for rule_id in sorted(by_id)),
        documents=documents,
        settings=settings,
        targets=tuple(targets),
        data_files=data_files,
    )


def _parse_toml(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RuleFileError(file.name, "file", str(error)) from error


def _problems(error: ValidationError) -> str:
    """The problems of one entry in one line, each with the key it concerns."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in problem["loc"])
        message = "this key is unknown" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"{place}: {message}" if place else message)
    return "; ".join(lines)


def _read_documents(name: str, content: Mapping[str, Any], documents: dict[str, Document]) -> None:
    for key, fields in content.items():
        if key == "schema":
            continue
        try:
            _add_document(name, Document.model_validate({"key": key, **fields}), documents)
        except ValidationError as error:
            raise RuleFileError(name, key, _problems(error)) from error


def _add_document(name: str, document: Document, documents: dict[str, Document]) -> None:
    if document.key in documents:
        raise RuleFileError(name, document.key, "this document exists already")
    documents[document.key] = document


def _read_settings(name: str, content: Mapping[str, Any], settings: dict[str, Setting]) -> None:
    for key, fields in content.items():
        if key == "schema":
            continue
        try:
            setting = Setting.model_validate({"name": key, **fields})
        except ValidationError as error:
            raise RuleFileError(name, key, _problems(error)) from error
        if setting.default not in setting.choices:
            raise RuleFileError(name, key, f"the default {setting.default!r} is none of the choices")
        settings[key] = setting


def _read_rules(name: str, content: dict[str, Any], documents: dict[str, Document]) -> list[Rule]:
    try:
        frame = RuleFile.model_validate(content)
    except ValidationError as error:
        raise RuleFileError(name, "file", _problems(error)) from error
    if isinstance(frame.document, Document):
        _add_document(name, frame.document, documents)
        key = frame.document.key
    else:
        key = frame.document
    rules = []
    for number, fields in enumerate(frame.rule, start=1):
        entry = str(fields.get("id", f"rule {number}"))
        try:
            rule = _RULE.validate_python({"document": key, "region": frame.region, **fields})
        except ValidationError as error:
            raise RuleFileError(name, entry, _problems(error)) from error
        if rule.document not in documents:
            raise RuleFileError(name, entry, f"the document {rule.document!r} is unknown")
        rules.append(rule)
    return rules


def _check_settings(name: str, rule: Rule, settings: Mapping[str, Setting]) -> None:
    for setting in rule.setting_names():
        if setting not in settings:
            raise RuleFileError(name, rule.id, f"the setting {setting!r} is unknown")
    for zone in getattr(rule, "zones", ()):
        for setting, value in zone.when.items():
            if value not in settings[setting].choices:
                raise RuleFileError(name, rule.id, f"{value!r} is no choice of the setting {setting!r}")


def _read_targets(name: str, text: str) -> list[Target]:
    reader = csv.DictReader(io.StringIO(text))
    columns = tuple(Target.__dataclass_fields__)
    if tuple(reader.fieldnames or ()) != columns:
        raise RuleFileError(name, "header", f"the columns must be {','.join(columns)}")
    return [_read_target(name, row) for row in reader]


def _read_target(name: str, row: Mapping[str, str | None]) -> Target:
    entry = row["id"] or "row without id"
    cells = {column: (cell or "").strip() or None for column, cell in row.items()}
    for column, cell in cells.items():
        if cell is None and column not in OPTIONAL_TARGET_COLUMNS:
            raise RuleFileError(name, entry, f"{column}: this cell is empty")
        if column in TARGET_WORDS and cell not in TARGET_WORDS[column]:
            raise RuleFileError(name, entry, f"{column}: {cell!r} is none of the words of this column")
    deadline = cells.pop("deadline")
    try:
        day = None if deadline is None else date.fromisoformat(deadline)
    except ValueError as error:
        raise RuleFileError(name, entry, f"deadline: {deadline!r} is no date") from error
    return Target(deadline=day, **cells)  # type: ignore[arg-type]  # the empty cells were checked above


def _check_targets(
    rules: Iterable[Rule], targets: Iterable[Target], documents: Mapping[str, Document]
) -> None:
    """Targets are unique and cite known documents; a rule that stands for a target agrees with it."""
    by_id: dict[str, Target] = {}
    for target in targets:
        if target.id in by_id:
            raise RuleFileError("targets", target.id, "this id exists already")
        if target.document not in documents:
            raise RuleFileError("targets", target.id, f"the document {target.document!r} is unknown")
        by_id[target.id] = target
    for target in by_id.values():
        if target.alternative_id is not None and target.alternative_id not in by_id:
            raise RuleFileError("targets", target.id, f"the alternative {target.alternative_id!r} is unknown")
    taken: dict[str, str] = {}
    for rule in rules:
        if rule.target_id is None:
            continue
        if rule.target_id not in by_id:
            raise RuleFileError("targets", rule.id, f"the target {rule.target_id!r} is unknown")
        if rule.target_id in taken:
            raise RuleFileError("targets", rule.id, f"{taken[rule.target_id]} stands for this target already")
        taken[rule.target_id] = rule.id
        target = by_id[rule.target_id]
        said = (rule.document, rule.region.code, rule.deadline, rule.force)
        coded = (target.document, target.region_code, target.deadline, target.force)
        if said != coded:
            raise RuleFileError("targets", rule.id, f"the rule says {said}, its target {coded}")
