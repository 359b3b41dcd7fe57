//! What is wrong with the value of a key: the same checks as those of its option.

use crate::address_range::AddressRange;
use crate::aws::is_region;
use crate::boundary::BoundaryArn;
use crate::error::Result;
use crate::iam_prefix::IamPrefix;
use crate::limits::SpanChoice;
use crate::notifications::Notify;
use crate::service_role::ServiceRole;
use crate::settings::DeploymentName;
use crate::tags::{Tag, Tags};

use super::super::cluster_args::{key_name, version};
use super::super::deployment::bucket_name;
use super::super::network_args::{SubnetIds, ZonePair, subnet_id, vpc_id};

/// Returns why a text is not the name of a deployment, if it is not.
pub(super) fn is_name(text: &str) -> Result<(), String> {
    let name: Result<DeploymentName> = text.parse();
    told(name)
}

/// Returns why a text is not the name of a region, if it is not.
pub(super) fn is_a_region(text: &str) -> Result<(), String> {
    match is_region(text) {
        true => Ok(()),
        false => Err("a region is called as in us-east-1".to_owned()),
    }
}

/// Returns why a text is not the name of a profile, if it is not.
pub(super) fn is_profile(text: &str) -> Result<(), String> {
    match text.trim().is_empty() {
        true => Err("a profile has a name".to_owned()),
        false => Ok(()),
    }
}

/// Returns why a text is not the name of a key pair, if it is not.
pub(super) fn is_key_name(text: &str) -> Result<(), String> {
    key_name(text).map(|_| ())
}

/// Returns why a text is not the name of a bucket, if it is not.
pub(super) fn is_bucket(text: &str) -> Result<(), String> {
    told(bucket_name(text))
}

/// Returns why a text is not an address that is told of jobs, or `off`, if it is not.
pub(super) fn is_notify(text: &str) -> Result<(), String> {
    let notify: Result<Notify> = text.parse();
    told(notify)
}

/// Returns why a text is not how long a deployment works, or does without jobs, or `off`, if it is not.
pub(super) fn is_span(text: &str) -> Result<(), String> {
    let span: Result<SpanChoice> = text.parse();
    told(span)
}

/// Returns why a text is not the id of a VPC, if it is not.
pub(super) fn is_vpc(text: &str) -> Result<(), String> {
    told(vpc_id(text))
}

/// Returns why a text is not the id of a subnet, if it is not.
pub(super) fn is_subnet(text: &str) -> Result<(), String> {
    told(subnet_id(text))
}

/// Returns why a text is not ids of subnets, if it is not.
pub(super) fn are_subnets(text: &str) -> Result<(), String> {
    let ids: Result<SubnetIds> = text.parse();
    told(ids)
}

/// Returns why a text is not two zones, if it is not.
pub(super) fn are_zones(text: &str) -> Result<(), String> {
    let zones: Result<ZonePair> = text.parse();
    told(zones)
}

/// Returns why a text is not the address range of a network, if it is not.
pub(super) fn is_range(text: &str) -> Result<(), String> {
    let range: Result<AddressRange> = text.parse();
    told(range)
}

/// Returns tags as they are typed.
pub(super) fn tags(pairs: &[(&str, &str)]) -> Result<Vec<String>> {
    let tags: Result<Vec<_>> = pairs
        .iter()
        .map(|(key, value)| Tag::new(key, value))
        .collect();
    let tags = Tags::of(tags?)?;
    Ok(tags.iter().map(ToString::to_string).collect())
}

/// Returns why a text is not the ARN of a permissions boundary, if it is not.
pub(super) fn is_boundary(text: &str) -> Result<(), String> {
    let arn: Result<BoundaryArn> = text.parse();
    told(arn)
}

/// Returns why a text is not a prefix for what is made in IAM, if it is not.
pub(super) fn is_prefix(text: &str) -> Result<(), String> {
    let prefix: Result<IamPrefix> = text.parse();
    told(prefix)
}

/// Returns why a text is not the ARN of a role, if it is not.
pub(super) fn is_role(text: &str) -> Result<(), String> {
    let role: Result<ServiceRole> = text.parse();
    told(role)
}

/// Returns why a text is not a version of ParallelCluster, if it is not.
pub(super) fn is_version(text: &str) -> Result<(), String> {
    version(text).map(|_| ())
}

/// Returns what an error says.
fn told<T>(read: Result<T>) -> Result<(), String> {
    read.map(|_| ()).map_err(|error| error.to_string())
}
