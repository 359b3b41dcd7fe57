"""Making, changing and removing one resource of a stack, with its events."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import now_iso
from ministack.services.cloudformation import engine as intrinsics
from ministack.services.cloudformation import provisioners, stacks

from .. import clock
from ..aws_error import AwsError
from . import handler_resources, handler_rights
from .resource_types import check_properties, retags, slow_creates, slow_deletes, stabilizers

CANCELLED = {"CREATE": "Resource creation cancelled", "UPDATE": "Resource update cancelled"}
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
# How long CloudFormation goes on trying to delete what something else still uses.
_DEPENDENCY_RETRY_SECONDS = 900
_SERVICES = {
    "AWS::ApiGatewayV2": "ApiGatewayV2",
    "AWS::EC2": "Ec2",
    "AWS::ElasticLoadBalancingV2": "ElasticLoadBalancingV2",
    "AWS::S3": "S3",
    "AWS::SSM": "Ssm",
}


@dataclass
class StackView:
    """What resolving a template needs to know of its stack."""

    stack: dict[str, Any]
    template: dict[str, Any]
    parameters: dict[str, Any]
    conditions: dict[str, bool]
    tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.stack["StackName"]

    @property
    def stack_id(self) -> str:
        return self.stack["StackId"]

    @property
    def resources(self) -> dict[str, Any]:
        return self.stack.setdefault("_resources", {})

    @property
    def definitions(self) -> dict[str, Any]:
        """The resources whose condition holds."""
        return {
            logical_id: definition
            for logical_id, definition in (self.template.get("Resources") or {}).items()
            if self.conditions.get(definition.get("Condition"), True)
        }

    def needs(self, logical_id: str) -> set[str]:
        definitions = self.definitions
        return intrinsics._extract_deps(definitions[logical_id], set(definitions)) - {logical_id}

    def resolve(self, value: Any) -> Any:
        return intrinsics._resolve_refs(
            copy.deepcopy(value),
            self.resources,
            self.parameters,
            self.conditions,
            self.template.get("Mappings") or {},
            self.name,
            self.stack_id,
        )

    def properties(self, logical_id: str) -> dict[str, Any]:
        resolved = self.resolve(self.definitions[logical_id].get("Properties") or {})
        return {
            name: value for name, value in resolved.items() if value is not intrinsics._NO_VALUE
        }

    def policy(self, logical_id: str, attribute: str) -> str:
        return stacks._resource_policy(
            (self.template.get("Resources") or {}).get(logical_id),
            attribute,
            self.resources,
            self.parameters,
            self.conditions,
            self.template.get("Mappings") or {},
            self.name,
            self.stack_id,
        )

    def retains(self, logical_id: str, attribute: str) -> bool:
        return self.policy(logical_id, attribute) in provisioners._RETAINING_POLICIES

    def event(
        self,
        logical_id: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        kind: str = "",
        detailed: str = "",
    ) -> None:
        kind = kind or (self.resources.get(logical_id) or {}).get("ResourceType", "")
        stacks._add_event(
            self.stack_id, self.name, logical_id, kind, status, reason, physical_id, detailed
        )

    def stack_is_configured(self, verb: str) -> None:
        """Says in the middle of an operation that all of it is configured, and not yet settled."""
        self.event(
            self.name,
            f"{verb}_IN_PROGRESS",
            "",
            self.stack_id,
            "AWS::CloudFormation::Stack",
            "CONFIGURATION_COMPLETE",
        )

    def stack_event(self, status: str, reason: str = "") -> None:
        self.stack["StackStatus"] = status
        self.stack["StackStatusReason"] = reason
        self.event(self.name, status, reason, self.stack_id, "AWS::CloudFormation::Stack")


@dataclass
class Work:
    """One resource on its way to being created or updated."""

    view: StackView
    logical_id: str
    previous: dict[str, Any] | None = None  # its record before an update
    # Called when others may refer to it, which is before it is complete if it is slow to settle.
    on_configured: Callable[[Work], None] = lambda work: None
    # Called once its service has begun to make or change it, or has nothing to do.
    on_begun: Callable[[Work], None] = lambda work: None
    in_thread: bool = False  # cannot be stopped half-way
    cancelled: bool = False
    changed: bool = True
    superseded: dict[str, Any] | None = None  # the record that a replacement leaves behind
    deferred: list[tuple[Any, Any, Any]] = field(default_factory=list)
    attempted: tuple[dict[str, Any], dict[str, Any]] | None = None  # new and old properties

    @property
    def kind(self) -> str:
        return self.view.definitions[self.logical_id].get("Type", "")

    @property
    def verb(self) -> str:
        return "UPDATE" if self.previous else "CREATE"

    async def apply(self) -> None:
        view, logical_id = self.view, self.logical_id
        properties = view.properties(logical_id)
        properties, dynamic = intrinsics._resolve_dynamic_references(
            properties, (self.previous or {}).get("_dynamic"), reuse_ssm=False, reuse_secrets=False
        )
        if self.previous:
            made = await self._update(properties)
        else:
            await clock.take("cloudformation:stack", "start-resource")
            self._record({}, f"{self.verb}_IN_PROGRESS")
            view.event(logical_id, f"{self.verb}_IN_PROGRESS", kind=self.kind)
            made = await self._create(properties)
        if made is None:
            return
        physical_id, attributes, seed = made
        record = {
            "PhysicalResourceId": physical_id,
            "Properties": properties,
            "Attributes": attributes,
            **({"_dynamic": dynamic} if dynamic else {}),
            **({"_name_seed": seed} if seed else {}),
        }
        if self.cancelled:
            self._record(record, f"{self.verb}_FAILED", CANCELLED[self.verb])
            return
        if not self.previous:
            # From here on a rollback knows what to delete.
            self._record(record, "CREATE_IN_PROGRESS")
            view.event(
                logical_id,
                "CREATE_IN_PROGRESS",
                "Resource creation Initiated",
                physical_id,
                self.kind,
            )
            await self._stabilize(physical_id)
        self._record(record, f"{self.verb}_COMPLETE")
        view.event(logical_id, f"{self.verb}_COMPLETE", "", physical_id, self.kind)

    async def _stabilize(self, physical_id: str) -> None:
        """Lasts until the resource is what its service calls ready."""
        self.on_begun(self)
        early = clock.seconds(self.kind, "configure")
        if early and clock.scale() > 0:
            await clock.take_seconds(early)
            self.view.event(
                self.logical_id,
                "CREATE_IN_PROGRESS",
                "Eventual consistency check initiated",
                physical_id,
                self.kind,
                "CONFIGURATION_COMPLETE",
            )
            self.on_configured(self)
        if self.kind in stabilizers:
            await stabilizers[self.kind](physical_id)
        else:
            await clock.take_seconds(clock.seconds(self.kind, "create") - early)

    def _record(self, members: dict[str, Any], status: str, reason: str = "") -> None:
        self.view.resources[self.logical_id] = {
            **members,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.kind,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": now_iso(),
        }

    def fail(self, reason: str) -> None:
        """Records that the resource failed or was cancelled; what was made of it stays known."""
        view = self.view
        known = view.resources.get(self.logical_id) or {}
        physical_id = known.get("PhysicalResourceId", "")
        if not self.previous or self.superseded is not None:
            kept = {
                k: v
                for k, v in known.items()
                if k in ("PhysicalResourceId", "Properties", "Attributes")
            }
            self._record(kept, f"{self.verb}_FAILED", reason)
        view.event(self.logical_id, f"{self.verb}_FAILED", reason, physical_id, self.kind)

    def _tagged(self, properties: dict[str, Any], tags: list[dict[str, str]]) -> dict[str, Any]:
        return provisioners._with_stack_tags(
            self.kind, properties, tags, self.view.name, self.view.stack_id, self.logical_id
        )

    async def _create(self, properties: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
        check_properties(self.kind, properties)
        tagged = self._tagged(properties, self.view.tags)
        expected = handler_resources.expected_name(self.kind, self.view.name, self.logical_id)
        handler_rights.require(self.kind, "create", tagged, expected)
        slow = slow_creates.get(self.kind)
        if slow:
            physical_id, attributes = await slow(self.logical_id, tagged, self.view)
            return physical_id, attributes, ""
        arguments = (self.kind, self.logical_id, tagged, self.view.name)
        made, seed = await self._call(stacks._provision_keeping_seed, *arguments)
        return *made, seed

    async def _update(self, properties: dict[str, Any]) -> tuple[str, dict[str, Any], str] | None:
        view, previous = self.view, self.previous
        assert previous is not None
        old = self._tagged(previous["Properties"], self.stack_tags_before)
        new = self._tagged(properties, view.tags)
        if old == new:
            self.changed = False
            self.on_begun(self)
            view.resources[self.logical_id] = {**previous, "Properties": properties}
            return None
        physical_id = previous["PhysicalResourceId"]
        refused = provisioners._custom_named_replacement_error(self.kind, old, new)
        replacing = not refused and provisioners._replacing_change(self.kind, old, new)
        view.event(
            self.logical_id,
            "UPDATE_IN_PROGRESS",
            REPLACING if replacing else "",
            physical_id,
            self.kind,
        )
        view.resources[self.logical_id] = {**previous, "ResourceStatus": "UPDATE_IN_PROGRESS"}
        if not refused and not replacing:
            self.attempted = (new, old)
        stabilize = stabilizers.get(self.kind) if replacing else None
        if not stabilize:
            await clock.take(self.kind, "create" if replacing else "update")
        check_properties(self.kind, properties, previous["Properties"])
        handler_rights.require(self.kind, "update", new, physical_id, old)
        provisioners._RETAIN_REPLACED.set(view.retains(self.logical_id, "UpdateReplacePolicy"))
        provisioners._DEFERRED_PREDECESSOR_DELETES.set(self.deferred)
        provisioners._NAME_SEED.set(previous.get("_name_seed", ""))
        made, seed = await self._call(
            stacks._update_keeping_seed,
            self.kind,
            physical_id,
            old,
            new,
            view.name,
            self.logical_id,
            previous.get("Attributes") or {},
        )
        retag = retags.get(self.kind)
        if retag and made[0] == physical_id:
            retag(physical_id, old, new)
        self.on_begun(self)
        if made[0] != physical_id or self.deferred:
            self.superseded = previous
        if stabilize:
            await stabilize(made[0])
        return *made, seed

    @property
    def stack_tags_before(self) -> list[dict[str, str]]:
        return (self.previous or {}).get("_stack_tags") or []

    async def _call(self, function: Any, *arguments: Any) -> Any:
        if not stacks._runs_on_worker_thread(self.kind):
            return function(*arguments)
        self.in_thread = True
        try:
            return await run_reentrant(function, *arguments)
        finally:
            self.in_thread = False


async def remove(kind: str, record: dict[str, Any], view: StackView, logical_id: str) -> None:
    """Deletes what a record stands for; goes on trying while something still depends on it."""
    physical_id = record["PhysicalResourceId"]
    properties = record.get("Properties") or {}
    handler_rights.require(kind, "delete", properties, physical_id)
    deadline = time.monotonic() + clock.scaled(_DEPENDENCY_RETRY_SECONDS)
    if kind not in slow_deletes:
        await clock.take(kind, "delete")
    while True:
        try:
            if kind in slow_deletes:
                await slow_deletes[kind](physical_id, properties)
            elif stacks._runs_on_worker_thread(kind):
                await run_reentrant(
                    stacks._delete_resource, kind, physical_id, properties, view.name, logical_id
                )
            else:
                stacks._delete_resource(kind, physical_id, properties, view.name, logical_id)
            return
        except AwsError as error:
            if error.code != "DependencyViolation" or time.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.1)


def explain(error: BaseException, kind: str) -> str:
    """The reason of a failure as a stack event gives it."""
    if not isinstance(error, AwsError):
        return str(error) or type(error).__name__
    if error.code == "AlreadyExists":
        return (
            f'Resource handler returned message: "{error.message}" (RequestToken: {uuid4()}, '
            "HandlerErrorCode: AlreadyExists)"
        )
    service = next((name for prefix, name in _SERVICES.items() if kind.startswith(prefix)), "")
    handler_code = _HANDLER_CODES.get(error.code) or (
        "NotFound" if "NotFound" in error.code else "InvalidRequest"
    )
    message = (
        f"{error.message} (Service: {service}, Status Code: {error.status}, Request ID: {uuid4()})"
        " (SDK Attempt Count: 1)"
    )
    return (
        f'Resource handler returned message: "{message}" (RequestToken: {uuid4()}, '
        f"HandlerErrorCode: {handler_code})"
    )


_HANDLER_CODES = {
    "AccessDenied": "AccessDenied",
    "AddressLimitExceeded": "ServiceLimitExceeded",
    "BucketNotEmpty": "GeneralServiceException",
    "DependencyViolation": "InvalidRequest",
    "InsufficientInstanceCapacity": "GeneralServiceException",
    "ParameterAlreadyExists": "AlreadyExists",
}
