"""The function behind the notifications: each job that asks for a message gets one, however often
events come, and wherever the function ends."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import random
import re
import unicodedata
import unittest
from pathlib import Path
from typing import Any

from botocore.exceptions import EndpointConnectionError, ParamValidationError
from notify_world import (
    BUCKET,
    FOLDER,
    KEY,
    LARGEST,
    PAUSES,
    World,
    event,
    job,
    problem_of,
    task,
)
from trigger_world import START, Killed, error

ROOT = Path(__file__).parents[2]
RUN = "20261129-100000-0123abcd"
MARKED = f"my words hpcapi:notify hpcapi:run-{RUN}"
TRIGGERED = {
    "trigger": "images",
    "outbox": "outbox/images/inbox/a b.png/",
    "event": {"bucket": BUCKET, "key": "inbox/a b.png", "version": "v1"},
}


class NotifyTest(unittest.TestCase):
    def setUp(self) -> None:
        self.world = World()

    def assert_told(self, *ids: int) -> None:
        """These jobs are told, each once, and their markers say so."""
        told = sorted(int(one.partition(":")[2]) for one in self.world.told())
        self.assertEqual(told, sorted(ids))
        states = [mark["state"] for mark in self.world.marks().values()]
        self.assertEqual(states, ["told"] * len(ids))
        self.assertEqual(self.world.refusals, [])


class Messages(NotifyTest):
    def test_a_job_is_told(self) -> None:
        self.assertTrue(self.world.run(job(12, job_state="FAILED", exit_code=3 << 8)))
        self.assert_told(12)
        (message,) = self.world.published
        self.assertEqual(message["Subject"], "hpcapi: job 12 (train) FAILED, exit code 3")
        attributes = {
            name: said["StringValue"] for name, said in message["MessageAttributes"].items()
        }
        self.assertEqual(
            attributes, {"deployment": "hpc", "user": "ada", "name": "train", "state": "FAILED"}
        )
        protocols = json.loads(message["Message"])
        self.assertEqual(set(protocols), {"default", "https", "http", "sqs", "lambda"})
        self.assertEqual(len(set(protocols.values())), 2)
        self.assertEqual(
            self.world.text(),
            "Job 12 (train) ended: FAILED, exit code 3.\n"
            "\n"
            "Deployment: hpc\n"
            "User:       ada\n"
            "Partition:  q1\n"
            "Started:    2026-11-29 08:57:55 UTC\n"
            "Ended:      2026-11-29 10:00:00 UTC\n"
            "Ran for:    1 h 2 min 5 s\n"
            "Nodes:      2 (q1-dy-c1-[1-2])\n"
            "\n"
            "Its log:\n"
            "  /home/ada/slurm-12.out\n",
        )
        (mark,) = self.world.marks().items()
        self.assertEqual(mark[0], f"12-{START}")
        self.assertEqual(
            mark[1],
            {
                "state": "told",
                "time": START,
                "message_id": "00000000-0000-4000-8000-000000000001",
            },
        )
        (line,) = self.world.logged
        self.assertEqual(line.pop("milliseconds"), 0)
        self.assertEqual(
            line,
            {
                "object": KEY.removeprefix("jobs/").removesuffix(".ndjson.gz"),
                "jobs": 1,
                "told": 1,
                "refused": 0,
                "left": 0,
                "damaged": 0,
            },
        )

    def test_programs_are_told_what_jobs_show_shows(self) -> None:
        self.world.run(job(12, comment=MARKED, exit_code=9, job_state="CANCELLED"))
        (document,) = self.world.documents()
        text = (ROOT / "src/slurm/jobs/mod.rs").read_text()
        fields = re.search(r"pub struct Job \{(.*?)\n\}", text, re.DOTALL)
        names = re.findall(
            r"((?:#\[.*\]\s+)*)pub (\w+):", re.sub(r"///.*", "", fields[1] if fields else "")
        )
        shown = [name for attributes, name in names if "serde(skip" not in attributes]
        self.assertGreater(len(shown), 30)
        own = ["deployment", "run", "trigger", "manifest", "log"]
        self.assertEqual(list(document), own + shown)
        self.assertEqual(
            {name: value for name, value in document.items() if value is not None},
            {
                "deployment": "hpc",
                "run": RUN,
                "log": f"hpcapi runs logs {RUN} --deployment hpc",
                "id": 12,
                "name": "train",
                "user": "ada",
                "partition": "q1",
                "state": "CANCELLED",
                "nodes": "q1-dy-c1-[1-2]",
                "node_count": 2,
                "cpus": 8,
                "tasks": 1,
                "submit_time": "2026-11-29T08:57:50Z",
                "eligible_time": "2026-11-29T08:57:50Z",
                "start_time": "2026-11-29T08:57:55Z",
                "end_time": "2026-11-29T10:00:00Z",
                "time_limit_seconds": 3600,
                "exit_code": 0,
                "signal": 9,
                "derived_exit_code": 0,
                "restarts": 0,
                "directory": "/home/ada",
                "stdout": "/home/ada/slurm-12.out",
                "stderr": "/home/ada/slurm-12.out",
                "comment": "my words hpcapi:notify",
                "marker": f"hpcapi:run-{RUN}",
                "submit_line": "sbatch job.sh",
                "source": "memory",
            },
        )
        self.assertEqual(
            self.world.published[0]["Subject"], "hpcapi: job 12 (train) CANCELLED, signal 9"
        )

    def test_paths_are_filled_in_as_the_client_does(self) -> None:
        function = self.world.load()
        raw = task(2, name="my job", user_name="me", nodes="n1")
        for pattern, path in {
            "": "/home/ada/slurm-100_2.out",
            "/x/%6j-%A.%a.%u.%x.%N.%%": "/x/001002-100.2.me.my job.n1.%",
            "logs/%q%": "/home/ada/logs/%q%",
            "/a\\%j": "/a%j",
            "/%99999999999j": "/0000001002",
        }.items():
            found = function.Job({**raw, "standard_output": pattern})
            self.assertEqual(found.stdout, path)
        self.assertEqual(function.Job(job(7, standard_output="")).stdout, "/home/ada/slurm-7.out")
        self.assertEqual(function.Job(job(7, standard_output="%a")).stdout, "/home/ada/4294967294")
        for lacks in (
            {"undetailed": True},
            {"current_working_directory": "", "standard_output": "x"},
        ):
            self.assertIsNone(function.Job(job(7, **lacks)).stdout)

    def test_only_who_asks_is_told(self) -> None:
        self.world.run(
            job(1, comment="hpcapi:notify"),
            job(2, comment="a hpcapi:notify b"),
            job(3, comment="hpcapi:notify hpcapi:0123456789abcdef"),
            job(4, comment=MARKED),
            job(5, comment="xhpcapi:notify"),
            job(6, comment="hpcapi:notifyx"),
            job(7, comment=f"hpcapi:run-{RUN}"),
            job(8, comment=None, name="hpcapi:notify"),
            job(9, unconfirmed=True),
            job(10, job_state="REQUEUED"),
            job(11, job_state="PENDING"),
        )
        self.assert_told(1, 2, 3, 4)
        comments = [(one["comment"], one["marker"]) for one in self.world.documents()]
        self.assertEqual(
            comments,
            [
                ("hpcapi:notify", None),
                ("a hpcapi:notify b", None),
                ("hpcapi:notify", "hpcapi:0123456789abcdef"),
                ("my words hpcapi:notify", f"hpcapi:run-{RUN}"),
            ],
        )

    def test_who_has_nothing_to_tell_asks_for_nothing(self) -> None:
        self.world.run(job(1, comment=None), job(2, unconfirmed=True))
        self.assertEqual(self.world.calls, ["get_object"])
        self.assertEqual(self.world.logged[0]["jobs"], 0)

    def test_a_trigger_s_run_says_where_its_outputs_are(self) -> None:
        self.world.objects[f"runs/{RUN}/run.json"] = json.dumps(TRIGGERED).encode(), START
        self.world.run(job(12, comment=MARKED))
        self.assert_told(12)
        (document,) = self.world.documents()
        manifest = f"s3://{BUCKET}/outbox/images/inbox/a b.png/manifest.json"
        self.assertEqual(
            [document[name] for name in ("run", "trigger", "manifest", "log")],
            [RUN, "images", manifest, f"hpcapi runs logs {RUN} --deployment hpc"],
        )
        attributes = self.world.published[0]["MessageAttributes"]
        self.assertEqual(attributes["trigger"], {"DataType": "String", "StringValue": "images"})
        self.assertTrue(
            self.world.text().endswith(
                f"Run:        {RUN}\n"
                "\n"
                "Its log:\n"
                f"  hpcapi runs logs {RUN} --deployment hpc\n"
                "\n"
                "It is a run of the trigger images:\n"
                "  hpcapi trigger logs images --deployment hpc\n"
                f"  it was begun by s3://{BUCKET}/inbox/a b.png\n"
                f"  and wrote {manifest}\n"
            ),
            self.world.text(),
        )

    def test_of_a_run_that_is_gone_or_damaged_less_is_said(self) -> None:
        for at, said in enumerate(
            [
                None,
                b"",
                b"[]",
                b"{}",
                b"\xff",
                b"[" * 100_000,
                json.dumps({**TRIGGERED, "trigger": None}).encode(),
                json.dumps({**TRIGGERED, "trigger": "x; id"}).encode(),
                json.dumps({**TRIGGERED, "trigger": "x; id", "outbox": "outbox/x; id/"}).encode(),
                json.dumps({**TRIGGERED, "trigger": "other"}).encode(),
                json.dumps({**TRIGGERED, "outbox": 7}).encode(),
                json.dumps({**TRIGGERED, "event": []}).encode(),
                json.dumps(TRIGGERED).encode() + b" " * (1 << 20) + b"x",
            ]
        ):
            if said is not None:
                self.world.objects[f"runs/{RUN}/run.json"] = said, START
            self.world.run(job(at + 1, comment=MARKED))
            document = self.world.documents()[-1]
            trigger = "images" if at == 12 else None
            self.assertEqual((document["run"], document["trigger"]), (RUN, trigger), said)
            self.assertIn(f"hpcapi runs logs {RUN} --deployment hpc", self.world.text())
            self.assertEqual("trigger logs" in self.world.text(), trigger is not None)
        self.assert_told(*range(1, 14))

    def test_what_is_not_known_is_not_said(self) -> None:
        bare = {"job_id": 5, "job_state": "CANCELLED", "comment": "hpcapi:notify"}
        self.world.run({**bare, "start_time": 0, "end_time": 0, "name": "", "exit_code": None})
        self.assert_told(5)
        self.assertEqual(self.world.text(), "Job 5 ended: CANCELLED.\n\nDeployment: hpc\n")
        self.assertEqual(self.world.published[0]["Subject"], "hpcapi: job 5 CANCELLED")
        self.assertEqual(set(self.world.published[0]["MessageAttributes"]), {"deployment", "state"})
        self.assertEqual(list(self.world.marks()), ["5-0"])


class Arrays(NotifyTest):
    def test_tasks_that_end_together_are_one_message(self) -> None:
        self.world.run(
            *(task(index) for index in range(10)),
            task(11, job_state="FAILED", exit_code=3 << 8),
            task(12, job_state="FAILED", exit_code=3 << 8),
            job(7),
        )
        self.assert_told(7, *range(1000, 1010), 1011, 1012)
        array, single = self.world.published
        self.assertEqual(
            array["Subject"],
            "hpcapi: 12 of array 100 (train) ended: 10 COMPLETED, 2 FAILED (exit code 3)",
        )
        self.assertEqual(single["Subject"], "hpcapi: job 7 (train) COMPLETED")
        self.assertEqual(array["MessageAttributes"]["state"]["StringValue"], "FAILED")
        self.assertEqual(
            self.world.text(0),
            "12 of array 100 (train) ended: 10 COMPLETED, 2 FAILED (exit code 3).\n"
            "\n"
            "Deployment: hpc\n"
            "User:       ada\n"
            "Partition:  q1\n"
            "Started:    2026-11-29 08:57:55 UTC\n"
            "Ended:      2026-11-29 10:00:00 UTC\n"
            "Ran for:    1 h 2 min 5 s\n"
            "FAILED, exit code 3: 11-12\n"
            "\n"
            "The log of task 11:\n"
            "  /home/ada/slurm-1011.out\n",
        )
        document = self.world.documents()[0]
        self.assertEqual(
            document["counts"],
            [
                {"state": "COMPLETED", "exit_code": 0, "signal": None, "jobs": 10},
                {"state": "FAILED", "exit_code": 3, "signal": None, "jobs": 2},
            ],
        )
        self.assertEqual(document["jobs_left_out"], 0)
        self.assertEqual(
            {name: document["jobs"][0][name] for name in ("id", "array_task_id", "name")},
            {"id": 1000, "array_task_id": 0, "name": "train"},
        )
        self.assertIn(f"100_12-{START}", self.world.marks())

    def test_a_task_alone_has_its_own_words(self) -> None:
        self.world.run(task(3, job_state="TIMEOUT", comment=MARKED))
        self.assert_told(1003)
        self.assertEqual(self.world.published[0]["Subject"], "hpcapi: job 100_3 (train) TIMEOUT")
        self.assertIn(f"  hpcapi runs logs {RUN} --task 3 --deployment hpc\n", self.world.text())

    def test_tasks_that_end_later_are_another_message(self) -> None:
        self.world.run(task(0), task(1))
        self.world.run(task(2), task(3))
        self.world.run(task(4))
        self.assert_told(*range(1000, 1005))
        self.assertEqual(len(self.world.published), 3)

    def test_arrays_are_told_apart(self) -> None:
        other = [job(2000 + at, array_job_id=200, array_task_id=at) for at in range(2)]
        whole = job(300, array_job_id=300, array_task_id=0xFFFFFFFE, job_state="CANCELLED")
        self.world.run(task(0), *other, task(1), whole, task(2, user_name="eve"))
        self.assert_told(300, 1000, 1001, 1002, 2000, 2001)
        self.assertEqual(len(self.world.published), 4)

    def test_a_large_array_is_one_message_that_sns_takes(self) -> None:
        for count, path in ((150, "x"), (4000, "x"), (4000, "/" + "\U0001f600" * 600)):
            world = World()
            lines = [
                task(at, job_state="FAILED", exit_code=at % 200 << 8, standard_output=path)
                for at in range(count)
            ]
            self.assertTrue(world.run(*lines))
            self.assertEqual(world.refusals, [])
            (message,) = world.published
            (document,) = world.documents()
            self.assertEqual(len(document["jobs"]) + document["jobs_left_out"], count)
            self.assertGreater(len(document["jobs"]), 3)
            self.assertGreater(len(message["Message"]), LARGEST // 3)
            self.assertEqual(len(world.marks()), count)
            self.assertLess(len(world.text()), 5000)

    def test_ranges_are_slurm_s(self) -> None:
        ranges = self.world.load().ranges_of
        self.assertEqual(ranges([3, 1, 7, 8, 9, 8]), "1,3,7-9")
        self.assertEqual(ranges([]), "")


class Again(NotifyTest):
    def test_an_object_that_grows_tells_what_is_new(self) -> None:
        for number in range(1, 11):
            self.assertTrue(self.world.run(job(number)))
            self.assert_told(*range(1, number + 1))
        # What is told is not even read any more.
        self.assertEqual(self.world.calls.count("get_object"), 10)

    def test_an_event_comes_more_than_once(self) -> None:
        self.world.record(job(1), task(2), task(3))
        for _ in range(3):
            self.assertTrue(self.world.deliver())
        self.assert_told(1, 1002, 1003)

    def test_a_line_twice_is_one_message(self) -> None:
        self.world.run(job(1), task(2), job(1), task(2), job(1, name="other"))
        self.assert_told(1, 1002)

    def test_a_job_that_ends_again_is_told_again(self) -> None:
        self.world.run(job(1, job_state="PREEMPTED"), job(1, end_time=START + 9))
        self.assert_told(1, 1)

    def test_objects_are_told_apart(self) -> None:
        other = KEY.replace("-0-", "-1-")
        self.world.run(job(1))
        self.world.lines = []
        self.world.record(job(2), key=other)
        self.assertTrue(self.world.deliver(event(other)))
        self.assertEqual([one["id"] for one in self.world.documents()], [1, 2])
        markers = [key for key in self.world.objects if "notified" in key]
        self.assertEqual(len({key.rpartition("/")[0] for key in markers}), 2)

    def test_events_of_nothing_are_left(self) -> None:
        self.world.record(job(1))
        detail = event()["detail"]
        for given in [
            {},
            [],
            event("jobs/head-node.json"),
            event("jobs/2026-11-29/../../x.ndjson.gz"),
            event("jobs/x.ndjson.gz"),
            event("inbox/" + KEY),
            event(KEY + "\n"),
            event(source="mine"),
            event(detail={**detail, "bucket": {"name": "other"}}),
            event(detail=None),
            event(**{"detail-type": "Object Deleted"}),
        ]:
            self.assertTrue(self.world.invoke(given))
            self.assertIn("no object", self.world.logged[-1]["problem"])
        self.assertEqual(self.world.calls, [])
        self.assertTrue(self.world.invoke(event(KEY.replace("-0-", "-9-"))))
        self.assertEqual(self.world.logged[-1]["problem"], "the object is gone")


class Damage(NotifyTest):
    def test_damaged_lines_do_not_stop_the_others(self) -> None:
        damaged = [
            b'{"job_id": 9, "comment": "hpcapi:notify", "job_st',
            b'["hpcapi:notify"]',
            b'"hpcapi:notify"',
            b"hpcapi:notify",
            b'{"hpcapi:notify": 1}',
            b"[" * 100_000 + b"hpcapi:notify",
            b'\xff{"comment": "hpcapi:notify"}',
            json.dumps(job(0)).encode(),
            json.dumps(job(9, job_id="9")).encode(),
            json.dumps(job(9, job_state=[])).encode(),
            json.dumps(job(9, job_state={})).encode(),
            json.dumps(job(9, job_state="BAD\nSTATE")).encode(),
            json.dumps(job(9)).replace('"job_id": 9', '"job_id": 1e999').encode(),
            json.dumps(job(9)).replace('"job_id": 9', '"job_id": ' + "9" * 5000).encode(),
            b'{"job_id": 4, "na',
            b"garbage",
        ]
        lines = [job(1)]
        for at, line in enumerate(damaged):
            lines += [line, job(at + 2)]
        self.assertTrue(self.world.run(*lines, b""))
        self.assert_told(*range(1, len(damaged) + 2))
        self.assertEqual(self.world.logged[-1]["damaged"], len(damaged))

    def test_of_a_line_that_is_too_long_nothing_is_told(self) -> None:
        self.world.constants = {"LONGEST_LINE": 1 << 12}
        before = json.dumps(job(2, name="x" * 5000)).encode()
        within = b" " * (1 << 12) + json.dumps(job(3)).encode()
        self.assertTrue(self.world.run(job(1), before, within, job(4)))
        self.assert_told(1, 4)
        self.assertEqual(self.world.logged[-1]["damaged"], 2)

    def test_an_object_is_read_up_to_where_it_is_damaged(self) -> None:
        self.world.record(*(job(number) for number in range(1, 40)))
        whole, _ = self.world.objects[KEY]
        seed = random.SystemRandom().getrandbits(32)
        chance = random.Random(seed)
        lengths = [*range(12), *(chance.randrange(len(whole)) for _ in range(60)), len(whole) - 1]
        with self.subTest(seed=seed):
            for length in lengths:
                self.world.objects[KEY] = whole[:length], START
                self.assertTrue(self.world.invoke())
                told = [one["id"] for one in self.world.documents()]
                self.assertEqual(told, list(range(1, len(told) + 1)))
                self.assertEqual(self.world.logged[-1]["damaged"], 0 if length == 0 else 1, length)
            for _ in range(60):
                flipped = bytearray(whole)
                flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
                world = World()
                world.objects[KEY] = bytes(flipped), START
                world.deliver()
                self.assertEqual(world.refusals, [])
            self.world.objects[KEY] = whole, START
            self.assertTrue(self.world.deliver())
            self.assert_told(*range(1, 40))

    def test_a_bomb_ends_somewhere(self) -> None:
        self.world.constants = {"LARGEST_OBJECT": 1 << 20}
        self.world.record(job(1), *[b" " * 100_000] * 20, job(2))
        self.assertTrue(self.world.deliver())
        self.assert_told(1)
        self.assertEqual(self.world.logged[-1]["problem"], "the object is damaged or too large")


LINES = [job(1), task(1), task(2), job(2, comment=MARKED), task(3, job_state="FAILED")]
IDS = {":1", ":2", "100:1001", "100:1002", "100:1003"}


def begun() -> World:
    """A world in which one message of an earlier call is told, and five jobs ask for one."""
    world = World()
    world.objects[f"runs/{RUN}/run.json"] = json.dumps(TRIGGERED).encode(), START
    world.record(*LINES)
    return world


class Ends(NotifyTest):
    """The function ends at each call to AWS; then Lambda calls again."""

    def test_nothing_is_lost_and_nothing_doubled_but_in_one_case(self) -> None:
        whole = begun()
        self.assertTrue(whole.deliver())
        calls = list(whole.calls)
        self.assertEqual(calls.count("publish"), 3)
        doubled = 0
        for number, name in enumerate(calls):
            for moment in ("before", "after"):
                world = begun()
                world.kill_at = number, moment
                with self.subTest(f"{moment} call {number}, {name}"):
                    with self.assertRaises(Killed):
                        world.invoke()
                    # What was published, and not said to be, may come twice.
                    waiting = [mark["state"] for mark in world.marks().values()].count("begun")
                    published = set(world.told())
                    markers = sum(mark["state"] == "told" for mark in world.marks().values())
                    may_double = len(published) > markers
                    self.assertEqual(waiting + markers, len(world.marks()))
                    world.kill_at = None
                    world.clock.now += PAUSES[0]
                    world.invoke()
                    world.clock.now += PAUSES[1]
                    self.assertTrue(world.invoke())
                    told = collections.Counter(world.told())
                    self.assertEqual(set(told), IDS)
                    self.assertLessEqual(max(told.values()), 2 if may_double else 1)
                    doubled += max(told.values()) == 2
                    self.assertEqual({one["state"] for one in world.marks().values()}, {"told"})
                    # And then all is quiet.
                    before = len(world.published)
                    self.assertTrue(world.deliver())
                    self.assertEqual(len(world.published), before)
        self.assertGreater(doubled, 2)

    def test_it_ends_at_two_calls_and_more_jobs_end_meanwhile(self) -> None:
        seed = random.SystemRandom().getrandbits(32)
        chance = random.Random(seed)
        with self.subTest(seed=seed):
            for _ in range(60):
                world = begun()
                for number in range(5, 5 + chance.randrange(4)):
                    world.kill_at = (
                        len(world.calls) + chance.randrange(20),
                        chance.choice(("before", "after")),
                    )
                    world.record(job(number))
                    world.deliver()
                world.kill_at = None
                world.clock.now += 100
                self.assertTrue(world.deliver())
                self.assertEqual(len(world.marks()), len(world.lines))
                self.assertEqual({one["state"] for one in world.marks().values()}, {"told"})
                self.assertEqual(len(set(world.told())), len(world.lines))

    def test_one_that_was_begun_is_left_until_its_call_is_over(self) -> None:
        self.world.record(job(1), job(2))
        for number in (1, 2):
            mark = {"state": "begun", "time": START, "by": "0123456789abcdef"}
            text = json.dumps(mark).encode()
            self.world.objects[f"{FOLDER}{number}-{START}"] = text, START
        self.world.clock.now += 89
        self.assertFalse(self.world.invoke())
        self.assertEqual(self.world.published, [])
        self.assertEqual(self.world.logged[-1]["left"], 2)
        self.assertEqual(self.world.logged[-1]["reasons"], {"another call has begun it": 2})
        self.world.clock.now += 1
        self.assertTrue(self.world.invoke())
        self.assert_told(1, 2)

    def test_a_damaged_marker_is_one_that_was_begun(self) -> None:
        for text in (
            b"",
            b"[]",
            b"{}",
            b'{"state":"begun"}',
            b'{"state":"begun","time":"x"}',
            b"\xff",
        ):
            world = self.world = World()
            world.record(job(1))
            world.objects[f"{FOLDER}1-{START}"] = text, START
            self.assertFalse(world.invoke())
            world.clock.now += 90
            self.assertTrue(world.invoke())
            self.assert_told(1)

    def test_the_template_leaves_the_times_that_the_function_reckons_with(self) -> None:
        template = (ROOT / "templates/notifications.yaml").read_text()
        timeout = int(re.search(r"^      Timeout: (\d+)$", template, re.MULTILINE)[1])  # type: ignore[index]
        retries = re.search(r"MaximumRetryAttempts: (\d)", template)
        self.assertEqual(retries and int(retries[1]), len(PAUSES))
        function = self.world.load()
        self.assertLess(function.TELLING, timeout)
        self.assertGreater(function.ABANDONED, timeout)
        # The last try comes when what an earlier one has left can be taken over.
        self.assertGreater(sum(PAUSES), function.ABANDONED)
        begun = {"by": "0" * 16, "state": "begun", "time": 99999999999}
        told = {"message_id": "0" * 36, "state": "told", "time": 0}
        self.assertLessEqual(len(json.dumps(begun, separators=(",", ":"))), function.LONGEST_BEGUN)
        self.assertGreater(len(json.dumps(told, separators=(",", ":"))), function.LONGEST_BEGUN)

    def test_who_has_no_time_left_leaves_the_rest(self) -> None:
        self.world.record(*(job(number) for number in range(1, 200)))
        self.world.pace = 0.2
        self.assertFalse(self.world.invoke())
        line = self.world.logged[-1]
        self.assertEqual(line["told"] + line["left"], 199)
        self.assertGreater(line["told"], 60)
        self.assertGreater(line["left"], 60)
        self.assertEqual(line["reasons"], {"there was no time": line["left"]})
        while not self.world.invoke():
            pass
        self.assert_told(*range(1, 200))


class TwoAtOnce(NotifyTest):
    def test_another_call_comes_at_each_call(self) -> None:
        count = len(self.whole().calls)
        for number in range(count):
            world, second = begun(), []

            def fails(
                name: str, given: dict[str, Any], number=number, world=world, second=second
            ) -> None:
                if len(world.calls) - 1 == number:
                    world.fails = lambda name, given: None
                    world.invoke()
                    second.append(len(world.published))

            world.fails = fails
            with self.subTest(number):
                world.deliver()
                # What one leaves to the other, Lambda asks for again.
                world.clock.now += PAUSES[0]
                self.assertTrue(world.deliver())
                self.assertEqual(len(second), 1)
                self.assertEqual(collections.Counter(world.told()), dict.fromkeys(IDS, 1))
                self.assertEqual({one["state"] for one in world.marks().values()}, {"told"})

    def whole(self) -> World:
        world = begun()
        self.assertTrue(world.deliver())
        return world

    def test_two_take_over_what_was_abandoned(self) -> None:
        for number in range(20):
            world = begun()
            for mark in self.whole().marks():
                text = json.dumps({"state": "begun", "time": START - 90, "by": "x"}).encode()
                world.objects[FOLDER + mark] = text, START - 90

            def fails(name: str, given: dict[str, Any], number=number, world=world) -> None:
                if len(world.calls) - 1 == number:
                    world.fails = lambda name, given: None
                    world.invoke()

            world.fails = fails
            with self.subTest(number):
                world.deliver()
                self.assertEqual(collections.Counter(world.told()), dict.fromkeys(IDS, 1))

    def test_requests_go_out_side_by_side(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(16) as self.world.pool:
            lines = [job(number) for number in range(1, 200)]
            self.assertTrue(self.world.run(*lines, *(task(at) for at in range(200))))
        self.assert_told(*range(1, 200), *range(1000, 1200))
        self.assertEqual(len(self.world.published), 200)

    def test_the_answer_to_a_marker_may_be_lost(self) -> None:
        # The SDK tries again, and is told that it is there: it is this call's own.
        def fails(name: str, given: dict[str, Any]) -> Exception | None:
            if name == "put_object" and ("IfNoneMatch" in given or "IfMatch" in given):
                self.world.fails = lambda name, given: None
                self.world._put_object(**given)
                self.world.fails = fails
                return error("PreconditionFailed", 412)
            return None

        self.world.fails = fails
        self.assertTrue(self.world.run(job(1), task(1), task(2)))
        self.assert_told(1, 1001, 1002)


class Trouble(NotifyTest):
    def test_a_throttled_message_comes_later_and_the_others_do_not_wait(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Exception | None:
            is_second = name == "publish" and "job 2 " in given["Subject"]
            return error("Throttled", 429) if is_second else None

        self.world.fails = fails
        self.world.record(job(1), job(2), job(3))
        self.assertFalse(self.world.invoke())
        self.assertEqual([one["id"] for one in self.world.documents()], [1, 3])
        self.assertEqual(self.world.logged[-1]["reasons"], {"Throttled": 1})
        self.world.fails = lambda name, given: None
        # Nobody has to wait until the call before is surely over.
        self.assertTrue(self.world.invoke())
        self.assert_told(1, 2, 3)

    def test_each_call_may_fail_once(self) -> None:
        count = len(TwoAtOnce().whole().calls)
        for number in range(count):
            for failure in (
                error("SlowDown", 503),
                error("AccessDenied", 403),
                EndpointConnectionError(endpoint_url="x"),
                RuntimeError("ours"),
            ):
                world = begun()

                def fails(name: str, given: dict[str, Any], at=number, what=failure, world=world):
                    return what if len(world.calls) - 1 == at else None

                world.fails = fails
                with self.subTest(f"call {number}: {failure}"):
                    self.assertTrue(world.deliver())
                    world.clock.now += 90
                    told = collections.Counter(world.told())
                    self.assertEqual(told, dict.fromkeys(IDS, 1))

    def test_a_lost_answer_of_sns_is_a_second_message(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Exception | None:
            if name == "publish":
                self.world.fails = lambda name, given: None
                self.world._publish(**given)
                return EndpointConnectionError(endpoint_url="x")
            return None

        self.world.fails = fails
        self.assertTrue(self.world.run(job(1)))
        self.assertEqual(self.world.told(), [":1", ":1"])

    def test_a_message_whose_marker_cannot_be_written_is_told(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Exception | None:
            is_told = name == "put_object" and b'"told"' in given["Body"]
            return error("SlowDown", 503) if is_told else None

        self.world.fails = fails
        self.world.record(job(1), job(2))
        # It is not called for: that would only make a second one.
        self.assertTrue(self.world.invoke())
        line = self.world.logged[-1]
        self.assertEqual((line["told"], line["left"]), (2, 0))
        self.assertEqual(line["reasons"], {"told, and not marked: SlowDown": 2})

    def test_what_sns_refuses_for_good_is_refused_once(self) -> None:
        for refusal, reason in (
            (error("InvalidParameter"), "InvalidParameter"),
            (ParamValidationError(report="hostile words"), "ParamValidationError"),
        ):
            world = self.world = World()

            def fails(name: str, given: dict[str, Any], refusal=refusal) -> Exception | None:
                is_bad = name == "publish" and "job 2 " in given["Subject"]
                return refusal if is_bad or "array" in str(given.get("Subject")) else None

            world.fails = fails
            world.record(job(1), job(2), job(3), task(1), task(2))
            self.assertTrue(world.invoke())
            self.assertEqual([one["id"] for one in world.documents()], [1, 3])
            line = world.logged[-1]
            self.assertEqual((line["told"], line["refused"], line["left"]), (2, 3, 0))
            self.assertEqual(line["reasons"], {reason: 3})
            for mark in (f"2-{START}", f"100_1-{START}", f"100_2-{START}"):
                self.assertEqual(
                    world.marks()[mark], {"state": "refused", "time": START, "reason": reason}
                )
            world.fails = lambda name, given: None
            world.clock.now += 1000
            self.assertTrue(world.run(job(4)))
            self.assertEqual([one["id"] for one in world.documents()], [1, 3, 4])

    def test_what_an_error_says_is_not_logged(self) -> None:
        failure = RuntimeError("the words of a user")
        self.world.fails = lambda name, given: failure
        self.assertFalse(self.world.run(job(1)))
        self.assertEqual(self.world.logged[-1]["problem"], "RuntimeError")
        self.assertNotIn("words", json.dumps(self.world.logged))
        with self.assertRaisesRegex(Exception, "^RuntimeError$"):
            self.world.call()

    def test_a_gone_topic_refuses_nothing_for_good(self) -> None:
        for code in ("NotFound", "AuthorizationError", "KMSThrottling", "InternalError"):
            world = World()
            world.fails = lambda name, given, code=code: error(code) if name == "publish" else None
            self.assertFalse(world.run(job(1), task(1), task(2)))
            self.assertEqual(world.logged[-1]["reasons"], {code: 3})
            world.fails = lambda name, given: None
            self.assertTrue(world.deliver())
            self.assertEqual(len(world.published), 2)


PARTS = [
    *("; id", "$(id)", "`id`", "'", '"', "\\", "\\u0000", "\n", "\r\n", "\t", "\x00", "\x1b[2J"),
    *("\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "é"),
    *("\U0001f600", "\ufffe", "\uffff", "\ud800", "\udfff", "\ue000", "\U000e0041", "e\u0301"),
    *("%j", "%99999j", "%x", "%u%x%N", "../", "/", "<b>", "null", "None", " ", "", "…", "漢字"),
    *("hpcapi:notify", "hpcapi:run-20261129-100000-0123abcd", "JobId=1 UserId=", "\nSubject: x"),
    *("x" * 255, "é" * 400, "\U0001f600" * 300, "\x01" * 1024, '"' * 1024, "a" * 20_000),
]
TEXTS = (
    "name user_name account partition qos nodes comment current_working_directory state_reason "
    "standard_output standard_error standard_input features submit_line dependency"
).split()


class Hostile(NotifyTest):
    def test_whatever_users_write_is_data(self) -> None:
        seed = random.SystemRandom().getrandbits(32)
        chance = random.Random(seed)

        def words() -> str:
            return "".join(chance.choices(PARTS, k=chance.randint(0, 6)))

        jobs = []
        for number in range(1, 301):
            texts = {name: words() for name in TEXTS}
            texts["comment"] = f"{texts['comment']} hpcapi:notify hpcapi:run-{RUN}"
            more = {"array_job_id": 9, "array_task_id": number} if chance.random() < 0.2 else {}
            jobs.append(job(number, **texts, **more))
        said = {
            "trigger": "t",
            "outbox": f"outbox/t/{words()}/",
            "event": {"bucket": BUCKET, "key": words()},
        }
        with self.subTest(seed=seed):
            self.world.objects[f"runs/{RUN}/run.json"] = json.dumps(said).encode(), START
            self.assertTrue(self.world.run(*jobs))
            self.assertEqual(self.world.refusals, [])
            self.assertEqual(len(self.world.marks()), 300)
            for key in self.world.marks():
                self.assertRegex(key, r"\A(9_)?\d+-\d+\Z")
            singles = len(self.world.published) - 1
            self.assertGreater(singles, 200)
            for at, message in enumerate(self.world.published):
                self.assert_sound(message, self.world.text(at))
            # Nothing of it is logged.
            line = json.dumps(self.world.logged)
            for part in ("xxx", "JobId", "$(id)", "20261129-100000"):
                self.assertNotIn(part, line)

    def assert_sound(self, message: dict[str, Any], text: str) -> None:
        self.assertIsNone(problem_of(message))
        self.assertLess(len(message["Subject"]), 100)
        self.assertRegex(message["Subject"], r"\Ahpcapi: (job \d|\d+ of array 9)")
        self.assertIn("COMPLETED", message["Subject"])
        # A name makes no line, and nothing that is not seen.
        self.assertLess(len(text.splitlines()), 24)
        self.assertEqual(text.splitlines(), text[:-1].split("\n"))
        for one in text.replace("\n", ""):
            self.assertNotIn(unicodedata.category(one), ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
        self.assertLess(len(text), 6000)
        document = json.loads(message["Message"])["https"]
        self.assertTrue(document.isascii())
        # No half of a character, which a strict reader would not take.
        json.dumps(json.loads(document), ensure_ascii=False).encode()

    def test_a_name_of_a_whole_record_is_cut(self) -> None:
        for letter in ("x", "\U0001f600", "\x01", '"', "\\", "\u202e"):
            world = World()
            texts = dict.fromkeys(TEXTS, letter * 32_000)
            self.assertTrue(world.run(job(1, **{**texts, "comment": "hpcapi:notify"})))
            self.assertEqual(world.refusals, [])
            (document,) = world.documents()
            self.assertTrue(document["name"].endswith("…"))
            self.assertGreater(len(document["name"]), 60)
            self.assertRegex(
                world.published[0]["Subject"], r"^hpcapi: job 1 \(.*\.\.\.\) COMPLETED$"
            )
            self.assertIn("…", world.text())

    def test_the_longest_subject_says_how_it_ended(self) -> None:
        function = self.world.load()
        last = job(
            4294967293,
            array_job_id=4294967293,
            array_task_id=4294967293,
            job_state="OUT_OF_MEMORY",
            exit_code=255 << 8 | 127,
            name="n" * 500,
        )
        subject = function.subject_of([function.Job(last)])
        self.assertLess(len(subject), 100)
        self.assertTrue(subject.endswith("nnn...) OUT_OF_MEMORY, signal 127"), subject)

    def test_the_topic_refuses_what_sns_refuses(self) -> None:
        self.world.run(job(1))
        (good,) = self.world.published
        self.assertIsNone(problem_of(good))
        attribute = {"DataType": "String", "StringValue": ""}
        for changed in (
            {"Subject": ""},
            {"Subject": "x" * 100},
            {"Subject": "a\nb"},
            {"Subject": "é"},
            {"Subject": " a"},
            {"Message": ""},
            {"Message": "{}"},
            {"Message": '{"default": 1}'},
            {"Message": '{"default": "\ud800"}'},
            {"Message": '{"default": "\\u0000"}'},
            {"Message": json.dumps({"default": "x" * LARGEST})},
            {"MessageAttributes": {"name": attribute}},
            {"MessageAttributes": {"na me": {**attribute, "StringValue": "x"}}},
            {"MessageAttributes": {"aws.x": {**attribute, "StringValue": "x"}}},
            {"MessageAttributes": {"name": {**attribute, "StringValue": "\x01"}}},
        ):
            self.assertIsNotNone(problem_of({**good, **changed}), changed)


if __name__ == "__main__":
    unittest.main()
