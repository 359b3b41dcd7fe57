"""HTTP APIs, served at <endpoint>/_aws/execute-api/<api id>: private integrations and functions.

Every other kind of API and integration is left to ministack.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlencode

from ministack.core.responses import request_scope
from ministack.services import alb, apigateway

from . import access_log, iam_authorizer, lambda_proxy, load_balancers, throttle, vpc_links
from .http_exchange import HOP_BY_HOP, Headers, Request, Response, TooLarge
from .reachability import Party, can_connect

PREFIX = "/_aws/execute-api/"
PAYLOAD_LIMIT = 10 * 1024 * 1024
HEADER_LIMIT = 10240

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def serves(raw_path: str) -> bool:
    return raw_path.startswith(PREFIX) and _owner(_api_id(raw_path)) is not None


def _api_id(raw_path: str) -> str:
    return re.split(r"[/?]", raw_path[len(PREFIX) :], maxsplit=1)[0]


def _owner(api_id: str) -> tuple[str, str] | None:
    """Account and region of an HTTP API: its callers have no AWS credentials to tell by."""
    for (account, region, known_id), api in apigateway._apis.all_items():
        if known_id == api_id and api.get("protocolType") == "HTTP":
            return account, region
    return None


@dataclass
class Call:
    """One request to an API, with what its access log line will say of it."""

    api: dict[str, Any]
    owner: tuple[str, str]
    raw_path: str  # as in the URL, and as it is signed
    request: Request
    client_address: str
    started: float = field(default_factory=time.time)
    request_id: str = field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(11)).decode()
    )
    stage: dict[str, Any] = field(default_factory=dict)
    path: str = "/"
    route_key: str = ""
    error: str = ""
    integration_status: int | None = None
    integration_seconds: float | None = None
    identity: dict[str, Any] | None = None  # of who signed it

    def refuse(self, status: int, message: str) -> Response:
        """An answer of API Gateway's own."""
        self.error = message
        return Response(
            status,
            [("Content-Type", "application/json")],
            f'{{"message":"{message}"}}'.encode(),
        )

    def variables(self, response: Response) -> dict[str, Any]:
        """The values of `$context` that access logs may name."""
        host = self.request.header("host")
        milliseconds = int((time.time() - self.started) * 1000)
        integration = (
            None if self.integration_seconds is None else int(self.integration_seconds * 1000)
        )
        return {
            "accountId": self.owner[0],
            "apiId": self.api["apiId"],
            "domainName": host,
            "domainPrefix": self.api["apiId"],
            "error.message": self.error,
            "error.messageString": f'"{self.error}"' if self.error else None,
            "extendedRequestId": self.request_id,
            "httpMethod": self.request.method,
            **_logged(self.identity or {}),
            "identity.sourceIp": self.client_address,
            "identity.userAgent": self.request.header("user-agent"),
            "integration.integrationStatus": self.integration_status,
            "integration.latency": integration,
            "integration.status": self.integration_status,
            "integrationLatency": integration,
            "integrationStatus": self.integration_status,
            "integrationErrorMessage": self.error if self.integration_seconds is not None else None,
            "path": self.path,
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.started)),
            "requestTimeEpoch": int(self.started),
            "responseLatency": milliseconds,
            "responseLength": len(response.body),
            "routeKey": self.route_key,
            "stage": self.stage.get("stageName"),
            "status": response.status,
        }


def _logged(identity: dict[str, Any]) -> dict[str, Any]:
    """What `$context.identity` says of who signed a request."""
    return {
        "identity.accountId": identity.get("accountId"),
        "identity.caller": identity.get("callerId"),
        "identity.user": identity.get("userId"),
        "identity.userArn": identity.get("userArn"),
    }


async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers one request, as an ASGI application."""
    raw_path = scope["raw_path"].decode("latin-1")
    api_id = _api_id(raw_path)
    owner = _owner(api_id)
    assert owner is not None
    with request_scope(*owner):
        api = apigateway._apis[api_id]
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        query = scope.get("query_string", b"").decode("latin-1")
        path = raw_path[len(PREFIX) + len(api_id) :] or "/"
        target = f"{path}?{query}" if query else path
        body = await _read(receive)
        address = (scope.get("client") or ("127.0.0.1",))[0]
        request = Request(scope["method"], target, headers, body or b"")
        call = Call(api, owner, raw_path, request, address)
        if body is None:
            response = call.refuse(413, "Request Entity Too Large")
        elif sum(len(name) + len(value) + 4 for name, value in headers) > HEADER_LIMIT:
            response = call.refuse(431, "Request Header Fields Too Large")
        else:
            response = await _answer(call)
        access_log.write(call.stage, call.variables(response))
    await _send(send, call, response)


async def _read(receive: Receive) -> bytes | None:
    """The body, or None when it is longer than an HTTP API takes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= PAYLOAD_LIMIT:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if size <= PAYLOAD_LIMIT else None


async def _send(send: Send, call: Call, response: Response) -> None:
    names = {name.lower() for name, _ in response.headers}
    headers = [
        (name, value) for name, value in response.headers if name.lower() != "content-length"
    ]
    if "date" not in names:
        headers.append(("Date", formatdate(usegmt=True)))
    headers.append(("Apigw-Requestid", call.request_id))
    bodiless = response.status in (204, 304) or call.request.method == "HEAD"
    if not bodiless:
        headers.append(("Content-Length", str(len(response.body))))
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
                for name, value in headers
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if bodiless else response.body})


async def _answer(call: Call) -> Response:
    api_id = call.api["apiId"]
    path, _, query = call.request.target.partition("?")
    stages = apigateway._stages.get(api_id) or {}
    first, _, rest = path.lstrip("/").partition("/")
    if first in stages:
        call.stage, call.path = stages[first], f"/{rest}"
    elif "$default" in stages:
        call.stage, call.path = stages["$default"], path
    else:
        return call.refuse(404, "Not Found")
    if call.api.get("disableExecuteApiEndpoint"):
        return call.refuse(404, "Not Found")
    cors = call.api.get("corsConfiguration") or {}
    origin = call.request.header("origin")
    if cors and call.request.method == "OPTIONS":
        return _from_ministack(apigateway._cors_preflight_response(cors, origin))
    route_path = "/" + apigateway.decode_http_api_path(call.path).lstrip("/")
    route = apigateway._match_route(api_id, call.request.method, route_path)
    if not route:
        return call.refuse(404, "Not Found")
    call.route_key = route["routeKey"]
    if not throttle.admits(api_id, call.stage, call.route_key):
        return call.refuse(429, "Too Many Requests")
    integration_id = str(route.get("target", "")).removeprefix("integrations/")
    integration = (apigateway._integrations.get(api_id) or {}).get(integration_id)
    if not integration:
        return call.refuse(500, "Internal Server Error")
    refused = None
    kind = str(route.get("authorizationType") or "NONE").upper()
    is_private = integration.get("connectionType") == "VPC_LINK"
    is_function = lambda_proxy.serves(integration) and kind in ("NONE", "AWS_IAM")
    if is_private or kind == "AWS_IAM":
        refused = await _authorize(route, call, query)
    if refused:
        return refused
    if not is_private and not is_function:
        return await _leave_to_ministack(call, route_path, query)
    started = time.monotonic()
    if is_private:
        _map_parameters(call, integration, query)
        response = await _through_vpc_link(call, integration)
    else:
        response = await _to_function(call, integration, query)
    call.integration_seconds = time.monotonic() - started
    if cors:
        added = apigateway._cors_response_headers(cors, origin)
        response.headers += list(added.items())
    return response


async def _authorize(route: dict[str, Any], call: Call, query: str) -> Response | None:
    kind = str(route.get("authorizationType") or "NONE").upper()
    headers = {name.lower(): value for name, value in call.request.headers}
    if kind == "JWT":
        authorizers = apigateway._authorizers.get(call.api["apiId"]) or {}
        authorizer = authorizers.get(route.get("authorizerId"))
        if not authorizer:
            return call.refuse(401, "Unauthorized")
        _, _, error = await apigateway._validate_jwt_authorizer(
            route, authorizer, headers, parse_qs(query)
        )
        return _from_ministack(error) if error else None
    if kind == "AWS_IAM":
        call.identity = _signer(call, headers, query)
        return None if call.identity else call.refuse(403, "Forbidden")
    if kind == "CUSTOM":
        return call.refuse(500, "Internal Server Error")
    return None


def _signer(call: Call, headers: dict[str, str], query: str) -> dict[str, Any] | None:
    return iam_authorizer.authorize(
        method=call.request.method,
        raw_path=call.raw_path,
        query=query,
        headers=headers,
        body=call.request.body,
        owner=call.owner,
        api_id=call.api["apiId"],
        stage=call.stage["stageName"],
        path=call.path,
    )


def _map_parameters(call: Call, integration: dict[str, Any], query: str) -> None:
    """Applies the integration's request parameters; without any the request stays as it came."""
    request = call.request
    target = f"{call.path}?{query}" if query else call.path
    call.request = Request(request.method, target, request.headers, request.body)
    if not integration.get("requestParameters"):
        return
    headers = {name.lower(): value for name, value in request.headers}
    route_path = call.route_key.partition(" ")[2]
    decoded = apigateway.decode_http_api_path(call.path)
    parameters = apigateway._extract_path_params(route_path, decoded) if route_path else {}
    mapped, mapped_query, path = apigateway._apply_request_parameter_mappings(
        integration,
        request_headers=headers,
        request_query=parse_qs(query, keep_blank_values=True),
        request_path=call.path,
        path_params=parameters or {},
        context_vars={"requestId": call.request_id, "stage": call.stage.get("stageName")},
        stage_vars=call.stage.get("stageVariables") or {},
    )
    encoded = urlencode(mapped_query, doseq=True)
    call.request = Request(
        request.method, f"{path}?{encoded}" if encoded else path, list(mapped.items()), request.body
    )


async def _to_function(call: Call, integration: dict[str, Any], query: str) -> Response:
    invocation = lambda_proxy.Invocation(
        owner=call.owner,
        api_id=call.api["apiId"],
        stage=call.stage,
        route_key=call.route_key,
        path=call.path,
        query=query,
        request=call.request,
        client_address=call.client_address,
        request_id=call.request_id,
        started=call.started,
        identity=call.identity,
    )
    try:
        response = await lambda_proxy.invoke(invocation, integration)
    except lambda_proxy.Failure as failure:
        return call.refuse(failure.status, failure.message)
    call.integration_status = 200
    return response


async def _through_vpc_link(call: Call, integration: dict[str, Any]) -> Response:
    link_id = integration.get("connectionId", "")
    if link_id not in vpc_links.links:
        return call.refuse(500, "Internal Server Error")
    vpc_links.wake(link_id)
    listener = alb._listeners.get(integration.get("integrationUri", ""))
    balancer = alb._lbs.get(listener["LoadBalancerArn"]) if listener else None
    ready = balancer and balancer["State"] == "active" and vpc_links.is_available(link_id)
    if not listener or not balancer or not ready:
        return call.refuse(503, "Service Unavailable")
    if not _link_reaches(link_id, balancer, int(listener["Port"])):
        return call.refuse(503, "Service Unavailable")
    seconds = min(int(integration.get("timeoutInMillis") or 30000), 30000) / 1000
    outgoing = Request(
        call.request.method, call.request.target, _integration_headers(call), call.request.body
    )
    try:
        response = await asyncio.wait_for(
            load_balancers.forward(listener, outgoing, call.client_address, PAYLOAD_LIMIT), seconds
        )
    except asyncio.TimeoutError:
        return call.refuse(503, "Service Unavailable")
    except TooLarge:
        return call.refuse(500, "Internal Server Error")
    call.integration_status = response.status
    return response


def _link_reaches(link_id: str, balancer: dict[str, Any], port: int) -> bool:
    sources = [Party.of_interface(interface) for interface in vpc_links.interfaces(link_id)]
    return any(
        can_connect(source, destination, port)
        for source in sources
        for destination in load_balancers.parties(balancer)
    )


def _integration_headers(call: Call) -> Headers:
    """The caller's headers, and those that API Gateway adds on the way to an integration."""
    host = call.request.header("host")
    forwarded = f"for={call.client_address};host={host};proto=https"
    kept = [
        (name, value)
        for name, value in call.request.headers
        if name.lower() not in HOP_BY_HOP | {"forwarded", "via", "expect"}
    ]
    return [*kept, ("Forwarded", forwarded), ("Via", "HTTP/1.1 AmazonAPIGateway")]


async def _leave_to_ministack(call: Call, path: str, query: str) -> Response:
    answer = await apigateway.handle_execute(
        call.api["apiId"],
        call.stage["stageName"],
        path,
        call.request.method,
        {name.lower(): value for name, value in call.request.headers},
        call.request.body,
        parse_qs(query, keep_blank_values=True),
        raw_query_string=query,
    )
    return _from_ministack(answer)


def _from_ministack(answer: Any) -> Response:
    status, headers, body = answer
    flat = [
        (name, str(item))
        for name, value in headers.items()
        for item in (value if isinstance(value, (list, tuple)) else [value])
    ]
    return Response(status, flat, body if isinstance(body, bytes) else str(body).encode())
