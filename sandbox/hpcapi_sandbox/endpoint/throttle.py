"""Throttling of an API stage: a bucket of tokens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_buckets: dict[tuple[str, str, str], tuple[float, float]] = {}  # tokens and when they were counted


def admits(api_id: str, stage: Mapping[str, Any], route_key: str) -> bool:
    """Whether a request of a route may pass now; takes its token."""
    by_route = (stage.get("routeSettings") or {}).get(route_key) or {}
    settings = {**_lower(stage.get("defaultRouteSettings")), **_lower(by_route)}
    rate, burst = settings.get("throttlingratelimit"), settings.get("throttlingburstlimit")
    if rate is None or burst is None:
        return True
    key = (api_id, str(stage.get("stageName")), route_key if by_route else "")
    now = time.monotonic()
    tokens, counted = _buckets.get(key, (float(burst), now))
    tokens = min(float(burst), tokens + (now - counted) * float(rate))
    admitted = tokens >= 1
    _buckets[key] = (tokens - 1 if admitted else tokens, now)
    return admitted


def _lower(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Templates write ThrottlingRateLimit, the API throttlingRateLimit."""
    return {name.lower(): value for name, value in (settings or {}).items()}
