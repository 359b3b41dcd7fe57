//! The load generator: threads that post job descriptions as fast as they are answered.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Connection;
use super::measure::Result;

/// Where the jobs go.
pub(crate) struct Target<'a> {
    pub(crate) socket: &'a Path,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a str,
}

/// Posts every body once from so many threads, each with a connection of its own; returns how
/// long that took. Fails unless each made a job.
pub(crate) fn post(target: &Target<'_>, bodies: &[String], threads: usize) -> Result<Duration> {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let answers = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(target, bodies, &next)))
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err("a thread panicked".into()))
            })
            .collect::<Result<Vec<_>>>()
    });
    let took = start.elapsed();
    // Looked at afterwards: reading the answers is no part of the load.
    let answers: Vec<Vec<u8>> = answers?.into_iter().flatten().collect();
    for answer in &answers {
        require_job(answer)?;
    }
    if answers.len() != bodies.len() {
        return Err(format!("{} of {} were answered", answers.len(), bodies.len()).into());
    }
    Ok(took)
}

fn work(target: &Target<'_>, bodies: &[String], next: &AtomicUsize) -> Result<Vec<Vec<u8>>> {
    let mut connection = Connection::open(target.socket, target.headers)?;
    let mut answers = Vec::new();
    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        answers.push(connection.post(target.path, body)?);
    }
    Ok(answers)
}

fn require_job(answer: &[u8]) -> Result<()> {
    let parsed: Option<Value> = serde_json::from_slice(answer).ok();
    if parsed.is_some_and(|answer| answer["job_id"].as_u64().is_some_and(|id| id > 0)) {
        return Ok(());
    }
    Err(format!("no job was made: {}", String::from_utf8_lossy(answer)).into())
}
