//! The `pcluster` command in the version we want.

use tokio::task::spawn_blocking;

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;
use crate::pcluster::Found;

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
