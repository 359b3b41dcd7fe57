//! One network: what the configuration names of another one cannot be in the one that `up` makes.

use serde_yaml::Value;

use crate::pcluster::config::{CHANGE_ME, ClusterConfig, DocumentPath};

use super::nodes::{self, Nodes, Role, items};
use super::{Circumstances, Remark, Severity, place};

const SUBJECT: &str = "network";

/// Shared storage that is in a VPC: its settings, the key that names one that there is, and what
/// it is. A volume (`EbsSettings.VolumeId`) is in a zone, and in no VPC.
const STORAGE: &[(&str, &str, &str)] = &[
    ("EfsSettings", "FileSystemId", "the file system"),
    ("FsxLustreSettings", "FileSystemId", "the file system"),
    ("FsxOntapSettings", "VolumeId", "the FSx volume"),
    ("FsxOpenZfsSettings", "VolumeId", "the FSx volume"),
    ("FileCacheSettings", "FileCacheId", "the file cache"),
];

/// The lists of security groups of any nodes.
const GROUPS: [&str; 2] = ["SecurityGroups", "AdditionalSecurityGroups"];

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    // In a network that was made somebody may have made all of it; pcluster looks.
    if circumstances.has_network {
        return Vec::new();
    }
    let document = config.document();
    let all = nodes::all(document);
    let (ours, own): (Vec<_>, Vec<_>) = all
        .iter()
        .flat_map(subnets)
        .partition(|(_, subnet)| *subnet == CHANGE_ME);
    // A configuration with a network of its own is told so as a whole.
    let Some((filled, _)) = ours.first() else {
        return Vec::new();
    };
    let mut remarks: Vec<_> = own
        .iter()
        .map(|(path, subnet)| Remark {
            cause: format!(
                "a cluster is in one network, and that of {} is the one that `up` makes",
                place(config, filled)
            ),
            ..foreign(path.clone(), &format!("the subnet {subnet}"))
        })
        .collect();
    remarks.extend(all.iter().flat_map(security_groups));
    remarks.extend(storage(document));
    remarks
}

/// Returns the subnets of some nodes, with their places.
fn subnets<'c>(nodes: &Nodes<'c>) -> Vec<(DocumentPath, &'c str)> {
    let networking = &nodes.value["Networking"];
    if nodes.role == Role::Head {
        let path = nodes.path.below(&["Networking", "SubnetId"]);
        return networking["SubnetId"]
            .as_str()
            .map(|subnet| (path, subnet))
            .into_iter()
            .collect();
    }
    let path = nodes.path.below(&["Networking", "SubnetIds"]);
    items(&networking["SubnetIds"], &path)
        .filter_map(|(path, subnet)| Some((path, subnet.as_str()?)))
        .collect()
}

fn security_groups(nodes: &Nodes<'_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for key in GROUPS {
        let path = nodes.path.below(&["Networking", key]);
        for (path, group) in items(&nodes.value["Networking"][key], &path) {
            if let Some(group) = group.as_str().filter(|group| group.starts_with("sg-")) {
                remarks.push(foreign(path, &format!("the security group {group}")));
            }
        }
    }
    remarks
}

fn storage(document: &Value) -> Vec<Remark> {
    let path = DocumentPath::default().below(&["SharedStorage"]);
    let mut remarks = Vec::new();
    for (path, storage) in items(&document["SharedStorage"], &path) {
        for (settings, key, what) in STORAGE {
            if let Some(id) = storage[*settings][*key].as_str() {
                let path = path.below(&[*settings, *key]);
                remarks.push(foreign(path, &format!("{what} {id}")));
            }
        }
    }
    remarks
}

/// Returns the remark of something that is in another network.
fn foreign(path: DocumentPath, what: &str) -> Remark {
    let text = format!("{what} cannot be in the network that `up` makes");
    let next = match path.to_string() {
        key if key.contains("SubnetId") => format!("write CHANGE_ME at {key}"),
        key if key.contains("SecurityGroups") => format!(
            "leave {key} out; the head node's AdditionalSecurityGroups takes CHANGE_ME, and more \
             can be added once `up` has made the network"
        ),
        key => format!("leave {key} out, and let ParallelCluster make one"),
    };
    Remark {
        subject: SUBJECT,
        severity: Severity::Error,
        path,
        text,
        cause: "it is in another VPC".to_owned(),
        next,
    }
}
