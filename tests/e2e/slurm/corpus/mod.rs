//! A job is the one that `sbatch` makes: each script of `tests/corpus` is submitted by both, and what
//! Slurm knows of the two jobs and has stored of them is equal, but for the differences that
//! docs/client.md lists.

mod difference;
mod hpcapi;
mod listed;
mod moments;
mod sbatch;
mod scripts;
mod stored;

use std::collections::BTreeMap;

use super::cluster::Cluster;
use difference::Difference;
use listed::Listed;
use stored::{Job, Stored};

/// What became of each script: the number of its job, or why there is none.
type Outcomes = BTreeMap<String, Result<u64, String>>;

/// What the scripts ask for that only an administrator makes.
const RESERVE: &str = "scontrol create reservation ReservationName=course StartTime=now \
    Duration=UNLIMITED Users=ec2-user PartitionName=compute Nodes=compute-8";

pub(crate) fn scripts_become_the_jobs_of_sbatch(cluster: &Cluster) {
    let scripts = scripts::all();
    let mut listed = Listed::read(cluster.slurm.release);
    cluster.on_head_node(RESERVE);
    let theirs = sbatch::submit(cluster, &scripts);
    let ours = hpcapi::submit(cluster, &scripts, &theirs, &listed);
    let stored = Stored::read(cluster);
    remove(cluster, &[&theirs, &ours]);
    let mut differences = Vec::new();
    for script in &scripts {
        let name = &script.name;
        match (&theirs[name], &ours[name]) {
            (Ok(theirs), Ok(ours)) => {
                let all = compared(name, &stored.jobs(*theirs), &stored.jobs(*ours));
                differences.extend(all);
            }
            (Ok(_), Err(why)) => {
                differences.push(Difference::new(name, "refused by hpcapi", "", why));
            }
            (Err(why), Ok(_)) => {
                differences.push(Difference::new(name, "refused by `sbatch`", why, ""));
            }
            (Err(_), Err(_)) => {}
        }
    }
    differences.retain(|difference| !listed.has(difference));
    assert!(differences.is_empty(), "{}", difference::told(&differences));
    listed.require_met();
}

/// Returns how the components of two jobs differ.
fn compared(script: &str, theirs: &[Job], ours: &[Job]) -> Vec<Difference> {
    if theirs.len() != ours.len() {
        let [theirs, ours] = [theirs, ours].map(|jobs| jobs.len().to_string());
        return vec![Difference::new(script, "components", &theirs, &ours)];
    }
    let pairs = theirs.iter().zip(ours);
    pairs
        .flat_map(|(theirs, ours)| theirs.differences(ours))
        .map(|(what, theirs, ours)| Difference::new(script, &what, &theirs, &ours))
        .collect()
}

fn remove(cluster: &Cluster, outcomes: &[&Outcomes]) {
    let all = outcomes.iter().flat_map(|outcomes| outcomes.values());
    let ids: Vec<String> = all.flatten().map(u64::to_string).collect();
    let cancel = format!("scancel {}", ids.join(" "));
    cluster.on_head_node(&format!("{cancel}; scontrol delete ReservationName=course"));
}
