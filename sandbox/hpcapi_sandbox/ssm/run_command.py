"""The actions of SSM Run Command."""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2 as ec2_store
from ministack.services import ssm

from ..aws_error import AwsError
from ..patching import replace_everywhere
from . import document_tags, documents
from .commands import Command, Invocation, commands
from .fleet import describe_instance_information, is_online
from .paging import paged
from .shell import kill, run

_DOCUMENT = "AWS-RunShellScript"
_PLUGIN = "aws:runShellScript"
# What the document allows: up to 172,800 seconds.
_EXECUTION_TIMEOUT = re.compile(
    r"([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)"
)


def install() -> None:
    others = ssm.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        asked = json.loads(body or b"{}")
        respond = _ACTIONS.get(action)
        if document_tags.serves(action, asked):
            respond = document_tags.ACTIONS[action]
        if respond is None:
            return await others(method, path, headers, body, query)
        try:
            return ssm.json_response(respond(asked))
        except AwsError as error:
            return ssm.error_response_json(error.code, error.message, error.status)

    replace_everywhere(others, handle_request)


def _send_command(asked: dict[str, Any]) -> dict[str, Any]:
    given, timeout = _checked_parameters(asked)
    instance_ids = _addressed(asked)
    offline = [instance_id for instance_id in instance_ids if not is_online(instance_id)]
    if offline and not asked.get("Targets"):
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(offline)}]] not in a valid state for account "
            f"{get_account_id()}",
        )
    command = Command(new_uuid(), asked, time.time())
    for instance_id in instance_ids:
        if instance_id not in offline:
            invocation = Invocation(instance_id)
            command.invocations[instance_id] = invocation
            _in_background(run, command, invocation, given, timeout)
    commands[command.command_id] = command
    return {"Command": _shown(command)}


def _in_background(function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function in a thread that acts for the caller's account."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(function, *arguments), daemon=True).start()


def _checked_parameters(asked: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The parameters of the document, and its execution timeout in seconds."""
    document = asked.get("DocumentName", "")
    if document != _DOCUMENT:
        raise AwsError("InvalidDocument", f"Document {document} does not exist in your account")
    given = asked.get("Parameters") or {}
    unknown = sorted(set(given) - {"commands", "workingDirectory", "executionTimeout"})
    if unknown:
        raise AwsError(
            "InvalidParameters",
            f"document {_DOCUMENT} does not support parameters: {', '.join(unknown)}",
        )
    if not given.get("commands"):
        raise AwsError("InvalidParameters", 'Parameter "commands" requires a value.')
    timeout = str((given.get("executionTimeout") or ["3600"])[0])
    if not _EXECUTION_TIMEOUT.fullmatch(timeout):
        raise AwsError("InvalidParameters", "executionTimeout does not match its allowed pattern")
    return given, int(timeout)


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
                if is_online(instance_id)
                and any(
                    tag["Key"] == key[4:] and tag["Value"] in values
                    for tag in ec2_store._tags.get(instance_id) or []
                )
            ]
    if not instance_ids and not asked.get("Targets"):
        raise AwsError("ValidationException", "InstanceIds or Targets must be given")
    return list(dict.fromkeys(instance_ids))


def _found(asked: dict[str, Any]) -> tuple[Command, Invocation]:
    command = commands.get(asked.get("CommandId", ""))
    invocation = command.invocations.get(asked.get("InstanceId", "")) if command else None
    if not command or not invocation or not command.is_visible:
        raise AwsError("InvocationDoesNotExist", "")
    return command, invocation


def _get_command_invocation(asked: dict[str, Any]) -> dict[str, Any]:
    command, invocation = _found(asked)
    over = invocation.is_over
    return {
        "CommandId": command.command_id,
        "InstanceId": invocation.instance_id,
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": _DOCUMENT,
        "DocumentVersion": command.asked.get("DocumentVersion") or "$DEFAULT",
        "PluginName": _PLUGIN,
        "ResponseCode": invocation.code if over else -1,
        "ExecutionStartDateTime": _iso(invocation.started),
        "ExecutionElapsedTime": _elapsed(invocation),
        "ExecutionEndDateTime": _iso(invocation.ended),
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": invocation.stdout if over else "",
        "StandardOutputUrl": "",
        "StandardErrorContent": invocation.stderr if over else "",
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
    return paged(asked, "Commands", [_shown(command) for command in _selected(asked)])


def _list_command_invocations(asked: dict[str, Any]) -> dict[str, Any]:
    entries = []
    for command in _selected(asked):
        for invocation in command.invocations.values():
            if asked.get("InstanceId") not in (None, "", invocation.instance_id):
                continue
            entries.append(_invocation_entry(command, invocation, bool(asked.get("Details"))))
    return paged(asked, "CommandInvocations", entries)


def _invocation_entry(command: Command, invocation: Invocation, details: bool) -> dict[str, Any]:
    over = invocation.is_over
    plugin = {
        "Name": _PLUGIN,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "ResponseCode": invocation.code if over else -1,
        "Output": (invocation.stdout + invocation.stderr)[:2500] if over else "",
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


def _cancel_command(asked: dict[str, Any]) -> dict[str, Any]:
    command = commands.get(asked.get("CommandId", ""))
    if not command:
        raise AwsError("InvalidCommandId", "")
    wanted = asked.get("InstanceIds") or list(command.invocations)
    for instance_id in wanted:
        invocation = command.invocations.get(instance_id)
        if invocation and not invocation.is_over:
            invocation.cancelled = True
            _in_background(kill, instance_id, command.command_id)
    return {}


_ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "SendCommand": _send_command,
    "GetCommandInvocation": _get_command_invocation,
    "ListCommands": _list_commands,
    "ListCommandInvocations": _list_command_invocations,
    "CancelCommand": _cancel_command,
    "DescribeInstanceInformation": describe_instance_information,
    **documents.ACTIONS,
}
