//! What helps when a resource cannot be made: CloudFormation gives the reason as text, so that it is
//! known by its words.

use crate::hint::{AwsCall, Hint, Verb};

/// Words of a reason, and what helps.
const REMEDIES: &[(&str, &str)] = &[
    (
        "We currently do not have sufficient",
        "take another instance type, or another zone, in the configuration; or try later: the \
         shortage is AWS's, and passes",
    ),
    (
        "vCPU limit",
        "ask AWS for more vCPUs of this family (Service Quotas, Amazon EC2, Running On-Demand \
         instances), or take a smaller instance type",
    ),
    (
        "maximum number of VPCs",
        "delete a VPC that nobody uses, or ask AWS for more (Service Quotas, Amazon VPC)",
    ),
    (
        "maximum number of addresses",
        "release an elastic IP that nobody uses, or ask AWS for more (Service Quotas, Amazon EC2)",
    ),
    (
        "not eligible for Free Tier",
        "the account is on AWS's free plan, which starts few instance types: take t3.small in the \
         configuration, as `config --preset free-tier` does, or upgrade the account's plan",
    ),
    (
        "PendingVerification",
        "AWS is still looking at this new account: wait for its e-mail, mostly within four hours, \
         and type the same command again",
    ),
    (
        "does not support creating load balancers",
        "AWS does not let this new account have load balancers yet: ask AWS Support for them",
    ),
    (
        "hook(s) failed",
        "a hook of CloudFormation refuses it: ask who administers the account",
    ),
    (
        "refused by the hook",
        "ask who administers the account what the hook wants",
    ),
    (
        "is not supported in your requested Availability Zone",
        "take an instance type that the zone offers, or a subnet in another zone",
    ),
];

const NOT_AUTHORIZED: &str = "is not authorized to perform";

/// How a role that CloudFormation acts as is called when it does.
const AS_SERVICE_ROLE: &str = "/AWSCloudFormation is not authorized to perform";

/// What CloudFormation says of a role that is gone, or does not trust it ("How do I resolve the role is
/// invalid or cannot be assumed error", AWS re:Post).
pub(super) const NOT_ASSUMED: &str = "is invalid or cannot be assumed";

const NO_MORE_LOG_POLICIES: &str = "Insufficient permissions to enable logging";

/// Returns what helps when AWS gives this reason.
pub(super) fn remedy(reason: &str) -> Option<Hint> {
    if reason.contains(AS_SERVICE_ROLE) {
        let lead = "let whoever administers the account give the service role the permissions that this prints";
        return Some(Hint::run(Verb::IamPolicy.with("service-role")).because(lead));
    }
    if reason.contains(NOT_ASSUMED) {
        return Some(another_role());
    }
    if reason.contains(NOT_AUTHORIZED) {
        let lead = "give whoever runs hpcapi the permissions that this prints";
        return Some(Hint::run(Verb::IamPolicy).because(lead));
    }
    if reason.contains(NO_MORE_LOG_POLICIES) {
        let delete = AwsCall::here("logs delete-resource-policy").with("--policy-name NAME");
        return Some(
            Hint::run(AwsCall::here("logs describe-resource-policies"))
                .because(
                    "the account may have as many resource policies of CloudWatch Logs as it can, 10 a \
                     region: list them",
                )
                .then(", delete one that nobody needs: ")
                .then_run(delete)
                .then(", then type the same command again"),
        );
    }
    REMEDIES
        .iter()
        .find(|(words, _)| reason.contains(words))
        .map(|(_, remedy)| Hint::from(*remedy))
}

/// Returns what helps when CloudFormation cannot act as the role that it is given, or that a stack has.
pub(super) fn another_role() -> Hint {
    let lead = "let whoever administers the account make the role, with a trust policy for \
                cloudformation.amazonaws.com, or give the stacks another one";
    Hint::run(Verb::Up.with("--service-role ROLE_ARN")).because(lead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_is_known() {
        let reasons = [
            "Resource handler returned message: \"We currently do not have sufficient t3.small \
             capacity in the Availability Zone you requested (us-east-1a).",
            "You have requested more vCPU capacity than your current vCPU limit of 5 allows for \
             the instance bucket that the specified instance type belongs to.",
            "The maximum number of VPCs has been reached.",
            "The maximum number of addresses has been reached.",
            "The specified instance type is not eligible for Free Tier. For a list of Free Tier \
             instance types, run 'describe-instance-types'",
            "PendingVerification: Your request for accessing resources in this region is being \
             validated",
            "This AWS account currently does not support creating load balancers.",
            "User: arn:aws:iam::1:user/x is not authorized to perform: ec2:RunInstances",
            "User: arn:aws:sts::1:assumed-role/x/AWSCloudFormation is not authorized to perform: ec2:CreateVpc",
            "Role arn:aws:iam::1:role/x is invalid or cannot be assumed",
            "Insufficient permissions to enable logging (Service: ApiGatewayV2, Status Code: 400)",
            "The following hook(s) failed: [Acme::S3::Encrypted]",
            "`Bucket`: refused by the hook Acme::S3::Encrypted: not encrypted",
            "Your requested instance type (t3.small) is not supported in your requested \
             Availability Zone (us-east-1e).",
        ];
        let known: Vec<_> = reasons.into_iter().filter_map(remedy).collect();
        assert_eq!(known.len(), REMEDIES.len() + 4);
        assert_eq!(remedy("Internal Failure"), None);
    }
}
