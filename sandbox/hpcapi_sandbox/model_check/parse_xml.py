"""Turns an XML document into the parameters that it was written from."""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.etree import ElementTree

from botocore.model import Shape

from .problem import UNREADABLE, Kind, Path, Problem
from .scalars import from_text

_Element = ElementTree.Element


def read(body: bytes, shape: Shape, path: Path, problems: list[Problem]) -> Any:
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError):
        problems.append(Problem(Kind.UNREADABLE, path or ("body",), "XML"))
        return UNREADABLE
    name = shape.serialization.get("name")
    if name and _local(root.tag) != name:
        problems.append(Problem(Kind.UNREADABLE, path or ("body",), name, _local(root.tag)))
        return UNREADABLE
    return _value(root, shape, path, problems)


def _value(element: _Element, shape: Shape, path: Path, problems: list[Problem]) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(element, shape, path, problems)
    if kind == "list":
        name = shape.member.serialization.get("name", "member")
        _refuse_others(element, {name}, path, problems)
        return _items(
            [child for child in element if _local(child.tag) == name], shape, path, problems
        )
    if kind == "map":
        return _entries(list(element), shape, path, problems)
    _refuse_others(element, set(), path, problems)
    return from_text(element.text or "", shape, path, problems)


def _structure(
    element: _Element, shape: Shape, path: Path, problems: list[Problem]
) -> dict[str, Any]:
    elements, attributes = _members(shape)
    values: dict[str, Any] = {}
    flattened: dict[str, list[_Element]] = {}
    for child in element:
        name = _local(child.tag)
        if name not in elements:
            problems.append(Problem(Kind.UNKNOWN, (*path, name)))
            continue
        member, member_shape = elements[name]
        if member_shape.serialization.get("flattened"):
            flattened.setdefault(member, []).append(child)
        else:
            values[member] = _value(child, member_shape, (*path, member), problems)
    for member, children in flattened.items():
        member_shape = shape.members[member]
        read_all = _items if member_shape.type_name == "list" else _entries
        values[member] = read_all(children, member_shape, (*path, member), problems)
    for name, text in element.attrib.items():
        if _local(name) in attributes:
            member, member_shape = attributes[_local(name)]
            values[member] = from_text(text, member_shape, (*path, member), problems)
    return values


def _items(
    elements: list[_Element], shape: Shape, path: Path, problems: list[Problem]
) -> list[Any]:
    return [
        _value(element, shape.member, (*path, position), problems)
        for position, element in enumerate(elements, 1)
    ]


def _entries(
    elements: list[_Element], shape: Shape, path: Path, problems: list[Problem]
) -> dict[Any, Any]:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    values = {}
    for position, entry in enumerate(elements, 1):
        _refuse_others(entry, {key_name, value_name}, (*path, position), problems)
        parts = {_local(child.tag): child for child in entry}
        if key_name not in parts:
            problems.append(Problem(Kind.MISSING, (*path, position, key_name)))
        elif value_name in parts:
            key = parts[key_name].text or ""
            values[key] = _value(parts[value_name], shape.value, (*path, key), problems)
    return values


def _refuse_others(element: _Element, names: set[str], path: Path, problems: list[Problem]) -> None:
    for child in element:
        if _local(child.tag) not in names:
            problems.append(Problem(Kind.UNKNOWN, (*path, _local(child.tag))))


def _local(name: str) -> str:
    """A name without its namespace, in either notation."""
    return name.rpartition("}")[2].rpartition(":")[2]


@cache
def _members(shape: Shape) -> tuple[dict[str, tuple[str, Shape]], dict[str, tuple[str, Shape]]]:
    """A structure's members by element name, and by attribute name."""
    elements: dict[str, tuple[str, Shape]] = {}
    attributes: dict[str, tuple[str, Shape]] = {}
    for member, member_shape in shape.members.items():
        at = member_shape.serialization
        if at.get("location") is None:
            names = attributes if at.get("xmlAttribute") else elements
            names[_local(at.get("name", member))] = (member, member_shape)
    return elements, attributes
