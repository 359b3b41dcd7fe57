//! The error for a request that has no answer: TLS, a proxy, the connection or the time, told by
//! what the innermost cause says.

use std::error::Error as StdError;

use crate::error::Error;
use crate::hint::{Hint, Verb};
use crate::proxies;

use super::server::Server;
use super::tls;

/// Returns the error for a request that `server` did not answer.
pub(super) fn unanswered(server: &Server, error: reqwest::Error) -> Error {
    if let Some(objection) = tls::objection(&error) {
        return tls::refused(server, objection);
    }
    let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
    let because = cause(error);
    if because.contains("tls handshake eof") {
        return tls::unspoken(server).because(because);
    }
    if let Server::Url(url) = server
        && let Some(proxy) = proxies::of(url)
        && is_connect
    {
        return not_through(&proxy, server, &because);
    }
    let error = if is_timeout {
        Error::failed(format!("{server} did not answer in time")).hint(
            Hint::run(Verb::Ping)
                .because("look what is wrong")
                .then("; allow more time: --timeout 120"),
        )
    } else if is_connect {
        Error::failed(format!("{server} cannot be reached")).hint(
            Hint::run(Verb::Status)
                .because("is it up, and is the address right? the deployment's is shown by"),
        )
    } else {
        Error::failed(format!("{server} broke off the connection"))
            .hint(Hint::run(Verb::Ping).because("look what is wrong"))
    };
    // Whoever speaks TLS answers plain HTTP with an alert.
    let error = match because.contains("HTTP version") && !server.is_encrypted() {
        true => error.hint("is it https:// instead?"),
        false => error,
    };
    error.because(because)
}

fn not_through(proxy: &str, server: &Server, because: &str) -> Error {
    // It answers, and does not do it.
    let error = match because.starts_with("tunnel error") {
        true => Error::failed(format!("the proxy {proxy} does not connect to {server}")),
        false => Error::failed(format!(
            "the proxy {proxy}, through which {server} is asked, cannot be reached"
        )),
    };
    error.because(because.to_owned()).hint(proxies::ADVICE)
}

/// Returns the innermost cause: the outer ones only repeat the URL.
pub(super) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn StdError = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
