//! Deleting a stack to its end: a deletion that failed is asked for again, and what would be orphaned
//! by force is listed, never forced.

use std::time::Duration;

use crate::aws::{Stack, StackResource};
use crate::context::Context;
use crate::deploy::leftovers::AwsCommands;
use crate::error::{Error, Result};
use crate::wait::Pace;

/// The pauses before a deletion is asked for again: what a resource still waits for is mostly
/// gone in a minute.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(45),
];

const NESTED: &str = "AWS::CloudFormation::Stack";

/// The attempts to delete one stack.
pub(super) struct Attempts<'c> {
    context: &'c Context,
    stack: &'c str,
    pauses: std::slice::Iter<'static, Duration>,
}

impl<'c> Attempts<'c> {
    /// Returns the attempts for a stack, by name or id.
    pub(super) fn new(context: &'c Context, stack: &'c str) -> Self {
        Attempts {
            context,
            stack,
            pauses: PAUSES.iter(),
        }
    }

    /// Returns, after a pause, when an attempt that ended in `error` is worth another: the stack
    /// as it is then, in DELETE_FAILED or being deleted by another run, and not for the last time.
    /// `None` when it is gone.
    pub(super) async fn after(&mut self, error: Error) -> Result<Option<Stack>> {
        let Ok(there) = self.context.aws.stacks.describe(self.stack).await else {
            return Err(error);
        };
        let Some(stack) = there.filter(|stack| stack.status != "DELETE_COMPLETE") else {
            return Ok(None);
        };
        if !matches!(
            stack.status.as_str(),
            "DELETE_FAILED" | "DELETE_IN_PROGRESS"
        ) {
            return Err(error);
        }
        let Some(pause) = self.pauses.next() else {
            return Err(given_up(self.context, &stack).await.unwrap_or(error));
        };
        if stack.status == "DELETE_IN_PROGRESS" {
            return Ok(Some(stack));
        }
        self.context.events.warn(format!(
            "the stack `{}` ended in DELETE_FAILED, so its deletion is asked for again in {} s: {}",
            stack.name,
            pause.as_secs(),
            std::error::Error::source(&error).map_or_else(String::new, ToString::to_string),
        ));
        Pace::pause(*pause).await;
        Ok(Some(stack))
    }
}

async fn given_up(context: &Context, stack: &Stack) -> Result<Error> {
    let left = remains(context, &stack.id).await?;
    let aws = AwsCommands::new(context);
    Ok(Error::failed(format!(
        "the stack `{}` cannot be deleted: DELETE_FAILED {} times",
        stack.name,
        PAUSES.len() + 1
    ))
    .because(list(&left))
    .hint(format!(
        "see what is there, and who holds it: {} --check",
        context.settings.again.command("teardown")
    ))
    .hint(format!(
        "by force, which leaves behind what of this list still cannot be deleted: {}",
        aws.force_stack(&stack.name)
    )))
}

/// Returns what is still there of a stack, one line each, the causes first.
pub(in crate::deploy) fn list(left: &[StackResource]) -> String {
    let (failed, others): (Vec<_>, Vec<_>) = left
        .iter()
        .partition(|resource| resource.status == "DELETE_FAILED");
    let failed = failed.into_iter().map(|resource| {
        let reason = match resource.reason.as_str() {
            "" => "AWS gives no reason",
            reason => reason,
        };
        format!("{} {}: {reason}", resource.kind, resource.physical_id)
    });
    let others = others
        .into_iter()
        .map(|resource| format!("{} {}: still there", resource.kind, resource.physical_id));
    failed.chain(others).collect::<Vec<_>>().join("\n")
}

/// Returns what a stack, and those nested in it, made and did not delete.
pub(in crate::deploy) async fn remains(
    context: &Context,
    stack: &str,
) -> Result<Vec<StackResource>> {
    let made = made(context, stack).await?.into_iter();
    let made = made.map(|(_, resource)| resource);
    Ok(made.filter(|resource| !is_deleted(resource)).collect())
}

/// Returns what a stack, and those nested in it that are there, made, each with the id of its
/// stack; also what is deleted.
pub(in crate::deploy) async fn made(
    context: &Context,
    stack: &str,
) -> Result<Vec<(String, StackResource)>> {
    let mut stacks = vec![stack.to_owned()];
    let mut made = Vec::new();
    while let Some(stack) = stacks.pop() {
        for resource in context.aws.stacks.resources(&stack).await? {
            if resource.physical_id.is_empty() {
                continue;
            }
            if resource.kind == NESTED && !is_deleted(&resource) {
                stacks.push(resource.physical_id.clone());
            }
            made.push((stack.clone(), resource));
        }
    }
    Ok(made)
}

/// Returns what of a type a stack made, and did not delete, by its ids.
pub(in crate::deploy) fn physical_ids<'r>(
    resources: &'r [StackResource],
    kind: &str,
) -> Vec<&'r str> {
    resources
        .iter()
        .filter(|resource| {
            resource.kind == kind
                && !resource.physical_id.is_empty()
                && resource.status != "DELETE_COMPLETE"
        })
        .map(|resource| resource.physical_id.as_str())
        .collect()
}

/// Returns whether CloudFormation has deleted what it made.
pub(in crate::deploy) fn is_deleted(resource: &StackResource) -> bool {
    resource.status == "DELETE_COMPLETE"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_orphaned_is_listed_with_the_causes_first() {
        let resource = |kind: &str, status: &str, reason: &str| StackResource {
            kind: kind.to_owned(),
            physical_id: "id".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
        };
        let left = [
            resource("AWS::EC2::VPC", "CREATE_COMPLETE", ""),
            resource("AWS::EC2::Subnet", "DELETE_FAILED", "it has dependencies"),
        ];
        assert_eq!(
            list(&left),
            "AWS::EC2::Subnet id: it has dependencies\nAWS::EC2::VPC id: still there"
        );
    }
}
