"""One machine of the sandbox, as the emulator sees it."""

from __future__ import annotations

import io
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import system
from .root import DENIED_CAPABILITIES

# A machine that does not boot is rare, one that is slow to boot beside many others is not.
BOOT_SECONDS = 180

# A state of the kernel's table of sockets.
_ESTABLISHED = "01"

# What a command finds in its environment, as under the SSM agent and cfn-init.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin:/opt/aws/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class NodeError(Exception):
    """The machine itself failed, not what ran on it."""


@dataclass(frozen=True)
class Completed:
    """A command that has ended. A negative return code is the signal that ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class File:
    """A file to be written on the machine."""

    path: str
    content: bytes
    mode: int = 0o644
    owner: str = "root"


class Node:
    """A machine with its own systemd, file tree and network. It dies with this process.

    Everything it writes is in `directory`, over the read-only `image`.
    """

    def __init__(self, directory: Path, image: Path, instance_id: str, private_ip: str) -> None:
        self.directory = directory.absolute()
        self.image = image.absolute()
        self.instance_id = instance_id
        self.private_ip = private_ip
        self._keeper: subprocess.Popen[bytes] | None = None
        self._init: int | None = None
        self._network: int | None = None
        self._listeners: list[socket.socket] = []
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        keeper = self._keeper
        return self._init is not None and keeper is not None and keeper.poll() is None

    def start(self) -> None:
        """Boots the machine; returns once commands can be run on it."""
        with self._lock:
            if self.running:
                return
            self.directory.mkdir(parents=True, exist_ok=True)
            with open(self.directory / "keeper.log", "wb") as log:
                self._keeper = subprocess.Popen(
                    [sys.executable, "-m", "hpcapi_sandbox.node.keeper"]
                    + [str(self.directory), str(self.image), self.instance_id, self.private_ip],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd="/",
                    env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                    start_new_session=True,
                )
            try:
                self._init = self._wait_for_boot(self._keeper)
                self._network = os.open(f"/proc/{self._init}/ns/net", os.O_RDONLY)
            except BaseException:
                self._end()
                raise

    def execute(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        timeout: float | None = None,
        env: dict[str, str] | None = None,
    ) -> Completed:
        """Runs a command as root. Raises subprocess.TimeoutExpired, with what it printed so
        far, when it takes longer than `timeout` seconds; it is killed then."""
        process = subprocess.Popen(
            [*self._enter(), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={**ENVIRONMENT, **(env or {})},
            start_new_session=True,
        )
        pipes = _Pipes(process)
        threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True).start()
        try:
            has_ended = pipes.read_until_end(timeout)
            if not has_ended:
                # nsenter and the command inside share one process group.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            stdout, stderr = pipes.rest()
        finally:
            pipes.close()
        if not has_ended:
            raise subprocess.TimeoutExpired(argv, timeout or 0.0, stdout, stderr)
        return Completed(process.wait(), stdout, stderr)

    def write(self, files: Iterable[File]) -> None:
        """Writes files, each with the folders it needs."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for file in files:
                entry = tarfile.TarInfo(file.path.lstrip("/"))
                entry.size, entry.mode = len(file.content), file.mode
                entry.uname = entry.gname = file.owner
                entry.mtime = int(time.time())
                tar.addfile(entry, io.BytesIO(file.content))
        # Through links that lead to folders, as a shell's redirection would write.
        extract = ["tar", "-x", "-p", "--keep-directory-symlink", "-C", "/"]
        done = self.execute(extract, stdin=archive.getvalue())
        if done.returncode != 0:
            raise NodeError(done.stderr.decode(errors="replace").strip())

    def open_socket(self) -> socket.socket:
        """Returns a TCP socket that lives in the machine's network, not yet connected."""
        if self._network is None:
            raise ConnectionRefusedError(f"{self.instance_id} is not running")
        network, made = self._network, []

        def make() -> None:
            system.setns(network, system.CLONE_NEWNET)
            made.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))

        # A thread of its own: setns changes the whole thread, and this one ends.
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise ConnectionRefusedError(f"{self.instance_id} is not reachable")
        return made[0]

    def serve(self, address: str, port: int, handle: Callable[[socket.socket], None]) -> None:
        """Answers connections from the machine to one of its addresses until it stops: `handle`
        gets each in a thread of its own."""
        listener = self.open_socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
        self._listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def user_of(self, connection: socket.socket) -> int:
        """Returns the number of the user of the machine who has opened a connection to it. Others of
        its sockets may have the same port, with another address at the other end."""
        ends = [_in_table(connection.getpeername()), _in_table(connection.getsockname())]
        table = Path(f"/proc/{self._init}/net/tcp").read_text(encoding="ascii")
        for line in table.splitlines():
            columns = line.split()
            if columns[1:4] == [*ends, _ESTABLISHED]:
                return int(columns[7])
        raise ConnectionAbortedError(f"whoever connected from {ends[0]} is gone")

    def connect(self, port: int, timeout: float = 5.0) -> socket.socket:
        """Opens a TCP connection to a port of the machine."""
        connection = self.open_socket()
        try:
            connection.settimeout(timeout)
            connection.connect(("127.0.0.1", port))
        except BaseException:
            connection.close()
            raise
        return connection

    def stop(self) -> None:
        """Ends the machine at once, as a cut of power would. Its files stay."""
        with self._lock:
            self._end()

    def remove(self) -> None:
        """Ends the machine and removes its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _enter(self) -> list[str]:
        if not self.running:
            raise NodeError(f"{self.instance_id} is not running")
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        bounds = ",".join(f"-{name.lower()}" for name in DENIED_CAPABILITIES)
        return [
            *(_program("nsenter"), "--target", str(self._init), *namespaces, "--"),
            *("setpriv", f"--bounding-set={bounds}", "--"),
        ]

    def _wait_for_boot(self, keeper: subprocess.Popen[bytes]) -> int:
        assert keeper.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(keeper.stdout, selectors.EVENT_READ)
            said = keeper.stdout.readline() if selector.select(BOOT_SECONDS) else b""
        if said:
            return int(said)
        log = (self.directory / "keeper.log").read_text(errors="replace").strip()
        raise NodeError(f"{self.instance_id} did not boot: {log[-2000:] or 'systemd is not up'}")

    def _end(self) -> None:
        keeper, self._keeper, self._init = self._keeper, None, None
        while self._listeners:
            listener = self._listeners.pop()
            # Wakes who waits for a connection; closing it would not.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if self._network is not None:
            os.close(self._network)
            self._network = None
        if keeper is None:
            return
        assert keeper.stdin and keeper.stdout
        keeper.stdin.close()
        try:
            keeper.wait(10)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        keeper.stdout.close()


class _Pipes:
    """What a command prints, until it ends: daemons that it leaves behind may keep its pipes open."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout and process.stderr
        self._streams = (process.stdout, process.stderr)
        self._printed: dict[int, list[bytes]] = {stream.fileno(): [] for stream in self._streams}
        self._end = os.pidfd_open(process.pid)
        self._selector = selectors.DefaultSelector()
        for descriptor in (*self._printed, self._end):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)

    def read_until_end(self, timeout: float | None) -> bool:
        """Collects what the command prints; returns whether it ended within `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            ready = {key.fd for key, _ in self._selector.select(left)}
            if self._end in ready:
                return True
            if not ready:
                return False
            for descriptor in ready:
                self._read(descriptor)

    def rest(self) -> tuple[bytes, bytes]:
        """Returns all that a command has printed that has ended."""
        for descriptor in self._printed:
            while self._read(descriptor):
                pass
        stdout, stderr = (b"".join(printed) for printed in self._printed.values())
        return stdout, stderr

    def close(self) -> None:
        self._selector.close()
        os.close(self._end)
        for stream in self._streams:
            stream.close()

    def _read(self, descriptor: int) -> bool:
        """Reads what there is now; returns whether there was anything."""
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        if not piece and descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)
        self._printed[descriptor].append(piece)
        return bool(piece)


def _in_table(address: tuple[str, int]) -> str:
    """Returns an address and its port as the kernel's table of sockets has them."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _feed(stream: io.BufferedWriter, data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except BrokenPipeError:
        pass


def _program(name: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise NodeError(f"the program {name} is missing on this machine")
    return path
