//! A program run to its end: what it printed, how long it took, and how much memory it had.

use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Result, machine};

/// How often it is looked at how much memory a program has.
const WATCH: Duration = Duration::from_millis(10);

/// A run that succeeded.
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) took: Duration,
    /// The most memory that it was seen to have, in megabytes.
    pub(crate) peak: f64,
}

impl Run {
    pub(crate) fn seconds(&self) -> f64 {
        self.took.as_secs_f64()
    }

    pub(crate) fn milliseconds(&self) -> f64 {
        self.seconds() * 1000.0
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
    let status = format!("/proc/{}/status", child.id());
    let has_ended = AtomicBool::new(false);
    let (ended, peak) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !has_ended.load(Ordering::Relaxed) {
                peak = peak.max(high_water_mark(&status));
                thread::sleep(WATCH);
            }
            peak
        });
        let ended = (|| {
            if let Some(mut pipe) = child.stdout.take() {
                pipe.read_to_end(&mut stdout)?;
            }
            child.wait()
        })();
        let took = start.elapsed();
        has_ended.store(true, Ordering::Relaxed);
        (ended.map(|ended| (ended, took)), watch.join())
    });
    let (ended, took) = ended?;
    let peak = peak.map_err(|_| "the watch broke off")?;
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
