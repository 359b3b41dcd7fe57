//! What `pcluster` did not carry out: its summary, what its validators found, and what helps.

use crate::error::Error;

use super::config::DocumentPath;

/// One finding of ParallelCluster's validators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `ERROR`, `WARNING` or `INFO`.
    pub level: String,
    /// The validator, e.g. `KeyPairValidator`.
    pub validator: String,
    /// The place in the configuration, when the finding names one.
    pub path: Option<DocumentPath>,
    /// What is wrong, in ParallelCluster's words.
    pub message: String,
}

impl Problem {
    /// Returns whether it keeps the cluster from being made.
    pub fn is_error(&self) -> bool {
        self.level == "ERROR"
    }
}

/// Something that keeps a cluster from being changed, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The place of the change: `Scheduling.SlurmQueues[queue1].ComputeResources[small].MaxCount`.
    pub path: String,
    /// What is in the way, and what would help, in ParallelCluster's words.
    pub message: String,
}

/// A request that `pcluster` did not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The summary, in its own words.
    pub message: String,
    /// What its validators found.
    pub problems: Vec<Problem>,
    /// What keeps the cluster from being changed.
    pub obstacles: Vec<Obstacle>,
    /// Whether it is no answer at all: `pcluster` itself is broken.
    pub is_breakdown: bool,
}

impl Refusal {
    /// Returns the refusal without what only `is_ours` explains; `None` when no error is left.
    #[must_use]
    pub fn without(mut self, is_ours: impl Fn(&str) -> bool) -> Option<Refusal> {
        let had_problems = !self.problems.is_empty();
        self.problems.retain(|problem| !is_ours(&problem.message));
        let stands = if had_problems {
            self.problems.iter().any(Problem::is_error)
        } else {
            !is_ours(&self.message)
        };
        stands.then_some(self)
    }

    /// Returns whether the cluster that was asked about does not exist.
    pub fn says_absent(&self) -> bool {
        self.message.starts_with("Cluster '") && self.message.contains("' does not exist")
    }

    /// Returns the first finding of a validator that AWS told nothing, for the caller's credentials
    /// or the way to AWS, and what helps: nothing is known of the configuration then.
    pub fn unanswered(&self) -> Option<(&Problem, &'static str)> {
        let mut errors = self.problems.iter().filter(|problem| problem.is_error());
        errors.find_map(|problem| {
            let mut known = UNANSWERED.iter();
            let (_, hint) = known.find(|(words, _)| problem.message.contains(words))?;
            Some((problem, *hint))
        })
    }

    /// Returns what to do about a refusal that is not about the configuration.
    pub(super) fn hint(&self) -> Option<&'static str> {
        UNANSWERED
            .iter()
            .chain(HINTS)
            .find(|(words, _)| self.message.contains(words))
            .map(|(_, hint)| *hint)
    }
}

/// Words of AWS, or of its SDK, that a validator hands on when it was told nothing, and what helps.
const UNANSWERED: &[(&str, &str)] = &[
    ("Request has expired", SIGN_IN),
    ("security token included in the request is expired", SIGN_IN),
    ("security token included in the request is invalid", SIGN_IN),
    (
        "Unable to locate credentials",
        "sign in to AWS, or choose a profile: --profile NAME",
    ),
    (
        "Could not connect to the endpoint URL",
        "see whether AWS can be reached from here, and what AWS_ENDPOINT_URL says",
    ),
];

const SIGN_IN: &str = "sign in to AWS again, then type the same command";

/// Words of other refusals, and what helps.
const HINTS: &[(&str, &str)] = &[
    ("expired", SIGN_IN),
    (
        "region is set in both parameter and configuration",
        "give --region the Region of the configuration",
    ),
    ("region needs to be set", "choose a region: --region NAME"),
    (
        "unsupported region",
        "choose a region that ParallelCluster works in: --region NAME",
    ),
    ("already exists", "choose another name: --deployment NAME"),
];

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        let hint = refusal.hint();
        let findings = refusal.problems.iter().map(|it| it.message.as_str());
        let obstacles = refusal.obstacles.iter();
        let obstacles = obstacles.map(|it| format!("{}: {}", it.path, it.message));
        let words: Vec<_> = std::iter::once(refusal.message.trim().to_owned())
            .chain(findings.map(ToOwned::to_owned))
            .chain(obstacles)
            .collect();
        let what = match refusal.is_breakdown {
            true => "pcluster does not work",
            false => "pcluster refuses",
        };
        let error = Error::failed(what).because(words.join("\n"));
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::dry_run;
    use super::*;

    #[test]
    fn what_only_placeholders_explain_is_left_out() {
        let answer = br#"{"configurationValidationErrors": [
            {"level": "ERROR", "type": "KeyPairValidator", "message": "The keypair '{'ours'}' does not exist."},
            {"level": "WARNING", "type": "X", "message": "y"}], "message": "Invalid cluster configuration."}"#;
        let refusal = dry_run(Some(1), answer, b"").unwrap_err();
        assert!(
            refusal
                .clone()
                .without(|text| text.contains("theirs"))
                .is_some()
        );
        assert!(refusal.without(|text| text.contains("ours")).is_none());
    }
    #[test]
    fn what_aws_did_not_answer_has_one_advice_wherever_it_is_said() {
        let missing = "Unable to locate credentials";
        let refusal = Refusal {
            message: missing.to_owned(),
            problems: vec![Problem {
                level: "ERROR".to_owned(),
                validator: "X".to_owned(),
                path: None,
                message: missing.to_owned(),
            }],
            obstacles: Vec::new(),
            is_breakdown: false,
        };
        let (_, hint) = refusal.unanswered().unwrap();
        assert_eq!(refusal.hint(), Some(hint));
        assert!(hint.contains("--profile NAME"), "{hint}");
    }
}
