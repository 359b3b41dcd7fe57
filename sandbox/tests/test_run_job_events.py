"""A job that an event has begun knows its event, and leaves its outputs where others find them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

from staged_job import PATIENCE, SHORT_GRACE, UNSTAGED, Staged, load, sha256

NASTY = (
    ";touch x",
    "$(touch x)",
    "`touch x`",
    "'",
    '"',
    "a\nb\r\n",
    "../../../up",
    "..",
    "/x//y/",
    "file:///etc/passwd",
    "-rf",
    "--endpoint-url=http://x",
    "\x01\x1b[2J\x7f",
    "{{ssm:x}}",
    "%s{0}$x\\",
    "\u202e\ufffe\U0001f600\u00e4",
    "() { :; }; touch x",
    "x" * 1024,
)


def generated(count: int) -> list[str]:
    """Returns keys made of what is nasty, each a key that S3 takes, the same ones every time."""
    chance = random.Random(7)
    keys = list(NASTY)
    while len(keys) < count:
        parts = [chance.choice(NASTY[:-1]) for _ in range(chance.randint(1, 9))]
        parts.insert(0, chr(chance.choice([*range(1, 0x300), 0x2028, 0xFEFF, 0x1F4A9])))
        key = chance.choice(["", "/", " "]).join(parts).encode()[:1024].decode(errors="ignore")
        keys.append(key)
    return keys


def name_of(key: str) -> str:
    """Returns what the input is called, as the function says it."""
    last = key.rsplit("/", 1)[-1]
    return last if 0 < len(last.encode()) <= 255 and last not in (".", "..") else "object"


def outbox_of(key: str) -> str:
    whole = f"outbox/t/{key}/"
    return whole if len(whole.encode()) <= 700 else f"outbox/t/{'e' * 32}/"


class Event(Staged):
    VERSION = "v.1_-"

    def begin(self, script: str, key: str = "in/a.csv", **fields) -> None:
        """Stages a run for a new object."""
        self.event = {
            "bucket": "bucket",
            "key": key,
            "version": self.VERSION,
            "size": 6,
            "etag": '"e"',
            "time": "2026-11-28T10:45:00Z",
        }
        self.outbox = fields.get("outbox") or outbox_of(key)
        self.put_version(key, self.VERSION, b"bytes\n")
        entry = {"path": name_of(key), "kind": "s3", "url": f"s3://bucket/{key}"}
        self.add({**entry, "version": self.VERSION})
        told = {"event": self.event, "trigger": "t", "outbox": self.outbox, "out": ["**"]}
        self.submit(script, **{**told, **fields})

    def put_version(self, key: str, version: str, data: bytes) -> Path:
        name = hashlib.sha256(f"bucket\0{key}\0{version}".encode()).hexdigest()
        (self.root / "versions").mkdir(exist_ok=True)
        path = self.root / "versions" / name
        path.write_bytes(data)
        return path

    def object(self, name: str) -> Path:
        """Returns where the object of the outbox lies."""
        key = f"bucket/{self.outbox}{name}".encode()
        return self.root / "outbox" / hashlib.sha256(key).hexdigest()

    def manifest(self) -> dict:
        return json.loads(self.object("manifest.json").read_text())

    def sent(self) -> dict[str, bytes]:
        """Returns the outputs that the manifest lists, by their paths."""
        found = {}
        for output in self.manifest()["outputs"]:
            data = self.object(output["path"]).read_bytes()
            self.assertEqual(output["key"], self.outbox + output["path"])
            self.assertEqual((output["size"], output["sha256"]), (len(data), sha256(data)))
            found[output["path"]] = data
        self.assertEqual(list(found), sorted(found))
        return found


class Told(Event):
    # Values have line breaks, too: each ends with a byte that none has.
    SHOW = "#!/bin/bash\nset -u\nfor name in ${!HPCAPI_*}; do printf '%s=%s\\0' $name \"${!name}\"; done"

    def told(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.log().split("\0")[:-1])

    def test_a_script_knows_its_event(self) -> None:
        self.begin(f'{self.SHOW} >&1\ncat "$HPCAPI_EVENT_FILE" >b; mkdir c d; echo 2 >c/d\n')
        self.assertEqual(self.run_job(), 0, (self.root / "stderr").read_text())
        self.assert_done()
        told = self.told()
        folder = str(self.folder())
        self.assertEqual((told.pop("HPCAPI_RUN"), told.pop("HPCAPI_WORK")), ("r-1", folder))
        event = {f"HPCAPI_EVENT_{name.upper()}": str(it) for name, it in self.event.items()}
        event["HPCAPI_EVENT_FILE"] = f"{folder}/a.csv"
        self.assertEqual(told, {"HPCAPI_TRIGGER": "t", **event})
        outputs = {"a.csv": b"bytes\n", "b": b"bytes\n", "c/d": b"2\n"}
        self.assertEqual(self.sent(), outputs)
        manifest = self.manifest()
        for moment in ("started", "ended"):
            self.assertRegex(manifest.pop(moment), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        del manifest["outputs"]
        parts = "runs/r-1/parts/main/0"
        self.assertEqual(
            manifest,
            {
                "trigger": "t",
                "run": "r-1",
                "job_id": 7,
                "restarts": 0,
                "event": self.event,
                "stage": "done",
                "exit_code": 0,
                "signal": None,
                "problem": None,
                "log": {"stdout": f"{parts}/log/stdout/", "stderr": f"{parts}/log/stderr/"},
            },
        )
        self.assertEqual(self.puts()[-1], f"new bucket/{self.outbox}manifest.json")
        self.assertEqual(self.puts()[-2], f"new bucket/{parts}/ended.json")
        self.assertFalse(self.part("out.ndjson").exists())
        self.assertIsNone(self.ended()["outputs_sha256"])
        self.assertFalse(self.folder().exists())

    def test_the_object_comes_in_the_version_of_the_event(self) -> None:
        self.begin("#!/bin/sh\ncat a.csv")
        self.put_version("in/a.csv", "v2", b"newer\n")
        self.put_version("in/a.csv", "", b"newest\n")
        self.put("in/a.csv", b"newest\n")
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), "bytes\n")

    def test_without_versions_it_is_the_object_of_that_name_alone(self) -> None:
        self.VERSION = ""
        self.begin('#!/bin/sh\ncat "$HPCAPI_EVENT_FILE"', "in/folder/")
        self.assertEqual(self.run_job(), 0, (self.root / "stderr").read_text())
        self.assertEqual(self.log(), "bytes\n")

    def test_what_is_not_known_of_an_event_is_empty(self) -> None:
        event = {"bucket": "bucket", "key": "in/a.csv", "version": None}
        self.begin(self.SHOW, event=event)
        self.assertEqual(self.run_job(), 0)
        told = self.told()
        names = ("VERSION", "SIZE", "ETAG", "TIME")
        self.assertEqual([told[f"HPCAPI_EVENT_{name}"] for name in names], [""] * 4)
        self.assertIsNone(self.manifest()["event"]["size"])

    def test_a_run_without_an_event_knows_none(self) -> None:
        self.submit("#!/bin/sh\nenv | grep ^HPCAPI | sort; echo x >a", out=["a"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.log(), f"HPCAPI_RUN=r-1\nHPCAPI_WORK={self.folder()}\n")
        self.assertEqual(self.outputs()["a"][3], b"x\n")
        self.assertEqual([one for one in self.puts() if "outbox" in one], [])

    def test_hostile_keys_are_data(self) -> None:
        script = (
            self.SHOW
            + '\ncp -- "$HPCAPI_EVENT_FILE" made; shopt -s dotglob; all=(*); echo ${#all[@]} >count\n'
        )
        keys = [one for one in NASTY if not one.startswith("file://")]
        for key in (*keys, "../" * 300 + "x"):
            with self.subTest(key):
                for used in ("bucket", "outbox", "stdout", "stderr"):
                    path = self.root / used
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                self.entries.clear()
                self.begin(script, key, out=["made", "count"])
                before = sorted(os.listdir(self.root))
                self.assertEqual(self.run_job(), 0, (self.root / "stderr").read_text())
                told = self.told()
                self.assertEqual(told["HPCAPI_EVENT_KEY"], key)
                self.assertEqual(told["HPCAPI_EVENT_FILE"], f"{self.folder()}/{name_of(key)}")
                self.assertEqual(self.sent(), {"made": b"bytes\n", "count": b"2\n"})
                self.assertEqual(self.manifest()["event"]["key"], key)
                new = set(os.listdir(self.root)) - set(before)
                self.assertLessEqual(new, {"outbox", "stdout", "stderr", "puts", "home"})
                keys = [one for one in self.puts() if "outbox" in one]
                self.assertTrue(all(ascii(self.outbox)[1:-1] in one for one in keys[-3:]), keys)

    def test_a_thousand_hostile_keys_stay_where_they_belong(self) -> None:
        program = load()
        calls = []
        bucket = program.Bucket.__new__(program.Bucket)
        bucket.name, bucket.region, bucket.aws = "bucket", "zz-test-1", "aws"
        bucket.call = lambda command, **how: calls.append((command, how))
        for key in generated(1000):
            event = {"bucket": "bucket", "key": key, "version": "v", "size": 1, "etag": "e"}
            outbox = outbox_of(key)
            found = program.Event({"event": event, "trigger": "t", "outbox": outbox})
            line = {"path": name_of(key), "kind": "s3", "url": f"s3://bucket/{key}", "version": "v"}
            inputs = program.Inputs(json.dumps(line).encode(), b"/scratch/r/0", bucket, lambda: None)
            found.find_file(inputs)
            told = found.environment()
            self.assertEqual(told[b"HPCAPI_EVENT_KEY"], key.encode())
            self.assertEqual(told[b"HPCAPI_EVENT_FILE"], b"/scratch/r/0/" + name_of(key).encode())
            [fetch] = inputs.fetches()
            if key.startswith(("file://", "http://")):
                with mock.patch.object(program, "PAUSES", ()):
                    self.assertRaises(program.Problem, fetch)
                self.assertEqual(calls, [])
            else:
                fetch()
                [(command, _)] = calls
                said = ["--bucket=bucket", f"--key={key}".encode(), "--version-id=v"]
                self.assertEqual(command[:5], ["s3api", "get-object", *said])
                where = [told[b"HPCAPI_EVENT_FILE"], "--region", "zz-test-1"]
                self.assertEqual(command[5:], where)
            calls.clear()
            bucket.put_file(found.outbox + "made", b"/scratch/r/0/made", None)
            [(command, _)] = calls
            url = f"s3://bucket/{outbox}made".encode()
            self.assertEqual(command[:4], ["s3", "cp", b"/scratch/r/0/made", url])
            calls.clear()

    def test_what_is_no_event_is_told(self) -> None:
        program = load()
        good = {"event": {"bucket": "b", "key": "k"}, "trigger": "t", "outbox": "outbox/t/k/"}
        program.Event(good)
        for wrong in (
            {"event": {"bucket": "b", "key": "a\0"}},
            {"event": {"bucket": "b", "key": "\ud800"}},
            {"event": {"bucket": "b", "key": 5}},
            {"event": {"bucket": "b", "key": "k", "size": -1}},
            {"event": []},
            {"trigger": "../x"},
            {"trigger": "t\n"},
            {"trigger": None},
            {"outbox": "runs/t/"},
            {"outbox": "outbox/other/k/"},
            {"outbox": "outbox/t/k"},
            {"outbox": "outbox/t/" + "x" * 1100 + "/"},
            {"outbox": "outbox/t/\0/"},
        ):
            with self.assertRaises(program.Problem, msg=str(wrong)):
                with program.understood("run.json"):
                    program.Event({**good, **wrong})
        self.begin("#!/bin/sh\necho script ran", outbox="hpcapi/x/")
        self.assert_unstaged("run.json is not understood")
        self.assertEqual([one for one in self.puts() if "hpcapi/" in one], [])


class Ends(Event):
    def test_how_the_script_failed_is_told(self) -> None:
        self.begin("#!/bin/sh\necho half >b; exit 3", out=["b"])
        self.assertEqual(self.run_job(), 3)
        manifest = self.manifest()
        self.assertEqual((manifest["stage"], manifest["exit_code"]), ("done", 3))
        self.assertEqual(self.sent(), {"b": b"half\n"})
        self.begin("#!/bin/sh\nkill -9 $$", out=["b"])
        self.assertEqual(self.run_job(1), -signal.SIGKILL)
        manifest = self.manifest()
        self.assertEqual((manifest["signal"], manifest["exit_code"]), (signal.SIGKILL, None))

    def test_an_object_that_is_gone_is_told(self) -> None:
        self.begin("#!/bin/sh\necho script ran")
        shutil.rmtree(self.root / "versions")
        self.assert_unstaged("s3://bucket/in/a.csv could not be fetched: An error occurred (NoSuch")
        manifest = self.manifest()
        self.assertEqual((manifest["stage"], manifest["outputs"]), ("inputs", []))
        self.assertEqual(manifest["problem"], self.ended()["problem"])

    def test_a_key_that_the_aws_cli_takes_for_a_file_is_told(self) -> None:
        self.begin("#!/bin/sh\necho script ran", "file:///etc/passwd")
        self.assert_unstaged("the AWS CLI takes its key for the place of another text")
        self.assertEqual(self.manifest()["stage"], "inputs")

    def test_one_that_cannot_be_fetched_is_tried_again(self) -> None:
        self.begin("#!/bin/sh\ncat a.csv")
        self.rules({"op": "get", "key": "^version$", "how": "fail", "times": 2})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertEqual(self.log(), "bytes\n")

    def test_a_damaged_order_has_no_outbox(self) -> None:
        self.begin("#!/bin/sh\necho script ran")
        self.put("runs/r-1/run.json", b"{}")
        self.assert_unstaged("is not what was submitted")
        self.assertFalse((self.root / "outbox").exists())

    def test_the_manifest_of_the_last_attempt_counts(self) -> None:
        self.begin("#!/bin/sh\necho $SLURM_RESTART_COUNT >b", out=["b"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual((self.manifest()["restarts"], self.sent()), (0, {"b": b"\n"}))
        self.assertEqual(self.run_job(2), 0)
        self.assertEqual((self.manifest()["restarts"], self.sent()), (2, {"b": b"2\n"}))
        self.assertIn("/parts/main/2/log/", self.manifest()["log"]["stdout"])
        again = [one for one in self.puts() if one.startswith("again")]
        names = ("b", "manifest.json")
        self.assertEqual(again, [f"again bucket/{self.outbox}{name}" for name in names])

    def wait_for_end(self, process: subprocess.Popen, code: int) -> dict:
        self.assertEqual(process.wait(PATIENCE), code, (self.root / "stderr").read_text())
        return self.manifest()

    def tell_to_end(self, process: subprocess.Popen) -> None:
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, signal.SIGTERM)

    def test_a_script_that_is_told_to_end_has_a_manifest(self) -> None:
        script = "#!/bin/bash\ntrap 'echo whole >>b; exit 5' TERM\necho half >b; echo ready\n"
        self.begin(script + "while :; do sleep 0.05; done", out=["b"])
        process = self.start()
        self.wait_for_line("ready")
        self.tell_to_end(process)
        manifest = self.wait_for_end(process, 5)
        self.assertEqual((manifest["stage"], manifest["exit_code"]), ("script", 5))
        self.assertIn("Slurm told the job to end", manifest["problem"])
        self.assertEqual(self.sent(), {"b": b"half\nwhole\n"})
        self.assertFalse(self.folder().exists())

    def test_a_script_that_goes_on_has_one_before_it_is_killed(self) -> None:
        self.hurry(SHORT_GRACE)
        self.begin("#!/bin/bash\ntrap : TERM\necho ready\nwhile :; do sleep 0.1; done")
        process = self.start()
        self.wait_for_line("ready")
        self.tell_to_end(process)
        self.wait_for(self.object("manifest.json").exists)
        self.assertIn("which went on; its outputs were not sent", self.manifest()["problem"])
        self.assertIsNone(process.poll())

    def test_outputs_that_were_sent_in_time_are_listed(self) -> None:
        self.hurry(SHORT_GRACE)
        self.begin("#!/bin/sh\necho 1 >b; echo 2 >c; echo ready", out=["b", "c"])
        self.rules({"op": "put", "key": "outbox.*c$", "how": "slow300"})
        process = self.start()
        self.wait_for((self.root / "turn-0-0").exists)
        self.wait_for(self.object("b").exists)
        self.tell_to_end(process)
        manifest = self.wait_for_end(process, UNSTAGED)
        self.assertEqual((manifest["stage"], manifest["exit_code"]), ("outputs", 0))
        self.assertEqual(self.sent(), {"b": b"1\n"})
        self.assertEqual((self.folder() / "c").read_text(), "2\n")

    def test_staging_that_is_told_to_end_has_a_manifest(self) -> None:
        for key in ("^version$", "run.json"):
            with self.subTest(key):
                shutil.rmtree(self.root / "outbox", ignore_errors=True)
                self.begin("#!/bin/sh\necho script ran")
                self.rules({"op": "get", "key": key, "how": "slow300", "times": 1})
                process = self.start()
                self.wait_for((self.root / "turn-0-0").exists)
                os.killpg(process.pid, signal.SIGTERM)
                manifest = self.wait_for_end(process, UNSTAGED)
                self.assertEqual((manifest["stage"], manifest["exit_code"]), ("inputs", None))
                told = "Slurm told the job to end (SIGTERM) while its inputs were fetched"
                self.assertEqual(manifest["problem"], told)
                shutil.rmtree(self.bucket / "runs")

    def test_a_last_word_that_does_not_arrive_leaves_time_for_the_manifest(self) -> None:
        self.hurry(SHORT_GRACE)
        self.begin("#!/bin/bash\necho ready\nexec sleep 300")
        self.rules({"op": "put", "key": "ended.json", "how": "slow300"})
        process = self.start()
        self.wait_for_line("ready")
        self.tell_to_end(process)
        manifest = self.wait_for_end(process, -signal.SIGTERM)
        self.assertEqual(manifest["signal"], signal.SIGTERM)
        self.assertFalse(self.part("ended.json").exists())

    def test_without_a_manifest_the_job_ends_as_its_script(self) -> None:
        self.begin("#!/bin/sh\nexit 3")
        self.rules({"op": "put", "key": "manifest.json", "how": "fail"})
        self.assertEqual(self.run_job(), 3)
        self.assert_done(3)
        self.assertIn("the manifest could not be sent", (self.root / "stderr").read_text())

    def test_who_is_killed_while_sending_leaves_no_manifest(self) -> None:
        self.begin("#!/bin/sh\necho 1 >b; echo 2 >c", out=["b", "c"])
        self.rules({"op": "put", "key": "outbox.*c$", "how": "slow300"})
        process = self.start()
        self.wait_for((self.root / "turn-0-0").exists)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.assertFalse(self.object("manifest.json").exists())
        self.rules()
        self.assertEqual(self.run_job(1), 0)
        self.assertEqual(self.sent(), {"b": b"1\n", "c": b"2\n"})


class Outputs(Event):
    def test_only_files_are_objects(self) -> None:
        script = "#!/bin/sh\nmkdir -p d/e; ln -s /etc/passwd l; ln -s d m; mkfifo p; echo x >d/f\n"
        self.begin(script)
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.sent(), {"a.csv": b"bytes\n", "d/f": b"x\n"})
        said = "the output l and 2 more is left out: it is no file"
        self.assertEqual((self.manifest()["stage"], self.manifest()["problem"]), ("done", said))

    def test_a_key_that_is_too_long_is_told_when_all_others_are_sent(self) -> None:
        deep = "/".join(["d" * 200] * 5)
        self.begin(f"#!/bin/sh\nmkdir -p {deep}; echo x >{deep}/ff; echo y >b; echo z >z")
        self.assertEqual(self.run_job(), UNSTAGED)
        manifest = self.manifest()
        self.assertEqual((manifest["stage"], manifest["exit_code"]), ("outputs", 0))
        said = (
            r"^the output d+/.*/ff was not sent: its key would be longer than 1024 bytes; the work"
        )
        self.assertRegex(manifest["problem"], said)
        self.assertEqual(list(self.sent()), ["a.csv", "b", "z"])
        self.assertTrue((self.folder() / deep / "ff").exists())

    def test_a_key_may_have_1024_bytes(self) -> None:
        deep = "/".join(["d" * 199] * 5)
        name = "f" * (1024 - len(f"outbox/t/in/a.csv/{deep}/"))
        self.begin(f"#!/bin/sh\nmkdir -p {deep}; echo x >{deep}/{name}", out=["d*"])
        self.assertEqual(self.run_job(), 0)
        self.assertEqual(self.sent(), {f"{deep}/{name}": b"x\n"})

    def test_no_output_takes_the_place_of_the_manifest(self) -> None:
        self.begin("#!/bin/sh\necho x >manifest.json; mkdir d; echo y >d/manifest.json")
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertIn("the output manifest.json was not sent", self.manifest()["problem"])
        self.assertEqual(self.sent(), {"a.csv": b"bytes\n", "d/manifest.json": b"y\n"})

    def test_hostile_names_of_outputs_are_keys(self) -> None:
        names = [one for one in NASTY if "/" not in one and one != ".." and len(one) < 256]
        # Whatever their names are, they are files of the script.
        lines = "".join(f"open({name!r}, 'w').write('x')\n" for name in names)
        self.begin(f"#!{sys.executable} -IS\n{lines}")
        self.assertEqual(self.run_job(), 0, (self.root / "stderr").read_text())
        self.assertEqual(set(self.sent()), {"a.csv", *names})

    def test_what_cannot_be_sent_is_not_listed_and_stays(self) -> None:
        self.begin("#!/bin/sh\necho x >b; echo y >c", out=["b", "c"])
        self.rules({"op": "put", "key": "outbox.*b$", "how": "fail"})
        self.assertEqual(self.run_job(), UNSTAGED)
        self.assertEqual(self.manifest()["stage"], "outputs")
        self.assertIn("no such luck", self.manifest()["problem"])
        self.assertEqual(self.sent(), {"c": b"y\n"})
        self.assertEqual((self.folder() / "b").read_text(), "x\n")

    def test_an_answer_that_is_lost_does_no_harm(self) -> None:
        self.begin("#!/bin/sh\necho x >b", out=["b"])
        self.rules({"op": "put", "key": "outbox", "how": "lose", "times": 2})
        self.assertEqual(self.run_job(), 0)
        self.assert_done()
        self.assertEqual(self.sent(), {"b": b"x\n"})

    def test_one_that_changes_while_it_is_sent_is_told(self) -> None:
        script = "#!/bin/bash\necho x >b\n(until [ -e ../../../../turn-0-0 ]; do sleep 0.05; done\n"
        self.begin(script + "echo y >>b; touch ../../../../go) >/dev/null 2>&1 &\n", out=["b"])
        self.rules({"op": "put", "key": "outbox.*b$", "how": "slow3", "times": 1})
        self.assertEqual(self.run_job(), 0)
        said = "the output b changed while it was sent"
        self.assertEqual(self.manifest()["problem"], said)

    def test_a_large_output_is_no_matter_of_memory(self) -> None:
        program = load()
        listed = []
        sent = mock.Mock()
        path = self.root / "large"
        with open(path, "wb") as file:
            file.truncate(64 << 20)
        read = []
        with mock.patch.object(program, "open_file") as opened:
            file = opened.return_value = mock.MagicMock()
            with open(path, "rb") as real:
                file.read = lambda size: read.append(size) or real.read(size)
                file.fileno = real.fileno
                with program.Objects("outbox/t/k/", sent, listed) as objects:
                    objects.add(b"large", os.fsencode(path))
        self.assertEqual(set(read), {program.CHUNK})
        self.assertEqual(listed[0]["size"], 64 << 20)
        sent.assert_called_once_with("outbox/t/k/large", os.fsencode(path))
