//! What of the head node is not as the node script leaves it, though all may work until something starts
//! anew.

use serde::Deserialize;

/// What has changed on the head node since it was set up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drift {
    /// Its clock: seconds since 1970.
    pub time: u64,
    /// What is not as it was left.
    pub faults: Vec<Fault>,
}

/// One thing that is not as it was left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// What is the matter.
    pub kind: FaultKind,
    /// With what: a path, the name of a user, or the words about a unit.
    pub what: String,
}

/// What is the matter with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// A file or folder is gone.
    Missing,
    /// A file is gone of which there is no copy.
    Lost,
    /// A file is not what was put there.
    Changed,
    /// Others than Slurm may read a file, or Slurm may not.
    Rights,
    /// A unit will not start at the next boot, or does not run.
    Unit,
    /// There is no such user.
    User,
    /// A setting of Slurm is gone.
    Setting,
    /// ParallelCluster's daemon that starts and stops nodes does not.
    Fleet,
}

impl Fault {
    /// Returns what is the matter, for people.
    pub fn words(&self) -> String {
        let what = &self.what;
        match self.kind {
            FaultKind::Missing => format!("`{what}` is missing"),
            FaultKind::Lost => format!("`{what}` is missing, and there is no copy"),
            FaultKind::Changed => format!("`{what}` was changed"),
            FaultKind::Rights => format!("`{what}` has other rights than it should"),
            FaultKind::Unit => what.clone(),
            FaultKind::User => format!("there is no user `{what}`"),
            FaultKind::Setting => format!("`{what}` is not in Slurm's configuration"),
            FaultKind::Fleet => {
                format!("clustermgtd, which starts and stops compute nodes, {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_head_node_are_read() {
        let words = r#"{"time":1700000000,"faults":[{"kind":"unit","what":"munge is disabled"},
            {"kind":"changed","what":"/etc/hpcapi/nginx.conf"}]}"#;
        let drift: Drift = serde_json::from_str(words).unwrap();
        assert_eq!(drift.time, 1_700_000_000);
        let words: Vec<_> = drift.faults.iter().map(Fault::words).collect();
        assert_eq!(
            words,
            ["munge is disabled", "`/etc/hpcapi/nginx.conf` was changed"]
        );
    }
}
