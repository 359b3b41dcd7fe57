"""python sandbox/tests [--list] [--exact] [--skip WORD] [WORD ...]: runs the tests, or those whose
names hold one of the words, and tells each as Rust's test harness does."""

from __future__ import annotations

import argparse
import sys
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent


class Told(unittest.TestResult):
    """Tells of each test how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self._bad_before = 0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._bad_before = self._bad()
        self._skipped_before = len(self.skipped)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if self._bad() > self._bad_before:
            how = "FAILED"
        elif len(self.skipped) > self._skipped_before:
            how = "ignored"
        else:
            how = "ok"
            self.passed += 1
        print(f"test {name(test)} ... {how}", flush=True)

    def _bad(self) -> int:
        return len(self.failures) + len(self.errors) + len(self.unexpectedSuccesses)


def main() -> int:
    arguments = _arguments()
    loader = unittest.TestLoader()
    every = list(tests(loader.discover(str(FOLDER))))
    if loader.errors:
        sys.exit("\n".join(loader.errors))
    _check_that_none_is_hidden(every)
    chosen = [test for test in every if _is_wanted(name(test), arguments)]
    if arguments.list:
        for test in chosen:
            print(f"{name(test)}: test")
        return 0
    print(f"\nrunning {len(chosen)} tests", flush=True)
    result = Told()
    began = time.monotonic()
    unittest.TestSuite(chosen).run(result)
    for test, words in result.failures + result.errors:
        print(f"\n---- {test} ----\n{words}")
    verdict = "ok" if result.wasSuccessful() else "FAILED"
    print(
        f"\ntest result: {verdict}. {result.passed} passed; {len(chosen) - result.passed} not; "
        f"{len(every) - len(chosen)} filtered out; "
        f"finished in {time.monotonic() - began:.2f}s\n",
        flush=True,
    )
    return 0 if result.wasSuccessful() else 101


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--skip", action="append", default=[], metavar="WORD")
    # Of Rust's harness; nothing comes of them here.
    for option in ("--test-threads", "--format", "--color", "--logfile"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    return parser.parse_known_args()[0]


def tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests(one)
        else:
            yield one


def name(test: unittest.TestCase) -> str:
    return test.id().replace(".", "::")


def _is_wanted(name: str, arguments: argparse.Namespace) -> bool:
    def matches(word: str) -> bool:
        return word == name if arguments.exact else word in name

    words = arguments.words
    return (not words or any(map(matches, words))) and not any(map(matches, arguments.skip))


def _check_that_none_is_hidden(found: list[unittest.TestCase]) -> None:
    """Two tests of one name are one: the files are read to see whether each was found."""
    files = FOLDER.glob("test_*.py")
    lines = [line for file in files for line in file.read_text().splitlines()]
    written = sum(line.startswith("    def test_") for line in lines)
    if written != len(found):
        sys.exit(f"{written} tests are written, and {len(found)} were found")


if __name__ == "__main__":
    sys.exit(main())
