//! `up --prove` and `doctor --deep`: a real job, submitted through the public URL, and what it printed.

mod watch;

use std::time::Duration;

use crate::aws::Invocation;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::slurm::client::{Client, Credentials, Identity, Memory, Transport};
use crate::slurm::jobs::{self, Job, JobId};
use crate::slurm::submission::{Description, Owner};
use crate::slurm::{Lifespan, Minter};
use crate::step::Step;
use crate::wait::Pace;

use super::finding::{Finding, Verdict};

/// A dynamic node boots for minutes before its first job.
const LIMIT: Duration = Duration::from_secs(1200);

/// API Gateway gives up after 30 s; so much and a little is enough.
const REQUEST: Duration = Duration::from_secs(35);

const SCRIPT: &str = "#!/bin/bash\n\
    echo \"hello from $(hostname), job $SLURM_JOB_ID on $SLURM_JOB_NODELIST\"\n";

/// A job that ran, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The job.
    pub job: Job,
    /// What it printed.
    pub output: String,
}

impl Proof {
    /// Runs a job through the endpoint and fetches what it printed.
    pub async fn run(context: &Context) -> Result<Proof> {
        let (endpoint, head_node) = {
            let facts = context.facts();
            (facts.endpoint.clone(), facts.head_node.clone())
        };
        let (Some(endpoint), Some(head_node)) = (endpoint, head_node) else {
            return Err(Error::failed(
                "there is no endpoint to submit a job through",
            ));
        };
        let lifespan: Lifespan = "1h".parse()?;
        let commands = &context.aws.commands;
        let minted = Minter::begin().mint(commands, &head_node.id, None, lifespan);
        let (token, login) = minted.await?;
        let login = login.ok_or_else(|| {
            Error::failed("the head node does not tell the home of the cluster's own user")
        })?;
        let transport = Transport::new(endpoint.parse()?, REQUEST)?;
        let identity = Identity::Given(Credentials { user: None, token });
        let client = Client::new(transport, identity, Memory::default());
        let home = login.home.clone();
        let id = submit(context, &client, &home, &Owner::from(login)).await?;
        let seen = |job: &Job| {
            let text = format!("job {} is {}", job.id, job.state);
            context.events.doing(Step::Endpoint, text);
        };
        let troubled = |error: &Error| context.events.doing(Step::Endpoint, error.to_string());
        let ids = [JobId::from(id)];
        let forgotten = async |_| Vec::new();
        // The watch ends it at the limit, and cancels the job: nobody is told to wait on.
        let ended = tokio::select! {
            ended = jobs::wait(&client, &ids, LIMIT * 2, forgotten, seen, troubled) => ended,
            error = watch::until_stuck(context, &client, ids[0]) => {
                return Err(watch::given_up(context, &client, ids[0], error).await);
            }
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let error = watch::with_reason(&client, ids[0], error).await;
                return Err(watch::given_up(context, &client, ids[0], error).await);
            }
        };
        let Some(job) = ended.into_iter().next() else {
            return Err(Error::failed(format!("Slurm does not show job {id}")));
        };
        if !job.state.has_ended() {
            let error = Error::failed(format!("job {id} cannot start"));
            let error = watch::with_reason(&client, ids[0], error).await;
            return Err(watch::given_up(context, &client, ids[0], error).await);
        }
        let file = format!("{home}/hpcapi-proof-{id}.out");
        let output = read(context, &head_node.id, &file).await;
        if job.state.as_str() != "COMPLETED" {
            let printed = output.unwrap_or_else(|error| format!("{error:#}"));
            return Err(Error::failed(format!("job {id} ended as {}", job.state)).because(printed));
        }
        let output = output?;
        Ok(Proof { job, output })
    }
}

/// Has a job run, and tells how it ended. The way of a request has to be well.
pub(super) async fn look(context: &Context) -> Finding {
    const SUBJECT: &str = "job";
    match Proof::run(context).await {
        Ok(Proof { job, output }) => {
            let text = format!("job {} ran, and printed: {}", job.id, output.trim());
            Finding::good(SUBJECT, text)
        }
        Err(error) => Finding {
            verdict: Verdict::Problem,
            ..Finding::of_error(SUBJECT, &error)
        },
    }
}

/// Submits the job; one that is refused for a queue that takes none is submitted again for a while.
async fn submit(context: &Context, client: &Client, home: &str, owner: &Owner) -> Result<u64> {
    let mut pace = Pace::minutes(watch::SETTLES);
    loop {
        let mut description = Description::read("proof", SCRIPT.as_bytes())?;
        description.set("job-name", "hpcapi-proof")?;
        description.set("output", &format!("{home}/hpcapi-proof-%j.out"))?;
        description.fill(owner)?;
        let error = match jobs::submit(client, description, &jobs::Marker::new()?).await {
            Ok(submitted) => return Ok(submitted.id),
            Err(error) => error,
        };
        let Some(closed) = watch::closed_queues(context, client, &error).await else {
            return Err(error);
        };
        context.events.doing(Step::Endpoint, closed.to_string());
        if !pace.next().await {
            return Err(closed);
        }
    }
}

async fn read(context: &Context, head_node: &str, file: &str) -> Result<String> {
    let limit = Duration::from_secs(60);
    let script = format!("cat '{file}'");
    match context.aws.commands.run(head_node, &script, limit).await? {
        Invocation::Ended {
            code: 0, stdout, ..
        } => Ok(stdout),
        Invocation::Ended { stderr, .. } => {
            Err(Error::failed(format!("cannot read `{file}` on the head node")).because(stderr))
        }
        Invocation::NotOnline | Invocation::NotEnded(_) => Err(Error::failed(format!(
            "cannot read `{file}`: the head node does not answer SSM"
        ))),
    }
}
