"""The CloudFormation API where ministack is more lenient than AWS, or keeps less."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import cloudformation as state
from ministack.services.cloudformation import changesets, handlers, helpers
from ministack.services.cloudformation import engine as intrinsics

from ..patching import replace_everywhere
from . import delays, early_validation

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_FAILED",
}
DELETABLE_IN_PROGRESS = {
    "CREATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "REVIEW_IN_PROGRESS",
}
# The statuses of a stack that lists also what it has deleted.
_WITH_PAST = ("DELETE_", "ROLLBACK_")
_S3_VIRTUAL_HOST = re.compile(r"https?://([^/]+?)\.s3[.-][^/]*amazonaws\.com(?:\.cn)?/([^?]+)")
# Members that AWS leaves out when there is nothing to say.
_EMPTY = re.compile(
    rb"<(StackStatusReason|ResourceStatusReason|StatusReason|Description|LastUpdatedTime)></\1>"
)


def install() -> None:
    _wrap("CreateStack", _create_stack)
    _wrap("CreateChangeSet", _create_change_set)
    _wrap("UpdateStack", _update_stack)
    _wrap("DeleteStack", _delete_stack)
    _wrap("DescribeStackEvents", _describe_stack_events)
    _wrap("ListStackResources", _list_stack_resources)
    _wrap("DescribeEvents", early_validation.describe_events)
    for name in ("DescribeStacks", "ListStacks", "DescribeStackResources", "DescribeChangeSet"):
        _wrap(name, lambda params, handler: _without_empty_members(handler(params)))
    resolve_document = helpers._resolve_document

    def resolve_virtual_hosted(params: dict[str, Any], body_key: str, url_key: str, label: str):
        found = _S3_VIRTUAL_HOST.match(helpers._p(params, url_key) or "")
        if found:
            params = {**params, url_key: [f"https://s3.amazonaws.com/{found[1]}/{found[2]}"]}
        return resolve_document(params, body_key, url_key, label)

    replace_everywhere(resolve_document, resolve_virtual_hosted)
    compared = changesets._resolve_props_for_diff

    def compared_where_the_condition_holds(
        template: dict[str, Any], params: dict[str, Any], *rest: str
    ) -> dict[str, Any]:
        """A resource whose condition begins to hold is an addition, as one that is written anew."""
        conditions = intrinsics._evaluate_conditions(template, params) if template else {}
        resources = compared(template, params, *rest).get("Resources") or {}
        held = {
            logical_id: definition
            for logical_id, definition in resources.items()
            if conditions.get(definition.get("Condition"), True)
        }
        return {"Resources": held}

    replace_everywhere(compared, compared_where_the_condition_holds)


def _wrap(name: str, wrapper: Callable[[dict[str, Any], Handler], Answer]) -> None:
    handler = state._ACTION_HANDLERS[name]
    state._ACTION_HANDLERS[name] = lambda params: wrapper(params, handler)


def _without_empty_members(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, headers, _EMPTY.sub(b"", body)


def _named(params: dict[str, Any]) -> dict[str, Any] | None:
    return handlers._resolve_stack(helpers._p(params, "StackName"))


def _create_stack(params: dict[str, Any], handler: Handler) -> Answer:
    stack = _named(params)
    if stack and stack["StackStatus"] == "ROLLBACK_COMPLETE":
        return helpers._error(
            "AlreadyExistsException", f"Stack [{stack['StackName']}] already exists"
        )
    return _keeping_deleted(stack, params, handler)


def _keeping_deleted(
    stack: dict[str, Any] | None, params: dict[str, Any], handler: Handler
) -> Answer:
    """Runs a create and keeps the deleted stack of that name findable by its id."""
    answer = handler(params)
    if stack and stack["StackStatus"] == "DELETE_COMPLETE" and answer[0] == 200:
        state._stacks[stack["StackId"]] = stack
    return answer


def _create_change_set(params: dict[str, Any], handler: Handler) -> Answer:
    stack = _named(params)
    kind = helpers._p(params, "ChangeSetType", "UPDATE")
    status = stack["StackStatus"] if stack else ""
    if stack and kind == "CREATE" and status not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return helpers._error(
            "AlreadyExistsException",
            f"Stack [{stack['StackName']}] already exists and cannot be created again with the "
            f"changeSet [{helpers._p(params, 'ChangeSetName')}].",
        )
    if stack and kind == "UPDATE" and status != "DELETE_COMPLETE" and status not in UPDATABLE:
        return helpers._error("ValidationError", _not_updatable(stack))
    if stack and kind == "CREATE" and status == "REVIEW_IN_PROGRESS":
        answer = _again_in_review(stack, params, handler)
    else:
        answer = _keeping_deleted(stack, params, handler)
    if answer[0] == 200:
        change_set = delays.change_set_of(answer[2])
        if change_set:
            early_validation.validate(change_set)
            delays.make_slowly(change_set)
    return answer


def _again_in_review(stack: dict[str, Any], params: dict[str, Any], handler: Handler) -> Answer:
    """A second change set for a stack that was never created belongs to the same stack."""
    answer = handler(params)
    fresh = state._stacks.get(stack["StackName"])
    if answer[0] != 200 or fresh is stack:
        state._stacks[stack["StackName"]] = stack
        return answer
    for change_set in state._change_sets.values():
        if change_set["StackId"] == fresh["StackId"]:
            change_set["StackId"] = stack["StackId"]
    state._stacks[stack["StackName"]] = stack
    state._stack_events.pop(fresh["StackId"], None)
    status, headers, body = answer
    return status, headers, body.replace(fresh["StackId"].encode(), stack["StackId"].encode())


def _not_updatable(stack: dict[str, Any]) -> str:
    return f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated."


def _update_stack(params: dict[str, Any], handler: Handler) -> Answer:
    stack = _named(params)
    if stack and stack["StackStatus"] not in UPDATABLE | {"DELETE_COMPLETE"}:
        return helpers._error("ValidationError", _not_updatable(stack))
    return handler(params)


def _delete_stack(params: dict[str, Any], handler: Handler) -> Answer:
    stack = _named(params)
    status = stack["StackStatus"] if stack else ""
    if stack and status.endswith("_IN_PROGRESS") and status not in DELETABLE_IN_PROGRESS:
        return helpers._error(
            "ValidationError",
            f"Stack [{stack['StackId']}] cannot be deleted while in status {status}",
        )
    return handler(params)


def _describe_stack_events(params: dict[str, Any], handler: Handler) -> Answer:
    name = helpers._p(params, "StackName")
    stack = _named(params)
    if stack and stack["StackStatus"] == "DELETE_COMPLETE" and name == stack["StackName"]:
        stack = None
    if name and not stack:
        return helpers._error("ValidationError", f"Stack [{name}] does not exist")
    status, headers, body = _without_empty_members(handler(params))
    if stack and status == 200:
        body = delays.without_latest_events(stack["StackId"], body)
    return status, headers, body


def _list_stack_resources(params: dict[str, Any], handler: Handler) -> Answer:
    """Adds why a resource is in its status, and of a stack that is deleted what it had."""
    status, headers, body = handler(params)
    stack = _named(params) or {}
    present = stack.get("_resources") or {}
    past = {}
    if stack.get("StackStatus", "").startswith(_WITH_PAST) and b"<NextToken>" not in body:
        past = stack.get("_past_resources") or {}
        listed = "".join(_member(one, record) for one, record in past.items()).encode()
        end = b"</StackResourceSummaries>"
        body = body.replace(end, listed + end)
    resources = {**past, **present}

    def with_reason(found: re.Match[bytes]) -> bytes:
        record = resources.get(html.unescape(found[1].decode()), {})
        reason = html.escape(record.get("ResourceStatusReason") or "")
        return found[0] + f"<ResourceStatusReason>{reason}</ResourceStatusReason>".encode()

    listed = re.sub(
        rb"<LogicalResourceId>([^<]*)</LogicalResourceId>.*?</ResourceStatus>",
        with_reason,
        body,
        flags=re.DOTALL,
    )
    return _without_empty_members((status, headers, listed))


def _member(logical_id: str, record: dict[str, Any]) -> str:
    members = {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": record.get("PhysicalResourceId", ""),
        "ResourceType": record.get("ResourceType", ""),
        "ResourceStatus": record["ResourceStatus"],
        "LastUpdatedTimestamp": record.get("Timestamp") or now_iso(),
    }
    texts = (f"<{name}>{html.escape(str(value))}</{name}>" for name, value in members.items())
    return f"<member>{''.join(texts)}</member>"
