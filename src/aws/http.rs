//! The HTTP client of every call to AWS: what is on this machine is asked past proxies, and a proxy
//! is named when a call through it fails.

use std::error::Error as _;
use std::fmt;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use reqwest::Url;

use crate::proxies;

use super::calls::CallListener;

/// Returns the client, whose calls `listener` hears of. It connects as the SDK's own does, where that would be right.
pub(super) fn client(listener: CallListener) -> SharedHttpClient {
    let (usual, direct) = (over(ProxyConfig::from_env()), over(ProxyConfig::disabled()));
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Connections {
            usual: usual.clone(),
            direct: direct.clone(),
            listener: listener.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    })
}

/// Returns a client that uses these proxies.
fn over(proxies: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let mut connector = ConnectorBuilder::default().tls_provider(provider);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(proxies.clone()));
        connector.build()
    })
}

/// The connections of a service's client. Both kinds are begun when they are first needed: the
/// certificates that TLS wants take a while to read.
#[derive(Debug)]
struct Connections {
    usual: SharedHttpClient,
    direct: SharedHttpClient,
    listener: CallListener,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.listener.heard(request, |request| self.answer(request))
    }
}

impl Connections {
    fn answer(&self, request: HttpRequest) -> HttpConnectorFuture {
        let to =
            |client: &SharedHttpClient| client.http_connector(&self.settings, &self.components);
        let url = Url::parse(request.uri());
        if url.is_ok_and(|url| proxies::never_takes_one(&url)) {
            return to(&self.direct).call(request);
        }
        let Some(proxy) = proxies::of(request.uri()) else {
            return to(&self.usual).call(request);
        };
        let answer = to(&self.usual).call(request);
        HttpConnectorFuture::new(async move { answer.await.map_err(|error| named(proxy, error)) })
    }
}

/// Returns the error of a call that went through a proxy, for the SDK of the same kind.
fn named(proxy: String, error: ConnectorError) -> ConnectorError {
    let (is_timeout, is_io) = (error.is_timeout(), error.is_io());
    let (is_user, kind) = (error.is_user(), error.as_other());
    let through = Box::new(ThroughProxy { proxy, error });
    if is_timeout {
        ConnectorError::timeout(through)
    } else if is_io {
        ConnectorError::io(through)
    } else if is_user {
        ConnectorError::user(through)
    } else {
        ConnectorError::other(through, kind)
    }
}

/// What happened to a call that went through a proxy.
#[derive(Debug)]
pub(super) struct ThroughProxy {
    /// Its URL, without its password.
    proxy: String,
    error: ConnectorError,
}

impl ThroughProxy {
    /// Returns whether the certificate that was shown is not taken.
    pub(super) fn is_about_certificates(&self) -> bool {
        let causes = std::iter::successors(self.source(), |&error| error.source());
        causes
            .map(ToString::to_string)
            .any(|words| words.contains("certificate"))
    }
}

impl fmt::Display for ThroughProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "through the proxy {}", self.proxy)
    }
}

impl std::error::Error for ThroughProxy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::SdkError;

    use crate::aws::error::unanswered;

    use super::*;

    fn told(words: &str) -> crate::error::Error {
        let error = named(
            "http://proxy:3128".to_owned(),
            ConnectorError::io(words.into()),
        );
        assert!(error.is_io());
        let error: SdkError<std::io::Error, ()> = SdkError::dispatch_failure(error);
        unanswered("cannot look".to_owned(), &error)
    }

    #[test]
    fn a_proxy_is_named_where_a_call_through_it_fails() {
        let error = told("tunnel error: unsuccessful");
        let cause = error.source().map(ToString::to_string);
        assert_eq!(
            cause.as_deref(),
            Some(
                "dispatch failure: through the proxy http://proxy:3128: tunnel error: unsuccessful"
            )
        );
        assert_eq!(error.hints(), [proxies::ADVICE]);
    }

    #[test]
    fn a_proxy_that_opens_tls_is_told_of() {
        let error = told("invalid peer certificate: UnknownIssuer");
        assert!(
            error.hints()[1].to_string().contains("SSL_CERT_FILE"),
            "{error:?}"
        );
    }
}
