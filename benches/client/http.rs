//! HTTP/1.1 over a unix socket, with nothing that a request to slurmrestd does not need.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::measure::Result;

/// A connection that is kept for any number of requests.
pub(crate) struct Connection {
    stream: BufReader<UnixStream>,
    headers: String,
}

impl Connection {
    /// Connects; `headers` go with every request, each with its line's end.
    pub(crate) fn open(socket: &Path, headers: &str) -> Result<Connection> {
        let stream = UnixStream::connect(socket)
            .map_err(|error| format!("cannot connect to `{}`: {error}", socket.display()))?;
        Ok(Connection {
            stream: BufReader::new(stream),
            headers: headers.to_owned(),
        })
    }

    /// Returns the body of the answer to a GET.
    pub(crate) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.exchange(&format!("GET {path}"), "")
    }

    /// Returns the body of the answer to a POST of JSON.
    pub(crate) fn post(&mut self, path: &str, json: &str) -> Result<Vec<u8>> {
        self.exchange(&format!("POST {path}"), json)
    }

    /// Returns the body of the answer to a DELETE.
    pub(crate) fn delete(&mut self, path: &str) -> Result<Vec<u8>> {
        self.exchange(&format!("DELETE {path}"), "")
    }

    /// Returns the body of an answer, whatever its status.
    fn exchange(&mut self, what: &str, body: &str) -> Result<Vec<u8>> {
        let request = format!(
            "{what} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n{}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.headers,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(format!("no answer to {what}: the connection was closed").into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("Content-Length")
            {
                length = Some(value.trim().parse()?);
            }
        }
        let mut answer =
            vec![0; length.ok_or_else(|| format!("no length of the answer to {what}"))?];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}
