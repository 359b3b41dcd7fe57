"""A function that takes messages of a queue in a template has to be fit for it, as Lambda wants it:
its role may take them, and they stay hidden while it works. ministack asks for neither.
"""

from __future__ import annotations

from ministack.services import sqs
from ministack.services.cloudformation import provisioners

from . import function_roles
from .aws_error import AwsError
from .cloudformation.resource_types import Properties, guard_create

_NEEDED = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def install() -> None:
    guard_create("AWS::Lambda::EventSourceMapping", _check)


def _check(properties: Properties, old: Properties | None) -> None:
    source = properties.get("EventSourceArn", "")
    found, *_ = provisioners._lambda_function_for_cfn_ref(properties.get("FunctionName", ""))
    queue = sqs._queue_by_arn(source) if ":sqs:" in source else None
    if not found or not queue:
        return
    function = found["config"]
    role = function["Role"]
    for action in _NEEDED:
        if not function_roles.may(role, f"sqs:{action}", source):
            raise AwsError(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {action} on SQS",
            )
    hidden, works = int(queue["attributes"]["VisibilityTimeout"]), int(function["Timeout"])
    if hidden < works:
        raise AwsError(
            "InvalidParameterValueException",
            f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {works} "
            "seconds",
        )
