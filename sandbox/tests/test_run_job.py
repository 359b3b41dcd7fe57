"""A staged job's inputs arrive as they were, its outputs and its log return, and how it ended is
told, whatever becomes of it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

NODE = Path(__file__).parents[2] / "templates/node"
PROGRAM = NODE / "run-job.py"
FRONT = NODE / "run-job.sh"
BLOB = 5 << 19
UNSTAGED = 74

# The same program in less time.
QUICK = {
    "PAUSES = (0.5, 3)": "PAUSES = (0.05, 0.1)",
    "FIRST_TICK, LAST_TICK = 3, 30": "FIRST_TICK, LAST_TICK = 0.1, 0.3",
    "PACK = 16 << 20": "PACK = 1 << 20",
}

# And with less time at its end, where a test waits until that is over.
SHORT_GRACE = {"LAST_GRACE = 15, 20, 22, 28": "LAST_GRACE = 5, 7, 8, 11"}

# Keeps a bucket in a folder. `rules` says what goes wrong: for which operation and key, how, and
# how often. `puts` gets a line for each object that was written.
AWS = r"""
import json, os, re, shutil, sys, time
arguments = [one for one in sys.argv[3:] if one not in ("--recursive", "--only-show-errors")]
source, target, option, region = arguments
assert not any(name.startswith("PYTHON") for name in os.environ)
assert sys.argv[1:3] == ["s3", "cp"] and (option, region) == ("--region", "zz-test-1"), sys.argv
root = os.environ["FAKE_AWS"]
operation = "get" if source.startswith("s3://") else "put"
name = (source if operation == "get" else target)[len("s3://"):]
place = os.path.join(root, "s3", name)

def rule():
    with open(os.path.join(root, "rules")) as file:
        rules = json.load(file)
    for number, one in enumerate(rules):
        if re.fullmatch(one["op"], operation) and re.search(one["key"], name):
            for turn in range(one.get("times", 1000000)):
                try:
                    os.close(os.open(os.path.join(root, "turn-%d-%d" % (number, turn)),
                                     os.O_CREAT | os.O_EXCL))
                    return number, one["how"]
                except FileExistsError:
                    pass
    return None, ""

def meet(rule, count):
    # Waits until as many calls have come to the same rule as are to be under way at once.
    end = time.monotonic() + 10
    while len([one for one in os.listdir(root) if one.startswith("turn-%d-" % rule)]) < count:
        if time.monotonic() > end:
            open(os.path.join(root, "alone"), "w").close()
            return
        time.sleep(0.02)

number, how = rule()
if how.startswith("meet"):
    meet(number, int(how[4:]))
if how.startswith("slow"):
    time.sleep(float(how[4:]))
if how == "fail":
    sys.exit("upload failed: no such luck")
if operation == "put":
    data = sys.stdin.buffer.read()
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(os.path.join(root, "half-%d" % os.getpid()), "wb") as file:
        file.write(data)
    is_new = not os.path.exists(place)
    os.rename(file.name, place)
    with open(os.path.join(root, "puts"), "a") as file:
        file.write("%s %s\n" % ("new" if is_new else "again", name))
    if how == "lose":
        sys.exit("upload failed: the connection broke")
elif "--recursive" in sys.argv:
    shutil.copytree(place, target, dirs_exist_ok=True)
elif target == "-":
    if not os.path.exists(place):
        sys.exit("fatal error: An error occurred (404) when calling the HeadObject operation: Key")
    with open(place, "rb") as file:
        data = file.read()
    if how == "damage":
        data = data[:-1] + bytes([data[-1] ^ 1])
    if how == "cut":
        data = data[:-1]
    try:
        sys.stdout.buffer.write(data)
    except BrokenPipeError:
        pass
else:
    shutil.copy(place, target)
if how == "hold":
    sys.stdout.flush()
    open(os.path.join(root, "held"), "w").close()
    time.sleep(300)
"""


def load():
    spec = importlib.util.spec_from_file_location("run_job", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_entry(path: str, data: bytes = b"", **fields) -> dict:
    said = {"path": path, "kind": "file", "mode": 0o644, "mtime_ns": 10**18 + 123456789}
    return {**said, "size": len(data), "sha256": sha256(data), "pieces": [], **fields}


def folder_entry(path: str, **fields) -> dict:
    return {"path": path, "kind": "folder", "mode": 0o755, "mtime_ns": 10**18 + 7, **fields}


def contents(folder: Path) -> dict:
    """Returns what is below a folder, with all that is to stay the same."""
    found = {}
    for above, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(above, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                said = ("link", os.readlink(path))
            else:
                mode, time_ns = stat.S_IMODE(status.st_mode), status.st_mtime_ns
                data = Path(path).read_bytes() if stat.S_ISREG(status.st_mode) else None
                said = ("folder" if data is None else "file", mode, time_ns, data)
            found[os.path.relpath(path, folder)] = said
    return found


class Staged(unittest.TestCase):
    """A bucket, a node, and what the submitter does."""

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(load().remove, os.fsencode(self.root))
        self.bucket = self.root / "s3/bucket"
        self.bucket.mkdir(parents=True)
        (self.root / "bin").mkdir()
        aws = self.root / "bin/aws"
        aws.write_text(f"#!{sys.executable} -IS\n{AWS}")
        aws.chmod(0o755)
        self.work = self.root / "home/hpcapi"
        self.program = self.root / "program.py"
        self.program.write_text(PROGRAM.read_text())
        self.hurry(QUICK)
        self.rules()
        self.entries: dict = {}

    def hurry(self, changes: dict[str, str]) -> None:
        text = self.program.read_text()
        for slow, quick in changes.items():
            self.assertIn(slow, text)
            text = text.replace(slow, quick)
        self.program.write_text(text)

    def rules(self, *rules: dict) -> None:
        (self.root / "rules").write_text(json.dumps(rules))
        for turn in self.root.glob("turn-*"):
            turn.unlink()

    # What the submitter does.

    def put(self, key: str, data: bytes) -> str:
        path = self.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return sha256(data)

    def add(self, *entries: dict) -> None:
        self.entries.update({entry["path"]: entry for entry in entries})

    def add_files(self, files: dict[str, bytes], **fields) -> None:
        """Lays files one after the other into blobs."""
        everything = b"".join(files.values())
        blobs = [everything[at : at + BLOB] for at in range(0, len(everything), BLOB)]
        names = [self.put(f"blobs/{sha256(blob)}", blob) for blob in blobs]
        at = 0
        for path, data in files.items():
            pieces, end = [], at + len(data)
            while at < end:
                length = min(end, (at // BLOB + 1) * BLOB) - at
                pieces.append([names[at // BLOB], at % BLOB, length])
                at += length
            self.add(file_entry(path, data, pieces=pieces, **fields))

    def submit(self, script: str, **fields) -> None:
        lines = [json.dumps(entry) for entry in self.entries.values()]
        order = {
            "script": {
                "name": "job.sh",
                "sha256": self.put("runs/r-1/script", script.encode()),
            },
            "arguments": [],
            "inputs_sha256": self.put("runs/r-1/in.ndjson", "\n".join(lines).encode()),
            "out": [],
            "work": str(self.work),
            "keep_work": False,
            "submitted_by": "me",
            **fields,
        }
        self.digest = self.put("runs/r-1/run.json", json.dumps(order).encode())

    # What Slurm does.

    def start(self, attempt: int = 0, command: list[str] | None = None, **environment: str):
        mine = {name: value for name, value in os.environ.items() if "SLURM" not in name}
        mine.update(
            PATH=f"{self.root}/bin:{os.environ['PATH']}",
            FAKE_AWS=str(self.root),
            SLURM_JOB_ID="7",
            SLURMD_NODENAME="q-dy-a-1",
            **environment,
        )
        if attempt:
            mine["SLURM_RESTART_COUNT"] = str(attempt)
        arguments = ["r-1", "bucket", "zz-test-1", self.digest]
        out, err = self.root / "stdout", self.root / "stderr"
        with open(out, "ab") as out, open(err, "ab") as err, open(__file__) as stdin:
            process = subprocess.Popen(
                command or [sys.executable, "-I", str(self.program), *arguments],
                stdin=stdin,
                stdout=out,
                stderr=err,
                env=mine,
                cwd=self.root,
                start_new_session=True,
            )
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process: subprocess.Popen) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def run_job(self, *arguments, **environment: str) -> int:
        return self.start(*arguments, **environment).wait(60)

    # What is seen of it.

    def part(self, name: str, attempt: int = 0, task: str = "main") -> Path:
        return self.bucket / f"runs/r-1/parts/{task}/{attempt}/{name}"

    def ended(self, attempt: int = 0) -> dict:
        return json.loads(self.part("ended.json", attempt).read_text())

    def log(self, name: str = "stdout", attempt: int = 0) -> str:
        pieces = sorted(self.part(f"log/{name}", attempt).glob("*"))
        self.assertEqual([one.name for one in pieces], ["%06d" % n for n in range(len(pieces))])
        return b"".join(one.read_bytes() for one in pieces).decode()

    def outputs(self, attempt: int = 0) -> dict:
        """Returns the outputs in the bucket as `contents` does."""
        listed = self.part("out.ndjson", attempt).read_bytes()
        self.assertEqual(sha256(listed), self.ended(attempt)["outputs_sha256"])
        found = {}
        paths = []
        for entry in map(json.loads, listed.decode().splitlines()):
            paths.append(entry["path"].encode())
            if entry["kind"] == "link":
                found[entry["path"]] = ("link", entry["target"])
                continue
            data = None
            if entry["kind"] == "file":
                data = b""
                for name, at, length in entry["pieces"]:
                    data += self.part(f"out/{name}", attempt).read_bytes()[at : at + length]
                self.assertEqual((len(data), sha256(data)), (entry["size"], entry["sha256"]))
            found[entry["path"]] = (entry["kind"], entry["mode"], entry["mtime_ns"], data)
        self.assertEqual(paths, sorted(paths))
        return found

    def puts(self) -> list[str]:
        return (self.root / "puts").read_text().splitlines()

    def folder(self, attempt: int = 0) -> Path:
        return self.work / f"r-1/main-{attempt}"

    def assert_done(self, code: int = 0, attempt: int = 0) -> None:
        ended = self.ended(attempt)
        found = ended["stage"], ended["exit_code"], ended["signal"], ended["problem"]
        self.assertEqual(found, ("done", code, None, None), (self.root / "stderr").read_text())

    def assert_unstaged(self, words: str) -> None:
        """The script did not run, and nothing is left of it."""
        self.assertEqual(self.run_job(), UNSTAGED, (self.root / "stderr").read_text())
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("inputs", None), ended)
        self.assertIn(words, ended["problem"])
        self.assertNotIn("script ran", self.log())
        self.assertFalse(self.folder().exists())

    def wait_for(self, what, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, (self.root / "stderr").read_text())
            time.sleep(0.02)

    def wait_for_line(self, line: str) -> None:
        self.wait_for(lambda: line in (self.root / "stdout").read_text())


class Inputs(Staged):
    def test_thousands_of_files_arrive_and_return_as_they_are(self) -> None:
        some = random.Random(1)
        files = {f"data/{n % 7}/{n}": some.randbytes(some.randrange(3000)) for n in range(1000)}
        files["data/large"] = some.randbytes(5 * BLOB + 17)
        files["data/same"] = files["data/large"]
        self.add_files(files)
        self.submit("#!/bin/sh\ncp -a data copied", out=["copied/**"])
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        found = self.outputs()
        returned = {path: said[3] for path, said in found.items() if said[0] == "file"}
        self.assertEqual(returned, {path.replace("data", "copied"): files[path] for path in files})
        self.assertGreater(len(list(self.part("out").glob("*"))), 5)
        self.assertFalse(self.folder().exists())
        self.assertFalse(Path(f"{self.folder()}.script").exists())
        self.assertFalse(self.folder().parent.exists())

    def test_names_are_data(self) -> None:
        deep = "/".join(["d" * 250] * 4) + "/" + "e" * 20
        names = ["a\nb", "'", '"', "$(touch ../evil)", "`x`", "-rf", "--", "é☃", "a b", " ", "\t"]
        names += ["\\", "*", "[x]", "~", "...", "s3:", "%s", "\x1b[0m", deep]
        self.add_files({name: name.encode() for name in names})
        self.add_files({f"-/{name}/{name}": b"inner" for name in names[:12]})
        self.submit("#!/bin/sh\ntrue", out=["**"], arguments=["-x", "a\nb", "$(y)", "é", ""])
        self.assertEqual(self.run_job(LC_ALL="C"), 0)
        self.assert_done()
        found = self.outputs()
        self.assertEqual({name: found[name][3] for name in names}, {n: n.encode() for n in names})
        self.assertEqual(len([one for one in found.values() if one[3] == b"inner"]), 12)
        self.assertEqual(list(self.root.rglob("evil")), [])

    def test_kinds_modes_and_times_are_kept(self) -> None:
        self.add(folder_entry("closed", mode=0o555), folder_entry("empty", mode=0o700))
        self.add(folder_entry("closed/deep", mtime_ns=5), file_entry("nothing", mode=0o600))
        self.add_files({"closed/deep/file": b"x", "run": b"y"}, mode=0o4755)
        self.add({"path": "dangling", "kind": "link", "target": "/no where/\n"})
        self.add({"path": "closed/link", "kind": "link", "target": "deep"})
        self.submit("#!/bin/sh\ntrue", out=["**"], keep_work=True)
        self.assertEqual(self.run_job(), 0)
        there = contents(self.folder())
        time_ns = 10**18 + 123456789
        self.assertEqual(
            there,
            {
                "closed": ("folder", 0o555, 10**18 + 7, None),
                "closed/deep": ("folder", 0o755, 5, None),
                "closed/deep/file": ("file", 0o755, time_ns, b"x"),
                "closed/link": ("link", "deep"),
                "dangling": ("link", "/no where/\n"),
                "empty": ("folder", 0o700, 10**18 + 7, None),
                "nothing": ("file", 0o600, time_ns, b""),
                "run": ("file", 0o755, time_ns, b"y"),
            },
        )
        self.assertEqual(self.outputs(), there)
        for path in self.work, self.work / "r-1", self.folder():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)

    def test_folders_are_closed_after_what_is_in_them(self) -> None:
        program = load()
        lines = [json.dumps(folder_entry(path, mode=0)) for path in ("a", "a/b", "a/b/c", "a b")]
        with tempfile.TemporaryDirectory() as root:
            text = "\n".join(lines).encode()
            inputs = program.Inputs(text, os.fsencode(root), None, lambda: None)
            inputs.make_folders()
            with mock.patch.object(program.os, "chmod", wraps=os.chmod) as chmod:
                inputs.finish()
            closed = [os.fsdecode(call.args[0])[len(root) + 1 :] for call in chmod.call_args_list]
            self.assertLess(closed.index("a/b/c"), closed.index("a/b"))
            self.assertLess(closed.index("a/b"), closed.index("a"))
            program.remove(os.fsencode(root))
            os.mkdir(root)

    def test_paths_that_lead_out_are_refused(self) -> None:
        outside = self.root / "outside"
        outside.mkdir()
        (outside / "old").write_text("old")
        before = contents(outside)
        link = {"path": "link", "kind": "link", "target": str(outside)}
        s3 = {"path": "link", "kind": "s3", "url": "s3://other/x/"}
        bad = [
            "../x",
            "/x",
            "a/../../x",
            "..",
            ".",
            "",
            "a//b",
            "a/./b",
            "a/",
            "a\0b",
            f"{outside}/x",
        ]
        program = load()
        for entry in (one(path) for path in bad for one in (file_entry, folder_entry)):
            self.assertRaises(ValueError, program.read_input, entry)
            self.assertRaises(ValueError, program.read_input, dict(link, path=entry["path"]))
        cases = [
            ([file_entry("../outside/x")], "is no path"),
            ([file_entry(f"{outside}/x")], "is no path"),
            ([link, file_entry("link/old")], "is not in a folder"),
            ([link, folder_entry("link/a/b")], "is not in a folder"),
            ([s3, file_entry("link/a")], "is not in a folder"),
            ([file_entry("a"), file_entry("a/b")], "is not in a folder"),
        ]
        for entries, words in cases:
            with self.subTest(entries[-1]["path"]):
                self.entries = {}
                shutil.rmtree(self.bucket)
                self.add(*entries)
                self.submit("#!/bin/sh\necho script ran")
                self.assert_unstaged(words)
                self.assertEqual(contents(outside), before)
                self.assertFalse((self.work / "r-1").exists())

    def test_an_input_is_there_once(self) -> None:
        self.add(file_entry("a"))
        self.entries["again"] = {"path": "a", "kind": "link", "target": "/etc/passwd"}
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("the input a is there twice")

    def test_what_is_no_list_is_refused(self) -> None:
        name = sha256(b"")
        entries = [
            {"path": "a", "kind": "device"},
            {"path": 1, "kind": "folder"},
            {"path": "a\ud800", "kind": "link", "target": "x"},
            {"path": "a", "kind": "s3", "url": "-x"},
            file_entry("a", pieces=[["../run.json", 0, 0]]),
            file_entry("a", pieces=[[name, -1, 0]]),
            file_entry("a", b"x", pieces=[[name, 0, 2]]),
            file_entry("a", size=True),
        ]
        for entry in entries:
            with self.subTest(entry):
                self.entries = {"a": entry}
                shutil.rmtree(self.bucket)
                self.submit("#!/bin/sh\necho script ran")
                self.assert_unstaged("line 1 of in.ndjson is not understood")

    def test_what_was_not_submitted_is_refused(self) -> None:
        for name in "run.json", "script", "in.ndjson":
            with self.subTest(name):
                shutil.rmtree(self.bucket)
                self.add(file_entry("a"))
                self.submit("#!/bin/sh\necho script ran")
                path = self.bucket / "runs/r-1" / name
                path.write_bytes(path.read_bytes() + b" ")
                self.assert_unstaged(f"runs/r-1/{name} is not what was submitted")

    def test_a_script_has_a_plain_name(self) -> None:
        for name in "../evil", "", "..", "a/b", "a\0":
            shutil.rmtree(self.bucket)
            self.submit("#!/bin/sh\necho script ran")
            order = json.loads((self.bucket / "runs/r-1/run.json").read_text())
            order["script"]["name"] = name
            self.digest = self.put("runs/r-1/run.json", json.dumps(order).encode())
            self.assert_unstaged("is no name of a script")

    def test_what_every_run_has_comes_at_once(self) -> None:
        self.submit("#!/bin/sh\ntrue")
        self.rules({"op": "get", "key": "r-1/(run.json|script|in.ndjson)$", "how": "meet3"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())

    def test_it_is_told_that_a_job_has_begun_while_its_inputs_come(self) -> None:
        self.add_files({"a": b"x" * BLOB, "b": b"y"})
        self.submit("#!/bin/sh\ntrue")
        self.rules({"op": "get|put", "key": "(blobs/.*|started.json)$", "how": "meet3"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())

    def test_a_script_does_not_run_where_the_bucket_cannot_be_written(self) -> None:
        self.submit("#!/bin/sh\ntouch ../../ran")
        self.rules({"op": "put", "key": "started.json", "how": "fail"})
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertEqual((self.ended()["stage"], self.ended()["exit_code"]), ("inputs", None))
        self.assertFalse((self.work / "ran").exists())

    def test_a_missing_blob_is_named(self) -> None:
        self.add_files({"a": b"x"})
        self.submit("#!/bin/sh\necho script ran")
        name = sha256(b"x")
        (self.bucket / "blobs" / name).unlink()
        self.assert_unstaged(f"blob {name} could not be fetched: fatal error: An error occurred")

    def test_a_damaged_blob_is_named(self) -> None:
        for how in "damage", "cut":
            shutil.rmtree(self.bucket)
            self.add_files({"a": b"xyz"})
            self.submit("#!/bin/sh\necho script ran")
            self.rules({"op": "get", "key": "blobs", "how": how})
            self.assert_unstaged(f"blob {sha256(b'xyz')} could not be fetched: it is damaged")

    def test_what_fails_twice_is_tried_again(self) -> None:
        self.add_files({"a": b"xyz"})
        self.submit("#!/bin/sh\ncat a", out=["a"])
        self.rules(
            {"op": "get", "key": "blobs", "how": "damage", "times": 1},
            {"op": "get", "key": ".", "how": "fail", "times": 2},
            {"op": "put", "key": "/out", "how": "fail", "times": 2},
            {"op": "put", "key": "ended", "how": "fail", "times": 2},
        )
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertEqual(self.outputs()["a"][3], b"xyz")

    def test_pieces_are_those_of_their_file(self) -> None:
        self.add_files({"a": b"xyz"})
        self.entries["a"]["sha256"] = sha256(b"other")
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("the input a is not as it was")
        shutil.rmtree(self.bucket)
        self.add_files({"a": b"xyz"})
        self.entries["a"].update(size=4, pieces=[[sha256(b"xyz"), 0, 4]])
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("in.ndjson has more of it than there is")

    def test_inputs_that_have_no_room_are_not_begun(self) -> None:
        self.add_files({"a": b"x"})
        length = 1 << 50
        self.entries["a"].update(size=length, pieces=[[sha256(b"x"), 0, length]])
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged(f"no room: the inputs have {length} bytes, and ")

    def test_a_disk_that_fills_is_told_apart_from_the_script(self) -> None:
        full = "os.open('/dev/full', os.O_WRONLY)"
        cases = [
            ("os.pwrite(file, data, place)", f"os.pwrite({full}, data, place)", "main-0/a"),
            ("file.write(text)", f"os.write({full}, text)", "main-0.script/job.sh"),
        ]
        for line, on_full_disk, path in cases:
            with self.subTest(path):
                shutil.rmtree(self.bucket)
                self.add_files({"a": b"x"})
                self.submit("#!/bin/sh\necho script ran", out=["**"])
                program = self.program.read_text()
                self.hurry({line: on_full_disk})
                self.assert_unstaged(f"{self.work}/r-1/{path}: No space left on device")
                self.program.write_text(program)

    def test_inputs_come_from_other_buckets(self) -> None:
        other = self.root / "s3/other/deep"
        other.mkdir(parents=True)
        (other / "one").write_bytes(b"1")
        self.add({"path": "all/of it", "kind": "s3", "url": "s3://other/deep/"})
        self.add({"path": "one", "kind": "s3", "url": "s3://other/deep/one"})
        self.submit("#!/bin/sh\ncat 'all/of it/one' one")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "11")
        shutil.rmtree(self.bucket)
        self.rules({"op": "get", "key": "other", "how": "fail"})
        self.submit("#!/bin/sh\necho script ran")
        self.assert_unstaged("s3://other/deep/")

    def test_no_more_is_done_at_once_than_the_memory_allows(self) -> None:
        program = load()
        cases = [
            ({}, 8),
            ({"SLURM_MEM_PER_NODE": "500"}, 3),
            ({"SLURM_MEM_PER_NODE": "64"}, 1),
            ({"SLURM_MEM_PER_NODE": "64000"}, 8),
            ({"SLURM_MEM_PER_NODE": "0", "SLURM_MEM_PER_CPU": "300"}, 2),
            ({"SLURM_MEM_PER_CPU": "300", "SLURM_CPUS_ON_NODE": "2"}, 4),
        ]
        for environment, wanted in cases:
            with mock.patch.dict(os.environ, environment):
                self.assertEqual(program.at_once(8), wanted, environment)

    def test_a_work_folder_belongs_to_the_home(self) -> None:
        program = load()
        with mock.patch.object(program.pwd, "getpwuid") as user:
            user.return_value.pw_dir = str(self.root / "me")
            place = program.Place("r-1")
            place.find("scratch/é")
            place.make()
        self.assertEqual(place.folder, os.fsencode(self.root / "me/scratch/é/r-1/main-0"))
        self.assertRaises(SystemExit, program.Place, "../x")


class Leftovers(Staged):
    """What earlier attempts left on the node."""

    WAIT = "#!/bin/sh\nls ..\ncat a\nuntil [ -e ../../../../go ]; do sleep 0.05; done\n"

    def begin(self, **fields) -> None:
        """An attempt is killed while its script runs."""
        self.add_files({"a": b"input\n"})
        self.submit(self.WAIT, **fields)
        process = self.start()
        self.wait_for_line("input")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        (self.root / "go").touch()

    def there(self) -> list[str]:
        return sorted(path.name for path in (self.work / "r-1").iterdir())

    def test_what_a_killed_attempt_left_makes_room_for_the_next(self) -> None:
        self.begin()
        (self.folder() / "closed/deep").mkdir(parents=True)
        (self.folder() / "closed").chmod(0)
        self.assertEqual(self.run_job(2), 0)
        self.assert_done(attempt=2)
        self.assertEqual(self.log(attempt=2), "main-2\nmain-2.script\ninput\n")
        self.assertFalse((self.work / "r-1").exists())

    def test_what_was_to_be_kept_is_kept(self) -> None:
        self.begin(keep_work=True)
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual(self.there(), ["main-0", "main-0.script", "main-1", "main-1.script"])

    def test_what_is_nowhere_else_stays_until_there_are_other_outputs(self) -> None:
        self.submit("#!/bin/sh\nls ..; echo x >b", out=["b"])
        self.rules({"op": "put", "key": "/out/", "how": "fail"})
        self.assertEqual((self.run_job(), self.run_job(1)), (UNSTAGED, UNSTAGED))
        both = ["main-0", "main-0.script", "main-1", "main-1.script"]
        self.assertEqual(self.there(), both)
        self.assertIn(f"stays on q-dy-a-1: {self.folder()}", self.ended()["problem"])
        self.rules()
        self.assertEqual(self.run_job(2), 0)
        self.assertEqual(self.log(attempt=2).split(), [*both, "main-2", "main-2.script"])
        self.assertFalse((self.work / "r-1").exists())

    def test_nothing_else_is_removed(self) -> None:
        outside = self.root / "outside"
        others = ["3-0", "3-0.script", "main-2", "main-00", "main-0.bak", "main-", "main-+0", "x"]
        for name in [*others, "outside"]:
            path = outside if name == "outside" else self.work / "r-1" / name
            path.mkdir(parents=True)
            (path / "file").touch()
        (self.work / "r-1/main-0").symlink_to(outside)
        (self.work / "r-1/main-0.script").write_text("a file")
        before = contents(self.work / "r-1"), contents(outside)
        self.submit("#!/bin/sh\ntrue")
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual((contents(self.work / "r-1"), contents(outside)), before)

    def test_nothing_is_removed_through_a_link(self) -> None:
        outside = self.root / "outside"
        (outside / "main-0").mkdir(parents=True)
        self.work.mkdir(parents=True)
        (self.work / "r-1").symlink_to(outside)
        self.submit("#!/bin/sh\ntrue")
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual(os.listdir(outside), ["main-0"])

    def test_what_belongs_to_others_is_left_alone(self) -> None:
        program = load()
        with mock.patch.dict(os.environ, {"SLURM_RESTART_COUNT": "1"}):
            place = program.Place("r-1")
        place.find(str(self.work))
        self.folder().mkdir(parents=True)
        with mock.patch.object(program.os, "geteuid", return_value=os.geteuid() + 1):
            place.remove_earlier(is_any=True)
            self.assertTrue(self.folder().exists())
        place.remove_earlier(is_any=False)
        self.assertFalse(self.folder().exists())


class Script(Staged):
    def test_it_runs_as_a_batch_script_does(self) -> None:
        script = (
            '#!/bin/bash\necho "$0|$*|$#|$PWD|$HPCAPI_RUN|$HPCAPI_WORK|$MINE"\n'
            "cat\nreadlink /proc/self/fd/0\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\n"
            "ls -l /proc/self/fd | wc -l\n"
        )
        self.submit(script, arguments=["a b", "", "$x"])
        self.assertEqual(self.run_job(MINE="é", HPCAPI_RUN="other"), 0)
        folder = self.folder()
        first, null, *signals, files = self.log().splitlines()
        self.assertEqual(first, f"{folder}.script/job.sh|a b  $x|3|{folder}|r-1|{folder}|é")
        self.assertEqual(null, "/dev/null")
        # The C library has the numbers from 32 on for itself.
        masks = [int(one.split()[1], 16) & 0x7FFFFFFF for one in signals]
        self.assertEqual(masks, [0, 0])
        self.assertEqual(files, "5")

    def test_its_exit_code_is_that_of_the_job(self) -> None:
        self.submit("#!/bin/sh\necho x >a; exit 3", out=["a"])
        self.assertEqual(self.run_job(), 3)
        self.assert_done(3)
        self.assertEqual(self.outputs()["a"][3], b"x\n")

    def test_its_signal_is_that_of_the_job(self) -> None:
        for number in signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGUSR1:
            shutil.rmtree(self.bucket)
            self.submit(f"#!/bin/sh\nkill -{number.value} $$", out=["**"])
            self.assertEqual(self.run_job(), -number)
            ended = self.ended()
            found = ended["stage"], ended["exit_code"], ended["signal"]
            self.assertEqual(found, ("done", None, number.value))

    def test_without_a_first_line_it_is_for_bash(self) -> None:
        self.submit("echo ${BASH##*/} $1", arguments=["x"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "bash x\n")

    def test_one_that_cannot_be_started_says_why(self) -> None:
        self.submit("#!/no/such/shell\n")
        self.assert_unstaged("the script cannot be started: No such file or directory")

    def test_the_front_finds_a_python(self) -> None:
        self.submit("#!/bin/sh\necho $region; ls -l /proc/self/fd | wc -l", out=["**"])
        lines = f"run=r-1 bucket=bucket region=zz-test-1 digest={self.digest}\n"
        text = lines + FRONT.read_text() + "begin \"$1\" 3<<'END_OF_PROGRAM'\n"
        batch = self.root / "batch"
        batch.write_text(text + self.program.read_text() + "END_OF_PROGRAM\n")
        self.assertEqual(self.run_job(0, ["bash", str(batch)], PYTHONPATH="/x", python="mine"), 0)
        self.assert_done()
        self.assertEqual(self.log(), "\n5\n")
        nowhere = re.sub(r"(?m)^set -- .*$", "set -- /no/python*", text)
        batch.write_text(nowhere + "END_OF_PROGRAM\n")
        self.assertEqual(self.run_job(0, ["bash", str(batch)]), UNSTAGED)
        self.assertIn("no Python 3.6", (self.root / "stderr").read_text())

    def test_objects_come_in_order_and_once(self) -> None:
        self.add_files({"a": b"x" * 3 * BLOB})
        self.submit("#!/bin/sh\necho begun; sleep 0.5; echo ended", out=["a"])
        self.assertEqual(self.run_job(SLURM_ARRAY_TASK_ID="12", SLURM_RESTART_COUNT="2"), 0)
        prefix = "new bucket/runs/r-1/parts/12/2/"
        puts = self.puts()
        self.assertEqual([one for one in puts if not one.startswith(prefix)], [])
        names = [one[len(prefix) :] for one in puts]
        self.assertEqual((names[0], names[-1]), ("started.json", "ended.json"))
        self.assertEqual(len([name for name in names if name.startswith("out")]), 9)
        started = json.loads(self.part("started.json", 2, "12").read_text())
        self.assertAlmostEqual(started.pop("time"), time.time(), delta=60)
        folder = str(self.work / "r-1/12-2")
        self.assertEqual(started, {"job_id": 7, "node": "q-dy-a-1", "folder": folder})


class Ends(Staged):
    """What Slurm sends to end a job, and what is only for its script."""

    # Until a test lets it go on.
    WAIT = 'until [ -e "$STOP" ]; do sleep 0.05; done\n'
    TRAP = (
        "#!/bin/bash\nn=0\ntrap 'echo TERM $((++n))' TERM\ntrap 'echo USR1' USR1\n"
        "trap 'echo HUP' HUP\necho ready\n"
    )

    TOLD = "Slurm told the job to end (SIGTERM) while its script ran"
    RESCUED = "its outputs were sent as they were then"

    def begin(self, rest: str, **fields) -> subprocess.Popen:
        self.submit(self.TRAP + rest, **fields)
        process = self.start(STOP=str(self.root / "stop"))
        self.wait_for_line("ready")
        return process

    def let_it_end(self) -> None:
        (self.root / "stop").touch()

    def test_the_end_of_a_job_reaches_its_script_once(self) -> None:
        for kill in os.kill, os.killpg:
            with self.subTest(kill.__name__):
                shutil.rmtree(self.bucket)
                (self.root / "stdout").unlink(missing_ok=True)
                (self.root / "stop").unlink(missing_ok=True)
                process = self.begin(self.WAIT + "echo cleaned; exit 5", out=["**"])
                kill(process.pid, signal.SIGCONT)
                kill(process.pid, signal.SIGTERM)
                self.wait_for_line("TERM 1")
                # A second one would come as soon as this.
                time.sleep(3)
                self.let_it_end()
                self.assertEqual(process.wait(60), 5)
                ended = self.ended()
                self.assertEqual((ended["stage"], ended["exit_code"]), ("script", 5))
                self.assertEqual(ended["problem"], f"{self.TOLD}; {self.RESCUED}")
                self.assertEqual(self.log(), "ready\nTERM 1\ncleaned\n")
                self.assertFalse(self.work.joinpath("r-1").exists())

    def end_job(self, process: subprocess.Popen) -> None:
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, signal.SIGTERM)

    def test_outputs_of_a_script_that_ends_in_time_are_sent(self) -> None:
        rest = "echo half >a; " + self.WAIT + "echo whole >>a; echo cleaned; exit 0"
        process = self.begin(rest, out=["a"])
        self.end_job(process)
        self.wait_for_line("TERM 1")
        self.let_it_end()
        self.assertEqual(process.wait(60), 0)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("script", 0))
        self.assertEqual(ended["problem"], f"{self.TOLD}; {self.RESCUED}")
        self.assertEqual(self.outputs()["a"][3], b"half\nwhole\n")
        self.assertEqual(self.log(), "ready\nTERM 1\ncleaned\n")
        self.assertFalse(self.folder().exists())

    def test_outputs_for_which_the_time_is_too_short_stay(self) -> None:
        self.hurry(SHORT_GRACE)
        self.rules({"op": "put", "key": "/out/", "how": "slow300"})
        process = self.begin("echo half >a; " + self.WAIT + "echo cleaned", out=["a"])
        self.end_job(process)
        self.wait_for_line("TERM 1")
        self.let_it_end()
        self.assertEqual(process.wait(60), 0)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["outputs_sha256"]), ("script", None))
        why = "the time was too short to send its outputs"
        stays = f"the work folder stays on q-dy-a-1: {self.folder()}"
        self.assertEqual(ended["problem"], f"{self.TOLD}; {why}; {stays}")
        self.assertEqual((self.folder() / "a").read_text(), "half\n")
        self.assertEqual(self.log(), "ready\nTERM 1\ncleaned\n")
        self.assertIn(why, self.log("stderr"))

    def test_outputs_of_a_script_that_was_ended_may_be_refused(self) -> None:
        process = self.begin("touch $'\\xff'; " + self.WAIT, out=["**"])
        self.end_job(process)
        self.wait_for_line("TERM 1")
        self.let_it_end()
        self.assertEqual(process.wait(60), 0)
        why = r"its outputs could not be sent: the output \xff has a name that is not UTF-8"
        self.assertIn(f"{self.TOLD}; {why}; ", self.ended()["problem"])

    def test_a_script_that_goes_on_is_told_of_before_it_is_killed(self) -> None:
        self.hurry(SHORT_GRACE)
        process = self.begin("echo here; while :; do sleep 0.1; done", out=["**"])
        self.end_job(process)
        self.wait_for(self.part("ended.json").exists)
        ended = self.ended()
        found = ended["stage"], ended["exit_code"], ended["signal"], ended["outputs_sha256"]
        self.assertEqual(found, ("script", None, None, None))
        why = f"{self.TOLD}, which went on; its outputs were not sent"
        self.assertIn(f"{why}; the work folder stays on ", ended["problem"])
        self.assertIn("TERM 1\n", self.log())
        self.assertIsNone(process.poll())

    def test_a_signal_for_the_script_is_its_own_matter(self) -> None:
        process = self.begin(self.WAIT + "echo $n; touch made", out=["made"])
        for number, line in (
            (signal.SIGTERM, "TERM 1"),
            (signal.SIGUSR1, "USR1"),
            (signal.SIGHUP, "HUP"),
        ):
            os.kill(process.pid, number)
            self.wait_for_line(line)
        self.let_it_end()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(sorted(self.log().split()), sorted("ready TERM 1 USR1 HUP 1".split()))
        self.assert_done()
        self.assertIn("made", self.outputs())

    def test_a_signal_for_all_reaches_the_script_once(self) -> None:
        process = self.begin(self.WAIT)
        os.killpg(process.pid, signal.SIGUSR1)
        self.wait_for_line("USR1")
        time.sleep(3)
        self.let_it_end()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.log(), "ready\nUSR1\n")
        self.assert_done()

    def test_signals_before_the_script_are_outlived(self) -> None:
        self.add_files({"a": b"x"})
        self.rules({"op": "get", "key": "blobs", "how": "slow1"})
        self.submit("#!/bin/sh\necho ready")
        process = self.start()
        self.wait_for(self.part("started.json").exists)
        for number in signal.SIGUSR1, signal.SIGHUP, signal.SIGQUIT:
            os.killpg(process.pid, number)
        self.assertEqual(process.wait(60), 0)
        self.assert_done()

    def test_staging_ends_at_once(self) -> None:
        self.add_files({"a": b"x"})
        self.rules({"op": "get", "key": "blobs", "how": "slow300"})
        self.submit("#!/bin/sh\necho script ran", out=["**"])
        process = self.start()
        self.wait_for((self.root / "turn-0-0").exists)
        os.killpg(process.pid, signal.SIGTERM)
        self.assertEqual(process.wait(60), UNSTAGED)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("inputs", None))
        self.assertEqual(
            ended["problem"], "Slurm told the job to end (SIGTERM) while its inputs were fetched"
        )
        self.assertFalse(self.folder().exists())

    def test_outputs_are_sent_while_there_is_time(self) -> None:
        for seconds, stage, code in ("1", "done", 0), ("300", "outputs", UNSTAGED):
            with self.subTest(seconds):
                shutil.rmtree(self.bucket)
                self.rules({"op": "put", "key": "/out/", "how": f"slow{seconds}"})
                if stage == "outputs":
                    self.hurry(SHORT_GRACE)
                self.submit("#!/bin/sh\necho x >a; echo ready", out=["a"])
                process = self.start()
                self.wait_for((self.root / "turn-0-0").exists)
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGTERM)
                self.assertEqual(process.wait(60), code)
                self.assertEqual(self.ended()["stage"], stage, self.ended())

    def test_another_attempt_follows_one_that_was_killed(self) -> None:
        some = random.Random(2)
        files = {f"d/{n}": some.randbytes(5000) for n in range(500)}
        self.add_files(files)
        self.submit("#!/bin/sh\ncp -a d e; sleep 0.1; echo written", out=["e"])
        began = time.monotonic()
        self.assertEqual(self.run_job(), 0)
        duration = time.monotonic() - began
        for attempt in range(1, 9):
            process = self.start(attempt)
            time.sleep(duration * attempt / 9)
            process.kill()
            process.wait()
            if self.part("ended.json", attempt).exists():
                self.outputs(attempt)
            if self.part("out.ndjson", attempt).exists():
                for line in self.part("out.ndjson", attempt).read_text().splitlines():
                    for name, at, length in json.loads(line).get("pieces", []):
                        size = self.part(f"out/{name}", attempt).stat().st_size
                        self.assertLessEqual(at + length, size)
        self.assertEqual(self.run_job(9), 0)
        self.assert_done(attempt=9)
        found = self.outputs(9)
        self.assertEqual({f"d/{path[2:]}": one[3] for path, one in found.items() if one[3]}, files)
        self.assertEqual([one for one in self.puts() if one.startswith("again")], [])


class Killed(Staged):
    """The program is killed, as by the kernel when memory is short, or with its node."""

    def test_a_small_object_is_whole_though_its_sender_is_killed(self) -> None:
        code = f"""
import importlib.util, os, subprocess
spec = importlib.util.spec_from_file_location("run_job", {str(self.program)!r})
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
start = subprocess.Popen
subprocess.Popen = lambda *a, **k: (start(*a, **k), os._exit(9))
program.Bucket("bucket", "zz-test-1").put("ended.json", b"the whole" * 1000, 60)
"""
        self.digest = ""
        process = self.start(command=[sys.executable, "-I", "-c", code])
        self.assertEqual(process.wait(60), 9, (self.root / "stderr").read_text())
        self.wait_for((self.bucket / "ended.json").exists)
        self.assertEqual((self.bucket / "ended.json").read_bytes(), b"the whole" * 1000)

    def test_large_objects_are_fed_to_a_call_that_may_end_early(self) -> None:
        self.submit("#!/bin/sh\nhead -c 1000000 /dev/zero >a", out=["a"])
        self.rules({"op": "put", "key": "/out/", "how": "fail", "times": 2})
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.outputs()["a"][3], bytes(1000000))

    def is_cut_off(self, attempt: int, calls: int, how: str) -> bool:
        """Kills an attempt when so many calls have begun, and the next waits. Returns whether it
        did not end before."""
        self.rules(
            {"op": "get|put", "key": ".", "how": "", "times": calls},
            {"op": "get|put", "key": ".", "how": how, "times": 1},
        )
        process = self.start(attempt)
        waits = self.root / ("held" if how == "hold" else "turn-1-0")
        self.wait_for(lambda: waits.exists() or process.poll() is not None)
        is_cut_off = process.poll() is None
        self.stop(process)
        self.rules()
        (self.root / "held").unlink(missing_ok=True)
        return is_cut_off

    def test_another_attempt_follows_wherever_one_is_killed(self) -> None:
        self.hurry({"FIRST_TICK, LAST_TICK = 0.1, 0.3": "FIRST_TICK, LAST_TICK = 60, 60"})
        self.add_files({"a": bytes(BLOB), "b": b"y\n"})
        self.submit("#!/bin/sh\necho line $(cat b); mkdir c; cp a b c; exit 5", out=["c"])
        attempt = 0
        for how in "slow300", "hold":
            calls = 0
            while self.is_cut_off(attempt, calls, how):
                with self.subTest(how=how, calls=calls):
                    left = contents(self.part("", attempt))
                    self.assertTrue("line y\n".startswith(self.log(attempt=attempt)))
                    self.assertEqual(self.run_job(attempt + 1), 5)
                    self.assert_done(5, attempt + 1)
                    found = {path: one[3] for path, one in self.outputs(attempt + 1).items()}
                    self.assertEqual(found, {"c": None, "c/a": bytes(BLOB), "c/b": b"y\n"})
                    self.assertEqual(self.log(attempt=attempt + 1), "line y\n")
                    self.assertEqual(contents(self.part("", attempt)), left)
                    self.assertFalse((self.work / "r-1").exists())
                attempt, calls = attempt + 2, calls + 1
            attempt += 1
        # Three of what every run has, two blobs, three outputs, their list, a log, two words.
        self.assertEqual(attempt, 2 * 2 * 12 + 2)
        self.assertEqual([one for one in self.puts() if one.startswith("again")], [])


class Logs(Staged):
    def test_they_come_while_the_job_runs(self) -> None:
        wait = "while ! [ -e go ]; do sleep 0.05; done"
        self.submit(f"#!/bin/sh\necho one; echo two >&2; {wait}; echo three")
        process = self.start()
        self.wait_for(lambda: self.log() == "one\n" and self.log("stderr") == "two\n")
        (self.folder() / "go").touch()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual((self.log(), self.log("stderr")), ("one\nthree\n", "two\n"))
        self.assert_done()

    def test_they_leave_memory_to_the_script_and_the_outputs(self) -> None:
        program = load()
        for memory, wanted in ("", 2), ("256", 1), ("512", 1), ("640", 2):
            said = {"SLURM_MEM_PER_NODE": memory}
            two_logs = mock.patch.object(program, "logs", return_value=[None, None])
            with self.subTest(memory), mock.patch.dict(os.environ, said), two_logs:
                shipper = program.Shipper(None)
                self.assertEqual(shipper.at_once, 1)
                shipper.hurry()
                self.assertEqual(shipper.at_once, wanted)

    def test_staging_is_logged_too(self) -> None:
        self.add_files({"a": b"x"})
        self.rules({"op": "get", "key": "blobs", "how": "slow300"})
        self.submit("#!/bin/sh\ntrue")
        self.start()
        self.wait_for(self.part("started.json").exists)
        with open(self.root / "stdout", "a") as file:
            file.write("from slurmstepd\n")
        self.wait_for(lambda: self.log() == "from slurmstepd\n")

    def test_both_streams_may_be_one(self) -> None:
        self.submit("#!/bin/sh\necho one; echo two >&2")
        (self.root / "stderr").symlink_to("stdout")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "one\ntwo\n")
        self.assertFalse(self.part("log/stderr").exists())

    def test_streams_that_are_no_files_are_let_be(self) -> None:
        self.submit("#!/bin/sh\necho one")
        (self.root / "stdout").symlink_to("/dev/null")
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse(self.part("log").exists())
        program = load()
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        with open(writing) as pipe, mock.patch.object(program.os, "fstat") as fstat:
            fstat.return_value = os.stat(f"/proc/self/fd/{pipe.fileno()}")
            self.assertEqual(program.logs(None), [])

    def test_what_an_attempt_before_wrote_is_its_own(self) -> None:
        self.submit("#!/bin/sh\necho one")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual((self.log(), self.log(attempt=1)), ("one\n", "one\n"))

    def test_much_comes_in_pieces(self) -> None:
        self.submit("#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' 'x'")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "x" * 9000000)
        sizes = [one.stat().st_size for one in self.part("log/stdout").glob("*")]
        self.assertLessEqual(max(sizes), 4 << 20)

    def test_a_piece_that_failed_stays_the_same(self) -> None:
        script = "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8 9; do echo $n; sleep 0.2; done"
        self.submit(script)
        self.rules({"op": "put", "key": "log/stdout/000001", "how": "lose", "times": 4})
        process = self.start()
        self.wait_for(self.part("log/stdout/000001").exists)
        first = self.part("log/stdout/000001").read_bytes()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.part("log/stdout/000001").read_bytes(), first)
        self.assertEqual(self.log(), "".join(f"{n}\n" for n in range(1, 10)))
        self.assert_done()

    def test_a_job_does_not_need_them(self) -> None:
        self.submit("#!/bin/sh\necho one; exit 4")
        self.rules({"op": "put", "key": "log/", "how": "fail"})
        self.assertEqual(self.run_job(), 4)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("done", 4))
        self.assertEqual(ended["problem"], "the end of the log could not be sent")

    def test_a_log_that_was_emptied_begins_again(self) -> None:
        wait = "while ! [ -e go ]; do sleep 0.05; done"
        self.submit(f"#!/bin/sh\necho long line; {wait}; : >../../../../stdout; echo new")
        process = self.start()
        self.wait_for(lambda: self.log() == "long line\n")
        (self.folder() / "go").touch()
        process.wait(60)
        self.assertEqual(self.log(), "long line\nnew\n")


class Outputs(Staged):
    def test_all_that_is_sent_in_the_end_is_sent_at_once(self) -> None:
        self.hurry({"FIRST_TICK, LAST_TICK = 0.1, 0.3": "FIRST_TICK, LAST_TICK = 60, 60"})
        self.submit("#!/bin/sh\necho one; echo two >&2; echo three >a", out=["a"])
        self.rules({"op": "put", "key": "(out|log)/|out.ndjson$", "how": "meet4"})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertFalse((self.root / "alone").exists())
        self.assertEqual(self.outputs()["a"][3], b"three\n")
        self.assertEqual((self.log(), self.log("stderr")), ("one\n", "two\n"))
        self.assertTrue(self.puts()[-1].endswith("/ended.json"))

    def test_what_comes_while_outputs_are_sent_is_logged_too(self) -> None:
        self.submit("#!/bin/sh\necho one; touch a", out=["a"])
        self.rules({"op": "put", "key": "out.ndjson", "how": "slow2"})
        process = self.start()
        self.wait_for(lambda: list(self.root.glob("turn-0-*")))
        with open(self.root / "stdout", "a") as file:
            file.write("two\n")
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(self.log(), "one\ntwo\n")
        self.assert_done()

    def test_no_list_is_told_of_whose_bytes_were_not_sent(self) -> None:
        self.submit("#!/bin/sh\necho x >a", out=["a"])
        self.rules({"op": "put", "key": "/out/000000", "how": "fail"})
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertTrue(self.part("out.ndjson").exists())
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["outputs_sha256"]), ("outputs", None))

    def test_globs_take_what_they_say(self) -> None:
        paths = [
            "a.csv",
            "b/a.csv",
            "b/c/a.csv",
            "b/.h",
            "results/x/y",
            "results/z",
            "[x]",
            "?",
            "c1",
        ]
        folders = ["b", "b/c", "results", "results/x"]
        cases = {
            "*.csv": ["a.csv"],
            "**/*.csv": ["a.csv", "b/a.csv", "b/c/a.csv"],
            "b/**/a.csv": ["b/a.csv", "b/c/a.csv"],
            "**/c/**/a.csv": ["b/c/a.csv"],
            "results/**": ["results", "results/x", "results/x/y", "results/z"],
            "./results": ["results", "results/x", "results/x/y", "results/z"],
            "result?/x/": ["results/x", "results/x/y"],
            "b/*": ["b/.h", "b/a.csv", "b/c", "b/c/a.csv"],
            "a.csv/**": [],
            "*/**": sorted(paths[1:6] + folders),
            "**": sorted(paths + folders),
            "[": [],
            "[[]x]": ["[x]"],
            "[?]": ["?"],
            "[!a-z[]*": ["?"],
            "c[0-9]": ["c1"],
            "c[z-a]": [],
            "c[!z-a]": ["c1"],
            "b[/]a.csv": [],
            "b?a.csv": [],
            "$(touch x)": [],
            ".*": [],
            "a|b": [],
        }
        program = load()
        with tempfile.TemporaryDirectory() as root:
            for path in paths:
                os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
                Path(root, path).touch()
            for pattern, wanted in cases.items():
                found = sorted(map(os.fsdecode, program.outputs(os.fsencode(root), [pattern])))
                self.assertEqual(found, wanted, pattern)
            found = program.outputs(os.fsencode(root), ["c1", "b/c"])
            self.assertEqual(sorted(found), [b"b/c", b"b/c/a.csv", b"c1"])
        for pattern in "/a", "../a", "a/../b", "", "/", ".":
            self.assertRaises(ValueError, program.expression, pattern)

    def test_links_are_not_followed(self) -> None:
        script = "#!/bin/sh\nln -s / root; mkdir d; ln -s ../root d/l; mkfifo p"
        self.submit(script, out=["**", "root/etc/*"])
        self.assertEqual(self.run_job(), 0)
        found = self.outputs()
        self.assertEqual(sorted(found), ["d", "d/l", "root"])
        self.assertEqual((found["d/l"], found["root"]), (("link", "../root"), ("link", "/")))
        said = "hpcapi: the output p is left out: it is no file, folder or link\n"
        self.assertEqual(self.log("stderr"), said)

    def test_names_that_a_script_makes_are_data(self) -> None:
        names = ["a\nb", "'", '"', "$(touch ../evil)", "`touch ../evil`", "-rf", "..a", "\\", "é☃"]
        names += [*("\x1b[0m", "%s", " ", "*"), "/".join(["d" * 255] * 4)]
        script = "#!" + sys.executable + "\nimport os\nfor name in %r:\n" % names
        script += "    os.makedirs(os.path.join(name, 'in')); open(name + '/f', 'w').write(name)\n"
        script += "os.symlink('../../../..', 'out'); os.symlink('/etc', 'etc')\n"
        self.submit(script, out=["**"])
        self.assertEqual(self.run_job(LC_ALL="C.UTF-8"), 0)
        self.assert_done()
        found = self.outputs()
        self.assertEqual([found[name + "/f"][3].decode() for name in names], names)
        self.assertEqual((found["out"], found["etc"]), (("link", "../../../.."), ("link", "/etc")))
        self.assertNotIn("etc/passwd", found)
        self.assertEqual(list(self.root.rglob("evil")), [])

    def test_what_is_no_file_or_is_gone_is_left_out_and_told(self) -> None:
        program = load()
        said: list[str] = []
        with tempfile.TemporaryDirectory() as root, socket.socket(socket.AF_UNIX) as one:
            one.bind(f"{root}/s")
            with mock.patch.object(program, "say", said.append), program.Packs(None) as packs:
                self.assertIsNone(packs.entry(b"s\n", f"{root}/s"))
                self.assertIsNone(packs.entry(b"g", f"{root}/gone"))
                self.assertIsNone(packs.entry(b"null", "/dev/null"))
                # One that was a file when it was found.
                self.assertIsNone(program.open_file("/dev/null"))
        why = "it is no file, folder or link"
        told = [(r"s\n", why), ("g", "it is gone"), ("null", why)]
        self.assertEqual(said, [f"the output {name} is left out: {it}" for name, it in told])

    def test_a_folder_may_go_while_outputs_are_found(self) -> None:
        program = load()
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/a/b")
            look = os.scandir

            def scandir(path):
                if path.endswith(b"/a/b"):
                    os.rmdir(path)
                return look(path)

            with mock.patch.object(program.os, "scandir", scandir):
                found = program.outputs(os.fsencode(root), ["**"])
            self.assertEqual(found, [b"a", b"a/b"])
            os.rmdir(f"{root}/a")
            self.assertRaises(OSError, program.outputs, os.fsencode(f"{root}/a"), ["**"])

    def test_a_file_that_grows_without_end_is_taken_as_it_was(self) -> None:
        # Whatever reads it lets it grow.
        line = "            size += len(chunk)\n"
        path = str(self.folder() / "g")
        more = f"            size < 9 << 20 and open({path!r}, 'ab').write(bytes(2 * CHUNK))\n"
        self.hurry({line: line + more})
        self.submit("#!/bin/sh\nhead -c 3000000 /dev/zero >g", out=["*"])
        self.assertEqual(self.run_job(), 0)
        ended = self.ended()
        self.assertEqual((ended["stage"], ended["exit_code"]), ("done", 0))
        self.assertEqual(ended["problem"], "the output g changed while it was sent")
        self.assertEqual(self.outputs()["g"][3], bytes(3000000))

    def test_globs_that_find_nothing_make_an_empty_list(self) -> None:
        self.submit("#!/bin/sh\ntrue", out=["no/such/*"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.outputs(), {})
        self.assertFalse(self.part("out").exists())

    def test_without_globs_there_is_no_list(self) -> None:
        self.submit("#!/bin/sh\ntouch a")
        self.assertEqual(self.run_job(), 0)
        self.assertIsNone(self.ended()["outputs_sha256"])
        self.assertFalse(self.part("out.ndjson").exists())

    def test_inputs_may_be_outputs(self) -> None:
        self.add_files({"a": b"x", "b": b"y"})
        self.submit("#!/bin/sh\ntrue", out=["a"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual({path: one[3] for path, one in self.outputs().items()}, {"a": b"x"})

    def assert_unsent(self, words: str) -> None:
        self.assertEqual(self.run_job(), UNSTAGED)
        ended = self.ended()
        found = ended["stage"], ended["exit_code"], ended["outputs_sha256"]
        self.assertEqual(found, ("outputs", 0, None))
        self.assertIn(words, ended["problem"])
        self.assertIn(f"; the work folder stays on q-dy-a-1: {self.folder()}", ended["problem"])
        self.assertTrue((self.folder() / "a").exists())
        self.assertFalse(self.part("out.ndjson").exists())
        self.assertIn(words, self.log("stderr"))

    def test_names_have_to_be_text(self) -> None:
        self.submit("#!/bin/bash\nhead -c 5000000 /dev/zero >a; touch $'b\\n\\xff'", out=["**"])
        self.assert_unsent(r"the output b\n\xff has a name that is not UTF-8")
        self.assertFalse(self.part("out").exists())

    def test_outputs_that_cannot_be_sent_stay(self) -> None:
        self.submit("#!/bin/sh\nhead -c 5000000 /dev/zero >a", out=["**"])
        self.rules({"op": "put", "key": "/out/000002", "how": "fail"})
        self.assert_unsent("upload failed: no such luck")

    def test_a_failed_script_keeps_its_exit_code(self) -> None:
        self.submit("#!/bin/sh\ntouch a; exit 9", out=["**"])
        self.rules({"op": "put", "key": "/out.ndjson", "how": "fail"})
        self.assertEqual(self.run_job(), 9)
        self.assertEqual((self.ended()["stage"], self.ended()["exit_code"]), ("outputs", 9))

    def test_closed_folders_are_removed(self) -> None:
        program = load()
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/w/a/b")
            os.mkdir(f"{root}/other", 0o755)
            os.symlink(f"{root}/other", f"{root}/w/a/l")
            for path in "a/b", "a", "":
                os.chmod(f"{root}/w/{path}", 0o000)
            program.remove(os.fsencode(f"{root}/w"))
            self.assertEqual(os.listdir(root), ["other"])
            self.assertEqual(stat.S_IMODE(os.stat(f"{root}/other").st_mode), 0o755)
