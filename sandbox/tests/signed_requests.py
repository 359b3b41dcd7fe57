"""Requests as they reach the emulator, for the tests of the model check."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from hpcapi_sandbox.model_check import Refusal, check

ENDPOINT = "http://127.0.0.1:4566"


@dataclass
class Request:
    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes

    def checked(self) -> Refusal | None:
        return check(self.method, self.path, self.query_string, self.headers, self.body)


class _Stop(Exception):
    def __init__(self, request: Request):
        self.request = request


def recorded(service: str, method: str, **parameters: Any) -> Request:
    """The request that boto3 makes for a call; it is not sent."""
    try:
        getattr(_client(service), method)(**parameters)
    except _Stop as stop:
        return stop.request
    raise AssertionError(f"{service}.{method} made no request")


@cache
def _client(service: str) -> Any:
    # Its own check of parameters is off, so that a bad request leaves it too.
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=ENDPOINT,
        aws_access_key_id="123456789012",
        aws_secret_access_key="secret",
        config=config,
    )
    client.meta.events.register("before-send.*.*", _stop)
    return client


def _stop(request: AWSPreparedRequest, **_: Any) -> None:
    raise _Stop(_request(request))


def signed(
    service: str,
    *,
    method: str = "POST",
    path: str = "/",
    query_string: str = "",
    body: bytes | str = b"",
    **headers: str,
) -> Request:
    """A request as written down by hand; `content_type=…` becomes the header Content-Type."""
    scope = f"123456789012/20260101/us-east-1/{service}/aws4_request"
    all_headers = {
        "Host": "127.0.0.1:4566",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    data = body.encode() if isinstance(body, str) else body
    return Request(method, path, query_string, all_headers, data)


def _request(prepared: AWSPreparedRequest) -> Request:
    url = urlsplit(prepared.url)
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    headers.setdefault("Host", url.netloc)
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    data = body.encode() if isinstance(body, str) else bytes(body)
    return Request(prepared.method, url.path or "/", url.query, headers, data)
