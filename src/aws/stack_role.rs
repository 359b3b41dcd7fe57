//! The role that CloudFormation makes, changes and deletes the resources of a stack as.

use std::error::Error as StdError;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::Error;
use crate::hint::Hint;

use super::error::service;
use super::remedies::NOT_ASSUMED;
use super::stacks::Stack;

/// The role that a stack is to have. CloudFormation keeps the one that it is given with the stack, for all
/// that is done with it later; without one it acts with the rights of whoever asks. Source: the references
/// of `CreateChangeSet` and `DeleteStack` (`RoleARN`), and "CloudFormation service role" of its user guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackRole {
    /// This one, which every request names: policies may ask for it (`cloudformation:RoleARN`).
    Asked(String),
    /// This one, which a request names only where the stack has another or none: who may change a stack need
    /// not be allowed to pass its role.
    Kept(String),
}

impl StackRole {
    /// Returns its ARN.
    pub fn arn(&self) -> &str {
        match self {
            StackRole::Asked(arn) | StackRole::Kept(arn) => arn,
        }
    }

    /// Returns the ARN that a request about the stack, or about a new one, names.
    pub(super) fn named_for(&self, there: Option<&Stack>) -> Option<String> {
        let has = there.and_then(|stack| stack.role.as_deref());
        match self {
            StackRole::Kept(arn) if has == Some(arn) => None,
            role => Some(role.arn().to_owned()),
        }
    }
}

/// Returns the error of a call on a stack, with what helps where CloudFormation cannot act as its role.
pub(super) fn refused<E>(doing: String, error: E, another_role: Hint) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let is_of_role = error
        .message()
        .is_some_and(|message| message.contains(NOT_ASSUMED));
    let error = service(doing, error);
    match is_of_role {
        true => error.hint(another_role),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_the_stack_has_is_named_only_if_it_was_asked_for() {
        let arn = "arn:aws:iam::1:role/a".to_owned();
        let with = |role: Option<&str>| Stack {
            role: role.map(ToOwned::to_owned),
            ..Stack::named("x")
        };
        let asked = StackRole::Asked(arn.clone());
        let kept = StackRole::Kept(arn.clone());
        for there in [None, Some(with(None)), Some(with(Some("b")))] {
            assert_eq!(asked.named_for(there.as_ref()), Some(arn.clone()));
            assert_eq!(kept.named_for(there.as_ref()), Some(arn.clone()));
        }
        let same = with(Some(&arn));
        assert_eq!(asked.named_for(Some(&same)), Some(arn.clone()));
        assert_eq!(kept.named_for(Some(&same)), None);
    }
}
