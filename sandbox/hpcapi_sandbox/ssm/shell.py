"""Runs the scripts of a command on a machine, as the SSM agent does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import clock, machines
from . import agents
from .commands import Command, Invocation, StepResult
from .interpolation import AgentRefusal, Script

if TYPE_CHECKING:
    from ..node import Node

STDOUT_LIMIT = 24000
STDERR_LIMIT = 8000
_ORCHESTRATION = "/var/lib/amazon/ssm"
_WORKING_DIRECTORY = "/usr/bin"
# The exit status of a script that a signal ended.
_TERMINATED = 137
# The exit statuses with which a script ends the whole document.
_END_WELL, _END_BADLY = 168, 169
_NOTES = {
    _END_WELL: "\nStep exited with code 168. Therefore, marking step as succeeded. Further "
    "document steps will be skipped.",
    _END_BADLY: "\nStep exited with code 169. Therefore, marking step as Failed. Further "
    "document steps will be skipped.",
}
_ON_FAILURE = (
    "\nStep was found to have onFailure property. Further document steps will be skipped."
)

# Saves the script that comes on standard input.
_SAVE = 'umask 077; mkdir -p "$1" && cat >"$1/_script.sh" && chmod 700 "$1/_script.sh"'
# As the agent does: `sh -c` runs the file, so its `#!` line counts. The process id is kept for
# CancelCommand.
_LAUNCH = 'echo $$ >"$3"; cd "$2" || exit 1; export HOME=/root; exec sh -c "$1/_script.sh"'


def run(command: Command, invocation: Invocation, prepare: Callable[[], list[Script]]) -> None:
    """Runs an invocation to its end, once it has got to the agent."""
    clock.wait("ssm:command", "deliver")
    # By the caller's clock: however fast time passes, so long it waits for an agent.
    is_taken = agents.wait(invocation.instance_id, command.delivery_timeout)
    if invocation.cancelled:
        invocation.settle("Cancelled")
        return
    if not is_taken:
        invocation.settle("TimedOut", "DeliveryTimedOut")
        return
    node = machines.running(invocation.instance_id)
    if node is None:
        invocation.settle("Failed", "Undeliverable")
        return
    invocation.started = time.time()
    invocation.status = invocation.details = "InProgress"
    try:
        scripts = prepare()
    except AgentRefusal as refusal:
        _refuse(invocation, str(refusal))
        return
    _run_all(node, command, invocation, scripts)
    agents.wait(invocation.instance_id)
    invocation.settle(*_verdict(invocation))


def _refuse(invocation: Invocation, reason: str) -> None:
    first = invocation.steps[0]
    first.stderr, first.code = reason, 1
    first.end("Failed")
    invocation.settle("Failed")


def _run_all(
    node: Node, command: Command, invocation: Invocation, scripts: list[Script]
) -> None:
    ended = False
    for script, result in zip(scripts, invocation.steps):
        if invocation.cancelled:
            result.end("Cancelled")
        elif script.failed:
            result.stderr, result.code = script.failed, 1
            result.end("Failed")
        elif script.skipped:
            _skip(result, script.skipped)
        elif ended and not script.runs_always:
            _skip(
                result,
                f"Plugin with name aws:runShellScript and id {script.name} skipped due to prior "
                "step with an exit condition",
            )
        else:
            _run_one(node, command, invocation, script, result)
            ended = _ends_document(script, result) or ended


def _skip(result: StepResult, reason: str) -> None:
    """What is skipped counts as a success."""
    result.stdout, result.code = reason, 0
    result.end("Success")


def _ends_document(script: Script, result: StepResult) -> bool:
    """Whether no further step may run; says so in the output."""
    if result.code == _END_WELL:
        result.stdout, result.stderr = result.stdout + _NOTES[_END_WELL], ""
        result.end("Success")
        return True
    if result.code == _END_BADLY:
        result.stdout += _NOTES[_END_BADLY]
        result.stderr += _NOTES[_END_BADLY]
        return True
    if result.status == "Failed" and script.on_failure in ("exit", "successAndExit"):
        result.stdout += _ON_FAILURE
        result.stderr += _ON_FAILURE
        if script.on_failure == "successAndExit":
            result.code = _END_WELL
            result.end("Success")
        return True
    return False


def _verdict(invocation: Invocation) -> tuple[str, str]:
    for worst in ("Failed", "TimedOut", "Cancelled"):
        for step in invocation.steps:
            if step.status == worst:
                return step.status, step.details
    return "Success", "Success"


def _run_one(
    node: Node, command: Command, invocation: Invocation, script: Script, result: StepResult
) -> None:
    of_command = _directory(invocation.instance_id, command.command_id)
    directory = f"{of_command}/{_folder(script.name)}"
    working = script.working_directory
    if not working.startswith("/"):
        working = _WORKING_DIRECTORY
    text = "\n".join(script.lines) + "\n"
    result.started = time.time()
    try:
        node.execute(["/bin/sh", "-c", _SAVE, "sh", directory], stdin=text.encode(), timeout=120)
        done = node.execute(
            ["/bin/sh", "-c", _LAUNCH, "sh", directory, working, f"{of_command}/pid"],
            timeout=script.timeout,
            env=script.environment,
        )
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        kill(invocation.instance_id, command.command_id)
        result.stdout = _text(getattr(error, "stdout", b""), STDOUT_LIMIT)
        result.stderr = _text(getattr(error, "stderr", b""), STDERR_LIMIT)
        if invocation.cancelled:
            result.end("Cancelled")
        else:
            result.end("TimedOut", "ExecutionTimedOut")
        return
    except Exception as error:
        result.stderr = f"failed to run commands: {error}"
        result.end("Failed")
        return
    result.code = _TERMINATED if done.returncode < 0 else done.returncode
    result.stdout = _text(done.stdout, STDOUT_LIMIT)
    failed = result.code != 0
    note = f"failed to run commands: exit status {result.code}" if failed else ""
    result.stderr = _text(done.stderr, STDERR_LIMIT - len(note)) + note
    if invocation.cancelled:
        result.end("Cancelled")
    else:
        result.end("Failed" if failed else "Success")


def _directory(instance_id: str, command_id: str) -> str:
    return f"{_ORCHESTRATION}/{instance_id}/document/orchestration/{command_id}"


def _folder(step: str) -> str:
    """Where the files of a step are; documents of version 1.2 number their plugins."""
    plain = step.replace(":", "")
    return plain if plain == step else f"{plain}/0.{plain}"


def kill(instance_id: str, command_id: str) -> None:
    """Ends the processes of an invocation, the script before what it started."""
    node = machines.running(instance_id)
    if node is None:
        return
    script = (
        'descendants() { for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do '
        'echo "$child"; descendants "$child"; done; }; '
        f"pid=$(cat {_directory(instance_id, command_id)}/pid) && "
        'kill -KILL "$pid" $(descendants "$pid")'
    )
    try:
        node.execute(["/bin/sh", "-c", script], timeout=60)
    except Exception:
        return


def _text(data: bytes | None, limit: int) -> str:
    return (data or b"").decode("utf-8", "replace")[:limit]
