//! What hpcapi itself asks AWS: every call of `src/aws/`, by use.

use super::Statement;
use super::Use::{Jobs, Run, Teardown, Token, Up};

/// The stacks that hpcapi makes.
const OUR_STACKS: &[&str] = &[
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}-requirements/*",
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}-api/*",
];

/// These, the cluster's, and those nested in it.
const ALL_STACKS: &[&str] = &[
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}/*",
    "arn:{partition}:cloudformation:{region}:{account}:stack/{name}-*",
];

/// The names that a cluster of the deployment may have. Nobody needs rights on both at once.
const CLUSTERS: &[&str] = &["{name}", "{name}-2"];
const LIKE_ONE_OF: &str = "StringLike";

const BUCKET: &[&str] = &["arn:{partition}:s3:::{bucket}*"];
const OBJECTS: &[&str] = &["arn:{partition}:s3:::{bucket}*/*"];
const JOB_MEMORY: &[&str] = &["arn:{partition}:s3:::{bucket}*/jobs/*"];
const RUNS: &[&str] = &[
    "arn:{partition}:s3:::{bucket}*/runs/*",
    "arn:{partition}:s3:::{bucket}*/blobs/*",
];
/// Of all kinds: a tag says which, and IAM limits a policy's length.
const OURS_IN_EC2: &[&str] = &["arn:{partition}:ec2:{region}:{account}:*"];
const INSTANCES: &[&str] = &["arn:{partition}:ec2:{region}:{account}:instance/*"];
const KEY_PAIR: &[&str] = &["arn:{partition}:ec2:{region}:{account}:key-pair/{name}"];

pub(super) fn statements() -> Vec<Statement> {
    let on = |sid, uses, actions: &[&'static str], resources| Statement {
        sid,
        uses,
        actions: actions.to_vec(),
        resources,
        condition: None,
    };
    // What the deployment made has its tag.
    let ours = |sid, uses, actions: &[&'static str], resources| Statement {
        condition: Some((
            "StringEquals",
            "aws:ResourceTag/hpcapi:deployment",
            &["{name}"],
        )),
        ..on(sid, uses, actions, resources)
    };
    vec![
        on(
            "LookAtStacks",
            &[Up, Token, Jobs, Teardown],
            &["cloudformation:DescribeStacks"],
            ALL_STACKS,
        ),
        on(
            "FollowStacks",
            &[Up, Teardown],
            &[
                "cloudformation:DescribeEvents",
                "cloudformation:DescribeStackEvents",
            ],
            ALL_STACKS,
        ),
        on(
            "ApplyStacks",
            &[Up],
            &[
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeChangeSet",
                "cloudformation:ExecuteChangeSet",
            ],
            OUR_STACKS,
        ),
        // `up` replaces a stack whose creation failed.
        on(
            "DeleteStacks",
            &[Up, Teardown],
            &["cloudformation:DeleteStack"],
            OUR_STACKS,
        ),
        on(
            "ListStackResources",
            &[Up, Token, Jobs, Teardown],
            &["cloudformation:ListStackResources"],
            ALL_STACKS,
        ),
        on(
            "LookAround",
            &[Up],
            &[
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeCapacityReservations",
                "ec2:DescribeInstanceTypeOfferings",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVolumes",
            ],
            &["*"],
        ),
        // The preflight: what there is room for.
        on(
            "CountWhatThereIs",
            &[Up],
            &[
                "ec2:DescribeAddresses",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeVpcs",
                "servicequotas:GetAWSDefaultServiceQuota",
                "servicequotas:GetServiceQuota",
            ],
            &["*"],
        ),
        // One region answers for all: us-east-1.
        on(
            "LookAtThePlan",
            &[Up],
            &["freetier:GetAccountPlanState"],
            &["*"],
        ),
        // Whether the API's access log can be made.
        on(
            "LookAtAccessLog",
            &[Up],
            &["logs:DescribeLogGroups", "logs:DescribeResourcePolicies"],
            &["*"],
        ),
        // Of another region than that of the deployment, when this takes no credentials.
        on("LookAtRegions", &[Up], &["ec2:DescribeRegions"], &["*"]),
        // The preflight: what the caller may do.
        on(
            "LookAtPermissions",
            &[Up],
            &["iam:GetRole", "iam:GetUser", "iam:SimulatePrincipalPolicy"],
            &[
                "arn:{partition}:iam::{account}:role/*",
                "arn:{partition}:iam::{account}:user/*",
            ],
        ),
        // `doctor`: the way of a request, layer by layer.
        on(
            "LookAtTheWay",
            &[Up],
            &[
                "ec2:DescribeNatGateways",
                "ec2:DescribeNetworkAcls",
                "ec2:DescribeRouteTables",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeVpcEndpoints",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
                "ssm:DescribeInstanceInformation",
            ],
            &["*"],
        ),
        on(
            "LookAtTheFleet",
            &[Up],
            &["dynamodb:GetItem"],
            &[
                "arn:{partition}:dynamodb:{region}:{account}:table/parallelcluster-{name}",
                "arn:{partition}:dynamodb:{region}:{account}:table/parallelcluster-{name}-2",
            ],
        ),
        on(
            "LookAtTheGateway",
            &[Up],
            &["apigateway:GET"],
            &[
                "arn:{partition}:apigateway:{region}::/apis/*",
                "arn:{partition}:apigateway:{region}::/vpclinks",
                "arn:{partition}:apigateway:{region}::/vpclinks/*",
            ],
        ),
        // `up` brings back what others have changed.
        Statement {
            condition: Some((
                LIKE_ONE_OF,
                "aws:ResourceTag/parallelcluster:cluster-name",
                CLUSTERS,
            )),
            ..on(
                "StartTheHeadNode",
                &[Up],
                &["ec2:ModifyInstanceAttribute", "ec2:StartInstances"],
                INSTANCES,
            )
        },
        ours(
            "PutRoutesBack",
            &[Up],
            &[
                "ec2:AssociateRouteTable",
                "ec2:CreateRoute",
                "ec2:ModifyVpcAttribute",
                "ec2:ReplaceRoute",
            ],
            OURS_IN_EC2,
        ),
        ours(
            "OpenSecurityGroups",
            &[Up],
            &[
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:ModifyInstanceAttribute",
            ],
            OURS_IN_EC2,
        ),
        ours(
            "RegisterTheHeadNode",
            &[Up],
            &["elasticloadbalancing:RegisterTargets"],
            &["arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/*"],
        ),
        on(
            "LookAtInstances",
            &[Up, Token, Jobs, Teardown],
            &["ec2:DescribeInstances"],
            &["*"],
        ),
        on(
            "LookAtKeyPairs",
            &[Up, Teardown],
            &["ec2:DescribeKeyPairs"],
            &["*"],
        ),
        on(
            "LookForLeftovers",
            &[Teardown],
            &[
                "cloudformation:DescribeStacks",
                "cloudformation:ListStacks",
                "dynamodb:DescribeTable",
                "dynamodb:ListTables",
                "dynamodb:ListTagsOfResource",
                "ec2:DescribeAddresses",
                "ec2:DescribeInstanceAttribute",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeNatGateways",
                "ec2:DescribeNetworkAcls",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSnapshots",
                "ec2:DescribeSubnets",
                "ec2:DescribeVolumes",
                "ec2:DescribeVpcEndpoints",
                "ec2:DescribeVpcPeeringConnections",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetGroups",
                "logs:DescribeLogGroups",
                "logs:ListTagsForResource",
                "tag:GetResources",
            ],
            &["*"],
        ),
        // Neither of two groups that name one another can be deleted.
        ours(
            "CloseSecurityGroups",
            &[Teardown],
            &[
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            OURS_IN_EC2,
        ),
        // What GuardDuty leaves in the network.
        Statement {
            condition: Some((
                "StringEquals",
                "aws:ResourceTag/GuardDutyManaged",
                &["true"],
            )),
            ..on(
                "RemoveWhatGuardDutyLeft",
                &[Teardown],
                &["ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints"],
                OURS_IN_EC2,
            )
        },
        on(
            "LookForGateways",
            &[Teardown],
            &["apigateway:GET"],
            &[
                "arn:{partition}:apigateway:{region}::/apis",
                "arn:{partition}:apigateway:{region}::/vpclinks",
            ],
        ),
        on(
            "LookForBuckets",
            &[Up, Teardown],
            &["s3:ListAllMyBuckets"],
            &["*"],
        ),
        // Its tags, its policy and all else that it is set to: IAM limits a policy's length.
        on(
            "LookAtOwnBucket",
            &[Up, Teardown],
            &["s3:GetBucket*"],
            BUCKET,
        ),
        on(
            "LookAtLifecycle",
            &[Up],
            &["s3:GetLifecycleConfiguration"],
            BUCKET,
        ),
        on(
            "ChangeBucketTags",
            &[Up, Teardown],
            &["s3:PutBucketTagging"],
            BUCKET,
        ),
        on("DeleteTheBucket", &[Teardown], &["s3:DeleteBucket"], BUCKET),
        on(
            "LookForRoles",
            &[Teardown],
            &["iam:ListRoles", "iam:ListRoleTags"],
            &["arn:{partition}:iam::{account}:role/*"],
        ),
        on(
            "LookForZones",
            &[Teardown],
            &["route53:ListHostedZones", "route53:ListTagsForResource"],
            &["*"],
        ),
        // Why a cluster failed, when its head node cannot be reached any more.
        Statement {
            condition: Some((
                LIKE_ONE_OF,
                "aws:ResourceTag/parallelcluster:cluster-name",
                CLUSTERS,
            )),
            ..on(
                "ReadTheConsole",
                &[Up],
                &["ec2:GetConsoleOutput"],
                INSTANCES,
            )
        },
        on(
            "ReadTheClustersLogs",
            &[Up],
            &["logs:DescribeLogStreams", "logs:GetLogEvents"],
            &["arn:{partition}:logs:{region}:{account}:log-group:/aws/parallelcluster/{name}-*"],
        ),
        on("ImportKeyPair", &[Up], &["ec2:ImportKeyPair"], KEY_PAIR),
        Statement {
            condition: Some(("StringEquals", "ec2:CreateAction", &["ImportKeyPair"])),
            ..on("TagKeyPair", &[Up], &["ec2:CreateTags"], KEY_PAIR)
        },
        // A tag of the user's own may be another one later; a key pair is named by its id then.
        ours(
            "RetagKeyPair",
            &[Up],
            &["ec2:CreateTags", "ec2:DeleteTags"],
            OURS_IN_EC2,
        ),
        on(
            "DeleteKeyPair",
            &[Teardown],
            &["ec2:DeleteKeyPair"],
            KEY_PAIR,
        ),
        // Both give signs of life in the bucket, and take them back.
        on(
            "WriteObjects",
            &[Up, Teardown],
            &["s3:PutObject", "s3:DeleteObject"],
            OBJECTS,
        ),
        // The script of the head node, which others must not have changed.
        on("ReadObjects", &[Up], &["s3:GetObject"], OBJECTS),
        on("ReadJobMemory", &[Jobs], &["s3:GetObject"], JOB_MEMORY),
        on(
            "ReadWriteAndDeleteRuns",
            &[Run],
            &[
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:GetObject",
                "s3:PutObject",
            ],
            RUNS,
        ),
        on(
            "ListObjects",
            &[Up, Jobs, Teardown],
            &["s3:ListBucket"],
            BUCKET,
        ),
        on(
            "ListVersionsAndUploads",
            &[Run, Teardown],
            &["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
            BUCKET,
        ),
        on(
            "EmptyBucket",
            &[Teardown],
            &["s3:DeleteObjectVersion", "s3:AbortMultipartUpload"],
            OBJECTS,
        ),
        on(
            "RunShellScript",
            &[Up, Token, Jobs],
            &["ssm:SendCommand"],
            &["arn:{partition}:ssm:{region}::document/AWS-RunShellScript"],
        ),
        Statement {
            condition: Some((
                LIKE_ONE_OF,
                "ssm:resourceTag/parallelcluster:cluster-name",
                CLUSTERS,
            )),
            ..on(
                "OnNodesOfTheCluster",
                &[Up, Token, Jobs],
                &["ssm:SendCommand"],
                INSTANCES,
            )
        },
        on(
            "ReadCommandOutput",
            &[Up, Token, Jobs],
            &["ssm:GetCommandInvocation"],
            &["*"],
        ),
    ]
}
