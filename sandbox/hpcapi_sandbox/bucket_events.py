"""Events of buckets: those of EventBridge name the version of the object, and reach a queue only if
its policy lets the rule send; ministack leaves out the one and asks for the other only where it
checks every credential.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, s3, sqs

from .patching import replace_everywhere

_SENDER = "events.amazonaws.com"
_version = contextvars.ContextVar[str | None]("_version", default=None)


def install() -> None:
    _name_versions()
    _ask_queues()


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


def _ask_queues() -> None:
    invoke = eventbridge._invoke_target

    def invoke_target(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        if _may_send(target.get("Arn", ""), rule):
            invoke(target, event, rule, view)

    replace_everywhere(invoke, invoke_target)


def _may_send(target: str, rule: dict[str, Any]) -> bool:
    """Whether a rule may send to a target; of those only queues are asked."""
    try:
        is_queue = parse_arn(target).service == "sqs"
    except ArnParseError:
        return True
    found = sqs.queue_policy_for_arn(target) if is_queue else None
    if found is None:
        return True
    policy, _ = found
    asked = iam_evaluator.EvalContext(
        # The service itself, for which no grant to an account counts.
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sqs:SendMessage",
        resource_arn=target,
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": rule["Arn"], "aws:sourceaccount": get_account_id()},
    )
    decision = iam_evaluator.evaluate_resource_policy(policy, asked, service=_SENDER).decision
    return bool(policy) and decision == "Allow"
