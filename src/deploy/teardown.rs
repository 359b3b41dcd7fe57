//! `teardown`: every step is undone once those that use what it made are, and a last look
//! says what is left.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{join, try_join_all};
use tokio::task::JoinSet;

use crate::aws::Stack;
use crate::context::{Board, Context, Milestone};
use crate::error::{Error, Result};
use crate::event::{Event, Outcome, Outline};
use crate::step::{Aim, Need, Step};

use super::at_work::{Sign, Work};
use super::clusters;
use super::leftovers::{self, Scan};
use super::protection;
use super::steps::{self, stack};

/// What `teardown` did.
#[derive(Debug, Clone, PartialEq)]
pub struct Teardown {
    /// The steps whose things were removed.
    pub removed: Vec<Step>,
    /// What there is in the account after it.
    pub scan: Scan,
}

/// Returns what `teardown` would delete, one line each.
pub async fn to_be_deleted(context: &Context) -> Result<Vec<String>> {
    leftovers::to_be_deleted(context).await
}

/// Removes the whole deployment, and looks for what is left.
pub async fn teardown(context: &Arc<Context>) -> Result<Teardown> {
    let (clusters, own) = require_deletable(context).await?;
    context.events.send(Event::Outlined(outline(context, &own)));
    let board = Arc::new(Board::default());
    let sign = Arc::new(Sign::give(context, Work::Teardown, &board).await?);
    let stacks = leftovers::cluster_stacks(context, clusters).await?;
    let mut running = JoinSet::new();
    for step in Step::ALL.into_iter().rev() {
        let (context, board, sign) = (Arc::clone(context), Arc::clone(&board), Arc::clone(&sign));
        running.spawn(async move { remove(step, &context, &board, &sign).await });
    }
    let mut removed = Vec::new();
    while let Some(ended) = running.join_next().await {
        removed.extend(ended.map_err(|error| Error::failed("a step broke off").because(error))??);
    }
    context.memory.forget();
    removed.sort();
    removed.reverse();
    Ok(Teardown {
        removed,
        scan: leftovers::after_teardown(context, &stacks).await?,
    })
}

/// Returns the steps that a run goes through that has found these stacks.
fn outline(context: &Context, own: &[Stack]) -> Outline {
    let name = &context.settings.name;
    let is_there = |stack: String| own.iter().any(|own| own.name == stack);
    let is_shown = |step: &Step| match step {
        Step::Operations => is_there(name.operations_stack()),
        Step::Triggers => is_there(name.triggers_stack()),
        Step::Notifications => is_there(name.notifications_stack()),
        Step::Limits => is_there(name.limits_stack()),
        step => super::is_undone(*step),
    };
    Outline {
        aim: Aim::Remove,
        steps: Step::ALL.into_iter().rev().filter(is_shown).collect(),
        ready: Vec::new(),
        times: super::times(context),
    }
}

/// Fails when something of the deployment is protected from deletion: before anything is deleted,
/// not in the middle. Returns the deployment's clusters, and its other stacks.
async fn require_deletable(context: &Context) -> Result<(Vec<Stack>, Vec<Stack>)> {
    let name = &context.settings.name;
    let stacks = &context.aws.stacks;
    let names = name.own_stacks();
    let own = try_join_all(names.iter().map(|name| stacks.describe(name)));
    let own = own.await?;
    let is_ours = |there: &Stack| stack::is_ours(context, there);
    let own: Vec<_> = own.into_iter().flatten().filter(is_ours).collect();
    let requirements = name.requirements_stack();
    if let Some(there) = own.iter().find(|there| there.name == requirements) {
        steps::requirements::require_bucket_stays(context, there)?;
    }
    let clusters = clusters::own(context).await?;
    let again = context.settings.again.command("teardown");
    protection::require_none(context, &own, &clusters, &again).await?;
    Ok((clusters, own))
}

async fn remove(step: Step, context: &Context, board: &Board, sign: &Sign) -> Result<Option<Step>> {
    let users: Vec<_> = step.users().map(Need::Done).collect();
    if step == Step::Requirements {
        join(
            board.meet(&users),
            steps::requirements::empty_ahead(context),
        )
        .await;
        // The rest of the bucket goes now, and it must stay empty.
        sign.end().await;
    } else {
        board.meet(&users).await;
    }
    let start = Instant::now();
    let outcome = match super::undo(step, context).await {
        Ok(outcome) => outcome,
        Err(error) => {
            context.events.send(Event::Failed(step, start.elapsed()));
            return Err(error.hint(format!(
                "then go on with `{}`",
                context.settings.again.command("teardown")
            )));
        }
    };
    let removed = (outcome == Outcome::Removed).then_some(step);
    if super::is_undone(step) {
        context
            .events
            .send(Event::Finished(step, outcome, start.elapsed()));
    }
    board.reach(step, Milestone::Done);
    Ok(removed)
}
