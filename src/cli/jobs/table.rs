//! Jobs as a table.

use serde::Serialize;

use crate::error::Result;
use crate::output::{Answer, Cell, Reader, Table, TextList, memory, size, span};
use crate::slurm::jobs::{Job, Source, Step};
use crate::slurm::time;

/// Jobs, one line each.
#[derive(Debug, Serialize)]
pub(super) struct JobsAnswer {
    pub(super) jobs: Vec<Job>,
}

impl Answer for JobsAnswer {
    fn text(&self) -> String {
        let now = time::now();
        let mut table = Table::new(&[
            "JOB",
            "NAME",
            "USER",
            "PARTITION",
            "STATE",
            "TIME",
            "LIMIT",
            "NODES",
            "WHERE OR WHY",
        ]);
        for job in &self.jobs {
            let text = |text: &Option<String>| Cell::name(text.as_deref().unwrap_or("-"));
            table.row([
                Cell::from(job.shown_id()),
                text(&job.name),
                text(&job.user),
                text(&job.partition),
                Cell::state(job.state.as_str()),
                Cell::from(job.elapsed(now).map_or("-".to_owned(), span)),
                Cell::from(job.time_limit_seconds.map_or("none".to_owned(), span)),
                Cell::from(
                    job.node_count
                        .map_or("-".to_owned(), |count| count.to_string()),
                ),
                Cell::from(place(job)),
            ]);
        }
        table.text()
    }
}

/// Returns where a job runs or ran, or why it does not.
fn place(job: &Job) -> String {
    let reason = job.reason.as_deref().map(|reason| format!("({reason})"));
    let words: Vec<&str> = match job.state.has_started() {
        true => job.nodes.iter().map(String::as_str).collect(),
        false => reason.iter().map(String::as_str).collect(),
    };
    words.join(" ")
}

/// Jobs of all times, one line each.
#[derive(Debug)]
pub(super) struct History(TextList);

impl History {
    pub(super) fn begin() -> History {
        History(TextList::begin(&[
            "JOB",
            "NAME",
            "USER",
            "PARTITION",
            "STATE",
            "EXIT",
            "SUBMITTED",
            "TIME",
            "CPUS",
            "WHERE OR WHY",
        ]))
    }

    pub(super) fn row(&mut self, job: &Job) -> Result<Reader> {
        let text = |text: &Option<String>| Cell::name(text.as_deref().unwrap_or("-"));
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |it| it.to_string());
        self.0.row([
            Cell::from(job.shown_id()),
            text(&job.name),
            text(&job.user),
            text(&job.partition),
            Cell::state(job.state.as_str()),
            Cell::from(exit(job.exit_code, job.signal).unwrap_or_else(|| "-".to_owned())),
            Cell::from(job.submit_time.map_or("-".to_owned(), time::rfc3339)),
            Cell::from(job.elapsed(time::now()).map_or("-".to_owned(), span)),
            Cell::from(number(job.cpus)),
            Cell::from(place(job)),
        ])
    }

    pub(super) fn end(self) -> Result<()> {
        self.0.end()
    }
}

/// Returns what a job ended with: `3`, or `0, signal 9`.
fn exit(code: Option<u8>, signal: Option<u8>) -> Option<String> {
    match (code, signal) {
        (code, Some(signal)) => Some(format!("{}, signal {signal}", code.unwrap_or(0))),
        (code, None) => code.map(|code| code.to_string()),
    }
}

/// Jobs, with all that is known of each.
#[derive(Debug, Serialize)]
pub(super) struct DetailedAnswer {
    pub(super) jobs: Vec<Job>,
}

impl Answer for DetailedAnswer {
    fn text(&self) -> String {
        let jobs: Vec<String> = self.jobs.iter().map(details).collect();
        jobs.join("\n")
    }
}

fn details(job: &Job) -> String {
    let now = time::now();
    let moment = |moment: Option<u64>| moment.map(time::rfc3339);
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let source = match job.source {
        Source::Slurm => None,
        Source::Database => Some("the accounting database".to_owned()),
        Source::Memory => Some("the job memory".to_owned()),
        Source::Unconfirmed => Some("the job memory, not confirmed by Slurm".to_owned()),
    };
    let rows = [
        ("job", Some(job.shown_id())),
        ("name", job.name.clone()),
        ("user", job.user.clone()),
        ("account", job.account.clone()),
        ("partition", job.partition.clone()),
        ("qos", job.qos.clone()),
        ("state", Some(job.state.to_string())),
        ("reason", job.reason.clone()),
        ("trouble", job.trouble()),
        ("exit code", exit(job.exit_code, job.signal)),
        ("dependency", job.dependency.clone()),
        ("priority", number(job.priority)),
        ("nodes", job.nodes.clone()),
        ("node count", number(job.node_count)),
        ("cpus", number(job.cpus)),
        ("tasks", number(job.tasks)),
        ("memory per node", job.memory_per_node_mb.map(memory)),
        ("memory per cpu", job.memory_per_cpu_mb.map(memory)),
        ("constraints", job.constraints.clone()),
        ("submitted", moment(job.submit_time)),
        ("eligible", moment(job.eligible_time)),
        (
            if job.state.has_started() {
                "started"
            } else {
                "starts"
            },
            moment(job.start_time),
        ),
        (
            if job.state.has_ended() {
                "ended"
            } else {
                "ends"
            },
            moment(job.end_time),
        ),
        ("elapsed", job.elapsed(now).map(span)),
        (
            "time limit",
            Some(job.time_limit_seconds.map_or("none".to_owned(), span)),
        ),
        (
            "restarts",
            Some(job.restarts)
                .filter(|count| *count > 0)
                .map(|count| count.to_string()),
        ),
        ("directory", job.directory.clone()),
        ("stdin", job.stdin.clone()),
        ("stdout", job.stdout.clone()),
        ("stderr", job.stderr.clone()),
        ("comment", job.comment.clone()),
        ("submit line", job.submit_line.clone()),
        ("source", source),
    ];
    let steps = job.steps.iter().map(|step| ("step", Some(used(step))));
    rows.into_iter()
        .chain(steps)
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| format!("{name:<16}{}\n", crate::output::plain(&value)))
        .collect()
}

/// Returns what a step was, how it ended and what it used.
fn used(step: &Step) -> String {
    let elapsed = step.end_time.zip(step.start_time);
    let elapsed = elapsed.map(|(end, start)| end.saturating_sub(start));
    let words = [
        Some(step.id.clone()),
        step.name.clone().filter(|name| !step.id.ends_with(name)),
        Some(step.state.to_string()),
        exit(step.exit_code, step.signal).map(|exit| format!("exit code {exit}")),
        step.tasks.map(|tasks| format!("tasks {tasks}")),
        elapsed.map(|seconds| format!("elapsed {}", span(seconds))),
        Some(format!("CPU time {}", span(step.cpu_seconds))),
        step.max_memory_bytes
            .map(|bytes| format!("memory at most {}", size(bytes))),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
