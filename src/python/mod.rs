//! Python environments of our own, each for one program, with everything it stands on pinned.

mod condition;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{Context, Error, Result};
use crate::process::{on_path, succeed};

pub(crate) use condition::Condition;

/// Written into an environment when it is whole; holds the requirements it was made from.
const MARKER: &str = "hpcapi-complete";

/// A Python environment and what has to be in it.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The requirements, as pip reads them.
    pub(crate) requirements: String,
    /// Whether every requirement carries its hash.
    pub(crate) hashed: bool,
}

impl Environment {
    /// Looks whether it is whole, runs, and has these requirements.
    pub(crate) async fn condition(&self) -> Condition {
        condition::look(self).await
    }

    /// Returns whether it is as it was made, without running it. What Python's own library lacks
    /// since is not seen.
    pub(crate) fn is_unchanged(&self) -> bool {
        condition::is_unchanged(self)
    }

    /// Returns where a program of the environment is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Makes the environment; `tell` hears what is being done. A broken one is made anew, and
    /// two runs at once do not get into each other's way.
    pub(crate) async fn install(&self, what: &str, tell: impl Fn(&str)) -> Result<()> {
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent)
            .doing(|| format!("cannot make the folder `{}`", parent.display()))?;
        let mut lock_file = self.folder.clone().into_os_string();
        lock_file.push(".lock");
        let _lock = lock(Path::new(&lock_file)).await?;
        match self.condition().await {
            Condition::Good => return Ok(()),
            Condition::Missing => tell("making a Python environment"),
            Condition::Broken(reason) => {
                tell(&format!(
                    "making a broken Python environment anew: {reason}"
                ));
            }
        }
        self.remake(what, tell).await.map_err(|error| {
            let folder = self.folder.display();
            error.hint(format!(
                "or begin anew without its folder: rm -rf '{folder}'"
            ))
        })
    }

    async fn remake(&self, what: &str, tell: impl Fn(&str)) -> Result<()> {
        if self.folder.symlink_metadata().is_ok() {
            fs::remove_dir_all(&self.folder)
                .doing(|| format!("cannot remove `{}`", self.folder.display()))?;
        }
        let uv = on_path("uv");
        self.make(uv.as_deref()).await?;
        tell(&format!("installing {what}"));
        self.fill(what, uv.as_deref()).await?;
        condition::note(self)
    }

    async fn make(&self, uv: Option<&Path>) -> Result<()> {
        let mut make;
        if let Some(uv) = uv {
            make = crate::process::command(uv);
            make.args(["venv", "--quiet", "--python", ">=3.9,<3.14"]);
        } else {
            make = crate::process::command(interpreter().await?);
            make.args(["-m", "venv"]);
        }
        make.arg(&self.folder);
        let hint =
            "install Python's venv module (Debian: sudo apt-get install python3-venv), or uv";
        succeed(make, "cannot make a Python environment")
            .await
            .map_err(|error| error.hint(hint))
    }

    async fn fill(&self, what: &str, uv: Option<&Path>) -> Result<()> {
        let file = self.folder.join("requirements.txt");
        fs::write(&file, &self.requirements)
            .doing(|| format!("cannot write `{}`", file.display()))?;
        let python = self.program("python");
        let mut install;
        if let Some(uv) = uv {
            install = crate::process::command(uv);
            install
                .args(["pip", "install", "--quiet", "--python"])
                .arg(python);
        } else {
            install = crate::process::command(python);
            install.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]);
        }
        if self.hashed {
            install.arg("--require-hashes");
        }
        install.arg("-r").arg(file);
        let failure = format!("cannot install {what}");
        succeed(install, &failure)
            .await
            .map_err(|error| error.hint("check the network, then type the same command again"))
    }
}

/// Returns a Python that can make environments. A version manager may leave names on `PATH`
/// that do not run, so each is asked.
async fn interpreter() -> Result<PathBuf> {
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
        "python3.9",
    ];
    let question =
        "import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info < (3, 14))";
    for python in names.into_iter().filter_map(on_path) {
        let mut ask = crate::process::command(&python);
        ask.args(["-c", question]).stdin(Stdio::null());
        if ask
            .output()
            .await
            .is_ok_and(|output| output.status.success())
        {
            return Ok(python);
        }
    }
    Err(Error::usage("there is no Python 3.9 to 3.13 that can make environments").hint(
        "Amazon Linux: sudo dnf install python3.11; Debian or Ubuntu: sudo apt-get install python3-venv",
    ))
}

/// Waits until no other run of hpcapi works on the same environment.
async fn lock(path: &Path) -> Result<fs::File> {
    let failure = || format!("cannot lock `{}`", path.display());
    let file = fs::File::create(path).doing(failure)?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .doing(failure)?
        .doing(failure)
}
