//! Jobs as a table.

use serde::Serialize;

use crate::error::Result;
use crate::output::{
    Answer, Cell, Emptiness, Reader, Table, TextList, memory, moment, moment_from, size, span,
};
use crate::slurm::jobs::{Job, Source, Step};
use crate::slurm::time;

use super::array_lines::{self, Line};

/// Whether the tasks of an array that are alike share a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrays {
    Folded,
    Unfolded,
}

/// Jobs, the newest last.
#[derive(Debug, Serialize)]
pub(super) struct JobsAnswer {
    pub(super) jobs: Vec<Job>,
    #[serde(skip)]
    pub(super) arrays: Arrays,
    #[serde(skip)]
    pub(super) empty: Option<Emptiness>,
}

impl Answer for JobsAnswer {
    fn text(&self) -> String {
        self.table(time::now()).text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}

impl JobsAnswer {
    fn table(&self, now: u64) -> Table {
        let lines = match self.arrays {
            Arrays::Folded => array_lines::folded(&self.jobs),
            Arrays::Unfolded => array_lines::unfolded(&self.jobs),
        };
        let counts_tasks = lines.iter().any(Line::is_folded);
        let mut heading = vec!["JOB", "NAME", "USER", "PARTITION", "STATE"];
        heading.extend(counts_tasks.then_some("TASKS"));
        heading.extend(["TIME", "LIMIT", "NODES", "WHERE OR WHY"]);
        let mut table = Table::new(&heading)
            .numbers(&["TASKS", "TIME", "LIMIT", "NODES"])
            .shortened(&[("NAME", 12), ("JOB", 16), ("WHERE OR WHY", 24)])
            .left_out(&["LIMIT", "NODES", "PARTITION", "USER", "TIME", "TASKS"]);
        for line in &lines {
            let job = line.first();
            let text = |text: &Option<String>| Cell::name(text.as_deref().unwrap_or("-"));
            let number = |number: Option<u64>| number.map_or("-".to_owned(), |it| it.to_string());
            let limit = job.time_limit_seconds.map_or("none".to_owned(), span);
            let mut cells = vec![
                Cell::from(line.id()),
                text(&job.name),
                text(&job.user),
                text(&job.partition),
                Cell::state(job.state.as_str()),
            ];
            cells.extend(counts_tasks.then(|| Cell::from(number(line.tasks()))));
            cells.extend([
                Cell::from(line.elapsed(now).map_or("-".to_owned(), span)),
                Cell::from(limit),
                Cell::from(number(line.node_count())),
                Cell::from(match job.state.has_started() {
                    true => line.nodes(),
                    false => place(job),
                }),
            ]);
            table.row(cells);
        }
        table
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
        let table = Table::new(&[
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
        ]);
        History(TextList::begin(
            table
                .numbers(&["TIME", "CPUS"])
                .shortened(&[("NAME", 12), ("JOB", 16), ("WHERE OR WHY", 24)])
                .left_out(&["CPUS", "SUBMITTED", "PARTITION", "USER", "TIME"]),
        ))
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
            Cell::from(job.submit_time.map_or("-".to_owned(), moment)),
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
    let moment = |moment: Option<u64>| moment.map(|it| moment_from(it, now));
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// When the jobs are looked at.
    const NOW: u64 = 1_795_406_758;

    fn job(id: u64, state: &str, fields: &Value) -> Job {
        let mut job = json!({"id": id, "state": state, "restarts": 0, "source": "slurm",
            "name": "hello", "user": "ada", "partition": "queue1", "node_count": 1});
        let fields = fields.as_object().unwrap().clone();
        job.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(job).unwrap()
    }

    fn task(id: u64, index: u64, state: &str) -> Job {
        let node = format!("queue1-dy-c7i-{}", index + 1);
        let fields = json!({"array_job_id": 100, "array_task_id": index, "nodes": node,
            "start_time": "2026-11-23T04:00:00Z", "time_limit_seconds": 3600});
        job(id, state, &fields)
    }

    fn answer(arrays: Arrays) -> JobsAnswer {
        let waiting = json!({"array_job_id": 100, "array_tasks": "6-999%8", "reason": "JobArrayTaskLimit",
            "time_limit_seconds": 3600});
        let wide = json!({"name": "計算の名前はとても長いのでここで切れます\u{1b}[2J\u{202e}", "user": "größe",
            "nodes": "queue1-dy-c7i-[1-64,70,80-99]", "node_count": 85,
            "start_time": "2026-11-20T00:00:00Z"});
        let down = json!({"name": "a-name-of-more-than-forty-characters-is-cut-off-everywhere",
            "reason": "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"});
        JobsAnswer {
            jobs: vec![
                job(99, "RUNNING", &wide),
                task(101, 0, "COMPLETED"),
                task(102, 1, "RUNNING"),
                task(103, 2, "RUNNING"),
                task(104, 3, "FAILED"),
                task(105, 4, "RUNNING"),
                task(106, 5, "RUNNING"),
                job(100, "PENDING", &waiting),
                job(107, "PENDING", &down),
            ],
            arrays,
            empty: None,
        }
    }

    fn shown(arrays: Arrays, width: Option<usize>) -> String {
        answer(arrays).table(NOW).text_within(width)
    }

    #[test]
    fn jobs_stand_in_a_pipe_as_long_as_they_are() {
        insta::assert_snapshot!("pipe", shown(Arrays::Folded, None));
        insta::assert_snapshot!("pipe_unfolded", shown(Arrays::Unfolded, None));
    }

    #[test]
    fn a_terminal_shows_state_and_reason_however_narrow_it_is() {
        for width in [60, 80, 120] {
            let text = shown(Arrays::Folded, Some(width));
            for line in text.lines() {
                assert!(console::measure_text_width(line) <= width, "{line}");
            }
            insta::assert_snapshot!(format!("terminal_{width}"), text);
        }
    }
}
