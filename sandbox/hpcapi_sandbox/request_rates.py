"""How many requests AWS's services take from an account: buckets of tokens, as in
request_rates.csv.

Off until it is switched on (see `control`). The buckets fill as fast as time passes; with a
scale of 0 they fill as on AWS.
"""

from __future__ import annotations

import csv
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.router import extract_region

from . import callers, clock
from .model_check import Refusal, answer, arrival, operation, services

# By the service that a request is signed for: status, code and message of a refusal.
_REFUSALS = {
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "cloudformation": (400, "Throttling", "Rate exceeded"),
    "ssm": (400, "ThrottlingException", "Rate exceeded"),
    "elasticloadbalancing": (400, "ThrottlingException", "Rate exceeded"),
    "apigateway": (429, "TooManyRequestsException", "Too Many Requests"),
}


@dataclass(frozen=True)
class Rate:
    service: str
    actions: re.Pattern[str]
    unfiltered: bool  # for requests only that neither filter nor ask for pages
    shared: bool  # one bucket for all of the actions
    burst: float
    refill: float

    def takes(self, service: str, action: str, unfiltered: bool) -> bool:
        return (
            service == self.service
            and bool(self.actions.fullmatch(action))
            and (unfiltered or not self.unfiltered)
        )


@cache
def table() -> list[Rate]:
    with open(Path(__file__).with_name("request_rates.csv"), encoding="utf-8") as file:
        return [
            Rate(
                row["service"],
                re.compile(row["actions"]),
                row["when"] == "unfiltered",
                row["bucket"] == "shared",
                float(row["burst"]),
                float(row["refill_per_second"]),
            )
            for row in csv.DictReader(file)
        ]


_on = False
_lock = threading.Lock()
_buckets: dict[tuple[Any, ...], tuple[float, float]] = {}  # tokens and when they were counted
_counts: dict[str, dict[str, dict[str, int]]] = {}  # by service and action


def are_on() -> bool:
    return _on


def switch(on: bool) -> None:
    """Switches the rates on, with full buckets and nothing counted, or off."""
    global _on
    with _lock:
        _on = on
        _buckets.clear()
        if on:
            _counts.clear()


def counts() -> dict[str, dict[str, dict[str, int]]]:
    return _counts


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Refuses what comes too fast."""
    if not _on:
        return None
    request = arrival.signed_request(method, path, query_string, headers, body)
    if request is None or request.signed_for not in _REFUSALS:
        return None
    calls = operation.find(request, services.candidates(request.signed_for))
    if calls is operation.NOT_CHECKED or not calls:
        return None
    # The rates are those of the account, whoever of it calls.
    key = callers.key_of(headers)
    caller = (callers.account_of(key) or key, extract_region(dict(headers), {}))
    unfiltered = not any(re.match(r"Filter\.|MaxResults$", name) for name, _ in request.form)
    service, action = request.signed_for, calls[0].operation.name
    with _lock:
        admitted = admits(caller, service, action, unfiltered)
        counted = _counts.setdefault(service, {}).setdefault(action, {"admitted": 0, "refused": 0})
        counted["admitted" if admitted else "refused"] += 1
    return None if admitted else answer.with_code(calls[0], *_REFUSALS[service])


def admits(caller: tuple[str, str], service: str, action: str, unfiltered: bool) -> bool:
    """Whether a request may pass now; takes its tokens."""
    now, speed = time.monotonic(), clock.scale() or 1.0
    left = {}
    for number, rate in enumerate(table()):
        if rate.takes(service, action, unfiltered):
            bucket = (*caller, number, "" if rate.shared else action)
            tokens, counted = _buckets.get(bucket, (rate.burst, now))
            left[bucket] = min(rate.burst, tokens + (now - counted) * rate.refill / speed)
    admitted = all(tokens >= 1 for tokens in left.values())
    for bucket, tokens in left.items():
        _buckets[bucket] = (tokens - 1 if admitted else tokens, now)
    return admitted
