"""The emulator as a process: it says when it is ready, keeps to loopback, leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from hpcapi_sandbox.__main__ import _free_port

SANDBOX = Path(__file__).parents[1]


class Process(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.port = _free_port()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpcapi_sandbox"]
        command += ["--directory", str(self.directory), "--port", str(self.port)]
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(SANDBOX)}, stderr=subprocess.PIPE
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def ready(self) -> dict[str, object]:
        path = self.directory / "run" / "emulator.json"
        deadline = time.monotonic() + 10
        while not path.exists():
            self.assertLess(time.monotonic(), deadline, "not ready in time")
            time.sleep(0.02)
        return json.loads(path.read_text())

    def test_from_start_to_end(self) -> None:
        process = self.start()
        said = self.ready()
        self.assertEqual(
            said,
            {
                "pid": process.pid,
                "port": self.port,
                "endpoint": f"http://127.0.0.1:{self.port}",
            },
        )
        with urllib.request.urlopen(f"{said['endpoint']}/_ministack/health") as answer:
            self.assertEqual(answer.status, 200)
        self.assertEqual(self._listening(process.pid) - {"0100007F"}, set())
        self.assertGreater((self.directory / "log" / "emulator.log").stat().st_size, 0)
        process.send_signal(signal.SIGTERM)
        process.wait(5)
        self.assertFalse((self.directory / "run" / "emulator.json").exists())
        self.assertFalse((self.directory / "run" / "tmp").exists())

    def test_a_port_in_use_is_said(self) -> None:
        self.start()
        self.ready()
        second = self.start()
        _, stderr = second.communicate(timeout=10)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"cannot use port {self.port}: Address already in use", stderr.decode())

    def _listening(self, pid: int) -> set[str]:
        """The addresses, in hexadecimal, on which a process listens."""
        inodes = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(link)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        addresses = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    addresses.add(fields[1].partition(":")[0])
        return addresses
