"""A signed request as it arrived: what it was signed for, and its parts made easy to read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

# ".../<date>/<region>/<service>/aws4_request"; SigV4a has no region.
_SCOPE = re.compile(r"[^/=\s]+/\d{8}/(?:[^/]+/)?([^/]+)/aws4_request")

# Hosts that lead to what a user deployed, not to an AWS API.
_DATA_PLANE_HOST = re.compile(
    r"(^|\.)(execute-api|lambda-url|alb|elb|appsync-api|appsync-realtime-api|cloudfront)\."
)

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    signed_for: str  # the service in the credential scope
    method: str
    path: str
    query: list[tuple[str, str]]  # without the signature's own parameters
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def host(self) -> str:
        return self.headers.get("host", "").lower()

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def target(self) -> str:
        return self.headers.get("x-amz-target", "")

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """The parameters of the query protocols: from a form, or from the URL of a GET."""
        if self.content_type == FORM:
            text = self.body.decode("utf-8", "replace")
            return self.query + parse_qsl(text, keep_blank_values=True)
        return self.query

    @cached_property
    def action(self) -> str:
        return next((value for name, value in self.form if name == "Action"), "")


def signed_request(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Request | None:
    """The request, or None for one without a signature or to something that is no AWS API."""
    lower = {name.lower(): value for name, value in headers.items()}
    everything = parse_qsl(query_string, keep_blank_values=True)
    scope = _SCOPE.search(lower.get("authorization", ""))
    if scope is None:
        credential = next((v for k, v in everything if k.lower() == "x-amz-credential"), "")
        scope = _SCOPE.fullmatch(credential)
    if scope is None or method == "OPTIONS":
        return None
    host = lower.get("host", "").lower()
    if _DATA_PLANE_HOST.search(host) or path.startswith("/_"):
        return None
    query = [(k, v) for k, v in everything if not k.lower().startswith("x-amz-")]
    return Request(scope[1], method, path, query, lower, body)
