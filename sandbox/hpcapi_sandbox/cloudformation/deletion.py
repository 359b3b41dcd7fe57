"""Deletes resources of a stack in reverse order of dependency, concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import stacks

from . import critical_path
from .resources import StackView, explain, remove


async def delete_all(
    view: StackView,
    logical_ids: list[str],
    skipped: Callable[[str], bool] | None = None,
    force: bool = False,
    record: critical_path.Operation | None = None,
) -> list[str]:
    """Deletes resources, users before what they use; returns those that could not be deleted.

    What a resource that could not be deleted uses is left alone: it is still in use.
    """
    skipped = skipped or partial(view.retains, attribute="DeletionPolicy")
    definitions = view.template.get("Resources") or {}
    remaining = set(logical_ids)
    users = {
        logical_id: {
            other
            for other in remaining - {logical_id}
            if other in definitions
            and logical_id in intrinsics._extract_deps(definitions[other], remaining)
        }
        for logical_id in logical_ids
    }
    before = {logical_id: set(by) for logical_id, by in users.items()}
    failures: list[str] = []
    tasks: dict[asyncio.Task[bool], str] = {}
    while users or tasks:
        for logical_id in [one for one, by in users.items() if not by]:
            del users[logical_id]
            task = asyncio.create_task(_delete_one(view, logical_id, skipped(logical_id), force))
            tasks[task] = logical_id
            if record:
                kind = (view.resources.get(logical_id) or {}).get("ResourceType", "")
                span = record.start(logical_id, kind, before[logical_id])
                task.add_done_callback(lambda _, span=span: span.end())
        if not tasks:
            break
        finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            logical_id = tasks.pop(task)
            if task.result():
                for by in users.values():
                    by.discard(logical_id)
            else:
                failures.append(logical_id)
    return failures


async def _delete_one(view: StackView, logical_id: str, skip: bool, force: bool) -> bool:
    record = view.resources.get(logical_id) or {}
    kind = record.get("ResourceType", "")
    physical_id = record.get("PhysicalResourceId", "")
    if not physical_id:
        view.resources.pop(logical_id, None)
        return True
    if skip:
        view.event(logical_id, "DELETE_SKIPPED", "", physical_id, kind)
        _keep_as_past(view, logical_id, "DELETE_SKIPPED")
        return True
    view.event(logical_id, "DELETE_IN_PROGRESS", "", physical_id, kind)
    record["ResourceStatus"] = "DELETE_IN_PROGRESS"
    try:
        if view.policy(logical_id, "DeletionPolicy") == "Snapshot":
            stacks._snapshot_resource(kind, physical_id, record.get("Properties") or {})
        await remove(kind, record, view, logical_id)
    except Exception as error:
        reason = explain(error, kind)
        if force:
            view.event(logical_id, "DELETE_SKIPPED", reason, physical_id, kind)
            _keep_as_past(view, logical_id, "DELETE_SKIPPED", reason)
            return True
        view.event(logical_id, "DELETE_FAILED", reason, physical_id, kind)
        record.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=reason)
        return False
    view.event(logical_id, "DELETE_COMPLETE", "", physical_id, kind)
    _keep_as_past(view, logical_id, "DELETE_COMPLETE")
    return True


def _keep_as_past(view: StackView, logical_id: str, status: str, reason: str = "") -> None:
    """Takes a resource from its stack, which goes on to list it once it is deleted itself."""
    record = view.resources.pop(logical_id, None) or {}
    past = view.stack.setdefault("_past_resources", {})
    past[logical_id] = {**record, "ResourceStatus": status, "ResourceStatusReason": reason}


def failed_to_delete(failures: Iterable[str]) -> str:
    return f"The following resource(s) failed to delete: [{', '.join(failures)}]. "
