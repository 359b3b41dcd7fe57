//! A request to Slurm's REST API: what will be sent, and the same as a curl command.

use std::path::Path;

use reqwest::Method;

use super::server::Server;
use super::version::ApiVersion;

/// Stands in a path for the API version.
pub const VERSION: &str = "{version}";

/// Linux takes no argument of more than 128 KiB.
const LONGEST_ARGUMENT: usize = 100_000;

/// A request, before a version is filled in and somebody's token added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path from the server's root, percent-encoded; `{version}` stands for the API version.
    pub path: String,
    /// The JSON body.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// Returns a GET of a resource of Slurm's, e.g. `jobs`.
    pub fn get(resource: &str) -> Request {
        Request::slurm(Method::GET, resource)
    }

    /// Returns a DELETE of a resource of Slurm's, e.g. `job/12`.
    pub fn delete(resource: &str) -> Request {
        Request::slurm(Method::DELETE, resource)
    }

    /// Returns a POST of a body to a resource of Slurm's, e.g. `job/submit`.
    pub fn post(resource: &str, body: Vec<u8>) -> Request {
        Request {
            body: Some(body),
            ..Request::slurm(Method::POST, resource)
        }
    }

    /// Returns a GET of a resource of the accounting database, e.g. `jobs`.
    pub fn accounting(resource: &str) -> Request {
        Request {
            method: Method::GET,
            path: format!("/slurmdb/{VERSION}/{resource}"),
            body: None,
        }
    }

    /// Returns a GET of the OpenAPI document, which names every version that the server serves.
    pub fn openapi() -> Request {
        Request {
            method: Method::GET,
            path: "/openapi/v3".to_owned(),
            body: None,
        }
    }

    /// Returns a GET that every server of this version answers, whatever the token is.
    pub fn ping(version: ApiVersion) -> Request {
        Request {
            method: Method::GET,
            path: format!("/slurm/{version}/ping"),
            body: None,
        }
    }

    fn slurm(method: Method, resource: &str) -> Request {
        Request {
            method,
            path: format!("/slurm/{VERSION}/{resource}"),
            body: None,
        }
    }

    /// Returns whether sending it twice does what sending it once does.
    pub fn is_repeatable(&self) -> bool {
        self.method == Method::GET
    }

    /// Returns whether a version has to be known before it can be sent.
    pub fn wants_version(&self) -> bool {
        self.path.contains(VERSION)
    }

    /// Returns the path with the version filled in.
    pub fn path(&self, version: ApiVersion) -> String {
        self.path.replace(VERSION, &version.to_string())
    }

    /// Returns the request as a curl command for bash. The token stays in `$SLURM_JWT` and goes
    /// through a pipe, because arguments can be read by everybody on the machine.
    pub fn curl(
        &self,
        server: Option<&Server>,
        cacert: Option<&Path>,
        version: ApiVersion,
        user: Option<&str>,
    ) -> String {
        let path = self.path(version);
        let mut command = "curl -sS --compressed".to_owned();
        if let Some(Server::Socket(socket)) = server {
            command.push_str(&format!(
                " --unix-socket {}",
                quoted(&socket.display().to_string())
            ));
        }
        if let Some(file) = cacert {
            command.push_str(&format!(
                " --cacert {}",
                quoted(&file.display().to_string())
            ));
        }
        if self.method != Method::GET {
            command.push_str(&format!(" -X {}", self.method));
        }
        if let Some(user) = user {
            command.push_str(&format!(
                " -H {}",
                quoted(&format!("X-SLURM-USER-NAME: {user}"))
            ));
        }
        command.push_str(" -H @-");
        if let Some(body) = &self.body {
            command.push_str(" -H 'Content-Type: application/json' --data-binary ");
            let body = quoted(&String::from_utf8_lossy(body));
            match body.len() {
                ..=LONGEST_ARGUMENT => command.push_str(&body),
                // What bash itself does is not bound by the length of arguments.
                _ => command.push_str(&format!("@<(printf %s {body})")),
            }
        }
        let url = match server {
            Some(server) => quoted(&server.url(&path)),
            None => format!("\"$HPCAPI_ENDPOINT\"{}", quoted(&path)),
        };
        format!("{command} {url} <<< \"X-SLURM-USER-TOKEN: $SLURM_JWT\"\n")
    }
}

/// Returns a word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Returns text as it can stand in a path or a query: slurmrestd takes few bytes as they are.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_curl_without_the_token() {
        let server = "https://x.example".parse().unwrap();
        let request = Request::post("job/submit", b"{\"a\":\"it's\"}".to_vec());
        assert_eq!(
            request.curl(Some(&server), None, ApiVersion::new(42), Some("me")),
            "curl -sS --compressed -X POST -H 'X-SLURM-USER-NAME: me' -H @- \
             -H 'Content-Type: application/json' --data-binary '{\"a\":\"it'\\''s\"}' \
             'https://x.example/slurm/v0.0.42/job/submit' \
             <<< \"X-SLURM-USER-TOKEN: $SLURM_JWT\"\n"
        );
        assert_eq!(
            Request::get("jobs").curl(None, Some("/own ca".as_ref()), ApiVersion::new(38), None),
            "curl -sS --compressed --cacert '/own ca' -H @- \"$HPCAPI_ENDPOINT\"'/slurm/v0.0.38/jobs' \
             <<< \"X-SLURM-USER-TOKEN: $SLURM_JWT\"\n"
        );
    }

    #[test]
    fn a_long_body_is_no_argument() {
        let request = Request::post("job/submit", vec![b'#'; 200_000]);
        let command = request.curl(None, None, ApiVersion::new(42), None);
        let begin = "curl -sS --compressed -X POST -H @- -H 'Content-Type: application/json' \
                     --data-binary @<(printf %s '###";
        assert!(command.starts_with(begin), "{}", &command[..200]);
    }

    #[test]
    fn what_a_path_cannot_hold_is_encoded() {
        assert_eq!(encoded("a b/,:ü?"), "a%20b%2F%2C%3A%C3%BC%3F");
    }
}
