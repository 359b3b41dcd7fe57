"""New identifiers, in the shapes that AWS gives them."""

from __future__ import annotations

import secrets
import time


def new_id(prefix: str) -> str:
    """An EC2 resource id: the prefix and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


def now() -> str:
    """The present moment as EC2 writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
