//! `hpcapi trigger add`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::deploy;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::output::{self, Format, Volume};
use crate::runs::sha256;
use crate::settings::Toggle;
use crate::slurm::UserName;
use crate::slurm::submission::Description;
use crate::slurm::time;
use crate::triggers::{Script, Trigger, TriggerName};

use super::super::cluster_args::ClusterArgs;
use super::super::deployment::DeploymentArgs;
use super::super::jobs::{NotifyArgs, SbatchOptions, batch_script};
use super::super::run::require_patterns;
use super::answer::TriggerAnswer;
use super::{open, triggers_of};

/// Have each new object below a prefix become a job
///
/// The object is the job's input: it lies in the job's work folder, and $HPCAPI_EVENT_FILE names it. What
/// --out matches comes to outbox/TRIGGER/KEY/ in the bucket, and manifest.json with it, which
/// says how the job ended. The first trigger of a deployment makes what they need: stacks for
/// operations and for triggers.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// What it is called
    trigger: TriggerName,

    /// The batch script, with #SBATCH lines
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,

    /// The script's arguments, after --
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,

    /// How the keys of the objects begin, as in inbox/
    #[arg(long)]
    prefix: String,

    /// How they end, as in .csv
    #[arg(long, default_value = "")]
    suffix: String,

    /// Which files of the work folder come to the outbox, as in 'results/**'; may be given again
    #[arg(long = "out", value_name = "GLOB")]
    out: Vec<String>,

    /// The folder on the cluster in which the work folder is made, from the user's home
    #[arg(long, value_name = "FOLDER", default_value = "hpcapi")]
    work: String,

    /// Leave the work folder on the cluster
    #[arg(long)]
    keep_work: bool,

    /// No more than so many of its jobs run at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    at_most: Option<u32>,

    /// Take what the jobs of other triggers write below outbox/, too
    #[arg(long)]
    circle: bool,

    /// The Slurm user of its jobs [default: the cluster's own]
    #[arg(long)]
    user: Option<UserName>,

    #[command(flatten)]
    options: SbatchOptions,

    #[command(flatten)]
    notify: NotifyArgs,

    #[command(flatten)]
    deployment: DeploymentArgs,

    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let text = std::fs::read(&args.script).map_err(|error| {
        let script = args.script.display();
        Error::usage(format!("cannot read the script `{script}`")).because(error)
    })?;
    let (mut trigger, script) = read(&args, &text)?;
    let added = output::telling(Volume::of_story(args.deployment.verbose), async |events| {
        add(&args, &mut trigger, &script, events).await
    })
    .await;
    added?;
    let again = args.deployment.again(&ClusterArgs::default());
    output::answer(&TriggerAnswer::added(trigger, &again), args.output)
}

async fn add(args: &Args, trigger: &mut Trigger, script: &str, events: &Events) -> Result<()> {
    let cluster = ClusterArgs {
        operations: Toggle::On,
        triggers: Toggle::On,
        ..ClusterArgs::default()
    };
    let context = open(&args.deployment, &cluster, events).await?;
    // Before anything is made for it.
    let triggers = triggers_of(&context)?;
    triggers.require_free(&trigger.name).await?;
    if args.notify.notify {
        deploy::require_notifications(&context).await?;
    }
    deploy::make_triggers(&context).await?;
    triggers.add(trigger, script).await
}

/// Returns the trigger that is asked for, and its script.
fn read(args: &Args, text: &[u8]) -> Result<(Trigger, String)> {
    let name = args.script.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| Error::usage(format!("`{}` cannot name a script", args.script.display())))?;
    let script = batch_script(name, text)?;
    // What is wrong with the job is known now, and not when the first object comes.
    let mut description = Description::read(name, script.as_bytes())?;
    if description.is_heterogeneous() {
        return Err(Error::usage(format!(
            "`{name}` is a heterogeneous job, which no trigger makes"
        )));
    }
    if description.wishes("test-only") {
        return Err(Error::usage(format!(
            "`{name}` is to be tested alone, as its `--test-only` says"
        )));
    }
    let own = Description::options(name, &script)?;
    for (option, value) in &args.options.0 {
        description.set(option, value)?;
    }
    require_patterns(&args.out)?;
    let mut given = args.options.0.clone();
    args.notify.add_to(&mut given, name, &script)?;
    let options = own.into_iter().chain(given).collect();
    let trigger = Trigger {
        name: args.trigger.clone(),
        prefix: args.prefix.clone(),
        suffix: args.suffix.clone(),
        script: Script {
            name: name.to_owned(),
            sha256: sha256(script.as_bytes()),
        },
        arguments: args.arguments.clone(),
        options,
        out: args.out.clone(),
        work: args.work.clone(),
        keep_work: args.keep_work,
        user: args
            .user
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        at_most: args.at_most,
        circle: args.circle,
        is_paused: false,
        created: time::now(),
    };
    trigger.require_good()?;
    Ok((trigger, script))
}
