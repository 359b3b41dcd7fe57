//! The policies against CloudFormation's registry: what the handlers of a resource type ask IAM for
//! with the credentials of whoever makes a stack is allowed, or stands here with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::policy;

/// The actions by type and handler, as `read_handlers.py` reads them from the registry's schemas.
const HANDLERS: &str = include_str!("handlers.json");

/// Which policy is for which template of ours.
const TEMPLATES: &[(&str, &str)] = &[
    ("requirements", "stacks"),
    ("api", "stacks"),
    ("operations", "operations-stack"),
    ("triggers", "operations-stack"),
    ("notifications", "notifications-stack"),
];

/// Every type in the templates of `pcluster`, for a cluster as hpcapi makes one; a test of the policies
/// in the sandbox compares them with those that it makes.
const OF_PCLUSTER: &[&str] = &[
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::EC2::EIP",
    "AWS::EC2::EIPAssociation",
    "AWS::EC2::Instance",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NetworkInterface",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::HostedZone",
];

/// What is not allowed although a handler asks for it: policy (or `*`), type (or `*`), actions, and why.
type Exception = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

const NOT_ALLOWED: &[Exception] = &[
    (
        "*",
        "*",
        &["kms:*"],
        "nothing is encrypted with a key of the account's own",
    ),
    (
        "*",
        "AWS::ApiGatewayV2::Api",
        &["s3:getObject"],
        "the API is not read from a file in a bucket",
    ),
    (
        "*",
        "AWS::ApiGatewayV2::Integration",
        &["iam:PassRole"],
        "no integration acts as a role of its own",
    ),
    (
        "*",
        "AWS::ApiGatewayV2::VpcLink",
        &[
            "iam:DeleteServiceLinkedRole",
            "iam:GetServiceLinkedRoleDeletionStatus",
        ],
        "API Gateway's role stays: other VPC links of the account may need it",
    ),
    (
        "*",
        "AWS::EC2::EIP",
        &["ec2:AcceptAddressTransfer"],
        "no address comes from another account",
    ),
    (
        "*",
        "AWS::EC2::NatGateway",
        &[
            "ec2:AssignPrivateNatGatewayAddress",
            "ec2:AssociateNatGatewayAddress",
            "ec2:DisassociateNatGatewayAddress",
            "ec2:UnassignPrivateNatGatewayAddress",
        ],
        "it has one address for life",
    ),
    (
        "*",
        "AWS::EC2::Subnet",
        &[
            "ec2:AssociateSubnetCidrBlock",
            "ec2:DisassociateSubnetCidrBlock",
        ],
        "a subnet has one block of addresses for life",
    ),
    (
        "*",
        "AWS::EC2::VPC",
        &["ec2:CreateVpcEncryptionControl", "ec2:ModifyVpcTenancy"],
        "a VPC has neither encryption controls nor a tenancy of its own",
    ),
    (
        "*",
        "AWS::EC2::VPCEndpoint",
        &["vpc-lattice:*", "vpce:AllowMultiRegion"],
        "the endpoint is S3's in the same region",
    ),
    (
        "*",
        "AWS::EC2::VPCGatewayAttachment",
        &["ec2:AttachVpnGateway", "ec2:DetachVpnGateway"],
        "an internet gateway is attached, and no VPN",
    ),
    (
        "*",
        "AWS::ElasticLoadBalancingV2::Listener",
        &["cognito-idp:DescribeUserPoolClient"],
        "the listener lets nobody log in",
    ),
    (
        "*",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &[
            "ec2:DescribeIpamPools",
            "elasticloadbalancing:ModifyCapacityReservation",
            "elasticloadbalancing:ModifyIpPools",
        ],
        "it has neither pools of addresses nor reserved capacity",
    ),
    (
        "*",
        "AWS::IAM::Role",
        &[
            "iam:DeleteRolePermissionsBoundary",
            "iam:PutRolePermissionsBoundary",
        ],
        "a role gets its boundary when it is made, if any",
    ),
    (
        "operations-stack",
        "AWS::IAM::Role",
        &["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "the roles of functions have policies of their own alone",
    ),
    (
        "notifications-stack",
        "AWS::IAM::Role",
        &["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "the roles of functions have policies of their own alone",
    ),
    (
        "pcluster",
        "AWS::IAM::Role",
        &[
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
        ],
        "the roles of a cluster are trusted by the same services for life",
    ),
    (
        "*",
        "AWS::IAM::Policy",
        &["iam:*GroupPolicy", "iam:*UserPolicy"],
        "the policies of a cluster are those of its roles",
    ),
    (
        "*",
        "AWS::Lambda::Function",
        &[
            "elasticfilesystem:DescribeMountTargets",
            "lambda:DeleteFunctionCodeSigningConfig",
            "lambda:DeleteFunctionConcurrency",
            "lambda:GetCodeSigningConfig",
            "lambda:GetLayerVersion",
            "lambda:PassCapacityProvider",
            "lambda:PublishVersion",
            "lambda:PutFunctionCodeSigningConfig",
            "lambda:PutFunctionConcurrency",
            "lambda:PutFunctionRecursionConfig",
            "lambda:PutFunctionScalingConfig",
            "lambda:PutRuntimeManagementConfig",
            "s3:GetObjectVersion",
            "s3files:ListMountTargets",
        ],
        "a function has its code, its settings and nothing else",
    ),
    (
        "operations-stack",
        "AWS::Lambda::Function",
        &["s3:GetObject"],
        "the policy `up` allows to read objects of the bucket",
    ),
    (
        "notifications-stack",
        "AWS::Lambda::Function",
        &["s3:GetObject"],
        "the policy `up` allows to read objects of the bucket",
    ),
    (
        "operations-stack",
        "AWS::Lambda::Function",
        &["ec2:Describe*"],
        "no function lies in a VPC",
    ),
    (
        "notifications-stack",
        "AWS::Lambda::Function",
        &["ec2:Describe*"],
        "no function lies in a VPC",
    ),
    (
        "*",
        "AWS::Logs::LogGroup",
        &[
            "firehose:TagDeliveryStream",
            "logs:AssociateKmsKey",
            "logs:CreateLogDelivery",
            "logs:DeleteIndexPolicy",
            "logs:DeleteResourcePolicy",
            "logs:DisassociateKmsKey",
            "logs:PutBearerTokenAuthentication",
            "logs:PutDataProtectionPolicy",
            "logs:PutIndexPolicy",
            "logs:PutLogGroupDeletionProtection",
            "logs:PutResourcePolicy",
            "s3:REST.PUT.OBJECT",
        ],
        "a log group has a name, a time to keep and tags",
    ),
    (
        "*",
        "AWS::S3::Bucket",
        &[
            "iam:PassRole",
            "s3:CreateBucketMetadataTableConfiguration",
            "s3:DeleteBucketAnalyticsConfiguration",
            "s3:DeleteBucketMetadataTableConfiguration",
            "s3:DeleteBucketReplication",
            "s3:DeleteBucketWebsite",
            "s3:DeleteObject",
            "s3:GetBucketAcl",
            "s3:PutAccelerateConfiguration",
            "s3:PutAnalyticsConfiguration",
            "s3:PutBucketAbac",
            "s3:PutBucketAcl",
            "s3:PutBucketCORS",
            "s3:PutBucketLogging",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketReplication",
            "s3:PutBucketWebsite",
            "s3:PutIntelligentTieringConfiguration",
            "s3:PutInventoryConfiguration",
            "s3:PutMetricsConfiguration",
            "s3:PutObjectAcl",
            "s3:PutObjectLockConfiguration",
            "s3:PutReplicationConfiguration",
            "s3:UpdateBucketMetadata*",
            "s3tables:*",
        ],
        "the bucket has none of these",
    ),
    (
        "*",
        "AWS::S3::Bucket",
        &["s3:PutBucketNotification"],
        "events are switched on with the operations path and notifications, whose policies allow it",
    ),
    (
        "*",
        "AWS::S3::Bucket",
        &[
            "s3:DeleteBucketCors",
            "s3:DeleteBucketEncryption",
            "s3:DeleteBucketLifecycle",
            "s3:DeleteBucketMetricsConfiguration",
            "s3:DeleteBucketTagging",
        ],
        "IAM knows no such action: what puts a setting takes it away, too",
    ),
    (
        "*",
        "AWS::SNS::Subscription",
        &["iam:GetRole", "iam:PassRole"],
        "a subscription of mail acts as no role",
    ),
    (
        "*",
        "AWS::SNS::Topic",
        &["iam:GetRole", "iam:PassRole", "sns:PutDataProtectionPolicy"],
        "the topic has neither a role for its deliveries nor a policy on their text",
    ),
    (
        "*",
        "AWS::SSM::Document",
        &["iam:PassRole", "s3:GetObject"],
        "the document has no attachments",
    ),
    (
        "*",
        "AWS::Events::Rule",
        &["iam:PassRole"],
        "a rule calls its targets as EventBridge, not as a role",
    ),
    (
        "*",
        "AWS::CloudFormation::Stack",
        &[
            "cloudformation:SetStackPolicy",
            "cloudformation:UpdateTerminationProtection",
            "iam:PassRole",
        ],
        "a nested stack has no policy, no protection and no role",
    ),
    (
        "*",
        "AWS::DynamoDB::Table",
        &[
            "dynamodb:AssociateTableReplica",
            "dynamodb:BatchWriteItem",
            "dynamodb:CreateTableReplica",
            "dynamodb:DeleteItem",
            "dynamodb:DeleteResourcePolicy",
            "dynamodb:DescribeImport",
            "dynamodb:DisableKinesisStreamingDestination",
            "dynamodb:EnableKinesisStreamingDestination",
            "dynamodb:ImportTable",
            "dynamodb:PutResourcePolicy",
            "dynamodb:Scan",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateContributorInsights",
            "dynamodb:UpdateKinesisStreamingDestination",
            "dynamodb:UpdateTable",
            "dynamodb:UpdateTimeToLive",
            "iam:CreateServiceLinkedRole",
            "kinesis:*",
            "logs:*",
            "s3:*",
        ],
        "a table is paid by request, and has no replicas, imports, streams or backups",
    ),
    (
        "*",
        "AWS::EC2::Instance",
        &[
            "ec2:*IamInstanceProfile*",
            "ec2:*Volume",
            "ec2:ModifyInstanceCreditSpecification",
            "ec2:ModifyInstanceMaintenanceOptions",
            "ec2:ModifyInstancePlacement",
            "ec2:ModifyPrivateDnsNameOptions",
            "ec2:MonitorInstances",
            "ec2:UnmonitorInstances",
        ],
        "the head node gets all that from its launch template",
    ),
    (
        "*",
        "AWS::EC2::Instance",
        &[
            "ssm:CreateAssociation",
            "ssm:DeleteAssociation",
            "ssm:DescribeAssociation",
            "ssm:ListAssociations",
        ],
        "no SSM association is made; head nodes come up with ParallelCluster's documented policies, which lack these",
    ),
    (
        "*",
        "AWS::EC2::NetworkInterface",
        &[
            "ec2:*Ipv6Addresses",
            "ec2:*PrivateIpAddresses",
            "ec2:ModifyPublicIpDnsNameOptions",
        ],
        "it has one address for life",
    ),
    (
        "pcluster",
        "*",
        &["ec2:UpdateSecurityGroupRuleDescriptions*"],
        "the rules of a cluster keep their descriptions",
    ),
    (
        "*",
        "AWS::Route53::HostedZone",
        &[
            "route53:*QueryLoggingConfig",
            "route53:DisassociateVPCFromHostedZone",
            "route53:UpdateHostedZone*",
        ],
        "the zone belongs to one VPC for life, and logs nothing",
    ),
];

type Actions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn handlers() -> Actions {
    serde_json::from_str(HANDLERS).unwrap()
}

/// Returns the types of a template of ours.
fn types_of(template: &str) -> BTreeSet<String> {
    let path = format!("templates/{template}.yaml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let types = text
        .lines()
        .filter_map(|line| line.strip_prefix("    Type: "));
    let types = types.filter(|kind| kind.starts_with("AWS::"));
    let types = types.filter(|kind| !kind.ends_with("::Id") && !kind.ends_with("::Name"));
    types.map(ToOwned::to_owned).collect()
}

/// Returns which types are made under which policy.
fn uses() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut uses: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (template, policy) in TEMPLATES {
        uses.entry(*policy).or_default().extend(types_of(template));
    }
    let of_pcluster = OF_PCLUSTER.iter().map(ToString::to_string).collect();
    uses.insert("pcluster", of_pcluster);
    uses
}

/// Returns whether a pattern with `*` means an action; IAM does not tell upper from lower case.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn what_the_handlers_of_cloudformation_ask_for_is_allowed() {
    let handlers = handlers();
    let mut wrong = Vec::new();
    let used: BTreeSet<_> = uses().into_values().flatten().collect();
    assert_eq!(handlers.keys().cloned().collect::<BTreeSet<_>>(), used);
    let mut met = vec![BTreeSet::new(); NOT_ALLOWED.len()];
    for (name, types) in uses() {
        let policy = policy(&[name]);
        let allowed: Vec<_> = policy["Statement"].as_array().unwrap().iter().collect();
        let allowed: BTreeSet<_> = allowed
            .iter()
            .flat_map(|statement| statement["Action"].as_array().unwrap())
            .map(|action| action.as_str().unwrap())
            .collect();
        assert!(allowed.len() > 20, "{name}: {allowed:?}");
        for kind in &types {
            let asked: BTreeSet<_> = handlers[kind].values().flatten().collect();
            for action in asked {
                let mut is_excepted = false;
                for (at, (of_policy, of_type, actions, _)) in NOT_ALLOWED.iter().enumerate() {
                    let is_here =
                        ["*", name].contains(of_policy) && ["*", kind.as_str()].contains(of_type);
                    for pattern in actions.iter().filter(|one| is_here && matches(one, action)) {
                        is_excepted = true;
                        met[at].insert(*pattern);
                    }
                }
                if !is_excepted && !allowed.iter().any(|one| matches(one, action)) {
                    wrong.push(format!("`{name}` lacks {action} of {kind}"));
                }
            }
        }
    }
    for ((_, kind, actions, _), met) in NOT_ALLOWED.iter().zip(met) {
        let unmet = actions.iter().filter(|action| !met.contains(**action));
        wrong.extend(unmet.map(|action| format!("no handler of {kind} asks for {action}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn patterns_mean_what_iam_means_by_them() {
    for (pattern, action, expected) in [
        ("ec2:RunInstances", "ec2:RunInstances", true),
        ("s3:GetObject", "s3:getObject", true),
        ("s3:GetObject", "s3:GetObjectVersion", false),
        ("kms:*", "kms:Decrypt", true),
        ("ec2:*Volume", "ec2:AttachVolume", true),
        ("ec2:*Volume", "ec2:DescribeVolumes", false),
        (
            "ec2:*Profile*",
            "ec2:ReplaceIamInstanceProfileAssociation",
            true,
        ),
        ("iam:*Policy", "ec2:Policy", false),
    ] {
        assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
    }
}
