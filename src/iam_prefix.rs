//! Where in IAM everything is made that is made there: below which path, and how names begin. An account
//! may let roles be made there alone. ParallelCluster takes both as one text, `Iam.ResourcePrefix`, which
//! it parts at the last slash (3.16.1: `split_resource_prefix` of its `utils`).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The longest beginning of names that ParallelCluster takes (3.16.1: its `IAM_NAME_PREFIX_LENGTH_LIMIT`).
const LONGEST_NAMES: usize = 30;

/// The longest prefix: the policies of `hpcapi iam-policy` have it several times, and IAM limits their length.
const LONGEST: usize = 64;

/// Paths below which AWS alone makes roles.
const OF_AWS: [&str; 2] = ["/aws-reserved/", "/aws-service-role/"];

/// What hpcapi makes roles for: functions, as their stacks are called behind the deployment's name, and the
/// schedule that calls one.
const FUNCTIONS: [&str; 5] = [
    "operations",
    "triggers",
    "notifications",
    "limits",
    "limits-caller",
];

/// The roles that ParallelCluster makes for functions of a cluster (3.16.1: `add_lambda_cfn_role` of its
/// `cdk_builder_utils`, and who calls it).
const CLUSTER_FUNCTIONS: [&str; 2] = ["CleanupResourcesRole", "CleanupRoute53Role"];

/// A path, and perhaps how the names below it begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamPrefix(String);

impl IamPrefix {
    /// Returns it as ParallelCluster takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path, with a slash at both ends.
    pub fn path(&self) -> &str {
        &self.0[..self.0.len() - self.names().len()]
    }

    /// Returns how names begin; empty where that is free.
    pub fn names(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the name of the role of a function of ours; `None` where CloudFormation may choose one.
    pub fn function_role(&self, function: &str, deployment: &str, region: &str) -> Option<String> {
        let names = self.names();
        let ending = ending_of_ours(function, deployment, self.path(), region);
        (!names.is_empty()).then(|| format!("{names}{ending}"))
    }
}

/// Returns how the names of roles of functions end that a prefix of names begins, below a path: those of a
/// deployment and of its clusters.
pub fn endings(deployment: &str, clusters: &[String], path: &str, region: &str) -> Vec<String> {
    let ours = FUNCTIONS.map(|it| ending_of_ours(it, deployment, path, region));
    // ParallelCluster's own way to do so (3.16.1: `add_cluster_iam_resource_prefix`).
    let theirs = clusters.iter().flat_map(|cluster| {
        CLUSTER_FUNCTIONS.map(|it| ending(it, &[it, cluster, "AWS::IAM::Role", region]))
    });
    ours.into_iter().chain(theirs).collect()
}

/// The path is in it, for a role that moves is made before the old one goes, and names are an account's.
fn ending_of_ours(function: &str, deployment: &str, path: &str, region: &str) -> String {
    ending(function, &[function, deployment, path, region])
}

/// Returns a name and what no other has behind it.
fn ending(name: &str, parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.concat());
    let mark: String = digest
        .iter()
        .take(6)
        .map(|it| format!("{it:02X}"))
        .collect();
    format!("{name}-{mark}")
}

impl FromStr for IamPrefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let told = match fault(text) {
            None => return Ok(IamPrefix(text.to_owned())),
            Some(fault) => format!("`{text}` is no prefix for what is made in IAM: {fault}"),
        };
        Err(Error::usage(told)
            .hint("for example: /team/, or /team/lab- where names have to begin so"))
    }
}

/// Returns what is wrong with a text.
fn fault(text: &str) -> Option<String> {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    let Some((path, names)) = text.rsplit_once('/') else {
        return Some("it begins with a slash".to_owned());
    };
    let mut parts = path.split('/');
    let is_path = parts.next() == Some("") && !path.is_empty() && parts.all(|it| !it.is_empty());
    if !text.chars().all(is_taken) {
        return Some("it has letters, digits, slashes and + = , . @ _ -".to_owned());
    }
    if !is_path {
        return Some(
            "its path begins and ends with a slash, and has a word between two".to_owned(),
        );
    }
    if OF_AWS.iter().any(|it| text.starts_with(it)) {
        return Some("below that path AWS alone makes roles".to_owned());
    }
    if text.len() > LONGEST {
        return Some(format!("it has {LONGEST} characters at most"));
    }
    let is_long = names.len() > LONGEST_NAMES;
    is_long.then(|| format!("what is behind the last slash has {LONGEST_NAMES} characters at most"))
}

impl fmt::Display for IamPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> IamPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_is_a_path_and_perhaps_how_names_begin() {
        let long = format!("/{}/{}", "p".repeat(32), "n".repeat(30));
        for (text, path, names) in [
            ("/team/", "/team/", ""),
            ("/team/lab-", "/team/", "lab-"),
            ("/a/b+=,.@_-c/d", "/a/b+=,.@_-c/", "d"),
            (&long, &long[..34], &long[34..]),
        ] {
            let it = prefix(text);
            assert_eq!((it.path(), it.names()), (path, names));
            assert_eq!(it.to_string(), text);
        }
        for (bad, told) in [
            ("", "begins with a slash"),
            ("team", "begins with a slash"),
            ("team/", "a word between two"),
            ("/", "a word between two"),
            ("/team", "a word between two"),
            ("//", "a word between two"),
            ("/a//b/", "a word between two"),
            ("/a b/", "letters, digits"),
            ("/a*/", "letters, digits"),
            ("/é/", "letters, digits"),
            ("/aws-service-role/x/", "AWS alone"),
            (&format!("/{}/", "p".repeat(63)), "64 characters"),
            (&format!("/a/{}", "n".repeat(31)), "30 characters"),
        ] {
            let error = bad.parse::<IamPrefix>().unwrap_err().to_string();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }

    /// IAM takes 64 characters, and names are an account's: of all its deployments, regions and paths.
    #[test]
    fn a_function_has_a_name_of_its_own_only_where_names_have_to_begin_so() {
        assert_eq!(
            prefix("/team/").function_role("operations", "mine", "us-east-1"),
            None
        );
        let long = format!("/a/{}", "n".repeat(30));
        let mut seen = std::collections::BTreeSet::new();
        for text in ["/team/lab-", "/other/lab-", &long] {
            for function in FUNCTIONS {
                for (deployment, region) in
                    [("mine", "us-east-1"), ("mine", "eu-west-1"), ("b", "a")]
                {
                    let it = prefix(text);
                    let name = it.function_role(function, deployment, region).unwrap();
                    assert!(name.len() <= 64 && name.starts_with(it.names()), "{name}");
                    let mut endings = endings(deployment, &[], it.path(), region).into_iter();
                    assert!(endings.any(|ending| name.ends_with(&ending)), "{name}");
                    assert!(seen.insert(name));
                }
            }
        }
    }

    /// `sha256("CleanupResourcesRole" + "mine" + "AWS::IAM::Role" + "us-east-1")`, the first 12 digits.
    #[test]
    fn the_roles_of_functions_of_the_cluster_end_as_parallelcluster_has_it() {
        let clusters = ["mine", "mine-2"].map(str::to_owned);
        let all = endings("mine", &clusters, "/team/", "us-east-1");
        assert!(
            all.contains(&"CleanupResourcesRole-2F5C0F84D7ED".to_owned()),
            "{all:?}"
        );
    }
}
