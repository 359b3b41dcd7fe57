//! `hpcapi jobs list` of a long list, against curl straight from slurmrestd.

use super::cluster::{Cluster, Way, json};
use super::curl;
use super::jobs::MANY;
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};
use super::measure::turns::in_turn;

/// The most memory that a list may take, in megabytes.
const MEMORY: f64 = 60.0;

/// Compares time and memory on both ways. curl always has the shorter one.
pub(crate) fn lists(cluster: &Cluster, rounds: usize) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for (way, name) in [(Way::Gateway, "gateway"), (Way::Socket, "socket")] {
        eprintln!("listing {MANY} jobs, {name}");
        let (ours, theirs) = in_turn(
            rounds,
            || list(cluster, way),
            || curl::get(cluster, Way::Socket, "jobs"),
        )?;
        if ours.iter().any(|run| run.peak == 0.0) {
            return Err("the memory of a list was not seen".into());
        }
        let figures =
            |runs: &[Run], figure: fn(&Run) -> f64| Figures::new(runs.iter().map(figure).collect());
        comparisons.push(Comparison {
            name: format!("jobs list of {MANY} ({name}) vs curl jobs (socket)"),
            unit: Unit("ms"),
            ours: figures(&ours, Run::milliseconds),
            theirs: Some(figures(&theirs, Run::milliseconds)),
            limit: Limit::AtMostTheirs {
                times: 1.0,
                more: 0.0,
            },
        });
        comparisons.push(Comparison {
            name: format!("its peak memory ({name}) vs that of curl"),
            unit: Unit("MB"),
            ours: figures(&ours, |run| run.peak),
            theirs: Some(figures(&theirs, |run| run.peak)),
            limit: Limit::AtMost(MEMORY),
        });
    }
    Ok(comparisons)
}

/// Lists the jobs; fails unless all of them are there.
fn list(cluster: &Cluster, way: Way) -> Result<Run> {
    let run = run(&mut cluster.hpcapi(way, &["jobs", "list", "--output", "json"]))?;
    let found = json(&run)?["jobs"].as_array().map(Vec::len);
    if found != Some(MANY) {
        return Err(format!("{found:?} jobs were listed, not {MANY}").into());
    }
    Ok(run)
}
