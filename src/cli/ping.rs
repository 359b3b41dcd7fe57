//! `hpcapi ping`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};
use crate::output::{Answer, plain};
use crate::slurm::operations::Diagnosis;
use crate::slurm::ping::{self, Controller, Ping};

use super::reach::ReachArgs;
use super::show::{ShowArgs, UserArgs, View, print, print_curl, print_raw, with_client};

/// Check the API and the token
///
/// Asks whether the API, Slurm's controllers behind it and the token are good.
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
    let asked = with_client(&args.reach, user, async |reach, _| {
        if let Some(operations) = reach.client.operations() {
            let answer = OperationsAnswer {
                endpoint: reach.client.server().to_string(),
                diagnosis: operations.diagnosis().await?,
            };
            print(&answer, args.show.output)?;
            return answer.verdict();
        }
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
            Some(down) => Err(controller_down(down)),
        }
    })
    .await;
    // Who pings has pinged.
    let other = Verb::Api.with("GET /openapi/v3");
    asked.map_err(|error| error.instead_of(Verb::Ping, &other))
}

#[derive(Serialize)]
struct OperationsAnswer {
    endpoint: String,
    #[serde(flatten)]
    diagnosis: Diagnosis,
}

impl OperationsAnswer {
    fn verdict(&self) -> Result<()> {
        let Diagnosis {
            controllers,
            daemons,
            ..
        } = &self.diagnosis;
        let mut down = controllers.iter().filter(|one| !one.is_up);
        if let Some(down) = down.next() {
            return Err(controller_down(down));
        }
        let mut stopped = daemons.iter().filter(|daemon| !daemon.is_active());
        match stopped.next() {
            Some(daemon) => Err(Error::failed(format!(
                "`{}` on the head node is {}",
                daemon.name, daemon.state
            ))
            .hint(Hint::run(Verb::Doctor).because("find out more"))),
            None => Ok(()),
        }
    }
}

impl Answer for OperationsAnswer {
    fn text(&self) -> String {
        let Diagnosis {
            slurm_version,
            controllers,
            daemons,
        } = &self.diagnosis;
        let slurm = slurm_version.as_deref().unwrap_or("unknown");
        let mut text = format!(
            "the head node answers by operations of {}: Slurm {slurm}\n",
            self.endpoint
        );
        controllers.iter().for_each(|one| text.push_str(&line(one)));
        for daemon in daemons {
            text.push_str(&format!("{}: {}\n", daemon.name, daemon.state));
        }
        lines_of_people(&text)
    }
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
            has_token,
            controllers,
            milliseconds,
        } = &self.ping;
        let slurm = slurm_version.as_deref().unwrap_or("Slurm");
        let whose = match (user, has_token) {
            (Some(user), _) => format!("the token of {user} is good"),
            (None, true) => "the token is good".to_owned(),
            (None, false) => "no token is needed".to_owned(),
        };
        let mut text = format!(
            "{} answers after {milliseconds} ms: Slurm {slurm}, API {api_version}, {whose}\n",
            self.endpoint
        );
        controllers.iter().for_each(|one| text.push_str(&line(one)));
        lines_of_people(&text)
    }
}

fn controller_down(down: &Controller) -> Error {
    Error::failed(format!(
        "Slurm's controller `{}` does not answer",
        down.host
    ))
}

fn line(controller: &Controller) -> String {
    let mode = controller.mode.as_deref().unwrap_or("controller");
    let state = if controller.is_up { "up" } else { "DOWN" };
    format!("{mode} {}: {state}\n", controller.host)
}

/// Returns a text without what a terminal would obey.
fn lines_of_people(text: &str) -> String {
    let text = text.replace("Slurm Slurm", "Slurm");
    text.lines()
        .map(|line| format!("{}\n", plain(line)))
        .collect()
}
