"""The code of a function in a template has to be there; ministack makes the function without it."""

from __future__ import annotations

from ministack.services import s3

from .aws_error import AwsError
from .cloudformation.resource_types import Properties, guard_create


def install() -> None:
    guard_create("AWS::Lambda::Function", _check_code)


def _check_code(properties: Properties, old: Properties | None) -> None:
    code = properties.get("Code") or {}
    if "S3Key" not in code:
        return
    if s3._get_object_data(code.get("S3Bucket", ""), code["S3Key"]) is None:
        raise AwsError(
            "InvalidRequest",
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
            "specified key does not exist.",
        )
