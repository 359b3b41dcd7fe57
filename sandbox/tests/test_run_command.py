"""SSM Run Command runs commands, with SSM's statuses, delays and limits."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from cluster import ClusterTest
from hpcapi_sandbox import clock
from hpcapi_sandbox.ssm import agents, commands


class RunCommand(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ssm = cls.client("ssm")

    def send(self, *lines: str, **parameters: str) -> str:
        given = {name: [value] for name, value in parameters.items()}
        return self.ssm.send_command(
            InstanceIds=[self.made["HeadNode"]],
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": list(lines), **given},
        )["Command"]["CommandId"]

    def invocation(self, command_id: str) -> dict[str, Any]:
        return self.ssm.get_command_invocation(
            CommandId=command_id, InstanceId=self.made["HeadNode"]
        )

    def run_to_end(self, *lines: str, **parameters: str) -> dict[str, Any]:
        command_id = self.send(*lines, **parameters)
        under_way = (None, "Pending", "InProgress")
        self.wait_for(lambda: self.status_of(command_id) not in under_way)
        return self.invocation(command_id)

    def test_lines_make_one_script(self) -> None:
        found = self.run_to_end("a=1", "echo $((a + 1)); pwd; echo oops >&2")
        self.assertEqual(found["StandardOutputContent"], "2\n/usr/bin\n")
        self.assertEqual(found["StandardErrorContent"], "oops\n")
        self.assertEqual((found["Status"], found["ResponseCode"]), ("Success", 0))

    def test_the_first_line_may_name_an_interpreter(self) -> None:
        found = self.run_to_end("#!/usr/bin/env -S sed -n 2p", "second line")
        self.assertEqual(found["StandardOutputContent"], "second line\n")

    def test_a_failure_has_its_exit_status(self) -> None:
        found = self.run_to_end("exit 7")
        self.assertEqual((found["Status"], found["ResponseCode"]), ("Failed", 7))
        self.assertEqual(found["StandardErrorContent"], "failed to run commands: exit status 7")

    def test_output_is_cut(self) -> None:
        found = self.run_to_end(
            "head -c 30000 /dev/zero | tr '\\0' a; head -c 30000 /dev/zero | tr '\\0' b >&2"
        )
        self.assertEqual(found["StandardOutputContent"], "a" * 24000)
        self.assertEqual(found["StandardErrorContent"], "b" * 8000)

    def test_the_execution_timeout_ends_a_command(self) -> None:
        found = self.run_to_end("echo begun; sleep 60", executionTimeout="5")
        self.assertEqual(
            (found["Status"], found["StatusDetails"]), ("TimedOut", "ExecutionTimedOut")
        )
        self.assertEqual(found["StandardOutputContent"], "begun\n")

    def test_a_command_can_be_cancelled(self) -> None:
        command_id = self.send("sleep 30; echo never")
        time.sleep(0.3)
        self.ssm.cancel_command(CommandId=command_id)
        self.wait_for(lambda: self.status_of(command_id) == "Cancelled")
        self.assertEqual(self.invocation(command_id)["StandardOutputContent"], "")

    def test_a_stopped_agent_takes_nothing_and_reports_nothing(self) -> None:
        self.addCleanup(agents.let_run, self.made["HeadNode"], True)
        agents.let_run(self.made["HeadNode"], False)
        command_id = self.send("echo late")
        self.wait_for(lambda: self.status_of(command_id) == "Pending")
        agents.let_run(self.made["HeadNode"], True)
        self.wait_for(lambda: self.status_of(command_id) == "Success")

        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        go_on, over = Path(folder.name, "go-on"), Path(folder.name, "over")
        command_id = self.send(f"until [ -e {go_on} ]; do sleep 0.05; done; echo over | tee {over}")
        self.wait_for(lambda: self.status_of(command_id) == "InProgress")
        agents.let_run(self.made["HeadNode"], False)
        go_on.touch()
        self.wait_for(over.exists)
        time.sleep(0.3)
        self.assertEqual(self.status_of(command_id), "InProgress")
        agents.let_run(self.made["HeadNode"], True)
        self.wait_for(lambda: self.status_of(command_id) == "Success")
        self.assertEqual(self.invocation(command_id)["StandardOutputContent"], "over\n")

    def test_a_command_that_no_agent_takes_is_given_up(self) -> None:
        self.addCleanup(agents.let_run, self.made["HeadNode"], True)
        agents.let_run(self.made["HeadNode"], False)
        with mock.patch.object(commands.Command, "delivery_timeout", 0.1):
            command_id = self.send("echo never")
            self.wait_for(lambda: self.status_of(command_id) == "TimedOut")
        agents.let_run(self.made["HeadNode"], True)
        found = self.invocation(command_id)
        self.assertEqual(found["StatusDetails"], "DeliveryTimedOut")
        self.assertEqual(found["StandardOutputContent"], "")
        (listed,) = self.ssm.list_commands(CommandId=command_id)["Commands"]
        self.assertEqual(listed["DeliveryTimedOutCount"], 1)

    def status_of(self, command_id: str) -> str | None:
        """Its status, once it can be seen."""
        try:
            return self.invocation(command_id)["Status"]
        except self.ssm.exceptions.InvocationDoesNotExist:
            return None

    def test_an_invocation_cannot_be_seen_at_once(self) -> None:
        with mock.patch.object(commands, "_INVISIBLE_SECONDS", 1e9):
            command_id = self.send("true")
            code, _ = self.refusal(
                self.ssm.get_command_invocation,
                CommandId=command_id,
                InstanceId=self.made["HeadNode"],
            )
        self.assertEqual(code, "InvocationDoesNotExist")
        self.wait_for(
            lambda: command_id in [one["CommandId"] for one in self.ssm.list_commands()["Commands"]]
        )

    def slow(self, operation: str) -> None:
        """Lets one part of a command take for ever."""
        times = {("ssm:command", operation): 1e9}
        patch = mock.patch.object(clock, "table", lambda: times)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(clock.set_scale, 0)
        clock.set_scale(1)

    def test_a_command_takes_time_to_get_there(self) -> None:
        self.slow("deliver")
        command_id = self.send("echo here")
        self.wait_for(lambda: self.seen(command_id))
        self.assertEqual(self.invocation(command_id)["Status"], "Pending")
        cancelled = self.send("echo never")
        self.ssm.cancel_command(CommandId=cancelled)
        clock.set_scale(0)
        self.wait_for(lambda: self.invocation(command_id)["Status"] == "Success")
        self.wait_for(lambda: self.seen(cancelled))
        self.wait_for(lambda: self.invocation(cancelled)["Status"] == "Cancelled")
        self.assertEqual(self.invocation(cancelled)["StandardOutputContent"], "")

    def test_a_result_takes_time_to_be_seen(self) -> None:
        self.slow("report")
        file = self.temporary_file()
        command_id = self.send(f"echo done >{file}; echo said")
        self.wait_for(lambda: file.exists() and file.read_text() == "done\n")
        self.wait_for(lambda: self.seen(command_id))
        found = self.invocation(command_id)
        self.assertEqual((found["Status"], found["StandardOutputContent"]), ("InProgress", ""))
        self.assertEqual((found["ResponseCode"], found["ExecutionEndDateTime"]), (-1, ""))
        clock.set_scale(0)
        self.wait_for(lambda: self.invocation(command_id)["Status"] == "Success")
        self.assertEqual(self.invocation(command_id)["StandardOutputContent"], "said\n")

    def test_an_invocation_stays_unseen_for_a_while(self) -> None:
        self.slow("visible")
        command_id = self.send("true")
        with mock.patch.object(commands, "_INVISIBLE_SECONDS", 0):
            self.assertFalse(self.seen(command_id))
            clock.set_scale(0)
            self.assertTrue(self.seen(command_id))

    def temporary_file(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name) / "file"

    def seen(self, command_id: str) -> bool:
        try:
            return bool(self.invocation(command_id))
        except self.ssm.exceptions.InvocationDoesNotExist:
            return False

    def test_only_instances_that_are_online_take_commands(self) -> None:
        other = "i-0123456789abcdef0"
        code, message = self.refusal(
            self.ssm.send_command,
            InstanceIds=[other],
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]},
        )
        self.assertEqual(code, "InvalidInstanceId")
        self.assertIn(f"Instances [[{other}]] not in a valid state", message)
        found = self.ssm.describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [self.made["HeadNode"], other]}]
        )["InstanceInformationList"]
        self.assertEqual(
            [(one["InstanceId"], one["PingStatus"]) for one in found],
            [(self.made["HeadNode"], "Online")],
        )
