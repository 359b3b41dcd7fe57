//! What the environment and the AWS configuration say about where the calls go. An empty variable
//! counts as none, as for the AWS CLI; the SDK takes it for a value.

use std::time::Duration;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain};
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::error::{Error, Result};

use super::{Connection, http};

/// The services that are called, as the SDK calls them; each may have an endpoint of its own.
const SERVICES: [&str; 15] = [
    "ApiGatewayV2",
    "CloudFormation",
    "CloudWatch Logs",
    "DynamoDB",
    "EC2",
    "Elastic Load Balancing v2",
    "FreeTier",
    "IAM",
    "Resource Groups Tagging API",
    "Route 53",
    "S3",
    "SSM",
    "STS",
    "SSO",
    "Service Quotas",
];

/// Loads the configuration of all clients; fails when an endpoint in it is not a URL.
pub(super) async fn load(connection: &Connection) -> Result<SdkConfig> {
    require_certificates()?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http::client(connection.listener.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(6))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(Duration::from_secs(30))
                .build(),
        );
    let profile = match &connection.profile {
        Some(profile) => Some(profile.clone()),
        // The default profile, which need not be there.
        None => is_empty("AWS_PROFILE").then(|| "default".to_owned()),
    };
    match &connection.region {
        Some(region) => loader = loader.region(Region::new(region.clone())),
        None if is_empty("AWS_REGION") || is_empty("AWS_DEFAULT_REGION") => {
            loader = loader.region(region(profile.as_deref()));
        }
        None => {}
    }
    if let Some(profile) = &profile {
        loader = loader.profile_name(profile);
    }
    if let Some(profile) = &connection.profile {
        // The usual chain would prefer keys in the environment: whoever names a profile means it.
        let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile);
        loader = loader.credentials_provider(credentials.build());
    }
    if let Some(url) = &connection.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some((id, secret)) = &connection.access_key {
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "hpcapi"));
    }
    let config = loader.load().await;
    if connection.endpoint_url.is_some() {
        return Ok(config);
    }
    let endpoints = Endpoints(config.clone());
    for service in SERVICES {
        require_url(service, &endpoints)?;
    }
    Ok(config.into_builder().service_config(endpoints).build())
}

/// Fails when there is nothing to know AWS by: the SDK would panic.
fn require_certificates() -> Result<()> {
    if !rustls_native_certs::load_native_certs().certs.is_empty() {
        return Ok(());
    }
    let error = Error::usage("there are no CA certificates, and AWS cannot be known without them");
    let set = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .find(|name| std::env::var_os(name).is_some());
    Err(match set {
        Some(name) => error.hint(format!("those of the system: unset {name}")),
        None => error.hint("install them (Debian: sudo apt-get install ca-certificates)"),
    })
}

fn is_empty(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

/// Returns the region that the SDK would choose if empty variables were not there.
fn region(profile: Option<&str>) -> impl ProvideRegion + use<> {
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|region| !region.is_empty());
    let mut of_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        of_profile = of_profile.profile_name(profile);
    }
    RegionProviderChain::first_try(of_environment.map(Region::new))
        .or_else(of_profile.build())
        .or_else(ImdsRegionProvider::builder().build())
}

/// The endpoints that were loaded, without empty ones.
#[derive(Debug)]
struct Endpoints(SdkConfig);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let loaded = self.0.service_config()?.load_config(key)?;
        (!loaded.is_empty()).then_some(loaded)
    }
}

fn require_url(service: &str, endpoints: &Endpoints) -> Result<()> {
    const VARIABLE: &str = "AWS_ENDPOINT_URL";
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env(VARIABLE)
        .profile("endpoint_url")
        .build()
        .expect("it has all its parts");
    let Some(given) = endpoints.load_config(key).filter(|given| !is_url(given)) else {
        return Ok(());
    };
    let own = format!("{VARIABLE}_{}", service.to_uppercase().replace(' ', "_"));
    let place = [own.as_str(), VARIABLE]
        .into_iter()
        .find(|name| std::env::var(name).as_ref() == Ok(&given));
    let error = Error::usage(format!(
        "`{given}` is not a valid URL (`{}`)",
        place.unwrap_or("endpoint_url of the AWS configuration")
    ));
    Err(match place {
        Some(place) => error
            .hint(format!("for AWS itself: unset {place}"))
            .hint(format!(
                "for another endpoint: export {place}=http://HOST:PORT"
            )),
        None => error.hint(
            "correct it in ~/.aws/config, or: export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
        ),
    })
}

fn is_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|it| !it.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host() {
        for good in [
            "http://127.0.0.1:4566",
            "https://aws.example.org/x",
            "http://[::1]:1",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "localhost:4566",
            "127.0.0.1:4566",
            "http://",
            "ftp://x",
            "http://a b",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
