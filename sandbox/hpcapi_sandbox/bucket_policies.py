"""What a bucket's policy denies is refused, as S3 does it; ministack keeps such policies and
asks them only where it checks every credential.

The caller is the account itself, a user, or the role whose session the access key is of. The
endpoint of this emulator stands for S3's own, which is reached over TLS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, request_scope
from ministack.core.router import detect_service, extract_region
from ministack.services import iam, s3

from . import callers
from .model_check import Refusal

_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>User: {} is '
    "not authorized to perform: {} on resource: &quot;{}&quot; with an explicit deny in a "
    "resource-based policy</Message></Error>"
)


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Refuses what the policy of the bucket that is named in the path denies to the caller."""
    query = parse_qs(query_string, keep_blank_values=True)
    if detect_service(method, path, dict(headers), query) != "s3":
        return None
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    key_id = callers.key_of(headers)
    account = callers.account_of(key_id) or key_id
    with request_scope(account, extract_region(dict(headers), {})):
        policy = s3._bucket_policies.get(bucket)
        if not policy:
            return None
        caller = _caller(key_id)
        for action, resource in asked(method, path, bucket, key, query, body):
            if is_denied(policy, caller, action, resource):
                return Refusal(
                    service="s3",
                    operation=action,
                    problems=[f"the policy of {bucket} denies {action} on {resource} to {caller}"],
                    status=403,
                    code="AccessDenied",
                    body=_DENIED.format(caller, action, resource).encode(),
                    content_type="application/xml",
                )
    return None


def _caller(key_id: str) -> str:
    """The ARN of the user, of the role, with its path, or of the account."""
    who = callers.caller(key_id)
    if who is not None and who.type == "AssumedRole":
        name = who.arn.partition(":assumed-role/")[2].partition("/")[0]
        if name in iam._roles:
            return iam._roles[name]["Arn"]
    return who.arn if who else f"arn:aws:iam::{get_account_id()}:root"


def asked(
    method: str, path: str, bucket: str, key: str, query: dict[str, list[str]], body: bytes
) -> Iterator[tuple[str, str]]:
    """The actions of a request, each with what it is asked of."""
    if method == "POST" and "delete" in query and not key:
        for resource, version in iam_actions._s3_batch_delete_targets(bucket, body):
            yield ("s3:DeleteObjectVersion" if version else "s3:DeleteObject"), resource
        return
    action = iam_actions._s3_action(method, path, query)
    if action:
        yield f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def _type(caller: str) -> str:
    kinds = {":role/": "AssumedRole", ":user/": "User"}
    return next((kind for part, kind in kinds.items() if part in caller), "Root")


def is_denied(policy: str, caller: str, action: str, resource: str) -> bool:
    """Whether the policy denies an action to a user, a role or an account, by its ARN."""
    return _decision(policy, caller, action, resource) == "Deny"


def allows_everybody(policy: str, action: str, resource: str) -> bool:
    """Whether the policy allows an action to who comes without credentials."""
    return _decision(policy, "nobody", action, resource) == "Allow"


def _decision(policy: str, caller: str, action: str, resource: str) -> str:
    asked = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type=_type(caller),
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region="",
        secure_transport=True,
    )
    return str(iam_evaluator.evaluate_resource_policy(policy, asked).decision)
