"""One create or update of a stack: its resources, each when what it needs is there."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services import cloudformation as state
from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import stacks

from .. import clock
from . import critical_path
from .deletion import delete_all
from .resources import CANCELLED, StackView, Work, explain, remove

logger = logging.getLogger("hpcapi.cloudformation")

# Of a failed operation: stack name and id, the stack, the operation and why it failed.
RollBack = Callable[[str, str, dict[str, Any], dict[str, Any], str], Awaitable[None]]


class Apply:
    """A create or an update of a stack."""

    def __init__(
        self,
        view: StackView,
        previous: dict[str, Any] | None,
        disable_rollback: bool,
        roll_back: RollBack,
    ) -> None:
        self.view = view
        self.previous = previous
        self.disable_rollback = disable_rollback
        self.roll_back = roll_back
        self.retain_except_on_create = False
        self.abandoned = False  # by a DeleteStack: leave the stack as it is
        self.over = asyncio.Event()
        self.applied: list[Work] = []
        self.failed: list[Work] = []
        self.first_failure = ""
        self.record = critical_path.begin(view.name, self.verb)
        self._waiting: dict[str, set[str]] = {}  # what each resource still needs
        self._to_begin: set[str] = set()  # of those that were started
        self._tasks: dict[asyncio.Task[None], Work] = {}
        self._news = asyncio.Event()

    @property
    def verb(self) -> str:
        return "UPDATE" if self.previous else "CREATE"

    def abandon(self) -> None:
        self.abandoned = True
        self._cancel_others()

    async def run(self) -> None:
        view = self.view
        stack = view.stack
        stack.pop("_failed_operation", None)
        stack.pop("_cancel_requested", None)
        order = intrinsics._topological_sort(view.template["Resources"], view.conditions)
        if not stack.get("_disable_validation") and self._fails_validation(order):
            return
        await clock.take("cloudformation:stack", "begin")
        await self._apply_all(order)
        if not self.first_failure:
            await clock.take("cloudformation:stack", "end")
        if self.abandoned:
            return
        outputs, exports = self._outputs()
        if self.first_failure:
            await self._fail()
            return
        if self.previous:
            await self._clean_up()
        stack.update(
            _template=view.template,
            _resolved_params=view.parameters,
            _conditions=view.conditions,
            Outputs=outputs,
        )
        for record in view.resources.values():
            record["_stack_tags"] = copy.deepcopy(view.tags)
        state._exports.update(exports)
        view.stack_event(f"{self.verb}_COMPLETE")

    def _fails_validation(self, order: list[str]) -> bool:
        view = self.view
        return stacks._fail_property_validation(
            view.stack,
            view.stack_id,
            view.name,
            view.template.get("Resources") or {},
            order,
            view.parameters,
            view.conditions,
            view.template.get("Mappings") or {},
            self.disable_rollback,
            previous_stack=self.previous,
        )

    async def _apply_all(self, order: list[str]) -> None:
        self._waiting = {logical_id: self.view.needs(logical_id) for logical_id in order}
        while self._waiting or self._tasks:
            if self.view.stack.pop("_cancel_requested", False):
                self._stop("User Initiated")
            if not self.first_failure and not self.abandoned:
                for logical_id in [one for one, needs in self._waiting.items() if not needs]:
                    del self._waiting[logical_id]
                    self._start(logical_id)
            if not self._tasks:
                break
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), 0.1)
            self._news.clear()
            for task in [task for task in self._tasks if task.done()]:
                work = self._tasks.pop(task)
                if self._finish(task, work):
                    for needs in self._waiting.values():
                        needs.discard(work.logical_id)

    def _configured(self, work: Work) -> None:
        """Lets those go on that refer to a resource, unless they say what they depend on: these
        wait for all that they need to be complete."""
        self.record.spans[work.logical_id].configured = time.monotonic()
        for logical_id, needs in self._waiting.items():
            if not self._waits_for_all(logical_id):
                needs.discard(work.logical_id)
        self._news.set()

    def _begun(self, work: Work) -> None:
        """Says so when the last resource has been begun."""
        self._to_begin.discard(work.logical_id)
        if not self._to_begin and not self._waiting and not self.first_failure:
            self.view.stack_is_configured(self.verb)

    def _waits_for_all(self, logical_id: str) -> bool:
        return "DependsOn" in self.view.definitions[logical_id]

    def _start(self, logical_id: str) -> None:
        previous = ((self.previous or {}).get("_resources") or {}).get(logical_id) or {}
        if not previous.get("PhysicalResourceId"):
            previous = None  # an earlier operation did not get as far as making it
        self._to_begin.add(logical_id)
        work = Work(self.view, logical_id, previous, self._configured, self._begun)
        task = asyncio.create_task(work.apply())
        span = self.record.start(logical_id, work.kind, self.view.needs(logical_id))
        if not self._waits_for_all(logical_id):
            span.early = span.needs
        task.add_done_callback(lambda _: (span.end(), self._news.set()))
        self._tasks[task] = work

    def _finish(self, task: asyncio.Task[None], work: Work) -> bool:
        """Takes note of how a resource ended; true when it is complete."""
        stopped = bool(self.first_failure) or self.abandoned
        if task.cancelled():
            return False  # _cancel_others has said so already
        error = task.exception()
        if error is None:
            if work.changed:
                self.applied.append(work)
            return not stopped
        if work not in self.failed:
            logger.info("%s %s: %r", work.kind, work.logical_id, error)
            self.failed.append(work)
            work.fail(explain(error, work.kind))
        self._stop(explain(error, work.kind))
        return False

    def _stop(self, reason: str) -> None:
        if not self.first_failure:
            self.first_failure = reason
            self._cancel_others()

    def _cancel_others(self) -> None:
        for task, work in self._tasks.items():
            if task.done() or work in self.failed:
                continue
            self.failed.append(work)
            work.fail(CANCELLED[work.verb])
            work.cancelled = True
            if not work.in_thread:
                task.cancel()

    def _outputs(self) -> tuple[list[dict[str, str]], dict[str, Any]]:
        view = self.view
        if self.first_failure:
            return [], {}
        remaining = {
            logical_id: record
            for logical_id, record in view.resources.items()
            if logical_id in view.definitions
        }
        try:
            return stacks._resolve_stack_outputs(
                view.template.get("Outputs") or {},
                view.conditions,
                remaining,
                view.parameters,
                view.template.get("Mappings") or {},
                view.name,
                view.stack_id,
            )
        except ValueError as error:
            self.first_failure = str(error)
            return [], {}

    async def _clean_up(self) -> None:
        """Deletes what the update replaced or dropped; a failure here does not fail the update."""
        view = self.view
        view.stack_event("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for work in reversed(self.applied):
            if work.superseded:
                await self._delete_superseded(work)
        assert self.previous is not None
        before = StackView(
            view.stack,
            self.previous.get("_template") or {},
            self.previous.get("_resolved_params") or {},
            self.previous.get("_conditions") or {},
        )
        dropped = [one for one in view.resources if one not in view.definitions]
        await delete_all(before, dropped)

    async def _delete_superseded(self, work: Work) -> None:
        view, record = self.view, work.superseded
        assert record is not None
        physical_id = record["PhysicalResourceId"]
        if view.retains(work.logical_id, "UpdateReplacePolicy"):
            view.event(work.logical_id, "DELETE_SKIPPED", "", physical_id, work.kind)
            return
        view.event(work.logical_id, "DELETE_IN_PROGRESS", "", physical_id, work.kind)
        try:
            for function, arguments, keywords in work.deferred:
                function(*arguments, **keywords)
            if not work.deferred:
                await remove(work.kind, record, view, work.logical_id)
        except Exception as error:
            reason = explain(error, work.kind)
            view.event(work.logical_id, "DELETE_FAILED", reason, physical_id, work.kind)
            return
        view.event(work.logical_id, "DELETE_COMPLETE", "", physical_id, work.kind)

    async def _fail(self) -> None:
        view = self.view
        verb = "update" if self.previous and any(one.previous for one in self.failed) else "create"
        names = ", ".join(work.logical_id for work in self.failed)
        reason = f"The following resource(s) failed to {verb}: [{names}]. "
        if not self.failed:
            reason = self.first_failure
        operation = self._as_failed_operation()
        if self.disable_rollback:
            view.stack["_failed_operation"] = operation
            view.stack_event(f"{self.verb}_FAILED", reason)
            return
        if not self.failed:
            view.stack_event(f"{self.verb}_FAILED", reason)
        await self.roll_back(
            view.name,
            view.stack_id,
            view.stack,
            operation,
            reason if self.previous else f"{reason}Rollback requested by user.",
        )

    def _as_failed_operation(self) -> dict[str, Any]:
        """The operation as ministack keeps it on the stack until it is rolled back."""
        view = self.view
        first = next((work for work in self.failed if work.previous), None)
        failed_update = None
        if first:
            new, old = first.attempted or (None, None)
            record = first.previous or {}
            failed_update = (
                first.logical_id,
                first.kind,
                record.get("PhysicalResourceId", ""),
                new,
                old,
                record.get("Attributes"),
            )
        return stacks._failed_operation(
            bool(self.previous),
            self.previous,
            [
                work.logical_id
                for work in [*self.applied, *(one for one in self.failed if not one.previous)]
                if view.resources.get(work.logical_id, {}).get("PhysicalResourceId")
            ],
            failed_update,
            self.failed[0].logical_id if self.failed else None,
            [work.logical_id for work in self.applied if work.superseded],
            self.first_failure == "User Initiated",
            view.template,
            view.parameters,
            self.retain_except_on_create,
            view.tags,
            (self.previous or {}).get("Tags") or [],
        )
