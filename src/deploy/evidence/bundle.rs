//! What somebody needs who is to say from afar what is wrong with a deployment: one text, part by part,
//! without secrets and without the account's number.

use std::fmt::Display;

use crate::aws::StackEvent;
use crate::context::Context;
use crate::deploy::status;

use super::mask::masked;
use super::{logs, parts};

/// What stands in the place of the account's number.
const ACCOUNT: &str = "ACCOUNT";

/// Returns all of it; `diagnosis` is what `doctor` found, as JSON. What cannot be had says why.
pub async fn bundle(context: &Context, diagnosis: &str) -> String {
    let mut bundle = Bundle::default();
    bundle.add("hpcapi", &about(context));
    bundle.add("doctor", diagnosis);
    bundle.add("status", &status_of(context).await);
    bundle.add("cluster configuration", context.config.text());
    let name = &context.settings.name;
    let own = name.own_stacks();
    for stack in own.iter().chain(&name.cluster_names()) {
        if let Some(events) = events(context, stack).await {
            bundle.add(&format!("events of {stack}, newest first"), &events);
        }
    }
    bundle.text += &head_node(context).await;
    masked(&bundle.text).replace(&context.identity.account, ACCOUNT)
}

#[derive(Default)]
struct Bundle {
    text: String,
}

impl Bundle {
    fn add(&mut self, name: &str, text: &str) {
        self.text += &parts::head(name);
        self.text += text.trim_end();
        self.text += "\n\n";
    }
}

fn about(context: &Context) -> String {
    let settings = &context.settings;
    format!(
        "hpcapi {} on {} {}\ndeployment {} in {}\nasked by {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        settings.name,
        context.aws.region,
        settings.again.command("doctor"),
    )
}

async fn status_of(context: &Context) -> String {
    match status::survey(context).await {
        Ok(statuses) => statuses
            .iter()
            .map(|status| {
                let detail = status.state.detail().unwrap_or_default();
                format!("{}: {} {detail}\n", status.step, status.state.word())
            })
            .collect(),
        Err(error) => unread(error),
    }
}

async fn events(context: &Context, stack: &str) -> Option<String> {
    let line = |event: &StackEvent| {
        let StackEvent {
            time,
            resource,
            kind,
            status,
            reason,
            ..
        } = event;
        format!("{time} {resource} ({kind}) {status} {reason}\n")
    };
    match context.aws.stacks.recent(stack).await {
        Ok(None) => None,
        Ok(Some(events)) => Some(events.iter().map(line).collect()),
        Err(error) => Some(unread(error)),
    }
}

/// Returns what the head node logged, if the cluster ever had one.
async fn head_node(context: &Context) -> String {
    let name = context.cluster_name();
    let read = async {
        match context.aws.stacks.describe(&name).await? {
            Some(stack) => logs::read(&context.aws, &stack).await,
            None => Ok(None),
        }
    };
    match read.await {
        Ok(Some(logs)) => logs.text,
        Ok(None) => String::new(),
        Err(error) => parts::head("logs of the head node") + &unread(error),
    }
}

fn unread(error: impl Display) -> String {
    format!("could not be read: {error:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_apart() {
        let mut bundle = Bundle::default();
        bundle.add("a", "x\n\n");
        bundle.add("b", "");
        assert_eq!(bundle.text, "==> a <==\nx\n\n==> b <==\n\n\n");
    }
}
