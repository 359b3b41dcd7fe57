//! The `pcluster` command in the version we want.

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    Ok(match context.pcluster_search().find().await? {
        Some(_) => State::Ready,
        None => State::Missing,
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    context.pcluster().await?;
    Ok(())
}
