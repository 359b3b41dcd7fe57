//! Who we are, for how long, and where.

use std::time::Duration;

use crate::context::Context;
use crate::deploy::finding::Finding;

/// So long the first `up` takes on AWS, with a cluster that takes its time.
const EXPECTED: Duration = Duration::from_secs(40 * 60);

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    vec![credentials(context).await, region(context)]
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
    const SUBJECT: &str = "region";
    let region = &context.aws.region;
    let partition = context.identity.arn.split(':').nth(1).unwrap_or_default();
    if partition == "aws" {
        return Finding::good(
            SUBJECT,
            format!("{region}, account {}", context.identity.account),
        );
    }
    Finding::problem(
        SUBJECT,
        format!("{region} is in the partition {partition}, where hpcapi was never tried"),
    )
    .then("choose a region of the partition aws: --region us-east-1")
}
