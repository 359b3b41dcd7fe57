//! What has become of an object that a trigger took.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::slurm::time;

/// An object that came into the bucket, as a trigger took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its name: digits that follow from bucket, key and version.
    pub event: String,
    /// The run that is made of it.
    pub run: String,
    /// The object's key.
    pub key: String,
    /// The version of the object; there is none in a bucket that keeps none.
    pub version: Option<String>,
    /// How long it is, in bytes.
    #[serde(default)]
    pub size: u64,
    /// When it came.
    #[serde(with = "time", default)]
    pub time: Option<u64>,
}

/// An event, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// What has become of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What has become of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Outcome {
    /// It is on its way: the head node or Slurm may not answer for now, and are asked again for 14
    /// days.
    Waiting,
    /// It is a job.
    Submitted {
        /// The job's number.
        job_id: u64,
    },
    /// It will be none, unless it is tried again.
    Refused {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    pub(super) fn of(submitted: Option<&Submitted>, refused: Option<&Refused>) -> Outcome {
        match (submitted, refused) {
            (Some(Submitted { job_id }), _) => Outcome::Submitted { job_id: *job_id },
            (None, Some(Refused { reason })) => Outcome::Refused {
                reason: reason.clone(),
            },
            (None, None) => Outcome::Waiting,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Submitted {
    pub(super) job_id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) reason: String,
}

/// Returns the name of the event that an object's version is.
pub(super) fn name_of(bucket: &str, key: &str, version: &str) -> String {
    let digest = Sha256::digest(format!("{bucket}\0{key}\0{version}"));
    let bytes = digest.iter().take(16);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Fails unless a text may be the name of an event.
pub(super) fn require_name(text: &str) -> Result<()> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match text.len() == 32 && text.chars().all(is_digit) {
        true => Ok(()),
        false => Err(Error::failed(format!("`{text}` names no event"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The function reckons it, too.
    #[test]
    fn an_event_has_the_name_that_the_function_gives_it() {
        assert_eq!(
            name_of("bucket", "inbox/ä b", "v1"),
            "0565fcee3079172555199bf979c28690"
        );
    }
}
