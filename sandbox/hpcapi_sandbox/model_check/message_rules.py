"""What SNS enforces of a message that is published, and its model does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .problem import Kind, Path, Problem

Parameters = dict[str, Any]

# API Reference, Publish: 262,144 bytes with all of the attributes, unless the topic allows more.
_LARGEST = 262_144
_LONGEST_SUBJECT = 100
_LONGEST_NAME = 256
_TYPES = ("Binary", "Number", "String")


# API Reference, Publish. It has said ASCII that begins with a letter, a number or a punctuation
# mark for long, and says UTF-8 now; what keeps to the narrower rule is right in any case.
def subject(given: Parameters) -> Iterator[Problem]:
    text = given.get("Subject")
    if text is not None and not re.fullmatch(r"[!-~][ -~]{0,%d}" % (_LONGEST_SUBJECT - 1), text):
        yield _invalid(("Subject",), "Invalid parameter: Subject")


def size(given: Parameters) -> Iterator[Problem]:
    message = given.get("Message", "")
    if not message:
        yield _invalid(("Message",), "Invalid parameter: Empty message")
    total = len(message.encode())
    for name, attribute in given.get("MessageAttributes", {}).items():
        total += len(name.encode()) + len(attribute.get("DataType", "").encode())
        total += len(attribute.get("StringValue", "").encode())
        total += len(attribute.get("BinaryValue", b""))
    if total > _LARGEST:
        yield _invalid(("Message",), "Invalid parameter: Message too long")


# API Reference, Publish: MessageStructure, and the constraints of Message for JSON.
def structure(given: Parameters) -> Iterator[Problem]:
    named = given.get("MessageStructure")
    if named is None:
        return
    if named != "json":
        yield _invalid(("MessageStructure",), "Invalid parameter: MessageStructure")
        return
    prefix = "Invalid parameter: Message Structure -"
    try:
        by_protocol = json.loads(given.get("Message", ""), object_pairs_hook=_without_doubles)
    except ValueError:
        by_protocol = None
    if not isinstance(by_protocol, dict):
        yield _invalid(("Message",), f"{prefix} JSON message body failed to parse")
    elif not isinstance(by_protocol.get("default"), str):
        yield _invalid(("Message",), f"{prefix} No default entry in JSON message body")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


# SNS Developer Guide, "Message attribute items and validation".
def attributes(given: Parameters) -> Iterator[Problem]:
    for name, attribute in given.get("MessageAttributes", {}).items():
        path = ("MessageAttributes", name)
        if not _is_name(name):
            yield _invalid(path, f"Invalid message attribute name '{name}'.", _VALUE)
            continue
        kind = attribute.get("DataType", "")
        if kind.partition(".")[0] not in _TYPES:
            yield _invalid(
                path,
                f"The message attribute '{name}' has an invalid message attribute type, the set of "
                "supported type prefixes is Binary, Number, and String.",
                _VALUE,
            )
            continue
        yield from _attribute_value(path, name, kind, attribute)


def _attribute_value(
    path: Path, name: str, kind: str, attribute: dict[str, Any]
) -> Iterator[Problem]:
    value = attribute.get("StringValue")
    if kind.startswith("Binary"):
        value = attribute.get("BinaryValue")
    if not value:
        yield _invalid(
            path,
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'.",
            _VALUE,
        )
    elif kind == "Number" and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value):
        yield _invalid(path, f"Could not cast message attribute '{name}' value to number.", _VALUE)
    elif kind == "String.Array" and not _is_array(value):
        yield _invalid(path, f"The message attribute '{name}' is no array.", _VALUE)


def _is_name(name: str) -> bool:
    return (
        re.fullmatch(r"[A-Za-z0-9_.-]{1,%d}" % _LONGEST_NAME, name) is not None
        and not name.startswith(".")
        and not name.endswith(".")
        and ".." not in name
        and not name.lower().startswith(("aws.", "amazon."))
    )


def _is_array(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, list) and not any(isinstance(one, (dict, list)) for one in found)


_VALUE = "ParameterValueInvalid"


def _invalid(path: Path, message: str, code: str = "InvalidParameter") -> Problem:
    return Problem(Kind.INVALID, path, code=code, message=message)
