"""A staged job on this machine, with a bucket that is a folder and an AWS CLI that obeys rules."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

NODE = Path(__file__).parents[2] / "templates/node"
PROGRAM = NODE / "run-job.py"
FRONT = NODE / "run-job.sh"
BLOB = 5 << 19
UNSTAGED = 74
# Seconds in which a busy machine gets through a job.
PATIENCE = 180

# The same program in less time.
QUICK = {
    "PAUSES = (0.5, 3)": "PAUSES = (0.05, 0.1)",
    "FIRST_TICK, LAST_TICK = 3, 30": "FIRST_TICK, LAST_TICK = 0.1, 0.3",
    "PACK = 16 << 20": "PACK = 1 << 20",
    # But with all the time that a busy machine needs at the end.
    "LAST_GRACE = 15, 20, 22, 28": "LAST_GRACE = 150, 200, 220, 280",
}

# And with less time at its end, where a test waits until that is over.
SHORT_GRACE = {"LAST_GRACE = 150, 200, 220, 280": "LAST_GRACE = 6, 9, 14, 19"}

# Keeps a bucket in a folder. `rules` says what goes wrong: for which operation and key, how, and
# how often. `puts` gets a line for each object that was written.
AWS = r"""
import hashlib, json, os, re, shutil, sys, time
arguments = [one for one in sys.argv[3:] if one not in ("--recursive", "--only-show-errors")]
is_version = sys.argv[1:3] == ["s3api", "get-object"]
if is_version:
    asked = dict(one[2:].partition("=")[::2] for one in arguments if "=" in one[:13])
    assert set(asked) <= {"bucket", "key", "version-id"} and arguments[0] == "--bucket=bucket"
    arguments = ["s3://version"] + arguments[len(asked) :]
source, target, option, region = arguments
assert not any(name.startswith("PYTHON") for name in os.environ)
assert int(os.environ["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]) > 1
assert sys.argv[1:3] == ["s3", "cp"] or is_version, sys.argv
assert (option, region) == ("--region", "zz-test-1"), sys.argv
root = os.environ["FAKE_AWS"]
operation = "get" if source.startswith("s3://") else "put"
name = (source if operation == "get" else target)[len("s3://"):]
place = os.path.join(root, "s3", name)
if is_version:
    said = "\0".join([asked["bucket"], asked["key"], asked.get("version-id", "")])
    place = os.path.join(root, "versions", hashlib.sha256(os.fsencode(said)).hexdigest())
elif name.startswith("bucket/outbox/"):
    # Keys may be what no path is.
    place = os.path.join(root, "outbox", hashlib.sha256(os.fsencode(name)).hexdigest())

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
    # Waits until as many calls have come to the same rule as are to be under way at once, and less
    # than the program waits for a call.
    end = time.monotonic() + 50
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
    if source == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(source, "rb") as file:
            data = file.read()
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(os.path.join(root, "half-%d" % os.getpid()), "wb") as file:
        file.write(data)
    is_new = not os.path.exists(place)
    os.rename(file.name, place)
    with open(os.path.join(root, "puts"), "a") as file:
        file.write("%s %s\n" % ("new" if is_new else "again", ascii(name)[1:-1]))
    if how == "lose":
        sys.exit("upload failed: the connection broke")
elif "--recursive" in sys.argv:
    shutil.copytree(place, target, dirs_exist_ok=True)
elif is_version:
    if not os.path.exists(place):
        sys.exit("An error occurred (NoSuchVersion) when calling the GetObject operation: gone")
    shutil.copyfile(place, target)
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


def as_slurmd_leaves_signals() -> None:
    # Whoever runs the tests in the background ignores these.
    for one in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(one, signal.SIG_DFL)


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
        # The tests themselves may run in a job, beside an emulator, or under cargo.
        foreign = re.compile(r".*SLURM|HPCAPI_")
        mine = {name: value for name, value in os.environ.items() if not foreign.match(name)}
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
                preexec_fn=as_slurmd_leaves_signals,
            )
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process: subprocess.Popen) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def run_job(self, *arguments, **environment: str) -> int:
        return self.start(*arguments, **environment).wait(PATIENCE)

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

    def wait_for(self, what, seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, (self.root / "stderr").read_text())
            time.sleep(0.02)

    def wait_for_line(self, line: str) -> None:
        self.wait_for(lambda: line in (self.root / "stdout").read_text())
