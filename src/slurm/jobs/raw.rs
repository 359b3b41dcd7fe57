//! A job as servers send it, in any version of the API.

use serde::Deserialize;
use serde_json::Value;

use crate::notifications;
use crate::slurm::shape::{Number, Text, Words};
use crate::slurm::time::moment;

use super::output_file::{Names, path};
use super::{Demands, Job, Source, State};

/// Begins the marker that hpcapi puts into the comment of what it submits.
pub(super) const MARKER: &str = "hpcapi:";

/// The fields that are read, by all their names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawJob {
    pub(super) job_id: Number,
    pub(super) array_job_id: Number,
    pub(super) array_task_id: Number,
    pub(super) array_task_string: Text,
    pub(super) het_job_id: Number,
    pub(super) het_job_id_set: Text,
    pub(super) name: Text,
    pub(super) user_name: Text,
    pub(super) user_id: Number,
    pub(super) group_name: Text,
    pub(super) account: Text,
    pub(super) partition: Text,
    pub(super) qos: Text,
    pub(super) job_state: Words,
    pub(super) state_reason: Text,
    pub(super) state_description: Text,
    pub(super) dependency: Text,
    pub(super) priority: Number,
    pub(super) nodes: Text,
    pub(super) batch_host: Text,
    pub(super) node_count: Number,
    pub(super) cpus: Number,
    pub(super) tres_req_str: Text,
    pub(super) tasks: Number,
    pub(super) memory_per_node: Number,
    pub(super) memory_per_cpu: Number,
    pub(super) submit_time: Number,
    pub(super) eligible_time: Number,
    pub(super) start_time: Number,
    pub(super) end_time: Number,
    pub(super) time_limit: Number,
    pub(super) exit_code: Value,
    pub(super) derived_exit_code: Value,
    pub(super) restart_cnt: Number,
    pub(super) current_working_directory: Text,
    pub(super) standard_input: Text,
    pub(super) standard_output: Text,
    pub(super) standard_error: Text,
    pub(super) command: Text,
    pub(super) features: Text,
    pub(super) max_nodes: Number,
    pub(super) cpus_per_task: Number,
    pub(super) tres_per_node: Text,
    pub(super) licenses: Text,
    pub(super) resv_name: Text,
    pub(super) required_nodes: Text,
    pub(super) comment: Text,
    pub(super) submit_line: Text,
    /// Of the job memory: a text of another job's user may have made it up.
    pub(super) unconfirmed: bool,
    /// Of the job memory: Slurm had forgotten it already, and where its output went with it.
    pub(super) undetailed: bool,
}

impl RawJob {
    /// Returns the job in the one shape; `None` when it has no number. Without a state that is
    /// understood it is `UNKNOWN`.
    pub(super) fn job(self) -> Option<Job> {
        let id = self.job_id.positive()?;
        let state = State::of(&self.job_state.0);
        let array_job_id = self.array_job_id.positive();
        let array_task_id = array_job_id.and_then(|_| self.array_task_id.count());
        let user = self.user_name.some();
        let nodes = self.nodes.some();
        let has_ended = state.has_ended();
        let time_limit = self.time_limit.count();
        let time_limit = time_limit.map(|minutes| minutes.saturating_mul(60));
        let (exit_code, signal) = exit(&self.exit_code);
        let (derived, _) = exit(&self.derived_exit_code);
        let (comment, marker) = unmarked(self.comment.some());
        let directory = self.current_working_directory.some();
        let files = Names {
            id,
            array_job_id,
            array_task_id,
            name: self.name.as_str(),
            user: user.as_deref().unwrap_or_default(),
            directory: directory.as_deref().unwrap_or_default(),
            first_node: nodes.as_deref().unwrap_or_default(),
        };
        let file = |pattern: &str| {
            let is_told = !files.directory.is_empty() || pattern.starts_with('/');
            (is_told && !self.undetailed).then(|| path(pattern, files))
        };
        let stdout = file(self.standard_output.as_str());
        let stderr = match self.standard_error.as_str() {
            "" => stdout.clone(),
            pattern => file(pattern),
        };
        Some(Job {
            id,
            array_job_id,
            array_task_id,
            array_tasks: array_job_id
                .filter(|_| array_task_id.is_none())
                .and_then(|_| self.array_task_string.some()),
            het_job_id: self.het_job_id.positive(),
            het_components: self.het_job_id_set.some(),
            stdout,
            stderr,
            stdin: self
                .standard_input
                .some()
                .filter(|path| path != "/dev/null")
                .map(|pattern| path(&pattern, files)),
            name: self.name.some(),
            user,
            user_id: self.user_id.count(),
            group: self.group_name.some(),
            account: self.account.some(),
            partition: self.partition.some(),
            qos: self.qos.some(),
            reason: self.state_reason.some(),
            reason_details: self.state_description.some(),
            dependency: self.dependency.some(),
            priority: self.priority.count(),
            nodes,
            batch_host: self.batch_host.some(),
            node_count: self.node_count.positive(),
            // Slurm 22.05 has none for a job that ended before it was looked at.
            cpus: self
                .cpus
                .positive()
                .or_else(|| requested_cpus(self.tres_req_str.as_str())),
            tasks: self.tasks.positive(),
            memory_per_node_mb: self.memory_per_node.positive(),
            memory_per_cpu_mb: self.memory_per_cpu.positive(),
            submit_time: moment(self.submit_time),
            eligible_time: moment(self.eligible_time),
            start_time: moment(self.start_time),
            // Slurm reckons with a year or a century where there is no limit.
            end_time: moment(self.end_time)
                .filter(|_| has_ended || state.is_ending() || time_limit.is_some()),
            time_limit_seconds: time_limit,
            exit_code: exit_code.filter(|_| has_ended),
            signal: signal.filter(|_| has_ended),
            derived_exit_code: derived.filter(|_| has_ended),
            restarts: self.restart_cnt.count().unwrap_or(0),
            directory,
            command: self.command.some(),
            constraints: self.features.some(),
            demands: Demands {
                max_nodes: self.max_nodes.positive(),
                cpus_per_task: self.cpus_per_task.positive(),
                resources_per_node: self.tres_per_node.some(),
                licenses: self.licenses.some(),
                reservation: self.resv_name.some(),
                required_nodes: self.required_nodes.some(),
            },
            comment,
            marker,
            submit_line: self.submit_line.some(),
            steps: Vec::new(),
            source: match self.unconfirmed {
                true => Source::Unconfirmed,
                false => Source::Slurm,
            },
            state,
        })
    }
}

/// Returns the CPUs of a request such as `cpu=1,mem=972M,node=1,billing=1`.
fn requested_cpus(resources: &str) -> Option<u64> {
    let cpus = resources
        .split(',')
        .find_map(|one| one.strip_prefix("cpu="))?;
    cpus.parse().ok().filter(|cpus| *cpus > 0)
}

/// Returns exit code and signal: from `{status, return_code, signal}`, or from a wait status.
pub(super) fn exit(value: &Value) -> (Option<u8>, Option<u8>) {
    let number = |value: Option<&Value>| {
        let number: Number = serde_json::from_value(value?.clone()).ok()?;
        number.count().and_then(|number| u8::try_from(number).ok())
    };
    if let Some(code) = value.get("return_code") {
        let signal = value.get("signal");
        let id = signal.and_then(|signal| signal.get("id").or_else(|| signal.get("signal_id")));
        let signal = number(id).filter(|signal| *signal > 0);
        return (number(Some(code)).or(signal.map(|_| 0)), signal);
    }
    let Ok(status) = serde_json::from_value::<Number>(value.clone()) else {
        return (None, None);
    };
    match status.count() {
        Some(status) => {
            let signal = u8::try_from(status & 0x7f)
                .ok()
                .filter(|signal| *signal > 0);
            (u8::try_from((status >> 8) & 0xff).ok(), signal)
        }
        None => (None, None),
    }
}

/// Takes the marker out of a comment.
fn unmarked(comment: Option<String>) -> (Option<String>, Option<String>) {
    let Some(comment) = comment else {
        return (None, None);
    };
    let (rest, last) = comment.rsplit_once(' ').unwrap_or(("", &comment));
    match last.starts_with(MARKER) && last != notifications::MARK {
        true if rest.is_empty() => (None, Some(last.to_owned())),
        true => (Some(rest.to_owned()), Some(last.to_owned())),
        false => (Some(comment), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_job_reads_the_same_in_every_version() {
        let old = json!({"job_id": 7, "job_state": "FAILED", "exit_code": 768, "user_name": "me",
            "time_limit": 5, "start_time": 100, "end_time": 160, "name": "x", "nodes": "n1",
            "array_job_id": 0, "array_task_id": null, "cpus": 2, "comment": "hi hpcapi:ab",
            "current_working_directory": "/w", "standard_output": "/w/slurm-7.out",
            "memory_per_cpu": null, "priority": 4_294_901_758_u32});
        let set = |number: i64| json!({"set": true, "infinite": false, "number": number});
        let new = json!({"job_id": 7, "job_state": ["FAILED"], "user_name": "me",
            "exit_code": {"status": ["ERROR"], "return_code": set(3), "signal": {"id": {"set": false, "number": 0}}},
            "time_limit": set(5), "start_time": set(100), "end_time": set(160), "name": "x",
            "nodes": "n1", "array_job_id": set(0), "array_task_id": {"set": false}, "cpus": set(2),
            "comment": "hi hpcapi:ab", "current_working_directory": "/w",
            "standard_output": "slurm-%j.out", "memory_per_cpu": {"set": false},
            "priority": set(4_294_901_758), "new_field": {}});
        let read = |value: Value| {
            serde_json::from_value::<RawJob>(value)
                .unwrap()
                .job()
                .unwrap()
        };
        let job = read(old);
        assert_eq!(job, read(new));
        assert_eq!((job.exit_code, job.signal), (Some(3), None));
        assert_eq!(job.comment.as_deref(), Some("hi"));
        assert_eq!(job.marker.as_deref(), Some("hpcapi:ab"));
    }

    #[test]
    fn the_wish_to_be_told_is_no_marker() {
        let read = |comment: &str| unmarked(Some(comment.to_owned()));
        let wish = Some("hpcapi:notify".to_owned());
        assert_eq!(read("hpcapi:notify"), (wish.clone(), None));
        let both = read("hpcapi:notify hpcapi:ab");
        assert_eq!(both, (wish, Some("hpcapi:ab".to_owned())));
    }

    #[test]
    fn cpus_are_those_of_the_request_until_slurm_counted_them() {
        let job = |cpus: u64, request: &str| {
            let raw = json!({"job_id": 7, "job_state": "CANCELLED", "cpus": cpus,
                "tres_req_str": request});
            let raw: RawJob = serde_json::from_value(raw).unwrap();
            raw.job().unwrap().cpus
        };
        assert_eq!(job(2, "cpu=1,mem=1M,node=1"), Some(2));
        assert_eq!(job(0, "cpu=4,mem=1M,node=1"), Some(4));
        assert_eq!(job(0, "mem=1M"), None);
        assert_eq!(job(0, "cpu=many"), None);
    }

    #[test]
    fn a_job_without_a_number_is_none_and_without_a_state_unknown() {
        let read = |value: Value| serde_json::from_value::<RawJob>(value).map(RawJob::job);
        assert_eq!(read(json!({"job_state": "RUNNING"})).unwrap(), None);
        for stateless in [json!(null), json!([]), json!(""), json!([""]), json!([5])] {
            let job = read(json!({"job_id": 3, "job_state": stateless})).unwrap();
            assert_eq!(job.unwrap().state.as_str(), "UNKNOWN", "{stateless}");
        }
        assert!(read(json!({"job_id": "x", "job_state": []})).is_err());
        assert!(read(json!({"job_id": 3, "job_state": 5})).is_err());
    }

    #[test]
    fn what_has_no_limit_has_no_end_until_it_ends() {
        let end = |state: &str, limit: Value| {
            let raw = json!({"job_id": 7, "job_state": state, "end_time": 6_125_000_000_u64,
                "time_limit": limit});
            let raw: RawJob = serde_json::from_value(raw).unwrap();
            raw.job().unwrap().end_time
        };
        let infinite = json!({"set": false, "infinite": true, "number": 0});
        for state in ["PENDING", "RUNNING", "CONFIGURING"] {
            assert_eq!(end(state, infinite.clone()), None, "{state}");
            assert_eq!(end(state, json!(4_294_967_295_u32)), None, "{state}");
            assert!(end(state, json!(5)).is_some(), "{state}");
        }
        assert!(end("COMPLETED", infinite.clone()).is_some());
        assert!(end("COMPLETING", infinite).is_some());
    }

    #[test]
    fn a_signal_is_read_from_both_shapes() {
        assert_eq!(exit(&json!(9)), (Some(0), Some(9)));
        let new = json!({"return_code": {"set": false}, "signal": {"signal_id": {"set": true, "number": 9}}});
        assert_eq!(exit(&new), (Some(0), Some(9)));
        assert_eq!(exit(&json!(null)), (None, None));
    }
}
