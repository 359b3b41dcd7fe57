//! Lists of which few jobs are wanted, or which are too much for one answer: they come in pieces.

use serde_json::{Value, json};

use crate::answers::{answer, in_json, job, offer};
use crate::command::{Outcome, User};
use crate::server::{Answer, Asked, Server};

/// What a cluster knows, and how its single jobs are when they are looked at later.
#[derive(Clone, Default)]
struct Cluster {
    jobs: Vec<Value>,
    /// Those that are otherwise by then; nothing is left of one that is null, and several are the records of
    /// an array.
    later: Vec<(u64, Value)>,
    /// Whether the whole list is more than API Gateway passes on.
    is_too_long: bool,
}

impl Cluster {
    /// Returns a cluster of jobs with the numbers from 1 on; every tenth runs.
    fn of(count: u64) -> Cluster {
        let state = |id: u64| {
            if id.is_multiple_of(10) {
                "RUNNING"
            } else {
                "PENDING"
            }
        };
        Cluster {
            jobs: (1..=count).map(|id| job(id, state(id), "")).collect(),
            ..Cluster::default()
        }
    }

    fn start(self) -> Server {
        Server::start(move |asked| self.answer(asked))
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let Some(resource) = asked.path.strip_prefix("/slurm/v0.0.42/") else {
            return match asked.is_discovery() {
                true => offer(&[42]),
                false => answer(404, "text/plain", "Unable find requested URL"),
            };
        };
        if let Some(id) = resource.strip_prefix("job/") {
            return self.one(id.parse().unwrap());
        }
        match resource {
            "jobs/state" => {
                let states: Vec<Value> = self.jobs.iter().flat_map(states).collect();
                in_json(200, json!({"jobs": states}).to_string())
            }
            "jobs" if self.is_too_long => in_json(500, r#"{"message":"Internal Server Error"}"#),
            "jobs" => in_json(200, json!({"jobs": self.jobs}).to_string()),
            "partitions" => in_json(200, r#"{"partitions":[{"name":"queue1"}]}"#),
            other => panic!("asked for {other}"),
        }
    }

    fn one(&self, id: u64) -> Answer {
        let is_it = |job: &&Value| job["job_id"] == id || job["array_job_id"] == id;
        let mut jobs: Vec<Value> = self.jobs.iter().filter(is_it).cloned().collect();
        if let Some((_, later)) = self.later.iter().find(|(own, _)| *own == id) {
            jobs = match later {
                Value::Array(several) => several.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            };
        }
        match jobs.is_empty() {
            true => in_json(
                500,
                r#"{"errors":[{"error_number":2017,"error":"Invalid job id specified"}]}"#,
            ),
            false => in_json(200, json!({"jobs": jobs}).to_string()),
        }
    }
}

/// Returns the states of a job as `jobs/state` tells them: of the tasks of an array that have not
/// started each by itself.
fn states(job: &Value) -> Vec<Value> {
    let told = |id: String| json!({"job_id": id, "state": job["job_state"]});
    let id = &job["job_id"];
    match (job["array_task_id"].as_u64(), job["array_tasks"].as_u64()) {
        (Some(task), _) => vec![told(format!("{id}_{task}"))],
        (None, Some(count)) => (0..count)
            .map(|task| told(format!("{id}_{task}")))
            .collect(),
        (None, None) => vec![told(id.to_string())],
    }
}

fn list(server: &Server, filter: &[&str]) -> Outcome {
    let arguments = [&["jobs", "list", "--output", "json"], filter].concat();
    User::new().run(&server.endpoint(), &arguments)
}

#[track_caller]
fn ids(server: &Server, filter: &[&str]) -> Vec<u64> {
    let outcome = list(server, filter);
    assert_eq!(outcome.code, Some(0), "{filter:?} {}", outcome.stderr);
    let answer: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let jobs = answer["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect()
}

/// Returns how often the whole list was asked for, and how often a single job.
fn asked(server: &Server) -> (usize, usize) {
    let singles = server.asked().into_iter();
    let singles = singles.filter(|asked| asked.path.contains("/job/")).count();
    (server.count("GET", "/jobs"), singles)
}

#[test]
fn where_a_part_is_wanted_nothing_but_it_is_asked_for() {
    for (filter, expected) in [
        (&["--limit", "250"][..], (1751..=2000).collect::<Vec<u64>>()),
        (&["--state", "R"], (10..=2000).step_by(10).collect()),
        (
            &["--state", "R", "--limit", "101"],
            (1000..=2000).step_by(10).collect(),
        ),
    ] {
        let server = Cluster::of(2000).start();
        assert_eq!(ids(&server, filter), expected, "{filter:?}");
        let (whole, singles) = asked(&server);
        assert_eq!(whole, 0, "{filter:?}");
        // Those that are under way when there are enough count, too.
        assert!(
            (expected.len()..expected.len() + 32).contains(&singles),
            "{filter:?}: {singles}"
        );
    }
}

#[test]
fn where_most_are_wanted_all_are_asked_for_at_once() {
    for (count, filter) in [
        (400, &["--limit", "200"][..]),
        (2000, &["--limit", "600"]),
        (400, &["--state", "PD"]),
        (50, &[]),
    ] {
        let server = Cluster::of(count).start();
        ids(&server, filter);
        assert_eq!(asked(&server), (1, 0), "{count} {filter:?}");
    }
}

#[test]
fn what_the_states_do_not_tell_is_looked_for_from_the_newest_on() {
    let mut cluster = Cluster::of(3000);
    for at in [2998, 2996, 7] {
        cluster.jobs[at - 1]["user_name"] = json!("you");
    }
    let server = cluster.start();
    assert_eq!(ids(&server, &["-u", "you", "--limit", "2"]), [2996, 2998]);
    let (whole, singles) = asked(&server);
    assert!(whole == 0 && singles < 64, "{whole} {singles}");
    assert_eq!(
        ids(&server, &["-u", "you", "--limit", "3"]),
        [7, 2996, 2998]
    );
    let (whole, singles) = asked(&server);
    assert!(whole == 1 && singles < 350, "{whole} {singles}");
}

#[test]
fn a_job_that_changes_between_two_looks_is_told_once_as_it_is() {
    let mut cluster = Cluster::of(1000);
    cluster.later = vec![
        (1000, Value::Null),
        (990, job(990, "COMPLETED", "")),
        (999, Value::Null),
    ];
    let server = cluster.start();
    assert_eq!(ids(&server, &["--limit", "3"]), [996, 997, 998]);
    assert_eq!(ids(&server, &["--state", "R", "--limit", "2"]), [970, 980]);
    assert_eq!(
        ids(&server, &["--state", "R,CD", "--limit", "2"]),
        [980, 990]
    );
    assert_eq!(asked(&server).0, 0);
}

#[test]
fn the_tasks_of_an_array_are_told_once_however_they_are_asked_for() {
    let task = |id: u64, index: u64, state: &str| {
        let mut task = job(id, state, "");
        task["array_job_id"] = json!(5);
        task["array_task_id"] = json!(index);
        task
    };
    let mut cluster = Cluster::of(500);
    let waiting = &mut cluster.jobs[4];
    waiting["array_job_id"] = json!(5);
    waiting["array_tasks"] = json!(300);
    cluster.jobs.push(task(501, 0, "RUNNING"));
    cluster.jobs.push(task(502, 1, "COMPLETED"));
    let server = cluster.clone().start();
    assert_eq!(ids(&server, &["--limit", "3"]), [500, 501, 502]);
    assert_eq!(ids(&server, &["--state", "CD"]), [502]);
    assert_eq!(ids(&server, &["--limit", "100"]).len(), 100);
    assert_eq!(asked(&server).0, 0);
    cluster.is_too_long = true;
    let server = cluster.clone().start();
    assert_eq!(ids(&server, &[]), (1..=502).collect::<Vec<u64>>());
}

#[test]
fn a_task_that_starts_between_two_looks_is_not_lost() {
    let mut cluster = Cluster::of(10);
    let array = |id: u64, fields: Value| {
        let mut task = job(id, "RUNNING", "");
        task["array_job_id"] = json!(10);
        task.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        task
    };
    cluster.jobs[9] = array(10, json!({"job_state": ["PENDING"], "array_tasks": 9}));
    let rest = array(
        10,
        json!({"job_state": ["PENDING"], "array_task_string": "1-8"}),
    );
    cluster.later = vec![(10, json!([rest, array(11, json!({"array_task_id": 0}))]))];
    let server = cluster.start();
    assert_eq!(ids(&server, &["--state", "PD,R", "--limit", "2"]), [10, 11]);
}

#[test]
fn a_list_that_is_too_long_for_the_gateway_comes_in_pieces() {
    let server = Cluster {
        is_too_long: true,
        ..Cluster::of(400)
    }
    .start();
    assert_eq!(ids(&server, &[]), (1..=400).collect::<Vec<u64>>());
    assert_eq!(asked(&server), (1, 400));
    assert_eq!(ids(&server, &["-u", "me"]).len(), 400);
    assert_eq!(ids(&server, &["--limit", "300"]).len(), 300);
}
