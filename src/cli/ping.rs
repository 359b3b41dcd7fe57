//! `hpcapi ping`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::{Answer, plain};
use crate::slurm::ping::{self, Ping};

use super::reach::ReachArgs;
use super::show::{ShowArgs, UserArgs, View, print, print_curl, print_raw, with_client};

/// Ask whether the API, Slurm's controllers behind it and the token are good
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    reach: ReachArgs,

    #[command(flatten)]
    user: UserArgs,

    #[command(flatten)]
    show: ShowArgs,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let user = args.user.user.as_ref();
    if args.show.curl {
        return print_curl(&args.reach, user, &[ping::request()]);
    }
    with_client(&args.reach, user, async |reach, _| {
        if args.show.output == View::Raw {
            return print_raw(&reach.client, &ping::request()).await;
        }
        let answer = PingAnswer {
            endpoint: reach.client.server().to_string(),
            ping: ping::ping(&reach.client).await?,
        };
        print(&answer, args.show.output)?;
        match answer
            .ping
            .controllers
            .iter()
            .find(|controller| !controller.is_up)
        {
            None => Ok(()),
            Some(down) => Err(Error::failed(format!(
                "Slurm's controller `{}` does not answer",
                down.host
            ))),
        }
    })
    .await
}

#[derive(Serialize)]
struct PingAnswer {
    endpoint: String,
    #[serde(flatten)]
    ping: Ping,
}

impl Answer for PingAnswer {
    fn text(&self) -> String {
        let Ping {
            api_version,
            slurm_version,
            user,
            controllers,
            milliseconds,
        } = &self.ping;
        let slurm = slurm_version.as_deref().unwrap_or("Slurm");
        let whose = match user {
            Some(user) => format!("the token of {user} is good"),
            None => "no token is needed".to_owned(),
        };
        let mut text = format!(
            "{} answers after {milliseconds} ms: Slurm {slurm}, API {api_version}, {whose}\n",
            self.endpoint
        );
        for controller in controllers {
            let mode = controller.mode.as_deref().unwrap_or("controller");
            let state = if controller.is_up { "up" } else { "DOWN" };
            text.push_str(&format!("{mode} {}: {state}\n", controller.host));
        }
        let text = text.replace("Slurm Slurm", "Slurm");
        text.lines()
            .map(|line| format!("{}\n", plain(line)))
            .collect()
    }
}
