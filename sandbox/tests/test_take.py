"""The function behind the triggers: each event becomes one job, however often and in what order it
comes, and wherever the function ends."""

from __future__ import annotations

import hashlib
import json
import random
import re
import unittest
from typing import Any
from unittest import mock

from botocore.exceptions import EndpointConnectionError
from trigger_world import BUCKET, SCRIPT, START, VARIABLES, Killed, World, each_call, error, sha256

DAY = 24 * 3600
RUN = re.compile(r"20261129-100000-[0-9a-f]{8}")


def called(key: str, version: str = "v1") -> str:
    return hashlib.sha256(f"{BUCKET}\0{key}\0{version}".encode()).hexdigest()[:32]


class TakeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.world = World()
        self.world.add()

    def marker(self, key: str = "inbox/a.txt", trigger: str = "t") -> dict[str, Any]:
        return self.world.json(f"triggers/{trigger}/events/{called(key)}.json")

    def refusal(self, key: str = "inbox/a.txt", trigger: str = "t") -> dict[str, Any]:
        return self.world.json(f"triggers/{trigger}/refused/{called(key)}.json")

    def assert_jobs(self, count: int) -> None:
        """So many jobs there are, each is written down, and nothing waits."""
        self.assertEqual(len(self.world.submissions), count)
        self.assertEqual(len(self.world.keys("/submitted/")), count)
        self.assertEqual(self.world.queue, {})

    def assert_later(self, logged: dict[str, Any], reason: str) -> None:
        self.assertEqual(list(logged["later"]), [reason])
        self.assertEqual(len(self.world.queue), 1)
        self.assertEqual(self.world.keys("/submitted/"), [])
        self.assertEqual(self.world.dead, [])


class Runs(TakeTest):
    def test_an_object_becomes_a_run(self) -> None:
        logged = self.world.run(self.world.event(size=7))
        self.assert_jobs(1)
        (run,) = self.world.submissions
        self.assertRegex(run, RUN)
        event = called("inbox/a.txt")
        digits = hashlib.sha256(f"t\0{event}".encode()).hexdigest()
        self.assertEqual(run.rpartition("-")[2], digits[:8])
        told = {
            "bucket": BUCKET,
            "key": "inbox/a.txt",
            "version": "v1",
            "size": 7,
            "etag": "e",
            "time": "2026-11-29T10:00:00Z",
        }
        text = self.world.object(f"runs/{run}/run.json")
        self.assertEqual(
            json.loads(text),
            {
                "script": {"name": "job.sh", "sha256": sha256(SCRIPT)},
                "arguments": ["-v"],
                "options": [["partition", "q1"]],
                "inputs_sha256": sha256(self.world.object(f"runs/{run}/in.ndjson")),
                "out": ["results/**"],
                "work": ".hpcapi/runs",
                "keep_work": False,
                "user": "ec2-user",
                "created": START,
                "event": told,
                "trigger": "t",
                "outbox": "outbox/t/inbox/a.txt/",
            },
        )
        self.assertEqual(self.world.object(f"runs/{run}/script"), SCRIPT)
        (line,) = self.world.object(f"runs/{run}/in.ndjson").splitlines(keepends=True)
        self.assertTrue(line.endswith(b"\n"))
        self.assertEqual(
            json.loads(line),
            {
                "path": "a.txt",
                "kind": "s3",
                "url": f"s3://{BUCKET}/inbox/a.txt",
                "version": "v1",
            },
        )
        self.assertEqual(
            self.marker(),
            {
                **told,
                "sequencer": "5",
                "event": event,
                "trigger": "t",
                "run": run,
                "run_sha256": sha256(text),
            },
        )
        done = self.world.json(f"triggers/t/submitted/{event}.json")
        self.assertEqual(done, {"job_id": 100, "run": run, "time": int(self.world.clock.now)})
        self.assertEqual(
            self.world.json(f"runs/{run}/submitted.json"), {"job_id": 100, "time": done["time"]}
        )
        (order,) = self.world.orders
        self.assertEqual(set(order), {"verb", "program", "region", "events"})
        self.assertEqual(
            order["events"],
            [
                {
                    "run": run,
                    "digest": sha256(text),
                    "trigger": "t",
                    "user": "ec2-user",
                    "name": "job.sh",
                    "options": [["partition", "q1"]],
                    "at_most": None,
                    "earlier": False,
                }
            ],
        )
        self.assertEqual((logged["jobs"], logged["messages"], logged["later"]), (1, 1, {}))
        self.assertNotIn("inbox", json.dumps(logged))

    def test_a_job_is_called_as_its_options_say(self) -> None:
        options = [["job-name", "x"], ["ntasks", "2"], ["job-name", "y"]]
        self.world.add(options=options, at_most=4)
        self.world.run(self.world.event())
        (told,) = self.world.orders[0]["events"]
        self.assertEqual((told["name"], told["options"], told["at_most"]), ("y", options, 4))

    def test_without_a_version_the_sequencer_tells_events_apart(self) -> None:
        for sequencer in ("5", "6", "5"):
            self.world.run(self.world.event(sequencer=sequencer, **{"version-id": None}))
        self.assert_jobs(2)
        for run in self.world.submissions:
            self.assertNotIn("version", self.world.json(f"runs/{run}/in.ndjson"))

    def test_a_long_outbox_is_called_by_the_event(self) -> None:
        for length, is_own in ((700, True), (701, False)):
            key = "inbox/" + "é" * ((length - len("outbox/t/inbox//")) // 2)
            key += "x" * (length - len(f"outbox/t/{key}/".encode()))
            self.world.run(self.world.event(key))
            outbox = self.world.json(f"runs/{self.world.submissions[-1]}/run.json")["outbox"]
            expected = key if is_own else called(key)
            self.assertEqual(outbox, f"outbox/t/{expected}/")

    def test_an_input_has_a_plain_name(self) -> None:
        for key, path in {
            "inbox/b c": "b c",
            "inbox/": "object",
            "inbox/.": "object",
            "inbox/..": "object",
            "inbox/../x": "x",
            "inbox/" + "x" * 255: "x" * 255,
            "inbox/" + "x" * 256: "object",
            "inbox/" + "é" * 128: "object",
            "inbox/a\nb": "a\nb",
        }.items():
            self.world.run(self.world.event(key))
            run = self.world.submissions[-1]
            self.assertEqual(self.world.json(f"runs/{run}/in.ndjson")["path"], path)

    def test_a_taken_name_is_left_alone(self) -> None:
        event = called("inbox/a.txt")
        digits = hashlib.sha256(f"t\0{event}".encode()).hexdigest()
        taken = [f"20261129-100000-{digits[at : at + 8]}" for at in (0, 8)]
        for run in taken:
            self.world.objects[f"runs/{run}/run.json"] = b"{}", self.world.clock.now
        self.world.run(self.world.event())
        self.assert_jobs(1)
        self.assertEqual(self.marker()["run"], f"20261129-100000-{digits[16:24]}")
        for run in taken:
            self.assertEqual(self.world.keys(f"runs/{run}/"), [f"runs/{run}/run.json"])

    def test_many_are_one_command(self) -> None:
        for number in range(250):
            self.world.send(self.world.event(f"inbox/{number}"))
        self.world.invoke()
        self.assertEqual([len(order["events"]) for order in self.world.orders], [100])
        self.world.drain()
        self.assert_jobs(250)
        self.assertEqual(len(self.world.orders), 3)

    def test_more_than_a_hundred_runs_are_several_commands(self) -> None:
        self.world.add("other")
        self.world.run(*(self.world.event(f"inbox/{number}") for number in range(60)))
        self.assert_jobs(120)
        self.assertEqual([len(order["events"]) for order in self.world.orders], [100, 20])

    def test_large_options_are_several_commands(self) -> None:
        self.world.add(options=[["comment", "x" * 4096]] * 100)
        for number in range(5):
            self.world.send(self.world.event(f"inbox/{number}"))
        self.world.invoke()
        self.assert_jobs(5)
        self.assertEqual([len(order["events"]) for order in self.world.orders], [2, 2, 1])


class Triggers(TakeTest):
    def test_prefix_and_suffix_choose(self) -> None:
        self.world.add("images", suffix=".png")
        self.world.add("all", prefix="")
        for key, names in {
            "inbox/a.png": {"t", "images", "all"},
            "inbox/a.PNG": {"t", "all"},
            "other/a.png": {"all"},
            "inbox": {"all"},
        }.items():
            self.world.orders.clear()
            self.world.run(self.world.event(key))
            told = {one["trigger"] for order in self.world.orders for one in order["events"]}
            self.assertEqual(told, names, key)
            self.assertEqual(self.world.queue, {})

    def test_what_is_hpcapi_s_own_never_triggers(self) -> None:
        self.world.add(prefix="", circle=True)
        for folder in ("hpcapi", "blobs", "runs", "jobs", "triggers", "operations"):
            self.world.send(
                self.world.event(f"{folder}/a"), self.world.event(f"{folder}/retry.json")
            )
        self.world.drain()
        self.assert_jobs(0)
        self.assertEqual(self.world.orders, [])

    def test_outputs_trigger_only_in_a_wanted_circle(self) -> None:
        self.world.add(prefix="")
        self.world.add("round", prefix="", circle=True)
        for key in ("outbox/t/a", "outbox/round/a", "outbox/other/a", "outbox/roundabout/a"):
            self.world.run(self.world.event(key))
        taken = [(one["trigger"]) for order in self.world.orders for one in order["events"]]
        self.assertEqual(taken, ["round"] * 3)
        self.assertNotIn(called("outbox/round/a"), " ".join(self.world.keys("/events/")))

    def test_what_was_there_before_the_trigger_is_left(self) -> None:
        self.world.add(created=START)
        self.world.run(self.world.event(at=START - 1))
        self.assert_jobs(0)
        self.world.run(self.world.event(at=START))
        self.assert_jobs(1)

    def test_a_paused_trigger_begins_nothing(self) -> None:
        self.world.add(is_paused=True)
        self.world.run(self.world.event())
        self.assert_jobs(0)
        self.assertEqual(self.world.keys("/events/"), [])

    def test_what_was_taken_before_the_pause_waits_for_its_end(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.world.event())
        self.world.node = self.world.submit
        self.world.add(is_paused=True)
        self.world.clock.now += 10
        self.assert_later(self.world.invoke(), "the trigger is paused")
        self.world.add()
        self.world.drain()
        self.assert_jobs(1)

    def test_a_change_counts_at_once_for_what_comes_after(self) -> None:
        self.world.run(self.world.event("inbox/1"))
        self.world.add("late", created=int(self.world.clock.now))
        self.world.run(self.world.event("inbox/2"))
        self.assert_jobs(3)
        self.world.add("late", is_paused=True)
        self.world.clock.now += 4
        self.world.run(self.world.event("inbox/3", at=START))
        self.assert_jobs(4)

    def test_a_look_at_the_triggers_serves_for_a_moment(self) -> None:
        self.world.run(self.world.event("inbox/1"))
        self.world.clock.now += 2
        self.world.calls.clear()
        self.world.run(self.world.event("inbox/2", at=START))
        self.assertIn("list_objects_v2", self.world.calls)
        self.world.calls.clear()
        self.world.run(self.world.event("inbox/3", at=START))
        self.assertNotIn("list_objects_v2", self.world.calls)

    def test_damaged_triggers_are_no_triggers(self) -> None:
        for name, text in {
            "a": b"",
            "b": b"[]",
            "c": b"{}",
            "d": self.world.object("triggers/t/trigger.json"),
            "e": self.world.object("triggers/t/trigger.json").replace(b'"t"', b'"e"')[:-5],
            "A": self.world.object("triggers/t/trigger.json"),
        }.items():
            self.world.objects[f"triggers/{name}/trigger.json"] = text, self.world.clock.now
        self.world.run(self.world.event())
        self.assert_jobs(1)

    def test_a_script_that_is_being_changed_is_waited_for(self) -> None:
        self.world.objects["triggers/t/script"] = b"#!/bin/sh\n", self.world.clock.now
        logged = self.world.run(self.world.event())
        self.assert_later(logged, "the trigger is being changed")
        self.assertEqual(self.world.keys("/events/"), [])
        self.world.add()
        self.world.drain()
        self.assert_jobs(1)


class Again(TakeTest):
    def test_an_event_comes_more_than_once(self) -> None:
        for _ in range(3):
            self.world.run(self.world.event())
        self.assert_jobs(1)
        self.assertEqual(len(self.world.orders), 1)

    def test_a_batch_has_an_event_twice(self) -> None:
        self.world.run(*[self.world.event()] * 3)
        self.assert_jobs(1)
        self.assertEqual(len(self.world.orders[0]["events"]), 1)

    def test_versions_come_in_any_order(self) -> None:
        versions = [f"v{number}" for number in range(6)] * 2
        random.Random(1).shuffle(versions)
        for version in versions:
            self.world.run(self.world.event(**{"version-id": version}))
        self.assert_jobs(6)

    def test_the_run_stays_though_the_trigger_changes(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.world.event())
        before = self.marker()
        self.world.node = self.world.submit
        self.world.add(text=b"#!/bin/sh\n", options=[["ntasks", "9"]], user="ada", at_most=3)
        self.world.drain()
        self.assert_jobs(1)
        self.assertEqual(self.marker(), before)
        (told,) = self.world.orders[-1]["events"]
        self.assertEqual(told["options"], [["partition", "q1"]])
        self.assertEqual((told["user"], told["at_most"]), ("ec2-user", 3))
        self.assertTrue(told["earlier"])

    def test_a_run_that_was_changed_is_refused(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.world.event())
        self.world.add(user="ada")
        key = f"runs/{self.marker()['run']}/run.json"
        self.world.objects[key] = self.world.object(key).replace(b"q1", b"q2"), 0
        self.world.drain()
        self.assertIn("was changed in the bucket", self.refusal()["reason"])
        self.assertEqual(self.world.submissions, [])

    def test_another_delivery_sets_the_marker_first(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> None:
            if name == "put_object" and "/events/" in given["Key"]:
                other = {**json.loads(given["Body"]), "run": "20261129-100000-00000000"}
                self.world.objects.setdefault(given["Key"], (json.dumps(other).encode(), START))
                run = json.loads(given["Body"])["run"]
                for kind in ("run.json", "in.ndjson", "script"):
                    here = self.world.objects[f"runs/{run}/{kind}"]
                    self.world.objects[f"runs/20261129-100000-00000000/{kind}"] = here

        self.world.fails = fails
        self.world.run(self.world.event())
        self.assertEqual(self.world.submissions, ["20261129-100000-00000000"])
        self.assert_jobs(1)

    def test_a_job_that_slurm_has_forgotten_is_remembered(self) -> None:
        def lost(order: dict[str, Any]) -> dict[str, Any]:
            self.world.submit(order)
            return {"Status": "TimedOut", "StatusDetails": "Execution Timed Out"}

        self.world.node = lost
        self.world.run(self.world.event())
        self.world.node = self.world.submit
        (run,) = self.world.submissions
        self.world.journal.clear()
        self.world.clock.now += 300
        for kind in ("a", "b"):
            self.world.objects[f"jobs/2026-11-29/{kind}.ndjson.gz"] = b"", START - 3600
        asked: list[str] = []
        self.world.fails = lambda name, given: asked.append(given.get("Key", ""))
        self.world.remember("20261129-100000-ffffffff", 7)
        self.world.remember(run, 4711)
        self.world.remember("20261129-100000-fffffffe", 8)
        self.world.drain()
        self.assert_jobs(1)
        done = self.world.json(f"triggers/t/submitted/{called('inbox/a.txt')}.json")
        self.assertEqual(done["job_id"], 4711)
        # What was not changed since the event cannot tell of its job.
        read = [key for key in asked if key.startswith("jobs/")]
        self.assertEqual(len(read), 3)

    def test_a_comment_has_to_end_in_the_marker(self) -> None:
        function = self.world.function
        run = "20261129-100000-0123abcd"
        for comment, jobs in {
            f"hpcapi:run-{run}": {run: 7},
            f"a b hpcapi:run-{run}": {run: 7},
            f"a\nhpcapi:run-{run}": {run: 7},
            f"hpcapi:run-{run} ": {},
            f"hpcapi:run-{run}\n": {},
            f"xhpcapi:run-{run}": {},
            f"hpcapi:run-{run}0": {},
        }.items():
            line = json.dumps({"job_id": 7, "comment": comment}).encode()
            self.assertEqual(function.run_in(line), jobs, comment)
        line = {"job_id": 9, "array_job_id": 7, "comment": f"hpcapi:run-{run}"}
        self.assertEqual(function.run_in(json.dumps(line).encode()), {run: 7})

    def test_the_memory_is_asked_only_when_slurm_may_have_forgotten(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.world.event())
        self.world.remember(self.marker()["run"], 4711)
        self.world.clock.now += 200
        self.world.invoke()
        self.assertEqual(self.world.keys("/submitted/"), [])
        self.world.clock.now += 60
        self.world.invoke()
        self.assertEqual(len(self.world.keys("/submitted/")), 1)

    def test_nothing_is_submitted_while_the_memory_cannot_be_read(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.world.event())
        self.world.remember("20261129-100000-ffffffff", 7)
        self.world.node = self.world.submit
        self.world.clock.now += 300
        orders = len(self.world.orders)

        def fails(name: str, given: dict[str, Any]) -> Any:
            is_memory = given.get("Key", "").startswith("jobs/")
            return error("SlowDown", 503) if is_memory else None

        self.world.fails = fails
        self.assert_later(self.world.invoke(), "SlowDown")
        self.assertEqual(len(self.world.orders), orders)
        self.world.fails = lambda name, given: None
        self.world.drain()
        self.assert_jobs(1)

    def test_a_damaged_memory_ends_where_it_is_damaged(self) -> None:
        self.world.remember("20261129-100000-ffffffff", 7)
        (key,) = self.world.keys("jobs/")
        whole = self.world.object(key)
        for text in (b"", b"x", whole[:-9], whole):
            self.world.objects[key] = text, self.world.clock.now
            with mock.patch.dict("os.environ", VARIABLES):
                found = self.world.function.jobs_in(key, sha256(text))
        self.assertEqual(found, {"20261129-100000-ffffffff": 7})


class Refusals(TakeTest):
    def test_a_refusal_is_told(self) -> None:
        words = "sbatch: error: Invalid partition\u2028\x00 \ud800specified"
        self.world.node = lambda order: {
            "status": 200,
            "body": {"events": [{"run": one["run"], "refused": words} for one in order["events"]]},
        }
        logged = self.world.run(self.world.event())
        reason = "sbatch: error: Invalid partition   ?specified"
        self.assertEqual(
            self.refusal(),
            {
                "reason": reason,
                "run": self.marker()["run"],
                "key": "inbox/a.txt",
                "time": int(self.world.clock.now),
                "by_slurm": True,
            },
        )
        (dead,) = self.world.dead
        self.assertEqual(dead["MessageAttributes"]["reason"]["StringValue"], reason)
        self.assertEqual(json.loads(dead["MessageBody"])["detail"]["object"]["key"], "inbox/a.txt")
        self.assertEqual((logged["refused"], self.world.queue), (1, {}))
        self.world.node = self.world.submit
        self.world.run(self.world.event())
        self.assertEqual((self.world.submissions, len(self.world.dead)), ([], 1))

    def test_another_try_is_one(self) -> None:
        self.test_a_refusal_is_told()
        run = self.marker()["run"]
        self.world.run(self.retry())
        self.assertEqual(self.world.submissions, [run])
        self.assert_jobs(1)
        self.assertEqual(self.world.keys("/refused/"), [])
        self.world.run(self.retry(), self.world.event())
        self.assert_jobs(1)

    def test_another_try_is_of_the_trigger_as_it_is_then(self) -> None:
        self.test_a_refusal_is_told()
        run = self.marker()["run"]
        self.world.add(options=[["partition", "q2"]])
        logged = self.world.run(self.retry())
        self.assertEqual(list(logged["later"]), ["it was refused a moment ago"])
        self.world.clock.now += 120
        self.world.drain()
        self.assert_jobs(1)
        self.assertNotEqual(self.world.submissions, [run])
        self.assertEqual(self.marker()["run"], self.world.submissions[0])
        (told,) = self.world.orders[-1]["events"]
        self.assertEqual(told["options"], [["partition", "q2"]])

    def test_another_try_of_what_may_have_a_job_is_of_the_same_run(self) -> None:
        self.world.gone.add(("inbox/a.txt", "v1"))
        self.world.run(self.world.event())
        self.assertFalse(self.refusal()["by_slurm"])
        run = self.marker()["run"]
        self.world.gone.clear()
        self.world.add(options=[["partition", "q2"]])
        self.world.clock.now += 1000
        self.world.run(self.retry())
        self.assertEqual(self.world.submissions, [run])

    def test_another_try_may_be_refused(self) -> None:
        self.test_a_refusal_is_told()
        self.world.gone.add(("inbox/a.txt", "v1"))
        self.world.run(self.retry())
        self.assertEqual(self.refusal()["reason"], "the object is gone")
        self.assertEqual(len(self.world.dead), 2)

    def test_a_try_of_nothing_is_none(self) -> None:
        for key in (
            f"triggers/t/retry/{'0' * 32}/retry.json",
            f"triggers/other/retry/{called('inbox/a.txt')}/retry.json",
            f"triggers/t/retry/{'0' * 33}/retry.json",
            "triggers/t/retry/../retry.json",
        ):
            self.world.run(self.world.event(key))
        self.assertEqual((self.world.orders, self.world.queue, self.world.dead), ([], {}, []))

    def test_a_try_that_cannot_be_made_comes_back(self) -> None:
        self.test_a_refusal_is_told()
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(self.retry())
        self.assertEqual(len(self.world.queue), 1)
        self.world.node = self.world.submit
        self.world.drain()
        self.assert_jobs(1)
        self.assertEqual(self.world.keys("/refused/"), [])

    def retry(self) -> dict[str, Any]:
        return self.world.event(f"triggers/t/retry/{called('inbox/a.txt')}/retry.json")

    def test_a_gone_object_is_refused(self) -> None:
        self.world.gone.add(("inbox/a.txt", "v1"))
        self.world.run(self.world.event(), self.world.event(**{"version-id": "v2"}))
        self.assertEqual(self.refusal()["reason"], "the object is gone")
        self.assertEqual(self.refusal()["run"], self.marker()["run"])
        self.assert_jobs(1)
        self.assertEqual(len(self.world.dead), 1)

    def test_a_job_may_have_removed_its_object(self) -> None:
        self.world.node = lambda order: {"Status": "TimedOut", **({"x": self.world.submit(order)})}
        self.world.run(self.world.event())
        self.world.remember(self.marker()["run"], 4711)
        self.world.gone.add(("inbox/a.txt", "v1"))
        self.world.drain()
        self.assert_jobs(1)
        self.assertEqual(self.world.keys("/refused/"), [])

    def test_a_zero_byte_cannot_be_told(self) -> None:
        self.world.run(self.world.event("inbox/a\0b"))
        self.assertIn("zero byte", self.refusal("inbox/a\0b")["reason"])
        self.assertEqual((len(self.world.dead), self.world.orders), (1, []))

    def test_what_tells_of_nothing_goes_to_the_dead_letters(self) -> None:
        other = self.world.event()
        other["detail"]["bucket"]["name"] = "another"
        late = {**self.world.event(), "time": "2026-13-29T10:00:00Z"}
        wrong: list[Any] = [
            *("", "{", "null", "[]", "1", '"x"', "[" * 100_000, "{}", other, late),
            {**self.world.event(), "source": "aws.ec2"},
            {**self.world.event(), "detail-type": "Object Deleted"},
            {**self.world.event(), "detail": None},
            {**self.world.event(), "time": None},
            *(self.world.event(key) for key in ("", None, 7, [], "x" * 1025, "é" * 513, "\ud800")),
            self.world.event(size="7"),
            self.world.event(sequencer=None, **{"version-id": None}),
            self.world.event(**{"version-id": ["x"]}),
        ]
        for body in wrong:
            self.world.send(body)
        self.world.send(self.world.event())
        self.world.drain()
        self.assert_jobs(1)
        self.assertEqual(len(self.world.dead), len(wrong))
        said = {one["MessageAttributes"]["reason"]["StringValue"] for one in self.world.dead}
        self.assertEqual(said, {"it tells of no new object in this bucket"})

    def test_a_dead_letter_that_cannot_be_sent_comes_back(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Any:
            return error("InternalError", 500) if name == "send_message" else None

        self.world.fails = fails
        self.world.gone.add(("inbox/a.txt", "v1"))
        self.world.run("poison", self.world.event())
        self.assertEqual((len(self.world.queue), self.world.keys("/refused/")), (2, []))
        self.world.fails = lambda name, given: None
        self.world.drain()
        self.assertEqual((len(self.world.dead), len(self.world.keys("/refused/"))), (2, 1))

    def test_after_13_days_it_is_refused(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "Slurm is down"}
        self.world.run(self.world.event())
        self.world.clock.now = START + 13 * DAY - 1
        self.world.invoke()
        self.assertEqual((len(self.world.queue), self.world.dead), (1, []))
        self.world.clock.now += 1800
        self.world.invoke()
        reason = "it could not be submitted for 13 days: Slurm is down"
        self.assertEqual(self.refusal()["reason"], reason)
        self.assertFalse(self.refusal()["by_slurm"])
        self.assertEqual((len(self.world.queue), len(self.world.dead)), (0, 1))

    def test_after_13_days_it_is_submitted_all_the_same(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "Slurm is down"}
        self.world.run(self.world.event())
        self.world.node = self.world.submit
        self.world.clock.now = START + 13 * DAY + 60
        self.world.invoke()
        self.assert_jobs(1)

    def test_what_could_never_be_looked_at_is_told_after_13_days(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Any:
            return error("AccessDenied", 403) if name == "list_objects_v2" else None

        self.world.fails = fails
        self.assert_later(self.world.run(self.world.event()), "AccessDenied")
        self.world.clock.now += 13 * DAY + 60
        self.world.invoke()
        self.assertEqual(len(self.world.queue), 0)
        (dead,) = self.world.dead
        self.assertEqual(dead["MessageAttributes"]["reason"]["StringValue"], "AccessDenied")


class Later(TakeTest):
    def test_what_cannot_be_submitted_now_comes_back(self) -> None:
        for node, reason in (
            ({"status": 503, "error": "another submission has not ended"}, None),
            ({"status": 400, "error": "there is no such operation"}, None),
            ({"status": 200, "body": {"events": []}}, "the head node says nothing of it"),
            ({"status": 200, "body": {}}, "the head node's answer is not understood"),
            ({"status": 200, "body": {"events": [1]}}, "the head node's answer is not understood"),
            ({"Status": "Failed"}, "the operation failed on the head node"),
            (
                {"Status": "TimedOut", "StatusDetails": "Delivery Timed Out"},
                "the head node is not online",
            ),
            ({"Status": "InProgress"}, "the head node has not ended the operation in time"),
        ):
            with self.subTest(node):
                self.setUp()
                self.world.node = lambda order, node=node: node
                logged = self.world.run(self.world.event())
                self.assert_later(logged, reason or str(node["error"]))
                self.assertLess(self.world.clock.now, START + 55)
                self.world.node = self.world.submit
                self.world.drain()
                self.assert_jobs(1)

    def test_answers_of_a_run(self) -> None:
        for answered, is_done in (
            ({"job_id": 7}, True),
            *(({"job_id": job}, False) for job in (0, -1, True, "7", None, 7.0, [])),
            ({"later": "Slurm is full"}, False),
            ({"later": 7}, False),
            ({}, False),
        ):
            with self.subTest(answered):
                self.setUp()
                self.world.node = lambda order, answered=answered: {
                    "status": 200,
                    "body": {"events": [{"run": order["events"][0]["run"], **answered}]},
                }
                self.world.run(self.world.event())
                self.assertEqual(self.world.queue == {}, is_done)
                self.assertEqual(self.world.dead, [])

    def test_a_part_of_a_batch_comes_back(self) -> None:
        def node(order: dict[str, Any]) -> dict[str, Any]:
            answers = [
                {"run": one["run"], **({"refused": "bad"}, {"later": "full"})[number % 3 - 1]}
                if number % 3
                else self.world.take(one)
                for number, one in enumerate(order["events"])
            ]
            return {"status": 200, "body": {"events": answers}}

        self.world.node = node
        logged = self.world.run(*(self.world.event(f"inbox/{number}") for number in range(30)))
        self.assertEqual(
            (logged["jobs"], logged["refused"], logged["later"]), (10, 10, {"full": 10})
        )
        self.assertEqual(len(self.world.queue), 10)
        self.assertEqual(len(self.world.keys("/refused/")), 10)
        self.world.node = self.world.submit
        self.world.drain()
        self.assertEqual(len(self.world.submissions), 20)

    def test_one_trigger_s_trouble_is_not_another_s(self) -> None:
        self.world.add("other")
        self.world.objects["triggers/t/script"] = b"", self.world.clock.now
        self.world.run(self.world.event())
        self.assertEqual([len(order["events"]) for order in self.world.orders], [1])
        self.assertEqual(len(self.world.queue), 1)
        self.world.add()
        self.world.drain()
        self.assert_jobs(2)

    def test_ssm_and_s3_may_be_down(self) -> None:
        network = EndpointConnectionError(endpoint_url="https://x")
        for name in ("send_command", "put_object", "get_object", "head_object", "list_objects_v2"):
            for failure in (error("ThrottlingException"), error("InternalError", 500), network):
                with self.subTest(name, failure=str(failure)):
                    self.setUp()
                    self.world.fails = lambda called, given, name=name, failure=failure: (
                        failure if called == name else None
                    )
                    self.world.run(self.world.event("inbox/1"), self.world.event("inbox/2"))
                    self.assertEqual((len(self.world.queue), self.world.submissions), (2, []))
                    self.world.fails = lambda called, given: None
                    self.world.drain()
                    self.assert_jobs(2)

    def test_a_lost_answer_submits_no_second_job(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Any:
            return error("AccessDenied", 403) if name == "get_command_invocation" else None

        self.world.fails = fails
        self.world.run(self.world.event())
        self.assertEqual((len(self.world.submissions), len(self.world.queue)), (1, 1))
        self.world.fails = lambda name, given: None
        self.world.drain()
        self.assert_jobs(1)

    def test_without_a_head_node_everything_waits(self) -> None:
        real = self.world.function.Batch.submit
        with mock.patch.object(
            self.world.function.Batch,
            "submit",
            lambda batch, some: mock.patch.dict("os.environ", {"INSTANCE": ""})(real)(batch, some),
        ):
            logged = self.world.run(self.world.event())
        self.assert_later(logged, "the cluster has no head node")

    def test_it_comes_back_after_a_tenth_of_its_age(self) -> None:
        pauses = self.world.function.pause_after
        self.assertEqual(
            [pauses(age) for age in (0, 50, 600, 18000, 10**6)], [5, 5, 60, 1800, 1800]
        )
        # Before it has come a thousand times the queue has forgotten it.
        age, times = 0.0, 0
        while age < 14 * DAY:
            age, times = age + pauses(age), times + 1
        self.assertLess(times, 800)

    def test_what_the_function_fetched_itself_comes_back_too(self) -> None:
        self.world.node = lambda order: {"status": 503, "error": "no"}
        self.world.run(*(self.world.event(f"inbox/{number}") for number in range(25)))
        self.assertEqual(len(self.world.queue), 25)
        soon = {one["visible"] - self.world.clock.now for one in self.world.queue.values()}
        self.assertEqual(soon, {5})
        self.world.node = self.world.submit
        self.world.drain()
        self.assert_jobs(25)

    def test_a_mistake_of_ours_loses_nothing(self) -> None:
        def fails(name: str, given: dict[str, Any]) -> Any:
            return RuntimeError("the caller's words") if name == "send_command" else None

        self.world.fails = fails
        logged = self.world.run(self.world.event())
        self.assert_later(logged, "RuntimeError")
        self.world.fails = lambda name, given: None
        self.world.drain()
        self.assert_jobs(1)


class Ends(TakeTest):
    """The function ends at each call to AWS; then Lambda hands the messages over again."""

    def check(self, begin: Any, jobs: int) -> int:
        points = 0
        for world, where in each_call(begin):
            with self.subTest(where):
                with self.assertRaises(Killed):
                    world.invoke()
                world.kill_at = None
                # The next one is another instance, which remembers nothing.
                world.function = world.load()
                world.drain()
                self.world = world
                self.assert_jobs(jobs)
                self.assertEqual(len(world.submissions), len(set(world.submissions)))
                self.assertEqual(len(world.keys("/events/")), len(world.journal))
                points += 1
        return points

    def test_taking_events(self) -> None:
        def begin() -> World:
            world = World()
            world.add()
            world.add("other", suffix=".txt")
            # Lambda hands two of them over, and the function fetches the third.
            world.at_once = 2
            world.send(*(world.event(f"inbox/{number}.txt") for number in range(3)))
            return world

        self.assertGreater(self.check(begin, 6), 100)

    def test_taking_events_again(self) -> None:
        def begin() -> World:
            world = World()
            world.add()
            world.node = lambda order: {"Status": "Failed", "x": world.submit(order)}
            world.run(world.event(), world.event("inbox/b"))
            world.node = world.submit
            world.clock.now += 400
            world.remember(world.submissions[0], world.journal[world.submissions[0]])
            world.calls.clear()
            return world

        self.assertGreater(self.check(begin, 2), 20)

    def test_refusing_and_trying_again(self) -> None:
        def refused(world: World) -> None:
            world.node = lambda order: {
                "status": 200,
                "body": {
                    "events": [{"run": one["run"], "refused": "no"} for one in order["events"]]
                },
            }

        def begin_refusal() -> World:
            world = World()
            world.add()
            refused(world)
            world.send(world.event(), "poison")
            return world

        for world, where in each_call(begin_refusal):
            with self.subTest(where):
                with self.assertRaises(Killed):
                    world.invoke()
                world.kill_at, world.function = None, world.load()
                world.drain()
                self.assertEqual(len(world.keys("/refused/")), 1)
                self.assertEqual(
                    {one["MessageBody"] == "poison" for one in world.dead}, {True, False}
                )

        def begin_retry() -> World:
            world = begin_refusal()
            world.drain()
            world.node = world.submit
            world.add(options=[["partition", "q2"]])
            world.clock.now += 200
            world.send(world.event(f"triggers/t/retry/{called('inbox/a.txt')}/retry.json"))
            world.calls.clear()
            return world

        for world, where in each_call(begin_retry):
            with self.subTest(where):
                with self.assertRaises(Killed):
                    world.invoke()
                world.kill_at, world.function = None, world.load()
                world.drain()
                self.world = world
                self.assert_jobs(1)
                self.assertEqual(world.keys("/refused/"), [])


class Hostile(TakeTest):
    def test_a_thousand_hostile_keys_are_data(self) -> None:
        chance = random.Random(20261129)
        parts = [
            *(
                "; id",
                "$(id)",
                "`id`",
                "'",
                '"',
                "\\",
                "\n",
                "\r\n",
                "\t",
                "\x00",
                "\x1b[2J",
                "\x7f",
            ),
            *(
                "../",
                "..",
                "/",
                "//",
                "./",
                "{{ssm:/x}}",
                "{{ verb }}",
                "${HOME}",
                "%00",
                "%0A",
                "&&",
            ),
            *(
                "\u2028",
                "\u202e",
                "\ufeff",
                "é",
                "😀",
                "\ufffe",
                "\ud800",
                "\udfff",
                "-rf",
                "*",
                "~",
            ),
            *(
                "<x>",
                "null",
                "END_OF_PROGRAM",
                "#SBATCH --uid=0",
                " ",
                "x" * 255,
                "é" * 400,
                "a" * 1000,
            ),
        ]
        keys = ["inbox/" + part for part in parts]
        while len(keys) < 1000:
            key = "inbox/" + "".join(chance.choices(parts, k=chance.randint(1, 6)))
            # JSON makes of two halves of a character the whole one.
            key = json.loads(json.dumps(key))
            if key not in keys and len(key.encode("utf-8", "surrogatepass")) <= 1100:
                keys.append(key)
        for key in keys:
            self.world.send(self.world.event(key))
        self.world.drain(200)
        sound = {key for key in keys if is_sound(key)}
        submitted = {self.world.json(key)["run"] for key in self.world.keys("/submitted/")}
        told = {
            self.world.json(f"runs/{run}/run.json")["event"]["key"]: run
            for run in self.world.submissions
        }
        self.assertEqual(set(told), sound)
        self.assertEqual(submitted, set(told.values()))
        self.assertEqual(len(self.world.dead), len([key for key in keys if not is_sound(key)]))
        for key, run in told.items():
            entry = self.world.json(f"runs/{run}/in.ndjson")
            self.assertEqual(entry["url"], f"s3://{BUCKET}/{key}")
            self.assertNotIn("/", entry["path"])
            self.assertNotIn(entry["path"], ("", ".", ".."))
        # Nothing of a key is in a command, in an order, or in the name of an object of ours.
        for order in self.world.orders:
            self.assertNotIn("inbox", json.dumps(order))
        for key in self.world.objects:
            self.assertRegex(key, r"^[a-z0-9./-]+\Z")


def is_sound(key: str) -> bool:
    try:
        return len(key.encode()) <= 1024 and "\0" not in key
    except UnicodeEncodeError:
        return False


if __name__ == "__main__":
    unittest.main()
