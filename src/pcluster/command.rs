//! Runs the real `pcluster`. Each call costs seconds of Python start, so it is used for what
//! only it can do: validate, create, change and delete a cluster.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::error::{Context, Error, Result};
use crate::process::on_path;

use super::refusal::Refusal;

/// A `pcluster` that can be run, and where its AWS calls go.
#[derive(Debug, Clone)]
pub struct Pcluster {
    program: PathBuf,
    region: String,
    environment: Vec<(String, String)>,
    remedy: String,
}

impl Pcluster {
    /// Returns the `pcluster` at `program` for `region`, with `environment` on top of ours;
    /// `remedy` says what to type when it does not work.
    pub fn new(
        program: PathBuf,
        region: &str,
        environment: Vec<(String, String)>,
        remedy: String,
    ) -> Self {
        Pcluster {
            program,
            region: region.to_owned(),
            environment,
            remedy,
        }
    }

    /// Returns the error of a request that it did not carry out.
    pub fn refused(&self, refusal: Refusal) -> Error {
        match refusal.is_breakdown {
            true => Error::from(refusal).hint(&self.remedy),
            false => refusal.into(),
        }
    }

    /// Returns where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// `pcluster create-cluster --dryrun true`: validates the configuration, with more variables
    /// in its environment.
    pub async fn dry_run(
        &self,
        cluster: &str,
        config: &Path,
        variables: Vec<(String, String)>,
    ) -> Result<Output> {
        let mut command = self.command("create-cluster");
        command.envs(variables);
        command.args(["--dryrun", "true", "--cluster-name", cluster]);
        command.arg("--cluster-configuration").arg(config);
        self.run(command).await
    }

    /// `pcluster create-cluster`: starts the creation and returns. A cluster that fails is
    /// kept, because a rollback would destroy what its logs could tell.
    pub async fn create_cluster(&self, cluster: &str, config: &Path) -> Result<Output> {
        let mut command = self.command("create-cluster");
        command.args(["--rollback-on-failure", "false", "--cluster-name", cluster]);
        command.arg("--cluster-configuration").arg(config);
        self.run(command).await
    }

    /// `pcluster update-cluster --dryrun true`: validates the configuration, and judges what keeps the
    /// cluster from being changed to it.
    pub async fn dry_run_update(&self, cluster: &str, config: &Path) -> Result<Output> {
        let mut command = self.command("update-cluster");
        command.args(["--dryrun", "true", "--cluster-name", cluster]);
        command.arg("--cluster-configuration").arg(config);
        self.run(command).await
    }

    /// `pcluster update-cluster`: starts the update and returns.
    pub async fn update_cluster(&self, cluster: &str, config: &Path) -> Result<Output> {
        let mut command = self.command("update-cluster");
        command.args(["--cluster-name", cluster]);
        command.arg("--cluster-configuration").arg(config);
        self.run(command).await
    }

    /// `pcluster describe-cluster`.
    pub async fn describe_cluster(&self, cluster: &str) -> Result<Output> {
        let mut command = self.command("describe-cluster");
        command.args(["--cluster-name", cluster]);
        self.run(command).await
    }

    /// `pcluster delete-cluster`: starts the deletion and returns.
    pub async fn delete_cluster(&self, cluster: &str) -> Result<Output> {
        let mut command = self.command("delete-cluster");
        command.args(["--cluster-name", cluster]);
        self.run(command).await
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = dies_with_us(&self.program);
        // The only child that AWS has to know; of Slurm it knows nothing.
        command.env_remove("SLURM_JWT");
        // Of an empty profile it says that it does not exist.
        for (name, _) in std::env::vars_os().filter(|(_, value)| value.is_empty()) {
            if name.as_encoded_bytes().starts_with(b"AWS_") {
                command.env_remove(name);
            }
        }
        command.arg(verb).args(["--region", &self.region]);
        command.envs(self.environment.iter().cloned());
        if self.environment.iter().any(|(key, _)| key == "AWS_PROFILE") {
            // botocore, too, would prefer keys in the environment to the profile.
            for key in [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
            ] {
                command.env_remove(key);
            }
        }
        command
    }

    async fn run(&self, mut command: Command) -> Result<Output> {
        command
            .stdin(Stdio::null())
            .output()
            .await
            .doing(|| format!("cannot run `{}`", self.program.display()))
    }
}

/// Returns a command of `program` that ends when hpcapi is killed: one that lived on would make
/// a cluster behind the back of the next `teardown`. Only Linux can do so, by its `setpriv`.
fn dies_with_us(program: &Path) -> Command {
    let Some(setpriv) = on_path("setpriv") else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}
