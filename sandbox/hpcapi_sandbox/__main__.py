"""python -m hpcapi_sandbox --directory DIR --port PORT: runs the emulator of the sandbox."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import shutil
import socket
import sys
import time
from pathlib import Path

from . import settings, tls

# An emulator that was asked to end does so in less than six seconds.
_PREDECESSOR_SECONDS = 30


def main() -> int:
    arguments = _arguments()
    current = settings.Settings.from_environment(
        arguments.directory.resolve(), arguments.port, arguments.ends_with
    )
    settings.use(current)
    for directory in (current.run_directory, current.log_directory):
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    problem = _problem(current.port) or _occupy(current.run_directory / "lock")
    if problem:
        print(f"hpcapi_sandbox: {problem}", file=sys.stderr)
        return 1
    shutil.rmtree(current.temporary_directory, ignore_errors=True)
    current.temporary_directory.mkdir(mode=0o700)
    certificate = tls.make(current.run_directory / "tls")
    tls_port = _free_port()
    _prepare_environment(current, certificate)
    _log_to(current.log_directory / "emulator.log")

    # ministack reads the environment when it is imported.
    from . import server

    server.run(tls_port, certificate)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hpcapi_sandbox", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--port", type=int, required=True, help="of the AWS endpoint")
    parser.add_argument("--ends-with", type=int, metavar="PID", help="end when this process does")
    return parser.parse_args()


def _problem(port: int) -> str | None:
    """Why the emulator cannot start, if so."""
    if shutil.which("openssl") is None:
        return "openssl is not on PATH"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, port))
        except OSError as error:
            return f"cannot use port {port}: {error.strerror}"
    return None


def _occupy(lock: Path) -> str | None:
    """Waits until the directory is this process's alone, as long as that lives. Why it does not
    become so, if so."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            if time.monotonic() > deadline:
                return f"another emulator uses {lock.parents[1]}"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((settings.HOST, 0))
        return probe.getsockname()[1]


def _prepare_environment(current: settings.Settings, certificate: tls.Certificate) -> None:
    """Settings of ministack, and what the Lambda functions that it runs inherit."""
    os.environ |= {
        "BIND_HOST": settings.HOST,
        "GATEWAY_PORT": str(current.port),
        "MINISTACK_HOST": settings.HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "SSL_CERT_FILE": str(certificate.certificate),
        "AWS_ENDPOINT_URL": current.endpoint,
        "HPCAPI_SANDBOX_TIME_SCALE": str(current.time_scale),
        "PYTHONPATH": str(Path(__file__).with_name("lambda_python")),
        "TMPDIR": str(current.temporary_directory),
    }


def _log_to(path: Path) -> None:
    """Sends the log, and whatever is printed, to a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
