//! The `pcluster` command in the version we want.

use tokio::task::spawn_blocking;

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;
use crate::pcluster::Found;
use crate::settings::Ground;
use crate::shell::quoted;

/// Runs it only when it is not as it was made: whoever needs it looks closer before.
pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let search = context.pcluster_search();
    // It looks at thousands of files.
    let own = search.clone();
    let looked = spawn_blocking(move || own.is_unchanged()).await;
    if looked.is_ok_and(|is_unchanged| is_unchanged) {
        return Ok(State::Ready);
    }
    Ok(match search.find().await? {
        Found::Ready(_) => State::Ready,
        Found::Missing => State::Missing,
        Found::Broken(reason) => State::incomplete(reason),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    context.pcluster().await?;
    Ok(())
}

/// Returns how to type a command of `pcluster` on a cluster.
pub(in crate::deploy) async fn command_line(
    context: &Context,
    verb: &str,
    cluster: &str,
) -> String {
    let program = match context.pcluster_search().find().await {
        Ok(Found::Ready(program)) => quoted(&program.display().to_string()),
        _ => "pcluster".to_owned(),
    };
    let profile = match &context.settings.ground {
        Ground::Aws {
            profile: Some(profile),
            ..
        } => format!("AWS_PROFILE={} ", quoted(profile)),
        _ => String::new(),
    };
    let region = &context.aws.region;
    format!("{profile}{program} {verb} --cluster-name {cluster} --region {region}")
}
