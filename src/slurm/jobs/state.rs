//! States of a job: one word as `squeue` shows it, whatever the server sends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};

/// The states that Slurm shows instead of the one below them, the first of them first
/// (job_state_string in Slurm's source).
const SHOWN_FIRST: [&str; 12] = [
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RESV_DEL_HOLD",
    "SIGNALING",
];

/// Every state, with the short form that Slurm's commands take.
const STATES: [(&str, &str); 24] = [
    ("PENDING", "PD"),
    ("RUNNING", "R"),
    ("SUSPENDED", "S"),
    ("COMPLETED", "CD"),
    ("CANCELLED", "CA"),
    ("FAILED", "F"),
    ("TIMEOUT", "TO"),
    ("NODE_FAIL", "NF"),
    ("PREEMPTED", "PR"),
    ("BOOT_FAIL", "BF"),
    ("DEADLINE", "DL"),
    ("OUT_OF_MEMORY", "OOM"),
    ("COMPLETING", "CG"),
    ("STAGE_OUT", "SO"),
    ("CONFIGURING", "CF"),
    ("RESIZING", "RS"),
    ("REQUEUED", "RQ"),
    ("REQUEUE_FED", "RF"),
    ("REQUEUE_HOLD", "RH"),
    ("SPECIAL_EXIT", "SE"),
    ("STOPPED", "ST"),
    ("REVOKED", "RV"),
    ("RESV_DEL_HOLD", "RD"),
    ("SIGNALING", "SI"),
];

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State(String);

impl State {
    /// Returns the state that words of a server's mean: the base state and its flags, or the
    /// one word of old versions.
    pub fn of(words: &[String]) -> State {
        let words = words.iter().filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(|word| word.to_uppercase()).collect();
        let shown = SHOWN_FIRST
            .iter()
            .find(|shown| words.iter().any(|word| word == *shown))
            .map(|shown| (*shown).to_owned());
        State(
            shown
                .or_else(|| words.into_iter().next())
                .unwrap_or_else(|| "UNKNOWN".to_owned()),
        )
    }

    /// Returns the names of all states.
    pub fn names() -> impl Iterator<Item = &'static str> {
        STATES.iter().map(|(name, _)| *name)
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the word in short, as `squeue` shows it.
    pub fn short(&self) -> &str {
        let mut known = STATES.iter().filter(|(name, _)| *name == self.0);
        known.next().map_or("??", |(_, short)| short)
    }

    /// Returns whether the job will not change any more.
    pub fn has_ended(&self) -> bool {
        matches!(
            self.as_str(),
            "COMPLETED"
                | "CANCELLED"
                | "FAILED"
                | "TIMEOUT"
                | "NODE_FAIL"
                | "PREEMPTED"
                | "BOOT_FAIL"
                | "DEADLINE"
                | "OUT_OF_MEMORY"
                | "REVOKED"
        )
    }

    /// Returns whether the job's script has ended, and what belongs to it has not.
    pub fn is_ending(&self) -> bool {
        self.as_str() == "COMPLETING"
    }

    /// Returns whether the job runs or ran.
    pub fn has_started(&self) -> bool {
        !matches!(
            self.as_str(),
            "PENDING"
                | "REQUEUED"
                | "REQUEUE_FED"
                | "REQUEUE_HOLD"
                | "RESV_DEL_HOLD"
                | "SPECIAL_EXIT"
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let word = text.to_uppercase();
        STATES
            .iter()
            .find(|(name, short)| *name == word || *short == word)
            .map(|(name, _)| State((*name).to_owned()))
            .ok_or_else(|| {
                let names = STATES.map(|(name, _)| name).join(", ");
                Error::usage(format!("`{text}` is no job state; there are {names}"))
                    .hint("for example: --state PENDING,RUNNING, or short: --state PD,R")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        State::of(&words).to_string()
    }

    #[test]
    fn old_and_new_servers_mean_the_same_word() {
        assert_eq!(state(&["RUNNING", "CONFIGURING"]), state(&["CONFIGURING"]));
        assert_eq!(state(&["COMPLETED", "COMPLETING"]), "COMPLETING");
        assert_eq!(state(&["COMPLETED"]), "COMPLETED");
        assert_eq!(state(&[]), "UNKNOWN");
    }

    #[test]
    fn a_state_can_be_typed_in_short() {
        assert_eq!("pd".parse::<State>().unwrap().as_str(), "PENDING");
        assert_eq!("Timeout".parse::<State>().unwrap().as_str(), "TIMEOUT");
        assert!("x".parse::<State>().is_err());
    }
}
