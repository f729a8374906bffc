"""One entry of a rule file: every key is taken once, and what nobody took is refused.

Everything here refuses with one sentence that names the file, the entry and what to do.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TypeVar

from spatial.errors import RuleFileError
from spatial.parameters import load_parameters, normalize_unit

_T = TypeVar("_T")
_TWICE = re.compile(r"Cannot declare (\(.*\)) twice")
KNOWN_CODES = "take a code of parameters.csv, or add the parameter there first"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from, and from when to when it holds (both days included; None is open)."""

    document: str
    clause: str
    in_force: date
    valid_to: date | None = None

    def as_json(self) -> dict[str, str | None]:
        """Give the source as it stands in evidence."""
        return {
            "document": self.document,
            "clause": self.clause,
            "in_force": self.in_force.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
        }


class RuleEntry:
    """One table of a rule file. Every key is taken once; `close` refuses what nobody took."""

    def __init__(self, file: str, name: str, table: object) -> None:
        self.file = file
        self.name = name
        if not isinstance(table, dict):
            raise RuleFileError(file, name, "must be a table")
        self._rest: dict[str, object] = dict(table)

    def refuse(self, reason: str) -> RuleFileError:
        """Give the error that names this entry; the caller raises it."""
        return RuleFileError(self.file, self.name, reason)

    def has(self, key: str) -> bool:
        """Tell whether a key is there and was not taken yet."""
        return key in self._rest

    def take(self, key: str, kind: type[_T]) -> _T:
        """Take a value of one type, and not an empty one; raises RuleFileError."""
        if key not in self._rest:
            raise self.refuse(f"lacks the key {key!r}: add it")
        value = self._rest.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.refuse(f"{key} must be of type {kind.__name__}, not {value!r}")
        if value in ("", [], {}):
            raise self.refuse(f"{key} must not be empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts, each once."""
        values = self.take(key, list)
        if not all(isinstance(value, str) and value for value in values) or len(set(values)) != len(values):
            raise self.refuse(f"{key} must be a list of texts, each once")
        return tuple(values)

    def tables(self, key: str) -> list["RuleEntry"]:
        """Take a list of tables, each an entry of its own."""
        return [
            RuleEntry(self.file, f"{self.name}.{key}[{place}]", value)
            for place, value in enumerate(self.take(key, list))
        ]

    def decimal(self, key: str) -> Decimal:
        """Take a decimal, written as text."""
        return self._decimal(key, self.take(key, str))

    def decimal_or_none(self, key: str) -> Decimal | None:
        """Take a decimal, None where the key is not there."""
        return self.decimal(key) if self.has(key) else None

    def decimals(self, key: str) -> tuple[Decimal, ...]:
        """Take a list of decimals, written as texts."""
        values = self.take(key, list)
        return tuple(self._decimal(key, value) for value in values)

    def share(self, key: str) -> Fraction:
        """Take a share above 0 and up to 1, as [numerator, denominator]."""
        parts = self.decimals(key)
        if len(parts) != 2 or not 0 < parts[0] <= parts[1]:
            raise self.refuse(f"{key} must be [numerator, denominator] with a value above 0 and up to 1")
        return Fraction(parts[0]) / Fraction(parts[1])

    def positive(self, key: str) -> int:
        """Take a whole number from 1 on."""
        value = self.take(key, int)
        if value < 1:
            raise self.refuse(f"{key} must be at least 1")
        return value

    def one_of(self, key: str, values: Iterable[str]) -> str:
        """Take one of the given texts."""
        value, allowed = self.take(key, str), tuple(values)
        if value not in allowed:
            raise self.refuse(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def parameters(self, key: str) -> tuple[str, ...]:
        """Take a list of codes of the parameter registry, each once."""
        codes = self.texts(key)
        for code in codes:
            if code not in load_parameters():
                raise self.refuse(f"{key} names the unknown parameter {code!r}: {KNOWN_CODES}")
        return codes

    def day(self, key: str) -> date:
        """Take a day, not a moment."""
        found = self.take(key, date)
        if isinstance(found, datetime):
            raise self.refuse(f"{key} must be a day such as 2024-01-01, not a moment")
        return found

    def day_or_none(self, key: str) -> date | None:
        """Take a day, None where the key is not there."""
        return self.day(key) if self.has(key) else None

    def source(self) -> Source:
        """Take the source, which no rule goes without."""
        if not self.has("source"):
            raise self.refuse("has no source: add source = { document, clause, in_force }")
        entry = RuleEntry(self.file, f"{self.name}.source", self.take("source", dict))
        found = Source(
            document=entry.take("document", str),
            clause=entry.take("clause", str),
            in_force=entry.day("in_force"),
            valid_to=entry.day_or_none("valid_to"),
        )
        entry.close()
        if found.valid_to is not None and found.valid_to < found.in_force:
            raise entry.refuse("ends before it begins: valid_to must not lie before in_force")
        return found

    def unit_of(self, code: str) -> str:
        """Take the unit of a parameter: only the registry's own, so that no bound is ever converted."""
        parameter = load_parameters().get(code)
        if parameter is None:
            raise self.refuse(f"names the unknown parameter {code!r}: {KNOWN_CODES}")
        unit = self.take("unit", str)
        if normalize_unit(unit) is None:
            raise self.refuse(f"has the unknown unit {unit!r}: give the bounds in {parameter.unit!r}")
        if unit != parameter.unit:
            raise self.refuse(
                f"is given in {unit!r}, but the registry keeps {code} in {parameter.unit!r}: convert it"
            )
        return unit

    def close(self) -> None:
        """Refuse what nobody took."""
        if self._rest:
            raise self.refuse(f"has the unknown key {min(self._rest)!r}: correct or remove it")

    def _decimal(self, key: str, value: object) -> Decimal:
        if not isinstance(value, str):
            raise self.refuse(f'{key} must hold decimals as texts such as "0.05", not {value!r}')
        try:
            number = Decimal(value)
        except InvalidOperation as error:
            raise self.refuse(f"{key} holds {value!r}, which is no number") from error
        if not number.is_finite():
            raise self.refuse(f"{key} holds {value!r}, which is no finite number")
        return number


def parse_toml(text: str, file: str) -> dict[str, object]:
    """Read a rule file; raises RuleFileError where it is no TOML or says something twice."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        twice = _TWICE.search(str(error))
        if twice is not None:
            entry = ".".join(re.findall(r"'([^']*)'", twice[1]))
            raise RuleFileError(file, entry, "stands there twice: keep one of the two") from error
        raise RuleFileError(file, "file", f"is no TOML: {error}") from error
