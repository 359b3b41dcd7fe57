//! Where a slurmrestd, or what stands in front of it, is reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;

use crate::error::{Error, Result};
use crate::proxies;

/// The place of a Slurm REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// A URL, kept without a slash at its end.
    Url(String),
    /// A unix socket on this machine.
    Socket(PathBuf),
}

impl Server {
    /// Returns the URL of a path below the server, as an HTTP client takes it.
    pub fn url(&self, path: &str) -> String {
        match self {
            Server::Url(base) => format!("{base}{path}"),
            Server::Socket(_) => format!("http://localhost{path}"),
        }
    }

    /// Returns whether it is spoken with over TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Server::Url(base) if base.starts_with("https:"))
    }

    /// Returns whether a token sent there can be read on the way.
    pub fn is_open_to_listeners(&self) -> bool {
        let Server::Url(base) = self else {
            return false;
        };
        let Ok(url) = Url::parse(base) else {
            return false;
        };
        url.scheme() == "http" && !proxies::is_here(&url)
    }

    /// Returns whether it is on this machine: no proxy elsewhere could reach it.
    pub fn is_here(&self) -> bool {
        match self {
            Server::Url(base) => Url::parse(base).is_ok_and(|url| proxies::is_here(&url)),
            Server::Socket(_) => true,
        }
    }
}

/// Returns what of a path hpcapi itself puts there: `/slurm/v0.0.42/jobs`, `/openapi/v3`.
fn own_path(path: &str) -> Option<&str> {
    let starts = ["/slurm/v0.0.", "/slurmdb/v0.0.", "/openapi"];
    let begin = starts.iter().filter_map(|start| path.find(start)).min()?;
    Some(&path[begin..])
}

impl FromStr for Server {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Err(Error::usage(format!("`{text}` is no endpoint: {why}")).hint(
                "for example: --endpoint https://api.example.org, --endpoint http://localhost:6820, \
                 --endpoint unix:/run/slurmrestd/slurmrestd.socket",
            ))
        };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') {
                Ok(Server::Socket(PathBuf::from(path)))
            } else {
                refuse("a socket is named by its whole path")
            };
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refuse(&error.to_string()),
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refuse("it has to begin with https://, http:// or unix:/");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("a user belongs to --user, a token to SLURM_JWT");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("it has a query or a fragment");
        }
        if let Some(own) = own_path(url.path()) {
            let base = url.as_str().replacen(own, "", 1);
            return Err(Error::usage(format!(
                "`{text}` is no endpoint: hpcapi itself adds what comes after the server's address, leave out `{own}`"
            ))
            .hint(format!("--endpoint {base}")));
        }
        Ok(Server::Url(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Url(base) => f.write_str(base),
            Server::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_or_a_socket() {
        for (text, shown) in [
            ("https://x.example/", "https://x.example"),
            ("http://127.0.0.1:6820", "http://127.0.0.1:6820"),
            ("http://h/base/path/", "http://h/base/path"),
            ("unix:/run/s.socket", "unix:/run/s.socket"),
            ("unix:///run/s.socket", "unix:/run/s.socket"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "x",
            "ftp://h",
            "unix:s",
            "http://",
            "https://u:p@h",
            "http://h?q=1",
            "http://h#f",
        ] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_hpcapi_adds_itself_is_to_be_left_out() {
        for (text, own, base) in [
            ("http://h:1/slurm/v0.0.42", "/slurm/v0.0.42", "http://h:1"),
            (
                "http://h/a/slurm/v0.0.41/jobs",
                "/slurm/v0.0.41/jobs",
                "http://h/a",
            ),
            (
                "https://h/slurmdb/v0.0.42/",
                "/slurmdb/v0.0.42/",
                "https://h",
            ),
            ("https://h/openapi/v3", "/openapi/v3", "https://h"),
        ] {
            let error = text.parse::<Server>().unwrap_err();
            assert!(
                error.to_string().contains(&format!("leave out `{own}`")),
                "{error}"
            );
            assert_eq!(error.hints(), [format!("--endpoint {base}")]);
        }
        // A site may well have its API below such a path.
        assert!("https://h/slurm".parse::<Server>().is_ok());
    }

    #[test]
    fn plain_http_to_elsewhere_can_be_listened_to() {
        let open = |text: &str| text.parse::<Server>().unwrap().is_open_to_listeners();
        assert!(open("http://slurm.example:6820"));
        assert!(!open("https://slurm.example"));
        assert!(!open("http://127.0.0.1:6820"));
        assert!(!open("unix:/run/s.socket"));
    }
}
