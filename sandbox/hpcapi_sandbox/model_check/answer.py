"""The error that AWS answers with, in the form of the service's protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.model import ServiceModel

from .arrival import Request
from .operation import Call, protocols
from .problem import Kind, Problem


@dataclass(frozen=True)
class Refusal:
    service: str  # botocore's name for it
    operation: str | None
    problems: list[str]
    status: int
    code: str
    body: bytes
    content_type: str


_EC2_CODES = {
    Kind.MISSING: "MissingParameter",
    Kind.UNKNOWN: "UnknownParameter",
    Kind.UNREADABLE: "InvalidParameterValue",
    Kind.INVALID: "InvalidParameterValue",
}
_CODES = {
    "apigateway": "BadRequestException",
    "apigatewayv2": "BadRequestException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "route53": "InvalidInput",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
}
_CODES_BY_PROTOCOL = {"query": "ValidationError", "rest-xml": "InvalidInput"}


def refusal(call: Call, problems: list[Problem]) -> Refusal:
    if call.protocol == "ec2":
        texts = [problem.ec2_text() for problem in problems]
    else:
        texts = [problem.text() for problem in problems]
    return _answer(
        call.service,
        call.protocol,
        call.operation.name,
        texts,
        400,
        _code(call, problems),
        _message(call, problems, texts),
    )


def with_code(call: Call, status: int, code: str, message: str) -> Refusal:
    """The answer to a call that its service refuses for a reason of its own."""
    name = call.operation.name
    return _answer(call.service, call.protocol, name, [message], status, code, message)


def unknown_operation(request: Request, models: list[ServiceModel]) -> Refusal:
    """The answer to a call of an operation that its service does not have."""
    protocol = next(
        (p for m in models for p in protocols(m) if p in ("query", "ec2") and request.action),
        protocols(models[0])[0],
    )
    service = next((model for model in models if protocol in protocols(model)), models[0])
    if protocol in ("query", "ec2"):
        status, code = 400, "InvalidAction"
        text = f"The action {request.action} is not valid for this web service."
    elif service.service_name == "s3":
        status, code = 405, "MethodNotAllowed"
        text = "The specified method is not allowed against this resource."
    else:
        status = 404 if protocol.startswith("rest-") else 400
        code = "UnknownOperationException"
        called = request.target or f"{request.method} {request.path}"
        text = f"{service.service_name} has no operation {called}"
    return _answer(service, protocol, None, [text], status, code, text)


def _code(call: Call, problems: list[Problem]) -> str:
    first = problems[0]
    if first.code:
        return first.code
    if call.protocol == "ec2":
        return _EC2_CODES[first.kind]
    if call.service_name == "s3":
        return _s3_code(call, first)
    if first.kind is Kind.UNREADABLE and call.protocol in ("json", "smithy-rpc-v2-cbor"):
        return "SerializationException"
    by_protocol = _CODES_BY_PROTOCOL.get(call.protocol, "ValidationException")
    return _CODES.get(call.service_name, by_protocol)


def _s3_code(call: Call, problem: Problem) -> str:
    shape = call.operation.input_shape
    member = shape.members.get(problem.path[0]) if shape else None
    in_body = member is None or member.serialization.get("location") is None
    if problem.kind is Kind.MISSING and len(problem.path) == 1:
        return "MissingRequestBodyError" if in_body else "InvalidRequest"
    if problem.kind is Kind.UNKNOWN and len(problem.path) == 1:
        return "InvalidArgument"
    return "MalformedXML" if in_body else "InvalidArgument"


def _message(call: Call, problems: list[Problem], texts: list[str]) -> str:
    if call.protocol == "ec2" or call.service_name == "s3" or problems[0].message:
        return texts[0]
    errors = "error" if len(texts) == 1 else "errors"
    return f"{len(texts)} validation {errors} detected: {'; '.join(texts)}"


def _answer(
    service: ServiceModel,
    protocol: str,
    operation: str | None,
    problems: list[str],
    status: int,
    code: str,
    message: str,
) -> Refusal:
    body, content_type = _wire(service, protocol, code, message)
    return Refusal(service.service_name, operation, problems, status, code, body, content_type)


def _wire(service: ServiceModel, protocol: str, code: str, message: str) -> tuple[bytes, str]:
    if protocol == "smithy-rpc-v2-cbor":
        pairs = (("__type", code), ("message", message))
        return b"\xa2" + b"".join(_cbor(k) + _cbor(v) for k, v in pairs), "application/cbor"
    if protocol == "json":
        body = json.dumps({"__type": code, "message": message}).encode()
        return body, f"application/x-amz-json-{service.metadata['jsonVersion']}"
    if protocol == "rest-json":
        body = json.dumps({"__type": code, "code": code, "message": message}).encode()
        return body, "application/json"
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        xml = (
            f"<Response><Errors><Error>{error}</Error></Errors>"
            f"<RequestID>{uuid4()}</RequestID></Response>"
        )
    elif service.service_name == "s3":
        xml = f"<Error>{error}<RequestId>{uuid4()}</RequestId></Error>"
    else:
        namespace = service.metadata.get("xmlNamespace", "")
        if isinstance(namespace, dict):
            namespace = namespace.get("uri", "")
        xml = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type>{error}</Error>'
            f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
        )
    content_type = "application/xml" if service.service_name == "s3" else "text/xml"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml.encode(), content_type


def _cbor(text: str) -> bytes:
    data = text.encode()
    return b"\x7a" + len(data).to_bytes(4, "big") + data
