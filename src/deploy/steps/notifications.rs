//! The stack `<name>-notifications`, for those who want it: a topic that tells of jobs that have ended,
//! and the function that reads the job memory for it.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::error::{Error, Kind, Result};
use crate::event::Outcome;
use crate::notifications::{Notify, Recipient};
use crate::settings::Toggle;
use crate::step::Step;

use super::function_code::FunctionCode;
use super::role_parameters;
use super::stack::{self, Template};

const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/notifications.yaml"),
};

const CODE: FunctionCode = FunctionCode {
    name: "notifications",
    text: include_str!("../../../templates/notifications/function.py"),
};

/// Protocol and address of who is told.
const RECIPIENT: [&str; 2] = ["Protocol", "Endpoint"];

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.notifications_stack();
    let toggle = toggle(&context.settings.notify);
    let there = match stack::optional(context, &name, toggle).await? {
        Ok(there) => there,
        Err(state) => return Ok(state),
    };
    let Some(requirements) = context.requirements() else {
        return Ok(State::waiting("the bucket"));
    };
    let parameters = parameters(context, Some(&there), &requirements.bucket)?;
    let state = stack::state(context, &there, TEMPLATE, &parameters);
    let buckets = &context.aws.buckets;
    if state == State::Ready && !buckets.sends_events(&requirements.bucket).await? {
        return Ok(State::incomplete("its bucket sends no events"));
    }
    Ok(state)
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    if context.settings.notify == Notify::Nobody {
        undo(context).await?;
        return Ok(());
    }
    let bucket = context.requirements().map(|it| it.bucket);
    let bucket = bucket.ok_or_else(|| Error::failed("notifications need a bucket"))?;
    let name = context.settings.name.notifications_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let parameters = parameters(context, there.as_ref(), &bucket)?;
    CODE.put(context, &bucket).await?;
    let spec = stack::spec(context, Step::Notifications, name, TEMPLATE, parameters);
    let progress = stack::progress(&context.events, Step::Notifications);
    context.aws.stacks.apply(&spec, &progress).await?;
    context.aws.buckets.send_events(&bucket).await?;
    if let Notify::To(recipient) = &context.settings.notify
        && told(there.as_ref()) != Some([recipient.protocol(), recipient.address()])
    {
        context.events.note(to_confirm(recipient));
    }
    Ok(())
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.notifications_stack();
    stack::undo(context, Step::Notifications, &name).await
}

/// Fails when the deployment tells nobody of any job.
pub async fn require_notifications(context: &Context) -> Result<()> {
    let stack = context.settings.name.notifications_stack();
    if context.aws.stacks.describe(&stack).await?.is_some() {
        return Ok(());
    }
    let name = &context.settings.name;
    let up = context.settings.again.command("up");
    Err(Error::new(
        Kind::NotReady,
        format!("`{name}` tells nobody when a job ends"),
    )
    .hint(format!("{up} --notify me@example.org")))
}

/// Returns what becomes of the stack.
fn toggle(notify: &Notify) -> Toggle {
    match notify {
        Notify::AsItIs => Toggle::AsItIs,
        Notify::To(_) => Toggle::On,
        Notify::Nobody => Toggle::Off,
    }
}

/// Returns what a new recipient has to do before anything comes.
fn to_confirm(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Email(address) => {
            format!(
                "AWS has sent a mail to {address}: nothing else comes before its link is opened"
            )
        }
        Recipient::Https(url) => format!(
            "AWS has asked {url} to confirm: nothing else comes before it opens the SubscribeURL"
        ),
    }
}

fn parameters(
    context: &Context,
    there: Option<&Stack>,
    bucket: &str,
) -> Result<Vec<(&'static str, String)>> {
    let recipient = match &context.settings.notify {
        Notify::To(recipient) => Some([recipient.protocol(), recipient.address()]),
        Notify::AsItIs | Notify::Nobody => told(there),
    };
    let recipient = recipient.ok_or_else(|| {
        Error::usage("nobody is named who is to be told").hint("--notify me@example.org")
    })?;
    let name = context.settings.name.to_string();
    let mut all = given(name, bucket.to_owned(), recipient);
    all.extend(role_parameters::of_function(context, "notifications"));
    Ok(all)
}

/// Returns who is told now.
fn told(there: Option<&Stack>) -> Option<[&str; 2]> {
    let there = there?;
    let value = |key| there.parameters.get(key).map(String::as_str);
    Some([value(RECIPIENT[0])?, value(RECIPIENT[1])?])
}

fn given(deployment: String, bucket: String, recipient: [&str; 2]) -> Vec<(&'static str, String)> {
    vec![
        ("Deployment", deployment),
        ("Bucket", bucket),
        ("CodeKey", CODE.key()),
        (RECIPIENT[0], recipient[0].to_owned()),
        (RECIPIENT[1], recipient[1].to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;

    #[test]
    fn template_and_code_agree_on_parameters() {
        let declared = Declared::of(TEMPLATE);
        let mut given = given(String::new(), String::new(), ["", ""]);
        given.extend(role_parameters::OF_FUNCTION.map(|key| (key, String::new())));
        declared.takes(&given);
    }

    #[test]
    fn who_is_told_is_asked_to_confirm() {
        let mail = "me@example.org".parse().unwrap();
        assert!(to_confirm(&mail).contains("a mail to me@example.org"));
        let hook = "https://example.org/x".parse().unwrap();
        assert!(to_confirm(&hook).contains("https://example.org/x"));
    }
}
