"""Application load balancers: their network interfaces, targets, and forwarding of requests."""

from __future__ import annotations

import logging
import random
import secrets
import time
from email.utils import formatdate
from http.client import HTTPException
from typing import Any

from ministack.services import alb
from ministack.services import ec2 as ec2_store
from ministack.services.cloudformation import provisioners

from .. import clock, machines
from ..aws_error import AwsError
from ..cloudformation.resource_types import Made, Properties, stabilizers
from ..ec2 import network_interfaces
from . import target_connections, target_health, targets
from .http_exchange import Request, Response, TooLarge
from .reachability import Party

logger = logging.getLogger("hpcapi.load_balancers")

_PREFIX = "AWS::ElasticLoadBalancingV2::"
_TYPE = _PREFIX + "LoadBalancer"
_IDLE_TIMEOUT = 60.0
_PAGES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def install() -> None:
    _install_balancers()
    _install_target_groups()
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_target_health
    targets.install()


def _install_balancers() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, delete = handlers["create"], handlers["delete"]

    def create_with_interfaces(logical_id: str, properties: Properties, stack_name: str) -> Made:
        _check_subnets(list(properties.get("Subnets") or []), properties.get("Type"))
        arn, attributes = create(logical_id, properties, stack_name)
        try:
            _add_interfaces(alb._lbs[arn])
        except AwsError:
            delete(arn, properties)
            raise
        alb._lbs[arn]["State"] = "provisioning"
        return arn, attributes

    def delete_with_interfaces(arn: str, properties: Properties) -> None:
        if alb._lb_attr(arn, "deletion_protection.enabled", "false") == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        balancer = alb._lbs.get(arn) or {}
        delete(arn, properties)
        _drop_interfaces(balancer)

    update = handlers["update"]

    def update_interfaces(arn: str, old: Properties, new: Properties, *rest: str) -> Made:
        before = dict(alb._lbs.get(arn) or {})
        made = update(arn, old, new, *rest)
        balancer = alb._lbs[made[0]]
        if made[0] != arn or any(
            before.get(name) != balancer[name] for name in ("Subnets", "SecurityGroups")
        ):
            _check_subnets(balancer["Subnets"], balancer["Type"])
            _add_interfaces(balancer)
            if made[0] == arn:
                _drop_interfaces(before)
        return made

    handlers |= {
        "create": create_with_interfaces,
        "delete": delete_with_interfaces,
        "update": update_interfaces,
        "update_with_logical_id": True,
    }
    delete_by_api = alb._ACTION_MAP["DeleteLoadBalancer"]
    create_by_api = alb._ACTION_MAP["CreateLoadBalancer"]

    def create_load_balancer(params: dict[str, Any]) -> Any:
        try:
            kind = alb._p(params, "Type")
            _check_subnets(alb._parse_member_list(params, "Subnets"), kind)
        except AwsError as error:
            return alb._error(error.code, error.message)
        answer = create_by_api(params)
        for arn, balancer in alb._lbs.items():
            if "_interfaceIds" not in balancer:
                _add_interfaces(balancer)
                balancer["State"] = "provisioning"
                clock.later(_become_active(arn))
        return answer

    def delete_load_balancer(params: dict[str, Any]) -> Any:
        arn = alb._p(params, "LoadBalancerArn")
        balancer = alb._lbs.get(arn) or {}
        answer = delete_by_api(params)
        _drop_listeners(arn)
        _drop_interfaces(balancer)
        return answer

    stabilizers[_TYPE] = _become_active
    alb._ACTION_MAP["CreateLoadBalancer"] = create_load_balancer
    alb._ACTION_MAP["DeleteLoadBalancer"] = delete_load_balancer


async def _become_active(arn: str) -> None:
    await clock.take(_TYPE, "create")
    if arn in alb._lbs:
        alb._lbs[arn]["State"] = "active"


def _check_subnets(subnet_ids: list[str], kind: str | None) -> None:
    """One of the network type may be in a single zone."""
    zones = {network_interfaces.checked_subnet(one)["AvailabilityZone"] for one in subnet_ids}
    if not zones and kind == "network":
        raise AwsError("ValidationError", "At least one subnet must be specified")
    if len(zones) < 2 and kind != "network":
        raise AwsError(
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        )


def _add_interfaces(balancer: dict[str, Any]) -> None:
    full_name = alb._elbv2_resource_tail(balancer["LoadBalancerArn"], "loadbalancer/")
    balancer["_interfaceIds"] = []
    for subnet_id in balancer["Subnets"]:
        interface = network_interfaces.create_managed(
            subnet_id, balancer["SecurityGroups"], f"ELB {full_name}", "amazon-elb", "interface"
        )
        balancer["_interfaceIds"].append(interface["NetworkInterfaceId"])
        balancer["VpcId"] = interface["VpcId"]


def _drop_listeners(balancer_arn: str) -> None:
    """Listeners and their rules go with their load balancer."""
    for arn in [
        arn
        for arn, listener in alb._listeners.items()
        if listener["LoadBalancerArn"] == balancer_arn
    ]:
        alb._ACTION_MAP["DeleteListener"]({"ListenerArn": arn})


def _drop_interfaces(balancer: dict[str, Any]) -> None:
    """The interfaces go, some time after their load balancer."""
    interface_ids = balancer.get("_interfaceIds") or []

    def drop() -> None:
        for interface_id in interface_ids:
            network_interfaces.delete(interface_id)

    async def drop_later() -> None:
        await clock.take("elbv2:network-interface", "linger")
        drop()

    if clock.scale() > 0:
        clock.later(drop_later())
    else:
        drop()


def _install_target_groups() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[_PREFIX + "TargetGroup"]
    create, update = handlers["create"], handlers["update"]

    def create_with_targets(logical_id: str, properties: Properties, stack_name: str) -> Made:
        wanted = _targets(properties)
        arn, attributes = create(logical_id, properties, stack_name)
        alb._targets[arn] = wanted
        return arn, {**attributes, "LoadBalancerArns": []}

    def update_targets(arn: str, old: Properties, new: Properties, *rest: str) -> Made:
        wanted = _targets(new)
        made = update(arn, old, new, *rest)
        if old.get("Targets") != new.get("Targets"):
            alb._targets[made[0]] = wanted
        return made

    handlers |= {
        "create": create_with_targets,
        "update": update_targets,
        "update_with_logical_id": True,
    }


def _targets(properties: Properties) -> list[dict[str, Any]]:
    wanted = [
        {"Id": target["Id"], "Port": int(target.get("Port") or properties.get("Port") or 80)}
        for target in properties.get("Targets") or []
    ]
    for target in wanted:
        if properties.get("TargetType", "instance") != "instance":
            continue
        if not targets.is_running(target["Id"]):
            raise AwsError("InvalidTarget", targets.not_running(target["Id"]))
    return wanted


def _describe_target_health(params: dict[str, Any]) -> Any:
    arn = alb._p(params, "TargetGroupArn")
    group = alb._tgs.get(arn)
    if not group:
        return alb._error("TargetGroupNotFound", "One or more target groups not found")
    registered = alb._targets.get(arn) or []
    asked = alb._parse_targets_param(params)
    wanted = [
        next((one for one in registered if _is_asked(group, one, target)), target)
        for target in asked
    ] or registered
    members = "".join(_health_xml(group, target, target in registered) for target in wanted)
    return alb._xml(
        200,
        "DescribeTargetHealth",
        f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>",
    )


def _is_asked(group: dict[str, Any], registered: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a registered target is the one asked for; without a port any of its ports is."""
    same_port = not asked.get("Port") or int(asked["Port"]) == target_health.port_of(
        group, registered
    )
    return registered["Id"] == asked["Id"] and same_port


def _health_xml(group: dict[str, Any], target: dict[str, Any], registered: bool) -> str:
    port = target_health.port_of(group, target)
    asked = group["HealthCheckPort"]
    if registered:
        current = target_health.health(group, target)
    else:
        current = target_health.Health(
            "unused", "Target.NotRegistered", "Target is not registered to the target group"
        )
    reason = f"<Reason>{current.reason}</Reason>" if current.reason else ""
    description = f"<Description>{current.description}</Description>" if current.reason else ""
    return (
        f"<member><Target><Id>{target['Id']}</Id><Port>{port}</Port></Target>"
        f"<HealthCheckPort>{port if asked == 'traffic-port' else asked}</HealthCheckPort>"
        f"<TargetHealth><State>{current.state}</State>{reason}{description}</TargetHealth></member>"
    )


def parties(balancer: dict[str, Any]) -> list[Party]:
    return [
        Party.of_interface(ec2_store._network_interfaces[interface_id])
        for interface_id in balancer.get("_interfaceIds") or []
        if interface_id in ec2_store._network_interfaces
    ]


async def forward(
    listener: dict[str, Any], request: Request, client_address: str, limit: int
) -> Response:
    """What the load balancer of a listener answers to a request that has reached it."""
    group_arn = next(
        (
            action["TargetGroupArn"]
            for action in _actions(listener, request)
            if action.get("TargetGroupArn")
        ),
        "",
    )
    group = alb._tgs.get(group_arn)
    if not group:
        return _page(503)
    target = _choose(group)
    if target is None:
        return _page(503)
    port = target_health.port_of(group, target)
    balancer = alb._lbs[listener["LoadBalancerArn"]]
    if not target_health.reachable(parties(balancer), target["Id"], port):
        return _page(504)
    outgoing = Request(
        request.method,
        request.target,
        _target_headers(request, listener, client_address),
        request.body,
    )
    try:
        return await target_connections.exchange(
            (target["Id"], port),
            lambda: machines.connect(target["Id"], port, 60.0),
            outgoing,
            _IDLE_TIMEOUT,
            limit,
        )
    except TimeoutError:
        return _page(504)
    except TooLarge:
        raise
    except (OSError, HTTPException) as error:
        logger.info("target %s:%s: %r", target["Id"], port, error)
        return _page(502)


def _actions(listener: dict[str, Any], request: Request) -> list[dict[str, Any]]:
    rules = sorted(
        (
            rule
            for rule in alb._rules.values()
            if rule["ListenerArn"] == listener["ListenerArn"] and not rule.get("IsDefault")
        ),
        key=alb._rule_sort_key,
    )
    path = request.target.partition("?")[0]
    headers = {name.lower(): value for name, value in request.headers}
    for rule in rules:
        if all(
            alb._match_condition(condition, request.method, path, headers, {})
            for condition in rule["Conditions"]
        ):
            return rule["Actions"]
    return listener["DefaultActions"]


def _choose(group: dict[str, Any]) -> dict[str, Any] | None:
    """A healthy target; when none is, any that is in use: load balancers fail open."""
    known = [
        (target, target_health.health(group, target).state)
        for target in alb._targets.get(group["TargetGroupArn"]) or []
    ]
    usable = [target for target, state in known if state == "healthy"] or [
        target for target, state in known if state not in ("unused", "draining")
    ]
    return random.choice(usable) if usable else None


def _target_headers(
    request: Request, listener: dict[str, Any], client_address: str
) -> list[tuple[str, str]]:
    replaced = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id"}
    before = request.header("x-forwarded-for")
    trace = request.header("x-amzn-trace-id") or (
        f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    )
    return [
        *((name, value) for name, value in request.headers if name.lower() not in replaced),
        ("X-Forwarded-For", f"{before}, {client_address}" if before else client_address),
        ("X-Forwarded-Proto", listener["Protocol"].lower()),
        ("X-Forwarded-Port", str(listener["Port"])),
        ("X-Amzn-Trace-Id", trace),
    ]


def _page(status: int) -> Response:
    title = _PAGES[status]
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    headers = [
        ("Server", "awselb/2.0"),
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", "text/html"),
    ]
    return Response(status, headers, body)
