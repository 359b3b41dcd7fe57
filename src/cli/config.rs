//! `hpcapi config`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::deploy;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::files;
use crate::output::{self, Story};

use super::deployment::{ClusterArgs, DeploymentArgs, SandboxUse};

/// Print the cluster configuration with every CHANGE_ME filled; all else as you wrote it
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// Where to write it; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

pub(super) async fn run(args: Args) -> Result<()> {
    let is_stdout = args.output.as_os_str() == "-";
    if !is_stdout {
        require_regular(&args.output)?;
    }
    let (events, story) = Story::start(args.deployment.verbose == 0);
    let text = fill(&args, &events).await;
    drop(events);
    story.end().await;
    let text = text?;
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
