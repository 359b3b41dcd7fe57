"""What the handlers of CloudFormation ask IAM for with the rights of whoever changes a stack, or with those
of the stack's service role: a resource fails where that is not allowed.

`handlers.json` has the actions of each type's handlers, as CloudFormation's registry names them;
`not_asked.json` those that hpcapi's policies do not allow; where that is so for every policy, they are
not asked for. All others are asked for, whatever the properties, but for those of which `_FOR_PROPERTY`
and `_FOR_CHANGE` know better. `_OF_SERVICE` has what is asked for beside them.
"""

from __future__ import annotations

import contextvars
import fnmatch
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ministack.core.responses import get_region, request_scope

from .. import callers
from ..aws_error import AwsError
from ..model_check import Refusal
from . import handler_resources

_HERE = Path(__file__).parent
_VIA = {
    "aws:CalledVia": ["cloudformation.amazonaws.com"],
    "aws:CalledViaFirst": "cloudformation.amazonaws.com",
    "aws:CalledViaLast": "cloudformation.amazonaws.com",
    "aws:ViaAWSService": "true",
}
# What CloudFormation calls the session of a service role.
_SESSION = "AWSCloudFormation"
# What is asked for only where the resource has a property.
_FOR_PROPERTY = {
    ("AWS::IAM::Role", "iam:AttachRolePolicy"): "ManagedPolicyArns",
    ("AWS::IAM::Role", "iam:DetachRolePolicy"): "ManagedPolicyArns",
    ("AWS::IAM::Role", "iam:PutRolePolicy"): "Policies",
    ("AWS::IAM::Role", "iam:DeleteRolePolicy"): "Policies",
    ("AWS::Lambda::Function", "ec2:DescribeNetworkInterfaces"): "VpcConfig",
    ("AWS::Lambda::Function", "ec2:DescribeSecurityGroups"): "VpcConfig",
    ("AWS::Lambda::Function", "ec2:DescribeSubnets"): "VpcConfig",
    ("AWS::Lambda::Function", "ec2:DescribeVpcs"): "VpcConfig",
}
# What an update asks for only where it changes a property.
_FOR_CHANGE = {
    ("AWS::IAM::Role", "iam:UpdateAssumeRolePolicy"): "AssumeRolePolicyDocument",
    ("AWS::IAM::Role", "iam:UpdateRole"): "MaxSessionDuration",
    ("AWS::IAM::Role", "iam:UpdateRoleDescription"): "Description",
    **{
        (f"AWS::EC2::SecurityGroup{way}", f"ec2:UpdateSecurityGroupRuleDescriptions{way}"): (
            "Description"
        )
        for way in ("Egress", "Ingress")
    },
    **{
        ("AWS::EC2::SecurityGroup", f"ec2:UpdateSecurityGroupRuleDescriptions{way}"): (
            f"SecurityGroup{way}"
        )
        for way in ("Egress", "Ingress")
    },
}
# What the service itself asks for, with the same rights, where the resource has a property. Source: the
# dependent actions of ec2:CreateVpcEndpoint in the service authorization reference.
_OF_SERVICE = {
    ("AWS::EC2::VPCEndpoint", "create"): (
        "route53:AssociateVPCWithHostedZone",
        "PrivateDnsEnabled",
    ),
}
_access_key_id = contextvars.ContextVar("_access_key_id", default="")
_service_role = contextvars.ContextVar("_service_role", default="")


def note_caller(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Remembers who makes the request, for what it starts. Refuses nobody."""
    _access_key_id.set(callers.key_of(headers))
    return None


def act_for(stack: dict[str, Any]) -> None:
    """Has what follows done as the service role of a stack, if it has one."""
    if stack.get("RoleARN"):
        _service_role.set(stack["RoleARN"])


def denial_to_pass(role: str, service: str) -> str | None:
    """Why the caller may not pass a role to a service, in IAM's words; None when they may."""
    key = _access_key_id.get()
    account = callers.account_of(key)
    if account is None or account == key:
        return None
    who = callers.caller(key)
    context = {"iam:PassedToService": service}
    return callers.denial(who, "iam:PassRole", role, context) if who else None


def require(
    kind: str,
    verb: str,
    properties: dict[str, Any],
    made: str = "",
    before: dict[str, Any] | None = None,
) -> None:
    """Raises where the caller, or the service role, may not do what the handler `verb` (create, update or
    delete) of a type asks for. `made` is the physical id of a resource that exists, `before` has the properties that an
    update changes."""
    role = _service_role.get()
    key = _access_key_id.get()
    account = role.split(":")[4] if role else callers.account_of(key)
    if account is None or (account == key and not role):
        return
    # What is done as a service role is called through no service. Source: the reference of
    # aws:CalledVia and of aws:ViaAWSService, which are of calls with the caller's own credentials.
    via = {} if role else _VIA
    with request_scope(account, get_region()):
        who = callers.role(role, _SESSION) if role else callers.caller(key)
        if who is None or who.policies is None:
            return
        for action in _actions(kind, verb, properties, before or {}):
            for resource, context in handler_resources.of(kind, action, properties, made):
                denial = callers.denial(who, action, resource, {**via, **context})
                if denial:
                    raise AwsError("AccessDenied", _worded(action, denial), 403)


def _worded(action: str, denial: str) -> str:
    if action.startswith("ec2:"):
        return f"You are not authorized to perform this operation. {denial}"
    return denial


def _actions(
    kind: str, verb: str, properties: dict[str, Any], before: dict[str, Any]
) -> Iterator[str]:
    parts = [verb] if verb == "delete" else [verb, "read"]
    for action in _asked(kind, *parts):
        needed, changed = _FOR_PROPERTY.get((kind, action)), _FOR_CHANGE.get((kind, action))
        if needed and not properties.get(needed):
            continue
        if changed and properties.get(changed) == before.get(changed):
            continue
        yield action
    action, needed = _OF_SERVICE.get((kind, verb), ("", ""))
    if needed and properties.get(needed):
        yield action


@functools.cache
def _asked(kind: str, *verbs: str) -> list[str]:
    """The actions of handlers of a type; a type that is not known asks for nothing."""
    handlers = _read("handlers.json").get(kind, {})
    # The registry writes the names of some services with capitals.
    named = {action for verb in verbs for action in handlers.get(verb, [])}
    actions = sorted({f"{a.partition(':')[0].lower()}:{a.partition(':')[2]}" for a in named})
    patterns = [
        pattern.lower()
        for one in _read("not_asked.json")
        for pattern in one["actions"]
        if one["policy"] == "*" and one["type"] in ("*", kind)
    ]

    def is_asked(action: str) -> bool:
        return not any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in patterns)

    return [action for action in actions if is_asked(action)]


@functools.cache
def _read(name: str) -> Any:
    return json.loads((_HERE / name).read_text(encoding="utf-8"))
