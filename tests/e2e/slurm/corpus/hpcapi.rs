//! `hpcapi jobs submit`, here.

use serde_json::Value;

use super::Outcomes;
use super::listed::Listed;
use super::scripts::Script;
use crate::environment::text;
use crate::slurm::cluster::Cluster;

/// Submits all scripts: those that need no words of their own in one call, unless that is refused.
pub(super) fn submit(
    cluster: &Cluster,
    scripts: &[Script],
    by_sbatch: &Outcomes,
    listed: &Listed,
) -> Outcomes {
    let is_plain = |script: &&Script| {
        let words = script.options.len() + script.arguments.len();
        words == 0 && by_sbatch[&script.name].is_ok() && !listed.is_refused(&script.name)
    };
    let (plain, mut others): (Vec<&Script>, Vec<&Script>) = scripts.iter().partition(is_plain);
    let mut outcomes = Outcomes::new();
    match submit_together(cluster, &plain) {
        Some(together) => outcomes.extend(together),
        None => others.extend(plain),
    }
    outcomes.extend(others.into_iter().map(|script| {
        let outcome = submit_one(cluster, script);
        (script.name.clone(), outcome)
    }));
    outcomes
}

fn submit_together(cluster: &Cluster, scripts: &[&Script]) -> Option<Outcomes> {
    let paths = scripts.iter().map(|script| script.path.to_str().unwrap());
    let words: Vec<&str> = ["jobs", "submit", "--hold", "--output", "json"]
        .into_iter()
        .chain(paths)
        .collect();
    let output = cluster.env.run(&words);
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    let find = |list: &str, script: &Script| {
        let all = answer[list].as_array().unwrap().iter();
        let path = script.path.to_str();
        all.clone()
            .find(|one| one["file"].as_str() == path)
            .cloned()
    };
    let outcomes = scripts.iter().map(|script| {
        let outcome = match find("jobs", script) {
            Some(job) => Ok(job["id"].as_u64().unwrap()),
            None => Err(find("failed", script).unwrap().to_string()),
        };
        (script.name.clone(), outcome)
    });
    Some(outcomes.collect())
}

fn submit_one(cluster: &Cluster, script: &Script) -> Result<u64, String> {
    let mut words = vec!["jobs", "submit", "--hold"];
    words.extend(script.options.iter().map(String::as_str));
    if !script.is_wrapped() {
        words.push(script.path.to_str().unwrap());
    }
    if !script.arguments.is_empty() {
        words.push("--");
        words.extend(script.arguments.iter().map(String::as_str));
    }
    let output = cluster.env.run(&words);
    if output.status.success() {
        return Ok(text(&output.stdout).trim().parse().unwrap());
    }
    Err(text(&output.stderr))
}
