//! What a person is told of jobs that were submitted: scripts read their numbers alone.

use crate::output::plain;
use crate::slurm::jobs::Submitted;

/// A job that Slurm took.
#[derive(Debug)]
pub(super) struct Taken {
    id: u64,
    name: String,
    is_array: bool,
    /// The partition that it named.
    partition: Option<String>,
}

impl Taken {
    pub(super) fn new(submitted: &Submitted, partition: Option<String>) -> Taken {
        Taken {
            id: submitted.id,
            name: submitted.name.clone(),
            is_array: submitted.array.is_some(),
            partition,
        }
    }
}

/// Returns what was submitted, and how to see what becomes of it. Logs are read on the head node of a
/// deployment, and those of an array task by task. `command` spells a command for the same Slurm.
pub(super) fn remark(
    jobs: &[Taken],
    has_logs: bool,
    command: impl Fn(&str) -> String,
) -> Option<String> {
    let job = match jobs {
        [] => return None,
        [job] => job,
        several => {
            let count = several.len();
            let list = command("jobs list");
            return Some(format!("submitted {count} jobs; see them: {list}"));
        }
    };
    let (id, name) = (job.id, plain(&job.name));
    let place = job
        .partition
        .as_deref()
        .map(|partition| format!(" to {}", plain(partition)));
    let next = match has_logs && !job.is_array {
        true => format!("follow it: {}", command(&format!("jobs logs -f {id}"))),
        false => format!("wait for it: {}", command(&format!("jobs wait {id}"))),
    };
    Some(format!(
        "submitted job {id} ({name}){}; {next}",
        place.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(id: u64, partition: Option<&str>) -> Taken {
        Taken {
            id,
            name: "hello\u{1b}".to_owned(),
            is_array: false,
            partition: partition.map(ToOwned::to_owned),
        }
    }

    fn told(jobs: &[Taken], has_logs: bool) -> Option<String> {
        remark(jobs, has_logs, |verb| format!("hpcapi {verb} --sandbox"))
    }

    #[test]
    fn one_job_is_named_with_what_follows_it() {
        assert_eq!(
            told(&[taken(7, Some("queue1"))], true).unwrap(),
            "submitted job 7 (hello\u{fffd}) to queue1; follow it: hpcapi jobs logs -f 7 --sandbox"
        );
        assert_eq!(
            told(&[taken(7, None)], false).unwrap(),
            "submitted job 7 (hello\u{fffd}); wait for it: hpcapi jobs wait 7 --sandbox"
        );
    }

    #[test]
    fn an_array_has_no_one_log() {
        let array = Taken {
            is_array: true,
            ..taken(8, None)
        };
        let words = told(&[array], true).unwrap();
        assert!(
            words.ends_with("; wait for it: hpcapi jobs wait 8 --sandbox"),
            "{words}"
        );
    }

    #[test]
    fn several_jobs_are_counted() {
        assert_eq!(told(&[], true), None);
        assert_eq!(
            told(&[taken(1, None), taken(2, None)], true).unwrap(),
            "submitted 2 jobs; see them: hpcapi jobs list --sandbox"
        );
    }
}
