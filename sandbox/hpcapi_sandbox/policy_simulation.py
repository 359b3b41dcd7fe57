"""IAM's SimulatePrincipalPolicy: by resources and context, a page at a time, as IAM answers it.

ministack evaluates policies, but simulates one resource only, without context, for anybody.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam

from . import callers
from .model_check import Refusal
from .patching import replace_everywhere

_ACTION = "iam:SimulatePrincipalPolicy"
_PAGE = 100
_WORDS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
Parameters = dict[str, list[str]]
_access_key_id = contextvars.ContextVar("_access_key_id", default="")


def install() -> None:
    replace_everywhere(iam._simulate_principal_policy, _respond)


def note_caller(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Remembers who makes the request: IAM's handlers are not told. Refuses nobody."""
    _access_key_id.set(callers.key_of(headers))
    return None


@dataclass(frozen=True)
class _Principal:
    arn: str
    policies: list[Any]

    def decision(self, action: str, resource: str, context: dict[str, Any]) -> str:
        asked = iam_evaluator.EvalContext(
            principal_arn=self.arn,
            principal_type="User",
            principal_account=get_account_id(),
            action=action,
            resource_arn=resource,
            region=context.get("aws:requestedregion", ""),
            service_context=context,
        )
        return _WORDS[iam_evaluator.evaluate(asked, self.policies).decision]


def _principal(arn: str) -> _Principal | None:
    """A user or a role that exists, with its policies."""
    _, _, who = arn.partition(f":iam::{get_account_id()}:")
    kind, _, name = who.partition("/")
    known, gather = {
        "user": (iam._users, iam_evaluator._gather_user_policies),
        "role": (iam._roles, iam_evaluator._gather_role_policies),
    }.get(kind, ({}, None))
    name = name.rpartition("/")[2]
    if gather is None or name not in known or known[name]["Arn"] != arn:
        return None
    return _Principal(arn, gather(name, get_account_id()))


def _respond(parameters: Parameters) -> tuple[int, dict[str, str], bytes]:
    source = _one(parameters, "PolicySourceArn")
    caller = callers.caller(_access_key_id.get())
    denial = callers.denial(caller, _ACTION, source) if caller else None
    if denial:
        return iam._error(403, "AccessDenied", denial, ns="iam")
    principal = _principal(source)
    if principal is None:
        return iam._error(404, "NoSuchEntity", f"ARN {source} not found", ns="iam")
    actions = _many(parameters, "ActionNames")
    resources = _many(parameters, "ResourceArns") or ["*"]
    context = _context(parameters)
    first = int(_one(parameters, "Marker") or 0)
    shown = actions[first : first + int(_one(parameters, "MaxItems") or _PAGE)]
    results = "".join(_result(principal, action, resources, context) for action in shown)
    after = first + len(shown)
    more = f"<Marker>{after}</Marker>" if after < len(actions) else ""
    return _answer(
        f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}"
        f"<EvaluationResults>{results}</EvaluationResults>"
    )


def _result(
    principal: _Principal, action: str, resources: list[str], context: dict[str, Any]
) -> str:
    decisions = {one: principal.decision(action, one, context) for one in resources}
    each = "".join(
        f"<member><EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalResourceDecision>{decision}</EvalResourceDecision></member>"
        for resource, decision in decisions.items()
    )
    # For several resources the decision is that of the least lucky one.
    worst = next(
        word for word in ("explicitDeny", "implicitDeny", "allowed") if word in decisions.values()
    )
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resources[0])}</EvalResourceName>"
        f"<EvalDecision>{worst}</EvalDecision><MatchedStatements/><MissingContextValues/>"
        f"<ResourceSpecificResults>{each if len(resources) > 1 else ''}</ResourceSpecificResults>"
        "</member>"
    )


def _context(parameters: Parameters) -> dict[str, Any]:
    context: dict[str, Any] = {}
    number = 1
    while name := _one(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        prefix = f"ContextEntries.member.{number}"
        values = _many(parameters, f"{prefix}.ContextKeyValues")
        is_list = _one(parameters, f"{prefix}.ContextKeyType").endswith("List")
        context[name.lower()] = values if is_list else (values or [""])[0]
        number += 1
    return context


def _one(parameters: Parameters, name: str) -> str:
    return (parameters.get(name) or [""])[0]


def _many(parameters: Parameters, name: str) -> list[str]:
    values = []
    while value := _one(parameters, f"{name}.member.{len(values) + 1}"):
        values.append(value)
    return values


def _answer(members: str) -> tuple[int, dict[str, str], bytes]:
    body = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult>{members}</SimulatePrincipalPolicyResult>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
        "</SimulatePrincipalPolicyResponse>"
    )
    return 200, {"Content-Type": "application/xml"}, body.encode()
