//! The jobs on the cluster: none, or very many.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cluster::Cluster;
use super::http::Connection;
use super::load;
use super::measure::Result;

/// A list that is long for a cluster.
pub(crate) const MANY: usize = 10_000;

/// How long slurmctld may take until it answers after its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Empties the cluster; returns once Slurm says that there is no job.
pub(crate) fn empty(cluster: &Cluster) -> Result<()> {
    cluster.node.forget_jobs()?;
    wait_for(cluster, 0)
}

/// Fills an emptied cluster with so many jobs.
pub(crate) fn fill(cluster: &Cluster, bodies: &[String], count: usize) -> Result<()> {
    empty(cluster)?;
    eprintln!("submitting {count} jobs");
    let bodies: Vec<String> = bodies.iter().cycle().take(count).cloned().collect();
    load::post(&cluster.target(), &bodies, 8)?;
    wait_for(cluster, count)
}

/// Waits until Slurm says that there are so many jobs.
fn wait_for(cluster: &Cluster, count: usize) -> Result<()> {
    let start = Instant::now();
    loop {
        let mut connection = Connection::open(&cluster.node.socket, cluster.headers())?;
        let answer = connection.get(&cluster.path("jobs"))?;
        // No list comes from a slurmctld that does not answer yet.
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|_| format!("no JSON: {}", String::from_utf8_lossy(&answer)))?;
        let has_failed = answer["errors"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty());
        let found = answer["jobs"].as_array().map(Vec::len);
        if !has_failed && found == Some(count) {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("not {count} jobs but {found:?}: {}", answer["errors"]).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
