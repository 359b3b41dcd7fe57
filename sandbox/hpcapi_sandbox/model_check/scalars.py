"""Reads single values that arrive as text: in forms, XML, headers, paths and query strings."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Any

from botocore.model import Shape
from botocore.utils import parse_timestamp

from .problem import UNREADABLE, Kind, Path, Problem, shown

_INTEGER = re.compile(r"[+-]?\d+")
_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}

# What a shape's values are called in a message.
NAMES = {
    "integer": "an integer",
    "long": "an integer",
    "float": "a number",
    "double": "a number",
    "boolean": "a boolean",
    "timestamp": "a timestamp",
    "blob": "base64",
    "string": "a string",
    "list": "a list",
    "map": "a map",
    "structure": "a structure",
}


def from_text(text: str, shape: Shape, path: Path, problems: list[Problem]) -> Any:
    """The value, or UNREADABLE with a problem put on the list."""
    kind = shape.type_name
    try:
        if kind == "string":
            if shape.serialization.get("jsonvalue"):
                json.loads(base64.b64decode(text))
            return text
        if kind in ("integer", "long"):
            if _INTEGER.fullmatch(text.strip()):
                return int(text)
        elif kind in ("float", "double"):
            return float(text)
        elif kind == "boolean":
            if text.strip().lower() in ("true", "false"):
                return text.strip().lower() == "true"
        elif kind == "timestamp":
            return timestamp(text)
        elif kind == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        pass
    problems.append(unreadable(text, shape, path))
    return UNREADABLE


def timestamp(value: str | int | float) -> datetime:
    """A time in any of the forms that AWS reads; raises ValueError for others."""
    try:
        return parse_timestamp(value)
    except (TypeError, OverflowError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def number(value: Any) -> bool:
    """Whether a JSON or CBOR value is a number, as AWS writes numbers."""
    return (isinstance(value, (int, float)) and not isinstance(value, bool)) or (
        isinstance(value, str) and value in _NOT_FINITE
    )


def unreadable(value: Any, shape: Shape, path: Path) -> Problem:
    name = NAMES.get(shape.type_name, shape.type_name)
    sensitive = bool(shape.metadata.get("sensitive"))
    return Problem(Kind.UNREADABLE, path, name, shown(value, sensitive))
