//! The scheduler: hpcapi serves the REST API of Slurm, and no other has it.

use crate::pcluster::config::{ClusterConfig, DocumentPath};

use super::{Circumstances, Remark, Severity};

pub(super) fn judge(config: &ClusterConfig, _: &Circumstances<'_>) -> Vec<Remark> {
    let root = DocumentPath::default();
    let scheduler = config.document()["Scheduling"]["Scheduler"].as_str();
    // What ParallelCluster does not know either is refused by its validators.
    if scheduler != Some("awsbatch") {
        return Vec::new();
    }
    vec![Remark {
        subject: "scheduler",
        severity: Severity::Error,
        path: root.below(&["Scheduling", "Scheduler"]),
        text: "the scheduler is AWS Batch, which has no Slurm REST API".to_owned(),
        cause: "hpcapi makes an API in front of Slurm".to_owned(),
        next: "write Scheduler: slurm, and SlurmQueues in place of AwsBatchQueues".to_owned(),
    }]
}
