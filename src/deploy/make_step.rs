//! One step of `up`: its thing is made if it is not as it should be, and counts as done when a look says so.

use std::time::{Duration, Instant};

use crate::context::{Board, Context, Milestone};
use crate::error::{Error, Result};
use crate::event::{Event, Outcome};
use crate::step::Step;
use crate::wait::Pace;

use super::leftovers::AwsCommands;
use super::{State, beside};

/// What was just made is not found at once by every look.
const APPEARS: Duration = Duration::from_secs(20);

/// How often a step waits for the end of what another `up` began with its thing: each begins with
/// a step of its own after ours is done.
const JOINED: u32 = 5;

/// What a look at a step's thing before the run has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It was as it should be.
    WasReady,
    /// It was not.
    New,
    /// No step will use it.
    Needless,
}

/// Makes a step's thing once what it needs is there; returns whether it was not as it should be.
pub(super) async fn make(step: Step, look: Look, context: &Context, board: &Board) -> Result<bool> {
    board.meet(step.needs()).await;
    board.meet(beside::needs(context, step)).await;
    if look == Look::Needless {
        board.reach(step, Milestone::Done);
        return Ok(false);
    }
    let start = Instant::now();
    let state = super::check(step, context).await?;
    if state.is_fine() {
        if state == State::Ready {
            let outcome = match look {
                Look::WasReady => Outcome::Unchanged,
                Look::New | Look::Needless => Outcome::Came,
            };
            let finished = Event::Finished(step, outcome, start.elapsed());
            context.events.send(finished);
        }
        board.reach(step, Milestone::Done);
        return Ok(false);
    }
    context.events.send(Event::Started(step));
    if let Err(error) = make_now(step, context, board).await {
        context.events.send(Event::Failed(step, start.elapsed()));
        return Err(beside_what_was_left(context, error));
    }
    context
        .events
        .send(Event::Finished(step, Outcome::Made, start.elapsed()));
    board.reach(step, Milestone::Done);
    Ok(true)
}

/// Adds to an error that names what is there already who says whose it is, and what removes it.
fn beside_what_was_left(context: &Context, error: Error) -> Error {
    let cause = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
    if !cause.contains("already exists") {
        return error;
    }
    match log_group(&cause) {
        Some(name) => error.hint(format!(
            "if nobody needs what was logged there: {}",
            AwsCommands::new(context).delete_log_group(name)
        )),
        None => error.hint(format!(
            "see whether it is left from before, and what removes it: {} --check",
            context.settings.again.command("teardown")
        )),
    }
}

/// Returns the name of the log group that CloudFormation says is there already.
fn log_group(cause: &str) -> Option<&str> {
    let (_, said) = cause.split_once("'AWS::Logs::LogGroup' with identifier ")?;
    let name = &said[said.find("/aws/")?..];
    let end = name.find(['\'', '"'])?;
    Some(&name[..end])
}

async fn make_now(step: Step, context: &Context, board: &Board) -> Result<()> {
    super::run(step, context, board).await?;
    let mut state = super::check(step, context).await?;
    for _ in 0..JOINED {
        if !matches!(state, State::Waiting { .. }) {
            break;
        }
        super::run(step, context, board).await?;
        state = super::check(step, context).await?;
    }
    let mut pace = Pace::seconds(APPEARS);
    while state == State::Missing && pace.next().await {
        state = super::check(step, context).await?;
    }
    match state {
        state if state.is_fine() => Ok(()),
        state => Err(
            Error::failed(format!("the {step} is {} after it was made", state.word()))
                .because(state.detail().unwrap_or("it is not there").to_owned())
                .hint(format!(
                    "look again with `{}`",
                    context.settings.again.command("status")
                )),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_group_in_the_way_is_known_by_both_ways_to_say_it() {
        for said in [
            "Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/x' already exists.",
            "Resource handler returned message: \"Resource of type 'AWS::Logs::LogGroup' with \
             identifier '{\"/properties/LogGroupName\":\"/aws/x\"}' already exists.\"",
        ] {
            assert_eq!(log_group(said), Some("/aws/x"));
        }
        let table = "Resource of type 'AWS::DynamoDB::Table' with identifier 'x' already exists.";
        assert_eq!(log_group(table), None);
    }
}
