"""Reads the parameters of the REST protocols from path, query string, headers and body."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import Any

from botocore.model import Shape

from . import parse_json, parse_xml
from .arrival import Request
from .operation import Call
from .problem import Kind, Problem
from .scalars import from_text

# What may stand in any query string: the SDKs' note of the operation, and the parts of a
# signature of version 2.
_NOT_A_MEMBER = {"x-id", "awsaccesskeyid", "signature", "expires"}

_LIST_ITEM = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|$)')


def read(request: Request, call: Call, problems: list[Problem]) -> dict[str, Any]:
    shape = call.operation.input_shape
    values: dict[str, Any] = {}
    in_body = False
    for member, member_shape in shape.members.items() if shape else ():
        location = member_shape.serialization.get("location")
        name = member_shape.serialization.get("name", member)
        if location == "uri":
            values[member] = from_text(call.labels.get(name, ""), member_shape, (member,), problems)
        elif location == "header":
            text = request.headers.get(name.lower())
            if text is not None:
                values[member] = _header(text, member_shape, member, problems)
        elif location == "headers":
            prefix = name.lower()
            values[member] = {
                header[len(prefix) :]: text
                for header, text in request.headers.items()
                if header.startswith(prefix)
            }
        elif location is None:
            in_body = True
    values.update(_query(request, call, problems))
    if in_body:
        values.update(_body(request, call, problems))
    return values


def _header(text: str, shape: Shape, member: str, problems: list[Problem]) -> Any:
    if shape.type_name != "list":
        return from_text(text, shape, (member,), problems)
    # A comma separates items, but it is also part of an HTTP date.
    if shape.member.type_name == "timestamp":
        items = re.findall(r"[A-Za-z]{3}, [^,]+|[^,]+", text)
    else:
        items = [match[1].strip('"') for match in _LIST_ITEM.finditer(text) if match[1]]
    return [
        from_text(item, shape.member, (member, position), problems)
        for position, item in enumerate(items, 1)
    ]


def _query(request: Request, call: Call, problems: list[Problem]) -> dict[str, Any]:
    shape = call.operation.input_shape
    members = {}
    rest = None
    for member, member_shape in shape.members.items() if shape else ():
        if member_shape.serialization.get("location") == "querystring":
            if member_shape.type_name == "map":
                rest = member
            else:
                members[member_shape.serialization.get("name", member)] = (member, member_shape)
    in_uri = call.operation.http["requestUri"].partition("?")[2]
    fixed = {part.partition("=")[0] for part in in_uri.split("&")}
    values: dict[str, Any] = {rest: {}} if rest else {}
    for name, text in request.query:
        if name in members:
            member, member_shape = members[name]
            if member_shape.type_name == "list":
                items = values.setdefault(member, [])
                path = (member, len(items) + 1)
                items.append(from_text(text, member_shape.member, path, problems))
            else:
                values[member] = from_text(text, member_shape, (member,), problems)
        elif name in fixed or name.lower() in _NOT_A_MEMBER:
            continue
        elif rest:
            values[rest].setdefault(name, []).append(text)
        else:
            problems.append(Problem(Kind.UNKNOWN, (name,)))
    if rest and shape.members[rest].value.type_name != "list":
        values[rest] = {name: texts[-1] for name, texts in values[rest].items()}
    return values


def _body(request: Request, call: Call, problems: list[Problem]) -> dict[str, Any]:
    shape = call.operation.input_shape
    payload = shape.serialization.get("payload")
    if payload is None:
        value = _document(_plain(request), call, shape, (), problems)
        return value if isinstance(value, dict) else {}
    payload_shape = shape.members[payload]
    if payload_shape.type_name == "blob":
        return {payload: request.body}
    if payload_shape.type_name == "string":
        return {payload: request.body.decode("utf-8", "replace")}
    if not request.body or payload_shape.serialization.get("eventstream"):
        return {}
    return {payload: _document(_plain(request), call, payload_shape, (payload,), problems)}


def _document(body: bytes, call: Call, shape: Shape, path: tuple, problems: list[Problem]) -> Any:
    if call.protocol == "rest-json":
        return parse_json.read_json(body, shape, path, problems)
    return parse_xml.read(body, shape, path, problems) if body else {}


def _plain(request: Request) -> bytes:
    """The body without the compression that an SDK may put on a large one."""
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return request.body
    try:
        return gzip.decompress(request.body)
    except (OSError, EOFError, zlib.error):
        return request.body
