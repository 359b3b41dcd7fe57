"""The front door: API calls by end users, AWS requests, and what is refused of the latter."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any
from uuid import uuid4

from ministack import app as ministack
from ministack.core.responses import request_scope
from ministack.core.router import extract_region

from . import account_plan, callers, control, request_checks, service_quotas
from .endpoint import http_api
from .model_check import Refusal

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# The services that ministack does not have.
_OWN = (account_plan, service_quotas)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application of the sandbox."""
    if scope["type"] != "http":
        await ministack.app(scope, receive, send)
        return
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    if http_api.serves(path):
        await http_api.serve(scope, receive, send)
        return
    body = await _read(receive)
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = scope.get("query_string", b"").decode("latin-1")
    if control.serves(path):
        status, answer = control.respond(scope["method"], path, query, body)
        await _send(status, "application/json", json.dumps(answer).encode(), [], send)
        return
    refusal = request_checks.refuse(scope["method"], path, query, headers, body)
    if refusal is not None:
        await _refuse(refusal, send)
    elif service := next((one for one in _OWN if one.serves(headers)), None):
        await _answer(service, headers, body, send)
    else:
        await ministack.app(scope, _replay(body, receive), send)


async def _answer(service: ModuleType, headers: dict[str, str], body: bytes, send: Send) -> None:
    """Answers for a service that ministack does not have."""
    key = callers.key_of(headers)
    with request_scope(callers.account_of(key) or key, extract_region(headers, {})):
        status, answer = service.respond(headers, body)
    await _send(status, "application/x-amz-json-1.1", json.dumps(answer).encode(), [], send)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hands out a body that was read already, then whatever else comes from the client."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(refusal: Refusal, send: Send) -> None:
    code = [(b"x-amzn-errortype", refusal.code.encode())]
    await _send(refusal.status, refusal.content_type, refusal.body, code, send)


async def _send(
    status: int, content_type: str, body: bytes, more: list[tuple[bytes, bytes]], send: Send
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid4()).encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
