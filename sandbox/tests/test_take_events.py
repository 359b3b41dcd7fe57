"""Each event becomes one job, whatever ends the program that submits it and whatever it holds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
import unittest
from pathlib import Path
from unittest import mock

from test_operate import NASTY, SBATCH, OnHeadNode

ROOT = Path(__file__).parents[2]
NODE = ROOT / "templates/node"
PROGRAM = b"true\n# the program\n"

# Ends who has started it when `kill` says so: before it has done anything, or after.
TAKEN = (
    """
def end(when):
    if os.path.exists(os.path.join(folder, "kill")):
        said, number = noted("kill")[0]
        if said == when and number == len(noted("jobs")):
            os.remove(os.path.join(folder, "kill"))
            os.kill(os.getppid(), signal.SIGKILL)
            if when == "before": sys.exit(1)
end("before")
def says(one):
    sys.exit("sbatch: error: Batch job submission failed: " + one)
name = next(one for one in sys.argv if one.startswith("--job-name="))[11:]
if mode == "full": says("Job violates accounting/QOS policy (AssocMaxSubmitJobLimit)")
if mode == "stopped": says("Required partition not available (inactive or drain)")
if mode == "odd" and name.startswith("bad"): says("Invalid qos specification")
if mode == "odd" and name.startswith("cut"): sys.exit("sbatch: error: Socket timed out")
"""
    + SBATCH.replace("number = 7 + len", "end('middle'); number = 7 + len")
    + """
end("after")
"""
)
ASKING = """
note("squeue", sys.argv[1:])
if mode == "down": down()
if mode == "kills": os.kill(os.getppid(), signal.SIGKILL)
for job in noted("jobs"):
    if job["job_id"] not in noted("forgotten"):
        state = "COMPLETED" if job["job_id"] in noted("ended") else "RUNNING"
        print(job["comment"], job["job_id"], state)
"""


class Taking(OnHeadNode):
    def setUp(self) -> None:
        super().setUp()
        sys.modules["operate"] = self.program
        sys.modules.pop("take_events", None)
        self.addCleanup(sys.modules.pop, "operate")
        sys.path.append(str(NODE))
        self.addCleanup(sys.path.remove, str(NODE))
        import take_events

        self.taker = take_events
        self.taker.FIRST_USER = 1
        # However busy the machine is.
        self.taker.BEGIN = self.taker.END = self.program.QUEUE = 1000
        self.users = {"me": self.user}
        self.taker.pwd = types.SimpleNamespace(getpwnam=lambda name: self.users[name])
        self.fake("slurm/bin/sbatch", TAKEN)
        self.fake("slurm/bin/squeue", ASKING)
        self.put_program(PROGRAM)

    def put_program(self, text: bytes) -> None:
        self.digest = hashlib.sha256(text).hexdigest()
        (self.folder / "hpcapi-0a-run-job.sh").write_bytes(text)

    def event(self, number: int, **said: object) -> dict:
        return {
            "run": f"20261128-104500-{number:08x}",
            "digest": f"{number:064x}",
            "trigger": "t",
            "user": "me",
            "name": f"job {number}",
            "options": [],
            "at_most": None,
            "earlier": False,
            **said,
        }

    def order_of(self, *events: object, **said: object) -> str:
        order = {
            "verb": "take",
            "events": list(events),
            "program": {"key": "hpcapi/0a/run-job.sh", "sha256": self.digest},
            "region": "us-east-1",
            **said,
        }
        text = json.dumps(order).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(text).hexdigest()
        (self.folder / f"operations-{digest}.json").write_bytes(text)
        return digest

    def take(self, *events: object, **said: object) -> list:
        answer = self.ask("take", order=self.order_of(*events, **said))
        self.assertEqual(answer["status"], 200, answer)
        return answer["body"]["events"]

    def outcome(self, *events: object) -> list:
        """Returns what became of events: job numbers, or how it was put off."""
        answers = self.take(*events)
        self.assertEqual([one["run"] for one in answers], [one["run"] for one in events])
        for one in answers:
            self.assertEqual(len(one), 2, one)
        return [one.get("job_id") or next(k for k in one if k != "run") for one in answers]

    def take_and_die(self, *events: object) -> None:
        """Takes events in a process that is killed meanwhile."""
        order = self.order_of(*events)
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            with contextlib.suppress(BaseException):
                self.ask("take", order=order)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        self.assertEqual(status, signal.SIGKILL)
        # What it had started goes on, and writes into the folder.
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.killpg(child, 0)
                time.sleep(0.01)

    def kill(self, when: str, number: int) -> None:
        (self.folder / "kill").write_text(json.dumps([when, number]))

    def jobs(self) -> list[str]:
        """Returns the runs that became jobs, in that order."""
        comments = [job["comment"] for job in self.noted("jobs")]
        return [re.search("(?:^| )hpcapi:run-([0-9a-f-]+)$", one).group(1) for one in comments]

    def assert_once(self, *events: dict) -> None:
        self.assertEqual(sorted(self.jobs()), sorted(one["run"] for one in events))

    def journal(self) -> Path:
        return Path(self.program.FOLDER) / "taken/20261128-10"

    def lose_journal(self) -> None:
        self.journal().unlink()

    def options(self, number: int = -1) -> dict:
        arguments = self.noted("sbatch")[number]["arguments"][2:-1]
        return dict(one[2:].partition("=")[::2] for one in arguments)


class Submitted(Taking):
    def test_an_event_becomes_a_job_as_a_run_does(self) -> None:
        options = [["partition", "q1"], ["exclusive", ""], ["comment", "mine"], ["nice", "5"]]
        answer = self.take(self.event(1, options=options))
        self.assertEqual(answer, [{"run": "20261128-104500-00000001", "job_id": 7}])
        [said] = self.noted("sbatch")
        self.assertEqual(
            said["arguments"],
            ["--parsable", "--propagate=NONE", "--job-name=job 1", "--partition=q1"]
            + ["--exclusive", "--nice=5"]
            + ["--comment=mine hpcapi:run-20261128-104500-00000001", said["path"]],
        )
        self.assertLessEqual(
            set(said["environment"]) - {"LC_CTYPE"}, {"HOME", "USER", "LOGNAME", "SHELL", "PATH"}
        )

    def test_its_script_is_the_one_that_hpcapi_sends(self) -> None:
        text = (ROOT / "src/runs/job.rs").read_text()
        made = re.findall(r'format!\(\s*"((?:#!/bin/bash|\{FRONT\}).*?)"[,)]', text, re.DOTALL)
        plain = [re.sub(r"\\\n\s*", "", one).replace("\\n", "\n") for one in made]
        head, rest = (one.replace('\\"', '"') for one in plain)
        head = head.removesuffix("{}")
        front, program = ((NODE / name).read_text() for name in ("run-job.sh", "run-job.py"))
        rest = rest.removeprefix("{FRONT}").replace("{PROGRAM}", program)
        self.put_program((front + rest).encode())
        self.take(self.event(1))
        [said] = self.noted("sbatch")
        told = {"run": "20261128-104500-00000001", "bucket": "b", "region": "us-east-1"}
        for name, value in {**told, "digest": f"{1:064x}"}.items():
            head = head.replace("{%s}" % name, value)
        self.assertEqual(said["script"], head + front + rest)

    def test_an_event_that_names_no_user_is_the_default_users(self) -> None:
        self.take(self.event(1, user=""))
        [said] = self.noted("sbatch")
        self.assertEqual(said["environment"]["USER"], "me")

    def test_a_job_has_the_name_that_its_options_give_it(self) -> None:
        self.take(self.event(1, options=[["job-name", "other"]]))
        self.assertEqual(self.options()["job-name"], "other")

    def test_many_events_are_one_question_and_one_look(self) -> None:
        events = [self.event(number) for number in range(60)]
        self.assertEqual(self.outcome(*events), list(range(7, 67)))
        self.assertEqual(self.outcome(*events), list(range(7, 67)))
        self.assertEqual(len(self.noted("squeue")), 1)
        self.assert_once(*events)
        fetched = [one[one.index("--key") + 1] for one in self.noted("aws")]
        self.assertEqual(sum("run-job" in key for key in fetched), 1)

    def test_a_program_that_was_damaged_here_is_fetched_again(self) -> None:
        self.take(self.event(1))
        [kept] = (Path(self.program.FOLDER) / "programs").iterdir()
        kept.write_bytes(PROGRAM[:9])
        self.take(self.event(2))
        scripts = [one["script"].partition("\ntrue")[2] for one in self.noted("sbatch")]
        self.assertEqual(len(set(scripts)), 1)
        self.assertEqual(kept.read_bytes(), PROGRAM)

    def test_the_same_event_twice_in_one_order_is_one_job(self) -> None:
        self.assertEqual(self.outcome(self.event(1), self.event(1, name="x")), [7, 7])
        self.assertEqual(len(self.noted("sbatch")), 1)

    def test_users_have_jobs_of_their_own(self) -> None:
        self.users["you"] = types.SimpleNamespace(**{**vars(self.user), "pw_name": "you"})
        self.take(self.event(1), self.event(2, user="you"), self.event(3))
        users = [one["environment"]["USER"] for one in self.noted("sbatch")]
        self.assertEqual(users, ["me", "you", "me"])
        self.assertIn("--user=you", self.noted("squeue")[1])

    def test_the_answer_for_very_many_fits(self) -> None:
        events = [self.event(number, user=f"n{number}") for number in range(1000)]
        for event in events:
            event["user"] += hashlib.sha256(event["user"].encode()).hexdigest() * 3
        answers = self.take(*events)
        self.assertEqual(len(answers), 1000)
        self.assertTrue(all("refused" in one for one in answers))

    def test_what_there_is_no_time_for_comes_later(self) -> None:
        self.taker.BEGIN = 0
        self.assertEqual(self.outcome(self.event(1), self.event(2)), ["later", "later"])
        self.assertEqual(self.noted("sbatch"), [])
        self.taker.BEGIN = 1000
        self.program.PAUSE = 1000  # nobody has to wait for what was not begun
        self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])


class Once(Taking):
    def test_killed_at_any_moment_it_goes_on(self) -> None:
        events = [self.event(number) for number in range(5)]
        for moment in ("before", "middle", "after"):
            for number in (0, 2, 4):
                with self.subTest(moment=moment, number=number):
                    for name in ("jobs", "sbatch", "squeue"):
                        (self.folder / name).unlink(missing_ok=True)
                    self.journal().unlink(missing_ok=True)
                    self.kill(moment, number + (moment == "after"))
                    self.take_and_die(*events)
                    again = [dict(event, earlier=True) for event in events]
                    outcome = self.outcome(*again)
                    self.assertEqual(sorted(outcome), list(range(7, 12)))
                    self.assert_once(*events)
                    self.assertEqual(self.outcome(*again), outcome)

    def test_killed_before_the_intent_it_begins_anew(self) -> None:
        self.be("kills")
        self.take_and_die(self.event(1))
        self.assertFalse(self.journal().exists())
        self.be("well")
        self.assertEqual(self.outcome(self.event(1)), [7])

    def test_killed_before_the_answer_it_gives_the_same_one(self) -> None:
        with mock.patch.object(
            self.program, "packed", lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        ):
            self.take_and_die(self.event(1), self.event(2))
        (self.folder / "forgotten").write_text("7\n8\n")
        self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])
        self.assert_once(self.event(1), self.event(2))

    def test_an_intent_is_on_disk_before_sbatch_begins(self) -> None:
        synced = []

        def fsync(number: int) -> None:
            path = os.readlink(f"/proc/self/fd/{number}")
            synced.append((path, len(self.noted("begun")), Path(path).is_dir()))

        with mock.patch.object(self.taker.os, "fsync", fsync):
            self.take(self.event(1), self.event(2))
        journal = str(self.journal())
        self.assertEqual(synced[0], (str(self.journal().parent), 0, True))
        self.assertEqual(synced[1:], [(journal, 0, False), (journal, 2, False)])

    def test_one_whose_submission_goes_on_is_waited_for(self) -> None:
        self.be("late")
        order = self.order_of(self.event(1))
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                self.ask("take", order=order)
            os._exit(0)
        while not self.noted("begun"):
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.assertEqual(self.noted("jobs"), [])
        self.assertEqual(self.outcome(self.event(1)), [7])
        self.assertEqual(len(self.noted("sbatch")), 1)

    def test_without_the_journal_slurm_is_asked(self) -> None:
        self.take(self.event(1), self.event(2))
        self.lose_journal()
        events = [self.event(number) for number in (1, 2, 3)]
        self.assertEqual(self.outcome(*events), [7, 8, 9])
        self.assert_once(*events)
        # And what it said is known from then on.
        (self.folder / "forgotten").write_text("7\n8\n9\n")
        self.assertEqual(self.outcome(*events), [7, 8, 9])

    def test_a_job_that_appears_late_is_found(self) -> None:
        for is_lost in (False, True):
            with self.subTest(is_lost):
                number = 20 + is_lost
                self.kill("before", len(self.noted("jobs")))
                self.take_and_die(self.event(number))
                if is_lost:
                    self.lose_journal()

                def appear(_: float, number: int = number) -> None:
                    marker = f"hpcapi:run-20261128-104500-{number:08x}"
                    with open(self.folder / "jobs", "a") as jobs:
                        jobs.write(json.dumps({"comment": marker, "job_id": number}) + "\n")

                with mock.patch.object(self.taker.time, "sleep", appear):
                    self.assertEqual(self.outcome(self.event(number, earlier=True)), [number])
                self.assertEqual(self.noted("sbatch"), [])

    def test_a_lost_answer_of_sbatch_is_looked_for(self) -> None:
        self.program.PATIENCE = 10
        for count, mode in enumerate(("lost", "killed", "slow")):
            self.be(mode)
            self.assertEqual(self.outcome(self.event(count)), [7 + count], mode)
        self.be("well")
        self.assertEqual(self.outcome(*map(self.event, range(3))), [7, 8, 9])

    def test_two_orders_at_once_are_one_after_the_other(self) -> None:
        events = [self.event(number) for number in range(6)]
        order = self.order_of(*events)
        children = []
        for _ in range(3):
            child = os.fork()
            if not child:
                with contextlib.suppress(BaseException):
                    self.ask("take", order=order)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        self.assertEqual(self.outcome(*events), list(range(7, 13)))
        self.assert_once(*events)

    def test_one_that_waits_too_long_comes_later(self) -> None:
        self.program.QUEUE = 0
        with self.program.Lock("take"):
            [answer] = self.take(self.event(1))
        self.assertRegex(answer["later"], "another submission")

    def test_a_line_that_is_cut_off_counts_for_nothing(self) -> None:
        self.take(self.event(1))
        whole = self.journal().read_bytes()
        (self.folder / "forgotten").write_text("7\n")
        for size in range(len(whole)):
            self.journal().write_bytes(whole[:size])
            known = self.taker.Journal(str(self.journal().parent)).read({self.event(1)["run"]})
            is_told = size >= len(whole) - 1
            jobs = [said["job_id"] for said in known.values()]
            self.assertEqual(jobs, [7] if is_told else [None] * len(known), size)
        self.journal().write_bytes(whole[:-9])
        with open(self.journal(), "ab") as journal:
            journal.write(
                b'{"run":"20261128-104500-00000001"}\n[]\n\xff\n{"run":5}\n' + b"[" * 9999
            )
        journal = self.taker.Journal(str(self.journal().parent))
        journal.write([{"run": self.event(3)["run"], "trigger": "t", "lane": None}])
        self.assertIn(self.event(3)["run"], journal.read({self.event(3)["run"]}))
        self.assertEqual(self.outcome(self.event(2)), [8])
        self.assertEqual(self.outcome(self.event(2)), [8])
        self.assertEqual(len(self.noted("sbatch")), 2)

    def test_the_journal_is_kept_for_30_days(self) -> None:
        self.take(self.event(1))
        for name, days in (("20261001-00", 31), ("20261002-00", 29)):
            path = self.journal().parent / name
            path.touch()
            os.utime(path, (time.time() - days * 86400,) * 2)
        self.take(self.event(2, run="20261128-114500-00000002"))
        names = {path.name for path in self.journal().parent.iterdir()}
        self.assertEqual(names, {"20261002-00", "20261128-10", "20261128-11"})


class Later(Taking):
    def test_nothing_is_begun_that_cannot_be_noted(self) -> None:
        class Full:
            """A file on a disk that is full after some bytes."""

            def __init__(self, file) -> None:
                self.file = file

            def __enter__(self):
                return self

            def __exit__(self, *_) -> None:
                self.file.close()

            def write(self, text: bytes) -> int:
                return self.file.write(text[:30])

        real = open

        def full(path, mode="r", *rest):
            file = real(path, mode, *rest)
            return Full(file) if mode == "ab" and rest else file

        self.taker.open = full
        answers = self.take(self.event(1), self.event(2))
        for answer in answers:
            self.assertRegex(answer["later"], "cannot note what it takes: No space left")
        self.assertEqual(self.noted("sbatch"), [])
        del self.taker.open
        self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])
        self.lose_journal()
        self.assertEqual(self.outcome(self.event(1)), [7])

    def test_a_disk_that_gets_full_meanwhile_loses_nothing(self) -> None:
        journal = self.taker.Journal
        write = journal.write

        def only_intents(self, lines, is_safe=False) -> None:
            if not is_safe:
                raise OSError(28, "No space left on device")
            write(self, lines, is_safe)

        with mock.patch.object(journal, "write", only_intents):
            self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])
        self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])
        self.assert_once(self.event(1), self.event(2))

    def test_an_order_that_cannot_be_read_for_the_disk_comes_later(self) -> None:
        order = self.order_of(self.event(1))
        full = mock.Mock(side_effect=OSError(28, "No space left on device"))
        with mock.patch.object(self.program.tempfile, "NamedTemporaryFile", full):
            self.refused(503, self.ask("take", order=order), "No space left")

    def test_while_slurm_is_down_everything_comes_later(self) -> None:
        self.be("down")
        events = [self.event(number) for number in range(9)]
        for answer in self.take(*events):
            self.assertRegex(answer["later"], "Unable to contact slurm controller")
        self.assertEqual(self.noted("sbatch"), [])
        self.fake("slurm/bin/squeue", "")
        self.assertEqual(self.outcome(*events), ["later"] * 9)
        # One has tried it for all.
        self.assertEqual(len(self.noted("sbatch")), 1)
        self.fake("slurm/bin/squeue", ASKING)
        self.be("well")
        self.assertEqual(sorted(self.outcome(*events)), list(range(7, 16)))
        self.assert_once(*events)

    def test_a_slurm_that_is_full_or_stopped_takes_it_later(self) -> None:
        for mode in ("full", "stopped"):
            self.be(mode)
            self.assertEqual(self.outcome(self.event(1), self.event(2)), ["later", "later"], mode)
        self.be("well")
        self.program.PAUSE = 1000  # nobody has to wait for what was not begun
        self.assertEqual(self.outcome(self.event(1), self.event(2)), [7, 8])

    def test_what_sbatch_refuses_is_refused_in_its_words(self) -> None:
        self.be("odd")
        answers = self.take(self.event(1), self.event(2, name="bad"), self.event(3))
        self.assertEqual([one.get("job_id") for one in answers], [7, None, 8])
        words = "Batch job submission failed: Invalid qos specification"
        self.assertEqual(answers[1]["refused"], words)
        # After a retry it is submitted.
        self.be("well")
        self.program.PAUSE = 1000
        self.assertEqual(self.outcome(self.event(2, earlier=True)), [9])

    def test_an_sbatch_that_submits_nothing_is_no_success(self) -> None:
        self.be("nothing")
        [answer] = self.take(self.event(1))
        self.assertRegex(answer["refused"], "has submitted nothing")

    def test_one_that_never_gets_through_does_not_hold_up_the_others(self) -> None:
        self.be("odd")
        events = [self.event(1, name="cut"), self.event(2), self.event(3)]
        self.assertEqual(self.outcome(*events), ["later"] * 3)
        self.assertEqual(self.outcome(*events), ["later", 7, 8])


class Lanes(Taking):
    def lanes(self, *events: dict) -> list:
        """Returns the jobs that each of the events waits for."""
        before = len(self.noted("sbatch"))
        self.take(*events)
        number = len(self.noted("sbatch"))
        return [self.options(one).get("dependency") for one in range(before, number)]

    def event(self, number: int, **said: object) -> dict:
        return super().event(number, **{"at_most": 2, **said})

    def test_no_more_than_so_many_run_at_once(self) -> None:
        found = self.lanes(*map(self.event, range(5)))
        self.assertEqual(found, [None, None, "afterany:7", "afterany:8", "afterany:9"])
        found = self.lanes(self.event(5), self.event(6))
        self.assertEqual(found, ["afterany:10", "afterany:11"])

    def test_one_that_has_ended_is_not_waited_for(self) -> None:
        self.lanes(*map(self.event, range(4)))
        (self.folder / "ended").write_text("8\n")
        (self.folder / "forgotten").write_text("10\n")
        self.assertEqual(self.lanes(self.event(4)), [None])
        self.assertEqual(self.lanes(self.event(5)), ["afterany:11"])

    def test_others_are_not_counted(self) -> None:
        self.lanes(self.event(0), self.event(1))
        others = self.event(2, trigger="other"), self.event(3, at_most=None)
        self.assertEqual(self.lanes(*others), [None, None])
        self.assertEqual(self.lanes(self.event(4)), ["afterany:7"])

    def test_fewer_lanes_than_before_hold_what_all_of_them_held(self) -> None:
        self.lanes(*(self.event(number, at_most=4) for number in range(4)))
        self.assertEqual(self.lanes(self.event(4)), ["afterany:7:9"])
        self.assertEqual(self.lanes(self.event(5)), ["afterany:8:10"])
        self.assertEqual(self.lanes(self.event(6)), ["afterany:9:11"])

    def test_a_dependency_of_its_own_stays(self) -> None:
        own = [["dependency", "no"], ["dependency", "afterok:3"], ["nice", ""]]
        self.lanes(self.event(0), self.event(1))
        found = self.lanes(self.event(2, options=own), self.event(3))
        self.assertEqual(found, ["afterok:3,afterany:7", "afterany:8"])
        self.assertEqual(self.options(2)["nice"], "")

    def test_one_that_was_refused_leaves_no_gap(self) -> None:
        self.be("odd")
        events = [self.event(0), self.event(1, name="bad"), self.event(2), self.event(3)]
        self.assertEqual(self.lanes(*events), [None, "afterany:7", None])

    def test_one_that_was_cut_off_keeps_its_lane(self) -> None:
        self.kill("after", 1)
        self.take_and_die(self.event(0))
        self.assertEqual(
            self.lanes(self.event(0), self.event(1), self.event(2)), [None, "afterany:7"]
        )


class Hostile(Taking):
    def test_hostile_texts_reach_sbatch_as_single_arguments(self) -> None:
        events = []
        for count, text in enumerate(NASTY):
            options = [["output", text], ["export", text], ["comment", text]]
            events.append(self.event(count, name=text[:255], options=options))
        self.assertEqual(self.outcome(*events), list(range(7, 7 + len(NASTY))))
        for count, text in enumerate(NASTY):
            said = self.noted("sbatch")[count]
            comment = f"--comment={text} hpcapi:run-20261128-104500-{count:08x}"
            sent = [f"--job-name={text[:255]}", f"--output={text}", f"--export={text}", comment]
            self.assertEqual(said["arguments"][2:], [*sent, said["path"]])
        self.assertEqual(self.outcome(*events), list(range(7, 7 + len(NASTY))))

    def test_an_event_that_is_not_as_it_must_be_is_refused_and_no_other(self) -> None:
        wrong = [
            {"digest": "A" * 64},
            {"digest": None},
            {"digest": "a" * 64 + "\n"},
            {"trigger": "../x"},
            {"trigger": 5},
            {"name": ""},
            {"name": "a\0"},
            {"name": "\ud800"},
            {"name": "x" * 256},
            {"user": "me\n"},
            {"user": "nobody-here"},
            {"user": ["me"]},
            {"options": {"partition": "q"}},
            {"options": [["partition"]]},
            {"options": [["comment", "\ud800"]]},
            {"options": [["comment", "a\0"]]},
            {"options": [["comment", "x" * 100001]]},
            {"options": [["uid", "0"]]},
            {"options": [["ui", "0"]]},
            {"options": [["wrap", "id"]]},
            {"options": [["array", "1-9"]]},
            {"at_most": 0},
            {"at_most": True},
            {"at_most": "2"},
            {"at_most": 1 << 40},
        ]
        events = [self.event(number, **one) for number, one in enumerate(wrong)]
        outcome = self.outcome(*events, self.event(99))
        self.assertEqual(outcome, ["refused"] * len(wrong) + [7])
        self.assert_once(self.event(99))

    def test_an_order_that_is_not_as_it_must_be_is_refused(self) -> None:
        run = self.event(1)["run"]
        for wrong in (
            {"verb": "submit"},
            {"region": "r\nid"},
            {"region": None},
            {"program": {"key": "hpcapi/../x/run-job.sh", "sha256": self.digest}},
            {"program": {"key": "hpcapi/0a/run-job.sh\n", "sha256": self.digest}},
            {"program": {"key": "operations/x", "sha256": self.digest}},
            {"program": {"key": "hpcapi/0a/run-job.sh", "sha256": "../../x"}},
            {"program": []},
            {"events": {}},
            {"events": [5]},
            {"events": [{"run": run + "\n"}]},
            {"events": [{"run": "../" + run[3:]}]},
            {"events": [{"run": run}] * 1001},
        ):
            order = self.order_of(self.event(1), **wrong)
            self.refused(400, self.ask("take", order=order))
        other = {"key": "hpcapi/0a/run-job.sh", "sha256": "0" * 64}
        order = self.order_of(self.event(1), program=other)
        self.refused(400, self.ask("take", order=order), "the program of the jobs is not the one")
        self.refused(400, self.ask("submit", order=order, caller="c0ffee0123456789"), "fields")
        self.assertEqual(self.noted("sbatch"), [])

    def test_no_job_is_run_as_the_system(self) -> None:
        self.taker.FIRST_USER = 1000
        shells = {"root": (0, "/bin/sh"), "slurm": (401, "/bin/bash")}
        shells.update(nobody=(65534, "/usr/sbin/nologin"), ftp=(2000, "/bin/false"))
        for name, (number, shell) in shells.items():
            who = {**vars(self.user), "pw_name": name, "pw_uid": number, "pw_shell": shell}
            self.users[name] = types.SimpleNamespace(**who)
        events = [self.event(number, user=name) for number, name in enumerate(shells)]
        self.assertEqual(self.outcome(*events), ["refused"] * 4)
        self.assertEqual(self.noted("sbatch"), [])

    def test_a_marker_within_a_comment_is_none(self) -> None:
        marker = "hpcapi:run-20261128-104500-00000001"
        with open(self.folder / "jobs", "w") as jobs:
            for number, comment in enumerate((f"{marker} x", f"x{marker}", f"{marker}0")):
                jobs.write(json.dumps({"job_id": number, "comment": comment}) + "\n")
        self.assertEqual(self.outcome(self.event(1)), [10])


class Installed(Taking):
    def test_the_program_finds_its_other_half(self) -> None:
        text = (NODE / "operate.py").read_text()
        for name in ("CONFIG", "FOLDER"):
            path = repr(getattr(self.program, name))
            text, count = re.subn(f"^{name} = .*$", f"{name} = {path}", text, flags=re.MULTILINE)
            self.assertEqual(count, 1)
        folder = self.folder / "etc"
        folder.mkdir()
        (folder / "operate.py").write_text(text)
        (folder / "take_events.py").write_text((NODE / "take_events.py").read_text())
        done = subprocess.run(
            [sys.executable, "-I", str(folder / "operate.py"), "take"],
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "SSM_order": self.order_of()},
            check=True,
        )
        self.assertEqual(json.loads(done.stdout), {"status": 200, "body": {"events": []}})
        self.assertEqual(sorted(os.listdir(folder)), ["operate.py", "take_events.py"])


if __name__ == "__main__":
    unittest.main()
