//! STS: who the credentials belong to.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_s3::config::ProvideCredentials;

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

impl Identity {
    /// Returns the partition of AWS, e.g. `aws` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }

    /// Returns the name of the role that this is a session of, if it is one:
    /// `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`.
    pub fn role(&self) -> Option<&str> {
        let resource = self.arn.splitn(6, ':').nth(5)?;
        resource.strip_prefix("assumed-role/")?.split('/').next()
    }
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

/// Where tools that export temporary credentials say when these end.
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// Returns how long the credentials are valid still; `None` when nothing says it. Those of a role,
/// of a sign-in or of CloudShell are renewed before they end.
pub(super) async fn remaining(config: &SdkConfig) -> Option<Duration> {
    let credentials = config
        .credentials_provider()?
        .provide_credentials()
        .await
        .ok()?;
    let told = || {
        let said = std::env::var(EXPIRATION).ok()?;
        humantime::parse_rfc3339_weak(said.trim_end_matches("+00:00")).ok()
    };
    let end = match credentials.expiry() {
        Some(end) => end,
        None => credentials.session_token().and_then(|_| told())?,
    };
    Some(end.duration_since(SystemTime::now()).unwrap_or_default())
}
