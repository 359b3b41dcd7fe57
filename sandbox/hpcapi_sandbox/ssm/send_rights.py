"""Who may send a command: a right to the document and to each instance is needed.

`caller_rights` asks for every other action.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import extract_region
from ministack.services import ec2 as ec2_store

from .. import callers
from ..model_check import Refusal
from . import documents

_ACTION = "ssm:SendCommand"


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    if headers.get("x-amz-target") != "AmazonSSM.SendCommand":
        return None
    key = callers.key_of(headers)
    account = callers.account_of(key)
    if account is None:
        return None
    with request_scope(account, extract_region(dict(headers), {})):
        who = callers.caller(key)
        if who is None or who.policies is None:
            return None
        for resource, context in _asked(json.loads(body or b"{}")):
            denial = callers.denial(who, _ACTION, resource, context)
            if denial:
                return _refusal(denial)
    return None


def _asked(asked: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the right is needed to, each with the context that conditions may name."""
    name = str(asked.get("DocumentName") or "")
    yield (name if name.startswith("arn:") else documents.arn(name)), {}
    instance_ids = list(asked.get("InstanceIds") or [])
    for target in asked.get("Targets") or []:
        if target.get("Key", "").lower() == "instanceids":
            instance_ids += target.get("Values") or []
        else:
            # Which instances have a tag is found out later: the right has to be to all of them.
            yield _instance("*"), {}
    for instance_id in instance_ids:
        yield _instance(instance_id), _tags(instance_id)


def _instance(instance_id: str) -> str:
    return f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/{instance_id}"


def _tags(instance_id: str) -> dict[str, str]:
    return {
        f"{prefix}:resourceTag/{tag['Key']}": tag["Value"]
        for tag in ec2_store._tags.get(instance_id) or []
        for prefix in ("ssm", "aws")
    }


def _refusal(message: str) -> Refusal:
    answer = {"__type": "AccessDeniedException", "Message": message}
    return Refusal(
        service="ssm",
        operation="SendCommand",
        problems=[message],
        status=400,
        code="AccessDeniedException",
        body=json.dumps(answer).encode(),
        content_type="application/x-amz-json-1.1",
    )
