//! The Slurm client side by side with what a user would run instead: curl, and a bare HTTP load
//! generator. Makes a cluster in a sandbox of its own, measures each pair in turn, prints a table
//! and ends with code 1 when a limit is broken.
//!
//!     cargo bench --bench client [-- [--quick] [PART…]]
//!
//! Parts: commands, lists, submission, recorder, remembered. Needs root, for the sandbox and for the socket of slurmrestd in it; curl; and a machine that
//! does nothing else.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer is a table on stdout, the story goes to stderr"
)]

#[path = "../measure/mod.rs"]
mod measure;

mod cluster;
mod curl;
mod http;
mod jobs;
mod listing;
mod load;
mod node;
mod recorder;
mod remembered;
mod small;
mod submission;

use std::process::ExitCode;

use cluster::Cluster;
use measure::comparison::{self, Comparison};
use measure::{Result, machine};

/// What can be measured.
const PARTS: [&str; 5] = ["commands", "lists", "submission", "recorder", "remembered"];

const USAGE: &str = "cargo bench --bench client [-- [--quick] [PART…]]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners start every target; measuring is for cargo bench alone, which says this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured: {USAGE}");
        return ExitCode::SUCCESS;
    }
    let mut rounds = 7;
    let mut parts = Vec::new();
    for argument in &arguments {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => rounds = 3,
            part if PARTS.contains(&part) => parts.push(part),
            other => {
                eprintln!("`{other}` is neither an option nor a part: {USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if parts.is_empty() {
        parts.extend(PARTS);
    }
    match measure(rounds, &parts) {
        Ok(comparisons) if comparisons.iter().all(Comparison::is_kept) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize, parts: &[&str]) -> Result<Vec<Comparison>> {
    let cluster = Cluster::start()?;
    let bodies = submission::bodies(&cluster)?;
    // Those after them empty the cluster first.
    if parts.iter().any(|part| PARTS[..3].contains(part)) {
        jobs::fill(&cluster, &bodies, jobs::MANY)?;
    }
    // Once the cluster is there: making it is a load of its own.
    let load = machine::load()?;
    let mut comparisons = Vec::new();
    for part in PARTS.into_iter().filter(|part| parts.contains(part)) {
        match part {
            "commands" => comparisons.extend(small::commands(&cluster, rounds)?),
            "lists" => comparisons.extend(listing::lists(&cluster, rounds)?),
            "submission" => comparisons.push(submission::rates(&cluster, &bodies, rounds)?),
            "recorder" => comparisons.push(recorder::cost(&cluster, &bodies, rounds)?),
            _ => comparisons.extend(remembered::list(&cluster, rounds)?),
        }
    }
    print!("{}", comparison::table(&comparisons));
    println!("\n{}", machine::describe()?);
    println!("load before {load}, after {}", machine::load()?);
    Ok(comparisons)
}
