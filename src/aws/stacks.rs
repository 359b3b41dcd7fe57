//! CloudFormation stacks: described by name, deleted, and waited for along their events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{self, StackResourceSummary, StackStatus};

use crate::error::{Error, Result};
use crate::hint::{AwsCall, Hint};
use crate::wait::{Pace, RateLimit};

use super::error::{is_code, service};
use super::shared_answers::SharedAnswers;
use super::stack_events::Progress;
use super::stack_role::refused;

/// No stack of ours takes longer; a cluster's bootstrap alone may take 35 minutes.
const LIMIT: Duration = Duration::from_secs(3600);

/// A look that fails may succeed the next time; this many in a row is enough.
const BLIND_LOOKS: u32 = 8;

/// A CloudFormation stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its id (an ARN), which names it even after it is deleted.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its stack status, e.g. `CREATE_COMPLETE`.
    pub status: String,
    /// Its outputs by key.
    pub outputs: BTreeMap<String, String>,
    /// Its parameters by key.
    pub parameters: BTreeMap<String, String>,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the role that CloudFormation does everything with it as, if it has one.
    pub role: Option<String>,
    /// Whether it is protected from deletion.
    pub is_protected: bool,
    /// When its creation began, in seconds since 1970; `None` where it is not known.
    pub created: Option<u64>,
}

impl Stack {
    /// Returns a stack of which nothing but its name is known.
    pub(super) fn named(name: &str) -> Stack {
        Stack {
            id: String::new(),
            name: name.to_owned(),
            status: String::new(),
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            role: None,
            is_protected: false,
            created: None,
        }
    }

    fn from_sdk(stack: &types::Stack) -> Stack {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let created = stack.creation_time().map(|time| time.secs());
        Stack {
            id: text(stack.stack_id()),
            name: text(stack.stack_name()),
            status: text(stack.stack_status().map(StackStatus::as_str)),
            outputs: pairs(stack.outputs(), |o| (o.output_key(), o.output_value())),
            parameters: pairs(stack.parameters(), |p| {
                (p.parameter_key(), p.parameter_value())
            }),
            tags: pairs(stack.tags(), |t| (t.key(), t.value())),
            role: stack.role_arn().map(ToOwned::to_owned),
            is_protected: stack.enable_termination_protection().unwrap_or_default(),
            created: created.and_then(|seconds| u64::try_from(seconds).ok()),
        }
    }

    /// Returns whether nothing is being done to the stack.
    pub fn is_settled(&self) -> bool {
        is_settled(&self.status)
    }

    /// Returns whether the last operation made the stack what its template says.
    pub fn is_complete(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE")
    }

    /// Returns whether the stack is what some template says: the last one, or, when its update was
    /// rolled back, the one before.
    pub fn is_usable(&self) -> bool {
        self.is_complete() || self.status == "UPDATE_ROLLBACK_COMPLETE"
    }

    /// Returns whether the stack can only be deleted: it never came to life, or is half gone.
    pub fn must_be_replaced(&self) -> bool {
        self.never_lived() || self.status == "DELETE_FAILED"
    }

    /// Returns whether its creation failed.
    pub fn never_lived(&self) -> bool {
        matches!(
            self.status.as_str(),
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED"
        )
    }

    /// Returns whether the stack is nothing but an unexecuted change set.
    pub fn is_in_review(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }
}

pub(super) fn is_settled(status: &str) -> bool {
    !status.ends_with("_IN_PROGRESS")
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// Its type, e.g. `AWS::EC2::VPC`.
    pub kind: String,
    /// Its id or ARN; empty while it has none.
    pub physical_id: String,
    /// Its resource status, e.g. `DELETE_SKIPPED`.
    pub status: String,
    /// AWS's reason for the status; empty when there is none.
    pub reason: String,
}

impl StackResource {
    fn from_sdk(resource: &StackResourceSummary) -> StackResource {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        StackResource {
            kind: text(resource.resource_type()),
            physical_id: text(resource.physical_resource_id()),
            status: text(resource.resource_status().map(|status| status.as_str())),
            reason: text(resource.resource_status_reason()),
        }
    }
}

/// The CloudFormation calls.
#[derive(Debug, Clone)]
pub struct Stacks {
    pub(super) client: Client,
    pub(super) looks: Arc<Looks>,
}

/// What keeps all looks together below what CloudFormation allows an account, each of its calls by
/// itself: about five a second, of which pcluster takes some beside us.
#[derive(Debug)]
pub(super) struct Looks {
    stacks: RateLimit,
    resources: RateLimit,
    pub(super) events: RateLimit,
    pub(super) change_sets: RateLimit,
    /// The steps look at the same few stacks side by side.
    described: SharedAnswers<Option<Stack>>,
}

impl Stacks {
    pub(super) fn new(client: Client) -> Self {
        let limit = |burst| RateLimit::new(burst, Duration::from_millis(300));
        let looks = Looks {
            stacks: limit(8),
            resources: limit(8),
            events: limit(4),
            change_sets: limit(4),
            described: SharedAnswers::default(),
        };
        Stacks {
            client,
            looks: Arc::new(looks),
        }
    }

    /// Returns the stack with this name or id, or `None`. A deleted stack is still there
    /// under its id, as `DELETE_COMPLETE`.
    pub async fn describe(&self, name: &str) -> Result<Option<Stack>> {
        let ask = async || self.describe_alone(name).await;
        self.looks.described.get(name, ask).await
    }

    async fn describe_alone(&self, name: &str) -> Result<Option<Stack>> {
        self.looks.stacks.pass().await;
        let answer = match self.client.describe_stacks().stack_name(name).send().await {
            Ok(answer) => answer,
            // CloudFormation has no error code of its own for this.
            Err(error) if says_absent(&error) => return Ok(None),
            Err(error) => {
                return Err(service(
                    format!("cannot describe the stack `{name}`"),
                    error,
                ));
            }
        };
        Ok(answer.stacks().first().map(Stack::from_sdk))
    }

    /// Returns every stack of the account in this region that is not deleted.
    pub async fn all(&self) -> Result<Vec<Stack>> {
        let pages = self
            .client
            .describe_stacks()
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| service("cannot list the stacks", error))?;
        Ok(found.iter().map(Stack::from_sdk).collect())
    }

    /// Deletes a stack as it was just described, and waits until it is gone. It is done as the stack's own
    /// role, if it has one.
    pub async fn delete(&self, stack: &Stack, progress: Progress<'_>) -> Result<()> {
        self.delete_as(stack, None, progress).await
    }

    /// Does the same as another role, if there is one.
    pub(super) async fn delete_as(
        &self,
        stack: &Stack,
        role: Option<String>,
        progress: Progress<'_>,
    ) -> Result<()> {
        // CloudFormation deletes no stack that it is updating.
        if stack.status.starts_with("UPDATE_") && !stack.is_settled() {
            self.settle(stack, None, is_settled, progress).await?;
        }
        let mark = match stack.status.as_str() {
            "DELETE_IN_PROGRESS" => None,
            _ => {
                let mark = self.newest_event(&stack.id).await?;
                self.client
                    .delete_stack()
                    .stack_name(&stack.id)
                    .set_role_arn(role)
                    .send()
                    .await
                    .map_err(|error| {
                        let failure = format!("cannot delete the stack `{}`", stack.name);
                        refused(failure, error, deletion_as_another(&stack.name))
                    })?;
                mark
            }
        };
        self.deleted(stack, mark, progress).await
    }

    /// Waits until a deletion that was asked for has ended.
    pub async fn deleted(
        &self,
        stack: &Stack,
        mark: Option<String>,
        progress: Progress<'_>,
    ) -> Result<()> {
        // Right after the request the newest event may still be of an earlier operation.
        let ended = |status: &str| matches!(status, "DELETE_COMPLETE" | "DELETE_FAILED");
        match self.settle(stack, mark, ended, progress).await?.as_str() {
            "DELETE_COMPLETE" => Ok(()),
            status => Err(self.failure(stack, status).await),
        }
    }

    /// Waits until the operation under way on the stack has come to its end, telling its
    /// events; returns the stack's status then.
    pub async fn join(&self, stack: &Stack, progress: Progress<'_>) -> Result<String> {
        self.settle(stack, None, is_settled, progress).await
    }

    /// Waits for the end of an update that was just begun; events up to `mark` belong to the past. Returns
    /// the stack's status then.
    pub async fn updated(
        &self,
        stack: &Stack,
        mark: Option<String>,
        progress: Progress<'_>,
    ) -> Result<String> {
        self.settle(stack, mark, is_settled, progress).await
    }

    /// Waits until the stack's status is one that `ends` the operation. Events up to `mark`
    /// belong to the past.
    pub(super) async fn settle(
        &self,
        stack: &Stack,
        mark: Option<String>,
        ends: impl Fn(&str) -> bool,
        progress: Progress<'_>,
    ) -> Result<String> {
        let mut pace = Pace::minutes(LIMIT);
        let mut told = 0;
        let mut blind = 0;
        loop {
            match self.operation(&stack.id, mark.as_deref()).await {
                Ok(events) => {
                    blind = 0;
                    for event in events.iter().skip(told) {
                        progress(event);
                    }
                    told = told.max(events.len());
                    let own = events
                        .iter()
                        .rev()
                        .find(|event| event.is_of_stack(&stack.id));
                    match own {
                        Some(event) if ends(&event.status) => return Ok(event.status.clone()),
                        Some(_) => {}
                        // A stack without resources may be gone without an event.
                        None => {
                            if let Some(now) = self.describe(&stack.id).await?
                                && now.status == "DELETE_COMPLETE"
                            {
                                return Ok(now.status);
                            }
                        }
                    }
                }
                Err(error) if blind >= BLIND_LOOKS => return Err(error),
                Err(_) => blind += 1,
            }
            if !pace.next().await {
                return Err(Error::failed(format!(
                    "the stack `{}` is still at work after an hour",
                    stack.name
                )));
            }
        }
    }

    /// Returns the resources of a stack, given its name, or its id when it is deleted.
    pub async fn resources(&self, stack: &str) -> Result<Vec<StackResource>> {
        let mut resources = Vec::new();
        let mut next = None;
        loop {
            self.looks.resources.pass().await;
            let request = self.client.list_stack_resources().stack_name(stack);
            let page = request.set_next_token(next).send().await.map_err(|error| {
                let failure = format!("cannot list the resources of the stack `{stack}`");
                service(failure, error)
            })?;
            let found = page.stack_resource_summaries().iter();
            resources.extend(found.map(StackResource::from_sdk));
            next = page.next_token;
            if next.is_none() {
                return Ok(resources);
            }
        }
    }

    /// Returns the ids of deleted stacks with this name; CloudFormation keeps them 90 days.
    pub async fn deleted_ids(&self, name: &str) -> Result<Vec<String>> {
        let mut pages = self
            .client
            .list_stacks()
            .stack_status_filter(StackStatus::DeleteComplete)
            .into_paginator()
            .send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot list the stacks", error))?;
            let stacks = page.stack_summaries().iter();
            let named = stacks.filter(|stack| stack.stack_name() == Some(name));
            ids.extend(named.filter_map(|stack| stack.stack_id().map(ToOwned::to_owned)));
        }
        Ok(ids)
    }
}

/// Returns what deletes a stack whose role is gone. `up` would first make all of the deployment again.
fn deletion_as_another(stack: &str) -> Hint {
    let call = AwsCall::here("cloudformation delete-stack");
    let call = call.with(format!("--stack-name {stack} --role-arn ROLE_ARN"));
    Hint::run(call).because("delete it as another role, then type the same command again")
}

pub(super) fn says_absent<E: aws_smithy_types::error::metadata::ProvideErrorMetadata>(
    error: &E,
) -> bool {
    is_code(error, &["ValidationError"])
        && error
            .message()
            .is_some_and(|text| text.contains("does not exist"))
}

fn pairs<T>(
    items: &[T],
    pair: impl Fn(&T) -> (Option<&str>, Option<&str>),
) -> BTreeMap<String, String> {
    items
        .iter()
        .filter_map(|item| match pair(item) {
            (Some(key), Some(value)) => Some((key.to_owned(), value.to_owned())),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;

    use super::*;

    async fn stacks(answers: &[(u16, &str)]) -> Stacks {
        answered(answers).await.stacks
    }

    fn refusal(code: &str, message: &str) -> String {
        format!(
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error>\
             <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>"
        )
    }

    #[tokio::test]
    async fn a_stack_that_does_not_exist_is_none() {
        let absent = refusal("ValidationError", "Stack with id x-api does not exist");
        let found = stacks(&[(400, &absent)]).await.describe("x-api").await;
        assert_eq!(found.unwrap(), None);
    }

    #[tokio::test]
    async fn a_look_that_fails_is_an_error_with_awss_words_and_a_hint() {
        let expired = refusal(
            "ExpiredToken",
            "The security token included in the request is expired",
        );
        let error = stacks(&[(403, &expired)])
            .await
            .describe("x-api")
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot describe the stack `x-api`");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with("ExpiredToken: "), "{cause}");
        assert!(error.hints()[0].to_string().contains("sign in again"));
    }

    #[tokio::test]
    async fn a_stack_whose_role_is_gone_is_deleted_as_another() {
        let gone = refusal(
            "ValidationError",
            "Role arn:x is invalid or cannot be assumed",
        );
        let events = "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents/>\
                      </DescribeStackEventsResult></DescribeStackEventsResponse>";
        let stacks = stacks(&[(200, events), (400, &gone)]).await;
        let error = stacks.delete(&Stack::named("x-api"), &|_| ()).await;
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "cannot delete the stack `x-api`");
        let hint = error.hints()[0].to_string();
        let told = "aws cloudformation delete-stack";
        assert!(
            hint.contains(told) && hint.contains("--stack-name x-api --role-arn ROLE_ARN"),
            "{hint}"
        );
    }

    #[test]
    fn clean_up_after_an_update_is_not_settled() {
        assert!(!is_settled("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
        assert!(is_settled("UPDATE_ROLLBACK_FAILED"));
    }
}
