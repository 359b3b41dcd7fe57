"""What CloudFormation shows late: change sets that are being made, and stack events."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

from ministack.services import cloudformation as state

from .. import clock

_PENDING = {
    "Status": "CREATE_IN_PROGRESS",
    "StatusReason": "",
    "ExecutionStatus": "UNAVAILABLE",
    "Changes": [],
}


def change_set_of(answer_to_create: bytes) -> dict[str, Any] | None:
    """The change set that was made."""
    found = re.search(rb"<Id>([^<]+)</Id>", answer_to_create)
    return state._change_sets.get(found[1].decode()) if found else None


def make_slowly(change_set: dict[str, Any]) -> None:
    """Hides what a new change set holds until it is made."""
    if clock.scale() > 0:
        made = {name: change_set[name] for name in _PENDING}
        change_set.update(_PENDING)
        clock.later(_show(change_set, made))


async def _show(change_set: dict[str, Any], made: dict[str, Any]) -> None:
    await clock.take("cloudformation:change-set", "create")
    change_set.update(made)


def without_latest_events(stack_id: str, answer: bytes) -> bytes:
    """Leaves out the events that DescribeStackEvents does not know yet."""
    if clock.scale() == 0:
        return answer
    since = time.time() - clock.scaled(clock.seconds("cloudformation:stack-event", "lag"))
    hidden = [
        event["EventId"].encode()
        for event in state._stack_events.get(stack_id) or []
        if datetime.fromisoformat(event["Timestamp"].replace("Z", "+00:00")).timestamp() > since
    ]
    return re.sub(
        rb"<member>.*?</member>",
        lambda member: b"" if any(one in member[0] for one in hidden) else member[0],
        answer,
        flags=re.DOTALL,
    )
