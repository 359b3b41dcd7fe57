//! The stack `<name>-triggers`, once there is a trigger: the queue of the bucket's events, and the
//! function that makes jobs of them by the operations' SSM document.

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::hint::{Hint, Verb};
use crate::runs;
use crate::settings::Toggle;
use crate::step::Step;
use crate::triggers::Triggers;

use super::stack::{self, Template};
use super::{operations, role_parameters};

const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/triggers.yaml"),
};

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.triggers_stack();
    let there = match stack::optional(context, &name, context.settings.triggers).await? {
        Ok(there) => there,
        Err(state) => return Ok(state),
    };
    let Ok(parameters) = parameters(context) else {
        return Ok(State::waiting("the head node"));
    };
    let state = stack::state(context, &there, TEMPLATE, &parameters);
    if state == State::Ready
        && let Some(requirements) = context.requirements()
        && !context
            .aws
            .buckets
            .sends_events(&requirements.bucket)
            .await?
    {
        return Ok(State::incomplete("its bucket sends no events"));
    }
    Ok(state)
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    if context.settings.triggers == Toggle::Off {
        undo(context).await?;
        return Ok(());
    }
    let parameters = parameters(context)?;
    let bucket = context.requirements().map(|it| it.bucket);
    let bucket = bucket.ok_or_else(|| Error::failed("triggers need a bucket"))?;
    let buckets = &context.aws.buckets;
    operations::CODE.put(context, &bucket).await?;
    buckets
        .put(&bucket, &program_key(), runs::program())
        .await?;
    let name = context.settings.name.triggers_stack();
    let spec = stack::spec(context, Step::Triggers, name, TEMPLATE, parameters);
    let progress = stack::progress(&context.events, Step::Triggers);
    context.aws.stacks.apply(&spec, &progress).await?;
    // Only now, for what comes before there is a queue would be lost without a word.
    buckets.send_events(&bucket).await
}

/// Fails when `up` is to take away what there are triggers for.
pub(in crate::deploy) async fn require_none_to_go(context: &Context) -> Result<()> {
    if context.settings.triggers != Toggle::Off {
        return Ok(());
    }
    let Some(requirements) = context.requirements() else {
        return Ok(());
    };
    let there = Triggers::new(context.aws.buckets.clone(), requirements.bucket);
    match there.all().await?.first() {
        None => Ok(()),
        Some(trigger) => Err(Error::usage(format!(
            "the trigger `{}` needs the operations path",
            trigger.name
        ))
        .hint(Hint::run(Verb::TriggerRemove.with(&trigger.name)).because("remove it first"))),
    }
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.triggers_stack();
    stack::undo(context, Step::Triggers, &name).await
}

fn parameters(context: &Context) -> Result<Vec<(&'static str, String)>> {
    let bucket = context.requirements().map(|it| it.bucket);
    let head_node = context.facts().head_node.as_ref().map(|it| it.id.clone());
    match (bucket, head_node) {
        (Some(bucket), Some(head_node)) => {
            let document = context.settings.name.operations_stack();
            let mut all = given(document, head_node, bucket);
            all.extend(role_parameters::of_function(context, "triggers"));
            Ok(all)
        }
        _ => Err(Error::failed("triggers need a bucket and a head node")),
    }
}

fn given(document: String, head_node: String, bucket: String) -> Vec<(&'static str, String)> {
    vec![
        ("Document", document),
        ("HeadNodeInstanceID", head_node),
        ("Bucket", bucket),
        ("CodeKey", operations::CODE.key()),
        ("ProgramKey", program_key()),
        ("ProgramSha256", digest()),
    ]
}

/// Returns where the program of the jobs lies: a key holds the digest of its content.
fn program_key() -> String {
    format!("hpcapi/{}/run-job.sh", &digest()[..16])
}

fn digest() -> String {
    let digest = Sha256::digest(runs::program());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;

    #[test]
    fn template_and_code_agree_on_parameters() {
        let declared = Declared::of(TEMPLATE);
        let mut given = given(String::new(), String::new(), String::new());
        given.extend(role_parameters::OF_FUNCTION.map(|key| (key, String::new())));
        declared.takes(&given);
    }
}
