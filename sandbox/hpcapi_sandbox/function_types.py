"""Permissions of functions and how they are invoked, in templates: refused as Lambda does when
there is no such function or a value is wrong. ministack makes a permission of no function at all.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from . import asynchronous_functions
from .aws_error import AwsError
from .cloudformation.property_rules import ANY, OBJECT, Rule, check
from .cloudformation.resource_types import Properties, guard_create

_PERMISSION = {
    "Action": Rule(is_required=True, pattern=r"lambda:[*]|lambda:[a-zA-Z]+|[*]"),
    "FunctionName": Rule(is_required=True, longest=140),
    "Principal": Rule(is_required=True),
    "SourceArn": Rule(pattern=r"arn:aws[a-zA-Z-]*:[a-zA-Z0-9-]+:[a-z0-9-]*:(\d{12})?:.*"),
    "SourceAccount": Rule(pattern=r"\d{12}"),
    "PrincipalOrgID": Rule(pattern=r"o-[a-z0-9]{10,32}"),
    "FunctionUrlAuthType": Rule(one_of=("AWS_IAM", "NONE")),
    "InvokedViaFunctionUrl": ANY,
    "EventSourceToken": Rule(longest=256),
}
_INVOKE_CONFIG = {
    "FunctionName": Rule(is_required=True, pattern=r"[a-zA-Z0-9-_:]{1,140}"),
    "Qualifier": Rule(is_required=True, pattern=r"[a-zA-Z0-9$_-]{1,129}"),
    "DestinationConfig": OBJECT,
    "MaximumEventAgeInSeconds": Rule(between=(60, 21600)),
    "MaximumRetryAttempts": Rule(between=(0, 2)),
}


def install() -> None:
    guard_create("AWS::Lambda::Permission", _check_permission)
    guard_create("AWS::Lambda::EventInvokeConfig", _check_invoke_config)


def _check_permission(properties: Properties, old: Properties | None) -> None:
    check(_PERMISSION, properties)
    _function(properties["FunctionName"])
    principal = str(properties["Principal"])
    is_account = principal.isdecimal() and len(principal) == 12
    if not (is_account or principal == "*" or "amazonaws.com" in principal or _is_iam(principal)):
        raise AwsError(
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        )


def _is_iam(principal: str) -> bool:
    return principal.startswith("arn:") and ":iam::" in principal


def _check_invoke_config(properties: Properties, old: Properties | None) -> None:
    check(_INVOKE_CONFIG, properties)
    role = _function(properties["FunctionName"])["config"]["Role"]
    target = asynchronous_functions.destination(properties)
    if target and not asynchronous_functions.may_send(role, target):
        raise AwsError(
            "InvalidParameterValueException",
            f"The function's execution role does not have permissions to call "
            f"{_CALLS.get(target.split(':')[2], 'the destination')} on {target}",
        )


_CALLS = {"sqs": "SendMessage", "sns": "Publish", "lambda": "InvokeFunction"}


def _function(reference: Any) -> dict[str, Any]:
    found, *_ = provisioners._lambda_function_for_cfn_ref(reference)
    if found is None:
        arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{reference}"
        arn = reference if str(reference).startswith("arn:") else arn
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    return found
