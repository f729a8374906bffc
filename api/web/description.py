"""What the OpenAPI document says beyond what FastAPI reads off the routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.web.dependencies import GEOJSON
from api.web.problems import MEDIA_TYPE, ProblemOut

PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document: errors are problem documents, and what takes `format` answers in three types too."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status >= "400" and not _is_health(answer):
                    answer["content"] = {MEDIA_TYPE: {"schema": PROBLEM}}
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            if "format" in names:
                operation["responses"]["200"]["content"] |= {
                    GEOJSON: {"schema": {"type": "object"}},
                    "text/csv": {"schema": {"type": "string"}},
                }
    schemas = document["components"]["schemas"]
    schemas["ProblemOut"] = ProblemOut.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _is_health(answer: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/Health")
