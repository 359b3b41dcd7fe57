"""The service role of a stack: CloudFormation makes, changes and deletes resources as that role, whoever
asks for it, and keeps the role with the stack for all later operations. ministack knows none.

Who names a role has to be allowed to pass it, whoever comes later need not: source, the reference of
CreateStack, CreateChangeSet and DeleteStack ("RoleARN"). A role that is not there, or that CloudFormation
cannot assume, is refused by whatever would use it: "Role ... is invalid or cannot be assumed".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudformation as state
from ministack.services import iam
from ministack.services.cloudformation import changesets, handlers, helpers

from .. import service_rights
from . import handler_rights

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]

SERVICE = "cloudformation.amazonaws.com"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+")
_STACK_ID = re.compile(rb"<StackId>([^<]*)</StackId>(?=<StackStatus>)")


def install() -> None:
    for name in (
        "CreateStack",
        "UpdateStack",
        "DeleteStack",
        "ContinueUpdateRollback",
        "RollbackStack",
    ):
        _wrap(name, _with_role)
    _wrap("CreateChangeSet", _create_change_set)
    _wrap("ExecuteChangeSet", _execute_change_set)
    _wrap("DescribeStacks", _describe_stacks)


def _wrap(name: str, wrapper: Callable[[dict[str, Any], Handler], Answer]) -> None:
    handler = state._ACTION_HANDLERS[name]
    state._ACTION_HANDLERS[name] = lambda params: wrapper(params, handler)


def _with_role(params: dict[str, Any], handler: Handler) -> Answer:
    """An operation that begins at once: its stack has the role before the first resource is touched."""
    refusal, role = _role_for(params)
    if refusal:
        return refusal
    stack = _stack(params)
    before = (stack or {}).get("RoleARN")
    if stack and role:
        stack["RoleARN"] = role
    answer = handler(params)
    if answer[0] != 200:
        _put(stack, before)
    elif role:
        _put(_stack(params), role)
    return answer


def _create_change_set(params: dict[str, Any], handler: Handler) -> Answer:
    refusal, role = _role_for(params)
    if refusal:
        return refusal
    answer = handler(params)
    made = re.search(rb"<Id>([^<]+)</Id>", answer[2])
    if answer[0] == 200 and made:
        state._change_sets[html.unescape(made[1].decode())]["RoleARN"] = role
    return answer


def _execute_change_set(params: dict[str, Any], handler: Handler) -> Answer:
    name, of_stack = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
    _, change_set = changesets._find_change_set(name, of_stack)
    role = (change_set or {}).get("RoleARN")
    stack = state._stacks.get((change_set or {}).get("StackName", ""))
    before = (stack or {}).get("RoleARN")
    if role and not _may_be_assumed(role):
        return _not_assumed(role)
    _put(stack, role or before)
    answer = handler(params)
    if answer[0] != 200:
        _put(stack, before)
    return answer


def _describe_stacks(params: dict[str, Any], handler: Handler) -> Answer:
    status, headers, body = handler(params)
    roles = {
        stack["StackId"]: stack["RoleARN"]
        for stack in state._stacks.values()
        if stack.get("RoleARN")
    }

    def with_role(found: re.Match[bytes]) -> bytes:
        role = roles.get(html.unescape(found[1].decode()))
        member = f"<RoleARN>{html.escape(role)}</RoleARN>" if role else ""
        return found[0] + member.encode()

    return status, headers, _STACK_ID.sub(with_role, body)


def _stack(params: dict[str, Any]) -> dict[str, Any] | None:
    """The stack that is there; a deleted one is no longer it."""
    stack = handlers._resolve_stack(helpers._p(params, "StackName"))
    return stack if stack and stack["StackStatus"] != "DELETE_COMPLETE" else None


def _put(stack: dict[str, Any] | None, role: str | None) -> None:
    if stack is None:
        return
    if role:
        stack["RoleARN"] = role
    else:
        stack.pop("RoleARN", None)


def _role_for(params: dict[str, Any]) -> tuple[Answer | None, str]:
    """Why an operation is refused, if it is, and the role that it is done with, if there is one."""
    given = helpers._p(params, "RoleARN")
    role = given or (_stack(params) or {}).get("RoleARN") or ""
    if not role:
        return None, ""
    if given:
        found = _ROLE.fullmatch(given)
        if not found:
            return helpers._error("ValidationError", f"{given} is not a valid RoleARN"), ""
        if found[1] != get_account_id():
            words = "Cross-account pass role is not allowed."
            return helpers._error("AccessDenied", words, 403), ""
        denial = handler_rights.denial_to_pass(given, SERVICE)
        if denial:
            return helpers._error("AccessDenied", denial, 403), ""
    if not _may_be_assumed(role):
        return _not_assumed(role), ""
    return None, role


def _not_assumed(role: str) -> Answer:
    return helpers._error("ValidationError", f"Role {role} is invalid or cannot be assumed")


def _may_be_assumed(role: str) -> bool:
    """Whether the role is there and trusts CloudFormation."""
    known = iam._roles.get(role.rpartition("/")[2])
    if not known or known["Arn"] != role:
        return False
    trust = known.get("AssumeRolePolicyDocument", "")
    return service_rights.may(SERVICE, "sts:AssumeRole", "*", trust, "")
