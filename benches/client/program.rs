//! A program run to its end: what it printed, how long it took, and how much memory it had.

use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Result, machine};

/// A run that succeeded.
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) took: Duration,
    /// The most memory that it was seen to have, in megabytes.
    pub(crate) peak: f64,
}

impl Run {
    pub(crate) fn milliseconds(&self) -> f64 {
        self.took.as_secs_f64() * 1000.0
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a program; fails unless it succeeds, with what it said.
pub(crate) fn run(command: &mut Command) -> Result<Run> {
    let mut stderr = tempfile::tempfile()?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr.try_clone()?);
    let start = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    let mut stdout = Vec::new();
    let mut peak = 0.0_f64;
    if let Some(mut pipe) = child.stdout.take() {
        let status = format!("/proc/{}/status", child.id());
        let mut buffer = vec![0; 1 << 16];
        // Whoever prints more than the pipe holds waits for us, and so can be looked at to the end.
        loop {
            let count = pipe.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            stdout.extend_from_slice(&buffer[..count]);
            peak = peak.max(high_water_mark(&status));
        }
    }
    let ended = child.wait()?;
    let took = start.elapsed();
    if !ended.success() {
        let mut words = String::new();
        stderr.rewind()?;
        stderr.read_to_string(&mut words)?;
        return Err(format!("{:?}: {ended}: {words}", command.get_program()).into());
    }
    Ok(Run { stdout, took, peak })
}

/// Returns the most memory a process has had so far, in megabytes; nothing once it has ended.
fn high_water_mark(status: &str) -> f64 {
    let value = machine::value(status, "VmHWM").ok().flatten();
    let kibibytes = value.and_then(|value| value.split(' ').next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) * 1024.0 / 1e6
}
