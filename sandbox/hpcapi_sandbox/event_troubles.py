"""What goes wrong with the events of an account, where a test asks for it (see `control`).

Each event of a bucket reaches its targets twice, the second time a while later. And some of the
invocations with messages of a queue fail: before the function has run, or after it, when only its
answer is lost. Which ones, the seed says, as far as they come in the same order.
"""

from __future__ import annotations

import contextvars
import random
import secrets
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id
from ministack.services import eventbridge, lambda_svc

from .patching import replace_everywhere

BEFORE, AFTER = "before", "after"
# Seconds in which an event comes a second time: together with the first, or when that is over.
_LATEST = 3.0
_failing = contextvars.ContextVar[str | None]("_failing", default=None)
_lock = threading.Lock()


class Troubles:
    """Those of an account, and how often each has happened."""

    def __init__(self, twice: bool = False, fails: float = 0.0, seed: int | None = None) -> None:
        self.twice, self.fails = twice, fails
        self.seed = secrets.randbits(32) if seed is None else seed
        self._events = random.Random(f"{self.seed} events")
        self._invocations = random.Random(f"{self.seed} invocations")
        self.counts = {"coming": 0, "twice": 0, "invocations": 0, BEFORE: 0, AFTER: 0}

    def next_pause(self) -> float:
        """Seconds until the next event comes again."""
        with _lock:
            self.counts["coming"] += 1
            return self._events.uniform(0, _LATEST)

    def came_twice(self) -> None:
        with _lock:
            self.counts["coming"] -= 1
            self.counts["twice"] += 1

    def next_failure(self) -> str | None:
        """When the next invocation fails, if it does."""
        with _lock:
            self.counts["invocations"] += 1
            fails = self._invocations.random() < self.fails
            # Drawn in any case, so that the next ones do not depend on the probability.
            moment = self._invocations.choice((BEFORE, AFTER))
            if fails:
                self.counts[moment] += 1
            return moment if fails else None

    def told(self) -> dict[str, Any]:
        with _lock:
            counts = dict(self.counts)
        return {"twice": self.twice, "fails": self.fails, "seed": self.seed, "counts": counts}


_troubles: dict[str, Troubles] = {}


def of(account: str) -> Troubles | None:
    return _troubles.get(account)


def put(account: str, troubles: Troubles | None) -> None:
    """Lets an account have these from now on, or none."""
    if troubles is None:
        _troubles.pop(account, None)
    else:
        _troubles[account] = troubles


def install() -> None:
    _send_twice()
    _lose_invocations()


def _send_twice() -> None:
    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], *more: Any) -> None:
        invoke(target, event, *more)
        troubles = of(get_account_id())
        if troubles and troubles.twice and event.get("Source") == "aws.s3":
            _later(troubles, lambda: invoke(target, event, *more))

    replace_everywhere(invoke, invoke_target)


def _later(troubles: Troubles, again: Callable[[], None]) -> None:
    context = contextvars.copy_context()

    def come_again() -> None:
        context.run(again)
        troubles.came_twice()

    timer = threading.Timer(troubles.next_pause(), come_again)
    timer.daemon = True
    timer.start()


def _lose_invocations() -> None:
    run, execute = lambda_svc._run_sqs_batch, lambda_svc._execute_function

    def run_sqs_batch(source: dict[str, Any], *more: Any) -> None:
        troubles = of(parse_arn(source["EventSourceArn"]).account_id)
        token = _failing.set(troubles.next_failure() if troubles else None)
        try:
            run(source, *more)
        finally:
            _failing.reset(token)

    def execute_function(function: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        moment = _failing.get()
        if moment is None:
            return execute(function, event)
        # It may call itself, with the function's account.
        token = _failing.set(None)
        try:
            done = execute(function, event) if moment == AFTER else {}
        finally:
            _failing.reset(token)
        words = f"the sandbox was asked to let it fail {moment} it has run"
        failure = {"errorType": "Runtime.ExitError", "errorMessage": words}
        return {"error": True, "body": failure, "log": done.get("log", "")}

    replace_everywhere(run, run_sqs_batch)
    replace_everywhere(execute, execute_function)
