//! Finds the `pcluster` to run, or installs one.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{Error, Result};
use crate::process::on_path;
use crate::python::{Condition, Environment};

/// Everything a release of ParallelCluster stands on, with hashes: a new release of a
/// dependency has broken it more than once.
const REQUIREMENTS: &[(&str, &str)] = &[("3.16.1", include_str!("requirements-3.16.1.txt"))];

/// Where to look for `pcluster`, and which one to look for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The user's own choice, whatever its version.
    pub path: Option<PathBuf>,
    /// The version to find or to install.
    pub version: String,
    /// The folder for environments of our own.
    pub cache: PathBuf,
}

/// Which `pcluster` there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It runs.
    Ready(PathBuf),
    /// There is none, or only one of another version.
    Missing,
    /// The one that hpcapi installed does not run any more, for this reason.
    Broken(String),
}

impl Search {
    /// Returns the `pcluster` to run, when it is there: the user's choice, else our own
    /// environment, else the one on `PATH` if it has the right version.
    pub async fn find(&self) -> Result<Found> {
        if let Some(path) = &self.path {
            return match version_of(path).await {
                Some(_) => Ok(Found::Ready(path.clone())),
                None => Err(not_working(path)),
            };
        }
        let own = self.environment();
        let condition = own.condition().await;
        if condition == Condition::Good {
            return Ok(Found::Ready(own.program("pcluster")));
        }
        if let Some(on_path) = on_path("pcluster")
            && version_of(&on_path).await.as_ref() == Some(&self.version)
        {
            return Ok(Found::Ready(on_path));
        }
        Ok(match condition {
            Condition::Broken(reason) => {
                let folder = own.folder.display();
                Found::Broken(format!("`{folder}` is broken: {reason}"))
            }
            _ => Found::Missing,
        })
    }

    /// Returns whether the one that hpcapi installed is still as it was made, without running it.
    pub fn is_unchanged(&self) -> bool {
        self.path.is_none() && self.environment().is_unchanged()
    }

    /// Returns the version that is meant: the user's own choice has one of its own.
    pub async fn meant_version(&self) -> Result<String> {
        let Some(path) = &self.path else {
            return Ok(self.version.clone());
        };
        match version_of(path).await {
            Some(version) => Ok(version),
            None => Err(not_working(path)),
        }
    }

    /// Installs the version wanted into an environment of its own; `tell` hears what is done.
    pub async fn install(&self, tell: impl Fn(&str)) -> Result<PathBuf> {
        let environment = self.environment();
        environment
            .install(&format!("pcluster {}", self.version), tell)
            .await?;
        Ok(environment.program("pcluster"))
    }

    /// Returns what to type when this `pcluster` does not work.
    pub fn remedy(&self, program: &Path) -> String {
        let own = self.environment();
        if program.starts_with(&own.folder) {
            return format!("have it made anew: rm -rf '{}'", own.folder.display());
        }
        match &self.path {
            Some(_) => "leave out --pcluster: hpcapi then finds or installs one".to_owned(),
            None => format!("see what is wrong with it: {} version", program.display()),
        }
    }

    fn environment(&self) -> Environment {
        let pinned = REQUIREMENTS
            .iter()
            .find(|(version, _)| *version == self.version);
        Environment {
            folder: self.cache.join(format!("pcluster-{}", self.version)),
            requirements: match pinned {
                Some((_, text)) => (*text).to_owned(),
                None => format!("aws-parallelcluster=={}\n", self.version),
            },
            hashed: pinned.is_some(),
        }
    }
}

/// Returns the error of a program that does not say its version.
fn not_working(program: &Path) -> Error {
    let text = format!("`{}` is not a working pcluster", program.display());
    Error::usage(text).hint("leave out --pcluster: hpcapi then finds or installs one")
}

async fn version_of(program: &Path) -> Option<String> {
    let mut ask = crate::process::command(program);
    ask.arg("version").stdin(Stdio::null());
    let output = ask.output().await.ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    answer["version"].as_str().map(ToOwned::to_owned)
}
