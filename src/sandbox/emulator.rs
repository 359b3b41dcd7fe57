//! The emulator's process: started, found again by any later run, stopped whole.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::error::{Context, Error, Result};
use crate::event::Events;
use crate::process::succeed;
use crate::wait::Pace;

use super::install::{environment, suite};
use super::privilege;

/// How long the emulator may take to answer.
const START: Duration = Duration::from_secs(60);

/// How long the emulator may take to stop its nodes and itself.
const STOP: Duration = Duration::from_secs(20);

/// An emulator that runs, as it describes itself in `run/emulator.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Running {
    /// Its process id.
    pub pid: u32,
    /// Its port on the loopback interface.
    pub port: u16,
    /// Where it listens, e.g. `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// The process with which it ends.
    ends_with: Option<u32>,
}

pub(super) fn running(folder: &Path) -> Option<Running> {
    let text = fs::read_to_string(folder.join("run/emulator.json")).ok()?;
    let running: Running = serde_json::from_str(&text).ok()?;
    let is_ending = running.ends_with.is_some_and(|pid| !is_process(pid));
    (is_emulator(running.pid) && !is_ending).then_some(running)
}

fn is_process(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// Returns whether the process is (still) an emulator: a process id may be given anew.
fn is_emulator(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains("hpcapi_sandbox"))
}

pub(super) async fn start(folder: &Path, events: &Events) -> Result<Running> {
    let logs = folder.join("log");
    fs::create_dir_all(&logs).doing(|| format!("cannot make the folder `{}`", logs.display()))?;
    let began = SystemTime::now();
    let log = logs.join("start.log");
    let output = fs::File::create(&log).doing(|| format!("cannot write `{}`", log.display()))?;
    let errors = output
        .try_clone()
        .doing(|| format!("cannot write `{}`", log.display()))?;
    let port = free_port()?;
    let mut command = privilege::as_root(Path::new("/usr/bin/env")).await?;
    command
        .arg(format!("HPCAPI_SANDBOX_SUITE={}", suite()))
        .args(time_scale())
        .arg(format!("PYTHONPATH={}", folder.join("emulator").display()))
        // Run by sudo, it must leave no file where a later run of ours wants to write.
        .arg(format!(
            "PYTHONPYCACHEPREFIX={}",
            folder.join("run/pycache").display()
        ))
        .arg(environment(folder).program("python"))
        .args(["-m", "hpcapi_sandbox", "--directory"])
        .arg(folder)
        .args(["--port", &port.to_string()])
        .args(variable("HPCAPI_SANDBOX_ENDS_WITH").map(|pid| format!("--ends-with={pid}")))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // Ctrl-C is for hpcapi, not for the AWS behind it.
        .process_group(0);
    // Until now somebody may have been asked for a password on this line.
    events.progress("waiting for the sandbox to answer");
    let mut child = command
        .spawn()
        .doing(|| "cannot start the sandbox".to_owned())?;
    let mut pace = Pace::seconds(START);
    while pace.next().await {
        if let Some(running) = running(folder).filter(|running| running.port == port) {
            return Ok(running);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(not_started(&logs, began).because(format!("it ended with {status}")));
        }
    }
    Err(not_started(&logs, began))
}

/// Returns the time scale that the user set, which sudo would not hand on.
fn time_scale() -> Option<String> {
    const VARIABLE: &str = "HPCAPI_SANDBOX_TIME_SCALE";
    variable(VARIABLE).map(|scale| format!("{VARIABLE}={scale}"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns what an emulator said last that did not start: in the log of its own, once it had come so far,
/// else where its output went until then.
fn not_started(logs: &Path, began: SystemTime) -> Error {
    let [own, output] = ["emulator.log", "start.log"].map(|name| logs.join(name));
    let is_new = |log: &Path| {
        let written = fs::metadata(log).and_then(|log| log.modified());
        written.is_ok_and(|written| written >= began)
    };
    let log = match is_new(&own) {
        true => own,
        false => output,
    };
    let words = fs::read(&log).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let last = words.lines().rev().find(|line| !line.trim().is_empty());
    Error::failed(format!(
        "the sandbox did not start: {}",
        last.unwrap_or("it said nothing")
    ))
    .hint(format!("read {}", log.display()))
}

/// Returns a port that nobody listens on.
fn free_port() -> Result<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .doing(|| "no free port on the loopback interface".to_owned())
}

pub(super) async fn stop(folder: &Path) -> Result<bool> {
    let Some(emulator) = running(folder) else {
        return Ok(false);
    };
    signal(emulator.pid, "-TERM").await?;
    let mut pace = Pace::seconds(STOP);
    while pace.next().await {
        if running(folder).is_none() {
            return Ok(true);
        }
    }
    // Its nodes die with it, however it ends.
    signal(emulator.pid, "-KILL").await?;
    Ok(true)
}

async fn signal(pid: u32, signal: &str) -> Result<()> {
    let mut command = privilege::as_root(Path::new("/bin/kill")).await?;
    command.args([signal, &pid.to_string()]);
    succeed(command, "cannot stop the sandbox").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_those_of_this_start() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path();
        let began = SystemTime::now() - Duration::from_secs(5);
        fs::write(logs.join("start.log"), "port taken\n").unwrap();
        let told = |began| not_started(logs, began).to_string();
        assert_eq!(told(began), "the sandbox did not start: port taken");
        fs::write(logs.join("emulator.log"), "Traceback\nKeyError: 'x'\n\n").unwrap();
        assert_eq!(told(began), "the sandbox did not start: KeyError: 'x'");
        // What an earlier one has written says nothing of this one.
        let later = SystemTime::now() + Duration::from_secs(5);
        assert_eq!(told(later), "the sandbox did not start: port taken");
    }
}
