"""The permissions boundary that a template gives a role, which ministack leaves out."""

from __future__ import annotations

from ministack.services import iam
from ministack.services.cloudformation import provisioners

from .cloudformation.resource_types import Made, Properties


def install() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Properties, stack_name: str) -> Made:
        _check(properties)
        made = create(logical_id, properties, stack_name)
        _bound(made[0], properties)
        return made

    def updated(
        name: str, old: Properties, new: Properties, stack_name: str, logical_id: str = ""
    ) -> Made:
        _check(new)
        made = update(name, old, new, stack_name, logical_id or None)
        _bound(made[0], new)
        return made

    handlers |= {"create": created, "update": updated}


def _check(properties: Properties) -> None:
    boundary = properties.get("PermissionsBoundary")
    if boundary and not iam._policy_exists(boundary):
        raise ValueError(f"Scope ARN: {boundary} does not exist or is not attachable.")


def _bound(name: str, properties: Properties) -> None:
    iam._roles[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
