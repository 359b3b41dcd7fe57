//! What CloudFormation found wrong before it began: its early validation and the hooks of an account
//! give a reason that names neither the resource nor what is wrong with it, and DescribeEvents does.

use aws_sdk_cloudformation::operation::describe_events::builders::DescribeEventsFluentBuilder;
use aws_sdk_cloudformation::types::{EventFilter, OperationEvent};

use crate::error::Result;

use super::error::service;
use super::stacks::Stacks;

/// Words of a reason that leaves the cause to DescribeEvents.
const ELSEWHERE: &[&str] = &["DescribeEvents", "EarlyValidation", "hook(s)"];

/// Returns whether a reason leaves the cause to DescribeEvents.
pub(super) fn is_elsewhere(reason: &str) -> bool {
    ELSEWHERE.iter().any(|words| reason.contains(words))
}

impl Stacks {
    /// Returns why a change set was refused, also where its reason does not tell. What cannot be asked
    /// for leaves the reason as it is.
    pub(super) async fn cause_of_refusal(&self, change_set: &str, reason: String) -> String {
        if !is_elsewhere(&reason) {
            return reason;
        }
        match self.failures_of_change_set(change_set).await {
            Ok(lines) if !lines.is_empty() => lines.join("\n"),
            Ok(_) => reason,
            Err(error) => format!("{reason}\n{error:#}"),
        }
    }

    /// Returns what failed of a change set, given its ARN, one line each; empty when nothing more is
    /// known.
    async fn failures_of_change_set(&self, change_set: &str) -> Result<Vec<String>> {
        let asked = self.client.describe_events().change_set_name(change_set);
        Ok(lines(&failed(asked).await?))
    }

    /// Returns what failed of a stack's newest operation, one line each; empty when nothing more is
    /// known.
    pub(super) async fn failures_of_stack(&self, stack: &str) -> Result<Vec<String>> {
        let asked = self.client.describe_events().stack_name(stack);
        let mut events = failed(asked).await?;
        let newest = events.first().and_then(|event| event.operation_id.clone());
        events.retain(|event| event.operation_id == newest);
        Ok(lines(&events))
    }
}

/// Returns the events of what failed, the newest first.
async fn failed(asked: DescribeEventsFluentBuilder) -> Result<Vec<OperationEvent>> {
    let only_failed = EventFilter::builder().failed_events(true).build();
    let pages = asked.filters(only_failed).into_paginator();
    let events: std::result::Result<Vec<_>, _> = pages.items().send().try_collect().await;
    events.map_err(|error| service("cannot look at the events", error))
}

/// Returns what validations and hooks say, the causes; the failure of the operation only repeats them.
fn lines(events: &[OperationEvent]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in events.iter().filter_map(line) {
        // Each target of one validation may repeat it, and not in a row.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn line(event: &OperationEvent) -> Option<String> {
    let resource = event.logical_resource_id().unwrap_or("the stack");
    let kind = event
        .resource_type()
        .map_or_else(String::new, |kind| format!(" ({kind})"));
    let at = match event.validation_path() {
        // It says no more than the name of the resource.
        Some(path) if path != format!("/Resources/{resource}") => format!(" at {path}"),
        _ => String::new(),
    };
    if let Some(reason) = event.validation_status_reason() {
        return Some(format!("`{resource}`{kind}{at}: {reason}"));
    }
    let reason = event.hook_status_reason()?;
    let hook = event.hook_type().unwrap_or("of the account");
    Some(format!(
        "`{resource}`{kind}: refused by the hook {hook}: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    fn answer(events: &[&str]) -> String {
        page(events, "")
    }

    fn page(events: &[&str], token: &str) -> String {
        let events: String = events
            .iter()
            .map(|event| format!("<member>{event}</member>"))
            .collect();
        format!(
            "<DescribeEventsResponse><DescribeEventsResult><OperationEvents>{events}\
             </OperationEvents>{token}</DescribeEventsResult></DescribeEventsResponse>"
        )
    }

    const TAKEN: &str = "<OperationId>2</OperationId><LogicalResourceId>AccessLog\
        </LogicalResourceId><ResourceType>AWS::Logs::LogGroup</ResourceType><ValidationPath>\
        /Resources/AccessLog/Properties/LogGroupName</ValidationPath><ValidationStatusReason>Resource \
        already exists.</ValidationStatusReason>";

    #[tokio::test]
    async fn a_validation_names_the_resource_the_place_and_the_reason() {
        let body = answer(&[TAKEN, TAKEN]);
        let stacks = answered(&[(200, &body)]).await.stacks;
        let found = stacks.failures_of_change_set("arn:change").await.unwrap();
        assert_eq!(
            found,
            [
                "`AccessLog` (AWS::Logs::LogGroup) at /Resources/AccessLog/Properties/LogGroupName: \
                 Resource already exists."
            ]
        );
    }

    #[tokio::test]
    async fn every_page_is_read_and_a_line_is_told_once() {
        let other = TAKEN.replace("AccessLog", "Bucket");
        let first = page(&[TAKEN, &other], "<NextToken>next</NextToken>");
        let second = page(&[TAKEN, &TAKEN.replace("AccessLog", "Topic")], "");
        let stacks = answered(&[(200, &first), (200, &second)]).await.stacks;
        let found = stacks.failures_of_change_set("arn:change").await.unwrap();
        let names: Vec<_> = found.iter().filter_map(|it| it.split('`').nth(1)).collect();
        assert_eq!(names, ["AccessLog", "Bucket", "Topic"]);
    }

    #[tokio::test]
    async fn of_a_stack_only_the_newest_operation_counts() {
        let hook = "<OperationId>3</OperationId><LogicalResourceId>Bucket</LogicalResourceId>\
                    <HookType>Acme::S3::Encrypted</HookType><HookStatusReason>not encrypted\
                    </HookStatusReason>";
        let whole = "<OperationId>3</OperationId><ResourceStatusReason>Validation failed\
                     </ResourceStatusReason>";
        let body = answer(&[whole, hook, TAKEN]);
        let stacks = answered(&[(200, &body)]).await.stacks;
        let found = stacks.failures_of_stack("arn:stack").await.unwrap();
        let refused = "`Bucket`: refused by the hook Acme::S3::Encrypted: not encrypted";
        assert_eq!(found, [refused]);
    }

    #[test]
    fn the_reasons_that_say_nothing_are_known() {
        for reason in [
            "The following hook(s)/validation failed: \
             [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, \
             use the DescribeEvents API for detailed failure information.",
            "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues",
            "The following hook(s) failed: [Acme::S3::Encrypted]",
        ] {
            assert!(is_elsewhere(reason), "{reason}");
        }
        assert!(!is_elsewhere("Template error: unresolved condition"));
    }
}
