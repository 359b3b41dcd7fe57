//! SSM Run Command: a script is run on an instance, and what it printed comes back.

use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter};

use crate::error::{Error, Result};
use crate::wait::Pace;

use super::error::{is_code, service};

/// The shortest delivery timeout SSM takes, in seconds.
const DELIVERY_SECONDS: i32 = 30;

/// How a command on an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// The script ran to its end.
    Ended {
        /// Its exit code.
        code: i32,
        /// The first 24,000 characters of its standard output.
        stdout: String,
        /// The first 8,000 characters of its standard error.
        stderr: String,
    },
    /// The instance is not online in SSM: not booted yet, stopped, or without its agent.
    NotOnline,
    /// The script did not get to its end in time, or could not be delivered; SSM's word.
    NotEnded(String),
}

/// The SSM calls.
#[derive(Debug, Clone)]
pub struct Commands(Client);

impl Commands {
    pub(super) fn new(client: Client) -> Self {
        Commands(client)
    }

    /// Runs `script` on the instance as root and waits for its end, at most `limit`. Whoever
    /// may read the account's SSM history can read the script and its output for 30 days.
    pub async fn run(&self, instance: &str, script: &str, limit: Duration) -> Result<Invocation> {
        let seconds = limit.as_secs().to_string();
        let sent = self
            .0
            .send_command()
            .document_name("AWS-RunShellScript")
            .instance_ids(instance)
            .timeout_seconds(DELIVERY_SECONDS)
            .parameters("commands", vec![script.to_owned()])
            .parameters("executionTimeout", vec![seconds])
            .comment("hpcapi")
            .send()
            .await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) if is_code(&error, &["InvalidInstanceId"]) => {
                return Ok(Invocation::NotOnline);
            }
            Err(error) => {
                return Err(service(
                    format!("cannot run a command on `{instance}`"),
                    error,
                ));
            }
        };
        let Some(id) = sent.command.and_then(|command| command.command_id) else {
            return Err(Error::failed("SSM gave no id for the command"));
        };
        self.wait(&id, instance, limit).await
    }

    /// Returns whether the agent of an instance answers SSM: its ping status, e.g. `Online`, or
    /// `None` when SSM does not know the instance.
    pub async fn ping(&self, instance: &str) -> Result<Option<String>> {
        let only = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .values(instance)
            .build()
            .map_err(|error| Error::failed("cannot ask SSM for an instance").because(error))?;
        let answer = self
            .0
            .describe_instance_information()
            .filters(only)
            .send()
            .await
            .map_err(|error| service("cannot look at the instance in SSM", error))?;
        let known = answer.instance_information_list().first();
        Ok(known
            .and_then(|instance| instance.ping_status())
            .map(|status| status.as_str().to_owned()))
    }

    async fn wait(&self, command: &str, instance: &str, limit: Duration) -> Result<Invocation> {
        let patience = limit + Duration::from_secs(DELIVERY_SECONDS.unsigned_abs().into());
        let mut pace = Pace::seconds(patience);
        // The invocation is not known for the first moments, so the first look can wait.
        while pace.next().await {
            let answer = self
                .0
                .get_command_invocation()
                .command_id(command)
                .instance_id(instance)
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if is_code(&error, &["InvocationDoesNotExist"]) => continue,
                Err(error) => return Err(service("cannot look at the command's end", error)),
            };
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            match answer.status() {
                Some(CommandInvocationStatus::Success | CommandInvocationStatus::Failed) => {
                    return Ok(Invocation::Ended {
                        code: answer.response_code(),
                        stdout: text(answer.standard_output_content()),
                        stderr: text(answer.standard_error_content()),
                    });
                }
                Some(
                    CommandInvocationStatus::TimedOut
                    | CommandInvocationStatus::Cancelled
                    | CommandInvocationStatus::Cancelling,
                ) => return Ok(Invocation::NotEnded(text(answer.status_details()))),
                _ => {}
            }
        }
        Ok(Invocation::NotEnded("no answer in time".to_owned()))
    }
}
