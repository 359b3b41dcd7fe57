//! The arguments that say which deployment is meant, for commands that work with what is in it.

use clap::Args;

use crate::settings::DeploymentName;

use super::cluster_args::ClusterArgs;
use super::deployment::DeploymentArgs;

/// Which deployment is meant, where --name is something else's.
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// Name of the deployment
    #[arg(long, value_name = "NAME", default_value = DeploymentName::DEFAULT, env = "HPCAPI_DEPLOYMENT", hide_env_values = true)]
    pub(super) deployment: String,

    /// AWS region [default: from the AWS configuration]
    #[arg(long)]
    region: Option<String>,

    /// Profile of the AWS configuration
    #[arg(long)]
    profile: Option<String>,

    /// Use a sandbox on this machine instead of AWS
    #[arg(long, env = "HPCAPI_SANDBOX", value_parser = clap::builder::FalseyValueParser::new())]
    sandbox: bool,

    /// Tell more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

impl PlaceArgs {
    /// Returns the variables that say the same, as far as something was said.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let name = Some(&self.deployment).filter(|name| *name != DeploymentName::DEFAULT);
        let sandbox = self.sandbox.then(|| "1".to_owned());
        [
            ("HPCAPI_DEPLOYMENT", name.cloned()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_PROFILE", self.profile.clone()),
            ("HPCAPI_SANDBOX", sandbox),
        ]
        .into_iter()
        .filter_map(|(variable, value)| Some((variable, value?)))
        .collect()
    }

    /// Returns how to type a command for the same deployment.
    pub(super) fn command(&self, verb: &str) -> String {
        let again = self.as_deployment().again(&ClusterArgs::default());
        again.command(verb)
    }

    /// Returns the same, as the commands that make it have it.
    pub(super) fn as_deployment(&self) -> DeploymentArgs {
        DeploymentArgs {
            name: self.deployment.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            sandbox: self.sandbox,
            verbose: self.verbose,
        }
    }
}
