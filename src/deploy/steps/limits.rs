//! The stack `<name>-limits`, for those who want it: the time, with jobs or without any, after which the
//! deployment is put to rest, and the function that does it, called by a schedule of EventBridge.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::deploy::at_work::{self, Work};
use crate::error::{Error, Kind, Result};
use crate::event::Outcome;
use crate::hint::{Hint, Verb};
use crate::limits::{Limit, Limits, Span, SpanChoice, Term};
use crate::settings::{Settings, Toggle};
use crate::step::Step;

use super::function_code::FunctionCode;
use super::stack::{self, Template};
use super::{requirements, role_parameters};

const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/limits.yaml"),
};

const CODE: FunctionCode = FunctionCode {
    name: "limits",
    text: include_str!("../../../templates/limits/function.py"),
};

/// The parameter that says when the time is over.
const UNTIL: &str = "Until";

/// The parameter that names the role of the schedule.
const CALLER: &str = "CallerRoleName";

/// The parameter that says how long the time is when it begins.
const SPAN: &str = "Span";

/// The parameter that says how long no job may have run or waited.
const IDLE: &str = "Idle";

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.limits_stack();
    let settings = &context.settings;
    let found = stack::optional(context, &name, toggle(settings)).await?;
    let limits = found.as_ref().map(limits_of).unwrap_or_default();
    context.facts().limits = limits;
    let there = match found {
        Ok(there) => there,
        Err(state) => return Ok(state),
    };
    let Some(requirements) = context.requirements() else {
        return Ok(State::waiting("the bucket"));
    };
    let wanted = limits.with(settings.limit, settings.idle);
    if wanted.are_none() {
        return Ok(State::incomplete(match asks_for_less(settings) {
            true => "it is not wanted any more",
            false => "it does not say when the time is over",
        }));
    }
    let parameters = parameters(context, &requirements.bucket, wanted);
    let state = stack::state(context, &there, TEMPLATE, &parameters);
    match wanted.term.filter(|term| term.is_over()) {
        Some(term) if state == State::Ready => Ok(State::incomplete(over(term))),
        _ => Ok(state),
    }
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let name = context.settings.name.limits_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let there = there.as_ref().map(limits_of).unwrap_or_default();
    let settings = &context.settings;
    let mut wanted = there.with(settings.limit, settings.idle);
    if settings.limit == Limit::AsItIs {
        let anew = |term: Term| match term.is_over() {
            true => Term::from_now(term.span()),
            false => term,
        };
        wanted.term = wanted.term.map(anew);
    }
    match (wanted.are_none(), asks_for_less(settings)) {
        (false, _) => apply(context, wanted).await,
        (true, true) => undo(context).await.map(|_| ()),
        (true, false) => Err(
            Error::usage("it is not known how long the deployment is to work")
                .hint(Hint::run(Verb::Up.with("--ttl 8h"))),
        ),
    }
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.limits_stack();
    stack::undo(context, Step::Limits, &name).await
}

/// Lets the deployment work so much longer, and returns the time that it has then.
pub async fn extend(context: &Context, by: Span) -> Result<Term> {
    // Who takes the deployment away, or puts it to rest, would undo it.
    at_work::require_peace(context, Work::Up).await?;
    requirements::look(context).await?;
    let name = &context.settings.name;
    let there = context.aws.stacks.describe(&name.limits_stack()).await?;
    if let Some(there) = &there {
        stack::require_ours(context, there)?;
    }
    let limits = there.as_ref().map(limits_of).unwrap_or_default();
    let Some(term) = limits.term else {
        let text = format!("`{name}` works without a time limit");
        return Err(Error::new(Kind::NotReady, text).hint(Hint::run(Verb::Up.with("--ttl 8h"))));
    };
    if term.is_over() {
        let text = format!("there is nothing to extend: {}", over(term));
        return Err(Error::new(Kind::NotReady, text)
            .hint(Hint::run(Verb::Resume).because("begin the same time anew")));
    }
    let longer = term.extended(by)?;
    let term = Some(longer);
    apply(context, Limits { term, ..limits }).await?;
    Ok(longer)
}

/// Makes the stack what it should be with these limits.
async fn apply(context: &Context, wanted: Limits) -> Result<()> {
    let bucket = context.requirements().map(|it| it.bucket);
    let bucket = bucket.ok_or_else(|| Error::failed("a time limit needs a bucket"))?;
    CODE.put(context, &bucket).await?;
    let name = context.settings.name.limits_stack();
    let parameters = parameters(context, &bucket, wanted);
    let spec = stack::spec(context, Step::Limits, name, TEMPLATE, parameters);
    let progress = stack::progress(&context.events, Step::Limits);
    context.aws.stacks.apply(&spec, &progress).await?;
    Ok(())
}

/// Returns what is said when the time is over.
fn over(term: Term) -> String {
    format!(
        "the time was over at {}: AWS puts the deployment to rest",
        term.end()
    )
}

/// Returns what becomes of the stack where it is missing. One that is there goes when nothing is left
/// in it.
fn toggle(settings: &Settings) -> Toggle {
    match settings.asks_for_limits() {
        true => Toggle::On,
        false => Toggle::AsItIs,
    }
}

/// Returns whether a limit is to go.
fn asks_for_less(settings: &Settings) -> bool {
    settings.limit == Limit::Off || settings.idle == SpanChoice::Off
}

/// Returns the limits that a stack gives.
fn limits_of(there: &Stack) -> Limits {
    let value = |key| there.parameters.get(key).map(String::as_str);
    let term = |until| Term::read(until, value(SPAN)?);
    Limits {
        term: value(UNTIL).and_then(term),
        idle: value(IDLE).and_then(Span::read),
    }
}

fn parameters(context: &Context, bucket: &str, limits: Limits) -> Vec<(&'static str, String)> {
    let name = context.settings.name.to_string();
    let mut all = given(name, bucket.to_owned(), limits);
    all.extend(role_parameters::of_function(context, "limits"));
    all.push((CALLER, role_parameters::name(context, "limits-caller")));
    all
}

fn given(deployment: String, bucket: String, limits: Limits) -> Vec<(&'static str, String)> {
    let seconds = |span: Span| span.seconds().to_string();
    // What there is no limit to is empty.
    let text = Option::<String>::unwrap_or_default;
    vec![
        ("Deployment", deployment),
        ("Bucket", bucket),
        ("CodeKey", CODE.key()),
        (UNTIL, text(limits.term.map(Term::end))),
        (SPAN, text(limits.term.map(|term| seconds(term.span())))),
        (IDLE, text(limits.idle.map(seconds))),
    ]
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;
    use crate::deploy::fleet;

    #[test]
    fn template_and_code_agree_on_parameters() {
        let declared = Declared::of(TEMPLATE);
        let mut given = given(String::new(), String::new(), Limits::default());
        let of_roles = role_parameters::OF_FUNCTION.into_iter().chain([CALLER]);
        given.extend(of_roles.map(|key| (key, String::new())));
        declared.takes(&given);
    }

    #[test]
    fn a_stack_says_the_limits_that_it_was_given() {
        let term = Some(Term::from_now("90m".parse().unwrap()));
        let idle = Some("2h".parse().unwrap());
        for (term, idle) in [(term, idle), (term, None), (None, idle), (None, None)] {
            let limits = Limits { term, idle };
            let given = given("x".to_owned(), "b".to_owned(), limits).into_iter();
            let stack = Stack {
                parameters: given.map(|(key, value)| (key.to_owned(), value)).collect(),
                ..Declared::of(TEMPLATE).stack()
            };
            assert_eq!(limits_of(&stack), limits);
        }
        let without = Declared::of(TEMPLATE).stack();
        assert!(limits_of(&without).are_none());
    }

    /// The function writes what `up` reads, and reads what `up` and the head node write.
    #[test]
    fn the_function_means_the_same_objects() {
        for name in [at_work::FOLDER, fleet::STOPPED] {
            assert!(CODE.text.contains(&format!("\"{name}\"")), "{name}");
            assert!(TEMPLATE.body.contains(name), "{name}");
        }
        let recorder = include_str!("../../../templates/node/record-jobs.py");
        for text in [CODE.text, recorder] {
            assert!(text.contains("\nLAST_JOB = \"jobs/last-job/\""), "{text}");
        }
        assert!(TEMPLATE.body.contains("- jobs/last-job/\n"));
    }
}
