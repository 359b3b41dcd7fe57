"""Topics as SNS has them: who may publish, who has to confirm, and what templates make of it."""

from __future__ import annotations

import json
import unittest
from typing import Any

from emulator import REGION, EmulatorTest, fetch

ADDRESS = "me@example.org"
URL = "https://example.org/jobs"
TEMPLATE = """
Parameters:
  Protocol: {Type: String, Default: email}
  Endpoint: {Type: String, Default: me@example.org}
  Name: {Type: String, Default: ""}
  Action: {Type: String, Default: sns:Publish}
  Guarded: {Type: String, Default: ""}
Conditions:
  HasName: !Not [!Equals [!Ref Name, ""]]
  GuardsOther: !Equals [!Ref Guarded, other]
  HasPolicy: !Not [!Equals [!Ref Action, ""]]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !If [HasName, !Ref Name, !Ref AWS::NoValue]
  Other: {Type: AWS::SNS::Topic}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Condition: HasPolicy
    Properties:
      Topics: [!If [GuardsOther, !Ref Other, !Ref Topic]]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Deny
            Principal: "*"
            Action: !Ref Action
            Resource: !Ref Topic
            Condition: {Bool: {"aws:SecureTransport": "false"}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: !Ref Protocol, Endpoint: !Ref Endpoint}
Outputs:
  Topic: {Value: !Ref Topic}
  Other: {Value: !Ref Other}
  Subscription: {Value: !Ref Subscription}
"""


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class TopicsTest(EmulatorTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.sns, cls.sqs = cls.client("sns"), cls.client("sqs")

    def queue(self, name: str, sender: str = "*") -> tuple[str, str]:
        """URL and ARN of a queue that takes what a topic sends."""
        arn = f"arn:aws:sqs:{REGION}:{self.account}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": sender}},
        }
        given = {"Policy": policy(statement)}
        return self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"], arn

    def subscribe(self, topic: str, protocol: str, endpoint: str, **more: Any) -> str:
        asked = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, **more}
        return self.sns.subscribe(**asked)["SubscriptionArn"]

    def received(self, queue: str) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]

    def listed(self, topic: str) -> list[tuple[str, str]]:
        found = self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return sorted((one["Endpoint"], one["SubscriptionArn"]) for one in found)

    def attributes(self, topic: str) -> dict[str, str]:
        return self.sns.get_topic_attributes(TopicArn=topic)["Attributes"]


class Subscriptions(TopicsTest):
    def test_who_reads_mails_or_serves_a_url_has_to_confirm(self) -> None:
        topic = self.sns.create_topic(Name="pending")["TopicArn"]
        for protocol, endpoint in (("email", ADDRESS), ("https", URL)):
            with self.subTest(protocol):
                told = self.subscribe(topic, protocol, endpoint)
                self.assertEqual(told, "pending confirmation")
                self.assertIn((endpoint, "PendingConfirmation"), self.listed(topic))
                arn = self.subscribe(topic, protocol, endpoint, ReturnSubscriptionArn=True)
                found = self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                self.assertEqual(
                    (found["PendingConfirmation"], found["Endpoint"]), ("true", endpoint)
                )
                refused = self.refusal(self.sns.unsubscribe, SubscriptionArn=arn)
                self.assertEqual(refused[0], "InvalidParameter")
                self.assertIn("pending confirmation", refused[1])
        found = self.attributes(topic)
        self.assertEqual(
            (found["SubscriptionsPending"], found["SubscriptionsConfirmed"]), ("2", "0")
        )
        everywhere = self.sns.list_subscriptions()["Subscriptions"]
        arns = [one["SubscriptionArn"] for one in everywhere if one["TopicArn"] == topic]
        self.assertEqual(arns, ["PendingConfirmation"] * 2)

    def mails(self, topic: str) -> list[dict[str, str]]:
        status, body = fetch(f"{self.endpoint}/_hpcapi/mails?account={self.account}")
        self.assertEqual(status, 200, body)
        return [one for one in json.loads(body)["mails"] if one["topic"] == topic]

    def test_what_is_confirmed_stays_so_and_gets_mails(self) -> None:
        topic = self.sns.create_topic(Name="confirmed")["TopicArn"]
        arn = self.subscribe(topic, "email", ADDRESS, ReturnSubscriptionArn=True)
        self.sns.publish(TopicArn=topic, Message="too early")
        (asking,) = self.mails(topic)
        self.assertEqual(asking["to"], ADDRESS)
        confirm = self.sns.confirm_subscription
        self.assertEqual(self.refusal(confirm, TopicArn=topic, Token="x")[0], "InvalidParameter")
        confirm(TopicArn=topic, Token=asking["token"])
        self.assertEqual(self.subscribe(topic, "email", ADDRESS), arn)
        self.assertEqual(self.listed(topic), [(ADDRESS, arn)])
        message = json.dumps({"default": "to mails", "sqs": "to queues"})
        self.sns.publish(
            TopicArn=topic, Subject="subject", MessageStructure="json", Message=message
        )
        _, got = self.mails(topic)
        expected = {"to": ADDRESS, "topic": topic, "subject": "subject", "text": "to mails"}
        self.assertEqual(got, expected)
        self.sns.unsubscribe(SubscriptionArn=arn)
        self.assertEqual(self.listed(topic), [])

    def test_what_nobody_can_be_reached_at_is_refused(self) -> None:
        topic = self.sns.create_topic(Name="refusing")["TopicArn"]
        for protocol, endpoint in (
            ("email", "me"),
            ("email", "me@example"),
            ("email", "me@example.org\n"),
            ("email", "mé@example.org"),
            ("https", "http://example.org"),
            ("https", "https://"),
            ("https", "https://example.org/a b"),
            ("sqs", "jobs"),
            ("pigeon", "me"),
        ):
            with self.subTest(f"{protocol} {endpoint}"):
                asked = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}
                code, message = self.refusal(self.sns.subscribe, **asked)
                self.assertEqual(code, "InvalidParameter", message)
        raw = {"Attributes": {"RawMessageDelivery": "true"}}
        asked = {"TopicArn": topic, "Protocol": "email", "Endpoint": ADDRESS, **raw}
        self.assertIn("raw message", self.refusal(self.sns.subscribe, **asked)[1])
        self.assertEqual(self.listed(topic), [])
        gone = {**asked, "TopicArn": f"{topic}-gone", "Attributes": {}}
        self.assertEqual(self.refusal(self.sns.subscribe, **gone)[0], "NotFound")

    def test_a_queue_gets_what_its_policy_allows(self) -> None:
        topic = self.sns.create_topic(Name="sending")["TopicArn"]
        open_to_it, other = self.queue("open", topic), self.queue("other", f"{topic}-other")
        for _, arn in (open_to_it, other):
            self.assertRegex(self.subscribe(topic, "sqs", arn), f"^{topic}:")
        self.subscribe(topic, "email", ADDRESS)
        self.sns.publish(
            TopicArn=topic,
            Subject="subject",
            MessageStructure="json",
            Message=json.dumps({"default": "to all", "sqs": "to queues"}),
            MessageAttributes={"user": {"DataType": "String", "StringValue": "ada"}},
        )
        (found,) = self.received(open_to_it[0])
        self.assertEqual((found["Subject"], found["Message"]), ("subject", "to queues"))
        self.assertEqual(found["MessageAttributes"]["user"], {"Type": "String", "Value": "ada"})
        self.assertEqual(self.received(other[0]), [])


class Rights(TopicsTest):
    def caller(self, name: str, *statements: dict[str, Any]) -> Any:
        """SNS with the rights of a new role."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        session = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tests")
        return self.client_with("sns", session["Credentials"])

    def test_a_role_needs_the_right_to_publish_to_just_this_topic(self) -> None:
        topic = self.sns.create_topic(Name="mine")["TopicArn"]
        other = self.sns.create_topic(Name="other")["TopicArn"]
        allowed = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
        sns = self.caller("publisher", allowed)
        sns.publish(TopicArn=topic, Message="m")
        code, message = self.refusal(sns.publish, TopicArn=other, Message="m")
        self.assertEqual(code, "AuthorizationError")
        self.assertEqual(
            message,
            f"User: arn:aws:sts::{self.account}:assumed-role/publisher/tests is not authorized to "
            f"perform: SNS:Publish on resource: {other} because no identity-based policy allows "
            "the SNS:Publish action",
        )
        one = {"Id": "1", "Message": "m"}
        batch = {"TopicArn": other, "PublishBatchRequestEntries": [one]}
        self.assertEqual(self.refusal(sns.publish_batch, **batch)[0], "AuthorizationError")
        asked = {"TopicArn": topic, "Protocol": "email", "Endpoint": ADDRESS}
        self.assertEqual(self.refusal(sns.subscribe, **asked)[0], "AuthorizationError")
        self.assertEqual(self.refusal(sns.delete_topic, TopicArn=topic)[0], "AuthorizationError")

    def test_a_topic_s_own_policy_counts(self) -> None:
        topic = self.sns.create_topic(Name="guarded")["TopicArn"]
        both = {"Action": "sns:Publish", "Resource": topic}
        sns = self.caller("allowed", {"Effect": "Allow", **both})
        over_tls = {"Bool": {"aws:SecureTransport": "false"}}

        def guard(**statement: Any) -> None:
            value = policy({"Principal": "*", **both, **statement})
            self.sns.set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=value
            )

        guard(Effect="Deny", Condition=over_tls)
        sns.publish(TopicArn=topic, Message="m")
        guard(Effect="Deny")
        for denied in (sns, self.sns):
            code, message = self.refusal(denied.publish, TopicArn=topic, Message="m")
            self.assertEqual(code, "AuthorizationError")
            self.assertIn("with an explicit deny in a resource-based policy", message)
        without = self.caller("without", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        role = f"arn:aws:iam::{self.account}:role/without"
        guard(Effect="Allow", Principal={"AWS": role})
        without.publish(TopicArn=topic, Message="m")

    def test_a_policy_names_actions_of_topics_one_by_one(self) -> None:
        topic = self.sns.create_topic(Name="policies")["TopicArn"]
        right = {"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": topic}
        for changed, message in (
            ({"Action": "sns:*"}, "Policy statement action out of service scope!"),
            ({"Action": ["sns:Publish", "sns:CreateTopic"]}, "out of service scope!"),
            ({"Resource": [topic, f"{topic}-other"]}, "must apply to a single resource!"),
            ({"Effect": "Maybe"}, "Policy Error"),
            ({"Principal": None}, "Policy Error"),
        ):
            with self.subTest(message):
                code, found = self.refusal(
                    self.sns.set_topic_attributes,
                    TopicArn=topic,
                    AttributeName="Policy",
                    AttributeValue=policy({**right, **changed}),
                )
                self.assertEqual(code, "InvalidParameter")
                self.assertIn(message, found)


class Templates(TopicsTest):
    def changed(self, **parameters: str) -> str:
        self.cloudformation.update_stack(
            StackName="topics",
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Tags=[{"Key": "team", "Value": "b"}],
        )
        return self.settled("topics")

    def tags(self, topic: str) -> dict[str, str]:
        found = self.sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
        return {one["Key"]: one["Value"] for one in found}

    def test_a_stack_makes_changes_and_deletes_them(self) -> None:
        self.cloudformation.create_stack(
            StackName="topics", TemplateBody=TEMPLATE, Tags=[{"Key": "team", "Value": "a"}]
        )
        self.assertEqual(self.settled("topics"), "CREATE_COMPLETE")
        made = self.outputs("topics")
        topic = made["Topic"]
        found = self.attributes(topic)
        self.assertEqual((found["DisplayName"], found["SubscriptionsPending"]), ("", "1"))
        self.assertIn("SecureTransport", found["Policy"])
        self.assertEqual(self.tags(topic)["team"], "a")
        self.assertEqual(self.tags(topic)["aws:cloudformation:stack-name"], "topics")
        self.assertEqual(self.listed(topic), [(ADDRESS, "PendingConfirmation")])
        self.assertRegex(made["Subscription"], f"^{topic}:[0-9a-f-]{{36}}$")

        self.assertEqual(self.changed(Guarded="other"), "UPDATE_COMPLETE")
        policies = [self.attributes(made[one])["Policy"] for one in ("Topic", "Other")]
        self.assertEqual(["SecureTransport" in one for one in policies], [False, True])
        self.assertIn("AWS:SourceOwner", policies[0])
        queue, arn = self.queue("templates", topic)
        status = self.changed(Protocol="sqs", Endpoint=arn, Name="Jobs", Action="")
        self.assertEqual(status, "UPDATE_COMPLETE")
        self.assertEqual(self.outputs("topics")["Topic"], topic)
        found = self.attributes(topic)
        self.assertEqual((found["DisplayName"], self.tags(topic)["team"]), ("Jobs", "b"))
        self.assertIn("AWS:SourceOwner", found["Policy"])
        confirmed = self.outputs("topics")["Subscription"]
        # What was pending cannot be deleted, and goes with the topic.
        self.assertEqual(self.listed(topic), [(arn, confirmed), (ADDRESS, "PendingConfirmation")])
        self.sns.publish(TopicArn=topic, Message="m")
        self.assertEqual([one["Message"] for one in self.received(queue)], ["m"])

        self.assertEqual(self.changed(Protocol="https", Endpoint=URL), "UPDATE_COMPLETE")
        self.assertNotIn((arn, confirmed), self.listed(topic))
        self.assertEqual(self.deleted("topics"), "DELETE_COMPLETE")
        self.assertEqual(self.sns.list_topics()["Topics"], [])
        self.assertEqual(self.sns.list_subscriptions()["Subscriptions"], [])

    def test_what_sns_refuses_fails_the_stack(self) -> None:
        for number, (logical_id, parameters, message) in enumerate(
            (
                ("Subscription", {"Endpoint": "me"}, "Invalid parameter: Email address"),
                ("Subscription", {"Protocol": "https"}, "Endpoint must match the specified"),
                ("Policy", {"Action": "sns:*"}, "Policy statement action out of service scope!"),
                ("Topic", {"Name": "n" * 101}, "#/DisplayName: expected maxLength: 100"),
            )
        ):
            with self.subTest(message):
                stack = f"refused-{number}"
                self.assertEqual(self.create(stack, TEMPLATE, **parameters), "ROLLBACK_COMPLETE")
                self.assertIn(message, self.reason(stack, logical_id, "CREATE_FAILED"))
                self.assertEqual(self.deleted(stack), "DELETE_COMPLETE")
        self.assertEqual(self.sns.list_topics()["Topics"], [])

    def test_properties_that_there_are_not_are_refused(self) -> None:
        for number, (old, new, message) in enumerate(
            (
                ("DisplayName:", "Displayname:", "extraneous key [Displayname] is not permitted"),
                ("Topics: [", "Topic: [", "required key [Topics] not found"),
                ("TopicArn: !Ref Topic, ", "", "required key [TopicArn] not found"),
                ("TopicArn: !Ref Topic", 'TopicArn: "a:b:c:d:e:f"', "Topic does not exist"),
            )
        ):
            with self.subTest(message):
                stack, template = f"wrong-{number}", TEMPLATE.replace(old, new)
                # A topic without a display name has no property that could be wrong.
                self.assertEqual(self.create(stack, template, Name="n"), "ROLLBACK_COMPLETE")
                reasons = [one.get("ResourceStatusReason", "") for one in self.raw_events(stack)]
                self.assertIn(message, " ".join(reasons))


if __name__ == "__main__":
    unittest.main()
