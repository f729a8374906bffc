"""What the web server starts: the application for the settings of this process."""

from __future__ import annotations

from fastapi import FastAPI

from api.logs import configure_logging
from api.settings import read_settings
from api.web.app import create_app


def application() -> FastAPI:
    """Build the application from the environment: the one place of the service that reads it."""
    settings = read_settings()
    configure_logging(settings.log_level)
    return create_app(settings)
