//! What the configuration keeps when the cluster goes, and what `teardown` therefore leaves.

use serde_yaml::Value;

use crate::pcluster::config::{ClusterConfig, DocumentPath};

use super::nodes::{self, items};
use super::{Circumstances, Remark, Severity};

/// The settings of a shared storage, what it is, and what it has in the subnets of the deployment.
const SETTINGS: &[(&str, &str, Holds)] = &[
    ("EbsSettings", "the volume", Holds::Nothing),
    ("EfsSettings", "the EFS file system", Holds::MountTargets),
    ("FsxLustreSettings", "the FSx file system", Holds::Itself),
];

/// What of something that is kept would keep the network from being deleted.
#[derive(Debug, Clone, Copy)]
enum Holds {
    Nothing,
    /// They can be deleted by themselves; no file goes with them.
    MountTargets,
    /// Its network interfaces go with it alone.
    Itself,
}

pub(super) fn judge(config: &ClusterConfig, _: &Circumstances<'_>) -> Vec<Remark> {
    let document = config.document();
    let mut remarks = shared(document);
    for nodes in nodes::all(document) {
        let root_volume = &nodes.value["LocalStorage"]["RootVolume"];
        if root_volume["DeleteOnTermination"].as_bool() == Some(false) {
            let keys = ["LocalStorage", "RootVolume", "DeleteOnTermination"];
            let volume = format!("the root volume of {}", nodes.words);
            remarks.push(kept(&volume, nodes.path.below(&keys), Holds::Nothing));
        }
    }
    remarks
}

fn shared(document: &Value) -> Vec<Remark> {
    let path = DocumentPath::default().below(&["SharedStorage"]);
    let mut remarks = Vec::new();
    for (path, storage) in items(&document["SharedStorage"], &path) {
        for (settings, what, holds) in SETTINGS {
            if storage[*settings]["DeletionPolicy"].as_str() != Some("Retain") {
                continue;
            }
            let name = storage["Name"].as_str().unwrap_or_default();
            let what = match storage[*settings]["Size"].as_u64() {
                Some(size) => format!("{what} `{name}` of {size} GiB"),
                None => format!("{what} `{name}`"),
            };
            let path = path.below(&[*settings, "DeletionPolicy"]);
            remarks.push(kept(&what, path, *holds));
        }
    }
    remarks
}

fn kept(what: &str, path: DocumentPath, holds: Holds) -> Remark {
    let also = match holds {
        Holds::Nothing => "",
        Holds::MountTargets => "; its mount targets keep the network until they are deleted",
        Holds::Itself => "; it keeps the network until it is deleted",
    };
    let next = match holds {
        Holds::Nothing | Holds::MountTargets => {
            "delete it yourself after `teardown`, or leave this line out of the configuration"
        }
        Holds::Itself => "delete it before `teardown` can end, or leave this line out",
    };
    Remark {
        subject: "storage",
        severity: Severity::Warning,
        path,
        text: format!("`teardown` leaves {what}, which goes on costing money"),
        cause: format!("the configuration wants it kept when the cluster goes{also}"),
        next: next.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_network_is_told_with_what_frees_it() {
        let told = |holds| kept("it", DocumentPath::default(), holds);
        let efs = told(Holds::MountTargets);
        let mount_targets = "; its mount targets keep the network until they are deleted";
        assert!(efs.cause.ends_with(mount_targets), "{efs:?}");
        assert!(efs.next.contains("after `teardown`"), "{efs:?}");
        let fsx = told(Holds::Itself);
        assert!(fsx.next.contains("before `teardown` can end"), "{fsx:?}");
    }
}
