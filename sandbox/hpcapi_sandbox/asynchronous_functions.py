"""Functions that are invoked without anybody waiting, by rules of EventBridge and by InvocationType
Event: what fails is tried twice again, as the function that there is by then, and what fails each
time goes to the destination for failures, if the function's role may send there. ministack calls
the function of a rule once only, and of others the code that they had at first.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
from typing import Any

from ministack.services import eventbridge, lambda_svc

from . import clock, function_roles
from .patching import replace_everywhere

logger = logging.getLogger("hpcapi.functions")

# Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation": one
# minute before the second attempt, two before the third. They take some time here in any case: a
# test sees two attempts apart, and what the first has begun elsewhere ends.
_PAUSES = (60, 120)
_SHORTEST = 0.1
# Attempts that are throttled do not count.
_THROTTLED_PAUSE = 1
_RETRIES = 2
_OLDEST = 21600
_SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


def install() -> None:
    replace_everywhere(lambda_svc.invoke_async_with_retry, _invoke_record)
    replace_everywhere(eventbridge._dispatch_to_lambda, _dispatch)
    for name in ("_get", "_put", "_delete"):
        _name_latest(getattr(lambda_svc, f"{name}_event_invoke_config"))


def _name_latest(handler: Any) -> None:
    """How a function is invoked without a qualifier and how its $LATEST is are the same; ministack
    keeps them apart."""

    def with_qualifier(name: str, qualifier: str | None = None, *more: Any) -> Any:
        return handler(name, qualifier or "$LATEST", *more)

    replace_everywhere(handler, with_qualifier)


def _invoke_record(function: dict[str, Any], event: Any) -> None:
    invoke((function.get("config") or function)["FunctionArn"], event)


def _dispatch(arn: str, payload: str) -> None:
    try:
        event = json.loads(payload)
    except ValueError:
        event = payload
    invoke(arn, event)


def invoke(reference: str, event: Any) -> None:
    """Invokes the function that an ARN is of, in the scope of the caller; returns at once."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, reference, event), daemon=True).start()


def _run(reference: str, event: Any) -> None:
    attempts, age = 0, 0.0
    while True:
        function, config, name = lambda_svc._get_func_record_for_ref(reference)
        if function is None or config is None:
            logger.info("%s is not there: the event is dropped", reference)
            return
        record = lambda_svc._execution_record_for_config(function, config)
        result = lambda_svc._execute_function(record, event)
        if not (result.get("error") or result.get("function_error")):
            return
        asked = _config(function, reference)
        if result.get("throttle"):
            pause = _THROTTLED_PAUSE
        elif attempts >= int(asked.get("MaximumRetryAttempts", _RETRIES)):
            break
        else:
            pause = _PAUSES[attempts]
            attempts += 1
        age += pause
        if age >= int(asked.get("MaximumEventAgeInSeconds", _OLDEST)):
            break
        time.sleep(max(clock.scaled(pause), _SHORTEST * pause / _PAUSES[0]))
    logger.info("%s has failed for good: %s", name, result.get("body"))
    _give_up(config, asked, event, result)


def _config(function: dict[str, Any], reference: str) -> dict[str, Any]:
    qualifier = reference.split(":")[7] if reference.count(":") == 7 else "$LATEST"
    return (function.get("event_invoke_configs") or {}).get(qualifier) or {}


def destination(asked: dict[str, Any]) -> str:
    """Where a configuration sends what has failed; empty for nowhere."""
    destinations = asked.get("DestinationConfig") or {}
    return (destinations.get("OnFailure") or {}).get("Destination") or ""


def may_send(role: str, target: str) -> bool:
    """Whether a function with this role may send what has failed there."""
    action = _SENDING.get(target.split(":")[2] if target.count(":") > 2 else "")
    return action is None or function_roles.may(role, action, target)


def _give_up(
    config: dict[str, Any], asked: dict[str, Any], event: Any, result: dict[str, Any]
) -> None:
    target = destination(asked) or (config.get("DeadLetterConfig") or {}).get("TargetArn") or ""
    if target and may_send(config["Role"], target):
        lambda_svc._route_async_failure(target, config["FunctionName"], event, result)
