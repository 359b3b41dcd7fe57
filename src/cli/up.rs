//! `hpcapi up`.

use std::io::IsTerminal;

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::context::Context;
use crate::deploy::{self, Preflight, Proof, Up};
use crate::error::{Error, Kind, Result};
use crate::output::{self, Answer, Format, Story};

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse};

/// Make the whole deployment, or go on with it: network, cluster, API; ends with a call
/// through the public URL
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Do not ask before making things that cost money
    #[arg(short, long)]
    yes: bool,

    /// Do not look first whether everything can be made (see `hpcapi doctor`)
    #[arg(long)]
    skip_preflight: bool,

    /// Delete the cluster with its jobs and volumes, and make a new one; network, bucket and
    /// API stay
    #[arg(long)]
    replace_cluster: bool,

    /// Go on until a real job, submitted through the public URL, has run
    #[arg(long)]
    prove: bool,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    if !args.yes && !args.deployment.is_in_sandbox() {
        confirm(&args)?;
    }
    let (events, story) = Story::start(false);
    let done = work(&args, &events).await;
    drop(events);
    story.end().await;
    output::answer(&done?, args.output);
    Ok(())
}

fn confirm(args: &Args) -> Result<()> {
    // Who types `up` into a script has decided.
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let question = "`up` makes a NAT gateway, a load balancer and a head node, which cost money \
        every hour until `teardown`. Go on?";
    if output::confirm(question) {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, "nothing was made").hint(format!(
        "without the question: {} --yes",
        args.deployment.again(&args.cluster).command("up")
    )))
}

async fn work(args: &Args, events: &crate::event::Events) -> Result<UpAnswer> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Start, events)
        .await?;
    if args.replace_cluster {
        deploy::replace_cluster(&context).await?;
    }
    let preflight = if args.skip_preflight {
        Preflight::Skip
    } else {
        Preflight::Look
    };
    let up = deploy::up(&context, preflight).await?;
    let proof = if args.prove {
        Some(Proof::run(&context, &up).await?)
    } else {
        None
    };
    Ok(UpAnswer::new(&context, up, proof))
}

#[derive(Serialize)]
struct UpAnswer {
    endpoint: String,
    api_version: String,
    head_node: String,
    bucket: String,
    key_name: Option<String>,
    changed: bool,
    elapsed_seconds: f64,
    /// How to get at the API from a shell, line by line.
    commands: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<ProofAnswer>,
}

#[derive(Serialize)]
struct ProofAnswer {
    job_id: u64,
    state: String,
    nodes: String,
    output: String,
}

impl UpAnswer {
    fn new(context: &Context, up: Up, proof: Option<Proof>) -> UpAnswer {
        let token = context.settings.again.command("token");
        let commands = vec![
            format!("export HPCAPI_ENDPOINT={}", up.endpoint),
            format!("export SLURM_JWT=$({token} --lifespan 3600)"),
            // The header comes through a pipe: what is in an argument, every user can see.
            format!(
                "curl -sS -H @- \"$HPCAPI_ENDPOINT/slurm/{}/partitions\" <<< \"X-SLURM-USER-TOKEN: $SLURM_JWT\"",
                up.api_version
            ),
        ];
        UpAnswer {
            endpoint: up.endpoint,
            api_version: up.api_version,
            head_node: up.head_node,
            bucket: up.bucket,
            key_name: up.key_name,
            changed: up.changed,
            elapsed_seconds: up.elapsed.as_secs_f64(),
            commands,
            proof: proof.map(|proof| ProofAnswer {
                job_id: proof.job.id,
                state: proof.job.state.to_string(),
                nodes: proof.job.nodes.unwrap_or_default(),
                output: proof.output,
            }),
        }
    }
}

impl Answer for UpAnswer {
    fn text(&self) -> String {
        let elapsed = output::human(std::time::Duration::from_secs_f64(self.elapsed_seconds));
        let what = if self.changed {
            format!("ready after {elapsed}")
        } else {
            format!("everything is ready, nothing to change (looked for {elapsed})")
        };
        let mut text = format!("{what}\n\nendpoint: {}\n\n", self.endpoint);
        for command in &self.commands {
            text.push_str(command);
            text.push('\n');
        }
        if let Some(proof) = &self.proof {
            text.push_str(&format!(
                "\njob {} {} on {}, and printed:\n{}",
                proof.job_id, proof.state, proof.nodes, proof.output
            ));
        }
        text
    }
}
