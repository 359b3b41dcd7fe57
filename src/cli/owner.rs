//! Whose jobs are submitted, and how that user's home and login on the cluster come to be known:
//! remembered, or from the deployment's head node, or from the command line.

use clap::Args;

use crate::error::{Error, Result};
use crate::slurm::client::{Memory, Server};
use crate::slurm::submission::Owner;
use crate::slurm::{Login, UserName, look_up_login};

use super::reach::{Reach, ReachArgs, located, running_head_node};

/// Where the user's home is.
#[derive(Debug, Clone, Args)]
pub(super) struct HomeArgs {
    /// The user's home on the cluster, below which jobs run [default: what the deployment's head
    /// node says]
    #[arg(long, value_name = "FOLDER", env = "HPCAPI_HOME", hide_env_values = true, value_parser = whole_path)]
    home: Option<String>,
}

fn whole_path(text: &str) -> Result<String> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err(Error::usage("a home is a whole path on the cluster")),
    }
}

impl HomeArgs {
    /// Returns what is known of the user `name`, asking the head node where it can be asked.
    pub(super) async fn owner(&self, reach: &Reach, name: &str) -> Owner {
        let owner = match reach.login(name).await {
            Ok(login) => Owner::from(login),
            Err(why) => Owner::named(name, why.map(|error| format!("{error:#}"))),
        };
        let home = match (owner.home(), reach.client.server()) {
            (None, Server::Socket(_)) => home_here(name),
            _ => None,
        };
        owner.at_home(self.home.clone().or(home))
    }

    /// Returns what is known of the user `name` without asking anybody.
    pub(super) fn known_owner(
        &self,
        reach: &ReachArgs,
        user: Option<&UserName>,
        name: &str,
    ) -> Result<Owner> {
        let memory = reach.deployment_memory(user)?;
        let owner = match memory.and_then(|memory| memory.login(name)) {
            Some(login) => Owner::from(login),
            None => Owner::named(name, Some("--curl asks nobody".to_owned())),
        };
        Ok(owner.at_home(self.home.clone()))
    }
}

/// Returns the home of the user of this shell, who is on the cluster: a socket is asked there.
fn home_here(name: &str) -> Option<String> {
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let home = std::env::var("HOME").ok()?;
    (user == name && home.starts_with('/')).then_some(home)
}

impl ReachArgs {
    /// Returns the memory of the deployment, unless the user names a server that is not known to
    /// be the deployment's own.
    pub(super) fn deployment_memory(&self, user: Option<&UserName>) -> Result<Option<Memory>> {
        let Some(server) = self.given_server()? else {
            return Ok(Some(self.memory(None, user)));
        };
        let is_own = |memory: &Memory| memory.endpoint().as_ref() == Some(&server.to_string());
        // `eval "$(hpcapi token --output env)"` names a user where commands before it named none.
        let memories = [user, None].map(|user| self.memory(None, user));
        Ok(memories.into_iter().find(is_own))
    }
}

impl Reach {
    /// Returns a login of the user, remembered or looked up on the head node. Fails without an
    /// error where there is no head node to ask: the server is not known to be a deployment's.
    async fn login(&self, name: &str) -> Result<Login, Option<Error>> {
        let Some(memory) = &self.own else {
            return Err(None);
        };
        if let Some(login) = memory.login(name) {
            return Ok(login);
        }
        let login = self.look_up_login(name).await.map_err(Some)?;
        memory.remember_login(&login);
        Ok(login)
    }

    async fn look_up_login(&self, name: &str) -> Result<Login> {
        let user: UserName = name.parse()?;
        let context = located(&self.deployment, &self.events).await?;
        let head_node = running_head_node(&context).await?;
        look_up_login(&context.aws.commands, &head_node, &user).await
    }
}
