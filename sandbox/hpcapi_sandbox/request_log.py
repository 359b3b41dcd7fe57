"""Writes down which AWS call was made by whom: one line of log/requests.jsonl for each.

A line holds the service that the request was signed for, the operation, the access key id and
the user agent, and nothing of what was sent: never a secret.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping

from . import settings
from .model_check import arrival, operation, services

_ACCESS_KEY_ID = re.compile(r"Credential=([^/\s]+)/")


def record(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> None:
    """A check that lets everything pass."""
    request = arrival.signed_request(method, path, query_string, headers, body)
    if request is None:
        return
    models = services.candidates(request.signed_for)
    calls = operation.find(request, models) if models else operation.NOT_CHECKED
    known = calls is not operation.NOT_CHECKED and calls
    signer = _ACCESS_KEY_ID.search(request.headers.get("authorization", ""))
    line = {
        "time": time.time(),
        "service": request.signed_for,
        "operation": calls[0].operation.name if known else request.action or request.target,
        "access_key_id": signer[1] if signer else "",
        "user_agent": request.headers.get("user-agent", ""),
    }
    with open(settings.get().log_directory / "requests.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
