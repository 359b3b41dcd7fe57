"""Connections to targets are used again, and never after their end."""

from __future__ import annotations

import asyncio
import socket
import threading
import unittest
from unittest import mock

from hpcapi_sandbox.endpoint import target_connections
from hpcapi_sandbox.endpoint.http_exchange import Request

GET = Request("GET", "/", [("Host", "target")], b"")


class Target:
    """Answers as many requests on each connection as it is told, then closes it."""

    def __init__(self, each: int) -> None:
        self.each = each
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname())

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as lines:
                for _ in range(self.each):
                    while (line := lines.readline()) not in (b"\r\n", b""):
                        pass
                    if not line:
                        break
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class TargetConnections(unittest.TestCase):
    def setUp(self) -> None:
        # Its timer ends with the event loop of a test.
        self.addCleanup(setattr, target_connections, "_closing", None)
        self.addCleanup(self.close_idle)

    @staticmethod
    def close_idle() -> None:
        while target_connections._idle:
            _, connections = target_connections._idle.popitem()
            for _, connection in connections:
                connection.close()

    def connections(self, name: str, each: int, requests: int) -> int:
        target = Target(each)
        self.addCleanup(target.listener.close)

        async def ask() -> None:
            for _ in range(requests):
                answer = await target_connections.exchange(
                    (name, 80), target.connect, GET, 60.0, 100
                )
                self.assertEqual((answer.status, answer.body), (200, b"ok"))
                if each == 1:
                    await asyncio.to_thread(self.wait_for_end, (name, 80))

        asyncio.run(ask())
        return target.connections

    def wait_for_end(self, target: tuple[str, int]) -> None:
        for _, connection in target_connections._idle[target]:
            connection.sock.settimeout(60.0)
            self.assertEqual(connection.sock.recv(1, socket.MSG_PEEK), b"")

    def test_a_connection_is_used_again(self) -> None:
        self.assertEqual(self.connections("kept", each=3, requests=3), 1)

    def test_one_that_its_target_has_closed_is_not(self) -> None:
        self.assertEqual(self.connections("closed", each=1, requests=3), 3)

    def test_one_that_stays_idle_is_closed(self) -> None:
        target = Target(each=3)
        self.addCleanup(target.listener.close)

        async def ask() -> None:
            await target_connections.exchange(("idle", 80), target.connect, GET, 60.0, 100)
            while target_connections._idle:
                await asyncio.sleep(0.01)

        with mock.patch.object(target_connections, "_KEPT_SECONDS", 0):
            asyncio.run(asyncio.wait_for(ask(), 60.0))


if __name__ == "__main__":
    unittest.main()
