//! The jobs that a job waits for, as Slurm writes its dependency:
//! `afterok:5(unfulfilled),afterany:6_*(unfulfilled)`.

use crate::slurm::jobs::{Job, JobId};

use super::Awaited;

/// One condition of a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// What has to be, e.g. `afterok`.
    kind: String,
    /// Of which job; `singleton` names none.
    pub(super) job: Option<JobId>,
    /// Whether Slurm says that it cannot be met any more.
    pub(super) is_failed: bool,
}

/// Returns the conditions of a dependency that are not met yet.
pub(super) fn conditions(dependency: &str) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for one in dependency.split([',', '?']).filter(|one| !one.is_empty()) {
        let (one, state) = one.split_once('(').unwrap_or((one, ""));
        let is_failed = state.starts_with("failed");
        let mut parts = one.split(':');
        let kind = parts.next().unwrap_or_default().to_owned();
        let mut jobs: Vec<Option<JobId>> = parts.map(number).collect();
        if jobs.is_empty() {
            jobs.push(None);
        }
        conditions.extend(jobs.into_iter().map(|job| Condition {
            kind: kind.clone(),
            job,
            is_failed,
        }));
    }
    conditions
}

/// Reads the number of a job: `5`, `5_3`, `5_*`, `5+10`.
fn number(text: &str) -> Option<JobId> {
    let text = text.split('+').next().unwrap_or_default();
    text.strip_suffix("_*").unwrap_or(text).parse().ok()
}

impl Condition {
    /// Returns it as what is waited for. `jobs` is what is known of its job; `None` when nobody looked.
    pub(super) fn awaited(&self, jobs: Option<&[Job]>) -> Awaited {
        let Some(id) = self.job else {
            let text = match self.kind.as_str() {
                "singleton" => "no other job of its name and its user may run",
                kind => kind,
            };
            return Awaited {
                kind: "jobs",
                name: None,
                state: None,
                text: text.to_owned(),
            };
        };
        let state = states(jobs.unwrap_or_default());
        let is = match (&state, jobs) {
            (Some(state), _) => format!("job {id} is {state}"),
            (None, Some(_)) => format!("job {id} is not known to Slurm any more"),
            (None, None) => format!("job {id} was not looked at"),
        };
        let must = match self.kind.as_str() {
            "after" => "has to start".to_owned(),
            "afterany" => "has to end, well or not".to_owned(),
            "afterok" => "has to complete with exit code 0".to_owned(),
            "afternotok" => "has to end otherwise than well".to_owned(),
            "aftercorr" => "has to complete the task of the same index".to_owned(),
            "afterburstbuffer" => "has to end, and its burst buffer to be written".to_owned(),
            kind => format!("is named by `{kind}`"),
        };
        let failed = if self.is_failed {
            ", which cannot be any more"
        } else {
            ""
        };
        Awaited {
            kind: "job",
            name: Some(id.to_string()),
            state,
            text: format!("{is}: it {must}{failed}"),
        }
    }
}

/// Returns the state of a job, or how many tasks of an array are in which.
fn states(jobs: &[Job]) -> Option<String> {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for job in jobs {
        let state = job.state.as_str();
        let tasks = job.stands_for();
        match counts.iter_mut().find(|(other, _)| *other == state) {
            Some((_, count)) => *count += tasks,
            None => counts.push((state, tasks)),
        }
    }
    match counts.as_slice() {
        [] => None,
        [(state, _)] => Some((*state).to_owned()),
        several => {
            let several = several
                .iter()
                .map(|(state, count)| format!("{count} {state}"));
            Some(several.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_read_as_slurm_writes_it() {
        let read = |text: &str| -> Vec<(String, Option<String>, bool)> {
            let conditions = conditions(text).into_iter();
            conditions
                .map(|it| (it.kind, it.job.map(|job| job.to_string()), it.is_failed))
                .collect()
        };
        let one = |kind: &str, job: Option<&str>, is_failed| {
            (kind.to_owned(), job.map(ToOwned::to_owned), is_failed)
        };
        assert_eq!(
            read("afterok:5(unfulfilled),afterany:6_*(failed)?after:7+10(unfulfilled)"),
            [
                one("afterok", Some("5"), false),
                one("afterany", Some("6"), true),
                one("after", Some("7"), false)
            ]
        );
        assert_eq!(
            read("afterok:5:6_3"),
            [
                one("afterok", Some("5"), false),
                one("afterok", Some("6_3"), false)
            ]
        );
        assert_eq!(
            read("singleton(unfulfilled)"),
            [one("singleton", None, false)]
        );
        assert_eq!(read(""), []);
    }
}
