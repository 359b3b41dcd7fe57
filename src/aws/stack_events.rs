//! Stack events: the story of an operation, and which of them is the cause of its failure.

use aws_sdk_cloudformation::primitives::DateTimeFormat;
use aws_sdk_cloudformation::types::{DetailedStatus, StackEvent as SdkEvent};

use crate::error::Result;

use super::error::service;
use super::stacks::{Stacks, says_absent};

/// Is told each new event of an operation.
pub type Progress<'a> = &'a (dyn Fn(&StackEvent) + Sync);

/// One line of a stack's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackEvent {
    /// Its id.
    pub id: String,
    /// When, as RFC 3339.
    pub time: String,
    /// The logical id of the resource.
    pub resource: String,
    /// The resource's physical id; the stack's own events carry the stack's id.
    pub physical_id: String,
    /// The resource type, e.g. `AWS::EC2::NatGateway`.
    pub kind: String,
    /// The resource status it came to.
    pub status: String,
    /// AWS's reason; empty when there is none.
    pub reason: String,
    /// Whether it only says that all is configured, in the middle of an operation: its status is that
    /// of the beginning.
    pub is_configured: bool,
}

impl StackEvent {
    pub(super) fn from_sdk(event: &SdkEvent) -> StackEvent {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        StackEvent {
            id: text(event.event_id()),
            time: event
                .timestamp()
                .and_then(|time| time.fmt(DateTimeFormat::DateTime).ok())
                .unwrap_or_default(),
            resource: text(event.logical_resource_id()),
            physical_id: text(event.physical_resource_id()),
            kind: text(event.resource_type()),
            status: text(event.resource_status().map(|status| status.as_str())),
            reason: text(event.resource_status_reason()),
            is_configured: event.detailed_status() == Some(&DetailedStatus::ConfigurationComplete),
        }
    }

    /// Returns whether the event is about the stack itself.
    pub fn is_of_stack(&self, stack_id: &str) -> bool {
        self.physical_id == stack_id
    }

    pub(super) fn is_nested_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack" && self.physical_id.starts_with("arn:")
    }

    pub(super) fn starts_operation(&self, stack_id: &str) -> bool {
        self.is_of_stack(stack_id)
            && !self.is_configured
            && matches!(
                self.status.as_str(),
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS"
            )
    }

    /// Returns whether the resource failed by itself.
    pub fn is_failure(&self) -> bool {
        // What CloudFormation calls off after a first failure is reported as failed, too.
        self.status.ends_with("_FAILED") && !self.reason.to_lowercase().contains("cancelled")
    }

    /// Returns what failed and why, in AWS's words.
    pub fn cause(&self) -> String {
        let reason = match self.reason.as_str() {
            "" => "AWS gives no reason",
            reason => reason,
        };
        format!(
            "`{}` ({}) {}: {reason}",
            self.resource, self.kind, self.status
        )
    }
}

/// Returns the first resource that failed in an operation (events oldest first). The stack's
/// own failure only repeats it, and counts when no resource failed.
pub(super) fn first_failure<'e>(
    events: &'e [StackEvent],
    stack_id: &str,
) -> Option<&'e StackEvent> {
    let failures = || events.iter().filter(|event| event.is_failure());
    failures()
        .find(|event| !event.is_of_stack(stack_id))
        .or_else(|| failures().next())
}

impl Stacks {
    /// Returns the events of the stack's newest operation, oldest first.
    pub(super) async fn operation(
        &self,
        stack_id: &str,
        mark: Option<&str>,
    ) -> Result<Vec<StackEvent>> {
        let mut pages = self
            .client
            .describe_stack_events()
            .stack_name(stack_id)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        'pages: loop {
            self.looks.events.pass().await;
            let Some(page) = pages.next().await else {
                break;
            };
            let page = page.map_err(|error| service("cannot look at the stack's events", error))?;
            for event in page.stack_events() {
                let event = StackEvent::from_sdk(event);
                if mark == Some(event.id.as_str()) {
                    break 'pages;
                }
                let starts = event.starts_operation(stack_id);
                events.push(event);
                if starts {
                    break 'pages;
                }
            }
        }
        events.reverse();
        Ok(events)
    }

    /// Returns the id of the stack's newest event: what comes after it is of a new operation.
    pub async fn newest_event(&self, stack_id: &str) -> Result<Option<String>> {
        let recent = self.recent(stack_id).await?.unwrap_or_default();
        Ok(recent.into_iter().next().map(|event| event.id))
    }

    /// Returns the newest events of a stack, at most 100, newest first; `None` when there is no such
    /// stack, as of one that was made a moment ago.
    pub async fn recent(&self, stack: &str) -> Result<Option<Vec<StackEvent>>> {
        let answer = self
            .client
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if says_absent(&error) => return Ok(None),
            Err(error) => return Err(service("cannot look at the stack's events", error)),
        };
        let events = answer.stack_events().iter();
        Ok(Some(events.map(StackEvent::from_sdk).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    fn event(resource: &str, status: &str, reason: &str) -> StackEvent {
        StackEvent {
            id: format!("{resource}-{status}"),
            time: String::new(),
            resource: resource.to_owned(),
            physical_id: if resource == "stack" { "arn" } else { "id" }.to_owned(),
            kind: "AWS::Some::Type".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            is_configured: false,
        }
    }

    #[tokio::test]
    async fn an_operation_goes_back_beyond_its_middle() {
        let line = |number: u32, resource: &str, id: &str, status: &str, more: &str| {
            format!(
                "<member><StackId>arn</StackId><StackName>x</StackName><EventId>{number}</EventId>\
                 <LogicalResourceId>{resource}</LogicalResourceId><PhysicalResourceId>{id}\
                 </PhysicalResourceId><ResourceStatus>{status}</ResourceStatus>{more}<Timestamp>\
                 2026-11-23T14:00:00Z</Timestamp></member>"
            )
        };
        let middle = "<DetailedStatus>CONFIGURATION_COMPLETE</DetailedStatus>";
        let newest_first = [
            line(4, "x", "arn", "CREATE_IN_PROGRESS", middle),
            line(3, "Group", "sg-1", "CREATE_FAILED", ""),
            line(2, "x", "arn", "CREATE_IN_PROGRESS", ""),
            line(1, "x", "arn", "REVIEW_IN_PROGRESS", ""),
        ];
        let answer = format!(
            "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>{}</StackEvents>\
             </DescribeStackEventsResult></DescribeStackEventsResponse>",
            newest_first.concat()
        );
        let stacks = answered(&[(200, &answer)]).await.stacks;
        let events = stacks.operation("arn", None).await.unwrap();
        let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["2", "3", "4"]);
    }

    #[test]
    fn what_is_said_in_the_middle_begins_no_operation() {
        let begin = event("stack", "CREATE_IN_PROGRESS", "User Initiated");
        assert!(begin.starts_operation("arn"));
        let middle = StackEvent {
            is_configured: true,
            ..begin
        };
        assert!(!middle.starts_operation("arn"));
    }

    #[test]
    fn the_first_failure_is_neither_a_cancellation_nor_the_stack_itself() {
        let events = [
            event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
            event("Eip", "CREATE_FAILED", "Resource creation cancelled"),
            event(
                "Vpc",
                "CREATE_FAILED",
                "The maximum number of VPCs has been reached.",
            ),
            event(
                "stack",
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed",
            ),
            event("Vpc", "DELETE_FAILED", "later"),
        ];
        assert_eq!(first_failure(&events, "arn").unwrap().resource, "Vpc");
        assert_eq!(
            first_failure(&events, "arn").unwrap().cause(),
            "`Vpc` (AWS::Some::Type) CREATE_FAILED: The maximum number of VPCs has been reached."
        );
    }

    #[test]
    fn a_stack_that_fails_without_a_resource_names_itself() {
        let events = [event("stack", "DELETE_FAILED", "termination protection")];
        assert_eq!(first_failure(&events, "arn").unwrap().resource, "stack");
    }
}
