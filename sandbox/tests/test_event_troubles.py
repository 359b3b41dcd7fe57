"""The troubles that events can be given: they come twice, and invocations fail before or after the
function has run."""

from __future__ import annotations

from typing import Any
from unittest import mock

from hpcapi_sandbox import event_troubles
from hpcapi_sandbox.event_troubles import AFTER, BEFORE, Troubles
from test_control import ControlTest
from test_event_chain import TEMPLATE

# What fails comes back as often as it has to.
PATIENT = TEMPLATE.replace("maxReceiveCount: 1}", "maxReceiveCount: 1000}")


class EventTroubles(ControlTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ended = cls().create("chain", PATIENT)
        cls.made = cls().outputs("chain")
        cls.s3, cls.sqs = cls.client("s3"), cls.client("sqs")

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(self.ended, "CREATE_COMPLETE")
        self.addCleanup(event_troubles.put, self.account, None)

    def ask(self, asked: Any, account: str | None = None) -> dict[str, Any]:
        path = f"event-troubles/{account or self.account}"
        status, said = self.control("PUT", path, asked)
        self.assertEqual(status, 200, said)
        return said

    def counts(self) -> dict[str, int]:
        return self.control("GET", f"event-troubles/{self.account}")[1]["counts"]

    def waiting(self) -> int:
        """Messages in the queue, also those that are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.made["Queue"], AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.made["Bucket"], Key=key, Body=b"x")

    def is_taken(self, key: str) -> bool:
        found = self.s3.list_objects_v2(Bucket=self.made["Bucket"], Prefix=f"taken/{key}")
        return found["KeyCount"] == 1

    def switch(self, enabled: bool) -> None:
        functions = self.client("lambda")
        (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=enabled)

    def test_each_event_comes_twice(self) -> None:
        self.addCleanup(self.switch, True)
        self.switch(False)
        said = self.ask({"twice": True})
        self.assertEqual((said["twice"], said["fails"]), (True, 0))
        for number in range(3):
            self.put(f"inbox/{number}")
        self.wait_for(lambda: self.counts()["twice"] == 3)
        self.assertEqual(self.counts()["coming"], 0)
        self.assertEqual(self.waiting(), 6)
        self.assertFalse(self.ask({})["twice"])
        self.put("inbox/once")
        self.wait_for(lambda: self.waiting() == 7)
        self.switch(True)
        self.wait_for(lambda: self.waiting() == 0)

    def test_what_fails_comes_back(self) -> None:
        self.ask({"fails": 1, "seed": 1})
        self.put("inbox/a")
        # A failure after the function has run leaves what it has done, and the message, too.
        self.wait_for(lambda: self.counts()[AFTER])
        self.wait_for(lambda: self.is_taken("inbox/a"))
        self.assertEqual(self.waiting(), 1)
        self.wait_for(lambda: self.counts()[BEFORE])
        counts = self.counts()
        self.assertEqual(counts["invocations"], counts[BEFORE] + counts[AFTER])
        self.ask({})
        self.wait_for(lambda: self.waiting() == 0)

    def test_before_the_function_runs_nothing_is_done(self) -> None:
        self.ask({"fails": 1})
        with mock.patch.object(Troubles, "next_failure", lambda troubles: BEFORE):
            self.put("inbox/b")
            functions = self.client("lambda")

            def result() -> bool:
                (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
                return source["LastProcessingResult"] == "FAILED"

            self.wait_for(result)
            self.assertFalse(self.is_taken("inbox/b"))
        self.ask({})
        self.wait_for(lambda: self.is_taken("inbox/b"))

    def test_a_seed_says_which_invocations_fail(self) -> None:
        def failures(seed: int | None) -> list[str | None]:
            troubles = Troubles(fails=0.2, seed=seed)
            return [troubles.next_failure() for _ in range(1000)]

        once = failures(7)
        self.assertEqual(failures(7), once)
        self.assertNotEqual(failures(8), once)
        for moment in (BEFORE, AFTER):
            self.assertTrue(50 < once.count(moment) < 150, once.count(moment))
        drawn = Troubles(fails=0.2).told()["seed"]
        self.assertNotEqual(drawn, Troubles(fails=0.2).told()["seed"])

    def test_no_other_account_has_them(self) -> None:
        self.ask({"twice": True, "fails": 0.5, "seed": 3}, "999999999999")
        self.addCleanup(event_troubles.put, "999999999999", None)
        self.put("inbox/c")
        self.wait_for(lambda: self.is_taken("inbox/c"))
        self.assertEqual(set(self.counts().values()), {0})

    def test_wrong_requests_change_nothing(self) -> None:
        before = self.ask({"twice": True, "fails": 0.5, "seed": 3})
        path = f"event-troubles/{self.account}"
        for asked in (
            {"twise": True},
            {"twice": 1},
            {"fails": 1.5},
            {"fails": True},
            {"fails": float("nan")},
            {"seed": "x"},
        ):
            with self.subTest(asked=asked):
                status, said = self.control("PUT", path, asked)
                self.assertEqual(status, 400)
                self.assertTrue(said["message"])
        self.assertEqual(self.control("PUT", "event-troubles/me", {})[0], 400)
        self.assertEqual(self.control("GET", path)[1], before)
