"""Which operation of which service a request calls, and in which protocol.

Three ways to say it: X-Amz-Target (JSON) or the path /service/…/operation/… (CBOR), the
parameter Action (query), or method and path (REST).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel, ServiceModel

from .arrival import Request

NOT_CHECKED: Any = object()

_CBOR_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")


@dataclass(frozen=True)
class Call:
    service: ServiceModel
    operation: OperationModel
    protocol: str
    labels: dict[str, str]  # what stood in the path, for REST

    @property
    def service_name(self) -> str:
        return self.service.service_name


def protocols(service: ServiceModel) -> list[str]:
    return service.metadata.get("protocols") or [service.metadata["protocol"]]


def find(request: Request, models: list[ServiceModel]) -> list[Call] | Any:
    """What the request may be a call of, or NOT_CHECKED.

    Nothing, if the service has no such operation; several calls, if services share a signing
    name and more: CreateDBInstance is an operation of RDS, Neptune and DocumentDB.
    """
    if request.target:
        prefix, _, name = request.target.rpartition(".")
        return _named(_with_target(models, prefix), name, ("json",))
    cbor = _CBOR_PATH.search(request.path)
    if cbor and "smithy-protocol" in request.headers:
        return _named(_with_target(models, cbor[1]), cbor[2], ("smithy-rpc-v2-cbor",))
    # A file put into S3 may look like a form.
    if request.action and not all(_is_rest(model) for model in models):
        version = next((value for name, value in request.form if name == "Version"), "")
        same = [model for model in models if model.api_version == version]
        return _named(same or models, request.action, ("query", "ec2"))
    rest = [model for model in models if _is_rest(model)]
    return _by_path(request, rest)


def _is_rest(service: ServiceModel) -> bool:
    return protocols(service)[0].startswith("rest-")


def _with_target(models: list[ServiceModel], prefix: str) -> list[ServiceModel]:
    # Some SDKs leave out what stands before the last dot: com.amazonaws.….CloudTrail_20131101.
    name = prefix.rpartition(".")[2]
    return [m for m in models if m.metadata.get("targetPrefix", "").rpartition(".")[2] == name]


def _named(models: list[ServiceModel], name: str, spoken: tuple[str, ...]) -> list[Call] | Any:
    calls = []
    for model in models:
        if name in model.operation_names:
            protocol = next((p for p in protocols(model) if p in spoken), None)
            if protocol is None:
                # AWS still answers it (SQS by query, say), but the model has lost its names.
                return NOT_CHECKED
            calls.append(Call(model, model.operation_model(name), protocol, {}))
    return calls


@dataclass(frozen=True)
class _Route:
    service: ServiceModel
    name: str
    pattern: re.Pattern[str]
    # The same, for a path whose %2F a server has decoded.
    loose_pattern: re.Pattern[str]
    literal_length: int
    query: dict[str, str]  # what the URI says besides the path: /{Bucket}?list-type=2
    query_members: frozenset[str]
    required: list[tuple[str, str]]  # ("querystring" or "header", name)
    current: bool


@cache
def _routes(service: ServiceModel) -> dict[str, list[_Route]]:
    """The operations of a REST service by HTTP method."""
    routes: dict[str, list[_Route]] = {}
    for name in service.operation_names:
        operation = service.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        shape = operation.input_shape
        required = []
        in_query = set()
        for member, member_shape in shape.members.items() if shape else ():
            location = member_shape.serialization.get("location")
            at = member_shape.serialization.get("name", member).lower()
            if location == "querystring":
                in_query.add(at)
            if location in ("querystring", "header") and member in shape.required_members:
                required.append((location, at))
        route = _Route(
            service,
            name,
            _path_pattern(path, "[^/]+"),
            _path_pattern(path, ".+"),
            len(re.sub(r"{[^}]*}", "", path)),
            dict(parse_qsl(query, keep_blank_values=True)),
            frozenset(in_query),
            required,
            not operation.deprecated,
        )
        routes.setdefault(operation.http.get("method", "POST"), []).append(route)
    return routes


def _path_pattern(path: str, label: str) -> re.Pattern[str]:
    pattern = ""
    for part in re.split(r"({[^}]*})", path.rstrip("/")):
        if part.startswith("{"):
            greedy = part.endswith("+}")
            pattern += f"(?P<{_group(part.strip('{}+'))}>{'.+' if greedy else label})"
        else:
            pattern += re.escape(part)
    return re.compile(pattern + "/?", re.DOTALL)


def _group(label: str) -> str:
    return "label_" + label.replace("-", "__dash__").replace(".", "__dot__")


def _by_path(request: Request, models: list[ServiceModel]) -> list[Call]:
    path = request.path
    if any(model.service_name == "s3" for model in models):
        bucket = _bucket_in_host(request.host)
        path = f"/{bucket}{path}" if bucket else path
    said = dict(request.query)
    for loose in (False, True):
        found = []
        for model in models:
            matches = list(_matches(model, request.method, path, said, loose))
            if matches:
                fitting = [(_fit(route, said, request.headers), route, m) for route, m in matches]
                found.append(max(fitting, key=lambda item: item[0]))
        if found:
            found.sort(key=lambda item: item[0], reverse=True)
            return [_rest_call(route, match) for _, route, match in found]
    return []


def _matches(
    model: ServiceModel, method: str, path: str, said: dict[str, str], loose: bool
) -> Iterator[tuple[_Route, re.Match[str]]]:
    for route in _routes(model).get(method, ()):
        match = (route.loose_pattern if loose else route.pattern).fullmatch(path)
        if match and all(
            name in said and value in ("", said[name]) for name, value in route.query.items()
        ):
            yield route, match


def _rest_call(route: _Route, match: re.Match[str]) -> Call:
    operation = route.service.operation_model(route.name)
    names = re.findall(r"{([^}+]*)\+?}", operation.http["requestUri"])
    labels = {name: unquote(match[_group(name)]) for name in names}
    return Call(route.service, operation, protocols(route.service)[0], labels)


def _fit(route: _Route, said: dict[str, str], headers: dict[str, str]) -> tuple:
    """How well a route fits: several may share a method and a path (PutObject, UploadPart)."""
    names = {name.lower() for name in said}
    present = sum(
        name in (names if location == "querystring" else headers)
        for location, name in route.required
    )
    return (
        said.get("x-id") == route.name,
        route.literal_length,
        len(route.query),
        len(names & route.query_members),
        present - len(route.required),
        present,
        route.current,
    )


def _bucket_in_host(host: str) -> str:
    """The bucket of a virtual-hosted S3 request: bucket.s3.region.…, bucket.localhost."""
    host = host.partition(":")[0]
    if host.startswith(("s3.", "s3-")):
        return ""
    for mark in (".s3.", ".s3-"):
        if mark in host:
            return host.partition(mark)[0]
    return host.removesuffix(".localhost") if host.endswith(".localhost") else ""
