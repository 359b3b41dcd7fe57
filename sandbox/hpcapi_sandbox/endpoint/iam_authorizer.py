"""Routes with the authorization type AWS_IAM: requests are signed, and their signers may invoke.

An account's own key has no secret in the sandbox, so of its signature only the form, the scope
and the time are checked. Signatures in the query string are not taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, sigv4
from ministack.core.arn import execute_api_arn

from .. import callers

_ACTION = "execute-api:Invoke"


def authorize(
    *,
    method: str,
    raw_path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    owner: tuple[str, str],
    api_id: str,
    stage: str,
    path: str,
) -> dict[str, Any] | None:
    """Who makes a request, as an integration is told, or None for whom it is forbidden.

    `raw_path` is the path of the URL, `path` that of the API; the names of headers are in lower
    case. An HTTP API has no policy of its own, so it serves its own account only.
    """
    account, region = owner
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple) or not headers["authorization"].startswith("AWS4-HMAC-SHA256"):
        return None
    if (signature.service, signature.region) != ("execute-api", region):
        return None
    key = signature.access_key_id
    if callers.account_of(key) != account or sigv4.request_time_failure(signature):
        return None
    credential = iam_evaluator.resolve_credential(
        key, account, headers.get("x-amz-security-token", "")
    )
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        # An account's own key may come with any token.
        if not iam_evaluator.is_root_access_key(key):
            return None
    elif credential.principal_type != "Root" and not _is_signed(
        signature, credential.secret_access_key, method, raw_path, query, headers, body
    ):
        return None
    who = callers.caller(key)
    resource = execute_api_arn(region, account, api_id, stage, method, path)
    if who is None or callers.denial(who, _ACTION, resource):
        return None
    return identity(key)


def _is_signed(
    signature: sigv4.HeaderSignature,
    secret: str,
    method: str,
    raw_path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
) -> bool:
    sent = headers.get("x-amz-content-sha256")
    if sent and sent != hashlib.sha256(body).hexdigest():
        return False
    if "host" not in signature.signed_headers.split(";"):
        return False
    parameters = parse_qs(query, keep_blank_values=True)
    return not sigv4.header_signature_failure(
        signature, secret, method, raw_path, parameters, headers, body
    )


def identity(access_key_id: str) -> dict[str, Any]:
    """The members of `requestContext.authorizer.iam`."""
    found = iam_evaluator.resolve_caller_identity(access_key_id) or {}
    return {
        "accessKey": access_key_id,
        "accountId": found.get("accountId"),
        "callerId": found.get("userId"),
        "cognitoIdentity": None,
        "principalOrgId": found.get("principalOrgId"),
        "userArn": found.get("userArn"),
        "userId": found.get("userId"),
    }
