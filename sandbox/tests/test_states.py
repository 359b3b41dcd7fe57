"""What is being made says so until it is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from hpcapi_sandbox import clock
from test_control import ControlTest

FOR_EVER = 1e9
LOG = "Resources: {Log: {Type: AWS::Logs::LogGroup}}"


class SlowTest(ControlTest):
    def slow(self, what: str, operation: str) -> None:
        """Lets one thing take for ever and all others no time."""
        patch = mock.patch.object(clock, "table", lambda: {(what, operation): FOR_EVER})
        patch.start()
        self.addCleanup(patch.stop)
        clock.set_scale(1)

    def begin(self, name: str, template: str, logical_id: str) -> str:
        """Begins a stack; returns the physical id of a resource that does not get ready."""
        self.cloudformation.create_stack(StackName=name, TemplateBody=template)
        initiated = (logical_id, "CREATE_IN_PROGRESS", "Resource creation Initiated")

        def made() -> str | None:
            return next(
                (
                    event["PhysicalResourceId"]
                    for event in self.raw_events(name)
                    if (
                        event["LogicalResourceId"],
                        event["ResourceStatus"],
                        event.get("ResourceStatusReason"),
                    )
                    == initiated
                ),
                None,
            )

        return self.wait_for(made)

    def goes_on(self, name: str, state: Callable[[], str], before: str, after: str) -> None:
        """A resource is in one state until time passes, and in another when its stack is made."""
        self.assertEqual(state(), before)
        self.assertEqual(self.status(name), "CREATE_IN_PROGRESS")
        clock.set_scale(0)
        self.assertEqual(self.settled(name), "CREATE_COMPLETE")
        self.assertEqual(state(), after)


class ChangeSets(SlowTest):
    def described(self, name: str) -> dict[str, Any]:
        return self.cloudformation.describe_change_set(StackName=name, ChangeSetName="change")

    def test_a_change_set_takes_its_time(self) -> None:
        self.slow("cloudformation:change-set", "create")
        self.cloudformation.create_change_set(
            StackName="set", ChangeSetName="change", TemplateBody=LOG, ChangeSetType="CREATE"
        )
        found = self.described("set")
        self.assertEqual(
            (found["Status"], found["ExecutionStatus"], found["Changes"]),
            ("CREATE_IN_PROGRESS", "UNAVAILABLE", []),
        )
        code, _ = self.refusal(
            self.cloudformation.execute_change_set, StackName="set", ChangeSetName="change"
        )
        self.assertEqual(code, "InvalidChangeSetStatus")
        clock.set_scale(0)
        self.wait_for(lambda: self.described("set")["Status"] == "CREATE_COMPLETE")
        self.assertEqual(len(self.described("set")["Changes"]), 1)
        self.cloudformation.execute_change_set(StackName="set", ChangeSetName="change")
        self.assertEqual(self.settled("set"), "CREATE_COMPLETE")

    def test_a_change_set_without_changes_fails_later(self) -> None:
        self.create("same", LOG)
        self.slow("cloudformation:change-set", "create")
        self.cloudformation.create_change_set(
            StackName="same", ChangeSetName="change", TemplateBody=LOG
        )
        self.assertEqual(self.described("same")["Status"], "CREATE_IN_PROGRESS")
        clock.set_scale(0)
        self.wait_for(lambda: self.described("same")["Status"] == "FAILED")
        self.assertIn("didn't contain changes", self.described("same")["StatusReason"])

    def test_stack_events_are_seen_late(self) -> None:
        self.slow("cloudformation:stack-event", "lag")
        self.assertEqual(self.create("late", LOG), "CREATE_COMPLETE")
        self.assertEqual(self.events("late"), [])
        clock.set_scale(0)
        self.assertIn(("late", "CREATE_COMPLETE"), self.events("late"))
