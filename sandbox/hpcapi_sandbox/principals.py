"""Users and roles with their policies by name, and what each of these decides.

ministack says whether an action is allowed, not which policy or boundary decided it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam

Statements = list[iam_evaluator.ParsedStatement]


@dataclass(frozen=True)
class Policy:
    """A policy by the name that IAM's simulation gives it."""

    name: str
    statements: Statements


@dataclass(frozen=True)
class Decision:
    """What is decided of an action on a resource."""

    word: str
    policies: list[str]  # those whose statements decided it
    within_boundary: bool | None  # None without a boundary


@dataclass(frozen=True)
class Principal:
    """A user or a role."""

    arn: str
    policies: list[Policy]
    boundary: Policy | None

    @property
    def condition_keys(self) -> set[str]:
        """The keys that conditions of its policies look at."""
        return {
            key
            for policy in self.policies
            for statement in policy.statements
            for keys in statement.conditions.values()
            for key in keys
        }

    def decide(self, action: str, resource: str, context: dict[str, Any]) -> Decision:
        """Decides with this context alone; its keys are in lower case."""
        asked = iam_evaluator.EvalContext(
            principal_arn=context.get("aws:principalarn"),
            principal_type=context.get("aws:principaltype"),
            principal_account=context.get("aws:principalaccount"),
            action=action,
            resource_arn=resource,
            region=context.get("aws:requestedregion"),
            source_ip=context.get("aws:sourceip"),
            secure_transport=context.get("aws:securetransport") == "true",
            service_context=context,
        )
        within = None
        if self.boundary:
            matches = _matching([self.boundary], asked, "Allow")
            within = bool(matches) and not _matching([self.boundary], asked, "Deny")
        everything = [*self.policies, *([self.boundary] if self.boundary else [])]
        denying = _matching(everything, asked, "Deny")
        if denying:
            return Decision("explicitDeny", denying, within)
        allowing = _matching(self.policies, asked, "Allow")
        if allowing and within is not False:
            return Decision("allowed", allowing, within)
        return Decision("implicitDeny", [], within)


def _matching(policies: list[Policy], asked: iam_evaluator.EvalContext, effect: str) -> list[str]:
    first = iam_evaluator._first_match
    return [policy.name for policy in policies if first(asked, policy.statements, effect)]


def find(arn: str) -> Principal | None:
    """A user or a role that exists, by its ARN with the path."""
    _, _, who = arn.partition(f":iam::{get_account_id()}:")
    kind, _, name = who.partition("/")
    name = name.rpartition("/")[2]
    known = {"user": iam._users, "role": iam._roles}.get(kind, {}).get(name)
    if known is None or known["Arn"] != arn:
        return None
    inline = iam._user_inline_policies.get(name) if kind == "user" else known["InlinePolicies"]
    policies = [*_inline(kind, name, inline), *_managed(known)]
    for group_name, group in iam._groups.items() if kind == "user" else ():
        if name in group.get("Users", []):
            policies += _inline("group", group_name, iam._group_inline_policies.get(group_name))
            policies += _managed(group)
    boundary = known.get("PermissionsBoundary")
    return Principal(arn, policies, _of_arn(boundary) if boundary else None)


def _inline(kind: str, name: str, documents: dict[str, Any] | None) -> Iterator[Policy]:
    for policy, document in (documents or {}).items():
        statements = iam_evaluator.parse_policy_document(document)
        yield Policy(f"{kind}_{name}_{policy}", statements)


def _managed(holder: dict[str, Any]) -> Iterator[Policy]:
    for arn in holder.get("AttachedPolicies", []):
        yield _of_arn(arn)


def _of_arn(arn: str) -> Policy:
    document = iam_evaluator._resolve_managed_policy_document(arn, get_account_id())
    name = arn.rpartition("/")[2]
    return Policy(name, iam_evaluator.parse_policy_document(document) if document else [])
