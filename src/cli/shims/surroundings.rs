//! What Slurm's arguments cannot say, and the environment does: which Slurm is meant, and who asks.

use clap::{FromArgMatches, Parser};

use crate::error::{Error, Result};
use crate::event::Events;
use crate::slurm::client::Client;
use crate::slurm::ping;

use super::super::jobs::own_name;
use super::super::owner::HomeArgs;
use super::super::reach::{Reach, ReachArgs, Via};
use super::super::show::{AsUserArgs, with_client};
use super::super::without_empty_variables;

/// Which Slurm is meant, and who asks: all by the variables that hpcapi's own commands read.
#[derive(Debug, Parser)]
#[command(disable_help_flag = true)]
pub(super) struct Surroundings {
    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: AsUserArgs,

    #[command(flatten)]
    pub(super) home: HomeArgs,
}

impl Surroundings {
    /// Reads the environment.
    pub(super) fn read() -> Result<Surroundings> {
        let command = <Surroundings as clap::CommandFactory>::command();
        let read = without_empty_variables(command)
            .try_get_matches_from(["hpcapi"])
            .and_then(|given| Surroundings::from_arg_matches(&given));
        read.map_err(|error| {
            let words = error.render().to_string();
            let first = words.lines().next().unwrap_or_default();
            Error::usage(first.trim_start_matches("error: ").to_owned())
        })
    }

    /// Works with a client.
    pub(super) async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&Reach, &Events) -> Result<T>,
    ) -> Result<T> {
        with_client(&self.reach, self.user.as_user.as_ref(), work).await
    }

    /// Fails where Slurm is asked by operations, which lack `what`.
    pub(super) fn require_slurmrestd(&self, what: &str) -> Result<()> {
        match self.reach.via {
            Via::Slurmrestd => Ok(()),
            Via::Operations => Err(Error::usage(format!(
                "{what} cannot be had by operations (HPCAPI_VIA)"
            ))
            .hint("unset HPCAPI_VIA")),
        }
    }

    /// Returns the release of the server's Slurm, e.g. `24.11.5`.
    pub(super) async fn release(&self) -> Result<String> {
        self.require_slurmrestd("the version")?;
        let found = self
            .with(async |reach, _| ping::ping(&reach.client).await)
            .await?;
        let release = found
            .slurm_version
            .ok_or_else(|| Error::failed("the server does not say which version of Slurm it is"))?;
        let number = release.trim_start_matches(|c: char| !c.is_ascii_digit());
        Ok(number.to_owned())
    }
}

/// Returns users as Slurm knows them: who is called like the user of this machine is, there, the
/// token's user.
pub(super) async fn users(client: &Client, named: &[String]) -> Result<Vec<String>> {
    let here = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    let is_here = |name: &String| here.iter().flatten().any(|own| own == name);
    let mut users = named.to_vec();
    if named.iter().any(is_here) {
        users.push(own_name(client).await?);
    }
    Ok(users)
}
