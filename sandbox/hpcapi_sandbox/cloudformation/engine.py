"""Runs the operations of a stack: create, update, delete, and the rollback of what failed.

Resources are worked on concurrently: one starts when everything that it refers to or depends on
is complete, and is deleted when nothing refers to it any more. After the first failure nothing
new is started and what is on its way is cancelled, as CloudFormation does it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services import cloudformation as state
from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import stacks

from .. import clock
from ..patching import replace_everywhere
from . import critical_path, handler_rights
from .apply import Apply
from .deletion import delete_all, failed_to_delete
from .resources import StackView

logger = logging.getLogger("hpcapi.cloudformation")

_running: dict[str, Apply] = {}  # by stack id


def install() -> None:
    global _original_deploy, _original_roll_back
    _original_deploy = replace_everywhere(stacks._deploy_stack_async, deploy)
    _original_roll_back = replace_everywhere(stacks._roll_back_operation, roll_back)
    replace_everywhere(stacks._delete_stack_async, delete)


def running(stack_id: str) -> Apply | None:
    """The create or update that a stack is in."""
    return _running.get(stack_id)


async def deploy(
    stack_name: str,
    stack_id: str,
    template: dict[str, Any],
    parameters: dict[str, Any],
    disable_rollback: bool,
    tags: list[dict[str, str]],
    is_update: bool = False,
    previous_stack: dict[str, Any] | None = None,
    retain_except_on_create: bool = False,
    imports: dict[str, Any] | None = None,
) -> None:
    """Creates or updates a stack, in the place and with the arguments of ministack's function."""
    if imports:
        await _original_deploy(
            stack_name,
            stack_id,
            template,
            parameters,
            disable_rollback,
            tags,
            is_update,
            previous_stack,
            retain_except_on_create,
            imports,
        )
        return
    stack = state._stacks[stack_name]
    handler_rights.act_for(stack)
    view = StackView(
        stack,
        template,
        parameters,
        intrinsics._evaluate_conditions(template, parameters),
        stack.get("Tags") or [],
    )
    if not is_update:
        stack.update(_template=template, _resolved_params=parameters, _conditions=view.conditions)
    _say_who_asked(view)
    operation = Apply(view, previous_stack if is_update else None, disable_rollback, roll_back)
    operation.retain_except_on_create = retain_except_on_create
    _running[stack_id] = operation
    try:
        await operation.run()
    except Exception:
        logger.exception("the operation on stack %s broke", stack_name)
        view.stack_event(f"{operation.verb}_FAILED", "Internal Failure")
    finally:
        operation.record.note_signals(view.resources)
        operation.record.end()
        operation.over.set()
        if _running.get(stack_id) is operation:
            del _running[stack_id]


def _say_who_asked(view: StackView) -> None:
    """ministack leaves the reason out when the operation comes from a change set."""
    event = state._stack_events[view.stack_id][-1]
    event["ResourceStatusReason"] = event["ResourceStatusReason"] or "User Initiated"


async def roll_back(
    stack_name: str,
    stack_id: str,
    stack: dict[str, Any],
    operation: dict[str, Any],
    reason_override: str = "",
) -> None:
    """Rolls a failed create back; the rollback of an update is ministack's."""
    handler_rights.act_for(stack)
    if operation.get("is_update") or operation.get("imports"):
        await _original_roll_back(stack_name, stack_id, stack, operation, reason_override)
        return
    template = operation.get("template") or {}
    parameters = operation.get("param_values") or {}
    view = StackView(
        stack, template, parameters, intrinsics._evaluate_conditions(template, parameters)
    )
    stack.pop("_failed_operation", None)
    view.stack_event("ROLLBACK_IN_PROGRESS", reason_override)
    kept = () if operation.get("retain_except_on_create") else ("Retain",)
    record = critical_path.begin(stack_name, "ROLLBACK")
    failures = await delete_all(
        view,
        list(view.resources),
        lambda one: view.policy(one, "DeletionPolicy") in kept,
        record=record,
    )
    record.end()
    if failures:
        view.stack_event("ROLLBACK_FAILED", failed_to_delete(failures))
    else:
        view.stack_event("ROLLBACK_COMPLETE")


async def delete(
    stack_name: str, stack_id: str, retain: frozenset[str] = frozenset(), force: bool = False
) -> None:
    """Deletes a stack, in the place and with the arguments of ministack's function."""
    stack = state._stacks.get(stack_name)
    if not stack or stack["StackId"] != stack_id or stack["StackStatus"] == "DELETE_IN_PROGRESS":
        return
    handler_rights.act_for(stack)
    view = StackView(
        stack,
        stack.get("_template") or {},
        stack.get("_resolved_params") or {},
        stack.get("_conditions") or {},
    )
    view.stack_event("DELETE_IN_PROGRESS", "User Initiated")
    operation = _running.get(stack_id)
    if operation:
        operation.abandon()
        await operation.over.wait()
        stack["StackStatus"] = "DELETE_IN_PROGRESS"

    def skipped(logical_id: str) -> bool:
        return logical_id in retain or view.retains(logical_id, "DeletionPolicy")

    record = critical_path.begin(stack_name, "DELETE")
    await clock.take("cloudformation:stack", "begin")
    failures = await delete_all(view, list(view.resources), skipped, force, record)
    await clock.take("cloudformation:stack", "end")
    record.end()
    if failures:
        view.stack_event("DELETE_FAILED", failed_to_delete(failures))
        return
    for output in stack.get("Outputs") or []:
        state._exports.pop(output.get("ExportName", ""), None)
    view.stack_event("DELETE_COMPLETE")


_original_deploy: Callable[..., Awaitable[None]]
_original_roll_back: Callable[..., Awaitable[None]]
