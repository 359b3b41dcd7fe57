"""A change set fails when a name in it is taken, and DescribeEvents tells which."""

from __future__ import annotations

from emulator import EmulatorTest

TEMPLATE = """
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/left/${AWS::StackName}"}}
"""


class EarlyValidation(EmulatorTest):
    def test_a_log_group_from_before_is_in_the_way(self) -> None:
        self.client("logs").create_log_group(logGroupName="/left/taken")
        made = self._change_set("taken")
        self.assertEqual(made["Status"], "FAILED")
        self.assertIn("use the DescribeEvents API", made["StatusReason"])
        told = self.cloudformation.describe_events(ChangeSetName=made["ChangeSetId"])
        (event,) = told["OperationEvents"]
        self.assertEqual(event["LogicalResourceId"], "Log")
        self.assertEqual(event["ValidationPath"], "/Resources/Log")
        self.assertRegex(event["ValidationStatusReason"], "identifier '/left/taken' already exists")

    def test_a_stack_may_keep_its_own(self) -> None:
        self.assertEqual(self._change_set("free")["Status"], "CREATE_COMPLETE")
        self.assertEqual(self.create("kept", TEMPLATE), "CREATE_COMPLETE")
        made = self._change_set("kept", "UPDATE", TEMPLATE + "  More: {Type: AWS::SNS::Topic}\n")
        self.assertEqual(made["Status"], "CREATE_COMPLETE")

    def _change_set(self, stack: str, kind: str = "CREATE", template: str = TEMPLATE) -> dict:
        made = self.cloudformation.create_change_set(
            StackName=stack, ChangeSetName="c", ChangeSetType=kind, TemplateBody=template
        )
        return self.cloudformation.describe_change_set(ChangeSetName=made["Id"])
