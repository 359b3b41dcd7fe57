//! The head node as the target of the load balancer: an update of the API stack, which was made
//! while there was no head node yet.

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;
use crate::step::Step;

use super::api;

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.api_stack();
    let Some(there) = context.aws.stacks.describe(&name).await? else {
        return Ok(State::Missing);
    };
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    let Some(head_node) = head_node else {
        return Ok(State::waiting("the head node"));
    };
    if !there.is_settled() {
        let text = format!("the stack `{name}` is in {}", there.status);
        return Ok(State::waiting(text));
    }
    if api::is_resting(&there) {
        return Ok(State::Resting);
    }
    Ok(match api::target(&there) {
        Some(found) if found == head_node => State::Ready,
        Some(found) => {
            State::incomplete(format!("it is {found}, and the head node is {head_node}"))
        }
        None => State::Missing,
    })
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    api::apply_with_target(context, Step::Target).await?;
    Ok(())
}
