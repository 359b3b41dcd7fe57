"""The role of an instance: what its profile names, and what its agent and its scripts may do with it."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam

from . import callers

# What the agent of SSM has to be allowed, or else the instance is not managed: of the policy
# AmazonSSMManagedInstanceCore, what registers it and what opens the channel that its commands come by.
_AGENT = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
)


def role_of(instance: dict[str, Any]) -> str:
    """The name of the role that an instance's profile holds; none is empty."""
    profile = ((instance.get("IamInstanceProfile") or {}).get("Arn") or "").rpartition("/")[2]
    roles = (iam._instance_profiles.get(profile) or {}).get("Roles") or []
    return next((name for name in roles if name in iam._roles), "")


def denial(instance: dict[str, Any], action: str, resource: str) -> str | None:
    """Why an instance may not do something, in IAM's words; None when it may."""
    name, account = role_of(instance), get_account_id()
    if not name:
        return "Unable to locate credentials"
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{instance['InstanceId']}"
    who = callers.Caller(
        arn=arn,
        type="AssumedRole",
        account=account,
        policies=iam_evaluator._gather_role_policies(name, account),
        limits=iam_evaluator._permissions_boundary(iam._roles, name, account),
    )
    return callers.denial(who, action, resource)


def is_managed(instance: dict[str, Any]) -> bool:
    """Whether the instance may register with SSM and take commands from it."""
    return not any(denial(instance, action, "*") for action in _AGENT)
