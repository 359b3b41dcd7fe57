"""The agents of instances, each of which a test may stop for a while (see `control`).

One that is stopped takes no command, and reports no end of one that runs. That it is gone SSM
notices only after minutes: until then commands are sent to it, and wait.
"""

from __future__ import annotations

import threading

_changed = threading.Condition()
_stopped: set[str] = set()


def let_run(instance_id: str, runs: bool) -> None:
    """Stops an agent, or starts it again."""
    with _changed:
        if runs:
            _stopped.discard(instance_id)
        else:
            _stopped.add(instance_id)
        _changed.notify_all()


def wait(instance_id: str, seconds: float | None = None) -> bool:
    """Waits until an agent runs, for so many seconds at most; returns whether it does."""
    with _changed:
        return _changed.wait_for(lambda: instance_id not in _stopped, seconds)
