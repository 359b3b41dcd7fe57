//! What people call the resource types of CloudFormation.

/// Types whose last word says too little, or is written in another way.
const NAMES: &[(&str, &str)] = &[
    ("AWS::ApiGatewayV2::Api", "HTTP API"),
    ("AWS::ApiGatewayV2::Integration", "API integration"),
    ("AWS::ApiGatewayV2::Route", "API route"),
    ("AWS::ApiGatewayV2::Stage", "API stage"),
    ("AWS::ApiGatewayV2::VpcLink", "VPC link"),
    ("AWS::CloudFormation::CustomResource", "clean-up function"),
    ("AWS::CloudFormation::Stack", "nested stack"),
    ("AWS::CloudFormation::WaitCondition", "head node's boot"),
    ("AWS::DynamoDB::Table", "DynamoDB table"),
    ("AWS::EC2::EIP", "elastic IP address"),
    ("AWS::EC2::NatGateway", "NAT gateway"),
    ("AWS::EC2::SecurityGroupEgress", "security group rule"),
    ("AWS::EC2::SecurityGroupIngress", "security group rule"),
    (
        "AWS::EC2::SubnetRouteTableAssociation",
        "route table association",
    ),
    ("AWS::EC2::VPC", "VPC"),
    ("AWS::EC2::VPCEndpoint", "VPC endpoint"),
    ("AWS::EC2::VPCGatewayAttachment", "gateway attachment"),
    ("AWS::IAM::Role", "IAM role"),
    ("AWS::IAM::Policy", "IAM policy"),
    ("AWS::Lambda::Function", "Lambda function"),
    ("AWS::Logs::LogGroup", "log group"),
    ("AWS::Route53::RecordSet", "DNS record"),
    ("AWS::Route53::HostedZone", "hosted zone"),
    ("AWS::S3::Bucket", "bucket"),
    ("AWS::SNS::Topic", "SNS topic"),
    ("AWS::SQS::Queue", "SQS queue"),
    ("AWS::SSM::Document", "SSM document"),
    ("AWS::SSM::Parameter", "SSM parameter"),
];

/// Returns what people call a resource type: by the table, else the words of its last part.
pub(super) fn named(kind: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == kind);
    if let Some((_, name)) = known {
        return (*name).to_owned();
    }
    // `Custom::CleanUp` is a type, too.
    words(kind.rsplit("::").next().unwrap_or(kind))
}

/// Returns a name with its capitals as words: `LoadBalancer` is `load balancer`, `VPCPeering` is
/// `VPC peering`.
fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(|it| it.is_lowercase());
        let before = at.checked_sub(1);
        let begins = letter.is_uppercase() && (before.is_some_and(is_lower) || is_lower(at + 1));
        match words.last_mut() {
            Some(word) if !begins => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    let shown = words.iter().map(|word| match word.chars().nth(1) {
        Some(second) if second.is_uppercase() => word.clone(),
        _ => word.to_lowercase(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_as_people_call_them() {
        for (kind, name) in [
            ("AWS::EC2::NatGateway", "NAT gateway"),
            ("AWS::ElasticLoadBalancingV2::LoadBalancer", "load balancer"),
            ("AWS::EC2::VPCPeeringConnection", "VPC peering connection"),
            ("AWS::IAM::InstanceProfile", "instance profile"),
            ("AWS::EC2::Instance", "instance"),
            ("Custom::CleanUp", "clean up"),
            ("", ""),
        ] {
            assert_eq!(named(kind), name, "{kind}");
        }
    }
}
