//! `jobs explain`: what is looked up, and what is said of it, in whichever version Slurm speaks.

use serde_json::{Value, json};

use crate::answers::{in_json, offer};
use crate::command::{Outcome, User, plainly_typed};
use crate::server::{Asked, Server};

/// Long after this test was written: 2100-01-01.
const LATER: u64 = 4_102_444_800;

/// A cluster whose partition `queue1` has these nodes, and these jobs.
#[derive(Clone)]
struct Cluster {
    version: u32,
    jobs: Vec<Value>,
    nodes: Vec<Value>,
}

impl Cluster {
    fn of(jobs: Vec<Value>) -> Cluster {
        Cluster {
            version: 42,
            jobs,
            nodes: vec![node("n1", &["ALLOCATED"], ""), node("n2", &["IDLE"], "")],
        }
    }

    fn with_nodes(self, nodes: Vec<Value>) -> Cluster {
        Cluster { nodes, ..self }
    }

    fn start(self) -> Server {
        Server::start(move |asked| in_json_or_offer(asked, &self))
    }

    /// Explains job 1.
    fn explain(self, more: &[&str]) -> Outcome {
        let server = self.start();
        let arguments = [&["jobs", "explain", "1"], more].concat();
        let outcome = User::new().run(&server.endpoint(), &arguments);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome
    }

    fn json(self) -> Value {
        let outcome = self.explain(&["--output", "json"]);
        serde_json::from_str(&plainly_typed(&outcome.text())).unwrap()
    }
}

fn in_json_or_offer(asked: &Asked, cluster: &Cluster) -> crate::server::Answer {
    if asked.is_discovery() {
        return offer(&[cluster.version]);
    }
    let resource = asked.path.rsplit("/v0.0.").next().unwrap();
    let resource = resource.split_once('/').unwrap().1;
    let body = match resource {
        "nodes" => json!({"nodes": cluster.nodes}),
        "partitions" if cluster.version < 39 => json!({"partitions": [{"name": "queue1",
            "nodes": "n[1-2]", "total_nodes": 2, "total_cpus": 4}]}),
        "partitions" => json!({"partitions": [{"name": "queue1", "partition": {"state": ["UP"]},
            "nodes": {"configured": "n[1-2]", "total": 2}}]}),
        "licenses" => {
            json!({"licenses": [{"LicenseName": "matlab", "Total": 4, "Used": 4, "Free": 0}]})
        }
        "jobs/state" => {
            let state = |job: &Value| json!({"job_id": job["job_id"].to_string(), "state": job["job_state"]});
            json!({"jobs": cluster.jobs.iter().map(state).collect::<Vec<_>>()})
        }
        one if one.starts_with("job/") => {
            let id: u64 = one["job/".len()..].parse().unwrap();
            let is_it = |job: &&Value| job["job_id"] == id || job["array_job_id"]["number"] == id;
            json!({"jobs": cluster.jobs.iter().filter(is_it).collect::<Vec<_>>()})
        }
        _ => json!({"jobs": cluster.jobs}),
    };
    in_json(200, body.to_string())
}

/// Returns a job that waits for this reason, with more fields.
fn waiting(id: u64, reason: &str, more: &Value) -> Value {
    let mut job = json!({"job_id": id, "job_state": ["PENDING"], "name": "x", "user_name": "me",
        "partition": "queue1", "state_reason": reason, "priority": {"set": true, "number": 10},
        "node_count": {"set": true, "number": 1}});
    for (name, value) in more.as_object().unwrap() {
        job[name] = value.clone();
    }
    job
}

fn node(name: &str, state: &[&str], reason: &str) -> Value {
    json!({"name": name, "state": state, "partitions": ["queue1"], "cpus": 2, "real_memory": 1000,
        "reason": reason, "reason_changed_at": {"set": true, "number": LATER}})
}

#[track_caller]
fn says(outcome: &Outcome, lines: &[&str]) {
    let text = plainly_typed(&outcome.text());
    for line in lines {
        // How far a moment is depends on the day.
        let is_it = |own: &str| match line.strip_suffix('…') {
            Some(begin) => own.starts_with(begin),
            None => own == *line,
        };
        assert!(text.lines().any(is_it), "{line}\nis not in\n{text}");
    }
}

#[test]
fn the_jobs_that_come_first_are_counted_and_named() {
    let priority = |number: u64| json!({"priority": {"set": true, "number": number}});
    let jobs = vec![
        waiting(
            1,
            "Priority",
            &json!({"start_time": {"set": true, "number": LATER}}),
        ),
        waiting(2, "Resources", &priority(20)),
        waiting(3, "Priority", &priority(10)),
        waiting(4, "JobHeldUser", &priority(0)),
        waiting(5, "Dependency", &priority(30)),
        waiting(
            6,
            "Priority",
            &json!({"priority": {"set": true, "number": 11},
            "array_job_id": {"set": true, "number": 6}, "array_task_string": "0-9"}),
        ),
    ];
    let outcome = Cluster::of(jobs).explain(&[]);
    says(
        &outcome,
        &[
            "job 1 waits: jobs of a higher priority come first (Priority)",
            "nodes           the nodes of partition queue1: 1 free, 1 running jobs",
            "waits for       11 jobs come first in partition queue1: 2, 6_[0-9]",
            "starts          Slurm expects it to start at 2100-01-01 00:00:00 +00:00 (in …",
        ],
    );
}

#[test]
fn a_start_that_slurm_does_not_expect_is_not_made_up() {
    let outcome = Cluster::of(vec![waiting(1, "Resources", &json!({}))]).explain(&[]);
    says(
        &outcome,
        &["starts          Slurm has not worked out when it will start"],
    );
}

#[test]
fn the_jobs_that_it_depends_on_are_looked_up() {
    let dependency =
        json!({"dependency": "afterok:2(unfulfilled),afterany:9(unfulfilled),singleton"});
    let running = json!({"job_id": 2, "job_state": ["RUNNING"]});
    let outcome = Cluster::of(vec![waiting(1, "Dependency", &dependency), running]).explain(&[]);
    says(
        &outcome,
        &[
            "job 1 waits: other jobs have to end first (Dependency)",
            "waits for       job 2 is RUNNING: it has to complete with exit code 0",
            "waits for       job 9 is not known to Slurm any more: it has to end, well or not",
            "waits for       no other job of its name and its user may run",
        ],
    );
}

#[test]
fn what_holds_a_job_is_told_with_the_command_that_releases_it() {
    let held = json!({"priority": {"set": true, "number": 0}});
    let outcome = Cluster::of(vec![waiting(1, "JobHeldUser", &held)]).explain(&[]);
    says(
        &outcome,
        &[
            "job 1 waits until somebody releases it: its user holds it (JobHeldUser)",
            "next            release it: hpcapi api POST job/1 --data '{\"hold\": false}'",
            "next            release it, on the head node: scontrol release 1",
        ],
    );
    assert!(!outcome.text().contains("starts "), "{}", outcome.text());
    let old = Cluster {
        version: 38,
        ..Cluster::of(vec![waiting(
            1,
            "JobHeldUser",
            &json!({"priority": 0, "job_state": "PENDING"}),
        )])
    };
    let outcome = old.explain(&[]);
    says(
        &outcome,
        &["next            release it, on the head node: scontrol release 1"],
    );
    assert!(!outcome.text().contains("hpcapi api"), "{}", outcome.text());
}

#[test]
fn nodes_that_ec2_has_no_capacity_for_are_told_with_the_next_try() {
    let words = "(Code:InsufficientInstanceCapacity)Failure when resuming nodes";
    let down = &["DOWN", "CLOUD", "POWERED_DOWN"];
    let nodes = vec![node("n1", down, words), node("n2", down, words)];
    for (reason, more) in [
        ("Resources", json!({})),
        (
            "ReqNodeNotAvail",
            json!({"state_description": "ReqNodeNotAvail, UnavailableNodes:n[1-2]"}),
        ),
        ("BeginTime", json!({"restart_cnt": 1})),
    ] {
        let cluster = Cluster::of(vec![waiting(1, reason, &more)]).with_nodes(nodes.clone());
        let outcome = cluster.explain(&[]);
        let text = outcome.text();
        let first = "job 1 waits: EC2 did not start the instances of nodes that it may use";
        assert!(text.starts_with(&format!("{first} ({reason})\n")), "{text}");
        let again = "n[1-2]: EC2 has no capacity for this instance type in this zone \
                     (InsufficientInstanceCapacity); ParallelCluster tries again from about \
                     2100-01-01T00:10:00Z on";
        assert!(text.contains(again), "{text}");
        assert!(
            text.contains("give the queue more instance types"),
            "{text}"
        );
    }
}

#[test]
fn drained_nodes_are_told_with_their_reasons_and_so_is_too_much() {
    let drained = vec![
        node("n1", &["IDLE", "DRAIN"], "disk"),
        node("n2", &["DOWN"], "fan"),
    ];
    let cluster = Cluster::of(vec![waiting(1, "Resources", &json!({}))]).with_nodes(drained);
    says(
        &cluster.explain(&[]),
        &[
            "job 1 waits: too many of the nodes that it may use are down or drained (Resources)",
            "nodes           n1: drained: disk",
            "nodes           n2: down: fan",
            "next            return them to service, on the head node as root: scontrol update \
             nodename=n1,n2 state=resume",
            "partition       nodes that it asks for: 1; nodes of partition queue1 that are neither down nor drained: 0",
        ],
    );
    let asks = json!({"node_count": {"set": true, "number": 3}});
    let cluster = Cluster::of(vec![waiting(1, "PartitionConfig", &asks)]);
    says(
        &cluster.explain(&[]),
        &[
            "job 1 waits: the partition does not have what it asks for (PartitionConfig)",
            "partition       it asks for 3 nodes, and partition queue1 has 2",
        ],
    );
}

#[test]
fn the_first_version_tells_the_same_of_the_nodes() {
    let job = json!({"job_id": 1, "job_state": "PENDING", "partition": "queue1", "priority": 10,
        "state_reason": "Resources", "node_count": 1, "start_time": LATER});
    let nodes = vec![
        json!({"name": "n1", "state": "drained", "cpus": 2, "reason": "disk"}),
        json!({"name": "other", "state": "down", "cpus": 2, "reason": "fan"}),
    ];
    let cluster = Cluster {
        version: 36,
        ..Cluster::of(vec![job]).with_nodes(nodes)
    };
    says(
        &cluster.explain(&[]),
        &[
            "job 1 waits: too many of the nodes that it may use are down or drained (Resources)",
            "nodes           n1: drained: disk",
            "starts          Slurm expects it to start at 2100-01-01 00:00:00 +00:00 (in …",
        ],
    );
}

#[test]
fn limits_licenses_and_the_limit_of_an_array_have_words() {
    let wants = json!({"licenses": "matlab:2"});
    let outcome = Cluster::of(vec![waiting(1, "Licenses", &wants)]).explain(&[]);
    says(
        &outcome,
        &["waits for       licenses: matlab:2 (0 of 4 are free)"],
    );
    let array = json!({"array_job_id": {"set": true, "number": 1}, "array_task_string": "3-9%2"});
    let outcome = Cluster::of(vec![waiting(1, "JobArrayTaskLimit", &array)]).explain(&[]);
    says(
        &outcome,
        &["waits for       one of its tasks that run has to end: 2 may run at once"],
    );
    let outcome = Cluster::of(vec![waiting(1, "QOSMaxCpuPerUserLimit", &json!({}))]).explain(&[]);
    says(
        &outcome,
        &[
            "job 1 waits: its user's jobs have what its QOS lets one user have at once: CPUs \
           (QOSMaxCpuPerUserLimit)",
        ],
    );
}

#[test]
fn a_reason_of_a_newer_slurm_is_shown_as_it_is() {
    let more = json!({"state_description": "moon is full"});
    let outcome = Cluster::of(vec![waiting(1, "MoonPhase", &more)]).explain(&[]);
    says(
        &outcome,
        &[
            "job 1 waits; Slurm's reason is one that this hpcapi has no words for (MoonPhase)",
            "Slurm says      moon is full",
        ],
    );
}

#[test]
fn a_thousand_tasks_are_a_few_explanations() {
    let task = |index: u64| {
        let code = u64::from(index.is_multiple_of(500));
        let state = if code > 0 { "FAILED" } else { "COMPLETED" };
        json!({"job_id": 1000 + index, "array_job_id": {"set": true, "number": 1},
            "array_task_id": {"set": true, "number": index}, "job_state": [state],
            "start_time": {"set": true, "number": 5}, "partition": "queue1", "nodes": "n1",
            "exit_code": {"return_code": {"set": true, "number": code}}})
    };
    let answer = Cluster::of((0..1000).map(task).collect()).json();
    let explanations = answer["explanations"].as_array().unwrap();
    assert_eq!(explanations.len(), 2, "{answer}");
    assert_eq!(explanations[0]["jobs"], json!(["1_[0,500]"]));
    assert_eq!(
        explanations[0]["text"],
        "tasks 1_[0,500] failed with exit code 1"
    );
    assert_eq!(
        explanations[0]["advice"],
        json!([{"text": "read what it wrote", "command": "hpcapi jobs logs 1_0"}])
    );
    assert_eq!(explanations[1]["jobs"], json!(["1_[1-499,501-999]"]));
    assert_eq!(answer["jobs"].as_array().unwrap().len(), 1000);
}

#[test]
fn every_end_and_every_state_between_has_a_sentence() {
    let exit = |code: u64, signal: u64| {
        json!({"return_code": {"set": true, "number": code},
            "signal": {"id": {"set": signal > 0, "number": signal}}})
    };
    for (state, more, words) in [
        ("COMPLETED", json!({}), "job 1 completed with exit code 0"),
        (
            "FAILED",
            json!({"exit_code": exit(127, 0)}),
            "job 1 failed with exit code 127, as a shell ends when a command is not found",
        ),
        (
            "FAILED",
            json!({"exit_code": exit(0, 11)}),
            "job 1 was ended by signal 11 (SIGSEGV",
        ),
        (
            "FAILED",
            json!({"exit_code": exit(0, 53), "standard_output": "/no/x"}),
            "job 1 did not begin: Slurm could not open `/no/x`",
        ),
        (
            "FAILED",
            json!({"state_reason": "BadConstraints", "exit_code": exit(0, 1)}),
            "job 1 failed before it began: no node meets what it asks for (BadConstraints)",
        ),
        (
            "TIMEOUT",
            json!({"time_limit": {"set": true, "number": 5}}),
            "job 1 ran out of time: the time limit is 5 minutes",
        ),
        (
            "OUT_OF_MEMORY",
            json!({"memory_per_node": {"set": true, "number": 100}}),
            "job 1 ran out of memory: it asked for 100 MiB on each node",
        ),
        (
            "NODE_FAIL",
            json!({"nodes": "n1"}),
            "job 1 ended because a node failed (n1)",
        ),
        (
            "BOOT_FAIL",
            json!({}),
            "job 1 ended because a node did not boot",
        ),
        ("PREEMPTED", json!({}), "job 1 ended to make room"),
        (
            "DEADLINE",
            json!({}),
            "job 1 ended because it could not end before its deadline",
        ),
        (
            "CANCELLED",
            json!({"state_reason": "BeginTime"}),
            "job 1 was cancelled before it started\n",
        ),
        (
            "RUNNING",
            json!({"nodes": "n1", "start_time": {"set": true, "number": 5}}),
            "job 1 runs on n1 since 1970-01-01T00:00:05Z",
        ),
        (
            "CONFIGURING",
            json!({"nodes": "n1"}),
            "job 1 waits for its nodes to boot on n1",
        ),
        (
            "COMPLETING",
            json!({}),
            "job 1 has run to the end, and Slurm cleans up",
        ),
        ("SUSPENDED", json!({}), "job 1 is suspended"),
        (
            "MELTED",
            json!({}),
            "job 1 is MELTED, a state that this hpcapi has no words for",
        ),
    ] {
        let mut job = json!({"job_id": 1, "job_state": [state], "partition": "queue1"});
        for (name, value) in more.as_object().unwrap() {
            job[name] = value.clone();
        }
        let text = Cluster::of(vec![job]).explain(&[]).text();
        assert!(text.starts_with(words), "{state}: {text}");
    }
}

#[test]
fn a_job_that_nobody_knows_is_an_error() {
    let server = Cluster::of(Vec::new()).start();
    let outcome = User::new().run(&server.endpoint(), &["jobs", "explain", "1"]);
    assert_eq!(outcome.complaints(), Vec::<String>::new());
    let words = "error: Slurm knows no job 1";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_looked_at_is_said_and_the_rest_is_told() {
    let cluster = Cluster::of(vec![waiting(1, "Resources", &json!({}))]);
    let server = Server::start(move |asked| match asked.path.ends_with("/nodes") {
        true => in_json(
            403,
            json!({"errors": [{"description": "not for you"}]}).to_string(),
        ),
        false => in_json_or_offer(asked, &cluster),
    });
    let outcome = User::new().run(&server.endpoint(), &["jobs", "explain", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let text = outcome.text();
    assert!(
        text.starts_with("job 1 waits: the nodes that it asks for are not free"),
        "{text}"
    );
    assert!(
        text.contains("unknown         the nodes could not be looked at: "),
        "{text}"
    );
}

#[test]
fn giving_up_a_part_of_an_array_leaves_the_rest_alone() {
    let part = json!({"array_job_id": {"set": true, "number": 1}, "array_task_string": "3-5"});
    let waits = waiting(1, "PartitionTimeLimit", &part);
    let runs = json!({"job_id": 8, "job_state": ["RUNNING"], "partition": "queue1",
        "array_job_id": {"set": true, "number": 1}, "array_task_id": {"set": true, "number": 2}});
    let outcome = Cluster::of(vec![waits.clone(), runs]).explain(&[]);
    says(
        &outcome,
        &["next            give them up: hpcapi jobs cancel 1_3 1_4 1_5"],
    );
    let outcome = Cluster::of(vec![waits]).explain(&[]);
    says(
        &outcome,
        &["next            give it up: hpcapi jobs cancel 1"],
    );
}
