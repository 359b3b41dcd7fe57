//! The number of a job as users type it.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

/// A job, a whole array (`12`) or one task of an array (`12_3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// The number of the job or of the array.
    pub job: u64,
    /// The index in the array.
    pub task: Option<u64>,
}

impl From<u64> for JobId {
    fn from(job: u64) -> JobId {
        JobId { job, task: None }
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|_| is_plain).map(u64::from)
        };
        let (job, task) = match text.split_once('_') {
            Some((job, task)) => (number(job), number(task).map(Some)),
            None => (number(text), Some(None)),
        };
        match (job.filter(|job| *job > 0), task) {
            (Some(job), Some(task)) => Ok(JobId { job, task }),
            _ => Err(Error::usage(format!("`{text}` is no job id")).hint(
                Hint::run(Verb::JobsList)
                    .because("a number as in 12, or 12_3 for a task of an array"),
            )),
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "{}_{task}", self.job),
            None => write!(f, "{}", self.job),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_job_or_a_task() {
        for good in ["12", "12_3", "4294967295"] {
            assert_eq!(good.parse::<JobId>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "1.5",
            "12_",
            "_3",
            "1_2_3",
            "x",
            "12_[1-3]",
            "99999999999",
        ] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
    }
}
