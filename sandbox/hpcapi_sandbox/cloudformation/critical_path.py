"""How fast the operations of stacks could have been.

Every operation notes when each resource began and ended and what it needed. The longest chain of
resources that had to follow one another, with the time that CloudFormation takes before and after
them, is the shortest time in which the operation could have been done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id


@dataclass
class Span:
    """When a resource was worked on, and after which others."""

    kind: str
    needs: set[str]
    # Those of `needs` that had to be configured only, not complete.
    early: set[str] = field(default_factory=set)
    # The resource whose signal it waits for, from that one's begin on.
    signalled_by: str = ""
    began: float = field(default_factory=time.monotonic)
    configured: float | None = None
    ended: float | None = None

    def end(self) -> None:
        self.ended = time.monotonic()


@dataclass
class Operation:
    stack: str
    verb: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    spans: dict[str, Span] = field(default_factory=dict)

    def start(self, logical_id: str, kind: str, needs: Iterable[str]) -> Span:
        self.spans[logical_id] = span = Span(kind, set(needs))
        return span

    def end(self) -> None:
        self.ended = time.monotonic()

    def note_signals(self, resources: dict[str, Any]) -> None:
        """Notes whose signal each wait condition has got."""
        owners = {one.get("PhysicalResourceId"): name for name, one in resources.items()}
        for logical_id, span in self.spans.items():
            data = (resources.get(logical_id) or {}).get("Attributes", {}).get("Data")
            if span.kind == "AWS::CloudFormation::WaitCondition" and data:
                signallers = [owners[one] for one in json.loads(data) if one in owners]
                span.signalled_by = next((one for one in signallers if one in self.spans), "")

    def shortest(self) -> tuple[float, list[str]]:
        """The seconds that the operation takes at least, and the resources that make it so."""
        done = {name: span for name, span in self.spans.items() if span.ended is not None}
        ends = _Ends(done)
        last = max(done, key=lambda name: ends.of(name)[0], default=None)
        took = (self.ended or time.monotonic()) - self.began
        if last is None:
            return took, []
        before = min(span.began for span in done.values()) - self.began
        after = self.began + took - max(span.ended or 0 for span in done.values())
        seconds, path = ends.of(last)
        return before + seconds + max(0.0, after), path


class _Ends:
    """When resources could have begun and ended, counted from the begin of the first."""

    def __init__(self, spans: dict[str, Span]) -> None:
        self.spans = spans
        self.known: dict[str, tuple[float, float, list[str]]] = {}

    def of(self, name: str) -> tuple[float, list[str]]:
        _, end, path = self._times(name)
        return end, path

    def _times(self, name: str) -> tuple[float, float, list[str]]:
        """Begin, end and the path to the end."""
        if name in self.known:
            return self.known[name]
        span = self.spans[name]
        begin, before = 0.0, list[str]()
        for need in sorted(span.needs & set(self.spans)):
            at, path = self._release(need, need in span.early)
            if at > begin:
                begin, before = at, path
        end, path = begin + (span.ended or 0) - span.began, [*before, name]
        if span.signalled_by in self.spans:
            signaller = self.spans[span.signalled_by]
            started, _, way = self._times(span.signalled_by)
            end, path = started + (span.ended or 0) - signaller.began, [*way, name]
        self.known[name] = begin, end, path
        return self.known[name]

    def _release(self, name: str, early: bool) -> tuple[float, list[str]]:
        """When a resource let those go on that need it."""
        begin, end, path = self._times(name)
        span = self.spans[name]
        if early and span.configured is not None:
            return begin + span.configured - span.began, path
        return end, path


_operations: dict[str, list[Operation]] = {}  # by account


def begin(stack: str, verb: str) -> Operation:
    operation = Operation(stack, verb)
    _operations.setdefault(get_account_id(), []).append(operation)
    return operation


def report(account: str, chain: list[str]) -> dict[str, Any]:
    """What can be said of an account's operations that are over.

    `chain` names stacks (`NAME`, or `NAME:CREATE` for one of its operations) that have to follow
    one another; of each the last operation counts.
    """
    over = [one for one in _operations.get(account, []) if one.ended is not None]
    answer: dict[str, Any] = {"account": account, "operations": [_shown(one) for one in over]}
    if chain:
        chosen = [_last(over, wanted) for wanted in chain]
        seconds = sum(one.shortest()[0] for one in chosen)
        answer["chain"] = {"stacks": chain, "seconds": seconds}
    return answer


def _last(operations: list[Operation], wanted: str) -> Operation:
    name, _, verb = wanted.partition(":")
    for one in reversed(operations):
        if one.stack == name and verb in ("", one.verb):
            return one
    raise LookupError(f"there is no operation of stack {wanted} that is over")


def _shown(operation: Operation) -> dict[str, Any]:
    seconds, path = operation.shortest()
    spans = operation.spans
    return {
        "stack": operation.stack,
        "operation": operation.verb,
        "seconds": seconds,
        "took": (operation.ended or 0) - operation.began,
        "path": [
            {
                "resource": name,
                "type": spans[name].kind,
                "seconds": (spans[name].ended or 0) - spans[name].began,
            }
            for name in path
        ],
    }
