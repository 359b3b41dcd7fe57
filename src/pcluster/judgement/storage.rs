//! What the configuration keeps when the cluster goes, and what `teardown` therefore leaves.

use serde_yaml::Value;

use crate::pcluster::config::{ClusterConfig, DocumentPath};

use super::nodes::{self, items};
use super::{Circumstances, Remark, Severity};

/// The settings of a shared storage, and what it is.
const SETTINGS: &[(&str, &str)] = &[
    ("EbsSettings", "the volume"),
    ("EfsSettings", "the EFS file system"),
    ("FsxLustreSettings", "the FSx file system"),
];

pub(super) fn judge(config: &ClusterConfig, _: &Circumstances<'_>) -> Vec<Remark> {
    let document = config.document();
    let mut remarks = shared(document);
    for nodes in nodes::all(document) {
        let root_volume = &nodes.value["LocalStorage"]["RootVolume"];
        if root_volume["DeleteOnTermination"].as_bool() == Some(false) {
            let keys = ["LocalStorage", "RootVolume", "DeleteOnTermination"];
            let volume = format!("the root volume of {}", nodes.words);
            remarks.push(kept(&volume, nodes.path.below(&keys), ""));
        }
    }
    remarks
}

fn shared(document: &Value) -> Vec<Remark> {
    let path = DocumentPath::default().below(&["SharedStorage"]);
    let mut remarks = Vec::new();
    for (path, storage) in items(&document["SharedStorage"], &path) {
        for (settings, what) in SETTINGS {
            if storage[*settings]["DeletionPolicy"].as_str() != Some("Retain") {
                continue;
            }
            let name = storage["Name"].as_str().unwrap_or_default();
            let what = match storage[*settings]["Size"].as_u64() {
                Some(size) => format!("{what} `{name}` of {size} GiB"),
                None => format!("{what} `{name}`"),
            };
            // A file system has network interfaces in the subnets of the deployment.
            let also = match *settings {
                "EbsSettings" => "",
                _ => ", and it holds the network, which cannot be deleted before it",
            };
            remarks.push(kept(
                &what,
                path.below(&[*settings, "DeletionPolicy"]),
                also,
            ));
        }
    }
    remarks
}

fn kept(what: &str, path: DocumentPath, also: &str) -> Remark {
    Remark {
        subject: "storage",
        severity: Severity::Warning,
        path,
        text: format!("`teardown` leaves {what}, which goes on costing money"),
        cause: format!("the configuration wants it kept when the cluster goes{also}"),
        next: "delete it yourself after `teardown`, or leave this line out of the configuration"
            .to_owned(),
    }
}
