"""The API's own template while its deployment rests: what costs is gone, and the URL comes back."""

from __future__ import annotations

from pathlib import Path

from cluster import ClusterTest
from emulator import as_parameters, fetch

TEMPLATE = (Path(__file__).parents[2] / "templates" / "api.yaml").read_text()
STACK = "own-api"


class RestingApi(ClusterTest):
    def given(self, resting: str) -> list[dict[str, str]]:
        balancers = self.client("elbv2").describe_load_balancers()["LoadBalancers"]
        others = next(one for one in balancers if "/own-api" not in one["LoadBalancerArn"])
        subnets = [zone["SubnetId"] for zone in others["AvailabilityZones"]]
        given = {
            "VpcId": others["VpcId"],
            "PrivateSubnetIds": ",".join(subnets),
            "HeadNodeInstanceID": self.made["HeadNode"],
            "LoadBalancerSG": self.made["ApiGroup"],
            "Resting": resting,
        }
        return as_parameters(given)

    def update(self, resting: str) -> str:
        self.cloudformation.update_stack(
            StackName=STACK, TemplateBody=TEMPLATE, Parameters=self.given(resting)
        )
        return self.settled(STACK)

    def kinds(self) -> set[str]:
        found = self.cloudformation.describe_stack_resources(StackName=STACK)
        return {
            one["ResourceType"].split("::")[-1]
            for one in found["StackResources"]
            if one["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def test_what_costs_is_gone_and_the_url_stays(self) -> None:
        self.cloudformation.create_stack(
            StackName=STACK, TemplateBody=TEMPLATE, Parameters=self.given("false")
        )
        self.assertEqual(self.settled(STACK), "CREATE_COMPLETE")
        made = self.kinds()
        url = self.outputs(STACK)["APIGWEndpoint"]
        self.wait_for(lambda: fetch(f"{url}/slurm/x")[0] == 200)
        self.assertEqual(self.update("true"), "UPDATE_COMPLETE")
        costly = {"LoadBalancer", "TargetGroup", "Listener", "VpcLink"}
        self.assertEqual(self.kinds(), made - costly)
        self.assertEqual(fetch(f"{url}/slurm/x"), (404, b'{"message":"Not Found"}'))
        self.assertEqual(self.outputs(STACK)["APIGWEndpoint"], url)
        self.assertEqual(self.update("false"), "UPDATE_COMPLETE")
        self.assertEqual(self.kinds(), made)
        self.assertEqual(self.outputs(STACK)["APIGWEndpoint"], url)
        self.wait_for(lambda: fetch(f"{url}/slurm/x")[0] == 200)
        self.assertEqual(self.update("true"), "UPDATE_COMPLETE")
        self.assertEqual(self.deleted(STACK), "DELETE_COMPLETE")
