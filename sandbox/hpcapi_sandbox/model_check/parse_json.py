"""Turns a JSON or CBOR document into the parameters that it was written from."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import Shape
from botocore.parsers import RpcV2CBORParser

from .problem import UNREADABLE, Kind, Path, Problem
from .scalars import number, timestamp, unreadable

_CBOR = RpcV2CBORParser()


def read_json(body: bytes, shape: Shape | None, path: Path, problems: list[Problem]) -> Any:
    if not body.strip():
        return {}
    try:
        document = json.loads(body)
    except ValueError:
        problems.append(Problem(Kind.UNREADABLE, path or ("body",), "JSON"))
        return UNREADABLE
    return _read(document, shape, path, problems)


def read_cbor(body: bytes, shape: Shape | None, problems: list[Problem]) -> Any:
    if not body:
        return {}
    try:
        document = _CBOR.parse_data_item(_CBOR.get_peekable_stream_from_bytes(body))
    except Exception:  # botocore raises what its reading happens to run into
        problems.append(Problem(Kind.UNREADABLE, ("body",), "CBOR"))
        return UNREADABLE
    return _read(document, shape, (), problems)


def _read(document: Any, shape: Shape | None, path: Path, problems: list[Problem]) -> Any:
    if shape is None:
        if document not in ({}, None):
            problems.append(Problem(Kind.UNKNOWN, path or ("body",)))
        return {}
    return convert(document, shape, path, problems)


def convert(value: Any, shape: Shape, path: Path, problems: list[Problem]) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        if isinstance(value, dict):
            return _structure(value, shape, path, problems)
    elif kind == "list":
        if isinstance(value, list):
            return [
                convert(item, shape.member, (*path, position), problems)
                for position, item in enumerate(value, 1)
                if item is not None
            ]
    elif kind == "map":
        if isinstance(value, dict):
            return {
                key: convert(item, shape.value, (*path, str(key)), problems)
                for key, item in value.items()
                if item is not None
            }
    elif kind == "string":
        if isinstance(value, str):
            return value
    elif kind in ("integer", "long"):
        if number(value) and not isinstance(value, str) and int(value) == value:
            return int(value)
    elif kind in ("float", "double"):
        if number(value):
            return float(value)
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
    elif kind == "timestamp":
        if isinstance(value, datetime):
            return value
        if isinstance(value, str) or number(value):
            try:
                return timestamp(value)
            except ValueError:
                pass
    elif kind == "blob":
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        if isinstance(value, str):
            try:
                return base64.b64decode(value, validate=True)
            except (ValueError, binascii.Error):
                pass
    else:
        return value
    problems.append(unreadable(value, shape, path))
    return UNREADABLE


def _structure(value: dict, shape: Shape, path: Path, problems: list[Problem]) -> dict[str, Any]:
    members = _members(shape)
    values = {}
    for name, item in value.items():
        # AWS takes null for "not given".
        if item is None or name == "__type":
            continue
        if name in members:
            member, member_shape = members[name]
            values[member] = convert(item, member_shape, (*path, member), problems)
        else:
            problems.append(Problem(Kind.UNKNOWN, (*path, str(name))))
    return values


@cache
def _members(shape: Shape) -> dict[str, tuple[str, Shape]]:
    """A structure's members by the names that they have in a document."""
    return {
        member_shape.serialization.get("name", member): (member, member_shape)
        for member, member_shape in shape.members.items()
        if member_shape.serialization.get("location") is None
    }
