"""Reads a request's parameters in whichever protocol it speaks."""

from __future__ import annotations

from typing import Any

from . import parse_json, parse_query, parse_rest
from .arrival import Request
from .operation import Call
from .problem import Problem


def read(request: Request, call: Call) -> tuple[Any, list[Problem]]:
    """The parameters by the operation's input shape (or UNREADABLE), and what is wrong so far."""
    shape = call.operation.input_shape
    problems: list[Problem] = []
    if call.protocol in ("query", "ec2"):
        given: Any = parse_query.read(request.form, shape, call.protocol, problems)
    elif call.protocol == "json":
        given = parse_json.read_json(request.body, shape, (), problems)
    elif call.protocol == "smithy-rpc-v2-cbor":
        given = parse_json.read_cbor(request.body, shape, problems)
    else:
        given = parse_rest.read(request, call, problems)
    return given, problems
