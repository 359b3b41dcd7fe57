//! Makes cargo notice a change in the sandbox, which is carried inside the binary, and tells the
//! version its commit.

use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

/// Digits of a commit's hash: a fixed number, as git's own choice depends on the clone.
const DIGITS: usize = 10;

fn main() {
    println!("cargo::rerun-if-changed=sandbox/hpcapi_sandbox");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    let origin = from_git().unwrap_or_else(from_environment);
    let full = match origin.join(" ") {
        unknown if unknown.is_empty() => version,
        origin => format!("{version} ({origin})"),
    };
    println!("cargo::rustc-env=HPCAPI_VERSION={full}");
}

/// Returns commit and date of the checkout that this is, unless it is none.
fn from_git() -> Option<Vec<String>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    let top = git(&root, &["rev-parse", "--show-toplevel"])?;
    // A source archive may lie in a checkout of something else.
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    // HEAD names the branch; its log grows with each commit on whichever branch.
    for file in ["HEAD", "logs/HEAD"] {
        let path = root.join(git(&root, &["rev-parse", "--git-path", file])?);
        // Cargo would build anew each time for a file that is not there.
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let commit = git(&root, &["show", "--no-patch", "--format=%H %ct", "HEAD"])?;
    let (hash, seconds) = commit.split_once(' ')?;
    Some(vec![short(hash), date(seconds)?])
}

/// Returns what whoever builds a source archive says of it.
fn from_environment() -> Vec<String> {
    let value = |name| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var(name).ok().filter(|value| !value.is_empty())
    };
    let commit = value("HPCAPI_COMMIT").map(|hash| short(&hash));
    let date = value("SOURCE_DATE_EPOCH").and_then(|seconds| date(&seconds));
    commit.into_iter().chain(date).collect()
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    let output = command.current_dir(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

fn short(hash: &str) -> String {
    hash.chars().take(DIGITS).collect()
}

fn date(seconds: &str) -> Option<String> {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
    let mut text = String::new();
    // It refuses years beyond 9999.
    write!(text, "{}", humantime::format_rfc3339_seconds(time)).ok()?;
    text.split_once('T').map(|(day, _)| day.to_owned())
}
