"""Schedules of EventBridge Scheduler: they fire by the sandbox's clock, and as the role of their target.
ministack fires them by the clock on the wall, up to ten seconds late, whatever the role may do, and takes
any properties in a template.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from ministack.services import eventbridge, iam, scheduler
from ministack.services.cloudformation import provisioners

from . import clock, function_roles, service_rights
from .aws_error import AwsError
from .cloudformation.property_rules import ANY, OBJECT, Rule, check
from .cloudformation.resource_types import Properties, guard_create
from .patching import replace_everywhere

logger = logging.getLogger("hpcapi.schedules")

# Seconds between looks at what is due, and the shortest time between two calls: with a scale of 0 a rate
# would be none.
_LOOK = 0.5
_SHORTEST = 1.0
_SERVICE = "scheduler.amazonaws.com"
_CALLS = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish"}
_NOT_ASSUMED = (
    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
)

_SCHEDULE = {
    "Name": Rule(pattern=r"[0-9a-zA-Z_.-]{1,64}"),
    "GroupName": Rule(pattern=r"[0-9a-zA-Z_.-]{1,64}"),
    "Description": Rule(longest=512),
    "ScheduleExpression": Rule(is_required=True, shortest=1, longest=256),
    "ScheduleExpressionTimezone": Rule(shortest=1, longest=50),
    "FlexibleTimeWindow": Rule(is_required=True, kind=dict),
    "Target": Rule(is_required=True, kind=dict),
    "State": Rule(one_of=("ENABLED", "DISABLED")),
    "StartDate": ANY,
    "EndDate": ANY,
    "KmsKeyArn": ANY,
}
_WINDOW = {
    "Mode": Rule(is_required=True, one_of=("OFF", "FLEXIBLE")),
    "MaximumWindowInMinutes": Rule(between=(1, 1440)),
}
_TARGET = {
    "Arn": Rule(is_required=True, shortest=1, longest=1600),
    "RoleArn": Rule(is_required=True, pattern=r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"),
    "Input": Rule(shortest=1),
    "DeadLetterConfig": OBJECT,
    "RetryPolicy": OBJECT,
    "EcsParameters": OBJECT,
    "EventBridgeParameters": OBJECT,
    "KinesisParameters": OBJECT,
    "SageMakerPipelineParameters": OBJECT,
    "SqsParameters": OBJECT,
}
_RETRIES = {
    "MaximumEventAgeInSeconds": Rule(between=(60, 86400)),
    "MaximumRetryAttempts": Rule(between=(0, 185)),
}
_OLDEST_START = 300
# EventBridge Scheduler User Guide, "Schedule types": `rate(1 minutes)` is taken, too.
_EXPRESSION = re.compile(
    r"rate\([1-9]\d* (minutes?|hours?|days?)\)"
    r"|at\(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\)"
    r"|cron\(\S+ \S+ \S+ \S+ \S+ \S+\)"
)


def install() -> None:
    guard_create("AWS::Scheduler::Schedule", _check)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    _keep_dates(handlers, "create")
    _keep_dates(handlers, "update")
    # Another of these makes another schedule.
    provisioners._REPLACING_PROPERTIES["AWS::Scheduler::Schedule"] = ("Name", "GroupName")
    replace_everywhere(eventbridge._parse_rate_seconds, _rate_by_the_clock)
    scheduler._SCHEDULE_TICK_INTERVAL = _LOOK
    of_rules = eventbridge._invoke_target

    def invoke(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *more: Any
    ) -> None:
        if ":scheduler:" not in rule.get("Arn", ""):
            of_rules(target, event, rule, *more)
        elif _may_call(target, rule["Arn"]):
            # No policy of the target's own is asked: the role is of the same account.
            _invoke(target, event, rule, *more)

    replace_everywhere(of_rules, invoke)


# As ministack has them, whatever other parts of the sandbox put in their place.
_rate = eventbridge._parse_rate_seconds
_invoke = eventbridge._invoke_target


def _keep_dates(handlers: dict[str, Any], verb: str) -> None:
    """Lets a schedule have the dates of its template, which ministack leaves out."""
    handler = handlers[verb]

    def with_dates(*given: Any) -> Any:
        properties = given[2] if verb == "update" else given[1]
        made = handler(*given)
        key = f"{properties.get('GroupName', 'default')}/{made[0]}"
        for name in ("StartDate", "EndDate"):
            scheduler._schedules[key][name] = properties.get(name)
        return made

    handlers[verb] = with_dates


def _rate_by_the_clock(expression: str) -> float | None:
    seconds = _rate(expression)
    return seconds and max(clock.scaled(seconds), _SHORTEST)


def _may_call(target: dict[str, Any], schedule: str) -> bool:
    """Whether the role of a schedule's target lets it call the target."""
    arn, role = target.get("Arn", ""), target.get("RoleArn", "")
    action = _CALLS.get(arn.split(":")[2] if arn.count(":") > 4 else "")
    if not _may_be_assumed(role, schedule):
        logger.info("%s: %s cannot be assumed", schedule, role)
        return False
    if action is None or not function_roles.may(role, action, arn):
        logger.info("%s: %s does not allow to call %s", schedule, role, arn)
        return False
    return True


def _may_be_assumed(role: str, source: str) -> bool:
    """Whether the role is there and trusts EventBridge Scheduler."""
    known = iam._roles.get(role.rpartition("/")[2])
    trust = (known or {}).get("AssumeRolePolicyDocument", "")
    return bool(known) and service_rights.may(_SERVICE, "sts:AssumeRole", "*", trust, source)


def _check(properties: Properties, old: Properties | None) -> None:
    check(_SCHEDULE, properties)
    check(_WINDOW, properties["FlexibleTimeWindow"])
    target = properties["Target"]
    check(_TARGET, target)
    check(_RETRIES, target.get("RetryPolicy") or {})
    expression = str(properties["ScheduleExpression"])
    if not _EXPRESSION.fullmatch(expression):
        raise _invalid(f"Invalid Schedule Expression {expression}.")
    is_flexible = properties["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"
    if is_flexible != ("MaximumWindowInMinutes" in properties["FlexibleTimeWindow"]):
        raise _invalid("MaximumWindowInMinutes goes with the mode FLEXIBLE.")
    start = scheduler._to_epoch(properties.get("StartDate"))
    if (
        start is not None
        and start < time.time() - _OLDEST_START
        and not expression.startswith("at")
    ):
        raise _invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    source = scheduler._schedule_arn(
        properties.get("GroupName", "default"), properties.get("Name", "x")
    )
    if not _may_be_assumed(target["RoleArn"], source):
        raise _invalid(_NOT_ASSUMED)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
