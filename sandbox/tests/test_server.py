"""The emulator as a process: it says when it is ready, keeps to loopback, leaves nothing."""

from __future__ import annotations

import contextlib
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

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpcapi_sandbox", *options]
        command += ["--directory", str(self.directory), "--port", str(self.port)]
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(SANDBOX)}, stderr=subprocess.PIPE
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def ready(self, process: subprocess.Popen[bytes]) -> dict[str, object]:
        path = self.directory / "run" / "emulator.json"
        while not path.exists():
            self.assertIsNone(process.poll(), "it ended before it was ready")
            time.sleep(0.02)
        return json.loads(path.read_text())

    def test_from_start_to_end(self) -> None:
        process = self.start()
        said = self.ready(process)
        self.assertEqual(
            said,
            {
                "pid": process.pid,
                "port": self.port,
                "endpoint": f"http://127.0.0.1:{self.port}",
                "ends_with": None,
            },
        )
        with urllib.request.urlopen(f"{said['endpoint']}/_ministack/health") as answer:
            self.assertEqual(answer.status, 200)
        self.assertEqual(self._listening(process.pid) - {"0100007F"}, set())
        self.assertGreater((self.directory / "log" / "emulator.log").stat().st_size, 0)
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.assertFalse((self.directory / "run" / "emulator.json").exists())
        self.assertFalse((self.directory / "run" / "tmp").exists())

    def test_it_ends_with_a_process(self) -> None:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as companion:
            process = self.start("--ends-with", str(companion.pid))
            self.assertEqual(self.ready(process)["ends_with"], companion.pid)
        self.assertEqual(process.wait(), 0)
        self.assertFalse((self.directory / "run" / "tmp").exists())

    def test_it_ends_at_once_with_a_process_that_has_ended(self) -> None:
        with subprocess.Popen(["true"]) as companion:
            pass
        self.assertEqual(self.start("--ends-with", str(companion.pid)).wait(), 0)

    def test_it_waits_for_the_end_of_the_one_before_it(self) -> None:
        before = self.start()
        self.ready(before)
        self.port = _free_port()
        after = self.start()
        lock = str(self.directory.resolve() / "run" / "lock")
        while lock not in self._open_files(after.pid):
            self.assertIsNone(after.poll(), "it did not wait")
            time.sleep(0.02)
        self.assertEqual(self.ready(after)["pid"], before.pid)
        before.send_signal(signal.SIGTERM)
        before.wait()
        self.assertEqual(self.ready(after)["pid"], after.pid)

    def test_a_port_in_use_is_said(self) -> None:
        self.ready(self.start())
        second = self.start()
        stderr = second.stderr.read()
        second.wait()
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"cannot use port {self.port}: Address already in use", stderr.decode())

    def _open_files(self, pid: int) -> set[str]:
        targets = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            # It may be closed in the meantime.
            with contextlib.suppress(FileNotFoundError):
                targets.add(os.readlink(link))
        return targets

    def _listening(self, pid: int) -> set[str]:
        """The addresses, in hexadecimal, on which a process listens."""
        targets = self._open_files(pid)
        inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
        addresses = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    addresses.add(fields[1].partition(":")[0])
        return addresses
