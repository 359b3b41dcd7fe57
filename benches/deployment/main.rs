//! `up`, `teardown`, `token`, `status`, the emptying of a bucket, the inputs of runs and objects that
//! become jobs, side by side with the recipe typed by a script, with the AWS CLI, and with the
//! shortest time that AWS would let them have.
//! Makes and removes deployments in a sandbox of its own in which everything takes the time it
//! takes in AWS, or a quarter of it, prints a table and ends with code 1 when a limit is broken.
//!
//!     cargo bench --bench deployment [-- [--quick] [--program PATH] [PART…]]
//!
//! Parts: way (half an hour, or eight minutes with --quick), commands, bucket, staging, triggers.
//! Another program than the one just built is measured with --program: one that is to be released,
//! for example. Needs root, for the sandbox, curl, and a machine that does nothing else.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer is a table on stdout, the story goes to stderr"
)]

#[path = "../measure/mod.rs"]
mod measure;
#[path = "../../tests/tools/mod.rs"]
mod tools;

mod bucket;
mod commands;
mod ground;
mod requests;
mod staging;
mod triggers;
mod way;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ground::Ground;
use measure::comparison::{self, Comparison};
use measure::{Result, machine};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How many times each thing is done.
    pub(crate) rounds: usize,
    /// How long things take, by how long they take in AWS.
    pub(crate) scale: f64,
    /// How many versions of objects are in the bucket.
    pub(crate) versions: usize,
}

const WHOLE: Effort = Effort {
    rounds: 3,
    scale: 1.0,
    versions: 100_000,
};

const QUICK: Effort = Effort {
    rounds: 1,
    scale: 0.25,
    versions: 10_000,
};

const PARTS: [&str; 5] = ["way", "commands", "bucket", "staging", "triggers"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners start every target; measuring is for cargo bench alone, which says this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured: cargo bench --bench deployment");
        return ExitCode::SUCCESS;
    }
    let mut effort = WHOLE;
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_hpcapi"));
    let mut parts = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => effort = QUICK,
            "--program" => program = rest.next().map(PathBuf::from).unwrap_or_default(),
            part if PARTS.contains(&part) => parts.push(part),
            other => {
                let parts = PARTS.join(", ");
                eprintln!("`{other}` is none of --quick, --program, {parts}");
                return ExitCode::from(2);
            }
        }
    }
    if parts.is_empty() {
        parts.extend(PARTS);
    }
    match measure(&program, effort, &parts) {
        Ok(comparisons) if comparisons.iter().all(Comparison::is_kept) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(program: &Path, effort: Effort, parts: &[&str]) -> Result<Vec<Comparison>> {
    let ground = Ground::prepare(program)?;
    let load = machine::load()?;
    let mut comparisons = Vec::new();
    for part in parts {
        comparisons.extend(match *part {
            "way" => way::compare(&ground, effort)?,
            "commands" => commands::compare(&ground, effort)?,
            "staging" => staging::compare(&ground, effort)?,
            "triggers" => triggers::compare(&ground, effort)?,
            _ => bucket::compare(&ground, effort)?,
        });
    }
    print!("{}", comparison::table(&comparisons));
    println!("\n{}", machine::describe()?);
    println!("load before {load}, after {}", machine::load()?);
    Ok(comparisons)
}
