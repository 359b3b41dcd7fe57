//! The names that tools know: this binary, called `sbatch`, `squeue` and so on, takes Slurm's own
//! arguments, prints its formats and ends with its exit codes, by way of the API.

mod install;
mod job_columns;
mod layout;
mod node_columns;
mod records;
mod sacct;
mod sacct_columns;
mod sacct_format;
mod sbatch;
mod scancel;
mod scontrol;
mod selected;
mod sinfo;
mod squeue;
mod surroundings;
mod values;
mod words;

use std::ffi::OsString;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::output;

use super::called;

pub(super) use install::{Args, run};

use surroundings::Surroundings;

/// A program of Slurm's that this binary can be called as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Submits a batch script.
    Sbatch,
    /// Lists jobs.
    Squeue,
    /// Cancels jobs, and sends them signals.
    Scancel,
    /// Lists jobs that have ended, too.
    Sacct,
    /// Lists partitions and nodes.
    Sinfo,
    /// Shows all of them, and changes jobs.
    Scontrol,
}

impl Program {
    /// All of them.
    const ALL: [Program; 6] = [
        Program::Sbatch,
        Program::Squeue,
        Program::Scancel,
        Program::Sacct,
        Program::Sinfo,
        Program::Scontrol,
    ];

    /// Returns the program that this process was called as: the last part of its first argument.
    pub fn called() -> Option<Program> {
        let first = std::env::args_os().next()?;
        let name = Path::new(&first).file_name()?.to_str()?;
        Program::ALL.into_iter().find(|own| own.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Program::Sbatch => "sbatch",
            Program::Squeue => "squeue",
            Program::Scancel => "scancel",
            Program::Sacct => "sacct",
            Program::Sinfo => "sinfo",
            Program::Scontrol => "scontrol",
        }
    }

    /// Does what its arguments say, and returns its exit code.
    pub async fn main(self) -> u8 {
        let outcome = match words() {
            Ok(words) => self.run(&words).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(code) => code,
            // Of a job that was waited for.
            Err(error) if matches!(error.kind(), Kind::Job(_)) => error.kind().exit_code(),
            Err(error) => {
                self.report(&error);
                1
            }
        }
    }

    async fn run(self, words: &[String]) -> Result<u8> {
        // In boxes, or the future of all of them is nested deeper than the compiler goes.
        match self {
            Program::Sbatch => Box::pin(sbatch::run(words)).await,
            Program::Squeue => Box::pin(squeue::run(words)).await,
            Program::Scancel => Box::pin(scancel::run(words)).await,
            Program::Sacct => Box::pin(sacct::run(words)).await,
            Program::Sinfo => Box::pin(sinfo::run(words)).await,
            Program::Scontrol => Box::pin(scontrol::run(words)).await,
        }
    }

    /// Prints an error as Slurm's programs do, and what to do next.
    fn report(self, error: &Error) {
        let name = self.name();
        let mut lines = String::new();
        for line in format!("{error:#}").lines() {
            lines.push_str(&format!("{name}: error: {}\n", line.trim()));
        }
        // The variables that say which Slurm is meant hold for hpcapi, too.
        let again = called::unknown();
        for hint in error.hints() {
            lines.push_str(&format!("{name}: next: {}\n", again.hint(hint)));
        }
        output::harmless(&lines);
    }
}

/// Returns the words behind the program's name.
fn words() -> Result<Vec<String>> {
    let text = |word: OsString| {
        word.into_string().map_err(|word| {
            Error::usage(format!("`{}` is no text in UTF-8", word.to_string_lossy()))
        })
    };
    std::env::args_os().skip(1).map(text).collect()
}

/// Prints the version of the server's Slurm, as its programs print theirs.
async fn print_version() -> Result<u8> {
    let surroundings = Surroundings::read()?;
    let version = surroundings.release().await?;
    output::raw(&format!("slurm {version}\n"))?;
    Ok(0)
}

/// Prints what a server said, as one JSON document.
fn print_json(said: &serde_json::Value) -> Result<()> {
    output::raw(&format!("{said:#}\n"))
}
