"""One HTTP/1.1 request to a machine, unchanged in both directions."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from dataclasses import dataclass

Headers = list[tuple[str, str]]
# Those of a connection, not of a message (RFC 9110, 7.6.1).
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


@dataclass
class Request:
    method: str
    target: str  # path and query, as on the wire
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass
class Response:
    status: int
    headers: Headers
    body: bytes


class TooLarge(Exception):
    """The body is longer than its reader takes."""


Connect = Callable[[], socket.socket]


class Connection(http.client.HTTPConnection):
    def __init__(self, connect: Connect, timeout: float):
        super().__init__("target", timeout=timeout)
        self._connect = connect

    def connect(self) -> None:
        self.sock = self._connect()
        self.sock.settimeout(self.timeout)


def exchange(connect: Connect, request: Request, timeout: float, limit: int) -> Response:
    """Sends the request over a new connection and reads the whole answer. Blocks."""
    connection = Connection(connect, timeout)
    try:
        return send(connection, request, limit, keeps_alive=False)[0]
    finally:
        connection.close()


def send(
    connection: Connection, request: Request, limit: int, keeps_alive: bool
) -> tuple[Response, bool]:
    """Sends the request and reads the whole answer; tells whether the connection can take another."""
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers:
        if name.lower() not in HOP_BY_HOP and name.lower() != "content-length":
            connection.putheader(name, value.encode("latin-1", "replace"))
    if request.body or request.header("content-length"):
        connection.putheader("Content-Length", str(len(request.body)))
    if not keeps_alive:
        connection.putheader("Connection", "close")
    connection.endheaders(request.body or None)
    answer = connection.getresponse()
    body = answer.read(limit + 1)
    if len(body) > limit:
        connection.close()
        raise TooLarge
    headers = [
        (name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP
    ]
    return Response(answer.status, headers, body), not answer.will_close
