//! What slurmrestd says in `errors[]` and `warnings[]`, which it calls differently in every
//! API version.

use std::fmt;

use serde::Deserialize;

use crate::hint::{Hint, Verb};
use crate::slurm::shape::{self, Number, Text};

use super::refusal::excerpt;

/// Slurm's own errors begin here. Those below are the system's, and those of its messages.
const FIRST_OWN: i64 = 2000;

/// Errors of the messages between Slurm's parts: nothing came, or came to its end.
const OF_MESSAGES: [std::ops::Range<i64>; 2] = [1000..2000, 5000..6000];

/// The system's errors of a connection: EPIPE, ENETDOWN to ECONNRESET, ESHUTDOWN to EHOSTUNREACH.
const OF_CONNECTIONS: [std::ops::RangeInclusive<i64>; 3] = [32..=32, 100..=104, 108..=113];

/// SLURM_PROTOCOL_AUTHENTICATION_ERROR.
const BAD_TOKEN: i64 = 1007;

/// ESLURM_REST_EMPTY_RESULT.
const NOTHING_FOUND: i64 = 9003;

/// One error or warning of Slurm's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    #[serde(alias = "errno", alias = "error_code")]
    error_number: Number,
    description: Text,
    error: Text,
    source: Text,
}

impl Problem {
    /// Returns Slurm's number of the error; without one there is none, or it is not known.
    pub fn number(&self) -> Option<i64> {
        self.error_number.value().filter(|number| *number != 0)
    }

    /// Returns Slurm's words.
    pub fn words(&self) -> String {
        let (description, error) = (
            excerpt(self.description.as_str()),
            excerpt(self.error.as_str()),
        );
        match (description.as_str(), error.as_str()) {
            ("", "") => "no reason given".to_owned(),
            ("", error) => error.to_owned(),
            (description, "") => description.to_owned(),
            (description, error) if description == error => error.to_owned(),
            (description, error) => format!("{error}: {description}"),
        }
    }

    /// Returns who in Slurm said it.
    pub fn source(&self) -> &str {
        self.source.as_str()
    }

    /// Returns whether Slurm refuses the token, or the lack of one.
    pub fn is_about_the_token(&self) -> bool {
        self.number() == Some(BAD_TOKEN)
    }

    /// Returns whether it only says that a list is empty, as Slurm 22.05 does of accounting.
    pub fn is_about_nothing_found(&self) -> bool {
        self.number() == Some(NOTHING_FOUND)
    }

    /// Returns whether Slurm has judged the request and does not do it: any other error may come
    /// after it was done.
    pub fn is_refusal(&self) -> bool {
        self.number()
            .is_some_and(|number| number >= FIRST_OWN && !is_of_messages(number))
    }

    /// Returns whether slurmctld did not answer slurmrestd.
    pub fn is_without_controller(&self) -> bool {
        let by_number = self.number().is_some_and(|number| {
            let is_of_connections = OF_CONNECTIONS.iter().any(|some| some.contains(&number));
            is_of_connections || (is_of_messages(number) && number != BAD_TOKEN)
        });
        by_number || self.words().contains("contact slurm controller")
    }

    /// Returns what to do about it, as far as that is known.
    pub fn hint(&self) -> Option<Hint> {
        Some(match self.number()? {
            2000 => Hint::run(Verb::Partitions).because("see which partitions there are"),
            2002 | 2010 => {
                Hint::from("only the job's own user and root may do that: whose is it? ")
                    .then_run(Verb::JobsShow.with("ID"))
            }
            2017 => Hint::run(Verb::JobsList)
                .because("Slurm forgets a job 5 minutes after its end (MinJobAge); those it knows"),
            2014..=2016 => Hint::run(Verb::Nodes).because("see what the nodes have"),
            2021 => Hint::run(Verb::JobsShow.with("ID")).because("the job has ended already"),
            2025 | 2026 | 6010 => Hint::run(Verb::Token.with("--user NAME"))
                .because("Slurm does not know the token's user"),
            7000 => "slurmdbd's own log says more: /var/log/slurmdbd.log on the head node".into(),
            2063 => "name the job's folder on the cluster: --chdir /home/ec2-user".into(),
            _ => return None,
        })
    }
}

fn is_of_messages(number: i64) -> bool {
    OF_MESSAGES.iter().any(|some| some.contains(&number))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{} (Slurm error {number})", self.words()),
            None => f.write_str(&self.words()),
        }
    }
}

/// The part of an answer that says what went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problems {
    /// What went wrong.
    #[serde(deserialize_with = "crate::slurm::shape::list")]
    pub errors: Vec<Problem>,
    /// What may surprise.
    #[serde(deserialize_with = "crate::slurm::shape::list")]
    pub warnings: Vec<Problem>,
}

impl Problems {
    /// Reads an answer; what is no JSON of slurmrestd's has no problems.
    pub fn of(body: &[u8]) -> Problems {
        Problems::read(body).unwrap_or_default()
    }

    /// Reads an answer; `None` when it is no JSON of slurmrestd's.
    pub fn read(body: &[u8]) -> Option<Problems> {
        shape::read(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_s_words_and_numbers_are_read() {
        let problems = Problems::of(
            br#"{"errors":[{"error":"Invalid job id specified","errno":2017},
                {"error":"x","error_code":5},
                {"description":"Why","error_number":2000,"error":"What","source":"s"},
                {"error_number":{"set":true,"number":1800},"description":"y"}]}"#,
        );
        let shown: Vec<_> = problems.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "Invalid job id specified (Slurm error 2017)",
                "x (Slurm error 5)",
                "What: Why (Slurm error 2000)",
                "y (Slurm error 1800)"
            ]
        );
        assert!(problems.errors[3].is_without_controller());
        assert_eq!(Problems::of(b"<html>"), Problems::default());
        assert_eq!(Problems::of(br#"{"errors":null}"#), Problems::default());
    }
}
