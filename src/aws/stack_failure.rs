//! Why an operation on a stack failed: the first resource that did, in a nested stack if need be.

use crate::error::{Error, Result};

use super::failed_events::is_elsewhere;
use super::remedies::remedy;
use super::stack_events::{StackEvent, first_failure};
use super::stacks::{Stack, Stacks};

/// How deep stacks are nested at most; those of ParallelCluster's queues are one deep.
const DEPTH: usize = 4;

impl Stacks {
    /// Returns the error of an operation that ended in `status`: its first cause.
    pub async fn failure(&self, stack: &Stack, status: &str) -> Error {
        self.failure_since(stack, status, None).await
    }

    /// Returns the same, of the events after `mark` alone.
    pub(super) async fn failure_since(
        &self,
        stack: &Stack,
        status: &str,
        mark: Option<&str>,
    ) -> Error {
        let failed = Error::failed(format!("the stack `{}` ended in {status}", stack.name));
        let event = match self.first_cause(&stack.id, mark).await {
            Ok(Some(event)) => event,
            Ok(None) => return failed,
            Err(error) => return failed.because(error),
        };
        let mut cause = event.cause();
        if is_elsewhere(&event.reason)
            && let Ok(lines) = self.failures_of_stack(&stack.id).await
            && !lines.is_empty()
        {
            cause = lines.join("\n");
        }
        let failed = failed.because(cause.clone());
        match remedy(&cause) {
            Some(remedy) => failed.hint(remedy),
            None => failed,
        }
    }

    /// Returns the physical id of the resource of this kind that the newest operation made first,
    /// whether or not it is still there.
    pub async fn made(&self, stack_id: &str, kind: &str) -> Result<Option<String>> {
        let events = self.operation(stack_id, None).await?;
        let made = events
            .into_iter()
            .find(|event| event.kind == kind && !event.physical_id.is_empty());
        Ok(made.map(|event| event.physical_id))
    }

    async fn first_cause(
        &self,
        stack_id: &str,
        mut mark: Option<&str>,
    ) -> Result<Option<StackEvent>> {
        let mut stack_id = stack_id.to_owned();
        let mut cause = None;
        for _ in 0..DEPTH {
            // The mark is an event of the outermost stack.
            let events = self.operation(&stack_id, mark.take()).await?;
            let Some(first) = first_failure(&events, &stack_id) else {
                break;
            };
            cause = Some(first.clone());
            if first.is_of_stack(&stack_id) || !first.is_nested_stack() {
                break;
            }
            // It only says that something in it failed.
            stack_id.clone_from(&first.physical_id);
        }
        Ok(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    fn events(events: &[(&str, &str, &str, &str, &str)]) -> String {
        let members: String = events
            .iter()
            .map(|(resource, id, kind, status, reason)| {
                format!(
                    "<member><StackId>s</StackId><StackName>s</StackName><EventId>{resource}{status}\
                     </EventId><LogicalResourceId>{resource}</LogicalResourceId>\
                     <PhysicalResourceId>{id}</PhysicalResourceId><ResourceType>{kind}\
                     </ResourceType><ResourceStatus>{status}</ResourceStatus>\
                     <ResourceStatusReason>{reason}</ResourceStatusReason>\
                     <Timestamp>2026-11-23T14:00:00Z</Timestamp></member>"
                )
            })
            .collect();
        format!(
            "<DescribeStackEventsResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <DescribeStackEventsResult><StackEvents>{members}</StackEvents>\
             </DescribeStackEventsResult></DescribeStackEventsResponse>"
        )
    }

    #[tokio::test]
    async fn a_failed_validation_is_told_with_what_it_found() {
        let of_stack = events(&[
            (
                "x",
                "arn:x",
                STACK,
                "CREATE_FAILED",
                "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list",
            ),
            ("x", "arn:x", STACK, "CREATE_IN_PROGRESS", "User Initiated"),
        ]);
        let found = "<DescribeEventsResponse><DescribeEventsResult><OperationEvents><member>\
                     <LogicalResourceId>Table</LogicalResourceId><ValidationStatusReason>it already \
                     exists</ValidationStatusReason></member></OperationEvents>\
                     </DescribeEventsResult></DescribeEventsResponse>";
        let stacks = answered(&[(200, &of_stack), (200, found)]).await.stacks;
        let stack = Stack {
            id: "arn:x".to_owned(),
            ..Stack::named("x")
        };
        let error = stacks.failure(&stack, "CREATE_FAILED").await;
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "`Table`: it already exists");
    }

    const STACK: &str = "AWS::CloudFormation::Stack";

    #[tokio::test]
    async fn the_cause_is_looked_for_in_the_nested_stack() {
        let of_cluster = events(&[
            (
                "x",
                "arn:x",
                STACK,
                "CREATE_FAILED",
                "The following resource(s) failed",
            ),
            (
                "Queues",
                "arn:q",
                STACK,
                "CREATE_FAILED",
                "Embedded stack was not created",
            ),
            ("x", "arn:x", STACK, "CREATE_IN_PROGRESS", "User Initiated"),
        ]);
        let of_queues = events(&[
            (
                "q",
                "arn:q",
                STACK,
                "CREATE_FAILED",
                "The following resource(s) failed",
            ),
            (
                "Role",
                "",
                "AWS::IAM::Role",
                "CREATE_FAILED",
                "u is not authorized to perform: iam:CreateRole",
            ),
            ("q", "arn:q", STACK, "CREATE_IN_PROGRESS", ""),
        ]);
        let answers = [(200, of_cluster.as_str()), (200, of_queues.as_str())];
        let stacks = answered(&answers).await.stacks;
        let stack = Stack {
            id: "arn:x".to_owned(),
            ..Stack::named("x")
        };
        let error = stacks.failure(&stack, "CREATE_FAILED").await;
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.starts_with("`Role` (AWS::IAM::Role) CREATE_FAILED"),
            "{cause}"
        );
        assert!(error.hints()[0].to_string().contains("iam-policy"));
    }
}
