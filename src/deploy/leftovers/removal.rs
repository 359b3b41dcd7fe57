//! The command that removes a thing: hpcapi's own while a stack holds it, else one line of the
//! AWS CLI. Nothing is offered for what is not the deployment's.

use crate::aws::{Item, Kind, TAG_CLUSTER};
use crate::context::Context;

use super::aws_commands::Aws;
use super::claim::{Claim, TAG_STACK, is_shared};
use super::origin::Origin;

/// What the commands are written with.
pub(super) struct Commands {
    /// Those of the AWS CLI.
    pub(super) aws: Aws,
    /// hpcapi's own.
    pub(super) teardown: String,
}

impl Commands {
    /// Returns what reaches the deployment.
    pub(super) fn new(context: &Context) -> Commands {
        Commands {
            aws: Aws::new(context),
            teardown: context.settings.again.command("teardown"),
        }
    }
}

/// Returns the command, if there is one.
pub(super) fn command(
    commands: &Commands,
    origin: &Origin,
    claim: &Claim,
    kind: Kind,
    item: &Item,
) -> Option<String> {
    let Commands { aws, teardown } = commands;
    match claim {
        Claim::LookAlike(_) | Claim::Nobodys => None,
        // Others use the bucket.
        Claim::Kept(_) if is_shared(kind, item) => None,
        Claim::Kept(_) => aws.remove(kind, item),
        Claim::Ours(_) if is_held(origin, kind, item) => Some(if item.is_protected {
            format!("{} && {teardown}", aws.unprotect(&item.name))
        } else {
            teardown.clone()
        }),
        Claim::Ours(_) => aws.remove(kind, item),
    }
}

/// Returns whether a stack of the deployment is there, and deletes the thing with itself.
fn is_held(origin: &Origin, kind: Kind, item: &Item) -> bool {
    let tag = |key: &str| item.tags.get(key);
    let holder = match origin.resources.get(&item.id) {
        Some(stack) => Some(stack),
        None if kind == Kind::Stack && item.parent.is_none() => Some(&item.name),
        None => tag(TAG_STACK).or_else(|| tag(TAG_CLUSTER)),
    };
    // hpcapi itself makes and removes the key pair.
    let is_pair = kind == Kind::KeyPair && item.name == origin.name;
    is_pair || holder.is_some_and(|stack| origin.live.contains(stack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_its_stack_is_there_a_thing_goes_with_the_stack() {
        let mut origin = Origin::default();
        origin.live.insert("mine-triggers".to_owned());
        let made = ("mine-triggers-Queue-1", "mine-triggers");
        origin
            .resources
            .insert(made.0.to_owned(), made.1.to_owned());
        let commands = Commands {
            aws: Aws::default(),
            teardown: "hpcapi teardown".to_owned(),
        };
        let item = Item {
            id: made.0.to_owned(),
            ..Item::default()
        };
        let ours = Claim::Ours("tag".to_owned());
        let told = command(&commands, &origin, &ours, Kind::Queue, &item);
        assert_eq!(told.as_deref(), Some("hpcapi teardown"));
    }
}
