//! What the job memory costs the scheduler: how long a job takes to be accepted and to be ended, fifty a
//! second, while those that have ended are remembered, and in between.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cluster::Cluster;
use super::http::Connection;
use super::jobs;
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};

/// How many jobs come in a second.
const RATE: u32 = 50;

/// How many come in a window: in 20 s, as often as jobs are remembered.
const JOBS: u32 = 20 * RATE;

/// Here the windows decide when jobs are remembered.
const STOP_TIMER: &str = "systemctl stop hpcapi-record-jobs.timer";
const START_TIMER: &str = "systemctl start hpcapi-record-jobs.timer";
const RECORD: &str = "systemctl start hpcapi-record-jobs";

/// Compares the time that a job takes in windows in which jobs are remembered with that in the
/// windows between: the machine is never twice the same, but for a moment it is.
pub(crate) fn cost(cluster: &Cluster, bodies: &[String], rounds: usize) -> Result<Comparison> {
    eprintln!("{RATE} jobs a second, {} windows", 2 * rounds);
    jobs::empty(cluster)?;
    cluster.node.execute(STOP_TIMER)?;
    let mut load = Load::begin(cluster, bodies)?;
    // The first window is not measured.
    load.window(cluster, false)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        with.push(load.window(cluster, true)?);
        without.push(load.window(cluster, false)?);
    }
    cluster.node.execute(START_TIMER)?;
    jobs::empty(cluster)?;
    Ok(Comparison {
        name: format!("a job at {RATE}/s, while jobs are remembered vs not"),
        unit: Unit("ms"),
        ours: Figures::new(with),
        theirs: Some(Figures::new(without)),
        limit: Limit::AtMostTheirs {
            times: 1.05,
            more: 0.0,
        },
    })
}

/// Jobs that come without end.
struct Load<'a> {
    connection: Connection,
    bodies: std::iter::Cycle<std::slice::Iter<'a, String>>,
    submit: &'a str,
}

impl<'a> Load<'a> {
    fn begin(cluster: &'a Cluster, bodies: &'a [String]) -> Result<Load<'a>> {
        let target = cluster.target();
        Ok(Load {
            connection: Connection::open(target.socket, target.headers)?,
            bodies: bodies.iter().cycle(),
            submit: target.path,
        })
    }

    /// Returns how long a job of a window takes on average to be accepted and to be cancelled, in
    /// milliseconds.
    fn window(&mut self, cluster: &Cluster, is_remembering: bool) -> Result<f64> {
        let mut busy = Duration::ZERO;
        let start = Instant::now();
        thread::scope(|scope| {
            let recording = scope.spawn(move || match is_remembering {
                true => cluster.node.execute(RECORD),
                false => Ok(()),
            });
            for number in 0..JOBS {
                let due = Duration::from_secs(1) * number / RATE;
                thread::sleep(due.saturating_sub(start.elapsed()));
                busy += self.job(cluster)?;
            }
            recording.join().map_err(|_| "a thread panicked")?
        })?;
        Ok(busy.as_secs_f64() * 1000.0 / f64::from(JOBS))
    }

    fn job(&mut self, cluster: &Cluster) -> Result<Duration> {
        let body = self.bodies.next().ok_or("no bodies")?;
        let begun = Instant::now();
        let answer = self.connection.post(self.submit, body)?;
        let id = serde_json::from_slice::<Value>(&answer)?["job_id"].as_u64();
        let id = id.ok_or_else(|| format!("no job: {}", String::from_utf8_lossy(&answer)))?;
        self.connection
            .delete(&cluster.path(&format!("job/{id}")))?;
        Ok(begun.elapsed())
    }
}
