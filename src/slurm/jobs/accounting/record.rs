//! A job as slurmdbd has it: the fields of a job that Slurm itself tells, in groups.

use serde::Deserialize;
use serde_json::Value;

use crate::slurm::jobs::raw::{RawJob, exit};
use crate::slurm::jobs::{Job, Source, State, Step};
use crate::slurm::shape::{Number, Text, Words};
use crate::slurm::time::moment;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    job_id: Number,
    array: Array,
    het: Het,
    name: Text,
    user: Text,
    account: Text,
    partition: Text,
    qos: Text,
    state: Condition,
    priority: Number,
    nodes: Text,
    allocation_nodes: Number,
    required: Required,
    tres: Tres,
    time: Times,
    exit_code: Value,
    derived_exit_code: Value,
    restart_cnt: Number,
    working_directory: Text,
    /// Versions before 0.0.42 do not tell this one, nor the next two.
    stdin: Text,
    stdout: Text,
    stderr: Text,
    constraints: Text,
    comment: Comments,
    submit_line: Text,
    steps: Vec<StepRecord>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Array {
    job_id: Number,
    task_id: Number,
    task: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Het {
    job_id: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    current: Words,
    reason: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Required {
    #[serde(rename = "CPUs")]
    cpus: Number,
    memory_per_cpu: Number,
    memory_per_node: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tres {
    allocated: Vec<Resource>,
}

/// An amount of something that Slurm counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(rename = "type")]
    kind: Text,
    count: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Times {
    submission: Number,
    eligible: Number,
    start: Number,
    end: Number,
    limit: Number,
    total: CpuTime,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CpuTime {
    seconds: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Comments {
    job: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StepRecord {
    step: StepName,
    state: Words,
    exit_code: Value,
    time: Times,
    nodes: StepNodes,
    tasks: Count,
    tres: StepTres,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StepName {
    id: Text,
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StepNodes {
    range: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Count {
    count: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StepTres {
    requested: StepUse,
}

/// What slurmrestd calls "requested" is what was used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StepUse {
    max: Vec<Resource>,
}

impl Record {
    /// Returns the job in the one shape; `None` when it has no number or no state.
    pub(super) fn job(self) -> Option<Job> {
        let is_undetailed = self.stdout == Text::default();
        let memory = |number: Number| number.positive().map_or(Number::Unset, as_number);
        let cpus = amount(&self.tres.allocated, "cpu");
        let mut job = RawJob {
            job_id: self.job_id,
            array_job_id: self.array.job_id,
            array_task_id: self.array.task_id,
            array_task_string: self.array.task,
            het_job_id: self.het.job_id,
            name: self.name,
            user_name: self.user,
            account: self.account,
            partition: self.partition,
            qos: self.qos,
            job_state: self.state.current,
            state_reason: self.state.reason,
            priority: self.priority,
            nodes: self.nodes,
            node_count: self.allocation_nodes,
            cpus: cpus.map_or(self.required.cpus, as_number),
            memory_per_node: memory(self.required.memory_per_node),
            memory_per_cpu: memory(self.required.memory_per_cpu),
            submit_time: self.time.submission,
            eligible_time: self.time.eligible,
            start_time: self.time.start,
            end_time: self.time.end,
            time_limit: self.time.limit,
            exit_code: self.exit_code,
            derived_exit_code: self.derived_exit_code,
            restart_cnt: self.restart_cnt,
            current_working_directory: self.working_directory,
            standard_input: self.stdin,
            standard_output: self.stdout,
            standard_error: self.stderr,
            features: self.constraints,
            comment: self.comment.job,
            submit_line: self.submit_line,
            undetailed: is_undetailed,
            ..RawJob::default()
        }
        .job()?;
        job.source = Source::Database;
        Some(job)
    }

    /// Returns the job with its steps.
    pub(super) fn job_with_steps(mut self) -> Option<Job> {
        let steps = std::mem::take(&mut self.steps);
        let mut job = self.job()?;
        job.steps = steps.into_iter().map(StepRecord::step).collect();
        Some(job)
    }
}

impl StepRecord {
    fn step(self) -> Step {
        let (exit_code, signal) = exit(&self.exit_code);
        Step {
            id: self.step.id.as_str().to_owned(),
            name: self.step.name.some(),
            state: State::of(&self.state.0),
            exit_code,
            signal,
            nodes: self.nodes.range.some(),
            tasks: self.tasks.count.positive(),
            start_time: moment(self.time.start),
            end_time: moment(self.time.end),
            cpu_seconds: self.time.total.seconds.count().unwrap_or(0),
            max_memory_bytes: amount(&self.tres.requested.max, "mem"),
        }
    }
}

/// Returns how much there is of something.
fn amount(resources: &[Resource], kind: &str) -> Option<u64> {
    let found = resources.iter().find(|one| one.kind.as_str() == kind)?;
    found.count.positive()
}

fn as_number(count: u64) -> Number {
    i64::try_from(count).map_or(Number::Infinite, Number::Is)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Record {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_job_reads_as_slurm_itself_tells_it() {
        let older = r#"{"job_id":4,"name":"x","user":"me","state":{"current":["FAILED"],"reason":"None"},
            "array":{"job_id":0,"task_id":{"set":false,"infinite":false,"number":0}},"nodes":"n1",
            "allocation_nodes":1,"qos":"normal","exit_code":{"status":["SIGNALED"],
              "return_code":{"set":false,"infinite":false,"number":0},
              "signal":{"id":{"set":true,"infinite":false,"number":9},"name":"KILL"}},
            "required":{"CPUs":1,"memory_per_node":{"set":true,"infinite":false,"number":0}},
            "tres":{"allocated":[{"type":"cpu","name":"","id":1,"count":2},
              {"type":"energy","name":"","id":3,"count":-2}]},
            "time":{"submission":100,"eligible":100,"start":110,"end":120,
              "limit":{"set":true,"infinite":false,"number":5}},
            "comment":{"administrator":"","job":"","system":""},"working_directory":"/w"}"#;
        let job = read(older).job().unwrap();
        assert_eq!((job.exit_code, job.signal), (Some(0), Some(9)));
        assert_eq!((job.cpus, job.source), (Some(2), Source::Database));
        assert_eq!((job.start_time, job.end_time), (Some(110), Some(120)));
        assert_eq!((job.time_limit_seconds, job.comment), (Some(300), None));
        // Where its output went is told by newer versions alone.
        assert_eq!(job.stdout, None);
        let newer = older.replacen('{', r#"{"stdout":"%x-%j.out","#, 1);
        let newer = read(&newer).job().unwrap();
        assert_eq!(newer.stdout.as_deref(), Some("/w/x-4.out"));
    }

    #[test]
    fn steps_say_what_they_used() {
        let job = r#"{"job_id":4,"state":{"current":"COMPLETED"},"steps":[
            {"step":{"id":"4.0","name":"a.out"},"state":["COMPLETED"],"tasks":{"count":2},
             "exit_code":{"return_code":{"set":true,"number":3},"signal":{}},
             "time":{"start":110,"end":{"set":true,"number":120},"total":{"seconds":7}},
             "tres":{"requested":{"max":[{"type":"mem","count":4096,"task":1,"node":"n1"}]}}},
            {"step":{"id":"4.batch","name":"batch"},"state":["FAILED"]}]}"#;
        let steps = read(job).job_with_steps().unwrap().steps;
        assert_eq!((steps[0].id.as_str(), steps[0].exit_code), ("4.0", Some(3)));
        assert_eq!(
            (steps[0].cpu_seconds, steps[0].max_memory_bytes),
            (7, Some(4096))
        );
        assert_eq!(
            (steps[1].id.as_str(), steps[1].state.as_str()),
            ("4.batch", "FAILED")
        );
        assert_eq!(read(job).job().unwrap().steps, []);
    }
}
