"""Health checks of target groups, really made, and what DescribeTargetHealth says of them."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb
from ministack.services import ec2 as ec2_store

from .. import clock, machines
from ..ec2 import instances
from .http_exchange import Request, TooLarge, exchange
from .reachability import Party, can_connect

logger = logging.getLogger("hpcapi.health")

_TICK = 0.1
# With the clock standing still, checks come this fast until the target is healthy, and after.
_FASTEST_BEFORE, _FASTEST_AFTER = 0.2, 1.0
_BODY_LIMIT = 1024 * 1024


@dataclass
class Health:
    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    successes: int = 0
    failures: int = 0
    registered: float = field(default_factory=time.monotonic)
    checked: float | None = None
    checking: bool = False

    def become(self, state: str, reason: str = "", description: str = "") -> None:
        self.state, self.reason, self.description = state, reason, description


_known: dict[tuple[str, str, int], Health] = {}  # by target group, instance and port


def health(group: dict[str, Any], target: dict[str, Any]) -> Health:
    """What the load balancer thinks of a target now."""
    if not in_use(group["TargetGroupArn"]):
        return Health(
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        )
    instance = ec2_store._instances.get(target["Id"])
    state = instance["State"]["Name"] if instance else "terminated"
    if state != "running":
        return Health("unused", "Target.InvalidState", f"Target is in the {state} state")
    return _known.setdefault(_key(group, target), Health())


def port_of(group: dict[str, Any], target: dict[str, Any]) -> int:
    return int(target.get("Port") or group["Port"])


def _key(group: dict[str, Any], target: dict[str, Any]) -> tuple[str, str, int]:
    return group["TargetGroupArn"], target["Id"], port_of(group, target)


def in_use(group_arn: str) -> bool:
    """Whether a listener or one of its rules forwards to the group."""
    return any(
        action.get("TargetGroupArn") == group_arn
        for actions in (
            [listener["DefaultActions"] for listener in alb._listeners.values()]
            + [rule["Actions"] for rule in alb._rules.values()]
        )
        for action in actions or []
    )


def balancer_parties(group_arn: str) -> list[Party]:
    """The interfaces that requests and checks of a group come from."""
    return [
        Party.of_interface(ec2_store._network_interfaces[interface_id])
        for listener in alb._listeners.values()
        if any(action.get("TargetGroupArn") == group_arn for action in listener["DefaultActions"])
        for interface_id in alb._lbs.get(listener["LoadBalancerArn"], {}).get("_interfaceIds", [])
        if interface_id in ec2_store._network_interfaces
    ]


def reachable(sources: list[Party], instance_id: str, port: int) -> bool:
    instance = ec2_store._instances.get(instance_id)
    if not instance or not sources:
        return False
    primary = Party.of_interface(instances.interfaces_of(instance)[0])
    return any(can_connect(source, primary, port) for source in sources)


async def keep_checking() -> None:
    """Runs the checks of all target groups of all accounts, for ever."""
    while True:
        try:
            for (account, region, _), group in alb._tgs.all_items():
                with request_scope(account, region):
                    _start_due_checks(group)
        except Exception:
            logger.exception("health checks stumbled")
        await asyncio.sleep(_TICK)


_tasks: set[asyncio.Task[None]] = set()


def _start_due_checks(group: dict[str, Any]) -> None:
    if group.get("TargetType", "instance") != "instance" or not group["HealthCheckEnabled"]:
        return
    for target in alb._targets.get(group["TargetGroupArn"]) or []:
        current = health(group, target)
        if current.state == "unused":
            _known.pop(_key(group, target), None)
        elif not current.checking and _is_due(group, current):
            current.checking = True
            task = asyncio.create_task(_check(group, target, current))
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)


def _is_due(group: dict[str, Any], current: Health) -> bool:
    if current.checked is None:
        registration = clock.scaled(clock.seconds("elbv2:target", "register"))
        return time.monotonic() >= current.registered + registration
    fastest = _FASTEST_AFTER if current.state == "healthy" else _FASTEST_BEFORE
    interval = max(clock.scaled(group["HealthCheckIntervalSeconds"]), fastest)
    return time.monotonic() >= current.checked + interval


async def _check(group: dict[str, Any], target: dict[str, Any], current: Health) -> None:
    try:
        failure = await _probe(group, target)
        if failure is None:
            current.failures = 0
            current.successes += 1
            if current.state == "initial" or current.successes >= group["HealthyThresholdCount"]:
                current.become("healthy")
        else:
            current.successes = 0
            current.failures += 1
            if current.failures >= group["UnhealthyThresholdCount"]:
                current.become("unhealthy", *failure)
            elif current.state == "initial":
                current.become(
                    "initial", "Elb.InitialHealthChecking", "Initial health checks in progress"
                )
    finally:
        current.checked = time.monotonic()
        current.checking = False


async def _probe(group: dict[str, Any], target: dict[str, Any]) -> tuple[str, str] | None:
    """Makes one check; returns reason and description of a failure."""
    asked = group["HealthCheckPort"]
    port = port_of(group, target) if asked == "traffic-port" else int(asked)
    instance_id = target["Id"]
    if not reachable(balancer_parties(group["TargetGroupArn"]), instance_id, port):
        return "Target.Timeout", "Request timed out"
    address = ec2_store._instances[instance_id]["PrivateIpAddress"]
    request = Request(
        "GET",
        group["HealthCheckPath"],
        [("Host", f"{address}:{port}"), ("User-Agent", "ELB-HealthChecker/2.0")],
        b"",
    )
    timeout = float(group["HealthCheckTimeoutSeconds"])
    try:
        answer = await asyncio.to_thread(
            exchange,
            lambda: machines.connect(instance_id, port, timeout),
            request,
            timeout,
            _BODY_LIMIT,
        )
    except TimeoutError:
        return "Target.Timeout", "Request timed out"
    except (OSError, HTTPException, TooLarge) as error:
        logger.debug("health check of %s:%s: %r", instance_id, port, error)
        return "Target.FailedHealthChecks", "Health checks failed"
    if not code_matches(group["Matcher"]["HttpCode"], answer.status):
        return (
            "Target.ResponseCodeMismatch",
            f"Health checks failed with these codes: [{answer.status}]",
        )
    return None


def code_matches(matcher: str, status: int) -> bool:
    """Whether `200,301-399` takes in a status."""
    for part in str(matcher).split(","):
        lowest, _, highest = part.strip().partition("-")
        if int(lowest) <= status <= int(highest or lowest):
            return True
    return False
