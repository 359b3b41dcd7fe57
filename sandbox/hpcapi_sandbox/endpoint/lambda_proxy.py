"""AWS_PROXY integrations with a Lambda function, payload format version 2.0."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from ministack.core import iam_evaluator
from ministack.core.arn import execute_api_arn
from ministack.core.concurrency import run_reentrant
from ministack.services import apigateway, lambda_svc

from .http_exchange import HOP_BY_HOP, Headers, Request, Response

# Of an invocation that is waited for, in either direction.
PAYLOAD_LIMIT = 6 * 1024 * 1024
_SERVICE = "apigateway.amazonaws.com"


class Failure(Exception):
    """What keeps the function's answer from being one, with what API Gateway says instead."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Invocation:
    """What an integration is told of a request to an API."""

    owner: tuple[str, str]
    api_id: str
    stage: dict[str, Any]
    route_key: str
    path: str  # below the stage, percent-encoded
    query: str
    request: Request
    client_address: str
    request_id: str
    started: float
    identity: dict[str, Any] | None

    @property
    def route_path(self) -> str:
        return self.route_key.partition(" ")[2]


def serves(integration: dict[str, Any]) -> bool:
    return (
        integration.get("integrationType") == "AWS_PROXY"
        and integration.get("payloadFormatVersion") == "2.0"
    )


async def invoke(call: Invocation, integration: dict[str, Any]) -> Response:
    """The function's answer; raises Failure."""
    reference = apigateway._extract_lambda_ref_from_integration_uri(
        integration.get("integrationUri", "")
    )
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        reference, account_id=call.owner[0], region=call.owner[1]
    )
    if function is None or config is None or not _may_invoke(call, function, config, reference):
        raise Failure(500, "Internal Server Error")
    event = _event(call)
    if len(json.dumps(event)) > PAYLOAD_LIMIT:
        raise Failure(413, "Request Entity Too Large")
    record = lambda_svc._execution_record_for_config(function, config)
    running = asyncio.ensure_future(
        run_reentrant(lambda_svc._execute_function_with_config_scope, record, event)
    )
    seconds = min(int(integration.get("timeoutInMillis") or 30000), 30000) / 1000
    # The function goes on when nobody waits for it any more.
    await asyncio.wait({running}, timeout=seconds)
    if not running.done():
        raise Failure(503, "Service Unavailable")
    result = running.result()
    if result.get("error") or result.get("throttle") or result.get("function_error"):
        raise Failure(500, "Internal Server Error")
    return _response(result.get("body"))


def _may_invoke(
    call: Invocation, function: dict[str, Any], config: dict[str, Any], reference: str
) -> bool:
    """Whether the function's policy lets API Gateway invoke it on behalf of the route."""
    account, region = call.owner
    path = call.route_path if call.route_path else call.route_key
    source = execute_api_arn(
        region, account, call.api_id, call.stage["stageName"], call.request.method, path
    )
    asked = iam_evaluator.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=reference if reference.startswith("arn:") else config["FunctionArn"],
        region=region,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": account},
    )
    decision = iam_evaluator.evaluate_resource_policy(function["policy"], asked, _SERVICE).decision
    return decision == "Allow"


def _event(call: Invocation) -> dict[str, Any]:
    request = call.request
    stage = call.stage["stageName"]
    path = call.path if stage == "$default" else f"/{stage}{call.path}"
    headers = _headers(call)
    host = headers.get("host", "")
    # What there is none of is left out.
    optional = {
        "cookies": _cookies(request.headers),
        "queryStringParameters": _joined(parse_qsl(call.query, keep_blank_values=True)),
        "pathParameters": _path_parameters(call),
        "stageVariables": call.stage.get("stageVariables"),
    }
    body, is_base64 = _body(request)
    return {
        "version": "2.0",
        "routeKey": call.route_key,
        "rawPath": path,
        "rawQueryString": call.query,
        "headers": headers,
        **{name: value for name, value in optional.items() if value},
        "requestContext": {
            "accountId": call.owner[0],
            "apiId": call.api_id,
            **({"authorizer": {"iam": call.identity}} if call.identity else {}),
            "domainName": host,
            "domainPrefix": call.api_id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": call.client_address,
                "userAgent": request.header("user-agent"),
            },
            "requestId": call.request_id,
            "routeKey": call.route_key,
            "stage": stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(call.started)),
            "timeEpoch": int(call.started * 1000),
        },
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": is_base64,
    }


def _headers(call: Invocation) -> dict[str, str]:
    kept = [
        (name.lower(), value)
        for name, value in call.request.headers
        if name.lower() not in HOP_BY_HOP | {"cookie"}
    ]
    return {
        **_joined(kept),
        "content-length": str(len(call.request.body)),
        "x-forwarded-for": call.client_address,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """What comes several times is joined by commas."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _cookies(headers: Headers) -> list[str]:
    return [
        cookie.strip()
        for name, value in headers
        if name.lower() == "cookie"
        for cookie in value.split(";")
    ]


def _path_parameters(call: Invocation) -> dict[str, str] | None:
    if not call.route_path:
        return None
    path = "/" + apigateway.decode_http_api_path(call.path).lstrip("/")
    return apigateway._extract_path_params(call.route_path, path)


def _body(request: Request) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    if apigateway._v2_request_body_is_text(request.header("content-type")):
        return request.body.decode("utf-8", "replace"), False
    return base64.b64encode(request.body).decode(), True


def _response(value: Any) -> Response:
    if len(json.dumps(value)) > PAYLOAD_LIMIT:
        raise Failure(500, "Internal Server Error")
    if not isinstance(value, dict) or "statusCode" not in value:
        # A function may answer with the body alone.
        text = value if isinstance(value, str) else json.dumps(value)
        return Response(200, [("Content-Type", "application/json")], text.encode())
    try:
        status = int(value["statusCode"])
        headers = [(name, str(item)) for name, item in (value.get("headers") or {}).items()]
        headers += [("Set-Cookie", str(cookie)) for cookie in value.get("cookies") or []]
        body = _response_body(value)
    except (AttributeError, TypeError, ValueError):
        raise Failure(500, "Internal Server Error") from None
    if "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    return Response(status, headers, body)


def _response_body(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("a body is text")
    return base64.b64decode(body, validate=True) if value.get("isBase64Encoded") else body.encode()
