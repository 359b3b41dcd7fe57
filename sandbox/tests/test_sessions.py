"""Sessions begin in several threads at once, as nodes and functions ask for their credentials."""

from __future__ import annotations

import threading
import time
import unittest

from hpcapi_sandbox.callers import evict_expired_sessions
from ministack.services import sts


class Sessions(unittest.TestCase):
    def test_expired_ones_go_while_others_begin(self) -> None:
        self.addCleanup(sts._sessions.clear)
        ends = threading.Event()
        wrong: list[Exception] = []

        def begin() -> None:
            number = 0
            while not ends.is_set():
                number += 1
                expires = time.time() + (100 if number % 2 else -1)
                sts._sessions[f"ASIA{number % 5000}"] = {"Expiration": expires}

        def evict() -> None:
            try:
                for _ in range(300):
                    evict_expired_sessions()
            except RuntimeError as error:
                wrong.append(error)
            ends.set()

        threads = [threading.Thread(target=begin), threading.Thread(target=evict)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        evict_expired_sessions()
        left = sts._sessions.values()
        self.assertTrue(all(session["Expiration"] > time.time() for session in left))
