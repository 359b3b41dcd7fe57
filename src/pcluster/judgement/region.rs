//! The region and the partition of AWS: one is where the deployment will be, and the configuration may
//! name things of another.

use crate::pcluster::config::{CHANGE_ME, ClusterConfig, DocumentPath};

use super::{Circumstances, Remark, Severity};

const SUBJECT: &str = "region";

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let mut remarks: Vec<_> = region(config, circumstances).into_iter().collect();
    remarks.extend(foreign_arns(config, circumstances));
    remarks
}

fn region(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Option<Remark> {
    let named = config.document()["Region"].as_str()?;
    let here = circumstances.region;
    (named != CHANGE_ME && named != here).then(|| Remark {
        subject: SUBJECT,
        severity: Severity::Error,
        path: DocumentPath::default().below(&["Region"]),
        text: format!("the configuration is for {named}, and the deployment would be in {here}"),
        cause: "pcluster makes no cluster in another region than its configuration names"
            .to_owned(),
        next: format!("write Region: CHANGE_ME, or give --region {named}"),
    })
}

/// Finds ARNs that can be of nothing in this partition.
fn foreign_arns(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let here = circumstances.partition;
    let is_foreign = |value: &str| {
        let mut parts = value.split(':');
        parts.next() == Some("arn")
            && parts
                .next()
                .is_some_and(|it| it.starts_with("aws") && it != here)
    };
    let values = config.placed_values();
    let foreign = values.filter(|(_, value)| is_foreign(value));
    let remarks = foreign.map(|(path, arn)| Remark {
        subject: SUBJECT,
        severity: Severity::Error,
        path: path.clone(),
        text: format!("`{arn}` is of another partition than this account"),
        cause: "what it names is not in this account".to_owned(),
        next: format!("write arn:{here}:… there"),
    });
    remarks.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Reach;
    use super::*;

    #[test]
    fn every_arn_of_another_partition_is_told() {
        let text = "A: arn:aws-cn:iam::1:policy/a\nB: [arn:aws:s3:::b, arn:aws-us-gov:s3:::c]\n";
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let circumstances = Circumstances {
            region: "us-east-1",
            partition: "aws",
            has_network: false,
            bucket: None,
            reach: Reach::Unasked,
            caller: None,
        };
        let told = judge(&config, &circumstances);
        let told: Vec<_> = told.iter().map(|it| it.sentence(&config)).collect();
        let ends = "is of another partition than this account";
        assert_eq!(
            told,
            [
                format!("my.yaml:1: `arn:aws-cn:iam::1:policy/a` {ends}"),
                format!("my.yaml:2: `arn:aws-us-gov:s3:::c` {ends}"),
            ]
        );
    }
}
