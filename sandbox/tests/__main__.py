"""python sandbox/tests [--list] [--exact] [--skip WORD] [--test-threads N] [WORD ...]: runs the tests,
or those whose names hold one of the words, and tells each as Rust's test harness does.

The classes of tests are shared out among processes, of which each has an emulator of its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SLOWEST = 10  # as many are told


def main() -> int:
    arguments = _arguments()
    loader = unittest.TestLoader()
    every = [test.id() for test in tests(loader.discover(str(FOLDER)))]
    if loader.errors:
        sys.exit("\n".join(loader.errors))
    _check_that_none_is_hidden(every)
    chosen = [test for test in every if _is_wanted(name(test), arguments)]
    if arguments.list:
        for test in chosen:
            print(f"{name(test)}: test")
        return 0
    print(f"\nrunning {len(chosen)} tests", flush=True)
    began = time.monotonic()
    ended = []
    for one in _run(chosen, arguments.test_threads):
        ended.append(one)
        print(f"test {name(one['name'])} ... {one['how']}", flush=True)
    bad = [one for one in ended if one["how"] == "FAILED"]
    for one in bad:
        print(f"\n---- {name(one['name'])} ----\n{one['words']}")
    print("\nthe slowest, in seconds:")
    for one in sorted(ended, key=lambda one: -one["seconds"])[:SLOWEST]:
        print(f"{one['seconds']:7.1f} {name(one['name'])}")
    passed = sum(one["how"] == "ok" for one in ended)
    print(
        f"\ntest result: {'FAILED' if bad else 'ok'}. {passed} passed; {len(chosen) - passed} not; "
        f"{len(every) - len(chosen)} filtered out; "
        f"finished in {time.monotonic() - began:.2f}s\n",
        flush=True,
    )
    return 101 if bad else 0


def _run(chosen: list[str], processes: int) -> Iterator[dict[str, Any]]:
    """How each test ended, as it ends."""
    # What a class needs is made once: its tests stay together.
    groups = [list(group) for _, group in itertools.groupby(chosen, lambda test: test.rpartition(".")[0])]
    waiting: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    for group in sorted(groups, key=len, reverse=True):
        waiting.put(group)
    told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    processes = min(processes, len(groups))
    for _ in range(processes):
        threading.Thread(target=_work, args=(waiting, told)).start()
    while processes:
        one = told.get()
        if one is None:
            processes -= 1
        else:
            yield one


def _work(waiting: queue.SimpleQueue, told: queue.SimpleQueue) -> None:
    """Hands groups to a process, until none is left; to another, where one has died of a group."""
    process = None
    try:
        while True:
            group = waiting.get_nowait()
            if process is None or process.poll() is not None:
                process = _worker()
            for one in _answers(process, group):
                told.put(one)
    except queue.Empty:
        if process is not None:
            process.stdin.close()
            process.wait()
    finally:
        told.put(None)


def _worker() -> subprocess.Popen[str]:
    worker = [sys.executable, "-B", FOLDER / "worker.py"]
    return subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _answers(process: subprocess.Popen[str], group: list[str]) -> Iterator[dict[str, Any]]:
    missing = set(group)
    process.stdin.write(json.dumps(group) + "\n")
    process.stdin.flush()
    while line := process.stdout.readline():
        one = json.loads(line)
        if one is None:
            break
        missing.discard(one["name"])
        yield one
    else:
        process.wait()
    for test in sorted(missing):
        yield {"name": test, "how": "FAILED", "seconds": 0, "words": "it did not run to its end"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--skip", action="append", default=[], metavar="WORD")
    threads = int(os.environ.get("RUST_TEST_THREADS") or os.cpu_count() or 1)
    parser.add_argument("--test-threads", type=int, default=threads, metavar="N")
    # Of Rust's harness; nothing comes of them here.
    for option in ("--format", "--color", "--logfile"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    return parser.parse_known_args()[0]


def tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests(one)
        else:
            yield one


def name(test: str) -> str:
    return test.replace(".", "::")


def _is_wanted(name: str, arguments: argparse.Namespace) -> bool:
    def matches(word: str) -> bool:
        return word == name if arguments.exact else word in name

    words = arguments.words
    return (not words or any(map(matches, words))) and not any(map(matches, arguments.skip))


def _check_that_none_is_hidden(found: list[str]) -> None:
    """Two tests of one name are one: the files are read to see whether each was found."""
    files = FOLDER.glob("test_*.py")
    lines = [line for file in files for line in file.read_text().splitlines()]
    written = sum(line.startswith("    def test_") for line in lines)
    if written != len(found):
        sys.exit(f"{written} tests are written, and {len(found)} were found")


if __name__ == "__main__":
    sys.exit(main())
