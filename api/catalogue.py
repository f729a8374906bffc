"""The one message catalogue: every word that a person reads, in Chinese and in English.

The words stand in ``api/messages/<namespace>.toml``, both languages side by side in each entry. The other
rooms emit codes and parameters, or are handed :meth:`Catalogue.text`; none of them holds a sentence.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from api.errors import UnknownMessageError


class Language(StrEnum):
    """The languages of the catalogue, as BCP 47 tags."""

    CHINESE = "zh-CN"
    ENGLISH = "en"

    @property
    def key(self) -> str:
        """The key of this language inside a catalogue entry."""
        return "zh" if self is Language.CHINESE else "en"


class Catalogue:
    """The catalogue in one language. Cheap to make: the entries are read once per process."""

    def __init__(self, language: Language = Language.CHINESE) -> None:
        self.language = language

    def text(self, key: str, /, **params: Any) -> str:
        """Return the text of ``namespace.key`` with its placeholders filled.

        Raises
        ------
        UnknownMessageError
            If no entry has this key, or a placeholder has no parameter: a missing text is a defect of the
            program and must not look like an answer.
        """
        try:
            return entries()[key][self.language.key].format_map(params)
        except KeyError as error:
            raise UnknownMessageError(key, str(error)) from error

    def has(self, key: str) -> bool:
        """Whether the catalogue has an entry ``namespace.key``."""
        return key in entries()


@cache
def entries() -> Mapping[str, Mapping[str, str]]:
    """Every entry as ``namespace.key`` → {"zh": …, "en": …}."""
    found: dict[str, Mapping[str, str]] = {}
    for file in files("api.messages").iterdir():
        if file.name.endswith(".toml"):
            namespace = file.name.removesuffix(".toml")
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            found.update({f"{namespace}.{key}": entry for key, entry in document.items()})
    return found


def placeholders(template: str) -> frozenset[str]:
    """The names of the placeholders of one template."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name)
