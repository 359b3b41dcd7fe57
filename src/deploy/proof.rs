//! `up --prove`: a real job, submitted through the public URL, and what it printed.

use std::time::Duration;

use crate::aws::Invocation;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::slurm::{Api, Job, JobRequest, Lifespan, mint};
use crate::step::Step;

use super::Up;

/// A dynamic node boots for minutes before its first job.
const LIMIT: Duration = Duration::from_secs(1200);

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
    /// Runs a job through the endpoint of `up` and fetches what it printed.
    pub async fn run(context: &Context, up: &Up) -> Result<Proof> {
        let lifespan: Lifespan = "1h".parse()?;
        let token = mint(&context.aws.commands, &up.head_node, None, lifespan).await?;
        let user = token.user()?;
        let api = Api::new(up.endpoint.clone())?;
        let home = format!("/home/{}", user.as_str());
        let request = JobRequest {
            name: "hpcapi-proof".to_owned(),
            directory: home.clone(),
            output: format!("{home}/hpcapi-proof-%j.out"),
            script: SCRIPT.to_owned(),
        };
        let id = request.submit(&api, &up.api_version, &user, &token).await?;
        let seen = |job: &Job| {
            let text = format!("job {} is {}", job.id, job.state);
            context.events.doing(Step::Endpoint, text);
        };
        let identity = (&user, &token);
        let job = Job::wait(id, &api, &up.api_version, identity, LIMIT, seen).await?;
        let file = format!("{home}/hpcapi-proof-{id}.out");
        let output = read(context, &up.head_node, &file).await?;
        if job.state != "COMPLETED" {
            return Err(Error::failed(format!("job {id} ended as {}", job.state)).because(output));
        }
        Ok(Proof { job, output })
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
