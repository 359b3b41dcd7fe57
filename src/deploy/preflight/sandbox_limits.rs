//! What AWS has and the sandbox lacks: said before anything is made there.

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::pcluster::config::{DocumentPath, Segment};
use crate::pcluster::judgement::place;
use crate::settings::Ground;

/// Types of shared storage that the sandbox cannot make, and their names.
const STORAGE: &[(&str, &str)] = &[
    ("FsxLustre", "FSx for Lustre"),
    ("FsxOntap", "FSx for NetApp ONTAP"),
    ("FsxOpenZfs", "FSx for OpenZFS"),
    ("FileCache", "Amazon File Cache"),
];

pub(super) fn look(context: &Context) -> Vec<Finding> {
    if !matches!(context.settings.ground, Ground::Endpoint(_)) {
        return Vec::new();
    }
    let config = &context.config;
    let storage = config.document()["SharedStorage"].as_sequence();
    let mut findings = Vec::new();
    for (index, storage) in storage.into_iter().flatten().enumerate() {
        let kind = storage["StorageType"].as_str();
        let Some((_, name)) = STORAGE.iter().find(|(known, _)| Some(*known) == kind) else {
            continue;
        };
        let path = DocumentPath::default().below(&["SharedStorage"]);
        let path = path.join(Segment::Index(index)).below(&["StorageType"]);
        let text = format!("{}: the sandbox has no {name}", place(config, &path));
        findings.push(
            Finding::problem("sandbox", text)
                .because("it is there in AWS alone")
                .then("leave this storage out here, or take StorageType: Ebs or Efs"),
        );
    }
    findings
}
