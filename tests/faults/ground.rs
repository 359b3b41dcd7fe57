//! A sandbox whose emulator plays AWS, and users of it who know nothing of a sandbox.

use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::point::{Point, Verb};
use crate::proxy::Proxy;
use crate::warm_pcluster::warm;

/// So long that only a run that would never end comes to it, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(1800);

/// A running sandbox, which ends with this process.
pub(crate) struct Ground {
    pub(crate) aws: SocketAddr,
}

impl Ground {
    pub(crate) fn start() -> Ground {
        let started = sandbox("start")
            .env("HPCAPI_SANDBOX_ENDS_WITH", std::process::id().to_string())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "{words}");
        let home = tempfile::tempdir().unwrap();
        let mut doctor = sandboxed(home.path());
        doctor.args(["doctor", "--sandbox"]);
        warm(doctor, &shared());
        let variables = sandbox("env").output().unwrap().stdout;
        let variables = String::from_utf8(variables).unwrap();
        let url = variables
            .lines()
            .find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL=http://"))
            .unwrap();
        Ground {
            aws: url.parse().unwrap(),
        }
    }
}

/// Returns the folder that this and the other tests share, below the target folder.
fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e")
}

fn hpcapi(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hpcapi"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("XDG_CACHE_HOME", shared())
        .env("XDG_RUNTIME_DIR", home)
        .stdin(Stdio::null());
    command
}

fn sandboxed(home: &Path) -> Command {
    let mut command = hpcapi(home);
    command
        .env("HPCAPI_SANDBOX_DIR", shared().join("hpcapi/sandbox"))
        .env("HPCAPI_SANDBOX_SUITE", "trixie");
    command
}

fn sandbox(verb: &str) -> Command {
    let mut command = sandboxed(Path::new("/"));
    command.args(["sandbox", verb]);
    command
}

/// A user with an AWS account and a home folder.
pub(crate) struct User {
    pub(crate) account: String,
    home: TempDir,
    aws: SocketAddr,
}

/// How a run ended.
pub(crate) struct Ended {
    /// Its exit code; `None` when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The points that it came to.
    pub(crate) hit: Vec<Point>,
    /// The calls that it made.
    pub(crate) calls: Vec<crate::point::Call>,
    pub(crate) took: Duration,
}

/// A run under way.
pub(crate) struct Running {
    child: Child,
    proxy: Proxy,
    began: Instant,
}

impl User {
    pub(crate) fn new(ground: &Ground) -> User {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        User {
            account: format!("{:012}", 310_000_000_000_u64 + u64::from(number)),
            home: tempfile::tempdir().unwrap(),
            aws: ground.aws,
        }
    }

    /// Runs a verb to its end, disturbed at `points`.
    pub(crate) fn run(&self, verb: Verb, points: &[Point]) -> Ended {
        self.start(verb, points).end()
    }

    /// Starts a verb that is disturbed at `points`.
    pub(crate) fn start(&self, verb: Verb, points: &[Point]) -> Running {
        let proxy = Proxy::start(self.aws, points);
        let child = hpcapi(self.home.path())
            .env("AWS_ENDPOINT_URL", &proxy.url)
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args([verb.name(), "--yes"])
            .args(verb.options())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        proxy.watch(child.id());
        Running {
            child,
            proxy,
            began: Instant::now(),
        }
    }
}

impl Running {
    /// Waits for the end of the run; one that does not come to it is killed.
    pub(crate) fn end(mut self) -> Ended {
        let stdout = read(self.child.stdout.take());
        let stderr = read(self.child.stderr.take());
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if self.began.elapsed() > LIMIT {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let took = self.began.elapsed();
        let mut stderr = stderr.join().unwrap();
        if status.is_none() {
            stderr.push_str(&format!("\nit did not end in {LIMIT:?}"));
        }
        Ended {
            code: status.and_then(|status| status.code().or(status.signal().map(|_| KILLED))),
            stdout: stdout.join().unwrap(),
            stderr,
            hit: self.proxy.hit(),
            calls: self.proxy.calls(),
            took,
        }
    }
}

/// What a shell calls the end by `kill -9`.
pub(crate) const KILLED: i32 = 137;

fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        // A pcluster that outlives hpcapi holds the pipe a little longer.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    })
}
