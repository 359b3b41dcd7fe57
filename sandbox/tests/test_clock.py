"""Things take the time that AWS takes, times a scale that may change while they wait."""

from __future__ import annotations

import asyncio
import csv
import re
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from emulator import PATIENCE, EmulatorTest
from hpcapi_sandbox import clock

REPOSITORY = Path(__file__).parents[2]
# Waits that a test does not want to see end.
FOR_EVER = 1e9

# What the stack of a cluster is made of, as ParallelCluster synthesises it.
CLUSTER_TYPES = """
    AWS::CloudFormation::CustomResource AWS::CloudFormation::Stack
    AWS::CloudFormation::WaitCondition AWS::CloudFormation::WaitConditionHandle
    AWS::CloudWatch::Alarm AWS::CloudWatch::CompositeAlarm AWS::CloudWatch::Dashboard
    AWS::DynamoDB::Table AWS::EC2::EIP AWS::EC2::EIPAssociation AWS::EC2::Instance
    AWS::EC2::LaunchTemplate AWS::EC2::NetworkInterface AWS::EC2::SecurityGroup
    AWS::EC2::SecurityGroupEgress AWS::EC2::SecurityGroupIngress AWS::IAM::InstanceProfile
    AWS::IAM::Policy AWS::IAM::Role AWS::Lambda::Function AWS::Logs::LogGroup
    AWS::Logs::MetricFilter AWS::Route53::HostedZone
""".split()


def types_of(template: Path) -> set[str]:
    resources = template.read_text(encoding="utf-8").partition("\nResources:")[2]
    return set(re.findall(r"^    Type: (AWS::\S+)$", resources, re.MULTILINE))


class Table(unittest.TestCase):
    def test_every_type_that_is_deployed_has_its_times(self) -> None:
        types = set(CLUSTER_TYPES)
        for name in ("requirements", "api"):
            found = types_of(REPOSITORY / "templates" / f"{name}.yaml")
            self.assertGreater(len(found), 5)
            types |= found
        for kind in sorted(types):
            with self.subTest(kind=kind):
                self.assertIn((kind, "create"), clock.table())
                self.assertIn((kind, "delete"), clock.table())

    def test_every_time_has_its_source(self) -> None:
        with open(Path(clock.__file__).with_name("clock.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), len(clock.table()), "each thing is listed once")
        for row in rows:
            with self.subTest(what=row["what"], operation=row["operation"]):
                self.assertGreaterEqual(float(row["seconds"]), 0)
                self.assertGreater(len(row["source"]), 10)

    def test_what_is_not_listed_takes_no_time(self) -> None:
        self.assertEqual(clock.seconds("AWS::Nothing::AtAll", "create"), 0)
        self.assertEqual(clock.seconds("AWS::EC2::Subnet", "update"), 4)
        self.assertEqual(clock.seconds("AWS::ApiGatewayV2::VpcLink", "update"), 2)


class Scale(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(clock.set_scale, 0)

    def test_nothing_waits_at_scale_zero(self) -> None:
        clock.set_scale(0)
        asyncio.run(clock.take_seconds(FOR_EVER))
        clock.wait("AWS::EC2::NatGateway", "create")

    def test_what_waits_goes_on_at_the_new_speed(self) -> None:
        clock.set_scale(FOR_EVER)

        async def change() -> None:
            waiting = asyncio.create_task(clock.take("AWS::EC2::NatGateway", "create"))
            await asyncio.sleep(0)
            clock.set_scale(FOR_EVER / 2)
            for _ in range(3):
                await asyncio.sleep(0)
            self.assertFalse(waiting.done())
            clock.set_scale(1e-9)
            await asyncio.wait_for(waiting, PATIENCE)

        asyncio.run(change())

    def test_a_thread_goes_on_too(self) -> None:
        clock.set_scale(FOR_EVER)
        thread = threading.Thread(
            target=clock.wait, args=("AWS::EC2::NatGateway", "create"), daemon=True
        )
        thread.start()
        while thread.is_alive() and not clock._changed._waiters:
            time.sleep(0.001)
        self.assertTrue(thread.is_alive())
        clock.set_scale(0)
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())

    def test_what_has_passed_counts(self) -> None:
        clock.set_scale(1)
        with mock.patch.object(clock, "time") as fake:
            fake.monotonic.return_value = 1000.0
            clock.wait("AWS::EC2::NatGateway", "create", since=1000.0 - 100)


PROFILE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {IamInstanceProfile: {Name: !Ref Profile}}}
  After:
    Type: AWS::EC2::LaunchTemplate
    DependsOn: Role
    Properties: {LaunchTemplateData: {IamInstanceProfile: {Name: !Ref Profile}}}
"""


class Stacks(EmulatorTest):
    """Each with a clock that knows a few things only, so that the rest takes no time."""

    def times(self, times: dict[tuple[str, str], float]) -> None:
        patch = mock.patch.object(clock, "table", lambda: times)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(clock.set_scale, 0)
        clock.set_scale(1)

    def begin(self, name: str, template: str) -> None:
        self.cloudformation.create_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )

    def test_what_refers_to_a_configured_resource_does_not_wait_for_it_to_settle(self) -> None:
        kind = "AWS::IAM::InstanceProfile"
        self.times({(kind, "configure"): 1e-9, (kind, "create"): FOR_EVER})
        self.begin("early", PROFILE)
        self.wait_for(lambda: ("Template", "CREATE_COMPLETE") in self.events("early"))
        events = self.events("early")
        self.assertNotIn(("Profile", "CREATE_COMPLETE"), events)
        self.assertNotIn(
            ("After", "CREATE_IN_PROGRESS"), events, "DependsOn waits for everything it needs"
        )
        clock.set_scale(0)
        self.assertEqual(self.settled("early"), "CREATE_COMPLETE")
        events = self.events("early")
        self.assertLess(
            events.index(("Profile", "CREATE_COMPLETE")),
            events.index(("After", "CREATE_IN_PROGRESS")),
        )
        self.assertIn(
            ("Profile", "CONFIGURATION_COMPLETE"),
            [
                (one["LogicalResourceId"], one.get("DetailedStatus"))
                for one in self.raw_events("early")
            ],
        )

    def test_what_is_not_settled_yet_is_rolled_back(self) -> None:
        self.times({("AWS::EC2::VPC", "create"): FOR_EVER})
        self.begin(
            "unsettled",
            """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Log: {Type: AWS::Logs::LogGroup}
  Bad:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Log
    Properties: {GroupDescription: g, VpcId: vpc-0123456789abcdef0}
""",
        )
        self.assertEqual(self.settled("unsettled"), "ROLLBACK_COMPLETE")
        self.assertIn(("VPC", "DELETE_COMPLETE"), self.events("unsettled"))
        self.assertEqual(
            self.reason("unsettled", "VPC", "CREATE_FAILED"), "Resource creation cancelled"
        )

    def test_deletions_take_their_time(self) -> None:
        self.times({("AWS::Logs::LogGroup", "delete"): FOR_EVER})
        self.assertEqual(
            self.create("slow", "Resources: {Log: {Type: AWS::Logs::LogGroup}}"), "CREATE_COMPLETE"
        )
        stack_id = self.cloudformation.describe_stacks(StackName="slow")["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName="slow")
        self.wait_for(lambda: ("Log", "DELETE_IN_PROGRESS") in self.events(stack_id))
        self.assertEqual(self.status(stack_id), "DELETE_IN_PROGRESS")
        clock.set_scale(0)
        self.assertEqual(self.settled(stack_id), "DELETE_COMPLETE")


if __name__ == "__main__":
    unittest.main()
