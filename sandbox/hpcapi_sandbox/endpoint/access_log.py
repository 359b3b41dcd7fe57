"""Access log lines of API stages, written to the CloudWatch log group that the stage names."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch_logs

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.\-]+)")
_streams: dict[str, str] = {}  # log group arn -> stream


def write(stage: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    """Appends the line that the stage's format makes of the variables of `$context`."""
    settings = stage.get("accessLogSettings") or {}
    arn, line_format = settings.get("destinationArn", ""), settings.get("format", "")
    if not arn or not line_format:
        return
    arn = arn.removesuffix(":*")
    group = arn.partition(":log-group:")[2]
    if group not in cloudwatch_logs._log_groups:
        return
    stream = _streams.setdefault(arn, secrets.token_hex(16))
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    event = {"timestamp": int(time.time() * 1000), "message": line(line_format, variables)}
    cloudwatch_logs._put_log_events(
        {"logGroupName": group, "logStreamName": stream, "logEvents": [event]}
    )


def line(line_format: str, variables: Mapping[str, Any]) -> str:
    """The format with its variables filled; `-` stands for what is not known, as on AWS."""

    def value(found: re.Match[str]) -> str:
        known = variables.get(found[1])
        return "-" if known in (None, "") else str(known)

    return _VARIABLE.sub(value, line_format)
