//! Signing requests to an API whose callers IAM lets in: Signature Version 4.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_s3::config::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

use crate::error::{Error, Result};

use super::error::unanswered;

/// What API Gateway is called in a signature.
const SERVICE: &str = "execute-api";

/// Signs requests to API Gateway with the caller's credentials.
#[derive(Debug, Clone)]
pub struct Signer {
    config: SdkConfig,
    region: String,
}

impl Signer {
    pub(super) fn new(config: &SdkConfig, region: &str) -> Signer {
        Signer {
            config: config.clone(),
            region: region.to_owned(),
        }
    }

    /// Returns the headers that sign a request of this moment to `url`, by their names in lower case.
    pub async fn headers(
        &self,
        method: &str,
        url: &str,
        body: &[u8],
    ) -> Result<Vec<(String, String)>> {
        let cannot = || Error::failed("the request cannot be signed");
        let credentials = match self.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await,
            None => return Err(cannot().because("there are no AWS credentials")),
        };
        let identity = credentials
            .map_err(|error| unanswered("the request cannot be signed".to_owned(), &error))?
            .into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| cannot().because(error))?
            .into();
        let request =
            SignableRequest::new(method, url, std::iter::empty(), SignableBody::Bytes(body));
        let request = request.map_err(|error| cannot().because(error))?;
        let signed = sign(request, &params).map_err(|error| cannot().because(error))?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}
