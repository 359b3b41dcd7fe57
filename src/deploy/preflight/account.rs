//! Who we are, for how long, and where.

use std::time::Duration;

use crate::aws::vpc_link_zones;
use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::error::{Error, Result};

const REGION: &str = "region";

/// The partition of AWS in which hpcapi works.
const PARTITION: &str = "aws";

/// So long the first `up` takes on AWS, with a cluster that takes its time.
const EXPECTED: Duration = Duration::from_secs(40 * 60);

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let mut findings = vec![credentials(context).await];
    findings.push(region(context));
    findings
}

async fn credentials(context: &Context) -> Finding {
    const SUBJECT: &str = "credentials";
    let who = &context.identity.arn;
    let minutes = |duration: Duration| duration.as_secs() / 60;
    match context.aws.remaining().await {
        None => Finding::good(SUBJECT, format!("{who}, without an end that is known")),
        Some(left) if left >= EXPECTED => Finding::good(
            SUBJECT,
            format!("{who}, for {} more minutes", minutes(left)),
        ),
        Some(left) => Finding::warning(
            SUBJECT,
            format!(
                "the credentials of {who} end in {} minutes, and `up` takes up to {}",
                minutes(left),
                minutes(EXPECTED)
            ),
        )
        .because("unless they are renewed by themselves, as in CloudShell: then all is well")
        .then(format!(
            "sign in again; if they end half-way, `{}` goes on where it stopped",
            context.settings.again.command("up")
        )),
    }
}

fn region(context: &Context) -> Finding {
    if let Err(error) = require_partition(context) {
        return Finding {
            verdict: Verdict::Problem,
            ..Finding::of_error(REGION, &error)
        };
    }
    let region = &context.aws.region;
    let text = format!("{region}, account {}", context.identity.account);
    match vpc_link_zones(region) {
        Some(_) => Finding::good(REGION, text),
        None => Finding::warning(REGION, text)
            .because(
                "AWS's documentation does not name this region among those where API Gateway has \
                 VPC links for HTTP APIs: the cluster can be made there, the API perhaps not",
            )
            .then("choose a region that it names: --region us-east-1"),
    }
}

/// Fails in the partitions of AWS that hpcapi does not work in: those of GovCloud and China.
pub(in crate::deploy) fn require_partition(context: &Context) -> Result<()> {
    let partition = context.identity.partition();
    if partition == PARTITION {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} is in the partition {partition}, which hpcapi does not support",
        context.aws.region
    ))
    .hint("use an account and a region of the partition aws: --region us-east-1"))
}
