"""IAM's SimulatePrincipalPolicy: by resources and context, a page at a time, as IAM answers it.

ministack evaluates policies, but simulates one resource only, without context, for anybody.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from ministack.services import iam

from . import principals
from .patching import replace_everywhere
from .principals import Decision, Principal

_PAGE = 100
_UNLUCKY = ("explicitDeny", "implicitDeny", "allowed")
Parameters = dict[str, list[str]]


def install() -> None:
    replace_everywhere(iam._simulate_principal_policy, _respond)


def _respond(parameters: Parameters) -> tuple[int, dict[str, str], bytes]:
    source = _one(parameters, "PolicySourceArn")
    principal = principals.find(source)
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
    principal: Principal, action: str, resources: list[str], context: dict[str, Any]
) -> str:
    decisions = {one: principal.decide(action, one, context) for one in resources}
    missing = _missing(principal, context)
    each = "".join(
        f"<member><EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalResourceDecision>{decision.word}</EvalResourceDecision>"
        f"{_details(decision)}{missing}</member>"
        for resource, decision in decisions.items()
    )
    # For several resources the decision is that of the least lucky one.
    worst = min(decisions.values(), key=lambda decision: _UNLUCKY.index(decision.word))
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resources[0])}</EvalResourceName>"
        f"<EvalDecision>{worst.word}</EvalDecision>{_details(worst)}{missing}"
        f"<ResourceSpecificResults>{each if resources != ['*'] else ''}</ResourceSpecificResults>"
        "</member>"
    )


def _details(decision: Decision) -> str:
    matched = "".join(
        f"<member><SourcePolicyId>{escape(name)}</SourcePolicyId>"
        "<SourcePolicyType>IAM Policy</SourcePolicyType></member>"
        for name in decision.policies
    )
    within = "" if decision.within_boundary is None else str(decision.within_boundary).lower()
    boundary = (
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
        f"{within}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
    )
    return f"<MatchedStatements>{matched}</MatchedStatements>{boundary if within else ''}"


def _missing(principal: Principal, context: dict[str, Any]) -> str:
    """The keys of all statements, whatever their actions, that the request does not give: so does
    IAM (boto3 issue 3111)."""
    names = {key for key in principal.condition_keys if key.lower() not in context}
    members = "".join(f"<member>{escape(name)}</member>" for name in sorted(names))
    return f"<MissingContextValues>{members}</MissingContextValues>"


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
