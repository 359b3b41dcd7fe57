//! What is protected from deletion is said before anything is deleted, all of it at once: stacks, and
//! the head node.

use crate::aws::Stack;
use crate::context::Context;
use crate::error::{Error, Result};

use super::leftovers::AwsCommands;
use super::steps::head_node;

/// Something that is protected, and the command that ends that.
struct Protected {
    what: String,
    end: String,
}

/// Fails when one of these stacks is protected, or the head node of one of these clusters; `again` is the
/// command that would have deleted them.
pub(super) async fn require_none(
    context: &Context,
    own: &[Stack],
    clusters: &[Stack],
    again: &str,
) -> Result<()> {
    let commands = AwsCommands::new(context);
    let stacks = own.iter().chain(clusters);
    let mut protected: Vec<_> = stacks
        .filter(|stack| stack.is_protected)
        .map(|stack| Protected {
            what: format!("the stack `{}` has termination protection", stack.name),
            end: commands.unprotect(&stack.name),
        })
        .collect();
    if !clusters.is_empty() {
        protected.extend(instances(context, clusters, &commands).await?);
    }
    refusal(&protected, again).map_or(Ok(()), Err)
}

async fn instances(
    context: &Context,
    clusters: &[Stack],
    commands: &AwsCommands,
) -> Result<Vec<Protected>> {
    let aws = &context.aws.instances;
    let clusters: Vec<_> = clusters.iter().map(|it| it.name.as_str()).collect();
    let mut protected = Vec::new();
    for instance in head_node::of_clusters(context, &clusters).await? {
        let is_protected = aws.is_protected(&instance.id).await;
        // Whoever may not look may still delete.
        if is_protected.unwrap_or_else(|error| {
            context.events.warn(format!("not looked at: {error:#}"));
            false
        }) {
            protected.push(Protected {
                what: format!(
                    "the head node `{}` is protected from termination",
                    instance.id
                ),
                end: commands.unprotect_instance(&instance.id),
            });
        }
    }
    Ok(protected)
}

fn refusal(protected: &[Protected], again: &str) -> Option<Error> {
    let error = match protected {
        [] => return None,
        [one] => Error::failed(format!("{}, so nothing was deleted", one.what)),
        several => {
            let lines: Vec<_> = several.iter().map(|one| one.what.as_str()).collect();
            Error::failed(format!(
                "{} things are protected, so nothing was deleted",
                several.len()
            ))
            .because(lines.join("\n"))
        }
    };
    let commands: Vec<_> = protected.iter().map(|one| one.end.as_str()).collect();
    Some(error.hint(format!(
        "end the protection, and go on: {} && {again}",
        commands.join(" && ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_protected_is_named_with_one_line_to_type() {
        let one = |what: &str, end: &str| Protected {
            what: what.to_owned(),
            end: end.to_owned(),
        };
        assert!(refusal(&[], "again").is_none());
        let first = || one("the stack `x` has termination protection", "aws a");
        let told = refusal(&[first()], "again").unwrap();
        assert!(told.to_string().ends_with("so nothing was deleted"));
        let told = refusal(&[first(), one("the head node", "aws b")], "again").unwrap();
        assert!(told.to_string().starts_with("2 things are protected"));
        assert_eq!(
            told.hints(),
            ["end the protection, and go on: aws a && aws b && again"]
        );
    }
}
