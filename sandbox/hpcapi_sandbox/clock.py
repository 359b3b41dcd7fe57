"""How long things take on AWS, scaled.

clock.csv says how long each thing takes and where that is known from. With a scale of 1 a stack
takes as long as it does on AWS, with 0.01 a hundredth of that, with 0 nothing waits. It begins
as HPCAPI_SANDBOX_TIME_SCALE says, which is 0 by default, and may change at any time (see
`control`): what waits then goes on at the new speed.
"""

from __future__ import annotations

import asyncio
import csv
import os
import threading
import time
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any

from . import settings

_scale: float | None = None
_changed = threading.Condition()
_sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
_tasks: set[asyncio.Task[None]] = set()


@cache
def table() -> dict[tuple[str, str], float]:
    """Seconds by what takes them (a resource type or another thing) and the operation."""
    with open(Path(__file__).with_name("clock.csv"), encoding="utf-8") as file:
        return {
            (row["what"], row["operation"]): float(row["seconds"]) for row in csv.DictReader(file)
        }


def seconds(what: str, operation: str) -> float:
    """Seconds at scale 1. What is not in the table takes none; a type without an update of its
    own is updated in the time of its creation."""
    default = table().get((what, "create"), 0.0) if operation == "update" else 0.0
    return table().get((what, operation), default)


def scale() -> float:
    return settings.get().time_scale if _scale is None else _scale


def set_scale(value: float) -> None:
    """Changes the speed of everything, also of what waits already."""
    global _scale
    with _changed:
        _scale = value
        # The Lambda functions that start from now on inherit it.
        os.environ["HPCAPI_SANDBOX_TIME_SCALE"] = str(value)
        _changed.notify_all()
    for loop, event in list(_sleepers):
        loop.call_soon_threadsafe(event.set)


def scaled(seconds_on_aws: float) -> float:
    return seconds_on_aws * scale()


async def take(what: str, operation: str) -> None:
    """Lasts as long as AWS takes for it."""
    await take_seconds(seconds(what, operation))


async def take_seconds(left: float) -> None:
    """Waits for some seconds of AWS's time."""
    while left > 0 and scale() > 0:
        speed, started = scale(), time.monotonic()
        sleeper = (asyncio.get_running_loop(), asyncio.Event())
        _sleepers.add(sleeper)
        try:
            if speed != scale():
                continue
            await asyncio.wait_for(sleeper[1].wait(), left * speed)
        except asyncio.TimeoutError:
            return
        finally:
            _sleepers.discard(sleeper)
        left -= (time.monotonic() - started) / speed


def wait(what: str, operation: str, since: float | None = None) -> None:
    """Blocks this thread as long as AWS takes for it; what has passed `since` counts."""
    left = seconds(what, operation)
    started = time.monotonic() if since is None else since
    with _changed:
        while left > 0 and scale() > 0:
            speed = scale()
            due = started + left * speed - time.monotonic()
            _changed.wait(min(max(0.0, due), threading.TIMEOUT_MAX))
            now = time.monotonic()
            left -= (now - started) / speed
            started = now


def later(work: Coroutine[Any, Any, None]) -> None:
    """Runs what shall happen after a while; the caller does not wait for it."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
