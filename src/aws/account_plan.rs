//! AWS's plan for an account: a free one starts few instance types.

use crate::error::Result;

use super::error::{is_code, service};

/// The calls about the account's plan.
#[derive(Debug, Clone)]
pub struct AccountPlan(aws_sdk_freetier::Client);

impl AccountPlan {
    pub(super) fn new(client: aws_sdk_freetier::Client) -> Self {
        AccountPlan(client)
    }

    /// Returns whether the account is on a free plan.
    pub async fn is_free(&self) -> Result<bool> {
        match self.0.get_account_plan_state().send().await {
            Ok(answer) => Ok(answer.account_plan_type().as_str() == "FREE"),
            // An account from before there were plans has none.
            Err(error) if is_code(&error, &["ResourceNotFoundException"]) => Ok(false),
            Err(error) => Err(service("cannot look at the account's plan", error)),
        }
    }
}
