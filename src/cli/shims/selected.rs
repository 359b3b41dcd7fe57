//! Which jobs and which of their steps `sacct --jobs` means.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::slurm::jobs::{Job, JobId, Step};

/// A job, an array or a task of one, whole or no more of it than some steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) id: JobId,
    /// What stands behind the point of the steps that are meant, e.g. `0`, `batch`; without one the
    /// job is meant.
    steps: Vec<String>,
}

/// A job, and how much of it is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) job: Job,
    /// Whether it has a line of its own beside its steps.
    pub(super) is_whole: bool,
}

impl Selected {
    /// Reads what `--jobs` names; each job is in it once.
    pub(super) fn all(named: &[String]) -> Result<Vec<Selected>> {
        let mut all: Vec<Selected> = Vec::new();
        for name in named {
            let one: Selected = name.parse()?;
            match all.iter_mut().find(|known| known.id == one.id) {
                Some(known) if known.steps.is_empty() || one.steps.is_empty() => {
                    known.steps.clear();
                }
                Some(known) => known.steps.extend(one.steps),
                None => all.push(one),
            }
        }
        Ok(all)
    }

    /// Returns what of a job is told.
    pub(super) fn told(&self, mut job: Job) -> Told {
        let is_whole = self.steps.is_empty();
        let is_meant = |step: &Step| {
            let name = step.id.rsplit('.').next();
            self.steps.iter().any(|one| Some(one.as_str()) == name)
        };
        job.steps.retain(|step| is_whole || is_meant(step));
        Told { job, is_whole }
    }
}

impl FromStr for Selected {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((job, step)) = text.split_once('.') else {
            let steps = Vec::new();
            return Ok(Selected {
                id: text.parse()?,
                steps,
            });
        };
        let is_number = step.parse::<u32>().is_ok();
        if !is_number && !["batch", "extern", "interactive"].contains(&step) {
            return Err(Error::usage(format!("`{text}` is no step of a job"))
                .hint("as in 12.0 or 12.batch"));
        }
        Ok(Selected {
            id: job.parse()?,
            steps: vec![step.to_owned()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(named: &[&str]) -> Vec<(String, Vec<String>)> {
        let named: Vec<String> = named.iter().map(ToString::to_string).collect();
        let all = Selected::all(&named).unwrap().into_iter();
        all.map(|one| (one.id.to_string(), one.steps)).collect()
    }

    #[test]
    fn steps_of_a_job_are_one_selection_and_the_job_itself_is_all_of_it() {
        let steps = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            all(&["12.0", "12.batch", "13_4.1"]),
            [
                ("12".to_owned(), steps(&["0", "batch"])),
                ("13_4".to_owned(), steps(&["1"]))
            ]
        );
        for named in [["12", "12.0"], ["12.0", "12"]] {
            assert_eq!(all(&named), [("12".to_owned(), steps(&[]))]);
        }
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for bad in ["12.", "12.x", "12.-1", "x.0", "12.0.0"] {
            assert!(bad.parse::<Selected>().is_err(), "{bad}");
        }
    }
}
