//! `hpcapi jobs submit` of very many scripts, against the rate at which the load generator can
//! make slurmrestd take the same bodies.

use std::fs;

use serde_json::Value;

use super::cluster::{Cluster, Way};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};
use super::{jobs, load};

/// How many scripts are submitted at once.
const SCRIPTS: usize = 1_000;

/// With how many threads the load generator is tried; its best counts.
const THREADS: [usize; 5] = [1, 2, 4, 8, 16];

/// Stands in a printed curl command before the body, which ends at the next quotation mark.
const BODY: &str = "--data-binary '";

/// Returns the bodies that hpcapi sends for the scripts, one for each.
pub(crate) fn bodies(cluster: &Cluster) -> Result<Vec<String>> {
    // Finds out and remembers the version, which --curl does not.
    run(&mut cluster.hpcapi(Way::Socket, &["ping"]))?;
    let commands = submit(cluster, &["--curl"])?.text();
    let bodies: Option<Vec<String>> = commands
        .lines()
        .map(|line| Some(line.split_once(BODY)?.1.split_once('\'')?.0.to_owned()))
        .collect();
    let bodies = bodies.ok_or("a printed curl command has no body")?;
    for body in &bodies {
        serde_json::from_str::<Value>(body)?;
    }
    if bodies.len() != SCRIPTS {
        return Err(format!("{} bodies for {SCRIPTS} scripts", bodies.len()).into());
    }
    Ok(bodies)
}

/// Compares the rates. Each time the cluster is empty before.
pub(crate) fn rates(cluster: &Cluster, bodies: &[String], rounds: usize) -> Result<Comparison> {
    eprintln!(
        "submitting {SCRIPTS} scripts, {} times",
        rounds * (THREADS.len() + 1)
    );
    let mut ours = Vec::new();
    let mut theirs = THREADS.map(|threads| (threads, Vec::new()));
    // The first round is not measured.
    for round in 0..=rounds {
        jobs::empty(cluster)?;
        let run = submit(cluster, &[])?;
        let made = run.text().lines().count();
        if made != SCRIPTS {
            return Err(format!("{made} of {SCRIPTS} scripts were submitted").into());
        }
        if round > 0 {
            ours.push(rate(run.took.as_secs_f64()));
        }
        for (threads, rates) in &mut theirs {
            jobs::empty(cluster)?;
            let took = load::post(&cluster.target(), bodies, *threads)?;
            if round > 0 {
                rates.push(rate(took.as_secs_f64()));
            }
        }
    }
    let (threads, best) = theirs
        .map(|(threads, rates)| (threads, Figures::new(rates)))
        .into_iter()
        .max_by(|(_, one), (_, other)| one.median().total_cmp(&other.median()))
        .ok_or("no number of threads")?;
    Ok(Comparison {
        name: format!("jobs submit of {SCRIPTS} vs {threads} bare connections (socket)"),
        unit: Unit("/s"),
        ours: Figures::new(ours),
        theirs: Some(best),
        limit: Limit::AtLeastTheirs { times: 0.9 },
    })
}

fn rate(seconds: f64) -> f64 {
    f64::from(u32::try_from(SCRIPTS).unwrap_or(u32::MAX)) / seconds
}

/// Submits all scripts in one call.
fn submit(cluster: &Cluster, options: &[&str]) -> Result<Run> {
    let folder = cluster.folder().join("scripts");
    fs::create_dir_all(&folder)?;
    let mut command = cluster.hpcapi(Way::Socket, &["jobs", "submit", "--hold"]);
    command.args(options);
    for number in 1..=SCRIPTS {
        let script = folder.join(format!("job-{number}.sh"));
        fs::write(&script, format!("#!/bin/bash\nsleep {number}\n"))?;
        command.arg(script);
    }
    run(&mut command)
}
