"""Regions: which there are, which of them an account has enabled, and that the others take no
credentials, as none takes those that are nobody's. A new account has those regions enabled that
need no opt-in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.iam_evaluator import find_iam_access_key_account
from ministack.core.responses import AccountScopedDict, request_scope
from ministack.core.router import extract_access_key_id, extract_region
from ministack.services import account, ec2, sts

from .aws_error import AwsError
from .ec2 import describe, query
from .model_check import Refusal

_NOT_REQUIRED = "opt-in-not-required"
_enabled = AccountScopedDict()  # region -> True


def install() -> None:
    account._DISPATCH["/enableRegion"] = _enable


def _status(region: str) -> str | None:
    """How it stands in this account; None when there is no such region."""
    default = dict(ec2._AWS_REGIONS).get(region)
    if default is None or default == _NOT_REQUIRED:
        return default
    return "opted-in" if region in _enabled else "not-opted-in"


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Refuses who asks for their identity with credentials that are nobody's, or in a region that
    the account has not enabled."""
    if b"Action=GetCallerIdentity" not in body:
        return None
    region = extract_region(dict(headers), {})
    key_id = extract_access_key_id(dict(headers), {})
    with request_scope(key_id, region):
        if _is_known(key_id) and _status(region) in (_NOT_REQUIRED, "opted-in"):
            return None
    return Refusal(
        service="sts",
        operation="GetCallerIdentity",
        problems=[f"{key_id} is nobody in {region}"],
        status=403,
        code="InvalidClientTokenId",
        body=(
            b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            b"<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token "
            b"included in the request is invalid.</Message></Error></ErrorResponse>"
        ),
        content_type="text/xml",
    )


def _is_known(key_id: str) -> bool:
    """Other keys than these forms are the account's own."""
    if not key_id.startswith(("AKIA", "ASIA")):
        return True
    return key_id in sts._sessions or find_iam_access_key_account(key_id) is not None


def _enable(payload: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    region = payload.get("RegionName", "")
    if _status(region) is None:
        body = json.dumps({"message": f"Region {region} does not exist"}).encode()
        return 400, {"x-amzn-errortype": "ValidationException"}, body
    _enabled[region] = True
    return 200, {"Content-Type": "application/json"}, b"{}"


@query.action("DescribeRegions")
def describe_regions(parameters: dict[str, Any]) -> dict[str, Any]:
    wanted = query.strings(parameters.get("RegionName"))
    for name in wanted:
        if _status(name) is None:
            raise AwsError("InvalidParameterValue", f"Invalid region: [{name}]")
    shown = [name for name, _ in ec2._AWS_REGIONS if name in wanted or not wanted]
    if not query.flag(parameters.get("AllRegions") or "false"):
        shown = [name for name in shown if _status(name) != "not-opted-in"]
    for name, patterns in describe.filters(parameters):
        if name not in ("region-name", "opt-in-status"):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        value = _status if name == "opt-in-status" else str
        shown = [one for one in shown if query.matches(patterns, [value(one)])]
    return {
        "regionInfo": [
            {
                "regionName": name,
                "regionEndpoint": f"ec2.{name}.amazonaws.com",
                "optInStatus": _status(name),
            }
            for name in shown
        ]
    }
