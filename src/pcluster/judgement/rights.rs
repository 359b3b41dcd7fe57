//! What the nodes may do. ParallelCluster gives the head node its own buckets and no SSM (its
//! `cdk_builder_utils`, 3.16.1): all else is what the configuration gives.

use serde_yaml::Value;

use crate::pcluster::config::{CHANGE_ME, ClusterConfig, DocumentPath};

use super::nodes::{self, Nodes, Role, in_s3, items};
use super::pattern::matches;
use super::policies::{Filled, Need, fill};
use super::{Circumstances, Reach, Remark, Severity};

const SUBJECT: &str = "rights";

/// The key of the head node's script in the deployment's bucket; its digest is of no matter.
const OUR_KEY: &str = "hpcapi/0/head-node.sh";

/// A role that the user made for the head node: what it may do is not in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRole {
    /// Its place in the configuration.
    pub path: DocumentPath,
    /// Its ARN.
    pub arn: String,
}

/// Returns the role that the configuration gives the head node, if IAM can be asked about it. An
/// instance profile is none.
pub fn own_role(config: &ClusterConfig) -> Option<OwnRole> {
    let arn = config.document()["HeadNode"]["Iam"]["InstanceRole"].as_str()?;
    Some(OwnRole {
        path: DocumentPath::default().below(&["HeadNode", "Iam", "InstanceRole"]),
        arn: arn.to_owned(),
    })
}

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let all = nodes::all(config.document());
    all.iter()
        .flat_map(|nodes| of_nodes(nodes, config.document(), circumstances))
        .collect()
}

fn of_nodes(nodes: &Nodes<'_>, document: &Value, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let reads = reads(nodes, document);
    let iam = &nodes.value["Iam"];
    for key in ["InstanceRole", "InstanceProfile"] {
        if iam[key].as_str().is_some() {
            let needs = needs(nodes, key, &reads, circumstances);
            let path = nodes.path.below(&["Iam", key]);
            let remark = || own(nodes, key, path, &needs.join(" and "));
            return (!needs.is_empty()).then(remark).into_iter().collect();
        }
    }
    let mut remarks = Vec::new();
    if nodes.role == Role::Head {
        remarks.extend(ssm(nodes));
    }
    for read in &reads {
        // Scripts of the same bucket lack the same right.
        let remark = unreadable(nodes, read, circumstances)
            .filter(|remark| remarks.iter().all(|it: &Remark| it.text != remark.text));
        remarks.extend(remark);
    }
    remarks
}

/// Something in S3 that nodes read when they boot.
struct Read<'c> {
    /// [`CHANGE_ME`] for the deployment's.
    bucket: &'c str,
    key: &'c str,
    path: DocumentPath,
}

fn reads<'c>(nodes: &Nodes<'c>, document: &'c Value) -> Vec<Read<'c>> {
    let scripts = nodes.scripts().into_iter();
    let mut reads: Vec<_> = scripts
        .filter_map(|script| {
            let (bucket, key) = match script.is_ours() {
                true => (CHANGE_ME, OUR_KEY),
                false => in_s3(script.address)?,
            };
            let path = script.path;
            Some(Read { bucket, key, path })
        })
        .collect();
    if nodes.role == Role::Head
        && let Some((path, address)) = nodes::include_file(document)
        && let Some((bucket, key)) = in_s3(address)
    {
        reads.push(Read { bucket, key, path });
    }
    reads
}

/// Returns what the role of these nodes, or the instance profile, has to allow, as far as nobody has
/// asked IAM.
fn needs(
    nodes: &Nodes<'_>,
    key: &str,
    reads: &[Read<'_>],
    circumstances: &Circumstances<'_>,
) -> Vec<String> {
    let mut needs = Vec::new();
    let was_asked = key == "InstanceRole" && circumstances.reach != Reach::Unasked;
    if nodes.role == Role::Head && !was_asked {
        needs.push("be allowed to be reached over SSM".to_owned());
    }
    for read in reads {
        let need = format!("read {}", bucket_words(read.bucket, circumstances));
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    needs
}

fn own(nodes: &Nodes<'_>, key: &str, path: DocumentPath, needs: &str) -> Remark {
    Remark {
        subject: SUBJECT,
        severity: Severity::Warning,
        path,
        text: format!(
            "the {} of your own for {} has to {needs}",
            match key {
                "InstanceRole" => "role",
                _ => "instance profile",
            },
            nodes.words
        ),
        cause: "what it allows is not in the configuration".to_owned(),
        next: format!("see that it does, or leave out {key}: ParallelCluster makes a role then"),
    }
}

/// The head node is reached over SSM, and nothing else.
fn ssm(nodes: &Nodes<'_>) -> Option<Remark> {
    let severity = severity(fill(policies(nodes), Need::Ssm))?;
    Some(Remark {
        subject: SUBJECT,
        severity,
        path: nodes.path.below(&["Iam", "AdditionalIamPolicies"]),
        text: match severity {
            Severity::Error => "no policy lets the head node be reached over SSM",
            Severity::Warning => {
                "only a policy of your own may let the head node be reached over \
                                  SSM"
            }
        }
        .to_owned(),
        cause: "without SSM there are no tokens, and nothing of the head node can be looked at"
            .to_owned(),
        next: "write into HeadNode.Iam.AdditionalIamPolicies: - Policy: \
               arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
            .to_owned(),
    })
}

fn unreadable(
    nodes: &Nodes<'_>,
    read: &Read<'_>,
    circumstances: &Circumstances<'_>,
) -> Option<Remark> {
    if is_given(nodes, read, circumstances) {
        return None;
    }
    let severity = severity(fill(policies(nodes), Need::ReadBucket))?;
    let is_ours = is_ours(read.bucket, circumstances);
    let bucket = bucket_words(read.bucket, circumstances);
    // The policy of a bucket that is not hpcapi's may let everybody of the account read it.
    let severity = match is_ours {
        true => severity,
        false => Severity::Warning,
    };
    let place = match nodes.role {
        Role::Head => "HeadNode.Iam.S3Access".to_owned(),
        Role::Compute => format!("{}.Iam.S3Access", nodes.path),
        Role::Login => format!("{}.Iam.AdditionalIamPolicies", nodes.path),
    };
    let named = if is_ours { CHANGE_ME } else { read.bucket };
    Some(Remark {
        subject: SUBJECT,
        severity,
        path: read.path.clone(),
        text: format!(
            "{} {} read {bucket}, where the script is",
            nodes.words,
            match severity {
                Severity::Error => "may not",
                Severity::Warning => "may perhaps not",
            }
        ),
        cause: "nodes without their script do not come up".to_owned(),
        next: match nodes.role {
            Role::Login => format!("add a policy that allows it: {place}"),
            Role::Head | Role::Compute => format!("write into {place}: - BucketName: {named}"),
        },
    })
}

/// Returns what lacking a need comes to, if it is lacking.
fn severity(filled: Filled) -> Option<Severity> {
    match filled {
        Filled::Yes => None,
        Filled::No => Some(Severity::Error),
        Filled::Perhaps => Some(Severity::Warning),
    }
}

fn policies<'c>(nodes: &Nodes<'c>) -> impl Iterator<Item = &'c str> + use<'c> {
    let listed = nodes.value["Iam"]["AdditionalIamPolicies"].as_sequence();
    let listed = listed.into_iter().flatten();
    listed.filter_map(|policy| policy["Policy"].as_str())
}

/// Returns whether `S3Access` lets the nodes read it.
fn is_given(nodes: &Nodes<'_>, read: &Read<'_>, circumstances: &Circumstances<'_>) -> bool {
    let path = DocumentPath::default();
    items(&nodes.value["Iam"]["S3Access"], &path).any(|(_, access)| {
        let Some(bucket) = access["BucketName"].as_str() else {
            return false;
        };
        let is_bucket = match is_ours(read.bucket, circumstances) {
            true => is_ours(bucket, circumstances) || bucket == "*",
            false => matches(bucket, read.bucket),
        };
        let is_key = match access["KeyName"].as_str() {
            Some(key) => matches(key, read.key),
            None => true,
        };
        is_bucket && is_key
    })
}

fn is_ours(bucket: &str, circumstances: &Circumstances<'_>) -> bool {
    bucket == CHANGE_ME || circumstances.bucket == Some(bucket)
}

fn bucket_words(bucket: &str, circumstances: &Circumstances<'_>) -> String {
    match is_ours(bucket, circumstances) {
        true => "the deployment's bucket (CHANGE_ME)".to_owned(),
        false => format!("s3://{bucket}"),
    }
}
