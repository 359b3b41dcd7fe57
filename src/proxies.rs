//! Proxies that the environment names: which of them a URL is asked through, and what never is.

use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// What helps when a proxy is the cause.
pub(crate) const ADVICE: &str = "it is named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: unset it, or \
                                 name servers that need none in NO_PROXY";

/// Returns the proxy that a URL is asked through, without its password; `None` for what is here.
pub(crate) fn of(url: &str) -> Option<String> {
    if Url::parse(url).is_ok_and(|url| is_here(&url)) {
        return None;
    }
    let proxy = Matcher::from_env().intercept(&url.parse().ok()?)?;
    let authority = proxy.uri().authority()?.as_str();
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    Some(format!("{scheme}://{place}"))
}

/// Returns whether a URL leads to this machine: no proxy elsewhere could reach it.
pub(crate) fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// Returns whether a URL leads to this machine, or to the service that tells an EC2 instance who it
/// is (169.254.169.254, fd00:ec2::254): a proxy would answer for itself.
pub(crate) fn never_takes_one(url: &Url) -> bool {
    let is_link_local = |address| match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[..2] == [0xfd00, 0xec2],
    };
    let host = url.host_str().unwrap_or_default();
    is_here(url) || address(host).is_some_and(is_link_local)
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_addresses() {
        let url = |text: &str| Url::parse(text).unwrap();
        for here in ["http://localhost:1", "https://127.8.0.1/x", "http://[::1]"] {
            assert!(is_here(&url(here)) && never_takes_one(&url(here)), "{here}");
        }
        for metadata in ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/"] {
            let url = url(metadata);
            assert!(!is_here(&url) && never_takes_one(&url), "{metadata}");
        }
        for elsewhere in [
            "https://127.example.org",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
        ] {
            assert!(!never_takes_one(&url(elsewhere)), "{elsewhere}");
        }
    }
}
