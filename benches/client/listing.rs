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
const MEMORY: f64 = 40.0;

/// How many of the jobs are the newest that somebody asks for.
const NEWEST: usize = 1000;

/// The longest that these may take, in milliseconds.
const SOON: f64 = 3000.0;

/// Compares time and memory on both ways. curl always has the shorter one.
pub(crate) fn lists(cluster: &Cluster, rounds: usize) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    for (way, name) in [(Way::Gateway, "gateway"), (Way::Socket, "socket")] {
        eprintln!("listing {MANY} jobs, {name}");
        let (ours, theirs) = in_turn(
            rounds,
            || list(cluster, way, &[], MANY),
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
        comparisons.push(newest(cluster, way, name, rounds)?);
    }
    comparisons.push(table(cluster, rounds)?);
    Ok(comparisons)
}

/// Measures a list of a part of the jobs.
fn newest(cluster: &Cluster, way: Way, name: &str, rounds: usize) -> Result<Comparison> {
    let limit = NEWEST.to_string();
    let runs = (0..rounds).map(|_| list(cluster, way, &["--limit", &limit], NEWEST));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    Ok(Comparison {
        name: format!("jobs list --limit {NEWEST} of {MANY} ({name})"),
        unit: Unit("ms"),
        ours: Figures::new(runs.iter().map(Run::milliseconds).collect()),
        theirs: None,
        limit: Limit::AtMost(SOON),
    })
}

/// Measures the memory of the table of all jobs.
fn table(cluster: &Cluster, rounds: usize) -> Result<Comparison> {
    let mut peaks = Vec::new();
    for _ in 0..rounds {
        let run = run(&mut cluster.hpcapi(Way::Socket, &["jobs", "list"]))?;
        let found = run.text().lines().count();
        if found != MANY + 1 || run.peak == 0.0 {
            return Err(format!("{found} lines with {} MB", run.peak).into());
        }
        peaks.push(run.peak);
    }
    Ok(Comparison {
        name: format!("peak memory of the table of {MANY} (socket)"),
        unit: Unit("MB"),
        ours: Figures::new(peaks),
        theirs: None,
        limit: Limit::AtMost(MEMORY),
    })
}

/// Lists jobs; fails unless all that were asked for are there.
fn list(cluster: &Cluster, way: Way, filter: &[&str], expected: usize) -> Result<Run> {
    let arguments = [&["jobs", "list", "--output", "json"], filter].concat();
    let run = run(&mut cluster.hpcapi(way, &arguments))?;
    let found = json(&run)?["jobs"].as_array().map(Vec::len);
    if found != Some(expected) {
        return Err(format!("{found:?} jobs were listed, not {expected}").into());
    }
    Ok(run)
}
