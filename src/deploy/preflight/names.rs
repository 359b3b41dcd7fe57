//! The names that the deployment will have: free, or ours.

use crate::context::Context;
use crate::deploy::State;
use crate::deploy::elsewhere::{self, Elsewhere};
use crate::deploy::finding::Finding;
use crate::deploy::steps::{api, cluster, key_pair, requirements};
use crate::error::Result;

pub(super) async fn look(context: &Context) -> Vec<Finding> {
    // The looks of the steps say when a thing of that name is somebody else's.
    let names = async {
        let mut findings = Vec::new();
        for checked in [
            requirements::check(context).await,
            cluster::check(context).await,
            api::check(context).await,
        ] {
            findings.extend(foreign(checked));
        }
        if findings.is_empty() {
            let name = &context.settings.name;
            let text = format!("`{name}` is free for the stacks and the cluster, or ours");
            findings.push(Finding::good("names", text));
        }
        findings
    };
    let key_pair = async {
        match key_pair::check(context).await {
            Err(error) => Finding::of_error("key pair", &error),
            Ok(State::Missing) => Finding::good("key pair", "hpcapi makes one"),
            Ok(_) => Finding::good(
                "key pair",
                context.facts().key_name.clone().unwrap_or_default(),
            ),
        }
    };
    let (mut findings, key_pair, elsewhere) =
        tokio::join!(names, key_pair, elsewhere::look(context));
    findings.push(key_pair);
    findings.extend(elsewhere.iter().map(|place| second(context, place)));
    findings
}

/// Tells of a deployment of the same name elsewhere. A second one in another region is what
/// somebody wants who names the region; else the wrong one may be set.
fn second(context: &Context, place: &Elsewhere) -> Finding {
    const SUBJECT: &str = "elsewhere";
    let name = &context.settings.name;
    let text = format!("there is a deployment `{name}` in {}", place.place());
    let again = &context.settings.again;
    let is_of_account = place.account.as_ref() == Some(&context.identity.account);
    let found = if is_of_account && again.region.is_none() {
        Finding::problem(SUBJECT, text)
    } else {
        Finding::warning(SUBJECT, text)
    };
    let here = &context.aws.region;
    found
        .because(place.why.clone())
        .then(place.command(context, "status"))
        .then(format!(
            "for another one in {here}: {}",
            again.command_in(here, "up")
        ))
}

fn foreign(checked: Result<State>) -> Option<Finding> {
    checked
        .err()
        .map(|error| Finding::of_error("names", &error))
}
