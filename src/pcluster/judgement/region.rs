//! The region: one is where the deployment will be, and the configuration may name another.

use crate::pcluster::config::{CHANGE_ME, ClusterConfig, DocumentPath};

use super::{Circumstances, Remark, Severity};

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let Some(named) = config.document()["Region"].as_str() else {
        return Vec::new();
    };
    let here = circumstances.region;
    if named == CHANGE_ME || named == here {
        return Vec::new();
    }
    vec![Remark {
        subject: "region",
        severity: Severity::Error,
        path: DocumentPath::default().below(&["Region"]),
        text: format!("the configuration is for {named}, and the deployment would be in {here}"),
        cause: "pcluster makes no cluster in another region than its configuration names"
            .to_owned(),
        next: format!("write Region: CHANGE_ME, or give --region {named}"),
    }]
}
