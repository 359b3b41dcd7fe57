"""The templates deployed on their own: with a name they tell others where what they made is."""

from __future__ import annotations

from pathlib import Path

from cluster import ClusterTest
from emulator import as_parameters

TEMPLATES = Path(__file__).parents[2] / "templates"
ZONES = {"AvailabilityZone1": "us-east-1a", "AvailabilityZone2": "us-east-1b"}


class OwnTemplates(ClusterTest):
    def told(self) -> dict[str, str]:
        """Every parameter of the account, by its path."""
        ssm = self.client("ssm")
        found = ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"]
        return {one["Name"]: one["Value"] for one in found}

    def template(self, name: str) -> str:
        return (TEMPLATES / f"{name}.yaml").read_text()

    def test_the_network_tells_its_bucket_if_it_has_a_name(self) -> None:
        template = self.template("requirements")
        self.assertEqual(self.create("nameless", template, **ZONES), "CREATE_COMPLETE")
        self.assertEqual(self.told(), {})
        named = {**ZONES, "DeploymentName": "network"}
        self.assertEqual(self.create("network", template, **named), "CREATE_COMPLETE")
        bucket = self.outputs("network")["Bucket"]
        self.assertEqual(self.told(), {"/hpcapi/network/bucket": bucket})
        self.assertEqual(self.deleted("network"), "DELETE_COMPLETE")
        self.assertEqual(self.told(), {})

    def test_the_api_tells_its_endpoint_and_the_head_node_while_it_has_one(self) -> None:
        balancers = self.client("elbv2").describe_load_balancers()["LoadBalancers"]
        others = next(one for one in balancers if "/own-" not in one["LoadBalancerArn"])
        subnets = [zone["SubnetId"] for zone in others["AvailabilityZones"]]
        given = {
            "DeploymentName": "mine",
            "VpcId": others["VpcId"],
            "PrivateSubnetIds": ",".join(subnets),
            "LoadBalancerSG": self.made["ApiGroup"],
        }
        template = self.template("api")
        self.assertEqual(self.create("own-api", template, **given), "CREATE_COMPLETE")
        url = self.outputs("own-api")["APIGWEndpoint"]
        endpoint = {"/hpcapi/mine/endpoint": url}
        self.assertEqual(self.told(), endpoint)
        node = self.made["HeadNode"]
        both = {**endpoint, "/hpcapi/mine/head-node": node}
        for more, expected in (
            ({"HeadNodeInstanceID": node}, both),
            ({"HeadNodeInstanceID": node, "Resting": "true"}, both),
            ({"HeadNodeInstanceID": ""}, endpoint),
        ):
            with self.subTest(more):
                self.cloudformation.update_stack(
                    StackName="own-api",
                    TemplateBody=template,
                    Parameters=as_parameters({**given, **more}),
                )
                self.assertEqual(self.settled("own-api"), "UPDATE_COMPLETE")
                self.assertEqual(self.told(), expected)
        self.assertEqual(self.deleted("own-api"), "DELETE_COMPLETE")
        self.assertEqual(self.told(), {})
