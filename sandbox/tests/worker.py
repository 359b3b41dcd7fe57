"""Runs the tests whose names it reads, a line of JSON for each group, and tells how each ended.

A group is answered by a line for each test, `{"name", "how", "seconds", "words"}`, and by `null`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import unittest
from pathlib import Path
from typing import Any, TextIO


class Told(unittest.TestResult):
    """Tells of each test how it ended."""

    def __init__(self, answers: TextIO) -> None:
        super().__init__()
        self._answers = answers

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._words: list[str] = []
        self._how = "ok"
        self._began = time.monotonic()

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self._tell(test.id(), self._how, time.monotonic() - self._began, "\n".join(self._words))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self._failed(test, self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self._failed(test, self.errors[-1][1])

    def addSubTest(self, test: unittest.TestCase, subtest: Any, err: Any) -> None:
        bad = self.failures + self.errors
        super().addSubTest(test, subtest, err)
        for part, words in (self.failures + self.errors)[len(bad) :]:
            self._failed(test, f"{part}\n{words}")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._failed(test, "it was expected to fail")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._how = "ignored"

    def _failed(self, test: unittest.TestCase, words: str) -> None:
        if isinstance(test, unittest.TestCase):
            self._how = "FAILED"
            self._words.append(words)
        else:  # what makes or removes the ground of a class
            self._tell(test.id(), "FAILED", 0, words)

    def _tell(self, name: str, how: str, seconds: float, words: str) -> None:
        told = {"name": name, "how": how, "seconds": seconds, "words": words}
        print(json.dumps(told), file=self._answers, flush=True)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a test prints is no answer
    loader = unittest.TestLoader()
    # All is read before the emulator runs, which replaces parts of the sandbox.
    loader.discover(str(Path(__file__).parent))
    for line in sys.stdin:
        loader.loadTestsFromNames(json.loads(line)).run(Told(answers))
        print("null", file=answers, flush=True)


if __name__ == "__main__":
    main()
