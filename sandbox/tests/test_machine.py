"""Commands on a machine, and who opens connections on it, with this host for the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from hpcapi_sandbox.node.machine import Node

NOBODY = 65534


class Machine(unittest.TestCase):
    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.node = Node(folder, folder, "i-1", "127.0.0.1")
        self.node._init = os.getpid()
        self.enterContext(mock.patch.object(Node, "_enter", lambda _: []))

    def run_script(self, script: str, **how):
        return self.node.execute(["/bin/sh", "-c", script], **how)

    def test_all_that_a_command_printed_comes_whatever_stays_behind(self) -> None:
        # Far more than a pipe holds, and a daemon that keeps the pipes open.
        script = "seq 200000; seq 7 >&2; sleep 300 & echo end; exit 3"
        started = time.monotonic()
        done = self.run_script(script)
        self.assertLess(time.monotonic() - started, 250)
        self.assertEqual(done.returncode, 3)
        lines = done.stdout.decode().split()
        self.assertEqual((len(lines), lines[-2:]), (200001, ["200000", "end"]))
        self.assertEqual(done.stderr, b"1\n2\n3\n4\n5\n6\n7\n")

    def test_what_a_slow_reader_has_not_taken_yet_is_not_lost(self) -> None:
        wait = mock.patch("selectors.DefaultSelector.select", autospec=True)
        original = __import__("selectors").DefaultSelector.select

        def late(selector, timeout=None):
            time.sleep(0.5)
            return original(selector, timeout)

        with wait as select:
            select.side_effect = late
            done = self.run_script("seq 3; seq 4 >&2")
        self.assertEqual((done.stdout, done.stderr), (b"1\n2\n3\n", b"1\n2\n3\n4\n"))

    def test_a_command_reads_its_input_and_may_leave_it(self) -> None:
        given = b"x" * 1_000_000
        self.assertEqual(self.run_script("wc -c", stdin=given).stdout.strip(), b"1000000")
        self.assertEqual(self.run_script("exit 4", stdin=given).returncode, 4)

    def test_what_takes_too_long_is_killed_and_its_words_are_kept(self) -> None:
        with self.assertRaises(subprocess.TimeoutExpired) as caught:
            self.run_script("echo begun; echo why >&2; sleep 60; echo ended", timeout=5)
        self.assertEqual((caught.exception.stdout, caught.exception.stderr), (b"begun\n", b"why\n"))

    def test_a_command_that_a_signal_ended_says_which(self) -> None:
        self.assertEqual(self.run_script("kill -9 $$").returncode, -9)

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_connections_from_one_port_are_told_apart(self) -> None:
        listeners = [socket.create_server((address, 0)) for address in ("127.0.0.1",)]
        port = listeners[0].getsockname()[1]
        listeners.append(socket.create_server(("127.0.0.2", port)))
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            own_port = chosen.getsockname()[1]
        users = (NOBODY, 0)
        children = [
            subprocess.Popen(
                ["python3", "-c", CONNECT, str(own_port), *map(str, listener.getsockname())],
                user=user,
                stdin=subprocess.PIPE,
            )
            for listener, user in zip(listeners, users)
        ]
        for listener, user in zip(listeners, users):
            connection, _ = listener.accept()
            self.assertEqual(self.node.user_of(connection), user)
            connection.close()
        for child in children:
            child.communicate()
        for listener in listeners:
            listener.close()


# Connects from a port to another one, and waits.
CONNECT = """
import socket, sys
own, address, port = sys.argv[1:]
with socket.socket() as connection:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind(("127.0.0.1", int(own)))
    connection.connect((address, int(port)))
    sys.stdin.read()
"""


if __name__ == "__main__":
    unittest.main()
