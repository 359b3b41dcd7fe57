//! What `sacct` shows of jobs and of their steps.

use crate::slurm::jobs::{Job, Step};
use crate::slurm::time;

use super::values::{long_clock, moment, number, text};

/// A line: a job, or one of its steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) job: &'a Job,
    pub(super) step: Option<&'a Step>,
}

/// A field.
pub(super) struct Field {
    /// Its name, as it stands above it.
    pub(super) name: &'static str,
    /// How wide it is, unless the format says.
    pub(super) width: usize,
    pub(super) show: fn(&Line<'_>) -> String,
}

const fn field(name: &'static str, width: usize, show: fn(&Line<'_>) -> String) -> Field {
    Field { name, width, show }
}

#[rustfmt::skip]
pub(super) const FIELDS: &[Field] = &[
    field("Account", 10, |it| text(&it.job.account, "")),
    field("AllocCPUS", 10, |it| number(it.job.cpus, "0")),
    field("AllocNodes", 10, |it| number(it.job.node_count, "0")),
    field("Comment", 14, |it| it.of_job(|job| text(&job.comment, ""))),
    field("Constraints", 19, |it| it.of_job(|job| text(&job.constraints, ""))),
    field("CPUTime", 10, |it| long_clock(it.cpu_time())),
    field("CPUTimeRAW", 10, |it| it.cpu_time().to_string()),
    field("DerivedExitCode", 15, |it| it.of_job(|job| format!("{}:0", job.derived_exit_code.unwrap_or(0)))),
    field("Elapsed", 10, |it| long_clock(it.elapsed())),
    field("ElapsedRaw", 10, |it| it.elapsed().to_string()),
    field("Eligible", 19, |it| moment(it.job.eligible_time, "Unknown")),
    field("End", 19, |it| moment(it.end(), "Unknown")),
    field("ExitCode", 8, |it| it.exit_code()),
    field("JobID", 12, |it| it.id(it.job.shown_id())),
    field("JobIDRaw", 12, |it| it.id(it.job.id.to_string())),
    field("JobName", 10, |it| match it.step {
        Some(step) => text(&step.name, ""),
        None => text(&it.job.name, ""),
    }),
    field("MaxRSS", 10, |it| match it.step.and_then(|step| step.max_memory_bytes) {
        Some(bytes) => format!("{}K", bytes / 1024),
        None => String::new(),
    }),
    field("NCPUS", 10, |it| number(it.job.cpus, "0")),
    field("NNodes", 8, |it| number(it.job.node_count, "0")),
    field("NodeList", 15, |it| text(it.nodes(), "None assigned")),
    field("NTasks", 8, |it| number(it.step.and_then(|step| step.tasks), "")),
    field("Partition", 10, |it| it.of_job(|job| text(&job.partition, ""))),
    field("Priority", 10, |it| it.of_job(|job| number(job.priority, ""))),
    field("QOS", 10, |it| it.of_job(|job| text(&job.qos, ""))),
    field("Reason", 22, |it| it.of_job(|job| text(&job.reason, "None"))),
    field("ReqCPUS", 8, |it| number(it.job.cpus, "0")),
    field("ReqMem", 10, |it| it.of_job(memory)),
    field("ReqNodes", 8, |it| number(it.job.node_count, "0")),
    field("Restarts", 8, |it| it.of_job(|job| job.restarts.to_string())),
    field("Start", 19, |it| moment(it.start(), "Unknown")),
    field("State", 10, |it| it.state()),
    field("StdErr", 20, |it| it.of_job(|job| text(&job.stderr, ""))),
    field("StdIn", 20, |it| it.of_job(|job| text(&job.stdin, "/dev/null"))),
    field("StdOut", 20, |it| it.of_job(|job| text(&job.stdout, ""))),
    field("Submit", 19, |it| moment(it.job.submit_time, "Unknown")),
    field("SubmitLine", 20, |it| it.of_job(|job| text(&job.submit_line, ""))),
    field("Timelimit", 10, |it| it.of_job(|job| job.time_limit_seconds.map_or_else(|| "UNLIMITED".to_owned(), long_clock))),
    field("TimelimitRaw", 12, |it| it.of_job(|job| job.time_limit_seconds.map_or_else(|| "UNLIMITED".to_owned(), |seconds| (seconds / 60).to_string()))),
    field("TotalCPU", 10, |it| long_clock(it.used_cpu())),
    field("UID", 6, |it| it.of_job(|job| number(job.user_id, ""))),
    field("User", 9, |it| it.of_job(|job| text(&job.user, ""))),
    field("WorkDir", 20, |it| it.of_job(|job| text(&job.directory, ""))),
];

impl Line<'_> {
    /// Returns what is shown of a job, and of its steps is not.
    fn of_job(&self, show: fn(&Job) -> String) -> String {
        match self.step {
            None => show(self.job),
            Some(_) => String::new(),
        }
    }

    /// Returns the number of the job or of the step, with that of the job written as `job`.
    fn id(&self, job: String) -> String {
        match self.step {
            None => job,
            Some(step) => {
                let end = step.id.rsplit_once('.').map_or("", |(_, end)| end);
                format!("{job}.{end}")
            }
        }
    }

    /// Returns the state as the accounting has it: a job that ends or begins runs.
    fn state(&self) -> String {
        let state = self.step.map_or(&self.job.state, |step| &step.state);
        match state.as_str() {
            "COMPLETING" | "CONFIGURING" | "SIGNALING" | "STAGE_OUT" | "STOPPED" => "RUNNING",
            "REQUEUE_HOLD" | "REQUEUE_FED" | "RESV_DEL_HOLD" | "SPECIAL_EXIT" => "PENDING",
            other => other,
        }
        .to_owned()
    }

    fn exit_code(&self) -> String {
        let (code, signal) = match self.step {
            Some(step) => (step.exit_code, step.signal),
            None => (self.job.exit_code, self.job.signal),
        };
        format!("{}:{}", code.unwrap_or(0), signal.unwrap_or(0))
    }

    fn nodes(&self) -> &Option<String> {
        self.step.map_or(&self.job.nodes, |step| &step.nodes)
    }

    fn start(&self) -> Option<u64> {
        match self.step {
            Some(step) => step.start_time,
            None => self.job.start_time.filter(|_| self.job.state.has_started()),
        }
    }

    fn end(&self) -> Option<u64> {
        match self.step {
            Some(step) => step.end_time,
            None => self.job.end_time.filter(|_| self.job.state.has_ended()),
        }
    }

    fn elapsed(&self) -> u64 {
        match self.step {
            Some(_) => {
                let end = self.end().unwrap_or_else(time::now);
                self.start().map_or(0, |start| end.saturating_sub(start))
            }
            None => self.job.elapsed(time::now()).unwrap_or(0),
        }
    }

    fn cpu_time(&self) -> u64 {
        self.elapsed().saturating_mul(self.job.cpus.unwrap_or(0))
    }

    fn used_cpu(&self) -> u64 {
        match self.step {
            Some(step) => step.cpu_seconds,
            None => self.job.steps.iter().map(|step| step.cpu_seconds).sum(),
        }
    }
}

fn memory(job: &Job) -> String {
    match (job.memory_per_cpu_mb, job.memory_per_node_mb) {
        (Some(each), _) => format!("{}M", each.saturating_mul(job.cpus.unwrap_or(1))),
        (None, Some(all)) => format!("{all}M"),
        (None, None) => "0".to_owned(),
    }
}
