//! What CloudFormation does for our templates with the credentials of whoever applies them:
//! resource type by resource type. None of it can be done past CloudFormation.

use super::Statement;
use super::Use::{self, Stacks};

/// What a type of resource needs.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) make: &'static [&'static str],
    pub(super) look: &'static [&'static str],
    pub(super) delete: &'static [&'static str],
}

pub(super) const fn of(
    name: &'static str,
    make: &'static [&'static str],
    look: &'static [&'static str],
    delete: &'static [&'static str],
) -> Type {
    Type {
        name,
        make,
        look,
        delete,
    }
}

/// Every type of resource in `templates/`.
pub(super) const TYPES: &[Type] = &[
    of(
        "AWS::EC2::VPC",
        &[
            "ec2:CreateVpc",
            "ec2:ModifyVpcAttribute",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ],
        &[
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcEncryptionControls",
            "ec2:DescribeVpcs",
        ],
        &["ec2:DeleteVpc"],
    ),
    of(
        "AWS::EC2::InternetGateway",
        &[
            "ec2:CreateInternetGateway",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ],
        &["ec2:DescribeInternetGateways"],
        &["ec2:DeleteInternetGateway"],
    ),
    of(
        "AWS::EC2::VPCGatewayAttachment",
        &["ec2:AttachInternetGateway"],
        &["ec2:DescribeInternetGateways", "ec2:DescribeVpnGateways"],
        &["ec2:DetachInternetGateway"],
    ),
    of(
        "AWS::EC2::Subnet",
        &[
            "ec2:CreateSubnet",
            "ec2:ModifySubnetAttribute",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ],
        &["ec2:DescribeNetworkAcls", "ec2:DescribeSubnets"],
        &["ec2:DeleteSubnet"],
    ),
    of(
        "AWS::EC2::EIP",
        &[
            "ec2:AllocateAddress",
            "ec2:AssociateAddress",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ],
        &["ec2:DescribeAddresses", "ec2:DescribeTags"],
        &["ec2:DisassociateAddress", "ec2:ReleaseAddress"],
    ),
    of(
        "AWS::EC2::NatGateway",
        &["ec2:CreateNatGateway", "ec2:CreateTags", "ec2:DeleteTags"],
        &["ec2:DescribeNatGateways"],
        &["ec2:DeleteNatGateway"],
    ),
    of(
        "AWS::EC2::RouteTable",
        &["ec2:CreateRouteTable", "ec2:CreateTags", "ec2:DeleteTags"],
        &["ec2:DescribeRouteTables"],
        &["ec2:DeleteRouteTable"],
    ),
    of(
        "AWS::EC2::Route",
        &["ec2:CreateRoute", "ec2:ReplaceRoute"],
        &["ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables"],
        &["ec2:DeleteRoute"],
    ),
    of(
        "AWS::EC2::SubnetRouteTableAssociation",
        &[
            "ec2:AssociateRouteTable",
            "ec2:ReplaceRouteTableAssociation",
        ],
        &["ec2:DescribeRouteTables"],
        &["ec2:DisassociateRouteTable"],
    ),
    of(
        "AWS::EC2::VPCEndpoint",
        &[
            "ec2:CreateVpcEndpoint",
            "ec2:ModifyVpcEndpoint",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            // EC2 itself asks for it where an endpoint gets the name of its service.
            "route53:AssociateVPCWithHostedZone",
        ],
        &["ec2:DescribeVpcEndpoints"],
        &["ec2:DeleteVpcEndpoints"],
    ),
    of(
        "AWS::EC2::SecurityGroup",
        &[
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ],
        &["ec2:DescribeInstances", "ec2:DescribeSecurityGroups"],
        &["ec2:DeleteSecurityGroup"],
    ),
    of(
        "AWS::EC2::SecurityGroupIngress",
        &[
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ],
        &["ec2:DescribeSecurityGroupRules"],
        &["ec2:RevokeSecurityGroupIngress"],
    ),
    of(
        "AWS::EC2::SecurityGroupEgress",
        &[
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        ],
        &["ec2:DescribeSecurityGroupRules"],
        &["ec2:RevokeSecurityGroupEgress"],
    ),
    of(
        "AWS::S3::Bucket",
        &[
            "s3:CreateBucket",
            "s3:PutEncryptionConfiguration",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketVersioning",
            "s3:PutLifecycleConfiguration",
            "s3:PutBucketTagging",
            "s3:TagResource",
            "s3:UntagResource",
        ],
        BUCKET_LOOK,
        &["s3:DeleteBucket"],
    ),
    of(
        "AWS::S3::BucketPolicy",
        &["s3:PutBucketPolicy"],
        &["s3:GetBucketPolicy"],
        &["s3:DeleteBucketPolicy"],
    ),
    of(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
        ],
        &[
            "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTags",
        ],
        &["elasticloadbalancing:DeleteLoadBalancer"],
    ),
    of(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        &[
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
        ],
        &[
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
        &["elasticloadbalancing:DeleteTargetGroup"],
    ),
    of(
        "AWS::ElasticLoadBalancingV2::Listener",
        &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyListenerAttributes",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:RemoveTags",
        ],
        &[
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeTags",
        ],
        &["elasticloadbalancing:DeleteListener"],
    ),
    of("AWS::ApiGatewayV2::VpcLink", API_MAKE, API_LOOK, API_DELETE),
    of("AWS::ApiGatewayV2::Api", API_MAKE, API_LOOK, API_DELETE),
    of(
        "AWS::ApiGatewayV2::Integration",
        API_MAKE,
        API_LOOK,
        API_DELETE,
    ),
    of("AWS::ApiGatewayV2::Route", API_MAKE, API_LOOK, API_DELETE),
    of("AWS::ApiGatewayV2::Stage", API_MAKE, API_LOOK, API_DELETE),
    of("AWS::Logs::LogGroup", LOG_MAKE, LOG_LOOK, LOG_DELETE),
    of(
        "AWS::SSM::Parameter",
        &[
            "ssm:AddTagsToResource",
            "ssm:PutParameter",
            "ssm:RemoveTagsFromResource",
        ],
        &["ssm:GetParameters", "ssm:ListTagsForResource"],
        &["ssm:DeleteParameter"],
    ),
];

pub(super) const LOG_MAKE: &[&str] = &[
    "logs:CreateLogGroup",
    "logs:DeleteRetentionPolicy",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
];
pub(super) const LOG_LOOK: &[&str] = &[
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetDataProtectionPolicy",
    "logs:ListTagsForResource",
];
pub(super) const LOG_DELETE: &[&str] = &["logs:DeleteDataProtectionPolicy", "logs:DeleteLogGroup"];

/// A bucket is read with all that it could have.
const BUCKET_LOOK: &[&str] = &[
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketAbac",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketMetadataTableConfiguration",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetIntelligentTieringConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListTagsForResource",
];

pub(super) const API_MAKE: &[&str] = &[
    "apigateway:POST",
    "apigateway:PUT",
    "apigateway:PATCH",
    "apigateway:TagResource",
    "apigateway:UntagResource",
];
pub(super) const API_LOOK: &[&str] = &["apigateway:GET"];
pub(super) const API_DELETE: &[&str] = &["apigateway:DELETE"];

/// What a stage with an access log needs of CloudWatch Logs to make it, and to delete it.
const DELIVERY_MAKE: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];
const DELIVERY_DELETE: &[&str] = &["logs:DeleteLogDelivery"];

/// Service, sid of making, of looking, of deleting, and where.
pub(super) type Place = (&'static str, [&'static str; 3], &'static [&'static str]);

const PLACES: &[Place] = &[
    (
        "ec2:",
        ["MakeNetwork", "LookAtNetwork", "DeleteNetwork"],
        &["*"],
    ),
    (
        "s3:",
        ["MakeBucket", "LookAtBucket", "DeleteBucket"],
        &["arn:{partition}:s3:::{bucket}*"],
    ),
    (
        "elasticloadbalancing:",
        [
            "MakeLoadBalancer",
            "LookAtLoadBalancer",
            "DeleteLoadBalancer",
        ],
        &["*"],
    ),
    ("apigateway:", ["MakeApi", "LookAtApi", "DeleteApi"], APIS),
    (
        "route53:",
        ["NameEndpoints", "LookAtNames", "DeleteNames"],
        &["*"],
    ),
    ("logs:", ["MakeLog", "LookAtLogs", "DeleteLog"], &["*"]),
    (
        "ssm:",
        ["MakeParameter", "LookAtParameter", "DeleteParameter"],
        &["arn:{partition}:ssm:{region}:{account}:parameter/hpcapi/{name}/*"],
    ),
];

pub(super) const APIS: &[&str] = &["arn:{partition}:apigateway:{region}::/*"];

pub(super) fn statements() -> Vec<Statement> {
    let extra: [&[&str]; 2] = [DELIVERY_MAKE, DELIVERY_DELETE];
    let mut statements = of_types(&[Stacks], TYPES, extra, PLACES);
    statements.push(Statement {
        sid: "MakeServiceLinkedRoles",
        uses: &[Stacks],
        actions: vec!["iam:CreateServiceLinkedRole"],
        resources: &["arn:{partition}:iam::{account}:role/aws-service-role/*"],
        condition: Some((
            "StringEquals",
            "iam:AWSServiceName",
            &[
                "elasticloadbalancing.amazonaws.com",
                "ops.apigateway.amazonaws.com",
            ],
        )),
    });
    statements
}

/// Returns what types of resources need in each place; `extra` is needed to make and to delete them.
pub(super) fn of_types(
    uses: &'static [Use],
    types: &[Type],
    [extra_make, extra_delete]: [&'static [&'static str]; 2],
    places: &[Place],
) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (service, [make, look, delete], resources) in places {
        let mut add = |sid, lists: Vec<&'static [&'static str]>| {
            let mut actions: Vec<_> = lists.concat();
            actions.retain(|action| action.starts_with(service));
            actions.sort_unstable();
            actions.dedup();
            if !actions.is_empty() {
                statements.push(through_cloudformation(uses, sid, actions, resources));
            }
        };
        let mut making: Vec<_> = types.iter().map(|kind| kind.make).collect();
        making.push(extra_make);
        let mut deleting: Vec<_> = types.iter().map(|kind| kind.delete).collect();
        deleting.push(extra_delete);
        add(make, making);
        add(look, types.iter().map(|kind| kind.look).collect());
        add(delete, deleting);
    }
    statements
}

fn through_cloudformation(
    uses: &'static [Use],
    sid: &'static str,
    actions: Vec<&'static str>,
    resources: &'static [&'static str],
) -> Statement {
    Statement {
        sid,
        uses,
        actions,
        resources,
        condition: Some((
            "ForAnyValue:StringEquals",
            "aws:CalledVia",
            &["cloudformation.amazonaws.com"],
        )),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A type that no template has allows what nobody needs; one that is missing fails `up`.
    #[test]
    fn the_types_are_those_of_the_templates() {
        let own: &[&str] = &[
            include_str!("../../templates/requirements.yaml"),
            include_str!("../../templates/api.yaml"),
        ];
        are_those_of(TYPES, own);
    }

    pub(in super::super) fn are_those_of(types: &[Type], templates: &[&str]) {
        let in_templates: BTreeSet<_> = templates
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.strip_prefix("    Type: AWS::"))
            .filter(|kind| !kind.ends_with("::Id") && !kind.ends_with("::Name"))
            .map(|kind| format!("AWS::{kind}"))
            .collect();
        let here: BTreeSet<_> = types.iter().map(|kind| kind.name.to_owned()).collect();
        assert_eq!(here.len(), types.len(), "a type stands twice");
        assert_eq!(here, in_templates);
    }

    #[test]
    fn every_action_of_a_type_is_in_a_statement() {
        are_all_in(TYPES, &statements());
    }

    pub(in super::super) fn are_all_in(types: &[Type], statements: &[Statement]) {
        for kind in types {
            assert!(!kind.make.is_empty() && !kind.delete.is_empty());
            for action in kind.make.iter().chain(kind.look).chain(kind.delete) {
                assert!(
                    statements.iter().any(|s| s.actions.contains(action)),
                    "{action} of {}",
                    kind.name
                );
            }
        }
    }
}
