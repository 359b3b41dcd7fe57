"""What the schemas of resource types say of their properties, for types whose properties ministack
does not look at. CloudFormation refuses what breaks them before it calls any service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .resource_types import Properties


@dataclass(frozen=True)
class Rule:
    """Of one property. `kind` is what a value has to be: a list, an object or a scalar."""

    is_required: bool = False
    kind: type = str
    pattern: str = ""
    shortest: int = 0
    longest: int | None = None
    one_of: tuple[str, ...] = ()
    between: tuple[int, int] | None = None


ANY = Rule()
OBJECT = Rule(kind=dict)
LIST = Rule(kind=list)
_NAMES = {dict: "JSONObject", list: "JSONArray", str: "String"}


def check(rules: dict[str, Rule], properties: Properties) -> None:
    """Raises ValueError with what is wrong, in CloudFormation's words."""
    found = [*_missing(rules, properties), *_unknown(rules, properties)]
    for name, value in properties.items():
        if name in rules:
            found += [f"#/{name}: {problem}" for problem in _problems(rules[name], value)]
    if found:
        raise ValueError(
            f"Properties validation failed for resource with message:\n[{', '.join(found)}]"
        )


def _missing(rules: dict[str, Rule], properties: Properties) -> Iterator[str]:
    for name, rule in rules.items():
        if rule.is_required and name not in properties:
            yield f"#: required key [{name}] not found"


def _unknown(rules: dict[str, Rule], properties: Properties) -> Iterator[str]:
    for name in properties:
        if name not in rules:
            yield f"#: extraneous key [{name}] is not permitted"


def _problems(rule: Rule, value: Any) -> Iterator[str]:
    if rule.kind is dict and isinstance(value, str):
        # A document may be given as its JSON.
        try:
            value = json.loads(value)
        except ValueError:
            pass
    is_right = isinstance(value, (dict, list)) == (rule.kind is not str)
    if not is_right or (rule.kind is not str and not isinstance(value, rule.kind)):
        yield f"expected type: {_NAMES[rule.kind]}, found: {_NAMES.get(type(value), 'String')}"
        return
    if rule.kind is not str:
        return
    text = str(value)
    if len(text) < rule.shortest:
        yield f"expected minLength: {rule.shortest}, actual: {len(text)}"
    if rule.longest is not None and len(text) > rule.longest:
        yield f"expected maxLength: {rule.longest}, actual: {len(text)}"
    if rule.pattern and not re.fullmatch(rule.pattern, text):
        yield f"failed validation constraint for keyword [pattern] {rule.pattern}"
    if rule.one_of and text not in rule.one_of:
        yield f"{text} is not a valid enum value"
    if rule.between is not None:
        yield from _out_of(rule.between, text)


def _out_of(limits: tuple[int, int], text: str) -> Iterator[str]:
    least, most = limits
    if not re.fullmatch(r"-?\d+", text):
        yield "expected type: Integer, found: String"
    elif int(text) < least:
        yield f"{text} is not greater or equal to {least}"
    elif int(text) > most:
        yield f"{text} is not less or equal to {most}"
