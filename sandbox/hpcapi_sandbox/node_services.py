"""What the machine of an instance finds in its network: its metadata, with the credentials of its
role, and AWS.

On AWS a compute node is a machine of its own with the role of its queue. Here its slurmd runs on
the head node's, as root, and its jobs as others: root gets the role of the head node, and
everybody else that of the first queue. So does `Imds.Secured` have it: on a head node of
ParallelCluster nobody but root and its own users gets credentials at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudformation as stack_store
from ministack.services import iam, sts

from . import instance_roles, settings
from .node import Node
from .node.names import AWS, METADATA

_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
_SESSION = timedelta(hours=6)
_PIECE = 1 << 16


def serve(node: Node, instance: dict[str, Any], stack: str, queue: str) -> None:
    """Answers the machine of the head node of a cluster's stack until it stops. `queue` is the
    name of the first queue."""
    account, region = get_account_id(), get_region()
    facts = {
        "/latest/meta-data/instance-id": instance["InstanceId"],
        "/latest/meta-data/instance-type": instance["InstanceType"],
        "/latest/meta-data/local-ipv4": instance["PrivateIpAddress"],
        "/latest/meta-data/placement/region": region,
    }
    # As ParallelCluster names it.
    of_queue = f"Role{hashlib.sha1(queue.encode()).hexdigest()[:16]}"
    tokens: set[str] = set()

    def metadata(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            is_root = node.user_of(connection) == 0
            with request_scope(account, region):
                role = instance_roles.role_of(instance) if is_root else _role(stack, of_queue)
            source = _Source(facts, tokens, instance["InstanceId"], role, account, region)
            handler = type("Handler", (_Metadata,), {"source": source})
            handler(connection, (METADATA, 0), None)

    node.serve(METADATA, 80, metadata)
    node.serve(AWS, 80, _relay)


def _role(stack: str, logical_id: str) -> str:
    """Returns the name of a role of a stack or of one within it."""
    # Others are made and deleted meanwhile.
    for one in list(stack_store._stacks.values()):
        if one["StackName"] == stack or one["StackName"].startswith(f"{stack}-"):
            record = one.get("_resources", {}).get(logical_id, {})
            if record.get("ResourceType") == "AWS::IAM::Role":
                return record.get("PhysicalResourceId", "")
    return ""


@dataclass(frozen=True)
class _Source:
    """What is told to one who asks."""

    facts: dict[str, str]
    tokens: set[str]
    instance_id: str
    role: str
    account: str
    region: str

    def answer(self, path: str) -> str | None:
        if path in self.facts:
            return self.facts[path]
        if self.role and path.rstrip("/") == _CREDENTIALS.rstrip("/"):
            return self.role
        if self.role and path == _CREDENTIALS + self.role:
            return json.dumps(self._credentials())
        return None

    def _credentials(self) -> dict[str, str]:
        key_id = f"ASIA{secrets.token_hex(8).upper()}"
        secret, token = secrets.token_hex(20), secrets.token_hex(64)
        with request_scope(self.account, self.region):
            role_id = iam._roles[self.role]["RoleId"]
        sts.register_session(
            key_id,
            {
                "Arn": f"arn:aws:sts::{self.account}:assumed-role/{self.role}/{self.instance_id}",
                "UserId": f"{role_id}:{self.instance_id}",
                "SecretAccessKey": secret,
                "SessionToken": token,
                "Expiration": time.time() + _SESSION.total_seconds(),
                "AccountId": self.account,
                "PrincipalType": "AssumedRole",
            },
        )
        now = datetime.now(timezone.utc)
        return {
            "Code": "Success",
            "LastUpdated": f"{now:%FT%TZ}",
            "Type": "AWS-HMAC",
            "AccessKeyId": key_id,
            "SecretAccessKey": secret,
            "Token": token,
            "Expiration": f"{now + _SESSION:%FT%TZ}",
        }


class _Metadata(BaseHTTPRequestHandler):
    """Version 2 of the instance metadata service: without a token it tells nothing."""

    protocol_version = "HTTP/1.1"
    source: _Source

    def do_PUT(self) -> None:  # noqa: N802
        if self.path != "/latest/api/token":
            self._send(HTTPStatus.NOT_FOUND)
            return
        token = secrets.token_urlsafe(40)
        self.source.tokens.add(token)
        lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self._send(HTTPStatus.OK, token, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": lifetime})

    def do_GET(self) -> None:  # noqa: N802
        if self.headers.get("X-aws-ec2-metadata-token") not in self.source.tokens:
            self._send(HTTPStatus.UNAUTHORIZED)
            return
        answer = self.source.answer(self.path)
        if answer is None:
            self._send(HTTPStatus.NOT_FOUND)
        else:
            self._send(HTTPStatus.OK, answer)

    def _send(
        self, status: HTTPStatus, text: str = "", headers: dict[str, str] | None = None
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _relay(connection: socket.socket) -> None:
    """Carries a connection to the emulator."""
    current = settings.get()
    with connection, socket.create_connection((settings.HOST, current.port)) as there:
        back = threading.Thread(target=_carry, args=(there, connection), daemon=True)
        back.start()
        _carry(connection, there)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
