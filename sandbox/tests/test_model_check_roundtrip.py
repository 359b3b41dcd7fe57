"""Reads back what botocore's own serializers write, for every operation of a service.

Parameters are made from the shapes, written by botocore and read by the model check: what
comes out must be what went in, and be found in order.
"""

from __future__ import annotations

import random
import unittest
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import OperationModel, Shape
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from hpcapi_sandbox.model_check import arrival, operation, parameters, services, validate

from signed_requests import ENDPOINT, signed

# The name in a credential scope, and how botocore calls the service.
SERVICES = [
    ("apigateway", "apigateway"),
    ("apigateway", "apigatewayv2"),
    ("autoscaling", "autoscaling"),
    ("cloudformation", "cloudformation"),
    ("dynamodb", "dynamodb"),
    ("ec2", "ec2"),
    ("elasticfilesystem", "efs"),
    ("elasticloadbalancing", "elb"),
    ("elasticloadbalancing", "elbv2"),
    ("events", "events"),
    ("fsx", "fsx"),
    ("iam", "iam"),
    ("lambda", "lambda"),
    ("logs", "logs"),
    ("monitoring", "cloudwatch"),
    ("route53", "route53"),
    ("s3", "s3"),
    ("secretsmanager", "secretsmanager"),
    ("sns", "sns"),
    ("sqs", "sqs"),
    ("ssm", "ssm"),
    ("states", "stepfunctions"),
    ("sts", "sts"),
    ("tagging", "resourcegroupstaggingapi"),
]
# From here on structures have only what they must have; from there on nothing is inside.
DEPTH, DEEPEST = 4, 9


class RoundTrip(unittest.TestCase):
    maxDiff = None

    def test_what_botocore_writes_is_read_back(self) -> None:
        for scope, service in SERVICES:
            with self.subTest(service=service):
                self.assertEqual(failures(scope, service), [])

    def test_what_botocore_refuses_is_refused(self) -> None:
        for scope, service in SERVICES:
            with self.subTest(service=service):
                self.assertEqual(forgiven(scope, service), [])


def failures(scope: str, service: str) -> list[str]:
    model = next(m for m in services.candidates(scope) if m.service_name == service)
    found = []
    for name in model.operation_names:
        called = model.operation_model(name)
        for all_members in (True, False):
            maker = _Maker(seed=f"{service}.{name}", all_members=all_members)
            given = maker.structure(called.input_shape, 0) if called.input_shape else {}
            for protocol in operation.protocols(model):
                problem = _round_trip(scope, called, protocol, given)
                if problem:
                    found.append(f"{service}.{name} in {protocol}: {problem}")
    return found


def _round_trip(scope: str, called: OperationModel, protocol: str, given: dict) -> str:
    request = _written(scope, called, protocol, given)
    calls = operation.find(request, [called.service_model])
    if not calls or calls is operation.NOT_CHECKED:
        return "operation not found"
    call = calls[0]
    if call.operation.name != called.name:
        return "" if _same_request(call.operation, called) else f"taken for {call.operation.name}"
    read, problems = parameters.read(request, call)
    if problems:
        return f"cannot be read: {[problem.text() for problem in problems]}"
    if "ContentLength" not in given and isinstance(read, dict):
        read.pop("ContentLength", None)  # which any request has
    if _without_empty(read) != _without_empty(given):
        return f"wrote {_without_empty(given)}, read {_without_empty(read)}"
    refused = [p for p in validate.problems(call, read) if "pattern" not in p.rule]
    return f"refused: {[problem.text() for problem in refused]}" if refused else ""


def _same_request(taken: OperationModel, meant: OperationModel) -> bool:
    """Whether nothing in a request tells two operations apart.

    S3 has deprecated one of each such pair, and answers ListDirectoryBuckets at another host.
    """
    return taken.http["requestUri"] == meant.http["requestUri"] and (
        meant.deprecated or meant.name == "ListDirectoryBuckets"
    )


def forgiven(scope: str, service: str) -> list[str]:
    """Single damages that botocore's validator sees and the model check does not."""
    model = next(m for m in services.candidates(scope) if m.service_name == service)
    found = []
    for name in model.operation_names:
        called = model.operation_model(name)
        shape = called.input_shape
        if shape is None:
            continue
        given = _Maker(seed=f"{service}.{name}", all_members=True).structure(shape, 0)
        for damaged in _damaged(given, shape):
            if not ParamValidator().validate(damaged, shape).has_errors():
                continue
            call = operation.Call(model, called, operation.protocols(model)[0], {})
            if not validate.problems(call, damaged):
                found.append(f"{service}.{name}: {damaged}")
    return found


def _damaged(given: dict, shape: Shape) -> list[dict]:
    damages = []
    for member in shape.required_members:
        damages.append({name: value for name, value in given.items() if name != member})
    for member, member_shape in shape.members.items():
        least = member_shape.metadata.get("min")
        if least and member in given:
            if member_shape.type_name in ("string", "list", "map", "blob"):
                damages.append({**given, member: type(given[member])()})
            elif member_shape.type_name in ("integer", "long"):
                damages.append({**given, member: least - 1})
    return damages


def _written(scope: str, called: OperationModel, protocol: str, given: dict) -> arrival.Request:
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(
        given, called
    )
    serialized.pop("host_prefix", None)
    serialized.setdefault("context", {})
    prepare_request_dict(serialized, ENDPOINT, context={})
    prepared = create_request_object(serialized).prepare()
    url = urlsplit(prepared.url)
    body = prepared.body or b""
    by_hand = signed(
        scope, method=prepared.method, path=url.path, query_string=url.query, body=body
    )
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    request = arrival.signed_request(
        by_hand.method,
        by_hand.path,
        by_hand.query_string,
        {**headers, **by_hand.headers},
        by_hand.body,
    )
    assert request is not None
    return request


def _without_empty(value: Any) -> Any:
    """A value as it is after the wire, which has no empty lists, maps and structures."""
    if isinstance(value, dict):
        inner = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if item not in ({}, [], b"", None)}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


class _Maker:
    """Makes values that keep to a shape's limits (not to its patterns)."""

    def __init__(self, seed: str, all_members: bool):
        self.random = random.Random(seed)
        self.all_members = all_members

    def value(self, shape: Shape, depth: int) -> Any:
        return getattr(self, shape.type_name)(shape, depth)

    def structure(self, shape: Shape, depth: int) -> Any:
        if shape.is_document_type:
            return {"a": [1, True, "x"]}
        names = list(shape.members)
        if shape.is_tagged_union:
            names = names[:1]
        elif not self.all_members or depth >= DEPTH:
            # An empty structure cannot be written in a form.
            names = list(shape.required_members) or list(shape.members)[: depth < DEEPEST]
        return {
            name: self.value(shape.members[name], depth + 1)
            for name in names
            if not shape.members[name].serialization.get("eventstream")
        }

    def list(self, shape: Shape, depth: int) -> list[Any]:
        if depth >= DEEPEST:
            return []
        count = self.size(shape, 1, 3 if depth < DEPTH else 1)
        return [self.value(shape.member, depth + 1) for _ in range(count)]

    def map(self, shape: Shape, depth: int) -> dict[str, Any]:
        if depth >= DEEPEST:
            return {}
        enum = shape.key.metadata.get("enum")
        count = self.size(shape, 1, 2)
        keys = (
            enum[:count] if enum else [self.string(shape.key, depth) + str(i) for i in range(count)]
        )
        if not enum and shape.key.metadata.get("max"):
            keys = [key[-shape.key.metadata["max"] :] for key in keys]
        return (
            {key.lower(): self.value(shape.value, depth + 1) for key in keys}
            if (not enum)
            else {key: self.value(shape.value, depth + 1) for key in keys}
        )

    def string(self, shape: Shape, _: int) -> str:
        if shape.metadata.get("enum"):
            return self.random.choice(shape.metadata["enum"])
        letters = "abcxyz019" if shape.serialization.get("location") else "abcXYZ019 -_&=+%/é.,"
        count = self.size(shape, 1, 12)
        return (
            "x"
            + "".join(self.random.choice(letters) for _ in range(count - 2))
            + ("x" if count > 1 else "")
        )

    def integer(self, shape: Shape, _: int) -> int:
        least = int(shape.metadata.get("min", 0))
        return self.random.randint(least, max(least, int(shape.metadata.get("max", least + 100))))

    long = integer

    def float(self, shape: Shape, depth: int) -> float:
        return float(self.integer(shape, depth))

    double = float

    def boolean(self, *_: Any) -> bool:
        return self.random.random() < 0.5

    def timestamp(self, *_: Any) -> datetime:
        return datetime(2026, 1, self.random.randint(1, 28), 12, 30, 15, tzinfo=timezone.utc)

    def blob(self, shape: Shape, _: int) -> bytes:
        return bytes(self.random.randrange(256) for _ in range(self.size(shape, 1, 20)))

    def size(self, shape: Shape, least: int, most: int) -> int:
        least = max(least, int(shape.metadata.get("min", 0)))
        return self.random.randint(least, min(max(least, most), int(shape.metadata.get("max", 99))))


if __name__ == "__main__":
    unittest.main()
