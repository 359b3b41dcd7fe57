//! STS: who the credentials belong to.

use crate::error::{Error, Result};

use super::error::service;

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The 12-digit account id.
    pub account: String,
    /// The user or role, as an ARN.
    pub arn: String,
}

pub(super) async fn identity(client: &aws_sdk_sts::Client) -> Result<Identity> {
    let answer = client
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| service("cannot tell which AWS account this is", error))?;
    match (answer.account, answer.arn) {
        (Some(account), Some(arn)) => Ok(Identity { account, arn }),
        _ => Err(Error::failed("AWS did not say which account this is")),
    }
}
