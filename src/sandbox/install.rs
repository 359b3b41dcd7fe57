//! What the sandbox needs before it can start: its own files, a Python environment, and the
//! head node's root file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use include_dir::{Dir, DirEntry, include_dir};

use crate::error::{Context, Error, Result};
use crate::event::Events;
use crate::process::succeed;
use crate::python::{Condition, Environment};

use super::privilege;

/// The emulator.
static PACKAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sandbox/hpcapi_sandbox");

/// What the emulator stands on, with hashes.
const REQUIREMENTS: &str = include_str!("../../sandbox/requirements.txt");

/// Installs missing system packages.
const PACKAGES_SCRIPT: &str = include_str!("../../sandbox/packages.sh");

/// Makes the head node's root file system.
const IMAGE_SCRIPT: &str = include_str!("../../sandbox/image.sh");

/// The Debian release whose Slurm the head node runs, unless `HPCAPI_SANDBOX_SUITE` says so.
const SUITE: &str = "trixie";

/// Returns the Debian release of the head node.
pub(super) fn suite() -> String {
    match std::env::var("HPCAPI_SANDBOX_SUITE") {
        Ok(suite) if !suite.is_empty() => suite,
        _ => SUITE.to_owned(),
    }
}

/// Returns the Python environment of the emulator.
pub(super) fn environment(folder: &Path) -> Environment {
    Environment {
        folder: folder.join("venv"),
        requirements: REQUIREMENTS.to_owned(),
        hashed: true,
    }
}

/// Returns whether nothing is left to install but our own small files.
async fn is_complete(folder: &Path) -> bool {
    environment(folder).condition().await == Condition::Good && image(folder).exists()
}

/// Returns whether everything has been installed, even if something is broken since.
pub(super) async fn is_there(folder: &Path) -> bool {
    environment(folder).condition().await != Condition::Missing && image(folder).exists()
}

fn image(folder: &Path) -> PathBuf {
    folder.join("image").join(suite())
}

/// Installs what is missing.
pub(super) async fn install(folder: &Path, events: &Events) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Error::usage("the sandbox runs on Linux only")
            .hint("use a Linux machine, or AWS itself: leave out --sandbox"));
    }
    let start = Instant::now();
    let first = !is_complete(folder).await;
    fs::create_dir_all(folder)
        .doing(|| format!("cannot make the folder `{}`", folder.display()))?;
    unpack(folder)?;
    if first {
        events.note(format!(
            "installing the sandbox in {} (once, a few minutes)",
            folder.display()
        ));
        packages(folder, events).await?;
        let tell = |what: &str| events.note(format!("sandbox: {what}"));
        let environment = environment(folder);
        let installed = environment.install("the AWS emulator", tell);
        going_on(events, "installing the AWS emulator", installed).await?;
    }
    node_image(folder, first, events).await?;
    if first {
        events.note(format!(
            "sandbox: installed after {} s",
            start.elapsed().as_secs()
        ));
    }
    Ok(())
}

/// Writes our own files; they change with hpcapi itself.
fn unpack(folder: &Path) -> Result<()> {
    let target = folder.join("emulator");
    if target.exists() {
        fs::remove_dir_all(&target).doing(|| format!("cannot renew `{}`", target.display()))?;
    }
    write(&PACKAGE, &target.join("hpcapi_sandbox"))?;
    for (name, text) in [("packages.sh", PACKAGES_SCRIPT), ("image.sh", IMAGE_SCRIPT)] {
        let file = target.join(name);
        fs::write(&file, text).doing(|| format!("cannot write `{}`", file.display()))?;
    }
    Ok(())
}

fn write(files: &Dir<'_>, target: &Path) -> Result<()> {
    let failure = || format!("cannot write to `{}`", target.display());
    fs::create_dir_all(target).doing(failure)?;
    for entry in files.entries() {
        let Some(name) = entry.path().file_name() else {
            continue;
        };
        match entry {
            DirEntry::Dir(_) if name == "__pycache__" => {}
            DirEntry::Dir(inner) => write(inner, &target.join(name))?,
            DirEntry::File(file) => {
                fs::write(target.join(name), file.contents()).doing(failure)?;
            }
        }
    }
    Ok(())
}

/// Installs the system's packages that the sandbox needs, where they are missing.
async fn packages(folder: &Path, events: &Events) -> Result<()> {
    events.note("sandbox: looking for the system packages it needs");
    let mut command = privilege::as_root(Path::new("/bin/bash")).await?;
    command.arg(folder.join("emulator/packages.sh"));
    let failure = "cannot install the system packages of the sandbox";
    going_on(
        events,
        "installing system packages",
        succeed(command, failure),
    )
    .await
}

/// Makes the head node's root file system, unless it is there.
async fn node_image(folder: &Path, first: bool, events: &Events) -> Result<()> {
    if first {
        events.note(format!(
            "sandbox: making the head node's image (Debian {})",
            suite()
        ));
    }
    let mut command = privilege::as_root(Path::new("/bin/bash")).await?;
    command
        .arg(folder.join("emulator/image.sh"))
        .arg(image(folder))
        .arg(suite());
    let made = succeed(command, "cannot make the head node's image");
    going_on(events, "making the head node's image", made).await
}

/// Shows that something goes on while it does, and not when somebody is asked for a password.
async fn going_on<T>(events: &Events, what: &str, work: impl Future<Output = T>) -> T {
    events.progress(what);
    let done = work.await;
    events.progress("");
    done
}
