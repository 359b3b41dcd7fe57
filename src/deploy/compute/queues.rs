//! The queues, Slurm's partitions: whether they take jobs, and whether their nodes run them.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::finding::Finding;
use crate::error::{Error, Result};
use crate::hint::Hint;
use crate::slurm::client::{Client, Credentials, Identity, Memory, Transport};
use crate::slurm::jobs::{self, Awaited, Queue};

use super::{SCONTROL, fleet, on_head_node};

pub(super) const SUBJECT: &str = "queues";

/// API Gateway gives up after 30 s; so much and a little is enough.
const REQUEST: Duration = Duration::from_secs(35);

pub(super) async fn look(context: &Context) -> Result<Vec<Finding>> {
    let queues = jobs::queues(&client(context)?).await?;
    let mut findings = Vec::new();
    let closed: Vec<_> = queues.iter().filter(|it| it.closed.is_some()).collect();
    if !closed.is_empty() {
        findings.push(told(context, &closed).await?);
    }
    for queue in &queues {
        findings.extend(of_nodes(context, queue)?);
    }
    if findings.is_empty() {
        let summaries: Vec<_> = queues.into_iter().map(|it| it.summary).collect();
        findings.push(Finding::good(SUBJECT, summaries.join("; ")));
    }
    Ok(findings)
}

/// Returns a client with the token that the last layer of the way has proven.
fn client(context: &Context) -> Result<Client> {
    let endpoint = context.facts().endpoint.clone();
    let (Some(endpoint), Some(token)) = (endpoint, context.memory.token()) else {
        return Err(Error::failed("no call with a token has come through"));
    };
    let transport = Transport::new(endpoint.parse()?, REQUEST)?;
    let identity = Identity::Given(Credentials { user: None, token });
    Ok(Client::new(transport, identity, Memory::default()))
}

/// Tells of queues that take no jobs, or start none.
async fn told(context: &Context, closed: &[&Queue]) -> Result<Finding> {
    let states = closed.iter().map(|queue| {
        let state = queue.closed.as_deref().unwrap_or_default();
        format!("the queue {} is {state}", queue.name)
    });
    let text = format!(
        "{}: no job starts there",
        states.collect::<Vec<_>>().join(", ")
    );
    let names: Vec<_> = closed.iter().map(|queue| queue.name.as_str()).collect();
    let why = fleet::why_closed(context, &names).await?;
    let finding = match why.opened_by.is_empty() {
        true => Finding::waiting(SUBJECT, text),
        false => Finding::problem(SUBJECT, text),
    };
    let finding = finding.because(why.cause);
    Ok(why.opened_by.into_iter().fold(finding, Finding::then))
}

/// Tells of nodes that run no jobs; nothing where all do.
fn of_nodes(context: &Context, queue: &Queue) -> Result<Option<Finding>> {
    let bad = || queue.out_of_service.iter().chain(&queue.without_instance);
    let names: Vec<_> = bad().filter_map(|it| it.name.clone()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let finding = match queue.has_no_nodes {
        true => Finding::problem(
            SUBJECT,
            format!("no job starts in {}: {}", queue.name, queue.summary),
        ),
        false => Finding::warning(SUBJECT, queue.summary.clone()),
    };
    let reasons: Vec<&str> = bad().map(|it: &Awaited| it.text.as_str()).collect();
    let update = format!(
        "{SCONTROL} update nodename={} state=resume",
        names.join(",")
    );
    let resume = on_head_node(context, &update)?;
    Ok(Some(
        finding.because(reasons.join("\n")).then(Hint::run(resume)),
    ))
}
