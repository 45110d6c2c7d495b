"""The vendors' published API descriptions, where a checkout has them beside it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SPECS = Path(__file__).resolve().parents[2].parent / "shared" / "specs"


def available(*names: str) -> list[str]:
    """Those of the names that exist."""
    return [name for name in names if (SPECS / name).exists()]


@cache
def load(name: str) -> Any:
    return json.loads((SPECS / name).read_text())


def strict(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON schema: `nullable` becomes a type, unknown properties are refused.

    `required` is dropped: the descriptions require fields that `fields=` leaves out.
    """
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: strict(value) for key, value in schema.items() if key not in ("nullable", "required", "format")
    }
    if "properties" in schema:
        made["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        made.setdefault("additionalProperties", False)
    if "enum" in made and schema.get("nullable"):
        made["enum"] = [*made["enum"], None]
    return {"anyOf": [made, {"type": "null"}]} if "type" in made or "$ref" in made else made


def shape(value: Any) -> Any:
    """Names and JSON types of a sample, without its values; a list is the shape of its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__
