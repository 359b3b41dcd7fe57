"""Events of buckets: those of EventBridge name the version of the object, and reach a queue or a
function only if its policy lets the rule; ministack leaves out the one and asks for the other only
where it checks every credential, or not at all.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, lambda_svc, s3, sqs

from . import service_rights
from .patching import replace_everywhere

_SENDER = "events.amazonaws.com"
_version = contextvars.ContextVar[str | None]("_version", default=None)


def install() -> None:
    _name_versions()
    _ask_targets()


def _name_versions() -> None:
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_s3_event(*arguments: Any, **more: Any) -> None:
        token = _version.set(more.get("version_id"))
        try:
            fire(*arguments, **more)
        finally:
            _version.reset(token)

    def dispatch_event(event: dict[str, Any], *more: Any, **named: Any) -> Any:
        if event.get("Source") == "aws.s3" and _version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = _version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *more, **named)

    replace_everywhere(fire, fire_s3_event)
    replace_everywhere(dispatch, dispatch_event)


def _ask_targets() -> None:
    invoke = eventbridge._invoke_target

    def invoke_target(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        if _may_send(target.get("Arn", ""), rule):
            invoke(target, event, rule, view)

    replace_everywhere(invoke, invoke_target)


def _may_send(target: str, rule: dict[str, Any]) -> bool:
    """Whether a rule may send to a target; of those only queues and functions are asked. What it
    may not send is gone."""
    try:
        service = parse_arn(target).service
    except ArnParseError:
        return True
    if service == "sqs":
        found = sqs.queue_policy_for_arn(target)
        action, policy = "sqs:SendMessage", found[0] if found else None
    elif service == "lambda":
        function, *_ = lambda_svc._get_func_record_for_ref(target)
        action, policy = "lambda:InvokeFunction", function["policy"] if function else None
    else:
        return True
    # What is not there is ministack's to say.
    return policy is None or service_rights.may(_SENDER, action, target, policy, rule["Arn"])
