//! The Slurm client side by side with what a user would run instead: curl, and a bare HTTP load
//! generator. Makes a cluster in a sandbox of its own, measures each pair in turn, prints a table
//! and ends with code 1 when a limit is broken.
//!
//!     cargo bench --bench client [-- --quick]
//!
//! Needs root, for the sandbox and for the socket of slurmrestd in it; curl; and a machine that
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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners start every target; measuring is for cargo bench alone, which says this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured: cargo bench --bench client [-- --quick]");
        return ExitCode::SUCCESS;
    }
    let mut rounds = 7;
    for argument in &arguments {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => rounds = 3,
            other => {
                eprintln!("`{other}` is no option: cargo bench --bench client [-- --quick]");
                return ExitCode::from(2);
            }
        }
    }
    match measure(rounds) {
        Ok(comparisons) if comparisons.iter().all(Comparison::is_kept) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(rounds: usize) -> Result<Vec<Comparison>> {
    let cluster = Cluster::start()?;
    let bodies = submission::bodies(&cluster)?;
    jobs::fill(&cluster, &bodies, jobs::MANY)?;
    // Once the cluster is there: making it is a load of its own.
    let load = machine::load()?;
    let mut comparisons = small::commands(&cluster, rounds)?;
    comparisons.extend(listing::lists(&cluster, rounds)?);
    comparisons.push(submission::rates(&cluster, &bodies, rounds)?);
    comparisons.push(recorder::cost(&cluster, &bodies, rounds)?);
    comparisons.extend(remembered::list(&cluster, rounds)?);
    print!("{}", comparison::table(&comparisons));
    println!("\n{}", machine::describe()?);
    println!("load before {load}, after {}", machine::load()?);
    Ok(comparisons)
}
