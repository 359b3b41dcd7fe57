"""What is being made says so until it is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from cluster import TEMPLATE, ClusterTest
from emulator import as_parameters, fetch
from hpcapi_sandbox import clock
from test_control import ControlTest

FOR_EVER = 1e9
LOG = "Resources: {Log: {Type: AWS::Logs::LogGroup}}"


class SlowTest(ControlTest):
    def slow(self, what: str, operation: str) -> None:
        """Lets one thing take for ever and all others no time."""
        self.times({(what, operation): FOR_EVER})

    def times(self, times: dict[tuple[str, str], float]) -> None:
        patch = mock.patch.object(clock, "table", lambda: times)
        patch.start()
        self.addCleanup(patch.stop)
        clock.set_scale(1)

    def begin(self, name: str, template: str, logical_id: str) -> str:
        """Begins a stack; returns the physical id of a resource that does not get ready."""
        self.cloudformation.create_stack(StackName=name, TemplateBody=template)
        initiated = (logical_id, "CREATE_IN_PROGRESS", "Resource creation Initiated")

        def made() -> str | None:
            self.assertEqual(self.status(name), "CREATE_IN_PROGRESS", self.raw_events(name))
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


class HeadNode(SlowTest, ClusterTest):
    """The stack of a second cluster, beside the one that every such test case has."""

    def second(self, what: str, operation: str) -> str:
        self.slow(what, operation)
        template = TEMPLATE.replace("/test/access", "/test/second")
        self.cloudformation.create_stack(
            StackName="second",
            TemplateBody=template,
            Parameters=as_parameters(self.parameters),
            Capabilities=["CAPABILITY_IAM"],
        )
        self.wait_for(lambda: ("Api", "CREATE_COMPLETE") in self.events("second"))
        made = ("HeadNode", "CREATE_COMPLETE")
        self.wait_for(lambda: made in self.events("second"))
        return self.cloudformation.describe_stack_resource(
            StackName="second", LogicalResourceId="HeadNode"
        )["StackResourceDetail"]["PhysicalResourceId"]

    def state(self, instance_id: str) -> str:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    def online(self) -> list[str]:
        found = self.client("ssm").describe_instance_information()["InstanceInformationList"]
        return [one["InstanceId"] for one in found]

    def tearDown(self) -> None:
        clock.set_scale(0)
        self.deleted("second")

    def test_its_agent_is_online_some_time_after_it_runs(self) -> None:
        instance_id = self.second("parallelcluster:head-node", "agent")
        self.assertNotIn(instance_id, self.online())
        clock.set_scale(0)
        self.wait_for(lambda: instance_id in self.online())
        self.assertEqual(self.settled("second"), "CREATE_COMPLETE")

    def test_it_signals_when_it_is_bootstrapped(self) -> None:
        instance_id = self.second("parallelcluster:head-node", "bootstrap")
        self.wait_for(lambda: instance_id in self.online())
        self.assertEqual(self.status("second"), "CREATE_IN_PROGRESS")
        clock.set_scale(0)
        self.assertEqual(self.settled("second"), "CREATE_COMPLETE")

    def test_one_that_is_stopped_before_it_boots_stays_off(self) -> None:
        instance_id = self.second("parallelcluster:head-node", "agent")
        self.ec2.stop_instances(InstanceIds=[instance_id])
        clock.set_scale(0)
        self.wait_for(lambda: self.state(instance_id) == "stopped")
        self.ec2.start_instances(InstanceIds=[instance_id])
        self.assertEqual(self.settled("second"), "CREATE_COMPLETE")
        self.assertIn(instance_id, self.online())


class StoppedHeadNode(SlowTest, ClusterTest):
    def instance(self, instance_id: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return found["Reservations"][0]["Instances"][0]

    def state(self, instance_id: str) -> str:
        return self.instance(instance_id)["State"]["Name"]

    def health(self) -> str:
        balancing = self.client("elbv2")
        found = balancing.describe_target_health(TargetGroupArn=self.made["TargetGroup"])
        return found["TargetHealthDescriptions"][0]["TargetHealth"]["State"]

    def test_it_keeps_its_address_and_its_volume_and_serves_nobody(self) -> None:
        instance_id = self.made["HeadNode"]
        kept = ("PrivateIpAddress", "BlockDeviceMappings", "SubnetId", "SecurityGroups")
        before = self.instance(instance_id)
        self.wait_for(lambda: self.health() == "healthy")
        self.addCleanup(clock.set_scale, 0)
        self.slow("ec2:instance", "stopped")
        self.ec2.stop_instances(InstanceIds=[instance_id])
        self.assertEqual(self.state(instance_id), "stopping")
        code, _ = self.refusal(self.ec2.start_instances, InstanceIds=[instance_id])
        self.assertEqual(code, "IncorrectInstanceState")
        clock.set_scale(0)
        self.wait_for(lambda: self.state(instance_id) == "stopped")
        after = self.instance(instance_id)
        self.assertEqual([after[key] for key in kept], [before[key] for key in kept])
        self.assertNotIn(self.health(), ("healthy", "initial"))
        self.assertNotEqual(fetch(self.made["Endpoint"] + "/slurm/x")[0], 200)
        self.ec2.start_instances(InstanceIds=[instance_id])
        self.wait_for(lambda: fetch(self.made["Endpoint"] + "/slurm/x")[0] == 200)


class ComputeNodes(SlowTest):
    def test_they_boot_as_long_as_the_clock_says(self) -> None:
        from hpcapi_sandbox.node.fleet import fleet_files
        from hpcapi_sandbox.node.slurm_conf import _parallelcluster_conf

        def made() -> tuple[str, str]:
            unit = next(one for one in fleet_files() if "slurmd@" in one.path)
            return unit.content.decode(), _parallelcluster_conf({"Scheduling": {}}, "10.0.0.1")

        clock.set_scale(0.5)
        unit, configuration = made()
        self.assertIn("ExecStartPre=/bin/sleep 125.500\nExecStart=", unit)
        self.assertIn("TimeoutStartSec=infinity\n", unit)
        self.assertIn("ResumeTimeout=186\n", configuration)
        clock.set_scale(0)
        unit, configuration = made()
        self.assertIn("Type=simple\nExecStart=", unit)
        self.assertIn("ResumeTimeout=60\n", configuration)


class VpcLinks(SlowTest, ClusterTest):
    def link(self) -> dict[str, Any]:
        return self.client("apigatewayv2").get_vpc_link(VpcLinkId=self.made["VpcLink"])

    def answer(self) -> int:
        return fetch(self.made["Endpoint"] + "/slurm/x")[0]

    def interfaces(self) -> int:
        found = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"*{self.made['VpcLink']}*"]}]
        )["NetworkInterfaces"]
        return len(found)

    def test_an_inactive_link_is_woken_by_traffic(self) -> None:
        self.assertEqual((self.answer(), self.interfaces()), (200, 2))
        self.slow("apigatewayv2:vpc-link", "wake")
        path = f"vpc-links/{self.made['VpcLink']}"
        status, said = self.control("PUT", path, {"status": "INACTIVE"})
        self.assertEqual((status, said["vpcLinkStatus"]), (200, "INACTIVE"))
        self.assertEqual((self.link()["VpcLinkStatus"], self.interfaces()), ("INACTIVE", 0))
        self.assertEqual(self.answer(), 503)
        self.assertEqual((self.link()["VpcLinkStatus"], self.interfaces()), ("PENDING", 2))
        self.assertEqual(self.answer(), 503)
        clock.set_scale(0)
        self.wait_for(lambda: self.link()["VpcLinkStatus"] == "AVAILABLE")
        self.assertEqual(self.answer(), 200)

    def test_a_link_that_fails_fails_its_stack(self) -> None:
        self.slow("AWS::ApiGatewayV2::VpcLink", "create")
        subnets = self.client("apigatewayv2").get_vpc_link(VpcLinkId=self.made["VpcLink"])
        template = f"""
Resources:
  Link:
    Type: AWS::ApiGatewayV2::VpcLink
    Properties: {{Name: other, SubnetIds: {subnets["SubnetIds"]}}}
"""
        link_id = self.begin("link", template, "Link")
        found = self.client("apigatewayv2").get_vpc_link(VpcLinkId=link_id)
        self.assertEqual(found["VpcLinkStatus"], "PENDING")
        self.assertEqual(
            self.control("PUT", f"vpc-links/{link_id}", {"status": "FAILED"})[0], 200
        )
        clock.set_scale(0)
        self.assertEqual(self.settled("link"), "ROLLBACK_COMPLETE")
        self.assertIn("could not be provisioned", self.reason("link", "Link", "CREATE_FAILED"))
        self.assertEqual(
            self.refusal(self.client("apigatewayv2").get_vpc_link, VpcLinkId=link_id)[0],
            "NotFoundException",
        )

    def test_other_states_cannot_be_asked_for(self) -> None:
        path = f"vpc-links/{self.made['VpcLink']}"
        self.assertEqual(self.control("PUT", path, {"status": "AVAILABLE"})[0], 400)
        self.assertEqual(self.control("PUT", "vpc-links/none", {"status": "FAILED"})[0], 404)


NETWORK = """
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet1:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24, AvailabilityZone: ZONE1}
  Subnet2:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.2.0/24, AvailabilityZone: ZONE2}
"""


class Resources(SlowTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        zones = cls.ec2.describe_availability_zones()["AvailabilityZones"]
        # The oldest zone does not offer the instance type.
        names = [zone["ZoneName"] for zone in zones if zone["ZoneId"] != "use1-az3"]
        cls.network = NETWORK.replace("ZONE1", names[0]).replace("ZONE2", names[1])

    def test_a_load_balancer_is_provisioned(self) -> None:
        self.slow("AWS::ElasticLoadBalancingV2::LoadBalancer", "create")
        template = """
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Scheme: internal, Subnets: [!Ref Subnet1, !Ref Subnet2]}
"""
        arn = self.begin("balancer", self.network + template, "Balancer")
        balancing = self.client("elbv2")

        def state() -> str:
            found = balancing.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
            return found[0]["State"]["Code"]

        self.goes_on("balancer", state, "provisioning", "active")

    def test_a_nat_gateway_is_pending(self) -> None:
        self.slow("AWS::EC2::NatGateway", "create")
        template = """
  Gateway:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref Subnet1, ConnectivityType: private}
"""
        gateway_id = self.begin("gateway", self.network + template, "Gateway")

        def state() -> str:
            found = self.ec2.describe_nat_gateways(NatGatewayIds=[gateway_id])
            return found["NatGateways"][0]["State"]

        self.goes_on("gateway", state, "pending", "available")

    def test_an_instance_is_pending(self) -> None:
        kinds = (("AWS::EC2::Instance", "create"), ("ec2:instance", "running"))
        self.times(dict.fromkeys(kinds, FOR_EVER))
        template = """
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      {ImageId: ami-0ac10301600110000, InstanceType: t3.micro, SubnetId: !Ref Subnet1}
"""
        instance_id = self.begin("instance", self.network + template, "Instance")

        def state() -> str:
            found = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
            return found[0]["Instances"][0]["State"]["Name"]

        self.goes_on("instance", state, "pending", "running")


class Targets(SlowTest, ClusterTest):
    def test_a_target_is_initial_until_its_first_check(self) -> None:
        balancing = self.client("elbv2")
        self.slow("elbv2:target", "register")
        group, other = self.made["TargetGroup"], {"Id": self.made["HeadNode"], "Port": 6831}
        balancing.register_targets(TargetGroupArn=group, Targets=[other])

        def health() -> str:
            found = balancing.describe_target_health(TargetGroupArn=group)
            return next(
                one["TargetHealth"]["State"]
                for one in found["TargetHealthDescriptions"]
                if one["Target"]["Port"] == 6831
            )

        self.assertEqual(health(), "initial")
        self.assertFalse(self.is_due(None))
        clock.set_scale(0)
        self.assertTrue(self.is_due(None))
        self.wait_for(lambda: health() == "unhealthy")

    def test_checks_come_as_often_as_the_group_asks(self) -> None:
        clock.set_scale(1)
        self.assertFalse(self.is_due(29))
        self.assertTrue(self.is_due(31))
        clock.set_scale(2)
        self.assertFalse(self.is_due(31))

    def is_due(self, seconds_since_the_last: float | None) -> bool:
        """Whether a target is to be checked, some time after its last check or without one."""
        from hpcapi_sandbox.endpoint import target_health

        with mock.patch.object(target_health, "time") as fake:
            fake.monotonic.return_value = 1000.0
            current = target_health.Health(registered=1000.0)
            if seconds_since_the_last is not None:
                current.checked = 1000.0 - seconds_since_the_last
            return target_health._is_due({"HealthCheckIntervalSeconds": 30}, current)
