//! hpcapi as a user runs it, in an empty environment, against a server; and what it came to.

use std::fmt::Display;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tempfile::TempDir;

use super::typed::require_typeable;

/// So long that only a command that would never end comes to it, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(600);

/// A user with a home, a token and a runtime folder.
pub(crate) struct User {
    home: TempDir,
    token: String,
    variables: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; none when a signal or the test's patience ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Returns the token, which nothing but a server may ever see.
pub(crate) fn token() -> String {
    with_payload(r#"{"exp":99999999999,"iat":1700000000,"sun":"me"}"#)
}

fn with_payload(payload: &str) -> String {
    format!("header.{}.signature", URL_SAFE_NO_PAD.encode(payload))
}

impl User {
    /// Returns a user whose home holds `job.sh`.
    pub(crate) fn new() -> User {
        let home = tempfile::tempdir().unwrap();
        let script = "#!/bin/bash\n#SBATCH --job-name=hello\necho hello\n";
        fs::write(home.path().join("job.sh"), script).unwrap();
        fs::DirBuilder::new()
            .mode(0o700)
            .create(home.path().join("run"))
            .unwrap();
        User {
            home,
            token: token(),
            variables: Vec::new(),
        }
    }

    /// Returns a user whose token says this of itself.
    pub(crate) fn with_claims(claims: &str) -> User {
        User {
            token: with_payload(claims),
            ..User::new()
        }
    }

    /// Returns the user with a variable of the environment set.
    pub(crate) fn set(mut self, name: &str, value: &str) -> User {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file into the user's home.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.home.path().join(name), text).unwrap();
    }

    /// Runs a script in bash.
    pub(crate) fn bash(&self, script: &str) -> Outcome {
        self.write("pasted.sh", script);
        let output = Command::new("bash")
            .arg("pasted.sh")
            .env("SLURM_JWT", &self.token)
            .current_dir(self.home.path())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns a user whose token has expired.
    pub(crate) fn with_expired_token() -> User {
        User::with_claims(r#"{"exp":1700001800,"iat":1700000000,"sun":"me"}"#)
    }

    /// Returns the folder where runtime files belong.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.home.path().join("run")
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, endpoint: &str, arguments: &[&str]) -> Outcome {
        self.run_and_look(endpoint, arguments, LIMIT, |_| {})
    }

    /// Returns the user's home, where commands run.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs hpcapi by another name, with a text as its standard input.
    pub(crate) fn run_as(
        &self,
        name: &str,
        endpoint: &str,
        arguments: &[&str],
        stdin: &str,
    ) -> Outcome {
        let mut child = self
            .command(endpoint, arguments)
            .arg0(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that reads none may have ended.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        require_typeable(&stderr);
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }

    /// Runs a command to its end; returns the most memory that it had, too, in MiB.
    pub(crate) fn run_measured(&self, endpoint: &str, arguments: &[&str]) -> (Outcome, u64) {
        let mut peak = 0;
        // It only ever grows, so the last look counts.
        let look = |id| peak = peak_of(id).unwrap_or(peak);
        let outcome = self.run_and_look(endpoint, arguments, Duration::from_millis(5), look);
        (outcome, peak)
    }

    /// Runs a command to its end, with its answer written to `stdout`.
    pub(crate) fn run_into(
        &self,
        endpoint: &str,
        arguments: &[&str],
        stdout: impl Into<Stdio>,
    ) -> Outcome {
        let mut command = self.command(endpoint, arguments);
        let output = command.stdout(stdout).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hpcapi"));
        command
            .args(arguments)
            .env_clear()
            .env("TZ", "UTC")
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.runtime_folder())
            .env("HPCAPI_ENDPOINT", endpoint)
            .env("SLURM_JWT", &self.token)
            .env("HPCAPI_HOME", "/home/me")
            .envs(self.variables.iter().cloned())
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    fn run_and_look(
        &self,
        endpoint: &str,
        arguments: &[&str],
        pause: Duration,
        mut look: impl FnMut(u32),
    ) -> Outcome {
        let mut child = self
            .command(endpoint, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        let began = Instant::now();
        // The pipe ends with the process.
        let kept = loop {
            match stderr.recv_timeout(pause) {
                Ok(kept) => break kept,
                Err(_) if began.elapsed() < LIMIT => look(child.id()),
                Err(_) => child.kill().unwrap(),
            }
        };
        let stderr = String::from_utf8(kept).unwrap();
        require_typeable(&stderr);
        Outcome {
            code: child.wait().unwrap().code(),
            stdout: stdout.recv().unwrap(),
            stderr,
        }
    }
}

impl Outcome {
    /// Returns what is wrong with it as a failure: it has to be one clear error with what to do
    /// next, and exit code 1.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut expect = |is_good: bool, complaint: &str| {
            if !is_good {
                complaints.push(complaint.to_owned());
            }
        };
        let lines = |start: &str| {
            let lines = self.stderr.lines();
            lines.filter(|line| line.starts_with(start)).count()
        };
        expect(self.code == Some(1), "the exit code is not 1");
        expect(lines("error: ") == 1, "not one error");
        expect(lines("  next: ") > 0, "nothing to do next");
        expect(!self.stderr.contains("panicked"), "a panic");
        expect(!self.stderr.contains(&token()), "the token is shown");
        let is_clean = |c: char| c == '\n' || !c.is_control();
        expect(self.stderr.chars().all(is_clean), "control characters");
        complaints
    }

    /// Returns an error that tells the complaints, if there are any.
    pub(crate) fn verdict(
        &self,
        complaints: Vec<String>,
        case: impl Display,
    ) -> Result<(), String> {
        if complaints.is_empty() {
            return Ok(());
        }
        let (stdout, stderr) = (self.text(), &self.stderr);
        Err(format!(
            "{case}: {}\n{stderr}{stdout}",
            complaints.join(", ")
        ))
    }

    /// Returns the answer as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Returns a text with the commands in it as they are typed by whoever has hpcapi on the PATH and names
/// no endpoint.
pub(crate) fn plainly_typed(text: &str) -> String {
    let text = text.replace(env!("CARGO_BIN_EXE_hpcapi"), "hpcapi");
    let mut parts = text.split(" --endpoint ");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let ends = |c: char| c.is_whitespace() || "`\",;)".contains(c);
        let end = part.find(ends).unwrap_or(part.len());
        plain.push_str(&part[end..]);
    }
    plain
}

/// Reads a pipe to its end and then sends its beginning: some answers are endless.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    const KEPT: usize = 1 << 20;
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut piece = vec![0; 1 << 16];
        while let Ok(length @ 1..) = pipe.read(&mut piece) {
            let room = KEPT.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..length.min(room)]);
        }
        sender.send(kept)
    });
    receiver
}

/// Returns the most memory that a process has had, in MiB, while it runs.
fn peak_of(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

/// Runs all cases at once, for most of them wait most of the time, and fails with the list of
/// all that went wrong.
pub(crate) fn all_at_once<T: Sync>(cases: &[T], check: impl Fn(&T) -> Result<(), String> + Sync) {
    let wrong: Vec<String> = thread::scope(|scope| {
        let checks: Vec<_> = cases
            .iter()
            .map(|case| scope.spawn(|| check(case)))
            .collect();
        let outcomes = checks.into_iter().map(|check| check.join().unwrap());
        outcomes.filter_map(Result::err).collect()
    });
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
