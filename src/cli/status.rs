//! `hpcapi status`.

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::deploy::{self, StepStatus};
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::output::{self, Answer, Format, Story};

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};

/// Show what is deployed
///
/// Looks at every step and at the endpoint; changes nothing, exits 3 when not all is ready.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    args.cluster.keep_piped(&args.deployment)?;
    let (events, story) = Story::start(args.deployment.verbose == 0);
    let looked = look(&args, &events).await;
    drop(events);
    story.end().await;
    let (answer, statuses, elsewhere) = looked?;
    output::answer(&answer, args.output)?;
    let unready: Vec<_> = statuses
        .iter()
        .filter(|status| status.is_unready())
        .collect();
    match unready.first() {
        None => Ok(()),
        Some(first) => {
            let mut error = Error::new(
                Kind::NotReady,
                format!(
                    "{} of the steps are not ready, first of them: {}",
                    unready.len(),
                    first.step
                ),
            );
            let again = args.deployment.again(&args.cluster);
            let up = again.command("up");
            if unready.iter().any(|status| status.is_failed_cluster()) {
                error = error.hint(format!("why it failed: {}", again.command("doctor")));
            }
            Err(match elsewhere.is_empty() {
                true => error.hint(up),
                false => elsewhere.into_iter().fold(error, Error::hint),
            })
        }
    }
}

/// Looks at the steps, and where else the deployment may be when nothing of it is here.
async fn look(
    args: &Args,
    events: &Events,
) -> Result<(StatusAnswer, Vec<StepStatus>, Vec<String>)> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    let statuses = deploy::survey(&context).await?;
    let elsewhere = match context.requirements() {
        Some(_) => Vec::new(),
        None => deploy::look_elsewhere(&context).await,
    };
    let elsewhere = elsewhere.iter().map(|place| place.hint(&context));
    let elsewhere = elsewhere.collect();
    let facts = context.facts();
    let answer = StatusAnswer {
        name: context.settings.name.to_string(),
        account: context.identity.account.clone(),
        region: context.aws.region.clone(),
        ready: !statuses.iter().any(StepStatus::is_unready),
        endpoint: facts.endpoint.clone(),
        api_version: facts.api_version.clone(),
        head_node: facts.head_node.as_ref().map(|node| node.id.clone()),
        steps: statuses
            .iter()
            .map(|status| StepAnswer {
                step: status.step.name(),
                state: status.state.word(),
                detail: status.state.detail().map(ToOwned::to_owned),
            })
            .collect(),
    };
    drop(facts);
    Ok((answer, statuses, elsewhere))
}

#[derive(Serialize)]
struct StatusAnswer {
    name: String,
    account: String,
    region: String,
    ready: bool,
    endpoint: Option<String>,
    api_version: Option<String>,
    head_node: Option<String>,
    steps: Vec<StepAnswer>,
}

#[derive(Serialize)]
struct StepAnswer {
    step: &'static str,
    state: &'static str,
    detail: Option<String>,
}

impl Answer for StatusAnswer {
    fn text(&self) -> String {
        let mut text = format!("{} in {} ({})\n\n", self.name, self.region, self.account);
        for step in &self.steps {
            let detail = step.detail.as_deref().unwrap_or_default();
            let line = format!("{:<15} {:<10} {detail}", step.step, step.state);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(endpoint) = &self.endpoint {
            text.push_str(&format!("\nendpoint: {endpoint}\n"));
        }
        text
    }
}
