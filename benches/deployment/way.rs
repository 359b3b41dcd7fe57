//! The whole way, there and back: `up` and `teardown` beside the recipe and beside the shortest
//! time that CloudFormation's own order of resources allows.

use std::process::Command;
use std::thread;
use std::time::Duration;

use super::Effort;
use super::ground::{Account, Ground, NAME};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};

/// So long after the one before a round begins: longer than any of them keeps the machine busy.
const APART: Duration = Duration::from_secs(60);

/// What one round brought, in seconds but for the last.
struct Round {
    up: f64,
    /// What the network and the cluster cannot do without, and `pcluster create-cluster` itself
    /// between them, as it took the recipe.
    up_floor: f64,
    up_by_recipe: f64,
    teardown: f64,
    teardown_floor: f64,
    teardown_by_recipe: f64,
    /// The most memory that one of ours had, in megabytes.
    memory: f64,
}

pub(crate) fn compare(ground: &Ground, effort: Effort) -> Result<Vec<Comparison>> {
    ground.set_scale(effort.scale)?;
    ground.set_rates(true)?;
    let rounds = overlapping(ground, effort.rounds)?;
    // Of the recipe, too: it has an account of its own, and so rates of its own.
    let throttled = ground.throttled()?;
    ground.set_rates(false)?;
    ground.set_scale(0.0)?;
    let of = |figure: fn(&Round) -> f64| Figures::new(rounds.iter().map(figure).collect());
    let most = |times| Limit::AtMostTheirs { times, more: 0.0 };
    // The intervals at which the recipe's tools ask do not shrink with everything else.
    let of_recipe = |times| match effort.scale {
        1.0 => most(times),
        _ => Limit::None,
    };
    let (up, teardown) = (of(|it| it.up), of(|it| it.teardown));
    let (up_floor, up_by_recipe) = (of(|it| it.up_floor), of(|it| it.up_by_recipe));
    let (path, teardown_by_recipe) = (of(|it| it.teardown_floor), of(|it| it.teardown_by_recipe));
    let timed = [
        ("up vs its floor", &up, up_floor, most(1.05)),
        ("up vs the recipe", &up, up_by_recipe, of_recipe(0.5)),
        ("teardown vs its critical path", &teardown, path, most(1.1)),
        (
            "teardown vs the recipe",
            &teardown,
            teardown_by_recipe,
            of_recipe(0.55),
        ),
    ];
    let mut comparisons: Vec<_> = timed
        .into_iter()
        .map(|(name, ours, theirs, limit)| Comparison {
            name: format!("{name}, {}", scaled(effort.scale)),
            unit: Unit("s"),
            ours: ours.clone(),
            theirs: Some(theirs),
            limit,
        })
        .collect();
    let counted = [
        (
            "throttled in up and teardown",
            "requests",
            Figures::new(vec![throttled]),
            0.0,
        ),
        ("memory of up and teardown", "MB", of(|it| it.memory), 40.0),
    ];
    comparisons.extend(
        counted
            .into_iter()
            .map(|(name, unit, ours, most)| Comparison {
                name: name.to_owned(),
                unit: Unit(unit),
                ours,
                theirs: None,
                limit: Limit::AtMost(most),
            }),
    );
    Ok(comparisons)
}

/// Returns how long things took, by how long they take in AWS.
fn scaled(scale: f64) -> String {
    match scale {
        1.0 => "as slow as AWS".to_owned(),
        _ => format!("at {scale} of AWS's time"),
    }
}

/// Does so many rounds, one beginning a while after the other: all of them mostly wait.
fn overlapping(ground: &Ground, rounds: usize) -> Result<Vec<Round>> {
    thread::scope(|scope| {
        let rounds: Vec<_> = (0..rounds)
            .map(|number| {
                if number > 0 {
                    thread::sleep(APART);
                }
                // The error of a thread has to be one that another thread can have.
                scope.spawn(move || round(ground, number).map_err(|error| error.to_string()))
            })
            .collect();
        let rounds = rounds.into_iter().map(|round| match round.join() {
            Ok(round) => Ok(round?),
            Err(_) => Err("a round broke off".into()),
        });
        rounds.collect()
    })
}

/// Makes and removes a deployment, and beside it, in an account of its own, the recipe's.
fn round(ground: &Ground, number: usize) -> Result<Round> {
    let ours = ground.account(10 + 2 * number)?;
    let theirs = ground.account(11 + 2 * number)?;
    eprintln!("round {}: up, beside the recipe", number + 1);
    let (up, up_by_recipe) = beside(ours.hpcapi(&["up", "--yes"]), theirs.recipe("up.sh")?)?;
    let printed = up_by_recipe.text();
    let create_cluster: f64 = printed.lines().next().unwrap_or_default().parse()?;
    let network_and_cluster = chain(&ours, &["-requirements", ""], "CREATE")?;

    eprintln!("round {}: teardown, beside the recipe's", number + 1);
    let (teardown, teardown_by_recipe) = beside(
        ours.hpcapi(&["teardown", "--yes"]),
        theirs.recipe("teardown.sh")?,
    )?;
    let after_cluster = chain(&ours, &["", "-requirements"], "DELETE")?;
    let after_api = chain(&ours, &["-api", "-requirements"], "DELETE")?;
    Ok(Round {
        up: up.seconds(),
        up_floor: network_and_cluster + create_cluster,
        up_by_recipe: up_by_recipe.seconds(),
        teardown: teardown.seconds(),
        teardown_floor: after_cluster.max(after_api),
        teardown_by_recipe: teardown_by_recipe.seconds(),
        memory: up.peak.max(teardown.peak),
    })
}

/// Runs two programs at the same time.
fn beside(mut ours: Command, mut theirs: Command) -> Result<(Run, Run)> {
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| run(&mut theirs).map_err(|error| error.to_string()));
        (run(&mut ours), theirs.join())
    });
    let theirs = theirs.map_err(|_| "the recipe broke off")??;
    Ok((ours?, theirs))
}

/// Returns the shortest time for an operation on the deployment's stacks with these suffixes, one
/// after the other.
fn chain(account: &Account<'_>, suffixes: &[&str], verb: &str) -> Result<f64> {
    let operations = suffixes
        .iter()
        .map(|suffix| format!("{NAME}{suffix}:{verb}"));
    account.critical_path(&operations.collect::<Vec<_>>())
}
