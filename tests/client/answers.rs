//! What a good slurmrestd of v0.0.42 answers, and answers in general.

use serde_json::{Value, json};

use crate::server::{Answer, Asked, bytes};

/// Returns a complete answer with these further headers, each ended by CRLF.
pub(crate) fn with_headers(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    bytes(answer)
}

/// Returns a complete answer.
pub(crate) fn answer(status: u16, kind: &str, body: impl AsRef<[u8]>) -> Answer {
    with_headers(status, &format!("Content-Type: {kind}\r\n"), body)
}

/// Returns an answer in JSON.
pub(crate) fn in_json(status: u16, body: impl AsRef<[u8]>) -> Answer {
    answer(status, "application/json", body)
}

/// Returns an OpenAPI document that offers these versions.
pub(crate) fn offer(versions: &[u32]) -> Answer {
    let paths: serde_json::Map<String, Value> = versions
        .iter()
        .map(|version| (format!("/slurm/v0.0.{version}/jobs/"), json!({"get": {}})))
        .collect();
    in_json(200, json!({"openapi": "3.0.3", "paths": paths}).to_string())
}

/// Returns a job as v0.0.42 shows it.
pub(crate) fn job(id: u64, state: &str, comment: &str) -> Value {
    json!({"job_id": id, "job_state": [state], "name": "hello", "user_name": "me",
        "partition": "queue1", "comment": comment})
}

/// Answers as a slurmrestd whose cluster holds `jobs`, and takes every submission as job 77.
pub(crate) fn good(asked: &Asked, jobs: &[Value]) -> Answer {
    let path = asked.path.as_str();
    let Some(resource) = path.strip_prefix("/slurm/v0.0.42/") else {
        return if asked.is_discovery() {
            offer(&[40, 41, 42])
        } else {
            answer(404, "text/plain", "Unable find requested URL")
        };
    };
    let body = match resource {
        "ping" => json!({"pings": [{"hostname": "head", "pinged": "UP", "responding": true}]}),
        "diag" => json!({"statistics": {"jobs_running": 1}}),
        "partitions" => json!({"partitions": [{"name": "queue1", "partition": {"state": ["UP"]},
            "nodes": {"configured": "n[1-2]", "total": 2}}]}),
        "nodes" => json!({"nodes": [{"name": "n1", "state": ["IDLE"], "partitions": ["queue1"]}]}),
        "job/submit" => json!({"job_id": 77, "step_id": "batch"}),
        "jobs/state" => states(jobs),
        one if one.starts_with("job/") => json!({"jobs": &jobs[..jobs.len().min(1)]}),
        _ => json!({"jobs": jobs, "last_update": {"set": true, "number": 5}}),
    };
    in_json(200, body.to_string())
}

fn states(jobs: &[Value]) -> Value {
    let states: Vec<_> = jobs
        .iter()
        .map(|job| json!({"job_id": job["job_id"].to_string(), "state": job["job_state"]}))
        .collect();
    json!({"jobs": states})
}
