"""Holds parameters against the limits of their shapes.

botocore.validate.ParamValidator knows required members, types and lower limits; upper limits,
patterns and enums it leaves to AWS. This knows all of them. Types were settled when the
parameters were read.
"""

from __future__ import annotations

from typing import Any

from botocore.model import Shape

from . import patterns
from .operation import Call
from .problem import UNREADABLE, Kind, Path, Problem, shown

# Lists that AWS lengthens with every new instance type, runtime or region: a value that this
# botocore does not know may be a good one.
OPEN_ENUMS = {
    ("ec2", "InstanceType"),
    ("lambda", "Runtime"),
    ("s3", "BucketLocationConstraint"),
    ("route53", "VPCRegion"),
    ("route53", "CloudWatchRegion"),
    ("route53", "ResourceRecordSetRegion"),
}

# A longer value is not held against its pattern: Python's re may take minutes over one.
LONGEST_MATCHED = 4096


def problems(call: Call, given: Any) -> list[Problem]:
    found: list[Problem] = []
    shape = call.operation.input_shape
    if shape is not None and given is not UNREADABLE:
        _Validator(call.service_name, found).value(given, shape, ())
    return found


class _Validator:
    def __init__(self, service: str, found: list[Problem]):
        self.service = service
        self.found = found

    def value(self, value: Any, shape: Shape, path: Path) -> None:
        if value is UNREADABLE:
            return
        kind = shape.type_name
        if kind == "structure":
            if not shape.is_document_type:
                self.structure(value, shape, path)
        elif kind == "list":
            self.length(value, shape, path)
            for position, item in enumerate(value, 1):
                self.value(item, shape.member, (*path, position))
        elif kind == "map":
            self.length(value, shape, path)
            for key, item in value.items():
                self.value(key, shape.key, (*path, "key"))
                self.value(item, shape.value, (*path, str(key)))
        elif kind == "string":
            self.string(value, shape, path)
        elif kind == "blob":
            self.length(value, shape, path)
        elif kind in ("integer", "long", "float", "double"):
            self.number(value, shape, path)

    def structure(self, value: dict[str, Any], shape: Shape, path: Path) -> None:
        for member in shape.required_members:
            in_events = shape.members[member].serialization.get("eventstream")
            if member not in value and not in_events:
                self.found.append(Problem(Kind.MISSING, (*path, member)))
        if shape.is_tagged_union and len(value) > 1:
            self.refuse(sorted(value), shape, path, "Member must have only one of its members set")
        for member, item in value.items():
            self.value(item, shape.members[member], (*path, member))

    def string(self, value: str, shape: Shape, path: Path) -> None:
        self.length(value, shape, path)
        enum = shape.metadata.get("enum")
        if enum and value not in enum and (self.service, shape.name) not in OPEN_ENUMS:
            self.refuse(
                value, shape, path, f"Member must satisfy enum value set: [{', '.join(enum)}]"
            )
        pattern = shape.metadata.get("pattern")
        if pattern and len(value) <= LONGEST_MATCHED and not patterns.matches(pattern, value):
            rule = f"Member must satisfy regular expression pattern: {pattern}"
            self.refuse(value, shape, path, rule)

    def length(self, value: Any, shape: Shape, path: Path) -> None:
        self.limits(len(value), "length", value, shape, path)

    def number(self, value: int | float, shape: Shape, path: Path) -> None:
        self.limits(value, "value", value, shape, path)

    def limits(self, size: float, what: str, value: Any, shape: Shape, path: Path) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            self.refuse(
                value, shape, path, f"Member must have {what} greater than or equal to {least}"
            )
        if most is not None and size > most:
            self.refuse(value, shape, path, f"Member must have {what} less than or equal to {most}")

    def refuse(self, value: Any, shape: Shape, path: Path, rule: str) -> None:
        sensitive = bool(shape.metadata.get("sensitive"))
        self.found.append(Problem(Kind.INVALID, path, rule, shown(value, sensitive)))
