//! Commands on a ready deployment, against the AWS CLI.

use super::Effort;
use super::ground::{Account, Ground, NAME, json};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};
use super::measure::turns::in_turn;

const MILLISECONDS: Unit = Unit("ms");

/// So many of them are measured in the place of one long way.
const OFTEN: usize = 5;

/// How long things take in AWS, as the sandbox has it.
const CLOCK: &str = include_str!("../../sandbox/hpcapi_sandbox/clock.csv");

pub(crate) fn compare(ground: &Ground, effort: Effort) -> Result<Vec<Comparison>> {
    eprintln!("commands on a ready deployment");
    let account = ground.account(1)?;
    let rounds = effort.rounds * OFTEN;
    run(&mut account.hpcapi(&["up", "--yes"]))?;
    let mut comparisons = vec![status(&account, rounds)?];
    comparisons.extend(version(&account, rounds)?);
    ground.set_scale(1.0)?;
    comparisons.extend(token(&account, rounds)?);
    ground.set_scale(0.0)?;
    run(&mut account.hpcapi(&["teardown", "--yes"]))?;
    Ok(comparisons)
}

fn status(account: &Account<'_>, rounds: usize) -> Result<Comparison> {
    let describe = |stack: String| {
        run(&mut account.aws(&["cloudformation", "describe-stacks", "--stack-name", &stack]))
    };
    let (ours, theirs) = in_turn(
        rounds,
        || run(&mut account.hpcapi(&["status"])),
        || {
            let first = describe(format!("{NAME}-requirements"))?;
            let second = describe(format!("{NAME}-api"))?;
            Ok(first.milliseconds() + second.milliseconds())
        },
    )?;
    Ok(Comparison {
        name: "status vs two describe-stacks of the AWS CLI".to_owned(),
        unit: MILLISECONDS,
        ours: milliseconds(&ours),
        theirs: Some(Figures::new(theirs)),
        limit: Limit::AtMostTheirs {
            times: 0.1,
            more: 0.0,
        },
    })
}

fn version(account: &Account<'_>, rounds: usize) -> Result<[Comparison; 2]> {
    let (ours, theirs) = in_turn(
        rounds,
        || run(&mut account.hpcapi(&["--version"])),
        || run(&mut account.aws(&["--version"])),
    )?;
    let row = |name: &str, theirs, limit| Comparison {
        name: name.to_owned(),
        unit: MILLISECONDS,
        ours: milliseconds(&ours),
        theirs,
        limit,
    };
    let beside = Limit::AtMostTheirs {
        times: 0.01,
        more: 0.0,
    };
    Ok([
        row("hpcapi --version", None, Limit::AtMost(4.0)),
        row(
            "--version vs aws --version",
            Some(milliseconds(&theirs)),
            beside,
        ),
    ])
}

fn token(account: &Account<'_>, rounds: usize) -> Result<[Comparison; 2]> {
    let status = json(&run(&mut account.hpcapi(&["status", "--output", "json"]))?)?;
    let head_node = status["head_node"].as_str().unwrap_or_default().to_owned();
    let (deliver, report) = (delay("deliver")?, delay("report")?);
    let visible = delay("visible")?;
    let (ours, theirs) = in_turn(
        rounds,
        || {
            let minted = run(&mut account.hpcapi(&["token"]))?;
            let reported = deliver + last_command(account, &head_node)? + report;
            Ok((minted.milliseconds(), reported.max(visible)))
        },
        || run(account.recipe("token.sh")?.arg(&head_node)),
    )?;
    let (ours, floors): (Vec<f64>, Vec<f64>) = ours.into_iter().unzip();
    let row = |name: &str, theirs, times| Comparison {
        name: name.to_owned(),
        unit: MILLISECONDS,
        ours: Figures::new(ours.clone()),
        theirs: Some(theirs),
        limit: Limit::AtMostTheirs { times, more: 0.0 },
    };
    Ok([
        row("token vs SSM and the command", Figures::new(floors), 1.15),
        row("token vs the AWS CLI", milliseconds(&theirs), 0.3),
    ])
}

/// Returns how long SSM takes for something that it does with a command, in milliseconds.
fn delay(what: &str) -> Result<f64> {
    let start = format!("ssm:command,{what},");
    let line = CLOCK.lines().find_map(|line| line.strip_prefix(&start));
    let seconds = line.and_then(|rest| rest.split(',').next());
    let seconds: f64 = seconds.ok_or("the clock has no such delay")?.parse()?;
    Ok(seconds * 1000.0)
}

/// Returns how long the newest command ran on the head node itself, in milliseconds.
fn last_command(account: &Account<'_>, head_node: &str) -> Result<f64> {
    let newest = "sort_by(CommandInvocations, &RequestedDateTime)[-1].CommandId";
    let id = run(&mut account.aws(&[
        "ssm",
        "list-command-invocations",
        "--query",
        newest,
        "--output",
        "text",
    ]))?;
    let took = run(&mut account.aws(&[
        "ssm",
        "get-command-invocation",
        "--command-id",
        id.text().trim(),
        "--instance-id",
        head_node,
        "--query",
        "ExecutionElapsedTime",
        "--output",
        "text",
    ]))?;
    let text = took.text();
    let seconds = text
        .trim()
        .strip_prefix("PT")
        .and_then(|it| it.strip_suffix('S'));
    let seconds: f64 = seconds.ok_or("the command has no end")?.parse()?;
    Ok(seconds * 1000.0)
}

fn milliseconds(runs: &[Run]) -> Figures {
    Figures::new(runs.iter().map(Run::milliseconds).collect())
}
