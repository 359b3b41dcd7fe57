"""Reads the parameters of the query and ec2 protocols: Tags.member.1.Key=…, Tag.1.Key=…"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.model import Shape

from .problem import UNREADABLE, Kind, Path, Problem
from .scalars import from_text, unreadable

# Part of the protocol, not of an operation; the rest is signature version 2's.
_ENVELOPE = {
    "Action",
    "Version",
    "AWSAccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SecurityToken",
    "Timestamp",
}


class _Node:
    """A dotted name, cut at the dots."""

    __slots__ = ("text", "below")

    def __init__(self) -> None:
        self.text: str | None = None
        self.below: dict[str, _Node] = {}


def read(
    form: list[tuple[str, str]], shape: Shape | None, protocol: str, problems: list[Problem]
) -> dict[str, Any]:
    root = _Node()
    for name, text in form:
        if name in _ENVELOPE:
            continue
        node = root
        for part in name.split("."):
            node = node.below.setdefault(part, _Node())
        node.text = text
    if shape is None:
        problems += [Problem(Kind.UNKNOWN, (name,)) for name in root.below]
        return {}
    return _Reader(protocol == "ec2", problems).read_structure(root, shape, ())


class _Reader:
    def __init__(self, ec2: bool, problems: list[Problem]):
        self.ec2 = ec2
        self.problems = problems

    def value(self, node: _Node, shape: Shape, path: Path) -> Any:
        if shape.type_name in ("structure", "list", "map"):
            if node.text and not node.below:
                self.problems.append(unreadable(node.text, shape, path))
                return UNREADABLE
            return getattr(self, f"read_{shape.type_name}")(node, shape, path)
        self.unknown(node.below, path)
        if node.text is None:
            return UNREADABLE
        return from_text(node.text, shape, path, self.problems)

    def read_structure(self, node: _Node, shape: Shape, path: Path) -> dict[str, Any]:
        members = _members(shape, self.ec2)
        values = {}
        for name, below in node.below.items():
            if name in members:
                member, member_shape = members[name]
                values[member] = self.value(below, member_shape, (*path, member))
            else:
                self.problems.append(Problem(Kind.UNKNOWN, (*path, name)))
        return values

    def read_list(self, node: _Node, shape: Shape, path: Path) -> list[Any]:
        if not self.ec2 and not shape.serialization.get("flattened"):
            node = self.only(node, shape.member.serialization.get("name", "member"), path)
        return [
            self.value(below, shape.member, (*path, position))
            for position, below in self.positions(node, path)
        ]

    def read_map(self, node: _Node, shape: Shape, path: Path) -> dict[Any, Any]:
        if not shape.serialization.get("flattened"):
            node = self.only(node, "entry", path)
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        values = {}
        for position, entry in self.positions(node, path):
            self.unknown(set(entry.below) - {key_name, value_name}, (*path, position))
            if key_name not in entry.below:
                self.problems.append(Problem(Kind.MISSING, (*path, position, key_name)))
                continue
            key = self.value(entry.below[key_name], shape.key, (*path, position, key_name))
            if value_name in entry.below and key is not UNREADABLE:
                values[key] = self.value(entry.below[value_name], shape.value, (*path, str(key)))
        return values

    def only(self, node: _Node, name: str, path: Path) -> _Node:
        self.unknown(set(node.below) - {name}, path)
        return node.below.get(name, _Node())

    def positions(self, node: _Node, path: Path) -> list[tuple[int, _Node]]:
        numbered = {name: below for name, below in node.below.items() if name.isdecimal()}
        self.unknown(set(node.below) - set(numbered), path)
        return sorted((int(name), below) for name, below in numbered.items())

    def unknown(self, names: Any, path: Path) -> None:
        self.problems += [Problem(Kind.UNKNOWN, (*path, name)) for name in sorted(names)]


@cache
def _members(shape: Shape, ec2: bool) -> dict[str, tuple[str, Shape]]:
    """A structure's members by the names that they have in a form."""
    members = {}
    for member, member_shape in shape.members.items():
        at = member_shape.serialization
        if ec2:
            name = at.get("queryName") or _capital(at.get("name", member))
        else:
            name = at.get("name", member)
            if member_shape.type_name == "list" and at.get("flattened"):
                name = member_shape.member.serialization.get("name", name)
        members[name] = (member, member_shape)
    return members


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
