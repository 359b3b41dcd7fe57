"""How a staged job ended is told, whatever becomes of it, and the next attempt goes on."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

from staged_job import BLOB, FRONT, PATIENCE, SHORT_GRACE, UNSTAGED, Staged, contents, load


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
                self.assertEqual(process.wait(PATIENCE), 5)
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
        self.assertEqual(process.wait(PATIENCE), 0)
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
        self.assertEqual(process.wait(PATIENCE), 0)
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
        self.assertEqual(process.wait(PATIENCE), 0)
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
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(sorted(self.log().split()), sorted("ready TERM 1 USR1 HUP 1".split()))
        self.assert_done()
        self.assertIn("made", self.outputs())

    def test_a_signal_for_all_reaches_the_script_once(self) -> None:
        process = self.begin(self.WAIT)
        os.killpg(process.pid, signal.SIGUSR1)
        self.wait_for_line("USR1")
        time.sleep(3)
        self.let_it_end()
        self.assertEqual(process.wait(PATIENCE), 0)
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
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_done()

    def test_staging_ends_at_once(self) -> None:
        self.add_files({"a": b"x"})
        self.rules({"op": "get", "key": "blobs", "how": "slow300"})
        self.submit("#!/bin/sh\necho script ran", out=["**"])
        process = self.start()
        self.wait_for((self.root / "turn-0-0").exists)
        os.killpg(process.pid, signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), UNSTAGED)
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
                self.assertEqual(process.wait(PATIENCE), code)
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
        self.assertEqual(process.wait(PATIENCE), 9, (self.root / "stderr").read_text())
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
