"""Calls that AWS refuses, one thing wrong with each."""

from __future__ import annotations

import base64
from typing import Any

_GROUP = {"GroupName": "g", "Description": "d", "VpcId": "vpc-1"}
_PEER = {"CidrIp": "10.0.0.0/8", "Description": "it's me"}
_STACK = {"StackName": "s", "TemplateBody": "{}"}
COMMAND = {"InstanceIds": ["i-0123456789abcdef0"], "DocumentName": "AWS-RunShellScript"}
_TABLE = {
    "TableName": "tab",
    "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
}
OBJECT = {"Bucket": "my-bucket", "Key": "k"}
_TOPIC = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:jobs"}
_MESSAGE = {**_TOPIC, "Message": "m"}
_RECORD = {"Name": "a.", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "10.0.0.1"}]}


def _tags(count: int, **first: str) -> list[dict[str, Any]]:
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(count)]
    return [{"ResourceType": "instance", "Tags": [{**tags[0], **first}, *tags[1:]]}]


def _records(**change: Any) -> dict[str, Any]:
    return {
        "HostedZoneId": "Z1",
        "ChangeBatch": {
            "Changes": [{"Action": "CREATE", "ResourceRecordSet": {**_RECORD, **change}}]
        },
    }


def _attribute(name: str, kind: str, value: str) -> dict[str, Any]:
    attribute = {"DataType": kind, "StringValue": value}
    return {**_MESSAGE, "MessageAttributes": {name: attribute}}


# Service, method, parameters; then the code of the refusal and what its message must hold.
DAMAGED: list[tuple[str, str, dict[str, Any], str, str]] = [
    # Missing
    ("cloudformation", "create_stack", {"TemplateBody": "{}"}, "ValidationError", "stackName"),
    ("ec2", "terminate_instances", {}, "MissingParameter", "InstanceIds"),
    ("ec2", "run_instances", {"MinCount": 1}, "MissingParameter", "MaxCount"),
    (
        "ssm",
        "send_command",
        {"InstanceIds": ["i-0123456789abcdef0"]},
        "ValidationException",
        "documentName",
    ),
    (
        "s3",
        "put_bucket_versioning",
        {"Bucket": "my-bucket"},
        "MissingRequestBodyError",
        "versioningConfiguration",
    ),
    ("sts", "assume_role", {"RoleSessionName": "me"}, "ValidationError", "roleArn"),
    ("iam", "get_instance_profile", {}, "ValidationError", "instanceProfileName"),
    (
        "logs",
        "put_log_events",
        {"logGroupName": "g", "logStreamName": "s"},
        "InvalidParameterException",
        "logEvents",
    ),
    ("lambda", "create_function", {"FunctionName": "f", "Code": {}}, "ValidationException", "role"),
    ("dynamodb", "get_item", {"TableName": "tab"}, "ValidationException", "key"),
    (
        "elbv2",
        "register_targets",
        {"TargetGroupArn": "t", "Targets": [{"Port": 1}]},
        "ValidationError",
        "targets.1.member.id",
    ),
    ("apigatewayv2", "create_api", {"Name": "n"}, "BadRequestException", "protocolType"),
    (
        "route53",
        "change_resource_record_sets",
        {"HostedZoneId": "Z1"},
        "InvalidInput",
        "changeBatch",
    ),
    ("events", "put_rule", {"EventPattern": "{}"}, "ValidationException", "name"),
    ("sns", "subscribe", {"TopicArn": "t"}, "InvalidParameter", "protocol"),
    ("sqs", "send_message", {"QueueUrl": "q"}, "InvalidParameterValue", "messageBody"),
    ("s3", "upload_part", {**OBJECT, "UploadId": "u", "Body": b""}, "InvalidRequest", "partNumber"),
    # Of the wrong type
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "TimeoutInMinutes": "soon"},
        "ValidationError",
        "timeoutInMinutes",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": "one", "MaxCount": 1},
        "InvalidParameterValue",
        "MinCount",
    ),
    (
        "ssm",
        "send_command",
        {**COMMAND, "TimeoutSeconds": "60"},
        "SerializationException",
        "timeoutSeconds",
    ),
    (
        "ssm",
        "send_command",
        {**COMMAND, "Parameters": {"commands": [1]}},
        "SerializationException",
        "parameters.commands.1",
    ),
    (
        "logs",
        "get_log_events",
        {"logGroupName": "g", "logStreamName": "s", "startTime": "now"},
        "SerializationException",
        "startTime",
    ),
    ("dynamodb", "scan", {"TableName": "tab", "Limit": True}, "SerializationException", "limit"),
    ("lambda", "list_functions", {"MaxItems": "many"}, "ValidationException", "maxItems"),
    (
        "s3",
        "list_objects_v2",
        {"Bucket": "my-bucket", "MaxKeys": "all"},
        "InvalidArgument",
        "maxKeys",
    ),
    ("route53", "change_resource_record_sets", _records(TTL="long"), "InvalidInput", "tTL"),
    (
        "apigatewayv2",
        "create_stage",
        {"ApiId": "a", "StageName": "s", "AutoDeploy": "yes"},
        "BadRequestException",
        "autoDeploy",
    ),
    # Not of the list
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Capabilities": ["CAPABILITY_ALL"]},
        "ValidationError",
        "capabilities.1",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "OnFailure": "RETRY"},
        "ValidationError",
        "onFailure",
    ),
    (
        "ec2",
        "create_key_pair",
        {"KeyName": "k", "KeyType": "dsa"},
        "InvalidParameterValue",
        "KeyType",
    ),
    (
        "s3",
        "put_bucket_versioning",
        {"Bucket": "my-bucket", "VersioningConfiguration": {"Status": "On"}},
        "MalformedXML",
        "status",
    ),
    (
        "dynamodb",
        "create_table",
        {**_TABLE, "BillingMode": "FREE"},
        "ValidationException",
        "billingMode",
    ),
    (
        "apigatewayv2",
        "create_api",
        {"Name": "n", "ProtocolType": "REST"},
        "BadRequestException",
        "protocolType",
    ),
    (
        "elbv2",
        "create_load_balancer",
        {"Name": "n", "Scheme": "private"},
        "ValidationError",
        "scheme",
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": "f", "InvocationType": "Later"},
        "ValidationException",
        "invocationType",
    ),
    ("events", "put_rule", {"Name": "r", "State": "ON"}, "ValidationException", "state"),
    # Too long, too short, too many, too few
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]},
        "ValidationError",
        "tags",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "Tags": [{"Key": "k" * 129, "Value": "v"}]},
        "ValidationError",
        "tags.1.member.key",
    ),
    (
        "ssm",
        "send_command",
        {**COMMAND, "TimeoutSeconds": 29},
        "ValidationException",
        "timeoutSeconds",
    ),
    (
        "ssm",
        "send_command",
        {**COMMAND, "TimeoutSeconds": 2_592_001},
        "ValidationException",
        "timeoutSeconds",
    ),
    ("ssm", "send_command", {**COMMAND, "Comment": "c" * 101}, "ValidationException", "comment"),
    (
        "ssm",
        "send_command",
        {**COMMAND, "InstanceIds": ["i-0123456789abcdef0"] * 51},
        "ValidationException",
        "instanceIds",
    ),
    (
        "sts",
        "assume_role",
        {
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "RoleSessionName": "me",
            "DurationSeconds": 60,
        },
        "ValidationError",
        "durationSeconds",
    ),
    (
        "iam",
        "create_role",
        {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"},
        "ValidationError",
        "roleName",
    ),
    (
        "lambda",
        "update_function_configuration",
        {"FunctionName": "f", "Timeout": 0},
        "ValidationException",
        "timeout",
    ),
    ("dynamodb", "create_table", {**_TABLE, "KeySchema": []}, "ValidationException", "keySchema"),
    ("elbv2", "create_target_group", {"Name": "n", "Port": 70_000}, "ValidationError", "port"),
    # Against the pattern
    (
        "cloudformation",
        "create_change_set",
        {**_STACK, "ChangeSetName": "1st"},
        "ValidationError",
        "changeSetName",
    ),
    (
        "ssm",
        "get_command_invocation",
        {"CommandId": "0" * 36, "InstanceId": "my-node"},
        "ValidationException",
        "instanceId",
    ),
    (
        "ssm",
        "put_parameter",
        {"Name": "/x", "Value": "v", "Tags": [{"Key": "a!", "Value": ""}]},
        "ValidationException",
        "tags.1.member.key",
    ),
    ("iam", "get_role", {"RoleName": "head node"}, "ValidationError", "roleName"),
    (
        "sts",
        "assume_role",
        {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "a b"},
        "ValidationError",
        "roleSessionName",
    ),
    (
        "logs",
        "create_log_group",
        {"logGroupName": "a b"},
        "InvalidParameterException",
        "logGroupName",
    ),
    ("lambda", "get_function", {"FunctionName": "a b"}, "ValidationException", "functionName"),
    (
        "lambda",
        "update_function_configuration",
        {"FunctionName": "f", "Environment": {"Variables": {"1ST": "v"}}},
        "ValidationException",
        "environment.variables",
    ),
    # Of one of the services that share a signing name
    (
        "rds",
        "create_db_instance",
        {"DBInstanceIdentifier": "d", "DBInstanceClass": "c", "AllocatedStorage": "much"},
        "ValidationError",
        "allocatedStorage",
    ),
    # What AWS enforces and the models do not say
    (
        "cloudformation",
        "create_stack",
        {"StackName": "s", "TemplateBody": "é" * 25_601},
        "ValidationError",
        "templateBody",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "StackName": "my_stack"},
        "ValidationError",
        "stackName",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "StackName": "s" * 129},
        "ValidationError",
        "stackName",
    ),
    (
        "cloudformation",
        "create_stack",
        {"StackName": "s"},
        "ValidationError",
        "Either Template URL or Template Body",
    ),
    (
        "cloudformation",
        "create_stack",
        {**_STACK, "TemplateURL": "https://x"},
        "ValidationError",
        "Either Template URL or Template Body",
    ),
    (
        "cloudformation",
        "update_stack",
        {**_STACK, "UsePreviousTemplate": True},
        "ValidationError",
        "UsePreviousTemplate",
    ),
    (
        "ec2",
        "create_tags",
        {"Resources": ["i-1"], "Tags": [{"Key": "aws:x", "Value": ""}]},
        "InvalidParameterValue",
        "reserved for internal use",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": 1, "MaxCount": 1, "TagSpecifications": _tags(1, Value="v" * 257)},
        "InvalidParameterValue",
        "256",
    ),
    (
        "ec2",
        "run_instances",
        {"MinCount": 1, "MaxCount": 1, "TagSpecifications": _tags(51)},
        "TagLimitExceeded",
        "maximum number of Tags",
    ),
    (
        "ec2",
        "create_launch_template",
        {
            "LaunchTemplateName": "lt-",
            "LaunchTemplateData": {"TagSpecifications": _tags(2, Key="k1")},
        },
        "InvalidParameterValue",
        "Duplicate tag key",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "Description": "it's"},
        "InvalidParameterValue",
        "Invalid security group description",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "Description": "naïve"},
        "InvalidParameterValue",
        "GroupDescription",
    ),
    (
        "ec2",
        "create_security_group",
        {**_GROUP, "GroupName": "sg-x"},
        "InvalidParameterValue",
        "sg-",
    ),
    (
        "ec2",
        "authorize_security_group_ingress",
        {"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": [_PEER]}]},
        "InvalidParameterValue",
        "Invalid rule description",
    ),
    ("ec2", "create_key_pair", {"KeyName": "schlüssel"}, "InvalidParameterValue", "KeyName"),
    (
        "ec2",
        "create_launch_template",
        {
            "LaunchTemplateName": "lt-",
            "LaunchTemplateData": {"UserData": base64.b64encode(b"x" * 16_385).decode()},
        },
        "InvalidParameterValue",
        "16384",
    ),
    ("elbv2", "create_load_balancer", {"Name": "a" * 33}, "ValidationError", "32"),
    ("elbv2", "create_load_balancer", {"Name": "internal-x"}, "ValidationError", "internal-"),
    ("elbv2", "create_target_group", {"Name": "a_b"}, "ValidationError", "alphanumeric"),
    ("s3", "create_bucket", {"Bucket": "My-bucket"}, "InvalidBucketName", "not valid"),
    ("s3", "create_bucket", {"Bucket": "10.0.0.1"}, "InvalidBucketName", "not valid"),
    ("s3", "create_bucket", {"Bucket": "a..b"}, "InvalidBucketName", "not valid"),
    ("s3", "put_object", {**OBJECT, "Key": "k" * 1025, "Body": b""}, "KeyTooLongError", "too long"),
    (
        "s3",
        "delete_objects",
        {"Bucket": "my-bucket", "Delete": {"Objects": [{"Key": str(n)} for n in range(1001)]}},
        "MalformedXML",
        "schema",
    ),
    (
        "s3",
        "upload_part",
        {**OBJECT, "UploadId": "u", "PartNumber": 10_001, "Body": b""},
        "InvalidArgument",
        "Part number",
    ),
    ("sns", "publish", _TOPIC, "InvalidParameter", "message"),
    ("sns", "create_topic", {"Name": "a b"}, "InvalidParameter", "Topic Name"),
    ("sns", "publish", {**_TOPIC, "Message": ""}, "InvalidParameter", "Empty message"),
    ("sns", "publish", {**_TOPIC, "Message": "é" * 131_073}, "InvalidParameter", "too long"),
    ("sns", "publish", {**_MESSAGE, "Subject": ""}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": "s" * 101}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": "a\nb"}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": "a\n"}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": "a\x7f"}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": " a"}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "Subject": "é"}, "InvalidParameter", "Subject"),
    ("sns", "publish", {**_MESSAGE, "MessageStructure": "x"}, "InvalidParameter", "Structure"),
    ("sns", "publish", {**_MESSAGE, "MessageStructure": "json"}, "InvalidParameter", "to parse"),
    *(
        ("sns", "publish", {**_TOPIC, "MessageStructure": "json", "Message": it}, *refused)
        for it, refused in (
            ("[]", ("InvalidParameter", "to parse")),
            ('{"default": "", "default": ""}', ("InvalidParameter", "to parse")),
            ('{"sqs": ""}', ("InvalidParameter", "No default entry")),
            ('{"default": 1}', ("InvalidParameter", "No default entry")),
        )
    ),
    ("sns", "publish", _attribute("a", "String", ""), "ParameterValueInvalid", "non-empty"),
    ("sns", "publish", _attribute("a", "Text", "x"), "ParameterValueInvalid", "supported type"),
    ("sns", "publish", _attribute("a", "Number", "x"), "ParameterValueInvalid", "to number"),
    ("sns", "publish", _attribute("a", "String.Array", "x"), "ParameterValueInvalid", "no array"),
    ("sns", "publish", _attribute("a b", "String", "x"), "ParameterValueInvalid", "'a b'"),
    ("sns", "publish", _attribute("aws.a", "String", "x"), "ParameterValueInvalid", "'aws.a'"),
    ("sns", "publish", _attribute("a" * 257, "String", "x"), "ParameterValueInvalid", "'aaa"),
    (
        "sns",
        "publish",
        {**_attribute("a", "String", "x" * 100), "Message": "m" * 262_100},
        "InvalidParameter",
        "too long",
    ),
]
