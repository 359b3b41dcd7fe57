"""Pages of a list, with SSM's tokens."""

from __future__ import annotations

import base64
from typing import Any

from ..aws_error import AwsError


def paged(asked: dict[str, Any], name: str, items: list[Any]) -> dict[str, Any]:
    try:
        start = int(base64.b64decode(asked.get("NextToken") or "MA=="))
    except ValueError:
        raise AwsError("InvalidNextToken", "The specified token is not valid.") from None
    end = start + int(asked.get("MaxResults") or 50)
    token = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return {name: items[start:end], **token}
