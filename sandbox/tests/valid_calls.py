"""Calls that AWS takes, as boto3 makes them: what hpcapi, pcluster and their users send."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

_INSTANCE = "i-0123456789abcdef0"
_VPC = "vpc-0123456789abcdef0"
_SUBNET = "subnet-0123456789abcdef0"
_GROUP = "sg-0123456789abcdef0"
_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_STACK_ID = (
    "arn:aws:cloudformation:us-east-1:123456789012:stack/hpc-api/"
    "7a1b2c3d-0000-1111-2222-333344445555"
)
_ROLE = "arn:aws:iam::123456789012:role/parallelcluster/my-cluster/head-node"
_TARGET_GROUP = (
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/hpc-api/0123456789abcdef"
)
_BALANCER = (
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/hpc-api/0123456789abcdef"
)
_LISTENER = _BALANCER.replace(":loadbalancer/", ":listener/") + "/0123456789abcdef"
_TOPIC = "arn:aws:sns:us-east-1:123456789012:jobs"
_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
_TAGS = [
    {"Key": "hpcapi:deployment", "Value": "hpc-serverless-job-mgmt"},
    {"Key": "parallelcluster:version", "Value": ""},
]

CALLS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "cloudformation": [
        (
            "create_stack",
            {
                "StackName": "hpc-serverless-job-mgmt-requirements",
                "TemplateBody": "AWSTemplateFormatVersion: '2010-09-09'\nDescription: é & =\n",
                "Parameters": [
                    {"ParameterKey": "VpcCIDR", "ParameterValue": "10.0.0.0/16"},
                    {"ParameterKey": "EnvironmentName", "UsePreviousValue": True},
                ],
                "Capabilities": [
                    "CAPABILITY_IAM",
                    "CAPABILITY_NAMED_IAM",
                    "CAPABILITY_AUTO_EXPAND",
                ],
                "Tags": [{"Key": "hpcapi:deployment", "Value": "x"}],
                "OnFailure": "DO_NOTHING",
                "TimeoutInMinutes": 60,
                "NotificationARNs": [],
                "ClientRequestToken": "up-1",
            },
        ),
        ("create_stack", {"StackName": "a", "TemplateBody": "x" * 51_200}),
        (
            "create_stack",
            {
                "StackName": "a" * 128,
                "DisableRollback": True,
                "TemplateURL": "https://b.s3.us-east-1.amazonaws.com/t.yaml",
            },
        ),
        (
            "update_stack",
            {"StackName": "hpc-api", "UsePreviousTemplate": True, "RetainExceptOnCreate": True},
        ),
        ("delete_stack", {"StackName": _STACK_ID, "RetainResources": ["Bucket"]}),
        ("describe_stacks", {}),
        ("describe_stacks", {"StackName": "hpc-api"}),
        ("describe_stacks", {"NextToken": "t" * 1024}),
        ("describe_stack_events", {"StackName": _STACK_ID}),
        ("describe_stack_resource", {"StackName": "a", "LogicalResourceId": "HeadNode"}),
        ("describe_stack_resources", {"StackName": "a"}),
        ("list_stack_resources", {"StackName": "a"}),
        ("list_stacks", {"StackStatusFilter": ["CREATE_COMPLETE", "DELETE_FAILED"]}),
        ("get_template", {"StackName": "a", "TemplateStage": "Processed"}),
        ("get_template_summary", {"TemplateBody": "{}"}),
        ("validate_template", {"TemplateBody": "{}"}),
        (
            "create_change_set",
            {
                "StackName": _STACK_ID,
                "ChangeSetName": "hpcapi-1",
                "ChangeSetType": "UPDATE",
                "UsePreviousTemplate": True,
                "Description": "from a run",
                "Parameters": [{"ParameterKey": "HeadNodeInstanceID", "ParameterValue": _INSTANCE}],
            },
        ),
        (
            "create_change_set",
            {
                "StackName": "hpc-api",
                "ChangeSetName": "c",
                "ChangeSetType": "CREATE",
                "TemplateBody": "{}",
            },
        ),
        ("describe_change_set", {"StackName": "a", "ChangeSetName": "hpcapi-1"}),
        (
            "execute_change_set",
            {"StackName": "a", "ChangeSetName": "hpcapi-1", "DisableRollback": False},
        ),
        ("delete_change_set", {"StackName": "a", "ChangeSetName": "hpcapi-1"}),
        ("list_exports", {}),
        ("update_termination_protection", {"StackName": "a", "EnableTerminationProtection": False}),
        ("continue_update_rollback", {"StackName": "a", "ResourcesToSkip": ["Listener"]}),
        (
            "signal_resource",
            {
                "StackName": "a",
                "LogicalResourceId": "W",
                "UniqueId": _INSTANCE,
                "Status": "SUCCESS",
            },
        ),
    ],
    "ec2": [
        (
            "describe_instances",
            {
                "Filters": [
                    {"Name": "tag:parallelcluster:cluster-name", "Values": ["my-cluster"]},
                    {"Name": "instance-state-name", "Values": ["running", "pending"]},
                ],
                "MaxResults": 1000,
            },
        ),
        ("describe_instances", {"InstanceIds": [_INSTANCE]}),
        ("describe_instance_types", {"InstanceTypes": ["t3.micro", "c5n.18xlarge"]}),
        ("describe_instance_types", {"InstanceTypes": ["x99.made-after-this-model"]}),
        (
            "describe_instance_type_offerings",
            {
                "LocationType": "availability-zone",
                "Filters": [{"Name": "instance-type", "Values": ["t3.micro"]}],
            },
        ),
        ("describe_instance_status", {"InstanceIds": [_INSTANCE], "IncludeAllInstances": True}),
        (
            "describe_images",
            {
                "Owners": ["amazon"],
                "ImageIds": ["ami-0123456789abcdef0"],
                "Filters": [{"Name": "name", "Values": ["aws-parallelcluster-*"]}],
            },
        ),
        ("describe_availability_zones", {"ZoneIds": ["use1-az1"], "AllAvailabilityZones": False}),
        ("describe_vpcs", {"VpcIds": [_VPC]}),
        ("describe_vpc_attribute", {"VpcId": _VPC, "Attribute": "enableDnsSupport"}),
        ("modify_vpc_attribute", {"VpcId": _VPC, "EnableDnsHostnames": {"Value": True}}),
        ("describe_subnets", {"SubnetIds": [_SUBNET]}),
        (
            "describe_route_tables",
            {"Filters": [{"Name": "association.subnet-id", "Values": [_SUBNET]}]},
        ),
        (
            "describe_network_interfaces",
            {"Filters": [{"Name": "group-id", "Values": [_GROUP]}], "DryRun": False},
        ),
        ("delete_network_interface", {"NetworkInterfaceId": "eni-0123456789abcdef0"}),
        ("describe_security_groups", {"GroupIds": [_GROUP]}),
        (
            "create_security_group",
            {
                "GroupName": "hpc-api",
                "Description": "API, port 6830 (from the VPC link)",
                "VpcId": _VPC,
                "TagSpecifications": [{"ResourceType": "security-group", "Tags": _TAGS}],
            },
        ),
        (
            "authorize_security_group_ingress",
            {
                "GroupId": _GROUP,
                "IpPermissions": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 6830,
                        "ToPort": 6830,
                        "UserIdGroupPairs": [{"GroupId": _GROUP, "Description": "from the API"}],
                        "IpRanges": [{"CidrIp": "10.0.0.0/16"}],
                    }
                ],
            },
        ),
        (
            "create_key_pair",
            {"KeyName": "hpc serverless", "KeyType": "ed25519", "KeyFormat": "pem"},
        ),
        ("import_key_pair", {"KeyName": "k", "PublicKeyMaterial": b"ssh-ed25519 AAAA me"}),
        ("describe_key_pairs", {"KeyNames": ["k"], "IncludePublicKey": True}),
        ("delete_key_pair", {"KeyName": "k"}),
        (
            "run_instances",
            {
                "ImageId": "ami-0123456789abcdef0",
                "InstanceType": "t3.micro",
                "MinCount": 1,
                "MaxCount": 1,
                "UserData": "#!/bin/bash\ntrue\n",
                "DryRun": True,
                "LaunchTemplate": {"LaunchTemplateName": "my-cluster", "Version": "$Latest"},
                "NetworkInterfaces": [
                    {
                        "DeviceIndex": 0,
                        "SubnetId": _SUBNET,
                        "Groups": [_GROUP],
                        "AssociatePublicIpAddress": True,
                    }
                ],
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 45, "VolumeType": "gp3"}}
                ],
                "TagSpecifications": [{"ResourceType": "instance", "Tags": _TAGS}],
                "MetadataOptions": {"HttpTokens": "required"},
            },
        ),
        (
            "create_launch_template",
            {
                "LaunchTemplateName": "my-cluster",
                "LaunchTemplateData": {
                    "InstanceType": "c5n.18xlarge",
                    "UserData": "aGVsbG8=",
                    "TagSpecifications": [{"ResourceType": "instance", "Tags": _TAGS}],
                },
            },
        ),
        ("terminate_instances", {"InstanceIds": [_INSTANCE]}),
        ("create_tags", {"Resources": [_INSTANCE, _GROUP], "Tags": _TAGS}),
        ("delete_tags", {"Resources": [_INSTANCE], "Tags": [{"Key": "a"}]}),
        ("describe_tags", {"Filters": [{"Name": "resource-id", "Values": [_INSTANCE]}]}),
        ("get_console_output", {"InstanceId": _INSTANCE, "Latest": True}),
        ("describe_volumes", {"VolumeIds": ["vol-0123456789abcdef0"]}),
        ("describe_snapshots", {"SnapshotIds": ["snap-0123456789abcdef0"]}),
        ("describe_placement_groups", {"GroupNames": ["pg"]}),
        ("describe_capacity_reservations", {"CapacityReservationIds": ["cr-0123456789abcdef0"]}),
        ("describe_nat_gateways", {"NatGatewayIds": ["nat-0123456789abcdef0"]}),
        ("describe_addresses", {"PublicIps": ["198.51.100.1"]}),
        ("describe_regions", {}),
        ("describe_vpc_endpoints", {}),
        (
            "create_fleet",
            {
                "LaunchTemplateConfigs": [
                    {
                        "LaunchTemplateSpecification": {
                            "LaunchTemplateId": "lt-0123456789abcdef0",
                            "Version": "1",
                        }
                    }
                ],
                "TargetCapacitySpecification": {
                    "TotalTargetCapacity": 2,
                    "DefaultTargetCapacityType": "on-demand",
                },
                "Type": "instant",
                "ValidFrom": _TIME,
            },
        ),
    ],
    "ssm": [
        (
            "send_command",
            {
                "InstanceIds": [_INSTANCE],
                "DocumentName": "AWS-RunShellScript",
                "Parameters": {
                    "commands": ["set -eu", "scontrol token lifespan=1800 é"],
                    "executionTimeout": ["3600"],
                },
                "TimeoutSeconds": 30,
                "Comment": "hpcapi token",
                "CloudWatchOutputConfig": {"CloudWatchOutputEnabled": False},
            },
        ),
        (
            "send_command",
            {
                "Targets": [{"Key": "tag:hpcapi:deployment", "Values": ["x"]}],
                "DocumentName": "AWS-RunShellScript",
                "MaxErrors": "10%",
                "OutputS3BucketName": "my-bucket",
            },
        ),
        (
            "get_command_invocation",
            {"CommandId": "01234567-89ab-cdef-0123-456789abcdef", "InstanceId": _INSTANCE},
        ),
        (
            "list_command_invocations",
            {"CommandId": "01234567-89ab-cdef-0123-456789abcdef", "Details": True},
        ),
        ("list_commands", {"Filters": [{"key": "Status", "value": "Success"}]}),
        ("cancel_command", {"CommandId": "01234567-89ab-cdef-0123-456789abcdef"}),
        (
            "describe_instance_information",
            {"Filters": [{"Key": "InstanceIds", "Values": [_INSTANCE]}], "MaxResults": 5},
        ),
        ("get_parameter", {"Name": "/aws/service/ami-amazon-linux-latest/al2023"}),
        ("get_parameters", {"Names": ["a"], "WithDecryption": True}),
        (
            "get_parameters_by_path",
            {"Path": "/aws/service/global-infrastructure/regions", "Recursive": True},
        ),
        (
            "put_parameter",
            {
                "Name": "/hpcapi/x",
                "Value": "v",
                "Type": "SecureString",
                "Tags": [{"Key": "Größe", "Value": "a b"}],
            },
        ),
        ("delete_parameter", {"Name": "/hpcapi/x"}),
        (
            "start_session",
            {
                "Target": _INSTANCE,
                "DocumentName": "AWS-StartPortForwardingSession",
                "Parameters": {"portNumber": ["6830"]},
            },
        ),
        ("describe_document", {"Name": "AWS-RunShellScript"}),
    ],
    "s3": [
        ("create_bucket", {"Bucket": "my-bucket"}),
        (
            "create_bucket",
            {
                "Bucket": "my.bucket.1",
                "ObjectOwnership": "BucketOwnerEnforced",
                "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"},
            },
        ),
        (
            "create_bucket",
            {
                "Bucket": "my-bucket",
                "CreateBucketConfiguration": {"LocationConstraint": "xx-made-after-this-model-1"},
            },
        ),
        ("delete_bucket", {"Bucket": "my-bucket"}),
        ("head_bucket", {"Bucket": "my-bucket"}),
        ("list_buckets", {}),
        ("list_buckets", {"MaxBuckets": 10, "Prefix": "parallelcluster-"}),
        ("list_objects", {"Bucket": "my-bucket"}),
        ("list_objects_v2", {"Bucket": "my-bucket", "Prefix": "hpcapi/é &+", "MaxKeys": 0}),
        ("list_object_versions", {"Bucket": "my-bucket", "KeyMarker": "a/b"}),
        ("list_multipart_uploads", {"Bucket": "my-bucket"}),
        (
            "put_object",
            {
                "Bucket": "my-bucket",
                "Key": "hpcapi/0123456789abcdef/head-node.sh",
                "Body": b"Action=x&Version=2\n",
                "ContentType": "application/x-www-form-urlencoded",
                "Metadata": {"sha256": "00"},
                "Tagging": "a=b",
                "ServerSideEncryption": "AES256",
                "IfNoneMatch": "*",
                "Expires": _TIME,
                "ChecksumAlgorithm": "SHA256",
            },
        ),
        ("put_object", {"Bucket": "my-bucket", "Key": "ünï/ co+de%41", "Body": b""}),
        (
            "get_object",
            {
                "Bucket": "my-bucket",
                "Key": "a",
                "Range": "bytes=0-99",
                "IfModifiedSince": _TIME,
                "ResponseContentType": "text/plain",
                "VersionId": "v1",
            },
        ),
        ("head_object", {"Bucket": "my-bucket", "Key": "a/b/c", "ChecksumMode": "ENABLED"}),
        ("copy_object", {"Bucket": "my-bucket", "Key": "b", "CopySource": "my-bucket/a"}),
        ("delete_object", {"Bucket": "my-bucket", "Key": "a", "VersionId": "null"}),
        (
            "delete_objects",
            {
                "Bucket": "my-bucket",
                "Delete": {
                    "Quiet": True,
                    "Objects": [{"Key": f"k{n}", "VersionId": "v"} for n in range(1000)],
                },
            },
        ),
        (
            "get_object_attributes",
            {"Bucket": "my-bucket", "Key": "a", "ObjectAttributes": ["ETag", "ObjectSize"]},
        ),
        ("create_multipart_upload", {"Bucket": "my-bucket", "Key": "a"}),
        (
            "upload_part",
            {
                "Bucket": "my-bucket",
                "Key": "a",
                "UploadId": "u",
                "PartNumber": 1,
                "Body": b"x" * 100,
            },
        ),
        (
            "upload_part_copy",
            {
                "Bucket": "my-bucket",
                "Key": "a",
                "UploadId": "u",
                "PartNumber": 10_000,
                "CopySource": "my-bucket/b",
            },
        ),
        ("list_parts", {"Bucket": "my-bucket", "Key": "a", "UploadId": "u"}),
        (
            "complete_multipart_upload",
            {
                "Bucket": "my-bucket",
                "Key": "a",
                "UploadId": "u",
                "MultipartUpload": {"Parts": [{"ETag": '"e"', "PartNumber": 1}]},
            },
        ),
        ("abort_multipart_upload", {"Bucket": "my-bucket", "Key": "a", "UploadId": "u"}),
        (
            "put_bucket_versioning",
            {"Bucket": "my-bucket", "VersioningConfiguration": {"Status": "Enabled"}},
        ),
        ("get_bucket_versioning", {"Bucket": "my-bucket"}),
        ("get_bucket_location", {"Bucket": "my-bucket"}),
        ("put_bucket_policy", {"Bucket": "my-bucket", "Policy": '{"Statement": []}'}),
        ("get_bucket_policy", {"Bucket": "my-bucket"}),
        ("put_bucket_tagging", {"Bucket": "my-bucket", "Tagging": {"TagSet": _TAGS}}),
        (
            "put_bucket_encryption",
            {
                "Bucket": "my-bucket",
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            },
        ),
        (
            "put_public_access_block",
            {
                "Bucket": "my-bucket",
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                },
            },
        ),
        (
            "put_bucket_lifecycle_configuration",
            {
                "Bucket": "my-bucket",
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Status": "Enabled",
                            "Filter": {"Prefix": "results/"},
                            "Expiration": {"Days": 30},
                        }
                    ]
                },
            },
        ),
        ("get_bucket_lifecycle_configuration", {"Bucket": "my-bucket"}),
        (
            "put_bucket_notification_configuration",
            {
                "Bucket": "my-bucket",
                "NotificationConfiguration": {
                    "EventBridgeConfiguration": {},
                    "LambdaFunctionConfigurations": [
                        {
                            "LambdaFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
                            "Events": ["s3:ObjectCreated:*"],
                            "Filter": {
                                "Key": {"FilterRules": [{"Name": "suffix", "Value": ".sh"}]}
                            },
                        }
                    ],
                },
            },
        ),
        (
            "put_object_acl",
            {
                "Bucket": "my-bucket",
                "Key": "a",
                "AccessControlPolicy": {
                    "Grants": [
                        {"Grantee": {"Type": "CanonicalUser", "ID": "1"}, "Permission": "READ"}
                    ],
                    "Owner": {"ID": "1"},
                },
            },
        ),
    ],
    "sts": [
        ("get_caller_identity", {}),
        (
            "assume_role",
            {
                "RoleArn": _ROLE,
                "RoleSessionName": "hpcapi",
                "DurationSeconds": 900,
                "Tags": [{"Key": "a", "Value": "b"}],
                "Policy": '{"Version": "2012"}',
            },
        ),
        ("get_session_token", {"DurationSeconds": 3600}),
        ("get_access_key_info", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        ("decode_authorization_message", {"EncodedMessage": "abc"}),
    ],
    "iam": [
        ("get_role", {"RoleName": "head-node"}),
        (
            "create_role",
            {
                "RoleName": "head-node",
                "Path": "/parallelcluster/my-cluster/",
                "AssumeRolePolicyDocument": '{"Version": "2012-10-17"}',
                "MaxSessionDuration": 3600,
                "Tags": _TAGS,
            },
        ),
        ("list_roles", {"PathPrefix": "/parallelcluster/"}),
        ("get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}),
        ("get_instance_profile", {"InstanceProfileName": "p"}),
        (
            "simulate_principal_policy",
            {"PolicySourceArn": _ROLE, "ActionNames": ["ec2:RunInstances"], "ResourceArns": ["*"]},
        ),
        ("list_account_aliases", {}),
        ("put_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{\n}"}),
        ("delete_role", {"RoleName": "r"}),
    ],
    "logs": [
        (
            "create_log_group",
            {"logGroupName": "/aws/parallelcluster/my-cluster-202601", "tags": {"a": "b"}},
        ),
        ("describe_log_groups", {"logGroupNamePrefix": "/aws/parallelcluster/", "limit": 50}),
        ("describe_log_streams", {"logGroupName": "g", "orderBy": "LastEventTime"}),
        (
            "get_log_events",
            {
                "logGroupName": "g",
                "logStreamName": "ip-10-0-0-1.i-0.slurmctld",
                "startTime": 0,
                "startFromHead": True,
            },
        ),
        ("filter_log_events", {"logGroupName": "g", "filterPattern": "ERROR ?é"}),
        (
            "put_log_events",
            {
                "logGroupName": "g",
                "logStreamName": "s",
                "logEvents": [{"timestamp": 1767000000000, "message": "m"}],
            },
        ),
        ("put_retention_policy", {"logGroupName": "g", "retentionInDays": 14}),
        ("delete_log_group", {"logGroupName": "g"}),
        (
            "tag_resource",
            {"resourceArn": "arn:aws:logs:us-east-1:123456789012:log-group:g", "tags": {"a": "b"}},
        ),
    ],
    "lambda": [
        (
            "create_function",
            {
                "FunctionName": "submit",
                "Runtime": "python3.13",
                "Role": _ROLE,
                "Handler": "index.handler",
                "Code": {"ZipFile": b"PK\x03\x04"},
                "Timeout": 900,
                "MemorySize": 128,
                "Environment": {"Variables": {"NAME": "b"}},
                "Publish": True,
                "Architectures": ["arm64"],
                "Tags": {"a": "b"},
            },
        ),
        (
            "create_function",
            {
                "FunctionName": "f",
                "Runtime": "python9.99",
                "Role": _ROLE,
                "Handler": "h.h",
                "Code": {"S3Bucket": "b-b", "S3Key": "k"},
            },
        ),
        ("invoke", {"FunctionName": "submit", "InvocationType": "Event", "Payload": b"{}"}),
        ("get_function", {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f"}),
        ("list_functions", {"MaxItems": 50}),
        ("update_function_code", {"FunctionName": "f", "S3Bucket": "b-b", "S3Key": "k"}),
        (
            "add_permission",
            {
                "FunctionName": "f",
                "StatementId": "s",
                "Principal": "apigateway.amazonaws.com",
                "Action": "lambda:InvokeFunction",
            },
        ),
        ("list_tags", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}),
        ("delete_function", {"FunctionName": "f"}),
        ("get_account_settings", {}),
    ],
    "dynamodb": [
        (
            "create_table",
            {
                "TableName": "parallelcluster-slurm-my-cluster",
                "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        ),
        (
            "put_item",
            {
                "TableName": "tab",
                "Item": {
                    "Id": {"S": "i-1"},
                    "N": {"N": "1.5"},
                    "M": {"M": {"a": {"BOOL": True}}},
                    "B": {"B": b"\x00\xff"},
                    "L": {"L": [{"NULL": True}]},
                    "SS": {"SS": ["a"]},
                },
                "ConditionExpression": "attribute_not_exists(Id)",
            },
        ),
        (
            "get_item",
            {"TableName": "tab", "Key": {"Id": {"S": "CLUSTER_CONFIG"}}, "ConsistentRead": True},
        ),
        (
            "query",
            {
                "TableName": "tab",
                "KeyConditionExpression": "Id = :i",
                "ExpressionAttributeValues": {":i": {"S": "x"}},
            },
        ),
        (
            "update_item",
            {"TableName": "tab", "Key": {"Id": {"S": "a"}}, "UpdateExpression": "SET a = :b"},
        ),
        (
            "batch_write_item",
            {"RequestItems": {"tab": [{"DeleteRequest": {"Key": {"Id": {"S": "a"}}}}]}},
        ),
        ("scan", {"TableName": "tab", "Limit": 1}),
        ("describe_table", {"TableName": "tab"}),
        ("delete_table", {"TableName": "tab"}),
    ],
    "elb": [
        ("describe_load_balancers", {"LoadBalancerNames": ["classic"]}),
        ("describe_tags", {"LoadBalancerNames": ["classic"]}),
    ],
    "elbv2": [
        (
            "create_load_balancer",
            {
                "Name": "hpc-api",
                "Subnets": [_SUBNET],
                "Scheme": "internal",
                "SecurityGroups": [_GROUP],
                "Type": "application",
            },
        ),
        (
            "create_target_group",
            {
                "Name": "hpc-api",
                "Protocol": "HTTP",
                "Port": 6830,
                "VpcId": _VPC,
                "TargetType": "instance",
                "HealthCheckPath": "/healthz",
                "Matcher": {"HttpCode": "200,401"},
            },
        ),
        (
            "create_listener",
            {
                "LoadBalancerArn": _BALANCER,
                "Protocol": "HTTP",
                "Port": 80,
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": _TARGET_GROUP}],
            },
        ),
        (
            "register_targets",
            {"TargetGroupArn": _TARGET_GROUP, "Targets": [{"Id": _INSTANCE, "Port": 6830}]},
        ),
        ("describe_target_health", {"TargetGroupArn": _TARGET_GROUP}),
        ("describe_load_balancers", {"Names": ["hpc-api"]}),
        ("describe_listeners", {"LoadBalancerArn": _BALANCER}),
        (
            "modify_load_balancer_attributes",
            {
                "LoadBalancerArn": _BALANCER,
                "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "60"}],
            },
        ),
        ("delete_listener", {"ListenerArn": _LISTENER}),
        ("add_tags", {"ResourceArns": [_BALANCER], "Tags": [{"Key": "a", "Value": "b"}]}),
    ],
    "apigatewayv2": [
        (
            "create_api",
            {
                "Name": "hpc-api",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {"AllowOrigins": ["*"], "MaxAge": 300},
                "Tags": {"a": "b"},
            },
        ),
        (
            "create_vpc_link",
            {"Name": "hpc-api", "SubnetIds": [_SUBNET], "SecurityGroupIds": [_GROUP]},
        ),
        (
            "create_integration",
            {
                "ApiId": "a1b2c3d4",
                "IntegrationType": "HTTP_PROXY",
                "IntegrationMethod": "ANY",
                "ConnectionType": "VPC_LINK",
                "ConnectionId": "abc123",
                "IntegrationUri": _LISTENER,
                "PayloadFormatVersion": "1.0",
                "TimeoutInMillis": 30000,
            },
        ),
        (
            "create_route",
            {"ApiId": "a1b2c3d4", "RouteKey": "ANY /slurm/{proxy+}", "Target": "integrations/abc"},
        ),
        ("create_stage", {"ApiId": "a1b2c3d4", "StageName": "$default", "AutoDeploy": True}),
        ("get_apis", {"MaxResults": "100"}),
        ("get_integrations", {"ApiId": "a1b2c3d4"}),
        ("get_vpc_link", {"VpcLinkId": "abc123"}),
        ("delete_api", {"ApiId": "a1b2c3d4"}),
        ("get_tags", {"ResourceArn": "arn:aws:apigateway:us-east-1::/apis/a1b2c3d4"}),
        (
            "tag_resource",
            {"ResourceArn": "arn:aws:apigateway:us-east-1::/apis/a1b2c3d4", "Tags": {"a": "b"}},
        ),
        (
            "update_stage",
            {
                "ApiId": "a1b2c3d4",
                "StageName": "$default",
                "DefaultRouteSettings": {"ThrottlingRateLimit": 10.5},
            },
        ),
    ],
    "apigateway": [
        ("get_rest_apis", {"limit": 5}),
        ("get_account", {}),
        (
            "update_rest_api",
            {
                "restApiId": "a",
                "patchOperations": [{"op": "replace", "path": "/name", "value": "b"}],
            },
        ),
    ],
    "route53": [
        ("list_hosted_zones_by_name", {"DNSName": "my-cluster.pcluster."}),
        (
            "create_hosted_zone",
            {
                "Name": "my-cluster.pcluster.",
                "CallerReference": "c",
                "VPC": {"VPCRegion": "us-east-1", "VPCId": _VPC},
                "HostedZoneConfig": {"PrivateZone": True},
            },
        ),
        (
            "change_resource_record_sets",
            {
                "HostedZoneId": "Z0123456789ABCDEFGHIJ",
                "ChangeBatch": {
                    "Changes": [
                        {
                            "Action": "UPSERT",
                            "ResourceRecordSet": {
                                "Name": "queue1-dy-t3micro-1.my-cluster.pcluster.",
                                "Type": "A",
                                "TTL": 120,
                                "ResourceRecords": [{"Value": "10.0.0.1"}, {"Value": "10.0.0.2"}],
                            },
                        }
                    ]
                },
            },
        ),
        (
            "list_resource_record_sets",
            {"HostedZoneId": "/hostedzone/Z0123456789ABCDEFGHIJ", "MaxItems": "100"},
        ),
        ("get_hosted_zone", {"Id": "Z0123456789ABCDEFGHIJ"}),
        ("get_change", {"Id": "/change/C0123456789ABCDEFGHIJ"}),
        ("delete_hosted_zone", {"Id": "Z0123456789ABCDEFGHIJ"}),
        (
            "change_tags_for_resource",
            {
                "ResourceType": "hostedzone",
                "ResourceId": "Z0123",
                "AddTags": [{"Key": "a", "Value": "b"}],
            },
        ),
    ],
    "events": [
        (
            "put_rule",
            {
                "Name": "new-object",
                "EventPattern": '{"source": ["aws.s3"]}',
                "State": "ENABLED",
                "Tags": [{"Key": "a", "Value": "b"}],
            },
        ),
        (
            "put_targets",
            {
                "Rule": "new-object",
                "Targets": [{"Id": "1", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:f"}],
            },
        ),
        (
            "put_events",
            {"Entries": [{"Source": "hpcapi", "DetailType": "job", "Detail": "{}", "Time": _TIME}]},
        ),
        ("list_rules", {"NamePrefix": "new"}),
        ("list_targets_by_rule", {"Rule": "new-object"}),
        ("remove_targets", {"Rule": "new-object", "Ids": ["1"]}),
        ("delete_rule", {"Name": "new-object"}),
    ],
    "sns": [
        (
            "create_topic",
            {
                "Name": "jobs",
                "Attributes": {"DisplayName": "Jobs"},
                "Tags": [{"Key": "a", "Value": "b"}],
            },
        ),
        (
            "publish",
            {
                "TopicArn": _TOPIC,
                "Message": "done é",
                "MessageAttributes": {"id": {"DataType": "Binary", "BinaryValue": b"\x00"}},
            },
        ),
        (
            "publish",
            {
                "TopicArn": _TOPIC,
                "Subject": "hpcapi: job 12 (name) FAILED, exit code 3".ljust(100, "."),
                "MessageStructure": "json",
                "Message": '{"default": "", "sqs": "é", "other": 1}',
                "MessageAttributes": {
                    "hpcapi.user": {"DataType": "String", "StringValue": "é \t"},
                    "exit-code": {"DataType": "Number", "StringValue": "-3"},
                    "states": {"DataType": "String.Array", "StringValue": '["FAILED", 1, null]'},
                },
            },
        ),
        ("publish", {"TopicArn": _TOPIC, "Message": "x" * 262_144}),
        ("publish", {"PhoneNumber": "+491234567", "Message": "x"}),
        ("subscribe", {"TopicArn": _TOPIC, "Protocol": "email", "Endpoint": "a@example.com"}),
        (
            "subscribe",
            {
                "TopicArn": _TOPIC,
                "Protocol": "sqs",
                "Endpoint": "arn:aws:sqs:us-east-1:123456789012:jobs",
                "Attributes": {"RawMessageDelivery": "true", "FilterPolicy": "{}"},
                "ReturnSubscriptionArn": True,
            },
        ),
        ("confirm_subscription", {"TopicArn": _TOPIC, "Token": "0123"}),
        ("unsubscribe", {"SubscriptionArn": f"{_TOPIC}:01234567-0123-0123-0123-0123456789ab"}),
        ("list_subscriptions", {}),
        ("list_subscriptions_by_topic", {"TopicArn": _TOPIC, "NextToken": "t"}),
        (
            "get_subscription_attributes",
            {"SubscriptionArn": f"{_TOPIC}:01234567-0123-0123-0123-0123456789ab"},
        ),
        ("get_topic_attributes", {"TopicArn": _TOPIC}),
        ("list_tags_for_resource", {"ResourceArn": _TOPIC}),
        ("list_topics", {}),
        (
            "set_topic_attributes",
            {"TopicArn": _TOPIC, "AttributeName": "Policy", "AttributeValue": "{}"},
        ),
        ("delete_topic", {"TopicArn": _TOPIC}),
    ],
    "sqs": [
        ("create_queue", {"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "30"}}),
        (
            "send_message",
            {
                "QueueUrl": _QUEUE,
                "MessageBody": "é",
                "MessageAttributes": {"a": {"DataType": "String", "StringValue": "b"}},
            },
        ),
        (
            "send_message_batch",
            {"QueueUrl": _QUEUE, "Entries": [{"Id": "1", "MessageBody": "x", "DelaySeconds": 0}]},
        ),
        (
            "receive_message",
            {
                "QueueUrl": _QUEUE,
                "MaxNumberOfMessages": 10,
                "WaitTimeSeconds": 20,
                "AttributeNames": ["All"],
            },
        ),
        ("delete_message", {"QueueUrl": _QUEUE, "ReceiptHandle": "r"}),
        ("list_queues", {"QueueNamePrefix": "j"}),
        ("get_queue_attributes", {"QueueUrl": _QUEUE, "AttributeNames": ["QueueArn"]}),
        ("delete_queue", {"QueueUrl": _QUEUE}),
    ],
    "cloudwatch": [
        (
            "put_metric_data",
            {
                "Namespace": "hpcapi",
                "MetricData": [
                    {"MetricName": "jobs", "Value": 1.5, "Timestamp": _TIME, "Unit": "Count"}
                ],
            },
        ),
        ("put_dashboard", {"DashboardName": "my-cluster", "DashboardBody": "{}"}),
        ("describe_alarms", {"AlarmNamePrefix": "my-cluster", "MaxRecords": 100}),
    ],
    "fsx": [("describe_file_systems", {"FileSystemIds": ["fs-0123456789abcdef0"]})],
    "efs": [("describe_mount_targets", {"FileSystemId": "fs-0123456789abcdef0"})],
    "imagebuilder": [("list_images", {"owner": "Self", "byName": False})],
    "rds": [
        (
            "create_db_instance",
            {
                "DBInstanceIdentifier": "accounting",
                "DBInstanceClass": "db.t3.micro",
                "Engine": "mysql",
                "AllocatedStorage": 20,
            },
        )
    ],
    "resourcegroupstaggingapi": [
        (
            "get_resources",
            {
                "TagFilters": [{"Key": "hpcapi:deployment", "Values": ["x"]}],
                "ResourceTypeFilters": ["ec2:instance"],
            },
        ),
        (
            "get_resources",
            {
                "PaginationToken": "MTAw",
                "TagFilters": [{"Key": "hpcapi:deployment", "Values": ["x"]}],
                "ResourceTypeFilters": ["lambda:function", "sqs"],
                "ResourcesPerPage": 100,
            },
        ),
    ],
    "secretsmanager": [("get_secret_value", {"SecretId": "munge"})],
    "stepfunctions": [("list_state_machines", {"maxResults": 10})],
}
