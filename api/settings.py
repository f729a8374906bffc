"""Everything a deployment may change: one frozen class, read once at the door."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.catalogue import Language
from api.errors import SettingError


class Settings(BaseSettings):
    """``QINGJIANG_*`` environment variables or ``.env``; listed in the README (a test compares)."""

    model_config = SettingsConfigDict(
        env_prefix="QINGJIANG_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    database_url: str | None = Field(
        default=None, description="PostgreSQL + PostGIS to use; unset: the embedded cluster under `home`"
    )
    home: Path = Field(
        default=Path(".qingjiang"), description="where the embedded cluster and the saved maps live"
    )
    language: Language = Field(
        default=Language.CHINESE, description="language of pages, maps and errors: zh-CN or en"
    )
    tiles_url: str | None = Field(
        default=None, description="XYZ address of a base map with {z}, {x}, {y}; unset: no base map"
    )
    tiles_attribution: str = Field(default="", description="who must be named beside the base map")
    page_size_max: PositiveInt = Field(default=1_000, description="most items on one page of a list")
    upload_max_mb: PositiveInt = Field(default=512, description="largest accepted upload in MiB")
    warn_after_load: bool = Field(
        default=True, description="whether a load of readings looks at once at what they warn of"
    )
    assess_after_load: Literal["changes", "all", "off"] = Field(
        default="changes",
        description="what a load assesses at once, to keep both verdicts: changes to what was known"
        " (changes), everything that it touches (all), or nothing (off)",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="DEBUG, INFO, WARNING or ERROR; the log goes to stderr"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


def read_settings() -> Settings:
    """The settings of the environment.

    Raises
    ------
    SettingError
        If one of them has a value that means nothing.
    """
    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors()[0]
        name = "_".join(str(part) for part in fault["loc"])
        raise SettingError(f"QINGJIANG_{name.upper()}", str(fault["input"]), fault["msg"]) from error
