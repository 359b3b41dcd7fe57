//! The NAT gateway: an update of the requirements stack, while the cluster is made, because it takes
//! longer than all the rest of the network and only compute nodes need it. A network that was there gets
//! none.

use crate::context::Context;
use crate::deploy::State;
use crate::error::Result;
use crate::step::Step;

use super::existing_network;
use super::requirements::{self, Nat};

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.requirements_stack();
    let Some(there) = context.aws.stacks.describe(&name).await? else {
        return Ok(match context.settings.network {
            Some(_) => State::Unwanted,
            None => State::Missing,
        });
    };
    Ok(if existing_network::is_used_by(&there) {
        State::Unwanted
    } else if !there.is_settled() {
        State::waiting(format!("the stack `{name}` is in {}", there.status))
    } else if requirements::has_nat(&there) {
        State::Ready
    } else {
        State::Missing
    })
}

/// Takes it away, with its address.
pub(in crate::deploy) async fn rest(context: &Context) -> Result<()> {
    requirements::apply(context, Step::NatGateway, Nat::Never).await
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    requirements::apply(context, Step::NatGateway, Nat::Now).await
}
