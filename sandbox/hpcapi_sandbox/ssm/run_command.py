"""The actions of SSM Run Command."""

from __future__ import annotations

import contextvars
import functools
import json
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
from .commands import Command, Invocation, StepResult, commands
from .document_content import Content
from .document_parameters import checked
from .fleet import describe_instance_information, is_online
from .interpolation import prepare
from .paging import paged
from .shell import kill, run


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
    name, content = _document(asked)
    values = checked(name, content.parameters, asked.get("Parameters") or {})
    instance_ids = _addressed(asked)
    offline = [instance_id for instance_id in instance_ids if not is_online(instance_id)]
    if offline and not asked.get("Targets"):
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(offline)}]] not in a valid state for account "
            f"{get_account_id()}",
        )
    command = Command(new_uuid(), asked, time.time(), name)
    scripts = functools.partial(prepare, content, values)
    for instance_id in instance_ids:
        if instance_id not in offline:
            steps = [StepResult(step.name) for step in content.steps]
            invocation = Invocation(instance_id, steps)
            command.invocations[instance_id] = invocation
            _in_background(run, command, invocation, scripts)
    commands[command.command_id] = command
    return {"Command": _shown(command)}


def _in_background(function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function in a thread that acts for the caller's account."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(function, *arguments), daemon=True).start()


def _document(asked: dict[str, Any]) -> tuple[str, Content]:
    """The name and the content of the version that is asked for."""
    name = asked.get("DocumentName", "")
    document = documents.known(name)
    if document is None:
        raise AwsError("InvalidDocument", f"Document {name} does not exist in your account")
    content = document.version(asked.get("DocumentVersion")).content
    if asked.get("DocumentHash") not in (None, "", content.hash):
        raise AwsError("InvalidDocument", "The document hash does not match.")
    return document.name, content


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
    step = _step(invocation, asked.get("PluginName") or "")
    return {
        "CommandId": command.command_id,
        "InstanceId": invocation.instance_id,
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": command.document,
        "DocumentVersion": command.asked.get("DocumentVersion") or "$DEFAULT",
        "PluginName": step.name,
        "ResponseCode": step.code,
        "ExecutionStartDateTime": _iso(step.started),
        "ExecutionElapsedTime": _elapsed(step),
        "ExecutionEndDateTime": _iso(step.ended),
        "Status": step.status,
        "StatusDetails": step.details,
        "StandardOutputContent": step.stdout,
        "StandardOutputUrl": "",
        "StandardErrorContent": step.stderr,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
    }


def _step(invocation: Invocation, name: str) -> StepResult:
    """The step of a name, or the only one. Of several nothing is told but how all of it went."""
    if not name and len(invocation.steps) > 1:
        code = 0 if invocation.status == "Success" else -1
        return StepResult(
            "", invocation.status, invocation.details, code, "", "", *_times(invocation)
        )
    for step in invocation.steps:
        if step.name == name or not name:
            return invocation.shown(step)
    raise AwsError("InvalidPluginName", "The plugin name isn't valid.")


def _times(invocation: Invocation) -> tuple[float | None, float | None]:
    return invocation.started, invocation.ended


def _iso(moment: float | None) -> str:
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _elapsed(step: StepResult) -> str:
    if step.started is None or step.ended is None:
        return ""
    return f"PT{step.ended - step.started:.3f}S"


def _shown(command: Command) -> dict[str, Any]:
    asked = command.asked
    status, details = command.status()
    over = [one for one in command.invocations.values() if one.is_over]
    return {
        "CommandId": command.command_id,
        "DocumentName": command.document,
        "DocumentVersion": asked.get("DocumentVersion") or "$DEFAULT",
        "Comment": asked.get("Comment", ""),
        "ExpiresAfter": command.requested + command.delivery_timeout,
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
        "DeliveryTimedOutCount": len(
            [one for one in over if one.details == "DeliveryTimedOut"]
        ),
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
    return {
        "CommandId": command.command_id,
        "InstanceId": invocation.instance_id,
        "InstanceName": "",
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": command.document,
        "DocumentVersion": command.asked.get("DocumentVersion") or "$DEFAULT",
        "RequestedDateTime": command.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [_plugin(invocation.shown(step)) for step in invocation.steps]
        if details
        else [],
    }


def _plugin(step: StepResult) -> dict[str, Any]:
    plugin = {
        "Name": step.name,
        "Status": step.status,
        "StatusDetails": step.details,
        "ResponseCode": step.code,
        "Output": (step.stdout + step.stderr)[:2500],
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3Region": get_region(),
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    }
    if step.started:
        plugin["ResponseStartDateTime"] = step.started
    if step.ended:
        plugin["ResponseFinishDateTime"] = step.ended
    return plugin


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
