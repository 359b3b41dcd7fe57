//! What the steps that are CloudFormation stacks have in common.

use sha2::{Digest, Sha256};

use crate::aws::{Stack, StackEvent, StackSpec};
use crate::context::{Context, TAG_DEPLOYMENT};
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::{Event, Events, Outcome, Resource, Subject};
use crate::hint::{AwsCall, Hint};
use crate::settings::Toggle;
use crate::step::Step;
use crate::tags::{Others, Tags};

use super::cut_template;
use super::deletion::Attempts;

/// The tag that holds the digest of the template a stack was made from.
const TAG_TEMPLATE: &str = "hpcapi:template";

/// The tag that holds the digest of the role that the stack was last given. CloudFormation gives a stack
/// another role only where something else changes with it: this does.
const TAG_ROLE: &str = "hpcapi:service-role";

/// A template of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    /// Its text.
    pub(super) body: &'static str,
}

impl Template {
    fn digest(self) -> String {
        digest(self.body)
    }

    pub(super) fn has_made(self, stack: &Stack) -> bool {
        let made_from = stack.tags.get(TAG_TEMPLATE);
        made_from.is_some_and(|digest| *digest == self.digest())
    }
}

/// Returns what the stack of `step` should be.
pub(super) fn spec(
    context: &Context,
    step: Step,
    name: String,
    template: Template,
    parameters: Vec<(&'static str, String)>,
) -> StackSpec {
    let mut tags = context.tags(step);
    tags.push((TAG_TEMPLATE.to_owned(), template.digest()));
    let role = context.stack_role();
    let of_role = role.iter().map(|role| digest(role.arn()));
    tags.extend(of_role.map(|digest| (TAG_ROLE.to_owned(), digest)));
    StackSpec {
        name,
        template: template.body.into(),
        parameters,
        first: Vec::new(),
        tags,
        role,
    }
}

/// Takes resources out of what a stack should be, with those that refer to them.
pub(super) fn cut(spec: &mut StackSpec, resources: &[&str]) {
    let cut = cut_template::without(&spec.template, resources);
    for (key, value) in &mut spec.tags {
        if key == TAG_TEMPLATE {
            *value = digest(&cut);
        }
    }
    spec.template = cut.into();
}

/// Returns the state of a stack made from `template` with (at least) these `parameters`, and with the
/// service role and the user's own tags.
pub(super) fn state(
    context: &Context,
    stack: &Stack,
    template: Template,
    parameters: &[(&str, String)],
) -> State {
    if !stack.is_settled() {
        return State::waiting(format!("the stack `{}` is in {}", stack.name, stack.status));
    }
    // The rollback of an update gives tags and parameters back, too: they say what it is.
    if !stack.is_usable() {
        return State::incomplete(format!("the stack `{}` is in {}", stack.name, stack.status));
    }
    if !template.has_made(stack) {
        return State::incomplete("it was made from another template");
    }
    for (key, value) in parameters {
        if stack.parameters.get(*key) != Some(value) {
            let found = stack.parameters.get(*key).map_or("nothing", String::as_str);
            return State::incomplete(format!("its {key} is {found} instead of {value}"));
        }
    }
    if let Some(difference) = difference_of_roles(context, stack) {
        return State::incomplete(difference);
    }
    match difference_of_tags(context, &Tags::on(&stack.tags)) {
        Some(difference) => State::incomplete(difference),
        None => State::Ready,
    }
}

/// Returns how the role of a stack differs from the one that it is to have, if it is to have one: a stack
/// never loses its role.
fn difference_of_roles(context: &Context, stack: &Stack) -> Option<String> {
    let wanted = context.service_role()?;
    match stack.role.as_deref() {
        Some(role) if role == wanted.as_str() => None,
        Some(role) => Some(format!(
            "its service role is `{role}` instead of `{wanted}`"
        )),
        None => Some(format!("it has no service role, and is to have `{wanted}`")),
    }
}

/// Returns how the user's own tags on a thing differ from those that it is to have. Others that somebody
/// gave it stay, unless this call says which there are to be.
pub(super) fn difference_of_tags(context: &Context, found: &Tags) -> Option<String> {
    let others = match context.settings.tags {
        Some(_) => Others::Go,
        None => Others::Stay,
    };
    context.own_tags().difference(found, others)
}

/// The parameter of a template that names the deployment, below which SSM parameters tell others of it.
pub(super) const NAME: &str = "DeploymentName";

/// Returns a stack that need not be, as far as its parameters say how it is; else how it is.
pub(super) async fn optional(
    context: &Context,
    name: &str,
    toggle: Toggle,
) -> Result<Result<Stack, State>> {
    let Some(there) = context.aws.stacks.describe(name).await? else {
        return Ok(Err(match toggle {
            Toggle::On => State::Missing,
            Toggle::AsItIs | Toggle::Off => State::Unwanted,
        }));
    };
    require_ours(context, &there)?;
    Ok(match toggle {
        Toggle::Off => Err(State::incomplete("it is not wanted any more")),
        Toggle::On | Toggle::AsItIs => Ok(there),
    })
}

/// Returns whether the stack was made by hpcapi for this deployment.
pub(in crate::deploy) fn is_ours(context: &Context, stack: &Stack) -> bool {
    let name = context.settings.name.as_str();
    // Before its first change set is executed a stack has no resources, and shows no tags.
    stack.is_in_review() || stack.tags.get(TAG_DEPLOYMENT).map(String::as_str) == Some(name)
}

/// Fails unless the stack was made by hpcapi for this deployment.
pub(in crate::deploy) fn require_ours(context: &Context, stack: &Stack) -> Result<()> {
    if is_ours(context, stack) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the stack `{}` was not made by hpcapi, so it is not touched",
        stack.name
    ))
    .hint("choose another name: --deployment my-cluster"))
}

/// Returns what tells a step's stack events.
pub(super) fn progress(events: &Events, step: Step) -> impl Fn(&StackEvent) + Sync {
    move |event| events.send(Event::Resource(step, told(event)))
}

fn told(event: &StackEvent) -> Resource {
    // An event of a nested stack has that one's id, and its name is not the one in the template.
    let own = format!(":stack/{}/", event.resource);
    Resource {
        subject: match event.physical_id.contains(&own) {
            true => Subject::Stack,
            false => Subject::Resource,
        },
        name: event.resource.clone(),
        kind: event.kind.clone(),
        status: event.status.clone(),
        reason: event.reason.clone(),
    }
}

/// Returns the command that goes on with a rollback that failed.
pub(in crate::deploy) fn continue_rollback(context: &Context, stack: &str) -> Hint {
    let region = &context.aws.region;
    let call = |operation: &str| {
        let call = AwsCall::in_region(region, format!("cloudformation {operation}"));
        call.with(format!("--stack-name {stack}"))
    };
    Hint::run(call("continue-update-rollback"))
        .then(" && ")
        .then_run(call("wait stack-rollback-complete"))
}

/// Returns a stack's output, which its template promises.
pub(super) fn output(stack: &Stack, key: &str) -> Result<String> {
    stack.outputs.get(key).cloned().ok_or_else(|| {
        Error::failed(format!("the stack `{}` has no output {key}", stack.name))
            .hint("it was changed outside of hpcapi: tear the deployment down and make it anew")
    })
}

/// Returns the stack to delete, if there is one; what is not the deployment's is warned of.
pub(super) async fn to_be_deleted(context: &Context, name: &str) -> Result<Option<Stack>> {
    let stack = context.aws.stacks.describe(name).await?;
    if stack.as_ref().is_some_and(|stack| !is_ours(context, stack)) {
        context.events.warn(format!(
            "the stack `{name}` was not made by hpcapi, so it is not touched"
        ));
        return Ok(None);
    }
    Ok(stack)
}

/// Deletes a stack that nothing has to be taken out of first.
pub(super) async fn undo(context: &Context, step: Step, name: &str) -> Result<Outcome> {
    let mut left = to_be_deleted(context, name).await?;
    if left.is_none() {
        return Ok(Outcome::Absent);
    }
    let progress = progress(&context.events, step);
    let mut attempts = Attempts::new(context, name);
    while let Some(there) = left {
        left = match context.aws.stacks.delete(&there, &progress).await {
            Ok(()) => None,
            Err(error) => attempts.after(error).await?,
        };
    }
    Ok(Outcome::Removed)
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What a template declares, for tests that it agrees with the code around it.
#[cfg(test)]
pub(super) mod template {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_yaml::Value;

    use super::{Stack, Template};

    pub(in super::super) struct Declared(Value);

    impl Declared {
        pub(in super::super) fn of(template: Template) -> Declared {
            let template = template.body;
            assert!(
                template.len() <= 51_200,
                "CloudFormation takes no longer template body"
            );
            Declared(serde_yaml::from_str(template).unwrap())
        }

        /// Asserts that every parameter given is declared, and every one without a default is
        /// given.
        pub(in super::super) fn takes(&self, given: &[(&str, String)]) {
            let given: BTreeSet<_> = given.iter().map(|(key, _)| *key).collect();
            let declared = self.0["Parameters"].as_mapping().unwrap();
            let keys: BTreeSet<_> = declared.keys().map(|key| key.as_str().unwrap()).collect();
            assert!(
                given.is_subset(&keys),
                "{given:?} but not all of them in {keys:?}"
            );
            for (key, parameter) in declared {
                let key = key.as_str().unwrap();
                let is_optional = parameter.get("Default").is_some();
                assert!(is_optional || given.contains(key), "{key} has no value");
            }
        }

        /// Returns a finished stack of the template: every output has some value.
        pub(in super::super) fn stack(&self) -> Stack {
            let outputs = self.0["Outputs"].as_mapping().unwrap();
            Stack {
                id: "arn".to_owned(),
                name: "stack".to_owned(),
                status: "CREATE_COMPLETE".to_owned(),
                outputs: outputs
                    .keys()
                    .map(|key| (key.as_str().unwrap().to_owned(), "value".to_owned()))
                    .collect(),
                parameters: BTreeMap::new(),
                tags: BTreeMap::new(),
                role: None,
                is_protected: false,
                created: None,
            }
        }
    }
}
