//! The stack `<name>-limits`, for those who want it: the time after which the deployment is put to rest, and
//! the function that does it, called by a schedule of EventBridge.

use crate::aws::Stack;
use crate::context::Context;
use crate::deploy::State;
use crate::deploy::at_work::{self, Work};
use crate::error::{Error, Kind, Result};
use crate::event::Outcome;
use crate::hint::{Hint, Verb};
use crate::limits::{Limit, Span, Term};
use crate::settings::Toggle;
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

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let name = context.settings.name.limits_stack();
    let found = stack::optional(context, &name, toggle(context.settings.limit)).await?;
    context.facts().term = found.as_ref().ok().and_then(term);
    let there = match found {
        Ok(there) => there,
        Err(state) => return Ok(state),
    };
    let Some(requirements) = context.requirements() else {
        return Ok(State::waiting("the bucket"));
    };
    let wanted = match (context.settings.limit, term(&there)) {
        (Limit::To(wanted), _) => wanted,
        (_, Some(there)) => there,
        (_, None) => return Ok(State::incomplete("it does not say when the time is over")),
    };
    let parameters = parameters(context, &requirements.bucket, wanted);
    let state = stack::state(context, &there, TEMPLATE, &parameters);
    if state == State::Ready && wanted.is_over() {
        return Ok(State::incomplete(over(wanted)));
    }
    Ok(state)
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let name = context.settings.name.limits_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let wanted = match (context.settings.limit, there.as_ref().and_then(term)) {
        (Limit::Off, _) => {
            undo(context).await?;
            return Ok(());
        }
        (Limit::To(wanted), _) => wanted,
        (Limit::AsItIs, Some(there)) if there.is_over() => Term::from_now(there.span()),
        (Limit::AsItIs, Some(there)) => there,
        (Limit::AsItIs, None) => {
            return Err(
                Error::usage("it is not known how long the deployment is to work")
                    .hint(Hint::run(Verb::Up.with("--ttl 8h"))),
            );
        }
    };
    apply(context, wanted).await
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
    let Some(term) = there.as_ref().and_then(term) else {
        let text = format!("`{name}` works without a time limit");
        return Err(Error::new(Kind::NotReady, text).hint(Hint::run(Verb::Up.with("--ttl 8h"))));
    };
    if term.is_over() {
        let text = format!("there is nothing to extend: {}", over(term));
        return Err(Error::new(Kind::NotReady, text)
            .hint(Hint::run(Verb::Resume).because("begin the same time anew")));
    }
    let longer = term.extended(by)?;
    apply(context, longer).await?;
    Ok(longer)
}

/// Makes the stack what it should be with this time.
async fn apply(context: &Context, wanted: Term) -> Result<()> {
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

/// Returns what becomes of the stack.
fn toggle(limit: Limit) -> Toggle {
    match limit {
        Limit::AsItIs => Toggle::AsItIs,
        Limit::To(_) => Toggle::On,
        Limit::Off => Toggle::Off,
    }
}

/// Returns the time that a stack gives.
fn term(there: &Stack) -> Option<Term> {
    let value = |key| there.parameters.get(key).map(String::as_str);
    Term::read(value(UNTIL)?, value(SPAN)?)
}

fn parameters(context: &Context, bucket: &str, term: Term) -> Vec<(&'static str, String)> {
    let name = context.settings.name.to_string();
    let mut all = given(name, bucket.to_owned(), term);
    all.extend(role_parameters::of_function(context, "limits"));
    all.push((CALLER, role_parameters::name(context, "limits-caller")));
    all
}

fn given(deployment: String, bucket: String, term: Term) -> Vec<(&'static str, String)> {
    vec![
        ("Deployment", deployment),
        ("Bucket", bucket),
        ("CodeKey", CODE.key()),
        (UNTIL, term.end()),
        (SPAN, term.span().seconds().to_string()),
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
        let term = Term::from_now("8h".parse().unwrap());
        let mut given = given(String::new(), String::new(), term);
        let of_roles = role_parameters::OF_FUNCTION.into_iter().chain([CALLER]);
        given.extend(of_roles.map(|key| (key, String::new())));
        declared.takes(&given);
    }

    #[test]
    fn a_stack_says_the_time_that_it_was_given() {
        let term = Term::from_now("90m".parse().unwrap());
        let given = given("x".to_owned(), "b".to_owned(), term).into_iter();
        let stack = Stack {
            parameters: given.map(|(key, value)| (key.to_owned(), value)).collect(),
            ..Declared::of(TEMPLATE).stack()
        };
        assert_eq!(super::term(&stack), Some(term));
        let without = Declared::of(TEMPLATE).stack();
        assert_eq!(super::term(&without), None);
    }

    /// The function writes what `up` reads, and reads what `up` writes.
    #[test]
    fn the_function_means_the_same_objects() {
        for name in [at_work::FOLDER, fleet::STOPPED] {
            assert!(CODE.text.contains(&format!("\"{name}\"")), "{name}");
            assert!(TEMPLATE.body.contains(name), "{name}");
        }
    }
}
