//! CloudWatch Logs: what the streams of a log group hold.

use aws_sdk_cloudwatchlogs::Client;

use crate::error::Result;

use super::error::{is_code, service};

/// How many of a stream's newest events are read.
const EVENTS: i32 = 1000;

/// The CloudWatch Logs calls.
#[derive(Debug, Clone)]
pub struct LogStreams(Client);

impl LogStreams {
    pub(super) fn new(client: Client) -> Self {
        LogStreams(client)
    }

    /// Returns the names of the group's streams; none when there is no such group.
    pub async fn names(&self, group: &str) -> Result<Vec<String>> {
        let mut pages = self
            .0
            .describe_log_streams()
            .log_group_name(group)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if is_code(&error, &["ResourceNotFoundException"]) => break,
                Err(error) => {
                    return Err(service(
                        format!("cannot look at the log group `{group}`"),
                        error,
                    ));
                }
            };
            let streams = page.log_streams().iter();
            names.extend(streams.filter_map(|it| it.log_stream_name().map(ToOwned::to_owned)));
        }
        Ok(names)
    }

    /// Returns the newest lines of a stream, oldest first.
    pub async fn tail(&self, group: &str, stream: &str) -> Result<String> {
        let answer = self
            .0
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .limit(EVENTS)
            .send()
            .await
            .map_err(|error| service(format!("cannot read the log stream `{stream}`"), error))?;
        let lines = answer.events().iter().filter_map(|event| event.message());
        Ok(lines.fold(String::new(), |text, line| text + line.trim_end() + "\n"))
    }
}
