//! Change sets: CloudFormation says what a template would change before anything does.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, Tag};

use crate::error::{Error, Result};
use crate::wait::Pace;

use super::error::{is_code, service};
use super::remedies::{another_role, remedy};
use super::stack_apply::StackSpec;
use super::stack_role::refused;
use super::stacks::{Stack, Stacks};

/// How often somebody else may be faster.
pub(super) const ROUNDS: u32 = 5;

/// A change set that was just made is not found at once by every look.
const APPEARS: Duration = Duration::from_secs(20);

impl Stacks {
    /// Makes a change set for the stack that is there, or for a new one; returns its ARN and the
    /// stack's id, or `None` when it would change nothing.
    pub(super) async fn prepare(
        &self,
        spec: &StackSpec,
        there: Option<&Stack>,
    ) -> Result<Option<(String, String)>> {
        for _ in 0..ROUNDS {
            let (change_set, stack) = self.create_change_set(spec, there).await?;
            match self.prepared(&change_set).await? {
                Prepared::Changes => return Ok(Some((change_set, stack))),
                Prepared::Nothing => {
                    self.discard(&change_set).await?;
                    return Ok(None);
                }
                Prepared::Refused(reason) => {
                    let cause = self.cause_of_refusal(&change_set, reason).await;
                    self.discard(&change_set).await?;
                    if there.is_none() && self.is_still_in_review(&stack).await? {
                        self.delete_in_review(&stack).await?;
                    }
                    let name = &spec.name;
                    let failure = format!("CloudFormation refuses to make the stack `{name}`");
                    let error = Error::failed(failure).because(cause.clone());
                    return Err(match remedy(&cause) {
                        Some(remedy) => error.hint(remedy),
                        None => error,
                    });
                }
                // Somebody else was faster.
                Prepared::Gone => {}
            }
        }
        Err(Error::failed(format!(
            "somebody else changes the stack `{}` again and again",
            spec.name
        )))
    }

    /// Returns the ARN of a new change set, and the id of its stack.
    async fn create_change_set(
        &self,
        spec: &StackSpec,
        there: Option<&Stack>,
    ) -> Result<(String, String)> {
        let kind = match there {
            Some(_) => ChangeSetType::Update,
            None => ChangeSetType::Create,
        };
        let tags = spec
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let name = change_set_name();
        let made = self
            .client
            .create_change_set()
            .stack_name(&spec.name)
            .change_set_name(&name)
            .change_set_type(kind)
            .template_body(spec.template.as_ref())
            // Some of our templates make a role, which may have a name of its own.
            .capabilities(Capability::CapabilityNamedIam)
            .set_parameters(Some(parameters(spec, there)))
            .set_tags(Some(tags.collect()))
            .set_role_arn(spec.role.as_ref().and_then(|role| role.named_for(there)))
            .send()
            .await;
        let ids = match made {
            Ok(made) => (made.id, made.stack_id),
            // A call whose answer was lost is made twice; the name is of this call alone.
            Err(error) if is_code(&error, &["AlreadyExistsException"]) => {
                self.ids_of(&spec.name, &name).await?
            }
            Err(error) => {
                let failure = format!("cannot prepare the stack `{}`", spec.name);
                return Err(refused(failure, error, another_role()));
            }
        };
        let (Some(change_set), Some(stack)) = ids else {
            return Err(Error::failed(format!(
                "CloudFormation gave no id for a change set of `{}`",
                spec.name
            )));
        };
        Ok((change_set, stack))
    }

    async fn delete_in_review(&self, id: &str) -> Result<()> {
        let delete = self.client.delete_stack().stack_name(id);
        let deleted = delete.send().await;
        deleted.map_err(|error| service("cannot remove the empty stack", error))?;
        Ok(())
    }

    /// Returns whether nobody has made anything of a stack that was born with a change set.
    async fn is_still_in_review(&self, id: &str) -> Result<bool> {
        let there = self.describe(id).await?;
        Ok(there.is_some_and(|stack| stack.is_in_review()))
    }

    /// Returns the ids of a change set and of its stack.
    async fn ids_of(&self, stack: &str, name: &str) -> Result<(Option<String>, Option<String>)> {
        let there = self
            .client
            .describe_change_set()
            .stack_name(stack)
            .change_set_name(name)
            .send()
            .await
            .map_err(|error| service("cannot look at the change set", error))?;
        Ok((there.change_set_id, there.stack_id))
    }

    /// Begins to do what the change set says.
    pub(super) async fn execute(&self, stack: &str, change_set: &str) -> Result<()> {
        let executed = self
            .client
            .execute_change_set()
            .change_set_name(change_set)
            .send()
            .await;
        let Err(error) = executed else {
            return Ok(());
        };
        // A call whose answer was lost is made twice, and the second time it is refused.
        if is_code(
            &error,
            &["InvalidChangeSetStatus", "InvalidChangeSetStatusException"],
        ) && self.is_begun(change_set).await?
        {
            return Ok(());
        }
        Err(service(format!("cannot change the stack `{stack}`"), error))
    }

    async fn is_begun(&self, change_set: &str) -> Result<bool> {
        let there = self
            .client
            .describe_change_set()
            .change_set_name(change_set)
            .send()
            .await
            .map_err(|error| service("cannot look at the change set", error))?;
        let status = there.execution_status().map(|status| status.as_str());
        Ok(status.is_some_and(|status| status.starts_with("EXECUTE_")))
    }

    async fn prepared(&self, change_set: &str) -> Result<Prepared> {
        let mut pace = Pace::seconds(Duration::from_secs(300));
        let mut appears = Some(Instant::now() + APPEARS);
        loop {
            self.looks.change_sets.pass().await;
            let answer = self
                .client
                .describe_change_set()
                .change_set_name(change_set)
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => {
                    appears = None;
                    Some(answer)
                }
                Err(error) if is_code(&error, &["ChangeSetNotFound"]) => {
                    // CloudFormation deletes all others of a stack when one is executed.
                    if appears.is_none_or(|appears| appears < Instant::now()) {
                        return Ok(Prepared::Gone);
                    }
                    None
                }
                Err(error) => return Err(service("cannot look at the change set", error)),
            };
            match answer.as_ref().and_then(|answer| answer.status()) {
                Some(ChangeSetStatus::CreateComplete) => return Ok(Prepared::Changes),
                Some(ChangeSetStatus::Failed) => {
                    let reason = answer.as_ref().and_then(|answer| answer.status_reason());
                    let reason = reason.unwrap_or("no reason given");
                    return Ok(if says_no_changes(reason) {
                        Prepared::Nothing
                    } else {
                        Prepared::Refused(reason.to_owned())
                    });
                }
                _ => {}
            }
            if !pace.next().await {
                return Err(Error::failed(
                    "CloudFormation did not finish a change set in 5 minutes",
                ));
            }
        }
    }

    async fn discard(&self, change_set: &str) -> Result<()> {
        self.client
            .delete_change_set()
            .change_set_name(change_set)
            .send()
            .await
            .map_err(|error| service("cannot delete a change set", error))?;
        Ok(())
    }
}

enum Prepared {
    Changes,
    Nothing,
    Refused(String),
    Gone,
}

/// Returns the parameters of a change set.
fn parameters(spec: &StackSpec, there: Option<&Stack>) -> Vec<Parameter> {
    let given = |(key, value): &(&str, String)| {
        let parameter = Parameter::builder().parameter_key(*key);
        parameter.parameter_value(value).build()
    };
    let kept = |(key, _): &(&str, String)| {
        let parameter = Parameter::builder().parameter_key(*key);
        parameter.use_previous_value(true).build()
    };
    let mut parameters: Vec<_> = spec.parameters.iter().map(given).collect();
    match there {
        None => parameters.extend(spec.first.iter().map(given)),
        // What the template of the stack does not know has no value to keep.
        Some(stack) => parameters.extend(
            spec.first
                .iter()
                .filter(|(key, _)| stack.parameters.contains_key(*key))
                .map(kept),
        ),
    }
    parameters
}

fn change_set_name() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("hpcapi-{}", now.as_millis())
}

fn says_no_changes(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;

    use super::*;

    #[test]
    fn an_update_keeps_what_the_stack_has_of_the_first_parameters() {
        let spec = StackSpec {
            name: "x".to_owned(),
            template: "{}".into(),
            parameters: vec![("Given", "now".to_owned())],
            first: vec![("Kept", "then".to_owned()), ("Unknown", "then".to_owned())],
            tags: Vec::new(),
            role: None,
        };
        let told = |there| -> Vec<_> {
            let parameters = parameters(&spec, there).into_iter();
            parameters
                .map(|one| {
                    (
                        one.parameter_key,
                        one.parameter_value,
                        one.use_previous_value,
                    )
                })
                .collect()
        };
        let given = |key: &str, value: &str| (Some(key.to_owned()), Some(value.to_owned()), None);
        let now = given("Given", "now");
        let new = [given("Kept", "then"), given("Unknown", "then")];
        assert_eq!(told(None), [&[now.clone()][..], &new].concat());
        let mut stack = Stack::named("x");
        stack.parameters = [("Kept".to_owned(), "other".to_owned())].into();
        let kept = (Some("Kept".to_owned()), None, Some(true));
        assert_eq!(told(Some(&stack)), [now, kept]);
    }

    #[tokio::test]
    async fn a_change_set_that_goes_with_another_s_execution_is_made_anew() {
        let answer = |action: &str, result: &str| {
            format!(
                "<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
            )
        };
        let id = |id: &str| format!("<Id>{id}</Id><StackId>stack</StackId>");
        let status = |status: &str| format!("<Status>{status}</Status>");
        let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>ChangeSetNotFound</Code>\
                    <Message>no</Message></Error></ErrorResponse>";
        let stacks = answered(&[
            (200, &answer("CreateChangeSet", &id("first"))),
            (404, gone),
            (
                200,
                &answer("DescribeChangeSet", &status("CREATE_IN_PROGRESS")),
            ),
            (404, gone),
            (200, &answer("CreateChangeSet", &id("second"))),
            (
                200,
                &answer("DescribeChangeSet", &status("CREATE_COMPLETE")),
            ),
        ])
        .await
        .stacks;
        let spec = StackSpec {
            name: "x".to_owned(),
            template: "{}".into(),
            parameters: Vec::new(),
            first: Vec::new(),
            tags: Vec::new(),
            role: None,
        };
        let there = Stack::named("x");
        let prepared = stacks.prepare(&spec, Some(&there)).await.unwrap();
        assert_eq!(prepared, Some(("second".to_owned(), "stack".to_owned())));
    }

    #[tokio::test]
    async fn a_refusal_that_names_only_the_validation_is_told_with_its_cause() {
        let answer = |action: &str, result: &str| {
            format!(
                "<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
            )
        };
        let refused = "<Status>FAILED</Status><StatusReason>The following hook(s)/validation failed: \
                       [AWS::EarlyValidation::ResourceExistenceCheck]</StatusReason>";
        let taken = "<OperationEvents><member><LogicalResourceId>AccessLog</LogicalResourceId>\
                     <ResourceType>AWS::Logs::LogGroup</ResourceType><ValidationStatusReason>Resource \
                     of type 'AWS::Logs::LogGroup' with identifier '/aws/x' already exists.\
                     </ValidationStatusReason></member></OperationEvents>";
        let stacks = answered(&[
            (
                200,
                &answer("CreateChangeSet", "<Id>first</Id><StackId>stack</StackId>"),
            ),
            (200, &answer("DescribeChangeSet", refused)),
            (200, &answer("DescribeEvents", taken)),
            (200, &answer("DeleteChangeSet", "")),
        ])
        .await
        .stacks;
        let spec = StackSpec {
            name: "x".to_owned(),
            template: "{}".into(),
            parameters: Vec::new(),
            first: Vec::new(),
            tags: Vec::new(),
            role: None,
        };
        let there = Stack::named("x");
        let error = stacks.prepare(&spec, Some(&there)).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.starts_with("`AccessLog` (AWS::Logs::LogGroup): "),
            "{cause}"
        );
        assert!(cause.ends_with("already exists."), "{cause}");
    }

    #[test]
    fn the_words_for_an_empty_change_set_are_known() {
        assert!(says_no_changes(
            "The submitted information didn't contain changes. Submit different information to \
             create a change set."
        ));
        assert!(says_no_changes("No updates are to be performed."));
        assert!(!says_no_changes("Template error: unresolved condition"));
    }
}
