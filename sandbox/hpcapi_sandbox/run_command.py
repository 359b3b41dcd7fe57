"""SSM Run Command: shell scripts that really run on the machines behind instances."""

from __future__ import annotations

import base64
import contextvars
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    get_account_id,
    get_region,
    new_uuid,
)
from ministack.services import ec2 as ec2_store
from ministack.services import ssm

from . import machines
from .aws_error import AwsError
from .patching import replace_everywhere

STDOUT_LIMIT = 24000
STDERR_LIMIT = 8000
_DOCUMENT = "AWS-RunShellScript"
_PLUGIN = "aws:runShellScript"
_STEP = "awsRunShellScript"
# Right after SendCommand the invocation cannot be seen yet.
_INVISIBLE_SECONDS = 0.1
_ORCHESTRATION = "/var/lib/amazon/ssm"
# The exit status with which a script ends that was terminated.
_TERMINATED = 137

commands = AccountRegionScopedDict()  # command id -> Command


@dataclass
class Invocation:
    """One command on one instance."""

    instance_id: str
    status: str = "Pending"
    details: str = "Pending"
    code: int = -1
    stdout: str = ""
    stderr: str = ""
    started: float | None = None
    ended: float | None = None
    cancelled: bool = False

    def settle(self, status: str, details: str = "") -> None:
        self.ended = time.time()
        self.details = details or status
        self.status = status

    @property
    def is_over(self) -> bool:
        return self.status not in ("Pending", "InProgress", "Delayed", "Cancelling")


@dataclass
class Command:
    command_id: str
    asked: dict[str, Any]
    requested: float
    invocations: dict[str, Invocation] = field(default_factory=dict)

    @property
    def is_visible(self) -> bool:
        return time.time() - self.requested >= _INVISIBLE_SECONDS

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


def install() -> None:
    others = ssm.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in _ACTIONS:
            return await others(method, path, headers, body, query)
        try:
            return ssm.json_response(_ACTIONS[action](json.loads(body or b"{}")))
        except AwsError as error:
            return ssm.error_response_json(error.code, error.message, error.status)

    replace_everywhere(others, handle_request)


def _send_command(asked: dict[str, Any]) -> dict[str, Any]:
    document = asked.get("DocumentName", "")
    if document != _DOCUMENT:
        raise AwsError("InvalidDocument", f"Document {document} does not exist in your account")
    if int(asked.get("TimeoutSeconds") or 3600) < 30:
        raise AwsError("ValidationException", "TimeoutSeconds must be at least 30")
    given = asked.get("Parameters") or {}
    unknown = set(given) - {"commands", "workingDirectory", "executionTimeout"}
    if unknown or not given.get("commands"):
        raise AwsError(
            "InvalidParameters",
            f"document {_DOCUMENT} does not support parameters: {', '.join(sorted(unknown))}"
            if unknown
            else "Parameter \"commands\" requires a value.",
        )
    timeout = str((given.get("executionTimeout") or ["3600"])[0])
    if not re.fullmatch(r"([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)", timeout):
        raise AwsError("InvalidParameters", "executionTimeout does not match its allowed pattern")
    instance_ids = _addressed(asked)
    offline = [instance_id for instance_id in instance_ids if not _is_online(instance_id)]
    if offline and not asked.get("Targets"):
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(offline)}]] not in a valid state for account {get_account_id()}",
        )
    command = Command(new_uuid(), asked, time.time())
    for instance_id in instance_ids:
        if instance_id in offline:
            continue
        invocation = Invocation(instance_id)
        command.invocations[instance_id] = invocation
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(_run, command, invocation, given, int(timeout)), daemon=True
        ).start()
    commands[command.command_id] = command
    return {"Command": _shown(command)}


def _addressed(asked: dict[str, Any]) -> list[str]:
    """The instances named by InstanceIds or found by Targets."""
    instance_ids = list(asked.get("InstanceIds") or [])
    for target in asked.get("Targets") or []:
        key, values = target.get("Key", ""), target.get("Values") or []
        if key.lower() == "instanceids":
            instance_ids += values
        elif key.startswith("tag:"):
            instance_ids += [
                instance_id
                for instance_id in ec2_store._instances
                if _is_online(instance_id)
                and any(
                    tag["Key"] == key[4:] and tag["Value"] in values
                    for tag in ec2_store._tags.get(instance_id) or []
                )
            ]
    if not instance_ids and not asked.get("Targets"):
        raise AwsError("ValidationException", "InstanceIds or Targets must be given")
    return list(dict.fromkeys(instance_ids))


def _is_online(instance_id: str) -> bool:
    """Whether the instance is the account's and its agent answers."""
    return instance_id in ec2_store._instances and machines.is_up(instance_id)


def _run(
    command: Command, invocation: Invocation, given: dict[str, Any], timeout: int
) -> None:
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
        node.execute(
            ["/bin/sh", "-c", 'umask 077; mkdir -p "$1" && cat >"$1/_script.sh" && '
             'chmod 700 "$1/_script.sh"', "sh", directory],
            stdin=script.encode(),
            timeout=30,
        )
        done = node.execute(
            ["/bin/sh", "-c", _LAUNCHER, "sh", directory, working], timeout=timeout
        )
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        _kill(invocation.instance_id, command.command_id)
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


# As the agent does: the script is a file that `sh -c` runs, so its `#!` line counts. It leads a
# process group of its own, whose id is kept for CancelCommand.
_LAUNCHER = (
    'echo $$ >"$1/pid"; cd "$2" || exit 1; export HOME=/root; exec sh -c "$1/_script.sh"'
)


def _kill(instance_id: str, command_id: str) -> None:
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


def _found(asked: dict[str, Any]) -> tuple[Command, Invocation]:
    command = commands.get(asked.get("CommandId", ""))
    invocation = command.invocations.get(asked.get("InstanceId", "")) if command else None
    if not command or not invocation or not command.is_visible:
        raise AwsError("InvocationDoesNotExist", "")
    return command, invocation


def _get_command_invocation(asked: dict[str, Any]) -> dict[str, Any]:
    command, invocation = _found(asked)
    return {
        "CommandId": command.command_id,
        "InstanceId": invocation.instance_id,
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": _DOCUMENT,
        "DocumentVersion": command.asked.get("DocumentVersion") or "$DEFAULT",
        "PluginName": _PLUGIN,
        "ResponseCode": invocation.code,
        "ExecutionStartDateTime": _iso(invocation.started),
        "ExecutionElapsedTime": _elapsed(invocation),
        "ExecutionEndDateTime": _iso(invocation.ended),
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": invocation.stdout,
        "StandardOutputUrl": "",
        "StandardErrorContent": invocation.stderr,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
    }


def _iso(moment: float | None) -> str:
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _elapsed(invocation: Invocation) -> str:
    if invocation.started is None or invocation.ended is None:
        return ""
    return f"PT{invocation.ended - invocation.started:.3f}S"


def _shown(command: Command) -> dict[str, Any]:
    asked = command.asked
    status, details = command.status()
    over = [one for one in command.invocations.values() if one.is_over]
    return {
        "CommandId": command.command_id,
        "DocumentName": _DOCUMENT,
        "DocumentVersion": asked.get("DocumentVersion") or "$DEFAULT",
        "Comment": asked.get("Comment", ""),
        "ExpiresAfter": command.requested + int(asked.get("TimeoutSeconds") or 3600),
        "Parameters": asked.get("Parameters") or {},
        "InstanceIds": asked.get("InstanceIds") or [],
        "Targets": asked.get("Targets") or [],
        "RequestedDateTime": command.requested,
        "Status": status,
        "StatusDetails": details,
        "OutputS3Region": get_region(),
        "OutputS3BucketName": asked.get("OutputS3BucketName", ""),
        "OutputS3KeyPrefix": asked.get("OutputS3KeyPrefix", ""),
        "MaxConcurrency": asked.get("MaxConcurrency", "50"),
        "MaxErrors": asked.get("MaxErrors", "0"),
        "TargetCount": len(command.invocations),
        "CompletedCount": len(over),
        "ErrorCount": len([one for one in over if one.status == "Failed"]),
        "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": int(asked.get("TimeoutSeconds") or 3600),
    }


def _selected(asked: dict[str, Any]) -> list[Command]:
    wanted, instance_id = asked.get("CommandId"), asked.get("InstanceId")
    return sorted(
        (
            command
            for command in commands.values()
            if (not wanted or command.command_id == wanted)
            and (not instance_id or instance_id in command.invocations)
        ),
        key=lambda command: -command.requested,
    )


def _list_commands(asked: dict[str, Any]) -> dict[str, Any]:
    return _paged(asked, "Commands", [_shown(command) for command in _selected(asked)])


def _list_command_invocations(asked: dict[str, Any]) -> dict[str, Any]:
    entries = []
    for command in _selected(asked):
        for invocation in command.invocations.values():
            if asked.get("InstanceId") not in (None, "", invocation.instance_id):
                continue
            entries.append(_invocation_entry(command, invocation, bool(asked.get("Details"))))
    return _paged(asked, "CommandInvocations", entries)


def _invocation_entry(command: Command, invocation: Invocation, details: bool) -> dict[str, Any]:
    plugin = {
        "Name": _PLUGIN,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "ResponseCode": invocation.code,
        "Output": (invocation.stdout + invocation.stderr)[:2500],
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3Region": get_region(),
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    }
    if invocation.started:
        plugin["ResponseStartDateTime"] = invocation.started
    if invocation.ended:
        plugin["ResponseFinishDateTime"] = invocation.ended
    return {
        "CommandId": command.command_id,
        "InstanceId": invocation.instance_id,
        "InstanceName": "",
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": _DOCUMENT,
        "DocumentVersion": command.asked.get("DocumentVersion") or "$DEFAULT",
        "RequestedDateTime": command.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [plugin] if details else [],
    }


def _paged(asked: dict[str, Any], name: str, items: list[Any]) -> dict[str, Any]:
    try:
        start = int(base64.b64decode(asked.get("NextToken") or "MA=="))
    except ValueError:
        raise AwsError("InvalidNextToken", "The specified token is not valid.") from None
    end = start + int(asked.get("MaxResults") or 50)
    token = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return {name: items[start:end], **token}


def _cancel_command(asked: dict[str, Any]) -> dict[str, Any]:
    command = commands.get(asked.get("CommandId", ""))
    if not command:
        raise AwsError("InvalidCommandId", "")
    wanted = asked.get("InstanceIds") or list(command.invocations)
    for instance_id in wanted:
        invocation = command.invocations.get(instance_id)
        if invocation and not invocation.is_over:
            invocation.cancelled = True
            threading.Thread(
                target=_kill, args=(instance_id, command.command_id), daemon=True
            ).start()
    return {}


def _describe_instance_information(asked: dict[str, Any]) -> dict[str, Any]:
    chosen = sorted(ec2_store._instances)
    filters = [(one.get("Key"), one.get("Values")) for one in asked.get("Filters") or []]
    filters += [
        (one.get("key"), one.get("valueSet")) for one in asked.get("InstanceInformationFilterList") or []
    ]
    for key, values in filters:
        keep = _FILTERS.get(key) or _tag_filter(str(key))
        chosen = [instance_id for instance_id in chosen if keep(instance_id, values or [])]
    entries = [
        _information(ec2_store._instances[instance_id])
        for instance_id in chosen
        if _is_online(instance_id)
    ]
    return _paged({"MaxResults": 10, **asked}, "InstanceInformationList", entries)


_FILTERS: dict[Any, Callable[[str, list[str]], bool]] = {
    "InstanceIds": lambda instance_id, values: instance_id in values,
    "PingStatus": lambda instance_id, values: "Online" in values,
    "PlatformTypes": lambda instance_id, values: "Linux" in values,
    "ResourceType": lambda instance_id, values: "EC2Instance" in values,
}


def _tag_filter(key: str) -> Callable[[str, list[str]], bool]:
    if not key.startswith("tag:"):
        raise AwsError("InvalidInstanceInformationFilterValue", f"Invalid filter key {key}")
    return lambda instance_id, values: any(
        tag["Key"] == key[4:] and tag["Value"] in values
        for tag in ec2_store._tags.get(instance_id) or []
    )


def _information(instance: dict[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": instance["InstanceId"],
        "PingStatus": "Online",
        "LastPingDateTime": time.time(),
        "AgentVersion": "3.3.3050.0",
        "IsLatestVersion": False,
        "PlatformType": "Linux",
        "PlatformName": "Amazon Linux",
        "PlatformVersion": "2023",
        "ResourceType": "EC2Instance",
        "IPAddress": instance["PrivateIpAddress"],
        "ComputerName": instance["PrivateDnsName"],
    }


_ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "SendCommand": _send_command,
    "GetCommandInvocation": _get_command_invocation,
    "ListCommands": _list_commands,
    "ListCommandInvocations": _list_command_invocations,
    "CancelCommand": _cancel_command,
    "DescribeInstanceInformation": _describe_instance_information,
}
