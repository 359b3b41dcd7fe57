//! `hpcapi list`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::deploy::{self, Deployment};
use crate::error::Result;
use crate::event::Events;
use crate::output::{self, Answer, Cell, Emptiness, Format, Table, Volume};
use crate::slurm::time;

use super::deployment::DeploymentArgs;

/// List the deployments of the account and region
///
/// It tells how far each is made, by its stacks alone: whether one answers, `status` sees.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let found = output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
        events.progress("looking");
        look(&args, events).await
    })
    .await;
    output::answer(&found?, args.output)
}

async fn look(args: &Args, events: &Events) -> Result<ListAnswer> {
    let aws = args.deployment.connect(events).await?;
    let identity = args.deployment.identity(&aws).await?;
    let deployments = deploy::deployments(&aws).await?;
    let empty = deployments.is_empty().then(|| Emptiness {
        said: format!(
            "there are no deployments in {} of account {}",
            aws.region, identity.account
        ),
        next: vec![args.deployment.command("up")],
    });
    Ok(ListAnswer {
        account: identity.account,
        region: aws.region,
        deployments: deployments.into_iter().map(DeploymentLine::of).collect(),
        empty,
    })
}

#[derive(Debug, Serialize)]
struct ListAnswer {
    account: String,
    region: String,
    deployments: Vec<DeploymentLine>,
    #[serde(skip)]
    empty: Option<Emptiness>,
}

#[derive(Debug, Serialize)]
struct DeploymentLine {
    name: String,
    state: &'static str,
    #[serde(serialize_with = "time::serialize")]
    created: Option<u64>,
    endpoint: Option<String>,
}

impl DeploymentLine {
    fn of(deployment: Deployment) -> DeploymentLine {
        DeploymentLine {
            name: deployment.name,
            state: deployment.condition.word(),
            created: deployment.created,
            endpoint: deployment.endpoint,
        }
    }
}

impl Answer for ListAnswer {
    fn text(&self) -> String {
        let table = Table::new(&["DEPLOYMENT", "STATE", "SINCE", "ENDPOINT"]);
        let mut table = table.left_out(&["ENDPOINT"]);
        let now = time::now();
        for line in &self.deployments {
            let since = line
                .created
                .map(|created| output::ago(now.saturating_sub(created)));
            table.row([
                Cell::from(&line.name),
                Cell::from(line.state),
                Cell::from(since.as_deref().unwrap_or("-")),
                Cell::from(line.endpoint.as_deref().unwrap_or("-")),
            ]);
        }
        table.text()
    }

    fn emptiness(&self) -> Option<&Emptiness> {
        self.empty.as_ref()
    }
}
