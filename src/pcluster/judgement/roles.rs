//! Which roles the nodes have, as the bucket's policy has to know them. ParallelCluster (its
//! `cdk_builder_utils`, 3.16.1) makes them as `PATH/CLUSTER/NAME`: the path is `/parallelcluster`, or what
//! `Iam.ResourcePrefix` has before its last slash; the name ends in `-` and random characters, and begins
//! with what is behind that slash, or else with the name of the cluster.

use std::collections::BTreeSet;

use serde_yaml::Value;

use crate::pcluster::config::ClusterConfig;

use super::nodes::{self, Nodes, Role};
use super::{Circumstances, Remark, Severity};

const SUBJECT: &str = "rights";

/// Where ParallelCluster makes the roles of a configuration that does not say.
const USUAL_PATH: &str = "parallelcluster/";

/// The roles of a cluster's nodes beside those that ParallelCluster makes when the configuration does not
/// say. Each is a pattern, as `ArnLike` takes it, of what the ARN has behind `role/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeRoles {
    /// Those of all nodes.
    pub all: BTreeSet<String>,
    /// Those of the head node.
    pub head: BTreeSet<String>,
}

/// Returns the roles of the nodes of a cluster of this name, that gets this `Iam.ResourcePrefix`.
pub fn node_roles(config: &ClusterConfig, cluster: &str, prefix: Option<&str>) -> NodeRoles {
    let mut roles = NodeRoles::default();
    let document = config.document();
    if let Some(prefix) = prefix.filter(|prefix| is_taken(prefix)) {
        let (path, name) = match prefix.rsplit_once('/') {
            Some((path, name)) => (format!("{}/", path.trim_start_matches('/')), name),
            None => (USUAL_PATH.to_owned(), prefix),
        };
        let begins = match name {
            "" => "*-",
            name => name,
        };
        let head = format!("{path}{cluster}/{begins}RoleHeadNode-*");
        roles.head.insert(pattern(&head));
        if path != USUAL_PATH {
            roles.all.insert(pattern(&format!("{path}{cluster}/*")));
        }
    }
    for nodes in nodes::all(document) {
        if let Some(name) = own_role(&nodes) {
            // ParallelCluster looks at the name alone, which no second role of an account has.
            let patterns = [name.to_owned(), format!("*/{name}")].map(|it| pattern(&it));
            if nodes.role == Role::Head {
                roles.head.extend(patterns.clone());
            }
            roles.all.extend(patterns);
        }
    }
    roles
}

pub(super) fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let all = nodes::all(config.document());
    let head = all.iter().find(|nodes| nodes.role == Role::Head);
    let head = head.and_then(own_role);
    let of_nodes = |nodes: &Nodes<'_>| match own_role(nodes) {
        Some(name) if circumstances.caller == Some(name) => Some(callers(nodes, name)),
        Some(name) if nodes.role != Role::Head && head == Some(name) => Some(heads(nodes)),
        Some(_) => None,
        None => unknown(nodes),
    };
    all.iter().filter_map(of_nodes).collect()
}

/// Returns the name of the role that the user made for these nodes. A profile goes before it.
fn own_role<'c>(nodes: &Nodes<'c>) -> Option<&'c str> {
    let iam = &nodes.value["Iam"];
    let role = taken(&iam["InstanceRole"]).filter(|_| iam["InstanceProfile"].is_null())?;
    role.rsplit('/').next().filter(|name| !name.is_empty())
}

/// Returns a text that IAM could have as an ARN, a name or a path.
fn taken(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| is_taken(text))
}

fn is_taken(text: &str) -> bool {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/:".contains(c);
    text.chars().all(is_taken)
}

/// Returns the pattern without commas, which stand between the patterns of a list.
fn pattern(text: &str) -> String {
    text.replace(',', "?")
}

/// The role of an instance profile is in IAM alone.
fn unknown(nodes: &Nodes<'_>) -> Option<Remark> {
    nodes.value["Iam"]["InstanceProfile"].as_str()?;
    Some(Remark {
        subject: SUBJECT,
        severity: Severity::Warning,
        path: nodes.path.below(&["Iam", "InstanceProfile"]),
        text: format!(
            "the bucket's policy does not know the role of the instance profile of {}",
            nodes.words
        ),
        cause: "what runs there can change what runs as root on the head node, as far as that role lets it \
                write into the deployment's bucket"
            .to_owned(),
        next: "name the role instead of the profile: InstanceRole: ARN".to_owned(),
    })
}

fn heads(nodes: &Nodes<'_>) -> Remark {
    Remark {
        subject: SUBJECT,
        severity: Severity::Warning,
        path: nodes.path.below(&["Iam", "InstanceRole"]),
        text: format!("{} have the head node's role", nodes.words),
        cause: "the head node alone remembers jobs in the deployment's bucket: with its role, what runs \
                there can do so, too"
            .to_owned(),
        next: "give them another role, or leave out InstanceRole: ParallelCluster makes one then"
            .to_owned(),
    }
}

fn callers(nodes: &Nodes<'_>, name: &str) -> Remark {
    Remark {
        subject: SUBJECT,
        severity: Severity::Error,
        path: nodes.path.below(&["Iam", "InstanceRole"]),
        text: format!("hpcapi has the role `{name}` itself, as {}", nodes.words),
        cause:
            "no node may write where the scripts of the deployment lie: hpcapi could not, either"
                .to_owned(),
        next:
            "give the nodes another role, or leave out InstanceRole: ParallelCluster makes one then"
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> [String; 2] {
        let config = ClusterConfig::parse(text, "my.yaml".as_ref()).unwrap();
        let roles = node_roles(&config, "mine", config.resource_prefix());
        [roles.all, roles.head].map(|set| set.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_prefix_says_path_and_name_of_the_roles() {
        let with = |prefix: &str| roles(&format!("Iam:\n  ResourcePrefix: '{prefix}'\n"));
        let of = |all: &str, head: &str| [all.to_owned(), head.to_owned()];
        assert_eq!(
            with("/team/"),
            of("team/mine/*", "team/mine/*-RoleHeadNode-*")
        );
        assert_eq!(
            with("/a/b/lab-"),
            of("a/b/mine/*", "a/b/mine/lab-RoleHeadNode-*")
        );
        assert_eq!(
            with("lab"),
            of("", "parallelcluster/mine/labRoleHeadNode-*")
        );
        assert_eq!(with("/a,b/"), of("a?b/mine/*", "a?b/mine/*-RoleHeadNode-*"));
        assert_eq!(with("/*/"), of("", ""));
        assert_eq!(roles("Iam: {}"), of("", ""));
    }

    #[test]
    fn roles_of_ones_own_are_known_by_their_names_wherever_they_are() {
        let text = "
HeadNode: {Iam: {InstanceRole: 'arn:aws:iam::123456789012:role/lab/head'}}
Scheduling:
  SlurmQueues:
    - {Name: a, Iam: {InstanceRole: 'arn:aws:iam::123456789012:role/node'}}
    - {Name: b, Iam: {InstanceRole: 'arn:aws:iam::123456789012:role/node'}}
    - {Name: c, Iam: {InstanceProfile: 'arn:aws:iam::123456789012:instance-profile/p'}}
    - {Name: d, Iam: {InstanceRole: CHANGE*ME}}
LoginNodes: {Pools: [{Name: e, Iam: {InstanceRole: 'arn:aws:iam::123456789012:role/login'}}]}
";
        let [all, head] = roles(text);
        assert_eq!(all, "*/head */login */node head login node");
        assert_eq!(head, "*/head head");
    }
}
