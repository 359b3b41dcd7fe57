"""The one place where a request may be refused before any service sees it.

A check gets a request as it arrived and returns nothing, or a `Refusal`: the answer that AWS
would give. A line about each refusal is appended to log/refused.jsonl.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from . import settings
from .model_check import Refusal

# Method, percent-encoded path, query string, headers (names in lower case) and body.
Check = Callable[[str, str, str, Mapping[str, str], bytes], Refusal | None]
_checks: list[Check] = []


def register(check: Check) -> None:
    _checks.append(check)


def refuse(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """The first refusal, or None when every check lets the request pass."""
    for check in _checks:
        refusal = check(method, path, query_string, headers, body)
        if refusal is not None:
            _record(method, path, query_string, headers, body, refusal)
            return refusal
    return None


def _record(
    method: str,
    path: str,
    query_string: str,
    headers: Mapping[str, str],
    body: bytes,
    refusal: Refusal,
) -> None:
    line = {
        "time": time.time(),
        "service": refusal.service,
        "operation": refusal.operation,
        "code": refusal.code,
        "problems": refusal.problems,
        "method": method,
        "path": path,
        "query": query_string,
        "target": headers.get("x-amz-target", ""),
        "user_agent": headers.get("user-agent", ""),
        "body": body[:4096].decode("utf-8", "replace"),
    }
    with open(settings.get().log_directory / "refused.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
