"""AWS's list of tags: what a stack with tags makes, documents, pages."""

from __future__ import annotations

import json
from typing import Any

from emulator import REGION, EmulatorTest

KEY = "hpcapi:deployment"
CODE = "def handler(event, context): pass"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}
CONTENT = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}
    ],
}
# One of each type that the stacks of hpcapi make and that no other list tells of.
TEMPLATE = json.dumps(
    {
        "Resources": {
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventPattern": {"source": ["aws.s3"]}, "State": "ENABLED"},
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": TRUST},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": CODE},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Document": {
                "Type": "AWS::SSM::Document",
                "Properties": {"DocumentType": "Command", "Content": CONTENT},
            },
        }
    }
)
# By the type that is asked for: how the part of an ARN after the account begins.
TYPES = {
    "events:rule": "rule/",
    "lambda:function": "function:",
    "sqs": "",
    "sns": "",
    "ssm:document": "document/",
}


class TaggedResources(EmulatorTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.tagging = cls.client("resourcegroupstaggingapi")
        cls.sqs = cls.client("sqs")

    def listed(self, value: str = "mine", **asked: Any) -> list[dict[str, Any]]:
        pages = self.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": KEY, "Values": [value]}], **asked
        )
        return [one for page in pages for one in page["ResourceTagMappingList"]]

    def make_stack(self, name: str, value: str) -> None:
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=TEMPLATE,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": KEY, "Value": value}],
        )
        self.assertEqual(self.settled(name), "CREATE_COMPLETE")

    def test_what_a_stack_makes_has_its_tags_until_it_is_deleted(self) -> None:
        self.make_stack("tagged", "mine")
        resources = self.cloudformation.list_stack_resources(StackName="tagged")
        made = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in resources["StackResourceSummaries"]
        }
        for asked, begin in TYPES.items():
            with self.subTest(type=asked):
                (found,) = self.listed(ResourceTypeFilters=[asked])
                service = asked.partition(":")[0]
                arn = found["ResourceARN"]
                stem = f"arn:aws:{service}:{REGION}:{self.account}:{begin}"
                self.assertTrue(arn.startswith(stem), arn)
                tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
                self.assertEqual(tags[KEY], "mine")
                self.assertEqual("aws:cloudformation:stack-id" in tags, service != "sqs", tags)
                self.assertIn(
                    arn.removeprefix(stem),
                    [
                        physical_id.rpartition(":")[2].rpartition("/")[2]
                        for physical_id in made.values()
                    ],
                )
        self.assertEqual(self.listed("another"), [])
        self.assertEqual(self.deleted("tagged"), "DELETE_COMPLETE")
        self.assertEqual(self.listed(), [])

    def test_a_stack_that_is_updated_keeps_the_tags_on_its_rule(self) -> None:
        self.make_stack("updated", "rules")
        template = TEMPLATE.replace('"ENABLED"', '"DISABLED"')
        self.cloudformation.update_stack(
            StackName="updated",
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": KEY, "Value": "rules"}],
        )
        self.assertEqual(self.settled("updated"), "UPDATE_COMPLETE")
        (rule,) = self.listed("rules", ResourceTypeFilters=["events:rule"])
        self.assertIn({"Key": KEY, "Value": "rules"}, rule["Tags"])
        self.deleted("updated")

    def test_other_tags_of_a_stack_come_to_what_it_has_made(self) -> None:
        template = json.loads(TEMPLATE)
        template["Resources"]["Address"] = {
            "Type": "AWS::EC2::EIP",
            "Properties": {"Domain": "vpc", "Tags": [{"Key": "Name", "Value": "own"}]},
        }
        template["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket"}

        def tagged(**tags: str) -> dict[str, Any]:
            return {
                "StackName": "retagged",
                "TemplateBody": json.dumps(template),
                "Capabilities": ["CAPABILITY_IAM"],
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }

        self.cloudformation.create_stack(**tagged(Owner="one", Gone="x"))
        self.assertEqual(self.settled("retagged"), "CREATE_COMPLETE")
        self.cloudformation.update_stack(**tagged(Owner="two", New="y"))
        self.assertEqual(self.settled("retagged"), "UPDATE_COMPLETE")
        resources = self.cloudformation.list_stack_resources(StackName="retagged")
        made = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in resources["StackResourceSummaries"]
        }
        (address,) = self.client("ec2").describe_addresses(
            Filters=[{"Name": "tag:Owner", "Values": ["two"]}]
        )["Addresses"]
        bucket = self.client("s3").get_bucket_tagging(Bucket=made["Bucket"])["TagSet"]
        role = self.client("iam").list_role_tags(RoleName=made["Role"])["Tags"]
        queue = self.sqs.list_queue_tags(QueueUrl=made["Queue"])["Tags"]
        kinds = ["events:rule", "lambda:function", "sns", "ssm:document"]
        listed = self.tagging.get_resources(
            TagFilters=[{"Key": "New", "Values": ["y"]}], ResourceTypeFilters=kinds
        )["ResourceTagMappingList"]
        self.assertEqual(len(listed), len(kinds), listed)
        lists = [address["Tags"], bucket, role, *(one["Tags"] for one in listed)]
        for tags in [*({tag["Key"]: tag["Value"] for tag in one} for one in lists), queue]:
            own = {key: value for key, value in tags.items() if not key.startswith("aws:")}
            self.assertEqual(
                {key: value for key, value in own.items() if key != "Name"},
                {"Owner": "two", "New": "y"},
            )
        self.assertIn({"Key": "Name", "Value": "own"}, address["Tags"])
        self.deleted("retagged")

    def test_a_list_has_pages(self) -> None:
        urls = [
            self.sqs.create_queue(QueueName=f"page-{number}", tags={KEY: "pages"})["QueueUrl"]
            for number in range(5)
        ]
        first = self.tagging.get_resources(
            TagFilters=[{"Key": KEY, "Values": ["pages"]}], ResourcesPerPage=2
        )
        self.assertEqual(len(first["ResourceTagMappingList"]), 2)
        self.assertTrue(first["PaginationToken"])
        every = self.listed("pages", ResourcesPerPage=2)
        names = sorted(one["ResourceARN"].rpartition(":")[2] for one in every)
        self.assertEqual(names, [f"page-{number}" for number in range(5)])
        for url in urls:
            self.sqs.delete_queue(QueueUrl=url)
        self.assertEqual(self.listed("pages"), [])

    def test_what_has_no_tags_is_not_listed(self) -> None:
        url = self.sqs.create_queue(QueueName="untagged")["QueueUrl"]
        found = self.tagging.get_resources(ResourceTypeFilters=["sqs"])["ResourceTagMappingList"]
        self.assertNotIn("untagged", [one["ResourceARN"].rpartition(":")[2] for one in found])
        self.sqs.delete_queue(QueueUrl=url)

    def test_what_is_elsewhere_is_not_listed(self) -> None:
        url = self.sqs.create_queue(QueueName="here", tags={KEY: "place"})["QueueUrl"]
        filters = [{"Key": KEY, "Values": ["place"]}]
        for client in (
            self.client("resourcegroupstaggingapi", region="eu-west-1"),
            self.client("resourcegroupstaggingapi", account="999999999999"),
        ):
            answer = client.get_resources(TagFilters=filters)
            self.assertEqual(answer["ResourceTagMappingList"], [])
        self.sqs.delete_queue(QueueUrl=url)

    def test_bad_pages_are_refused(self) -> None:
        for asked in ({"ResourcesPerPage": 101}, {"PaginationToken": "?"}):
            with self.subTest(asked=asked):
                code, _ = self.refusal(self.tagging.get_resources, **asked)
                self.assertEqual(code, "InvalidParameterException")
