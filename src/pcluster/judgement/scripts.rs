//! Scripts in the deployment's bucket: whoever reads them when the bucket was just made finds
//! nothing there.

use serde_yaml::Value;

use crate::pcluster::config::{CHANGE_ME, ClusterConfig, DocumentPath};
use crate::pcluster::demand::number;

use super::nodes::{self, Nodes, Role, in_s3, items};
use super::{Circumstances, Remark, Severity};

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    // In a bucket that was made, pcluster looks itself, and says what is not there.
    if circumstances.bucket.is_some() {
        return Vec::new();
    }
    let document = config.document();
    let mut remarks = Vec::new();
    for nodes in nodes::all(document) {
        for script in nodes.scripts() {
            if let Some((CHANGE_ME, key)) = in_s3(script.address) {
                let path = script.path.below(&["Script"]);
                remarks.push(absent(key, path, &nodes));
            }
        }
    }
    remarks.extend(include_file(document));
    remarks
}

/// Returns the remark of a script that cannot be there when the nodes boot.
fn absent(key: &str, path: DocumentPath, nodes: &Nodes<'_>) -> Remark {
    // What boots later finds what was put there until then.
    let boots_later = nodes.role == Role::Compute && !has_static_nodes(nodes);
    let (severity, next) = if boots_later {
        let copy = format!(
            "once `up` is done: aws s3 cp {} s3://BUCKET/{key}",
            name(key)
        );
        (Severity::Warning, copy)
    } else {
        let own = "put it into a bucket of your own, and name that here and in S3Access";
        (Severity::Error, own.to_owned())
    };
    Remark {
        subject: "scripts",
        severity,
        path,
        text: format!(
            "`{key}` cannot be in the deployment's bucket when {} boot{}: `up` makes the bucket",
            nodes.words,
            if nodes.role == Role::Head { "s" } else { "" }
        ),
        cause: "nodes without their script do not come up".to_owned(),
        next,
    }
}

fn has_static_nodes(nodes: &Nodes<'_>) -> bool {
    let mut resources = items(&nodes.value["ComputeResources"], &nodes.path);
    resources.any(|(_, one)| number(&one["MinCount"]).is_some_and(|least| least > 0))
}

/// The head node reads more than scripts.
fn include_file(document: &Value) -> Option<Remark> {
    let (path, address) = nodes::include_file(document)?;
    let (CHANGE_ME, key) = in_s3(address)? else {
        return None;
    };
    let head = nodes::all(document).into_iter().next()?;
    Some(absent(key, path, &head))
}

fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_static_with_their_number_in_quotes_as_well() {
        for (count, expected) in [("1", true), ("'1'", true), ("'0'", false), ("0", false)] {
            let text = format!("ComputeResources: [{{MinCount: {count}}}]");
            let value: Value = serde_yaml::from_str(&text).unwrap();
            let nodes = Nodes {
                role: Role::Compute,
                words: String::new(),
                path: DocumentPath::default(),
                value: &value,
            };
            assert_eq!(has_static_nodes(&nodes), expected, "{count}");
        }
    }
}
