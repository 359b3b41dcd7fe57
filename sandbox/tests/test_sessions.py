"""Sessions begin in several threads at once, as nodes and functions ask for their credentials."""

from __future__ import annotations

import threading
import time
import unittest

from hpcapi_sandbox.callers import evict_expired_sessions
from ministack.services import sts

# Begins the keys of this test.
OWN = "ASIAOFTHREADS"


class Sessions(unittest.TestCase):
    def test_expired_ones_go_while_others_begin(self) -> None:
        # Other tests have sessions in the same emulator.
        self.addCleanup(self._forget)
        ends = threading.Event()
        wrong: list[Exception] = []

        def begin() -> None:
            number = 0
            while not ends.is_set():
                number += 1
                expires = time.time() + (100 if number % 2 else -1)
                sts._sessions[f"{OWN}{number % 5000}"] = {"Expiration": expires}

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
        left = [session for key, session in list(sts._sessions.items()) if key.startswith(OWN)]
        self.assertTrue(all(session["Expiration"] > time.time() for session in left))

    def _forget(self) -> None:
        for key in list(sts._sessions):
            if key.startswith(OWN):
                del sts._sessions[key]
