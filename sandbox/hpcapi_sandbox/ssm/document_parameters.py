"""The values that SendCommand gives to the parameters of a document."""

from __future__ import annotations

import json
import re
from typing import Any

from ..aws_error import AwsError

_ONE_VALUE = ("String", "Integer", "Boolean", "StringMap", "MapList")
# A reference to Parameter Store; only the agent learns what it stands for, and checks that then.
SSM_REFERENCE = re.compile(r"\{\{ *ssm:([/\w.:-]+) *\}\}")


def checked(
    document: str, parameters: dict[str, dict[str, Any]], given: dict[str, list[str]]
) -> dict[str, Any]:
    """The value of each parameter, with defaults; raises InvalidParameters."""
    if set(given) - set(parameters):
        # AWS names the document, not the parameter.
        raise _invalid(f"document {document} does not support parameters.")
    return {
        name: _value(name, parameter, given.get(name))
        for name, parameter in parameters.items()
    }


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameters", message)


def _value(name: str, parameter: dict[str, Any], given: list[str] | None) -> Any:
    if given is None:
        if "default" not in parameter:
            raise _invalid(f'Parameter "{name}" requires a value.')
        return _text_or_list(parameter["default"])
    if parameter["type"] in _ONE_VALUE:
        if len(given) != 1:
            raise _invalid(f'Parameter "{name}" takes one value.')
        value: Any = given[0]
        _check_form(name, parameter["type"], value)
    else:
        if not given and "default" not in parameter:
            raise _invalid(f'Parameter "{name}" requires a value.')
        value = list(given)
    _check_limits(name, parameter, value)
    return value


def _text_or_list(default: Any) -> Any:
    if isinstance(default, list) and all(isinstance(item, str) for item in default):
        return default
    return default if isinstance(default, str) else json.dumps(default)


def _check_form(name: str, kind: str, value: str) -> None:
    if SSM_REFERENCE.search(value):
        return
    well_formed = {
        "Integer": lambda: bool(re.fullmatch(r"-?\d+", value)),
        "Boolean": lambda: value.lower() in ("true", "false"),
        "StringMap": lambda: isinstance(_json(value), dict),
        "MapList": lambda: isinstance(_json(value), list),
    }
    if kind in well_formed and not well_formed[kind]():
        raise _invalid(f'Parameter "{name}" is not of type {kind}.')


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _check_limits(name: str, parameter: dict[str, Any], value: Any) -> None:
    items = value if isinstance(value, list) else [value]
    if isinstance(value, list):
        _check_size(name, "items", len(value), parameter.get("minItems"), parameter.get("maxItems"))
    for item in items:
        if SSM_REFERENCE.search(item):
            continue
        limits = parameter.get("minChars"), parameter.get("maxChars")
        _check_size(name, "characters", len(item), *limits)
        allowed = parameter.get("allowedValues")
        if allowed is not None and item not in [_text_or_list(one) for one in allowed]:
            raise _invalid(f'Parameter "{name}" has a value that is not in allowedValues.')
        if not matches(parameter.get("allowedPattern"), item):
            raise _invalid(f'Parameter "{name}" has a value that does not match allowedPattern.')


def _check_size(name: str, what: str, size: int, least: Any, most: Any) -> None:
    if least is not None and size < int(least):
        raise _invalid(f'Parameter "{name}" has fewer than {least} {what}.')
    if most is not None and size > int(most):
        raise _invalid(f'Parameter "{name}" has more than {most} {what}.')


def matches(pattern: Any, value: str) -> bool:
    """Whether a value has a match of an allowedPattern in it: the anchors are the author's.

    That is how the agent checks it (Go's MatchString, where `$` is the very end of the text).
    Whether the service, which checks it first, asks for more is not known.
    """
    return not pattern or re.search(_at_the_very_end(str(pattern)), value) is not None


def _at_the_very_end(pattern: str) -> str:
    r"""Python's `$` also stands before a last line feed; its `\Z` does not."""
    parts = re.split(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])", pattern, flags=re.DOTALL)
    # Every second part is an escape or a set of characters, in which `$` is itself.
    return "".join(
        part if number % 2 else part.replace("$", r"\Z") for number, part in enumerate(parts)
    )
