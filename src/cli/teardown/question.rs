//! What is said and asked before a deployment is deleted.

use crate::aws::Extent;
use crate::context::Context;
use crate::deploy::Losses;
use crate::error::{Error, Result};
use crate::output;
use crate::prices::money;
use crate::slurm::Workload;

use super::super::consent;
use super::{Args, asks};

/// Says what will be deleted, and asks unless `--yes` was given: where something would be lost, for the
/// deployment's name.
pub(super) async fn confirm(args: &Args, context: &Context, lines: &[String]) -> Result<()> {
    let (region, account) = (&context.aws.region, &context.identity.account);
    let mut text = format!("this deletes for good, in {region} of account {account}:\n");
    text.extend(lines.iter().map(|line| item(line)));
    let losses = match asks(args) {
        true => Some(Losses::look(context).await),
        false => None,
    };
    if let Some(losses) = &losses {
        text.push_str(&lost(losses));
    }
    context.events.settled().await;
    output::tell(&text);
    if args.yes {
        return Ok(());
    }
    let unasked = || {
        Error::usage("nothing was deleted").hint(format!(
            "without the question: {} --yes",
            args.deployment.again(&args.cluster).command("teardown")
        ))
    };
    match losses.is_some_and(|losses| losses.has_data()) {
        true => consent::ask_for(context.settings.name.as_str(), unasked).await,
        false => consent::ask("delete it all?", unasked).await,
    }
}

/// Returns a thing of the list.
fn item(text: &str) -> String {
    output::hanging("  ", text)
}

/// Returns what goes with a deployment, a line each.
fn lost(losses: &Losses) -> String {
    let mut lines = Vec::new();
    match &losses.jobs {
        Some(Ok(Workload {
            running, pending, ..
        })) if running + pending > 0 => {
            lines.push(item(&format!("jobs: {running} running, {pending} pending")));
        }
        Some(Err(why)) => lines.push(item(&format!("jobs, which could not be counted: {why}"))),
        _ => {}
    }
    match &losses.bucket {
        Some(Ok((bucket, extent))) if extent.objects > 0 => {
            lines.push(item(&format!("{} in the bucket {bucket}", said(extent))));
        }
        Some(Err(why)) => lines.push(item(&format!(
            "what is in the bucket, which could not be seen: {why}"
        ))),
        _ => {}
    }
    if losses.usd_per_month > 0.0 {
        let usd = money::amount(losses.usd_per_month);
        lines.push(format!(
            "it costs about {usd} a month, and nothing any more then\n"
        ));
    }
    lines.concat()
}

/// Returns how much is in a bucket, in words.
fn said(extent: &Extent) -> String {
    let least = if extent.is_least { "more than " } else { "" };
    let objects = match extent.objects {
        1 => "1 object".to_owned(),
        objects => format!("{objects} objects"),
    };
    format!("{least}{objects} of {}", output::size(extent.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(running: u64, objects: u64) -> Losses {
        let extent = Extent {
            objects,
            bytes: 1_500_000 * objects,
            is_least: objects > 1000,
        };
        let busy = Workload {
            running,
            ..Workload::default()
        };
        Losses {
            jobs: Some(Ok(busy)),
            bucket: Some(Ok(("b".to_owned(), extent))),
            usd_per_month: 72.256,
        }
    }

    #[test]
    fn what_goes_with_a_deployment_is_named() {
        assert_eq!(
            lost(&losses(2, 20_000)),
            "  jobs: 2 running, 0 pending\n\
             \x20 more than 20000 objects of 30 GB in the bucket b\n\
             it costs about $72.26 a month, and nothing any more then\n"
        );
        let one = lost(&losses(0, 1));
        assert!(
            one.starts_with("  1 object of 1.5 MB in the bucket b\n"),
            "{one}"
        );
    }

    #[test]
    fn of_a_deployment_that_nobody_used_there_is_nothing_to_say() {
        let unused = Losses {
            usd_per_month: 0.0,
            ..losses(0, 0)
        };
        assert_eq!(lost(&unused), "");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let unknown = Losses {
            jobs: None,
            bucket: Some(Err("denied".to_owned())),
            usd_per_month: 0.0,
        };
        let expected = "  what is in the bucket, which could not be seen: denied\n";
        assert_eq!(lost(&unknown), expected);
    }
}
