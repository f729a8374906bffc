"""Everything a deployment may change: one frozen class, read once at the door."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.catalogue import Language


class Settings(BaseSettings):
    """``QINGJIANG_*`` environment variables or ``.env``; listed in the README (a test compares)."""

    model_config = SettingsConfigDict(env_prefix="QINGJIANG_", env_file=".env", frozen=True, extra="ignore")

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
    log_level: str = Field(
        default="WARNING", description="DEBUG, INFO, WARNING or ERROR; the log goes to stderr"
    )
