//! Slurm's reasons in words: why a job waits, and what it ended with. One home for all that tells
//! of them: `jobs show`, `jobs wait`, `jobs logs` and `jobs explain`.

mod limits;
mod table;

use super::Job;

/// What slurmstepd ends a job with whose files it cannot open.
pub(super) const UNOPENED: u8 = 53;

/// The reason of a job that waits for another one to end as it did not.
const NEVER_MET: &str = "DependencyNeverSatisfied";

/// What ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Time, or other jobs: nobody has to do anything.
    Later,
    /// A change of the job, of the partition or of a limit.
    Change,
    /// Somebody who releases the job.
    Release,
    /// Nothing but a change of the job or of the cluster's configuration: Slurm itself does not try again.
    Never,
    /// It is over: this is why the job ended.
    Over,
}

/// A reason of Slurm's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// As Slurm names it, e.g. `Priority`.
    pub(super) name: &'static str,
    /// What ends it.
    pub(super) until: Until,
    /// What it means, as a clause.
    pub(super) words: String,
    /// What its user can change; empty where there is nothing.
    pub(super) change: String,
}

/// Returns the reason that a server's words begin with, e.g. of `RaisedSignal:9(Killed)`; `None` when
/// it is none of Slurm's from 21.08 to 26.05 (but for those of BlueGene).
pub(super) fn find(words: &str) -> Option<Reason> {
    let end = words.find(|c: char| !c.is_ascii_alphanumeric());
    let name = &words[..end.unwrap_or(words.len())];
    table::find(name).or_else(|| limits::find(name))
}

/// Returns whether a job with this reason waits for what does not come.
pub(super) fn is_for_good(words: &str) -> bool {
    find(words).is_some_and(|reason| reason.until == Until::Never)
}

/// Returns what went wrong with a job, in words, where Slurm has only a sign for it.
pub(super) fn trouble(job: &Job) -> Option<String> {
    if job.never_starts() {
        let reason = job.reason.as_deref().unwrap_or_default();
        let awaited = job.dependency.as_deref().filter(|_| reason == NEVER_MET);
        let awaited = awaited.map(|awaited| format!(" (it waits for {awaited})"));
        let awaited = awaited.unwrap_or_default();
        return Some(format!("it can never start: {reason}{awaited}"));
    }
    if job.state.as_str() != "FAILED" || job.signal != Some(UNOPENED) {
        return None;
    }
    let mut files: Vec<String> = [&job.stdout, &job.stderr]
        .into_iter()
        .flatten()
        .map(|file| format!("`{file}`"))
        .collect();
    files.dedup();
    let files = match files.is_empty() {
        true => "its output file".to_owned(),
        false => files.join(" or "),
    };
    Some(format!(
        "Slurm could not open {files}: it tells that by signal {UNOPENED}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in `src/common/job_state_reason.c` of Slurm 26.05, and those that 22.05 has beside them (but for those of BlueGene).
    const NAMES: &str = include_str!("names.txt");

    #[test]
    fn every_reason_of_slurm_has_words() {
        let names: Vec<&str> = NAMES.lines().collect();
        assert!(names.len() > 215);
        for name in names.iter().filter(|name| **name != "None") {
            let reason = find(name).unwrap_or_else(|| panic!("{name} has no words"));
            assert_eq!(reason.name, *name);
            assert!(!reason.words.is_empty(), "{name}");
            let needs_change = matches!(reason.until, Until::Change | Until::Never);
            assert!(!needs_change || !reason.change.is_empty(), "{name}");
        }
    }

    #[test]
    fn no_reason_has_words_twice_and_none_is_made_up() {
        let mut names: Vec<&str> = table::names().chain(limits::names()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let known: Vec<&str> = NAMES.lines().collect();
        for name in names {
            assert!(known.contains(&name), "{name} is not a reason of Slurm's");
        }
    }

    #[test]
    fn a_reason_is_found_by_what_its_text_begins_with() {
        let name = |words: &str| find(words).map(|reason| reason.name);
        assert_eq!(name("RaisedSignal:9(Killed)"), Some("RaisedSignal"));
        assert_eq!(
            name("ReqNodeNotAvail, UnavailableNodes:n1"),
            Some("ReqNodeNotAvail")
        );
        assert_eq!(name("launch failed requeued held"), None);
        assert_eq!(name("Prioritys"), None);
        assert_eq!(name(""), None);
    }

    #[test]
    fn what_a_wait_gives_up_on_is_what_never_starts() {
        let never: Vec<&str> = NAMES.lines().filter(|name| is_for_good(name)).collect();
        let documented = [
            "AccountNotAllowed",
            "BadConstraints",
            "DependencyNeverSatisfied",
            "InvalidAccount",
            "InvalidQOS",
            "PartitionTimeLimit",
            "QOSNotAllowed",
        ];
        assert_eq!(never, documented);
    }
}
