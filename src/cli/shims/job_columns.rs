//! What `squeue` shows of a job, by letters and by names.

use std::cmp::Reverse;

use crate::error::Result;
use crate::slurm::jobs::{Job, State};
use crate::slurm::time;

use super::layout::{Column, unknown};
use super::values::{clock, moment, number, text};

const fn column(
    letter: Option<char>,
    names: &'static [&'static str],
    heading: &'static str,
    show: fn(&Job) -> String,
) -> Column<Job> {
    Column {
        letter,
        names,
        heading,
        show,
    }
}

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column<Job>] = &[
    column(Some('a'), &["account"], "ACCOUNT", |job| text(&job.account, "(null)")),
    column(Some('A'), &["jobid"], "JOBID", |job| job.id.to_string()),
    column(Some('B'), &["batchhost"], "EXEC_HOST", |job| text(&job.batch_host, "n/a")),
    column(Some('C'), &["numcpus"], "CPUS", |job| number(job.cpus, "0")),
    column(Some('D'), &["numnodes"], "NODES", |job| number(job.node_count, "0")),
    column(Some('e'), &["endtime"], "END_TIME", |job| moment(job.end_time, "N/A")),
    column(Some('E'), &["dependency"], "DEPENDENCY", |job| text(&job.dependency, "(null)")),
    column(Some('f'), &["feature"], "FEATURES", |job| text(&job.constraints, "(null)")),
    column(Some('F'), &["arrayjobid"], "ARRAY_JOB_ID", |job| job.array_job_id.unwrap_or(job.id).to_string()),
    column(Some('g'), &["groupname"], "GROUP", |job| text(&job.group, "(null)")),
    column(Some('i'), &["jobarrayid"], "JOBID", Job::shown_id),
    column(Some('j'), &["name"], "NAME", |job| text(&job.name, "(null)")),
    column(Some('k'), &["comment"], "COMMENT", |job| text(&job.comment, "(null)")),
    column(Some('K'), &["arraytaskid"], "ARRAY_TASK_ID", task),
    column(Some('l'), &["timelimit"], "TIME_LIMIT", |job| job.time_limit_seconds.map_or_else(|| "UNLIMITED".to_owned(), clock)),
    column(Some('L'), &["timeleft"], "TIME_LEFT", left),
    column(Some('m'), &["minmemory"], "MIN_MEMORY", memory),
    column(Some('M'), &["timeused"], "TIME", |job| clock(job.elapsed(time::now()).unwrap_or(0))),
    column(Some('N'), &["nodelist"], "NODELIST", |job| text(&job.nodes, "")),
    column(Some('o'), &["command"], "COMMAND", |job| text(&job.command, "(null)")),
    column(Some('P'), &["partition"], "PARTITION", |job| text(&job.partition, "(null)")),
    column(Some('q'), &["qos"], "QOS", |job| text(&job.qos, "(null)")),
    column(Some('Q'), &["prioritylong"], "PRIORITY", |job| number(job.priority, "0")),
    column(Some('r'), &["reason"], "REASON", |job| text(&job.reason, "None")),
    column(Some('R'), &["reasonlist"], "NODELIST(REASON)", place),
    column(Some('S'), &["starttime"], "START_TIME", |job| moment(job.start_time, "N/A")),
    column(Some('t'), &["statecompact"], "ST", |job| job.state.short().to_owned()),
    column(Some('T'), &["state"], "STATE", |job| job.state.to_string()),
    column(Some('u'), &["username"], "USER", |job| text(&job.user, "unknown")),
    column(Some('U'), &["userid"], "UID", |job| number(job.user_id, "unknown")),
    column(Some('V'), &["submittime"], "SUBMIT_TIME", |job| moment(job.submit_time, "N/A")),
    column(Some('Z'), &["workdir"], "WORK_DIR", |job| text(&job.directory, "(null)")),
    column(None, &["numtasks"], "TASKS", |job| number(job.tasks, "0")),
    column(None, &["eligibletime"], "ELIGIBLE_TIME", |job| moment(job.eligible_time, "N/A")),
    column(None, &["exit_code"], "EXIT_CODE", |job| number(job.exit_code.map(u64::from), "0")),
    column(None, &["derivedec"], "DERIVED_EC", |job| number(job.derived_exit_code.map(u64::from), "0")),
    column(None, &["restartcnt"], "RESTART_COUNT", |job| job.restarts.to_string()),
    column(None, &["hetjobid"], "HET_JOB_ID", |job| number(job.het_job_id, "N/A")),
    column(None, &["stdin"], "STDIN", |job| text(&job.stdin, "/dev/null")),
    column(None, &["stdout"], "STDOUT", |job| text(&job.stdout, "")),
    column(None, &["stderr"], "STDERR", |job| text(&job.stderr, "")),
];

fn task(job: &Job) -> String {
    match (job.array_task_id, &job.array_tasks) {
        (Some(task), _) => task.to_string(),
        (None, tasks) => text(tasks, "N/A"),
    }
}

fn left(job: &Job) -> String {
    match (job.time_limit_seconds, job.elapsed(time::now())) {
        (None, _) => "UNLIMITED".to_owned(),
        (Some(limit), used) => clock(limit.saturating_sub(used.unwrap_or(0))),
    }
}

fn memory(job: &Job) -> String {
    let size = job
        .memory_per_cpu_mb
        .or(job.memory_per_node_mb)
        .unwrap_or(0);
    match size {
        size if size >= 1024 && size.is_multiple_of(1024) => format!("{}G", size / 1024),
        0 => "0".to_owned(),
        size => format!("{size}M"),
    }
}

/// Returns where a job is, or why it is not: `(Resources)`.
fn place(job: &Job) -> String {
    match job.state.as_str() {
        "PENDING" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "DEADLINE" | "OUT_OF_MEMORY" => {
            format!("({})", text(&job.reason, "None"))
        }
        _ => text(&job.nodes, ""),
    }
}

/// Sorts jobs by letters, the first of them first, each with `-` before it for the other way round.
pub(super) fn sort(jobs: &mut [Job], letters: &str) -> Result<()> {
    let mut keys = Vec::new();
    for part in letters.split(',').filter(|part| !part.is_empty()) {
        let is_reversed = part.starts_with('-');
        let mut part = part.trim_start_matches(['+', '-']).chars();
        let (Some(letter), None) = (part.next(), part.next()) else {
            return Err(unknown(letters));
        };
        // The priority as a fraction sorts as the whole one does.
        let letter = if letter == 'p' { 'Q' } else { letter };
        let mut own = COLUMNS.iter().filter(|own| own.letter == Some(letter));
        let own = own.next().ok_or_else(|| unknown(&letter.to_string()))?;
        keys.push((own, is_reversed));
    }
    jobs.sort_by_key(|job| job.id);
    for (column, is_reversed) in keys.into_iter().rev() {
        let key = |job: &Job| key(column, job);
        match is_reversed {
            true => jobs.sort_by_cached_key(|job| Reverse(key(job))),
            false => jobs.sort_by_cached_key(key),
        }
    }
    Ok(())
}

/// Returns what a job is sorted by: numbers and durations by their size, states in Slurm's order.
fn key(column: &Column<Job>, job: &Job) -> (u64, String) {
    let shown = (column.show)(job);
    let size = match column.letter {
        Some('t' | 'T') => {
            let mut names = State::names();
            names
                .position(|name| name == job.state.as_str())
                .map(|at| at as u64)
        }
        Some('i' | 'A') => Some(job.id),
        Some('M') => job.elapsed(time::now()),
        Some('l') => Some(job.time_limit_seconds.unwrap_or(u64::MAX)),
        _ => shown.parse().ok(),
    };
    (size.unwrap_or(u64::MAX), shown)
}
