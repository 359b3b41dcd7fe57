//! Reads what a head node logged while it was set up: on itself over SSM, and when it cannot be
//! reached, in CloudWatch Logs and on its console.

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use crate::aws::{Aws, Invocation, Stack};
use crate::error::{Error, Result};

use super::mask::masked;
use super::parts::head;

/// What runs on the head node; reads `mask`.
const READ: &str = include_str!("read-logs.sh");
const MASK: &str = include_str!("mask.sed");

/// How long the head node may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The most that the logs may hold, unpacked.
const LONGEST: u64 = 8 << 20;

/// The stack parameter that names the cluster's log group.
const LOG_GROUP: &str = "ClusterCWLogGroup";

/// Where the head node's user data begins to print chef-client.log to the console.
const CHEF_ON_CONSOLE: &str = "BEGIN CHEF-CLIENT.LOG";

/// What a head node logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logs {
    /// The head node's instance id.
    pub(super) head_node: String,
    /// How they were read.
    pub(super) source: &'static str,
    /// The logs, part by part, without secrets.
    pub(super) text: String,
}

/// Reads the logs of the head node of a cluster's stack; `None` when it never had one.
pub(super) async fn read(aws: &Aws, stack: &Stack) -> Result<Option<Logs>> {
    let made = aws.stacks.made(&stack.id, "AWS::EC2::Instance").await?;
    let Some(head_node) = made else {
        return Ok(None);
    };
    let over_ssm = on_itself(aws, &head_node).await;
    let (source, text) = match over_ssm {
        Ok(text) => ("SSM", text),
        Err(unreached) => (
            "CloudWatch Logs and its console",
            from_afar(aws, stack, &head_node).await.or(Err(unreached))?,
        ),
    };
    Ok(Some(Logs {
        head_node,
        source,
        text: masked(&text),
    }))
}

async fn on_itself(aws: &Aws, head_node: &str) -> Result<String> {
    let cannot = || Error::failed(format!("cannot read the logs of `{head_node}`"));
    let script = format!("mask=$(cat <<'END_OF_MASK'\n{MASK}END_OF_MASK\n)\n{READ}");
    match aws.commands.run(head_node, &script, LIMIT).await? {
        Invocation::Ended { stdout, stderr, .. } => {
            unpacked(stdout.trim()).ok_or_else(|| cannot().because(stderr))
        }
        Invocation::NotOnline => Err(cannot().because("it is not online in SSM")),
        Invocation::NotEnded(why) => Err(cannot().because(format!("SSM says: {why}"))),
    }
}

fn unpacked(packed: &str) -> Option<String> {
    let packed = STANDARD.decode(packed).ok()?;
    let mut bytes = Vec::new();
    let unpacked = GzDecoder::new(packed.as_slice());
    unpacked.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (!text.trim().is_empty()).then_some(text)
}

/// Reads what outlives the head node. Each of the two may be missing, but not both.
async fn from_afar(aws: &Aws, stack: &Stack, head_node: &str) -> Result<String> {
    let streams = match stack.parameters.get(LOG_GROUP) {
        Some(group) => from_streams(aws, group, head_node).await,
        None => Ok(String::new()),
    };
    let console = aws.instances.console(head_node).await;
    let text = match (streams, console) {
        (Err(error), Err(_)) => return Err(error),
        (streams, console) => {
            let console = console.unwrap_or_default();
            streams.unwrap_or_default() + &parts_of_console(&console)
        }
    };
    if text.is_empty() {
        return Err(Error::failed("nothing was logged"));
    }
    Ok(text)
}

/// Reads the head node's streams, which are called HOST.INSTANCE.LOG.
async fn from_streams(aws: &Aws, group: &str, head_node: &str) -> Result<String> {
    let mut text = String::new();
    for stream in aws.log_streams.names(group).await? {
        let Some((_, log)) = stream.split_once(&format!(".{head_node}.")) else {
            continue;
        };
        let file = if COMPLETE_NAMES.contains(&log) {
            log.to_owned()
        } else {
            format!("{log}.log")
        };
        text += &head(&file);
        text += &aws.log_streams.tail(group, &stream).await?;
    }
    Ok(text)
}

/// The logs whose file has no extension.
const COMPLETE_NAMES: &[&str] = &["clustermgtd", "computemgtd", "bootstrap_error_msg"];

fn parts_of_console(console: &str) -> String {
    if console.trim().is_empty() {
        return String::new();
    }
    let chef = console.find(CHEF_ON_CONSOLE);
    let (boot, chef) = console.split_at(chef.unwrap_or(console.len()));
    let mut text = head("console") + boot.trim_end() + "\n";
    if !chef.is_empty() {
        text += &(head("chef-client.log") + chef.trim_end() + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::parts::parts;
    use super::*;

    #[test]
    fn the_console_holds_the_log_of_the_recipes() {
        let console = "boot\n========== BEGIN CHEF-CLIENT.LOG ==========\nFATAL: x\n";
        let text = parts_of_console(console);
        let found = parts(&text);
        assert_eq!(found[0].file(), "console");
        assert_eq!(found[1].file(), "chef-client.log");
        assert!(found[1].text.ends_with("FATAL: x\n"));
        assert_eq!(parts_of_console(" \n"), "");
    }

    #[test]
    fn what_is_not_packed_is_no_log() {
        assert_eq!(unpacked(""), None);
        assert_eq!(unpacked("bm8gZ3ppcA=="), None);
    }
}
