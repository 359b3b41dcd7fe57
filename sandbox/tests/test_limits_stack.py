"""The stack of limits: when the time is over, or no job has run for so long, the deployment is put to
rest, by AWS alone."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cluster import ClusterTest
from emulator import as_parameters, fetch
from functions import archive

TEMPLATES = Path(__file__).parents[2] / "templates"
LIMITS = (TEMPLATES / "limits.yaml").read_text()
CODE_KEY = "hpcapi/0123456789abcdef/limits.zip"
TABLE = "parallelcluster-test"
# What a cluster's own stack has that counts here.
CLUSTER = """
Parameters:
  TableName: {Type: String}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Ref TableName
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: Id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: Id, AttributeType: S}]
"""
SIGN = "hpcapi/at-work/up/host/boot/1"
NOTE = "hpcapi/stopped-fleet"
JOBS = "jobs/last-job/"
# The shortest that the template takes, in seconds.
IDLE = 10
# So long that a call or two have come meanwhile.
QUIET = 3


def function() -> bytes:
    text = (TEMPLATES / "limits/function.py").read_text()
    late = "LATE = datetime.timedelta(minutes=2)"
    assert late in text
    text = text.replace(late, "LATE = datetime.timedelta(seconds=2)")
    return archive(text, "function.py")


def moment(seconds: int) -> str:
    then = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


class LimitsStack(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.s3, cls.tables = cls.client("s3"), cls.client("dynamodb")
        test = cls()
        zones = {
            "AvailabilityZone1": cls.parameters["Zone1"],
            "AvailabilityZone2": cls.parameters["Zone2"],
        }
        template = (TEMPLATES / "requirements.yaml").read_text()
        test.create("test-requirements", template, **zones)
        cls.bucket = test.outputs("test-requirements")["Bucket"]
        cls.s3.put_object(Bucket=cls.bucket, Key=CODE_KEY, Body=function())
        test.create("test", CLUSTER, TableName=TABLE)
        (balancer,) = cls.client("elbv2").describe_load_balancers()["LoadBalancers"]
        subnets = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
        given = {
            "VpcId": balancer["VpcId"],
            "PrivateSubnetIds": ",".join(subnets),
            "HeadNodeInstanceID": cls.made["HeadNode"],
            "LoadBalancerSG": cls.made["ApiGroup"],
        }
        test.create("test-api", (TEMPLATES / "api.yaml").read_text(), **given)
        cls.url = test.outputs("test-api")["APIGWEndpoint"]

    def limit(self, seconds: int) -> None:
        """Lets the time be over in so many seconds."""
        self.make(Until=moment(seconds), Span="60")

    def make(self, **limits: str) -> None:
        given = {"Deployment": "test", "Bucket": self.bucket, "CodeKey": CODE_KEY, **limits}
        self.assertEqual(self.create("test-limits", LIMITS, **given), "CREATE_COMPLETE")
        self.addCleanup(self.deleted, "test-limits")

    def report(self, status: str, table: str = TABLE) -> None:
        """Writes the status of the compute fleet down, as the head node does."""
        data = {"M": {"status": {"S": status}, "lastStatusUpdatedTime": {"S": "x"}}}
        self.tables.put_item(TableName=table, Item={"Id": {"S": "COMPUTE_FLEET"}, "Data": data})

    def fleet(self, table: str = TABLE) -> str:
        key = {"Id": {"S": "COMPUTE_FLEET"}}
        item = self.tables.get_item(TableName=table, Key=key)["Item"]
        return item["Data"]["M"]["status"]["S"]

    def node(self) -> str:
        found = self.ec2.describe_instances(InstanceIds=[self.made["HeadNode"]])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    def parameter(self, stack: str, key: str) -> str:
        found = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Parameters"]
        return next(one["ParameterValue"] for one in found if one["ParameterKey"] == key)

    def nat_gateways(self) -> int:
        found = self.ec2.describe_nat_gateways()["NatGateways"]
        return sum(one["State"] == "available" for one in found)

    def lines(self) -> list[dict[str, Any]]:
        """What the function said."""
        found = self.client("logs").filter_log_events(logGroupName="/aws/lambda/test-limits")
        texts = [event["message"] for event in found["events"]]
        return [json.loads(text) for text in texts if text.startswith('{"deployment"')]

    def said(self, text: str) -> bool:
        return any(text in json.dumps(line) for line in self.lines())

    def keys(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [one["Key"] for one in found]

    def bring_back(self) -> None:
        """Makes of the deployment what it was before, as `up` does."""
        for key in self.keys():
            if key == NOTE or key.startswith(JOBS):
                self.s3.delete_object(Bucket=self.bucket, Key=key)
        if self.node() == "stopped":
            self.ec2.start_instances(InstanceIds=[self.made["HeadNode"]])
            self.wait_for(lambda: self.node() == "running")
        for stack, key, value in (
            ("test-api", "Resting", "false"),
            ("test-requirements", "Nat", "true"),
        ):
            if self.parameter(stack, key) == value:
                continue
            found = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            names = [one["ParameterKey"] for one in found["Parameters"]]
            kept = [
                {"ParameterKey": name, "UsePreviousValue": True} for name in names if name != key
            ]
            self.cloudformation.update_stack(
                StackName=stack,
                UsePreviousTemplate=True,
                Parameters=[*kept, *as_parameters({key: value})],
            )
            self.assertEqual(self.settled(stack), "UPDATE_COMPLETE")

    def setUp(self) -> None:
        self.report("RUNNING")
        self.bring_back()

    def test_it_rests_when_the_time_is_over_and_not_before(self) -> None:
        self.limit(6)
        time.sleep(QUIET)
        self.assertEqual(
            (self.fleet(), self.parameter("test-api", "Resting")), ("RUNNING", "false")
        )
        self.assertEqual(self.lines(), [])
        self.wait_for(lambda: self.fleet() == "STOP_REQUESTED")
        self.assertIn(NOTE, self.keys())
        # What jobs need stays until the fleet is stopped.
        time.sleep(QUIET)
        self.assertEqual((self.node(), self.nat_gateways()), ("running", 1))
        self.report("STOPPED")
        self.wait_for(lambda: self.node() == "stopped")
        self.wait_for(lambda: self.nat_gateways() == 0)
        self.wait_for(lambda: self.settled("test-api") == "UPDATE_COMPLETE")
        self.wait_for(lambda: self.settled("test-requirements") == "UPDATE_COMPLETE")
        self.assertEqual(self.parameter("test-api", "Resting"), "true")
        self.assertEqual(fetch(f"{self.url}/slurm/x"), (404, b'{"message":"Not Found"}'))
        self.assertFalse(self.said("problem"), self.lines())
        said = len(self.lines())
        time.sleep(QUIET)
        self.assertEqual(len(self.lines()), said, "nothing is said of what rests")

    def test_it_leaves_alone_what_somebody_is_at_work_on(self) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=SIGN, Body=b"")
        self.limit(-10)
        self.wait_for(lambda: self.said("up is at work"))
        self.assertEqual(
            (self.fleet(), self.parameter("test-api", "Resting")), ("RUNNING", "false")
        )
        self.s3.delete_object(Bucket=self.bucket, Key=SIGN)
        self.wait_for(lambda: self.fleet() == "STOP_REQUESTED")

    def test_a_fleet_that_somebody_had_stopped_stays_so(self) -> None:
        self.report("STOPPED")
        self.limit(-10)
        self.wait_for(lambda: self.node() == "stopped")
        self.assertNotIn(NOTE, self.keys())

    def test_it_rests_when_no_job_has_run_for_so_long(self) -> None:
        # Of another head node, as in a bucket that was kept.
        self.has_job("i-0")
        self.make(Idle=str(IDLE))
        begun = time.monotonic()
        # Whoever does not know whether jobs run ends none.
        self.wait_for(lambda: self.said("the head node does not say whether jobs run"))
        self.assertGreater(time.monotonic() - begun, IDLE - QUIET)
        for _ in range(3):
            self.has_job()
            time.sleep(IDLE / 2)
            self.assertEqual(
                (self.fleet(), self.parameter("test-api", "Resting")), ("RUNNING", "false")
            )
        self.wait_for(lambda: self.fleet() == "STOP_REQUESTED")
        # The jobs that end with the rest do not end it.
        self.has_job()
        self.report("STOPPED")
        self.wait_for(lambda: self.node() == "stopped")
        self.wait_for(lambda: self.nat_gateways() == 0)
        self.wait_for(lambda: self.settled("test-api") == "UPDATE_COMPLETE")
        self.wait_for(lambda: self.settled("test-requirements") == "UPDATE_COMPLETE")
        self.assertFalse(self.said("problem"), self.lines())
        # What is brought back begins anew, also without a job.
        self.report("RUNNING")
        self.bring_back()
        self.has_job()
        time.sleep(IDLE / 2)
        self.assertEqual(
            (self.fleet(), self.parameter("test-api", "Resting")), ("RUNNING", "false")
        )
        self.wait_for(lambda: self.fleet() == "STOP_REQUESTED")

    def test_the_time_is_over_also_while_jobs_run(self) -> None:
        self.has_job()
        self.make(Idle="3600", Until=moment(-10), Span="60")
        self.wait_for(lambda: self.fleet() == "STOP_REQUESTED")

    def has_job(self, instance: str = "") -> None:
        """Says that a job runs, as a head node does."""
        key = JOBS + (instance or self.made["HeadNode"])
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")

    def test_it_is_the_cluster_behind_the_load_balancer_that_rests(self) -> None:
        second = f"{TABLE}-2"
        self.create("test-2", CLUSTER, TableName=second)
        self.addCleanup(self.deleted, "test-2")
        self.report("RUNNING", second)
        self.name_cluster("test-2")
        self.addCleanup(self.name_cluster, "test")
        self.limit(-10)
        self.wait_for(lambda: self.fleet(second) == "STOP_REQUESTED")
        self.report("STOPPED", second)
        self.wait_for(lambda: self.node() == "stopped")
        self.assertEqual(self.fleet(), "RUNNING")

    def name_cluster(self, name: str) -> None:
        """Lets the head node be that of the cluster of this name."""
        tag = {"Key": "parallelcluster:cluster-name", "Value": name}
        self.ec2.create_tags(Resources=[self.made["HeadNode"]], Tags=[tag])

    def test_the_function_has_no_more_rights_than_it_needs(self) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=SIGN, Body=b"")
        self.addCleanup(self.s3.delete_object, Bucket=self.bucket, Key=SIGN)
        self.limit(3600)
        found = self.cloudformation.describe_stack_resource(
            StackName="test-limits", LogicalResourceId="Role"
        )
        role = found["StackResourceDetail"]["PhysicalResourceId"]
        bucket = f"arn:aws:s3:::{self.bucket}"
        stacks = f"arn:aws:cloudformation:us-east-1:{self.account}:stack"
        instance = f"arn:aws:ec2:us-east-1:{self.account}:instance/{self.made['HeadNode']}"
        for is_allowed, action, resource in (
            (True, "s3:PutObject", f"{bucket}/{NOTE}"),
            (False, "s3:PutObject", f"{bucket}/hpcapi/0/head-node.sh"),
            (False, "s3:GetObject", f"{bucket}/{NOTE}"),
            (False, "s3:DeleteObject", f"{bucket}/{NOTE}"),
            (False, "s3:PutObject", f"{bucket}/{JOBS}i-0"),
            (False, "s3:GetObject", f"{bucket}/{JOBS}i-0"),
            (True, "cloudformation:UpdateStack", f"{stacks}/test-api/x"),
            (True, "cloudformation:UpdateStack", f"{stacks}/test-requirements/x"),
            (False, "cloudformation:UpdateStack", f"{stacks}/test/x"),
            (False, "cloudformation:UpdateStack", f"{stacks}/test-limits/x"),
            (False, "cloudformation:DeleteStack", f"{stacks}/test-api/x"),
            (False, "ec2:StopInstances", instance),
            (False, "ec2:TerminateInstances", instance),
            (False, "ec2:DeleteNatGateway", "*"),
            (False, "elasticloadbalancing:DeleteLoadBalancer", "*"),
            (False, "apigateway:DELETE", "arn:aws:apigateway:us-east-1::/apis"),
            (False, "iam:PassRole", "*"),
        ):
            with self.subTest(f"{action} {resource}"):
                (answer,) = self.client("iam").simulate_principal_policy(
                    PolicySourceArn=f"arn:aws:iam::{self.account}:role/{role}",
                    ActionNames=[action],
                    ResourceArns=[resource],
                )["EvaluationResults"]
                self.assertEqual(answer["EvalDecision"] == "allowed", is_allowed)
