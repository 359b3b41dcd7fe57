"""AWS writes an access log only where a resource policy of CloudWatch Logs lets it, and makes one."""

from __future__ import annotations

from emulator import EmulatorTest

TEMPLATE = """
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/aws/vendedlogs/${AWS::StackName}"}}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: mine, ProtocolType: HTTP}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: $default
      AccessLogSettings: {DestinationArn: !GetAtt Log.Arn, Format: $context.requestId}
"""


class AccessLogs(EmulatorTest):
    def test_the_policy_that_lets_aws_write_is_made_once(self) -> None:
        self.assertEqual(self.create("one", TEMPLATE), "CREATE_COMPLETE")
        self.assertEqual(self._policies(), ["AWSLogDeliveryWrite20150319"])
        self.assertEqual(self.create("two", TEMPLATE), "CREATE_COMPLETE")
        self.assertEqual(self._policies(), ["AWSLogDeliveryWrite20150319"])

    def test_without_room_for_it_there_is_no_access_log(self) -> None:
        logs = self.client("logs")
        for name in self._policies():
            logs.delete_resource_policy(policyName=name)
        for number in range(10):
            logs.put_resource_policy(policyName=f"mine-{number}", policyDocument="{}")
        self.assertEqual(self.create("full", TEMPLATE), "ROLLBACK_COMPLETE")
        events = self.cloudformation.describe_stack_events(StackName="full")["StackEvents"]
        reasons = [event.get("ResourceStatusReason", "") for event in events]
        self.assertTrue(any("Insufficient permissions to enable logging" in one for one in reasons))
        for number in range(10):
            logs.delete_resource_policy(policyName=f"mine-{number}")
        self.assertEqual(self.create("roomy", TEMPLATE), "CREATE_COMPLETE")

    def _policies(self) -> list[str]:
        found = self.client("logs").describe_resource_policies()["resourcePolicies"]
        return [policy["policyName"] for policy in found]
