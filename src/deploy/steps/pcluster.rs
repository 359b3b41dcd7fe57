//! The `pcluster` command in the version we want.

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;
use crate::pcluster::Found;

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    Ok(match context.pcluster_search().find().await? {
        Found::Ready(_) => State::Ready,
        Found::Missing => State::Missing,
        Found::Broken(reason) => State::incomplete(reason),
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    context.pcluster().await?;
    Ok(())
}
