"""Commands that were sent, and their invocations on instances."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict

from .. import clock

# Right after SendCommand the invocation cannot be seen yet, however fast time passes.
_INVISIBLE_SECONDS = 0.1

commands = AccountRegionScopedDict()  # command id -> Command


@dataclass
class StepResult:
    """What came of one step of a document."""

    name: str
    status: str = "Pending"
    details: str = "Pending"
    code: int = -1
    stdout: str = ""
    stderr: str = ""
    started: float | None = None
    ended: float | None = None

    def end(self, status: str, details: str = "") -> None:
        self.status, self.details = status, details or status
        self.ended = time.time()


@dataclass
class Invocation:
    """One command on one instance."""

    instance_id: str
    steps: list[StepResult]
    status: str = "Pending"
    details: str = "Pending"
    started: float | None = None
    ended: float | None = None
    cancelled: bool = False

    def settle(self, status: str, details: str = "") -> None:
        """Ends it, for all to see once the agent has reported that."""
        ended = time.time()
        clock.wait("ssm:command", "report")
        self.ended = ended
        self.details = details or status
        self.status = status

    @property
    def is_over(self) -> bool:
        return self.status not in ("Pending", "InProgress", "Delayed", "Cancelling")

    def shown(self, step: StepResult) -> StepResult:
        """A step as it can be seen: the agent reports all of them at the end."""
        if self.is_over and step.ended is not None:
            return step
        return StepResult(step.name, self.status, self.details, started=step.started)


@dataclass
class Command:
    command_id: str
    asked: dict[str, Any]
    requested: float
    document: str
    invocations: dict[str, Invocation] = field(default_factory=dict)

    @property
    def is_visible(self) -> bool:
        hidden = clock.scaled(clock.seconds("ssm:command", "visible"))
        return time.time() - self.requested >= max(hidden, _INVISIBLE_SECONDS)

    @property
    def delivery_timeout(self) -> float:
        """Seconds that it waits for an agent."""
        return float(self.asked.get("TimeoutSeconds") or 3600)

    def status(self) -> tuple[str, str]:
        statuses = [invocation.status for invocation in self.invocations.values()]
        for worst in ("Failed", "TimedOut", "Cancelled"):
            if worst in statuses and all(one.is_over for one in self.invocations.values()):
                return worst, worst
        if all(status == "Success" for status in statuses):
            return "Success", "Success"
        if all(status == "Pending" for status in statuses):
            return "Pending", "Pending"
        return "InProgress", "InProgress"
