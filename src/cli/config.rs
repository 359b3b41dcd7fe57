//! `hpcapi config`.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use crate::deploy;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::files;
use crate::output::{self, Volume};
use crate::pcluster::Preset;

use super::cluster_args::ClusterArgs;
use super::deployment::{DeploymentArgs, SandboxUse};

/// Print the cluster's configuration, filled
///
/// Every CHANGE_ME is filled, and all else is as you wrote it; or prints one to start from.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Print a configuration to start from instead, with its CHANGE_MEs; `up --config` takes it
    #[arg(long, value_enum, conflicts_with_all = ["config", "key_name"])]
    preset: Option<PresetArg>,

    /// Where to write it; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// What a cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PresetArg {
    /// What a free plan of AWS takes.
    FreeTier,
    /// Programs that run on one node each, on demand and as spot instances.
    Cpu,
    /// MPI programs on several nodes, with Elastic Fabric Adapter and a placement group.
    MpiEfa,
    /// Programs that need a GPU.
    Gpu,
}

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Preset {
        match preset {
            PresetArg::FreeTier => Preset::FreeTier,
            PresetArg::Cpu => Preset::Cpu,
            PresetArg::MpiEfa => Preset::MpiEfa,
            PresetArg::Gpu => Preset::Gpu,
        }
    }
}

pub(super) async fn run(mut args: Args) -> Result<()> {
    let is_stdout = args.output.as_os_str() == "-";
    if !is_stdout {
        require_regular(&args.output)?;
    }
    args.cluster.keep_piped(&args.deployment)?;
    let text = match args.preset {
        Some(preset) => Preset::from(preset).text().to_owned(),
        None => {
            let text =
                output::telling(Volume::of_answer(args.deployment.verbose), async |events| {
                    fill(&args, events).await
                })
                .await;
            text?
        }
    };
    if is_stdout {
        return output::raw(&text);
    }
    files::write_private(&args.output, text.as_bytes())
}

/// Fails when something is there that the file would replace although it is not one, such as
/// `/dev/stdout`.
fn require_regular(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(there) if !there.is_file() => Err(Error::usage(format!(
            "`{}` is not a regular file",
            path.display()
        ))
        .hint("--output - is standard output")),
        _ => Ok(()),
    }
}

async fn fill(args: &Args, events: &Events) -> Result<String> {
    let context = args
        .deployment
        .context(&args.cluster, SandboxUse::Expect, events)
        .await?;
    deploy::gather_values(&context).await?;
    Ok(deploy::filled(&context)?.text().to_owned())
}
