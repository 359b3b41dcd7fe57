//! Making a stack what it should be, from any state it may be in, through change sets.

use std::borrow::Cow;

use crate::error::Result;

use super::change_sets::ROUNDS;
use super::error::service;
use super::stack_events::Progress;
use super::stack_role::StackRole;
use super::stacks::{Stack, Stacks, is_settled};

/// What a stack should be.
#[derive(Debug, Clone)]
pub struct StackSpec {
    /// Its name.
    pub name: String,
    /// The template, at most 51,200 bytes.
    pub template: Cow<'static, str>,
    /// Its parameters.
    pub parameters: Vec<(&'static str, String)>,
    /// Parameters of a new stack. An update keeps what the stack has, whatever somebody else
    /// made of it a moment ago.
    pub first: Vec<(&'static str, String)>,
    /// Its tags, which go on every resource.
    pub tags: Vec<(String, String)>,
    /// The role that its resources are made as; `None` leaves it as it is.
    pub role: Option<StackRole>,
}

/// What applying a spec did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The stack was as wanted.
    Unchanged,
    /// The stack was created or updated.
    Changed,
}

impl Stacks {
    /// Makes the stack what `spec` says and waits for it, from any state it may be in: an
    /// operation under way is joined, a rollback that failed is gone on with, and a stack that
    /// never came to life is replaced.
    pub async fn apply(&self, spec: &StackSpec, progress: Progress<'_>) -> Result<Applied> {
        let mut rounds = 0;
        loop {
            let there = self.made_ready(spec, progress).await?;
            let begun = match self.begin(spec, there.as_ref()).await {
                Ok(Some(begun)) => begun,
                Ok(None) => return Ok(Applied::Unchanged),
                Err(error) => {
                    rounds += 1;
                    if rounds < ROUNDS && self.has_moved(spec, there.as_ref()).await? {
                        continue;
                    }
                    return Err(error);
                }
            };
            let (stack, mark) = begun;
            let status = self.settle(&stack, mark, is_settled, progress).await?;
            if !matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
                return Err(self.failure(&stack, &status).await);
            }
            return Ok(Applied::Changed);
        }
    }

    /// Brings the stack into a state in which it can be created or updated; returns it, or
    /// `None` when it has to be created.
    async fn made_ready(&self, spec: &StackSpec, progress: Progress<'_>) -> Result<Option<Stack>> {
        let mut there = self.describe(&spec.name).await?;
        if let Some(stack) = &there
            && !stack.is_settled()
            && !stack.is_in_review()
        {
            self.settle(stack, None, is_settled, progress).await?;
            there = self.describe(&spec.name).await?;
        }
        if let Some(stack) = &there
            && stack.status == "UPDATE_ROLLBACK_FAILED"
        {
            self.continue_rollback(stack, progress).await?;
            there = self.describe(&spec.name).await?;
        }
        if let Some(stack) = &there
            && stack.must_be_replaced()
        {
            // Its own role may be why it failed.
            let role = spec.role.as_ref();
            let role = role.and_then(|role| role.named_for(Some(stack)));
            self.delete_as(stack, role, progress).await?;
            there = None;
        }
        Ok(there.filter(|stack| !stack.is_in_review()))
    }

    /// Begins to create or update the stack; returns it with the mark after which the events
    /// are of this operation, or `None` when there is nothing to change.
    async fn begin(
        &self,
        spec: &StackSpec,
        there: Option<&Stack>,
    ) -> Result<Option<(Stack, Option<String>)>> {
        let Some((change_set, id)) = self.prepare(spec, there).await? else {
            return Ok(None);
        };
        let mark = self.newest_event(&id).await?;
        self.execute(&spec.name, &change_set).await?;
        let stack = Stack {
            id,
            ..Stack::named(&spec.name)
        };
        Ok(Some((stack, mark)))
    }

    /// Returns whether somebody else began something with the stack since it was `there`: a
    /// change set of ours is then refused.
    async fn has_moved(&self, spec: &StackSpec, there: Option<&Stack>) -> Result<bool> {
        let now = self.describe(&spec.name).await?;
        let now = now.filter(|stack| !stack.is_in_review());
        let of = |stack: &Stack| (stack.id.clone(), stack.status.clone());
        Ok(now.as_ref().map(of) != there.map(of))
    }

    /// Goes on with the rollback of an update that failed: what was in its way may be gone.
    async fn continue_rollback(&self, stack: &Stack, progress: Progress<'_>) -> Result<()> {
        let mark = self.newest_event(&stack.id).await?;
        self.client
            .continue_update_rollback()
            .stack_name(&stack.id)
            .send()
            .await
            .map_err(|error| {
                let failure = format!("cannot go on with the rollback of `{}`", stack.name);
                service(failure, error)
            })?;
        let status = self
            .settle(stack, mark.clone(), is_settled, progress)
            .await?;
        if status == "UPDATE_ROLLBACK_COMPLETE" {
            return Ok(());
        }
        let failed = self.failure_since(stack, &status, mark.as_deref()).await;
        Err(failed.hint("remove what its reason names, then type the same command again"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
    const ARN: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/x/1";

    fn answer(operation: &str, result: &str) -> String {
        format!(
            "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}\
             </{operation}Result></{operation}Response>"
        )
    }

    fn described(status: &str) -> String {
        answer(
            "DescribeStacks",
            &format!(
                "<Stacks><member><StackId>{ARN}</StackId><StackName>x</StackName><StackStatus>\
                 {status}</StackStatus><CreationTime>2026-11-23T14:00:00Z</CreationTime></member>\
                 </Stacks>"
            ),
        )
    }

    /// The stack's own events and those of a group, newest first.
    fn events(statuses: &[&str]) -> String {
        let event = |(number, status): (usize, &&str)| {
            let (resource, id, status) = match status.strip_prefix("Group ") {
                Some(status) => ("Group", "sg-1", status),
                None => ("x", ARN, *status),
            };
            format!(
                "<member><StackId>{ARN}</StackId><StackName>x</StackName><EventId>{}</EventId>\
                 <LogicalResourceId>{resource}</LogicalResourceId><PhysicalResourceId>{id}\
                 </PhysicalResourceId><ResourceType>T</ResourceType><ResourceStatus>{status}\
                 </ResourceStatus><ResourceStatusReason>of {resource}</ResourceStatusReason>\
                 <Timestamp>2026-11-23T14:00:00Z</Timestamp></member>",
                statuses.len() - number
            )
        };
        let members: String = statuses.iter().enumerate().map(event).collect();
        answer(
            "DescribeStackEvents",
            &format!("<StackEvents>{members}</StackEvents>"),
        )
    }

    fn spec() -> StackSpec {
        StackSpec {
            name: "x".to_owned(),
            template: "{}".into(),
            parameters: Vec::new(),
            first: Vec::new(),
            tags: Vec::new(),
            role: None,
        }
    }

    const BEFORE: [&str; 3] = [
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
    ];

    async fn applied(after: &[&str], then: &[String]) -> Result<Applied> {
        let events_after = events(&[after, BEFORE.as_slice()].concat());
        let mut answers = vec![
            described("UPDATE_ROLLBACK_FAILED"),
            events(&BEFORE),
            answer("ContinueUpdateRollback", ""),
            events_after.clone(),
        ];
        answers.extend_from_slice(then);
        answers.push(events_after);
        let answers: Vec<_> = answers.iter().map(|body| (200, body.as_str())).collect();
        let stacks = answered(&answers).await.stacks;
        stacks.apply(&spec(), &|_| ()).await
    }

    #[tokio::test]
    async fn a_rollback_that_failed_is_gone_on_with() {
        let ids = format!("<Id>arn:change</Id><StackId>{ARN}</StackId>");
        let nothing =
            "<Status>FAILED</Status><StatusReason>No updates are to be performed.</StatusReason>";
        let then = [
            described("UPDATE_ROLLBACK_COMPLETE"),
            answer("CreateChangeSet", &ids),
            answer("DescribeChangeSet", nothing),
            answer("DeleteChangeSet", ""),
        ];
        let applied = applied(&["UPDATE_ROLLBACK_COMPLETE"], &then).await;
        assert_eq!(applied.unwrap(), Applied::Unchanged);
    }

    #[tokio::test]
    async fn what_keeps_a_rollback_from_its_end_is_named() {
        let after = ["UPDATE_ROLLBACK_FAILED", "Group UPDATE_FAILED"];
        let error = applied(&after, &[]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stack `x` ended in UPDATE_ROLLBACK_FAILED"
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "`Group` (T) UPDATE_FAILED: of Group");
        let next = "remove what its reason names, then type the same command again";
        assert_eq!(error.hints(), [next]);
    }
}
