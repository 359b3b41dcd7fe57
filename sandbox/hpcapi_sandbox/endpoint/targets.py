"""Registering targets: an instance with one port is one target, with another port another."""

from __future__ import annotations

from typing import Any

from ministack.services import alb
from ministack.services import ec2 as ec2_store

from .target_health import port_of


def install() -> None:
    alb._ACTION_MAP["RegisterTargets"] = _register
    alb._ACTION_MAP["DeregisterTargets"] = _deregister


def is_running(instance_id: str) -> bool:
    instance = ec2_store._instances.get(instance_id)
    return bool(instance) and instance["State"]["Name"] == "running"


def not_running(instance_id: str) -> str:
    return (
        "The following targets are not in a running state and cannot be registered: "
        f"'{instance_id}'"
    )


def _asked(group: dict[str, Any], params: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of a request; one without a port has its group's."""
    targets = alb._parse_targets_param(params)
    return [{**target, "Port": port_of(group, target)} for target in targets]


def _register(params: dict[str, Any]) -> Any:
    arn = alb._p(params, "TargetGroupArn")
    group = alb._tgs.get(arn)
    if not group:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    targets = _asked(group, params)
    for target in targets:
        if target["Id"].startswith("i-") and not is_running(target["Id"]):
            return alb._error("InvalidTarget", not_running(target["Id"]))
    registered = alb._targets.setdefault(arn, [])
    registered += [target for target in targets if target not in registered]
    return alb._empty("RegisterTargets")


def _deregister(params: dict[str, Any]) -> Any:
    arn = alb._p(params, "TargetGroupArn")
    group = alb._tgs.get(arn)
    if not group:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    gone = _asked(group, params)
    alb._targets[arn] = [one for one in alb._targets.get(arn) or [] if one not in gone]
    return alb._empty("DeregisterTargets")
