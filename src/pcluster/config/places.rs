//! What goes where: the places of a cluster configuration that hpcapi has a value for.

use std::path::Path;

use crate::error::{Error, Result};

use super::scalars::Scalar;
use super::{CHANGE_ME, ChangeMe};

/// The values that hpcapi has, all of them safe as plain YAML scalars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// The region.
    pub region: String,
    /// The public subnet.
    pub head_node_subnet: String,
    /// The private subnets, one in each zone.
    pub compute_subnets: [String; 2],
    /// The additional security group of the head node.
    pub head_node_security_group: String,
    /// The EC2 key pair.
    pub key_name: String,
    /// The bucket.
    pub bucket: String,
    /// The S3 URI of the head node's script.
    pub node_script: String,
}

impl Values {
    pub(super) fn of(&self, place: Place) -> &str {
        match place {
            Place::Region => &self.region,
            Place::HeadNodeSubnet => &self.head_node_subnet,
            Place::ComputeSubnet(which) => &self.compute_subnets[which],
            Place::HeadNodeSecurityGroup => &self.head_node_security_group,
            Place::KeyName => &self.key_name,
            Place::Bucket => &self.bucket,
            Place::NodeScript => &self.node_script,
        }
    }
}

/// Which value goes to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Region,
    HeadNodeSubnet,
    ComputeSubnet(usize),
    HeadNodeSecurityGroup,
    KeyName,
    Bucket,
    NodeScript,
}

/// The places hpcapi has a value for, by their kind: `[]` is any item of a list.
const PLACES: &[(&str, Place)] = &[
    ("Region", Place::Region),
    ("CustomS3Bucket", Place::Bucket),
    ("HeadNode.Networking.SubnetId", Place::HeadNodeSubnet),
    (
        "HeadNode.Networking.AdditionalSecurityGroups[]",
        Place::HeadNodeSecurityGroup,
    ),
    ("HeadNode.Ssh.KeyName", Place::KeyName),
    ("HeadNode.Iam.S3Access[].BucketName", Place::Bucket),
    (
        "HeadNode.CustomActions.OnNodeStart.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeConfigured.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeUpdated.Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeStart.Sequence[].Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeConfigured.Sequence[].Script",
        Place::NodeScript,
    ),
    (
        "HeadNode.CustomActions.OnNodeUpdated.Sequence[].Script",
        Place::NodeScript,
    ),
    (
        "LoginNodes.Pools[].Networking.SubnetIds[]",
        Place::HeadNodeSubnet,
    ),
    (
        "Scheduling.SlurmQueues[].Networking.SubnetIds[]",
        Place::ComputeSubnet(0),
    ),
    (
        "Scheduling.SlurmQueues[].Iam.S3Access[].BucketName",
        Place::Bucket,
    ),
];

/// What could stand at a place that hpcapi has no value for, by its last key.
const ADVICE: &[(&str, &str)] = &[
    ("SubnetId", "a subnet id (subnet-…)"),
    ("SubnetIds", "a subnet id (subnet-…)"),
    ("SecurityGroups", "a security group id (sg-…)"),
    ("AdditionalSecurityGroups", "a security group id (sg-…)"),
    ("KeyName", "the name of an EC2 key pair"),
    ("BucketName", "the name of an S3 bucket"),
    (
        "Script",
        "the s3:// or https:// address of a script for these nodes",
    ),
    ("InstanceType", "an instance type, for example t3.micro"),
    ("CustomAmi", "an AMI id (ami-…)"),
    ("Os", "alinux2023"),
    ("FileSystemId", "the id of a file system (fs-…)"),
    ("VolumeId", "the id of an EBS volume (vol-…)"),
    ("Uri", "the host and port of a database"),
    ("PasswordSecretArn", "the ARN of a secret"),
];

/// Returns every `CHANGE_ME`, in the order of the text; fails at the first that hpcapi has no
/// value for.
pub(super) fn find(scalars: &[Scalar], text: &str, file: &Path) -> Result<Vec<ChangeMe>> {
    let mut found: Vec<ChangeMe> = Vec::new();
    for scalar in scalars
        .iter()
        .filter(|scalar| scalar.value.contains(CHANGE_ME))
    {
        // What a scalar's bytes hold beside it are quotes, tag and anchor.
        for (offset, _) in text[scalar.bytes.clone()].match_indices(CHANGE_ME) {
            let start = scalar.bytes.start + offset;
            let (line, column) = position(text, start);
            let unknown = || unknown(scalar, file, line, column);
            let place = place(scalar, &text[start..]).ok_or_else(unknown)?;
            let place = match place {
                Place::ComputeSubnet(_) => {
                    let list = scalar.path.parent();
                    let before = found
                        .iter()
                        .filter(|item| item.path.parent() == list)
                        .count();
                    nth_subnet(before).ok_or_else(unknown)?
                }
                place => place,
            };
            found.push(ChangeMe {
                path: scalar.path.clone(),
                line,
                column,
                start,
                place,
            });
        }
    }
    Ok(found)
}

/// Returns what goes to a `CHANGE_ME` in `scalar`; `rest` is the text from it on.
fn place(scalar: &Scalar, rest: &str) -> Option<Place> {
    if scalar.is_key {
        return None;
    }
    if scalar.value == CHANGE_ME {
        let kind = scalar.path.kind();
        return PLACES
            .iter()
            .find(|(place, _)| *place == kind)
            .map(|(_, place)| *place);
    }
    // Inside a longer word only a bucket's name can be meant, and the address says so.
    let is_address = ["s3://CHANGE_ME/", "arn:aws:s3:::CHANGE_ME/"]
        .iter()
        .any(|start| scalar.value.starts_with(start));
    let is_arn = scalar.value == "arn:aws:s3:::CHANGE_ME";
    let is_once = scalar.value.matches(CHANGE_ME).count() == 1 && rest.starts_with(CHANGE_ME);
    ((is_address || is_arn) && is_once).then_some(Place::Bucket)
}

/// There are two subnets for compute nodes, one in each zone.
fn nth_subnet(before: usize) -> Option<Place> {
    (before < 2).then_some(Place::ComputeSubnet(before))
}

fn unknown(scalar: &Scalar, file: &Path, line: usize, column: usize) -> Error {
    let path = &scalar.path;
    let place = format!("{}:{line}:{column}", file.display());
    let error = if scalar.is_key {
        Error::usage(format!(
            "{place}: CHANGE_ME stands where a key belongs ({path})"
        ))
    } else {
        Error::usage(format!(
            "{place}: hpcapi has no value for CHANGE_ME at {path}"
        ))
    };
    let kind = path.kind();
    let last = kind
        .trim_end_matches("[]")
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let advice = ADVICE
        .iter()
        .find(|(key, _)| *key == last)
        .map_or("a value of your own", |(_, text)| text);
    let known: Vec<_> = PLACES.iter().map(|(place, _)| *place).collect();
    error
        .hint(format!("write there: {advice}"))
        .hint(format!("hpcapi fills: {}", known.join(", ")))
}

/// Returns line and column, from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[line_start..]
        .trim_start_matches('\u{feff}')
        .chars()
        .count()
        + 1;
    (before.matches('\n').count() + 1, column)
}
