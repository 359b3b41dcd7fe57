"""Which instance types EC2 has run out of.

Write lines such as `t3.small` or `t3.small us-east-1a` into run/no-capacity of the sandbox's folder,
each with an account in front of it if it is for that account only: `210000000001 t3.small`.
"""

from __future__ import annotations

from ministack.core.responses import get_account_id

from .. import settings
from ..aws_error import AwsError


def require(instance_type: str, zone: str) -> None:
    """Refuses to launch a type that there is no more of."""
    if not _is_exhausted(instance_type, zone):
        return
    raise AwsError(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you "
        f"requested ({zone}). Our system will be working on provisioning additional capacity. You "
        f"can currently get {instance_type} capacity by not specifying an Availability Zone in "
        "your request or choosing another one.",
        500,
    )


def _is_exhausted(instance_type: str, zone: str) -> bool:
    try:
        lines = (settings.get().run_directory / "no-capacity").read_text().splitlines()
    except OSError:
        return False
    for line in lines:
        words = line.split()
        if words and words[0].isdigit() and words.pop(0) != get_account_id():
            continue
        if words in ([instance_type], [instance_type, zone]):
            return True
    return False
