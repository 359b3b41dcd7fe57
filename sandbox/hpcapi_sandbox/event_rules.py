"""Rules of EventBridge in templates: their patterns and targets are looked at as PutRule and
PutTargets do, and they get the tags of their stack. ministack takes any when it makes a rule.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from .aws_error import AwsError
from .cloudformation.property_rules import ANY, LIST, OBJECT, Rule, check
from .cloudformation.resource_types import Properties, guard_create

_RULE = {
    "Name": Rule(pattern=r"[\.\-_A-Za-z0-9]{1,64}"),
    "Description": Rule(longest=512),
    "EventBusName": ANY,
    "EventPattern": OBJECT,
    "RoleArn": ANY,
    "ScheduleExpression": Rule(longest=256),
    "State": Rule(
        one_of=("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
    ),
    "Tags": LIST,
    "Targets": LIST,
}
_TARGET_ID = Rule(is_required=True, pattern=r"[\.\-_A-Za-z0-9]{1,64}")
_MOST_TARGETS = 5
# EventBridge quotas, "Event pattern size".
_LONGEST_PATTERN = 2048


def install() -> None:
    provisioners._STACK_TAG_PROPERTY["AWS::Events::Rule"] = ("Tags", "list")
    guard_create("AWS::Events::Rule", _check)


def _check(properties: Properties, old: Properties | None) -> None:
    check(_RULE, properties)
    pattern = properties.get("EventPattern")
    if not pattern and not properties.get("ScheduleExpression"):
        raise _invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern:
        _check_pattern(pattern if isinstance(pattern, str) else json.dumps(pattern))
    targets = properties.get("Targets") or []
    if len(targets) > _MOST_TARGETS:
        raise AwsError(
            "LimitExceededException",
            f"The requested resource exceeds the maximum number allowed: {_MOST_TARGETS} targets",
        )
    for target in targets:
        _check_target(target)
    names = [target["Id"] for target in targets]
    if len(set(names)) < len(names):
        raise _invalid("Duplicate target ids in the request")


def _check_pattern(text: str) -> None:
    problem = eventbridge._event_pattern_error(text)
    if problem:
        message = f"Event pattern is not valid. Reason: {problem}"
        raise AwsError("InvalidEventPatternException", message)
    if len(text) > _LONGEST_PATTERN:
        raise _invalid(f"Event pattern is longer than {_LONGEST_PATTERN} characters")


def _check_target(target: dict[str, Any]) -> None:
    required = {name: target[name] for name in ("Id", "Arn") if name in target}
    check({"Id": _TARGET_ID, "Arn": Rule(is_required=True, longest=1600)}, required)
    refused = eventbridge._validate_target_arn(target)
    if refused:
        body = json.loads(refused[2])
        raise _invalid(body.get("message") or body.get("Message") or "")
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    if dead_letters and ":sqs:" not in dead_letters:
        raise _invalid(f"Parameter {dead_letters} is not valid. Reason: it is no queue.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
