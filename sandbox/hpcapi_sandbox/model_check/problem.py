"""One thing that is wrong with a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

# The way to a value: member names, and positions in lists, counted from one.
Path = tuple[str | int, ...]

# Stands for a value that could not be read; the problem is already on the list.
UNREADABLE: Any = object()


class Kind(Enum):
    MISSING = "missing"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    INVALID = "invalid"


@dataclass(frozen=True)
class Problem:
    kind: Kind
    path: Path
    # For INVALID what AWS says of the value; for UNREADABLE what it was to be.
    rule: str = ""
    value: str = ""
    # The error's code and message, where AWS has them for just this.
    code: str = ""
    message: str = ""

    def text(self) -> str:
        """The problem in the words that most AWS services use."""
        if self.message:
            return self.message
        name = self._camel_name()
        if self.kind is Kind.MISSING:
            return f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
        if self.kind is Kind.UNKNOWN:
            return f"Unknown parameter '{name}'"
        if self.kind is Kind.UNREADABLE:
            return f"Value '{self.value}' at '{name}' is not {self.rule}"
        return f"Value '{self.value}' at '{name}' failed to satisfy constraint: {self.rule}"

    def ec2_text(self) -> str:
        """The problem in EC2's words."""
        name = ".".join(str(part) for part in self.path)
        if self.message:
            return self.message
        if self.kind is Kind.MISSING:
            return f"The request must contain the parameter {name}"
        if self.kind is Kind.UNKNOWN:
            return f"The parameter {name} is not recognized"
        if self.kind is Kind.UNREADABLE:
            return f"Value ({self.value}) for parameter {name} is not {self.rule}"
        return f"Value ({self.value}) for parameter {name} is invalid. {self.rule}"

    def _camel_name(self) -> str:
        """As in `tags.1.member.key`: names begin in lower case, positions are marked."""
        parts = []
        for part in self.path:
            if isinstance(part, int):
                parts += [str(part), "member"]
            else:
                parts.append(part[:1].lower() + part[1:])
        return ".".join(parts)


def shown(value: Any, sensitive: bool = False) -> str:
    """A value as it may stand in a message."""
    if sensitive:
        return "***"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 256 else text[:256] + "…"
