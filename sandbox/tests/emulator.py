"""The emulator in this process, with machines that are made of threads instead of namespaces.

One runs for all tests; each test case has an AWS account of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import http.server
import itertools
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config
from hpcapi_sandbox import settings, tls
from hpcapi_sandbox.__main__ import _free_port, _prepare_environment

logging.basicConfig(handlers=[logging.NullHandler()])
REGION = "us-east-1"
# In seconds; so long that only what never comes is not waited for, however busy the machine is.
PATIENCE = 120
_accounts = itertools.count(100000000001)


class FakeNode:
    """A head node whose port 6830 is a server of this process, and whose shell is this host's."""

    fails_with = ""
    served: dict[str, Any] = {}  # what answers the newest node, by address
    users: dict[socket.socket, int] = {}  # who has opened a connection

    def __init__(self, directory: Path, image: Path, instance_id: str, private_ip: str) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def execute(self, argv, *, stdin=b"", timeout=None, env=None):
        from hpcapi_sandbox.node import Completed

        argv = [part.replace("/var/lib/amazon/ssm", str(self.directory)) for part in argv]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as expired:
            os.killpg(process.pid, signal.SIGKILL)
            expired.stdout, expired.stderr = process.communicate()
            raise
        return Completed(process.returncode, stdout, stderr)

    def connect(self, port: int, timeout: float = 5.0) -> socket.socket:
        if port != 6830 or self.server is None:
            raise ConnectionRefusedError(port)
        return socket.create_connection(("127.0.0.1", self.server.server_port), timeout)

    def serve(self, address: str, port: int, handle: Any) -> None:
        self.served[address] = handle

    def user_of(self, connection: socket.socket) -> int:
        return self.users[connection]

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked; /healthz with 401, as slurmrestd does."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        size = int(self.path.rpartition("=")[2]) if "size=" in self.path else None
        said = f"{self.command} {self.path}\n{self.headers}\n".encode() + body
        content = said if size is None else b"x" * size
        self.send_response(401 if self.path == "/healthz" else 200)
        self.send_header("Content-Encoding", "identity")
        self.send_header("X-From-Node", "yes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


def _bootstrap(node: FakeNode, cluster: Any) -> None:
    from hpcapi_sandbox.node import BootstrapFailure

    if FakeNode.fails_with:
        raise BootstrapFailure(FakeNode.fails_with, "chef")


def _start() -> str:
    directory = Path(tempfile.mkdtemp(prefix="hpcapi-sandbox-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    current = settings.Settings.from_environment(directory, _free_port())
    settings.use(current)
    for needed in (current.run_directory, current.log_directory, current.temporary_directory):
        needed.mkdir()
    certificate = tls.make(current.run_directory / "tls")
    _prepare_environment(current, certificate)

    from hpcapi_sandbox import node, plugins
    from hpcapi_sandbox.application import application
    from hpcapi_sandbox.cloudformation import custom_resources
    from hpcapi_sandbox.endpoint import target_health
    from hypercorn.asyncio import serve
    from hypercorn.config import Config as ServerConfig

    mock.patch.object(node, "Node", FakeNode).start()
    mock.patch.object(node, "bootstrap", _bootstrap).start()
    plugins.install()
    custom_resources.install(_free_port())
    config = ServerConfig()
    config.bind = [f"127.0.0.1:{current.port}"]
    config.errorlog = None

    async def run() -> None:
        checks = asyncio.create_task(target_health.keep_checking())
        await serve(application, config, shutdown_trigger=asyncio.Event().wait)
        checks.cancel()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", current.port), 1).close()
            return current.endpoint
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the emulator did not start")


_endpoint: str | None = None


class EmulatorTest(unittest.TestCase):
    """A test case with an account in the running emulator."""

    account: str
    endpoint: str

    @classmethod
    def setUpClass(cls) -> None:
        global _endpoint
        _endpoint = _endpoint or _start()
        cls.endpoint = _endpoint
        cls.account = str(next(_accounts))
        cls.cloudformation = cls.client("cloudformation")
        cls.ec2 = cls.client("ec2")

    @classmethod
    def client(cls, service: str, account: str | None = None, region: str = REGION) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=cls.endpoint,
            aws_access_key_id=account or cls.account,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )

    @classmethod
    def client_with(cls, service: str, credentials: dict[str, str]) -> Any:
        """A client with the rights of a session of a role."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=cls.endpoint,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def wait_for(self, condition: Any, seconds: float = PATIENCE) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        return self.fail("waited in vain")

    def status(self, name: str) -> str:
        return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

    def settled(self, name: str) -> str:
        def final() -> str | None:
            status = self.status(name)
            return None if status.endswith("IN_PROGRESS") else status

        return self.wait_for(final)

    def create(self, name: str, template: str, **parameters: str) -> str:
        """Creates a stack and returns the status that it ends in."""
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=template,
            Parameters=as_parameters(parameters),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        return self.settled(name)

    def outputs(self, name: str) -> dict[str, str]:
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def events(self, name: str) -> list[tuple[str, str]]:
        """Logical ids and statuses, oldest first."""
        return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in self.raw_events(name)]

    def raw_events(self, name: str) -> list[dict[str, Any]]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def reason(self, name: str, logical_id: str, status: str) -> str:
        return next(
            event.get("ResourceStatusReason", "")
            for event in self.raw_events(name)
            if (event["LogicalResourceId"], event["ResourceStatus"]) == (logical_id, status)
        )

    def deleted(self, name: str) -> str:
        """Deletes a stack and returns the status that it ends in."""
        stack_id = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        return self.settled(stack_id)

    def refusal(self, call: Any, **arguments: Any) -> tuple[str, str]:
        """Code and message with which a call is refused."""
        with self.assertRaises(Exception) as caught:
            call(**arguments)
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]


def as_parameters(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def fetch(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of what a URL answers to a client without AWS credentials."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
