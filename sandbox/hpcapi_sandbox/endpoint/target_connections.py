"""Connections to targets that stay open between requests, as a load balancer keeps them: a new one for
each request would cost more than the request."""

from __future__ import annotations

import asyncio
import select
import threading
import time

from .http_exchange import Connect, Connection, Request, Response, send

# Idle connections are closed soon: they would keep the network of a machine that has stopped.
_KEPT_SECONDS = 3.0

Target = tuple[str, int]  # instance and port


_idle: dict[Target, list[tuple[float, Connection]]] = {}
_lock = threading.Lock()
_closing: asyncio.TimerHandle | None = None


async def exchange(
    target: Target, connect: Connect, request: Request, timeout: float, limit: int
) -> Response:
    """Sends the request over an idle connection or a new one, and reads the whole answer."""
    try:
        return await asyncio.to_thread(_exchange, target, connect, request, timeout, limit)
    finally:
        _close_idle_later()


def _exchange(
    target: Target, connect: Connect, request: Request, timeout: float, limit: int
) -> Response:
    connection = _take(target) or Connection(connect, timeout)
    try:
        response, stays_open = send(connection, request, limit, keeps_alive=True)
    except BaseException:
        connection.close()
        raise
    if stays_open:
        with _lock:
            _idle.setdefault(target, []).append((time.monotonic(), connection))
    else:
        connection.close()
    return response


def _take(target: Target) -> Connection | None:
    """An idle connection that its target has not closed."""
    while True:
        with _lock:
            if not _idle.get(target):
                return None
            _, connection = _idle[target].pop()
        if connection.sock is not None and not _is_readable(connection):
            return connection
        connection.close()


def _is_readable(connection: Connection) -> bool:
    """Whether something came that nobody asked for: the end, as a rule."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_idle_later() -> None:
    global _closing
    if _closing is None:
        _closing = asyncio.get_running_loop().call_later(_KEPT_SECONDS, _close_idle)


def _close_idle() -> None:
    global _closing
    _closing = None
    before = time.monotonic() - _KEPT_SECONDS
    with _lock:
        old = [one for entries in _idle.values() for one in entries if one[0] <= before]
        for target, entries in list(_idle.items()):
            _idle[target] = [one for one in entries if one[0] > before]
            if not _idle[target]:
                del _idle[target]
    for _, connection in old:
        connection.close()
    if _idle:
        _close_idle_later()
