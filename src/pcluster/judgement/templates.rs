//! Variables of a template where they may be meant as they stand: in what scripts and services
//! get, and ParallelCluster does not read. Elsewhere they are refused when the file is read.

use crate::pcluster::config::ClusterConfig;

use super::{Circumstances, Remark, Severity};

pub(super) fn judge(config: &ClusterConfig, _: &Circumstances<'_>) -> Vec<Remark> {
    let unrendered = config.unrendered_texts().into_iter();
    unrendered
        .map(|(path, variable)| Remark {
            subject: "template",
            severity: Severity::Warning,
            text: format!("`{variable}` at {path} stays as it is: nothing fills it"),
            cause: "if the file is a template, it was not rendered".to_owned(),
            next: "render it first, if that is not what you mean".to_owned(),
            path,
        })
        .collect()
}
