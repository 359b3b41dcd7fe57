//! Before the network is deleted: what AWS's services left in it goes, and what others have in it is
//! named, with what removes it.

use crate::aws::{Stack, StackResource};
use crate::context::Context;
use crate::deploy::leftovers::{self, Leftover};
use crate::error::{Error, Result};
use crate::step::Step;

use super::deletion::physical_ids;
use super::existing_network;
use super::interfaces::{self, Held};

/// Takes out of the stack's VPC, or out of its security groups in one that was there, what would make the deletion of the stack fail.
pub(super) async fn prepare(
    context: &Context,
    stack: &Stack,
    resources: &[StackResource],
) -> Result<()> {
    let network = &context.aws.network;
    let holders = leftovers::holders(context, &stack.name, resources).await;
    for vpc in physical_ids(resources, "AWS::EC2::VPC") {
        let left = network.guard_duty(vpc).await?;
        if !left.endpoints.is_empty() {
            let text = "deleting the VPC endpoint of GuardDuty".to_owned();
            context.events.doing(Step::Requirements, text);
            network.delete_endpoints(&left.endpoints).await?;
        }
        interfaces::wait_until_gone(context, Held::Vpc(vpc), &left.endpoints, &holders)
            .await
            .map_err(|error| with_commands(error, &holders))?;
        for group in &left.groups {
            network.delete_group(group).await?;
        }
    }
    let is_of_user = existing_network::is_used_by(stack);
    let endpoints = physical_ids(resources, "AWS::EC2::VPCEndpoint");
    for group in physical_ids(resources, "AWS::EC2::SecurityGroup") {
        // The network of the user stays, with all that others have in it.
        if is_of_user {
            let held = Held::Group {
                id: group,
                endpoints: &endpoints,
            };
            interfaces::wait_until_gone(context, held, &[], &[]).await?;
        }
        network.revoke_rules_on_groups(group).await?;
    }
    Ok(())
}

/// Returns what others have in the deployment's VPC, before anything is deleted, a line each: it will
/// keep the network from being deleted.
pub async fn in_the_way(context: &Context) -> Vec<String> {
    let holders = match leftovers::in_the_way(context).await {
        Ok(holders) => holders,
        Err(error) => return vec![format!("not looked at who else is in the VPC: {error:#}")],
    };
    let lines = holders.iter().map(|holder| match &holder.remove {
        Some(command) => format!("{}: {command}", named(holder)),
        None => named(holder),
    });
    lines.collect()
}

/// Returns, after the deletion of the network's stack failed, the error that names what others have in
/// the network; `None` when that is nothing, or the deletion did not fail.
pub(super) async fn held_by_others(context: &Context, name: &str) -> Option<Error> {
    let stack = context.aws.stacks.describe(name).await.ok()??;
    if stack.status != "DELETE_FAILED" {
        return None;
    }
    let resources = context.aws.stacks.resources(&stack.id).await.ok()?;
    let holders = leftovers::holders(context, name, &resources).await;
    if holders.is_empty() {
        return None;
    }
    let lines: Vec<_> = holders.iter().map(named).collect();
    let error = Error::failed(format!(
        "the stack `{name}` cannot be deleted: others use its network"
    ))
    .because(lines.join("\n"));
    Some(with_commands(error, &holders))
}

/// Adds to an error what removes each holder, unless it says that already.
fn with_commands(error: Error, holders: &[Leftover]) -> Error {
    let commands = holders.iter().filter_map(|holder| holder.remove.as_ref());
    commands.fold(error, |error, command| {
        match error
            .hints()
            .iter()
            .any(|hint| hint.to_string().contains(command.as_str()))
        {
            true => error,
            false => error.hint(format!("if nobody needs it: {command}")),
        }
    })
}

/// Says what holds the network, and whose it is.
fn named(holder: &Leftover) -> String {
    let name = match holder.name == holder.id {
        true => String::new(),
        false => format!(" ({})", holder.name),
    };
    format!(
        "the {} `{}`{name} keeps the network from being deleted ({})",
        holder.kind, holder.id, holder.why
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_network_is_named_with_whose_it_is() {
        let holder = Leftover {
            kind: "file system",
            id: "fs-1".to_owned(),
            name: "data".to_owned(),
            state: String::new(),
            why: "of the file system fs-1".to_owned(),
            cost: leftovers::Cost {
                usd_per_month: None,
                note: String::new(),
            },
            remove: None,
        };
        assert_eq!(
            named(&holder),
            "the file system `fs-1` (data) keeps the network from being deleted (of the file system fs-1)"
        );
    }
}
