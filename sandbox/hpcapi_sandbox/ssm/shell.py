"""Runs the script of a command on a machine, as the SSM agent does."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from .. import clock, machines
from .commands import Command, Invocation

STDOUT_LIMIT = 24000
STDERR_LIMIT = 8000
_STEP = "awsRunShellScript"
_ORCHESTRATION = "/var/lib/amazon/ssm"
# The exit status of a script that a signal ended.
_TERMINATED = 137


# Saves the script that comes on standard input.
_SAVE = 'umask 077; mkdir -p "$1" && cat >"$1/_script.sh" && chmod 700 "$1/_script.sh"'
# As the agent does: `sh -c` runs the file, so its `#!` line counts. The process id is kept for
# CancelCommand.
_LAUNCH = 'echo $$ >"$1/pid"; cd "$2" || exit 1; export HOME=/root; exec sh -c "$1/_script.sh"'


def run(command: Command, invocation: Invocation, given: dict[str, Any], timeout: int) -> None:
    """Runs an invocation to its end, once it has got to the agent."""
    clock.wait("ssm:command", "deliver")
    if invocation.cancelled:
        invocation.settle("Cancelled")
        return
    node = machines.running(invocation.instance_id)
    if node is None:
        invocation.settle("Failed", "Undeliverable")
        return
    script = "\n".join(given["commands"]) + "\n"
    directory = (
        f"{_ORCHESTRATION}/{invocation.instance_id}/document/orchestration/{command.command_id}"
        f"/{_STEP}/0.{_STEP}"
    )
    invocation.started = time.time()
    invocation.status = invocation.details = "InProgress"
    working = (given.get("workingDirectory") or [""])[0] or "/usr/bin"
    try:
        node.execute(["/bin/sh", "-c", _SAVE, "sh", directory], stdin=script.encode(), timeout=30)
        done = node.execute(["/bin/sh", "-c", _LAUNCH, "sh", directory, working], timeout=timeout)
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        kill(invocation.instance_id, command.command_id)
        invocation.stdout = _text(getattr(error, "stdout", b""), STDOUT_LIMIT)
        invocation.stderr = _text(getattr(error, "stderr", b""), STDERR_LIMIT)
        if invocation.cancelled:
            invocation.settle("Cancelled")
        else:
            invocation.settle("TimedOut", "ExecutionTimedOut")
        return
    except Exception as error:
        invocation.stderr = f"failed to run commands: {error}"
        invocation.settle("Failed")
        return
    invocation.code = _TERMINATED if done.returncode < 0 else done.returncode
    invocation.stdout = _text(done.stdout, STDOUT_LIMIT)
    failed = invocation.code != 0
    note = f"failed to run commands: exit status {invocation.code}" if failed else ""
    invocation.stderr = _text(done.stderr, STDERR_LIMIT - len(note)) + note
    if invocation.cancelled:
        invocation.settle("Cancelled")
    else:
        invocation.settle("Failed" if failed else "Success")


def kill(instance_id: str, command_id: str) -> None:
    """Ends the processes of an invocation, the script before what it started."""
    node = machines.running(instance_id)
    if node is None:
        return
    pattern = f"{_ORCHESTRATION}/{instance_id}/document/orchestration/{command_id}/*/*/pid"
    script = (
        f"for file in {pattern}; do "
        'descendants() { for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do '
        'echo "$child"; descendants "$child"; done; }; '
        'pid=$(cat "$file") && kill -KILL "$pid" $(descendants "$pid"); done'
    )
    try:
        node.execute(["/bin/sh", "-c", script], timeout=10)
    except Exception:
        return


def _text(data: bytes | None, limit: int) -> str:
    return (data or b"").decode("utf-8", "replace")[:limit]
