//! What a configuration itself tells of the cluster that will be made of it: the rules that
//! ParallelCluster's validators do not know, because they are about hpcapi, or about what is found
//! out only when a node boots. Reads the document alone and asks nobody.

mod jwt;
mod network;
mod nodes;
mod pattern;
mod policies;
mod region;
mod rights;
mod roles;
mod scheduler;
mod scripts;
mod storage;
mod templates;

use super::config::{ClusterConfig, DocumentPath};

pub use rights::{OwnRole, own_role};
pub use roles::{NodeRoles, node_roles};

/// What is known besides the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'c> {
    /// The region that the cluster will be in.
    pub region: &'c str,
    /// The partition of AWS that the account is in.
    pub partition: &'c str,
    /// Whether the network was made that the configuration's `CHANGE_ME`s mean.
    pub has_network: bool,
    /// The deployment's bucket, once it was made.
    pub bucket: Option<&'c str>,
    /// What IAM says of the role of the user's own for the head node.
    pub reach: Reach,
    /// The name of the role that hpcapi itself has, if it has one.
    pub caller: Option<&'c str>,
}

/// Whether a role lets the head node be reached over SSM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Has,
    /// It does not, which is told by who asked.
    Lacks,
    /// There is no such role, or IAM could not be asked.
    Unasked,
}

/// How much a remark weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// No cluster of it can work.
    Error,
    /// It works, or may work; but something about it should be known.
    Warning,
}

/// One thing that is remarkable about a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What it is about, e.g. `rights`.
    pub subject: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The place in the configuration that it is about.
    pub path: DocumentPath,
    /// What is so.
    pub text: String,
    /// What comes of it.
    pub cause: String,
    /// What to write, or type, instead.
    pub next: String,
}

/// Judges one side of a configuration.
type Rule = fn(&ClusterConfig, &Circumstances<'_>) -> Vec<Remark>;

const RULES: &[Rule] = &[
    scheduler::judge,
    region::judge,
    network::judge,
    rights::judge,
    roles::judge,
    scripts::judge,
    jwt::judge,
    storage::judge,
    templates::judge,
];

/// Returns all that is remarkable about a configuration, errors first, in the order of the rules.
pub fn judge(config: &ClusterConfig, circumstances: &Circumstances<'_>) -> Vec<Remark> {
    let remarks = RULES.iter().flat_map(|rule| rule(config, circumstances));
    let mut remarks: Vec<_> = remarks.collect();
    remarks.sort_by_key(|remark| remark.severity != Severity::Error);
    remarks
}

impl Remark {
    /// Returns what is so, behind the file and the line it is about: `my.yaml:12: …`.
    pub fn sentence(&self, config: &ClusterConfig) -> String {
        format!("{}: {}", place(config, &self.path), self.text)
    }
}

/// Returns the file, and the line of what stands at `path` or closest to it.
pub fn place(config: &ClusterConfig, path: &DocumentPath) -> String {
    config.place(config.line_of(path))
}
