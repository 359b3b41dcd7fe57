"""What a user or a role may not do is refused, in the words of the service; ministack does so only
where it checks every signature.

Of an S3 request each action is asked for, of any other the one that it is named for, and of EC2's
the right to tag, where a thing is made with tags; of EC2's actions on several resources that of the
first. Who may send commands is `ssm.send_rights`, who may
use a topic `topics.topic_rights`, and who may call an HTTP API `endpoint.iam_authorizer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import detect_service, extract_region
from ministack.services import cloudformation, iam, tagging
from ministack.services import ec2 as ec2_store

from . import account_plan, bucket_policies, callers, service_quotas
from .model_check import Refusal
from .ssm import documents

# What STS is asked is let pass: roles trust whom they trust. Topics and HTTP APIs are asked of
# elsewhere.
_OPEN = {"sts", "sns", "execute-api"}
_ELSEWHERE = {"ssm:SendCommand"}
# IAM names it so, whatever the service's endpoint is called.
_NAMESPACES = {
    "tagging": "tag",
    "servicequotas": "servicequotas",
    "account": "account",
    "freetier": "freetier",
}
# What is asked for on all resources alone.
_ON_ALL = ("Describe", "List", "Get")
_TAG_AT_BIRTH = re.compile(r"(TagSpecification\.\d+\.Tag\.\d+)\.Key")


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Refuses what the policies of the user or role that makes the request do not allow."""
    key = callers.key_of(headers)
    account = callers.account_of(key)
    if account is None or account == key:
        return None
    query = parse_qs(query_string, keep_blank_values=True)
    service = detect_service(method, path, dict(headers), query)
    if service_quotas.serves(headers):
        service = "servicequotas"
    if account_plan.serves(headers):
        service = "freetier"
    if service in _OPEN:
        return None
    with request_scope(account, extract_region(dict(headers), {})):
        who = callers.caller(key)
        if who is None or who.policies is None:
            return None
        parameters = _parameters(headers, body, query)
        for action, resource, context in _asked(service, method, path, headers, body, parameters):
            denial = callers.denial(who, action, resource, context)
            if denial:
                return _refusal(service, action, who.arn, headers, denial)
    return None


def _parameters(
    headers: Mapping[str, str], body: bytes, query: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Those of the query, and of a form in the body."""
    if "x-www-form-urlencoded" not in headers.get("content-type", ""):
        return query
    return {**parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True), **query}


def _asked(
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    parameters: dict[str, list[str]],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The actions of a request, each with its resource and what conditions may look at."""
    if service == "s3":
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if not bucket:
            yield "s3:ListAllMyBuckets", "*", {}
            return
        prefix = _one(parameters, "prefix")
        context = {"s3:prefix": prefix} if prefix else {}
        for action, resource in bucket_policies.asked(method, path, bucket, key, parameters, body):
            yield action, resource, context
        more = iam_actions.s3_additional_checks(method, path, dict(headers), body, parameters)
        for action, resource in more:
            yield action, resource, {}
        return
    action = _action(service, method, path, headers, body, parameters)
    if action is None or action in _ELSEWHERE:
        return
    resource = _resource(service, action, method, path, headers, body, parameters)
    born = _tags_at_birth(parameters)
    context = {
        **iam_actions.request_tag_context(service, action, body, parameters),
        **born,
        **_tags_of(resource),
        **_own_keys(parameters),
    }
    yield action, resource, context
    if service == "ec2" and born:
        name = action.partition(":")[2]
        yield "ec2:CreateTags", resource, {**context, "ec2:CreateAction": name}


def _action(
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    parameters: dict[str, list[str]],
) -> str | None:
    if service in _NAMESPACES:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        return f"{_NAMESPACES[service]}:{name}" if name else None
    return iam_actions.extract_iam_action(service, method, path, dict(headers), body, parameters)


def _resource(
    service: str,
    action: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    parameters: dict[str, list[str]],
) -> str:
    name = action.partition(":")[2]
    named = _named_of_ssm(name, body) if service == "ssm" else ""
    if named:
        return named
    if service in ("ec2", "elasticloadbalancing", "ssm", "servicequotas"):
        if name.startswith(_ON_ALL) and name != "GetConsoleOutput":
            return "*"
    if service == "iam":
        return _iam_resource(name, parameters)
    change_set = _one(parameters, "ChangeSetName")
    if service == "cloudformation" and change_set and not _one(parameters, "StackName"):
        known = cloudformation._change_sets.get(change_set)
        return known["StackId"] if known else "*"
    return iam_actions.extract_resource_arn(
        service, method, path, dict(headers), body, parameters, get_region(), get_account_id()
    )


def _named_of_ssm(action: str, body: bytes) -> str:
    """The ARN of the document or the parameter that is asked for; empty where it is about none."""
    asked = json.loads(body or b"{}")
    name = asked.get("Name") or (asked.get("Names") or [""])[0] or asked.get("Path") or ""
    if not name or name.startswith("arn:"):
        return name
    if "Document" in action:
        return documents.arn(name)
    if "Parameter" in action:
        return f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name.lstrip('/')}"
    return ""


def _iam_resource(action: str, parameters: dict[str, list[str]]) -> str:
    """The ARN that is asked for, with its path."""
    prefix = f"arn:aws:iam::{get_account_id()}"
    stores = (
        ("RoleName", "role", iam._roles),
        ("UserName", "user", iam._users),
        ("InstanceProfileName", "instance-profile", iam._instance_profiles),
    )
    for field, kind, known in stores:
        name = _one(parameters, field)
        if name in known:
            return known[name]["Arn"]
        if name:
            return f"{prefix}:{kind}{_one(parameters, 'Path') or '/'}{name}"
    if action.startswith("List"):
        return f"{prefix}:role/" if action == "ListRoles" else "*"
    return _one(parameters, "PolicySourceArn") or _one(parameters, "PolicyArn") or "*"


def _own_keys(parameters: dict[str, list[str]]) -> dict[str, Any]:
    """What the keys of IAM and of CloudFormation hold."""
    given = {
        "cloudformation:RoleARN": _one(parameters, "RoleARN"),
        "iam:PermissionsBoundary": _one(parameters, "PermissionsBoundary"),
        "iam:PolicyARN": _one(parameters, "PolicyArn"),
    }
    return {name: value for name, value in given.items() if value}


def _tags_at_birth(parameters: dict[str, list[str]]) -> dict[str, Any]:
    """The tags that EC2 is asked to make a thing with."""
    found = {}
    for name, values in parameters.items():
        key = _TAG_AT_BIRTH.fullmatch(name)
        if key:
            found[values[0]] = _one(parameters, f"{key[1]}.Value")
    if not found:
        return {}
    return {"aws:TagKeys": list(found), **{f"aws:RequestTag/{k}": v for k, v in found.items()}}


def _tags_of(resource: str) -> dict[str, str]:
    """The tags of a resource that exists."""
    identifier = resource.rpartition("/")[2]
    if ":ec2:" in resource:
        found = {tag["Key"]: tag["Value"] for tag in ec2_store._tags.get(identifier) or []}
    elif ":elasticloadbalancing:" in resource:
        found = tagging.resource_tags(resource) or {}
    else:
        found = {}
    return {f"aws:ResourceTag/{name}": value for name, value in found.items()}


def _one(parameters: dict[str, list[str]], name: str) -> str:
    return (parameters.get(name) or [""])[0]


def _refusal(
    service: str, action: str, arn: str, headers: Mapping[str, str], denial: str
) -> Refusal:
    status, answer, body = iam_actions.access_denied_response(
        service, action, arn, "refused", headers=dict(headers), message=denial
    )
    return Refusal(
        service=service,
        operation=action,
        problems=[denial],
        status=status,
        code=answer.get("x-amzn-errortype", "AccessDenied"),
        body=body,
        content_type=answer["Content-Type"],
    )
