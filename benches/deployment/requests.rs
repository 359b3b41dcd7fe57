//! HTTP/1.1 to the sandbox, with nothing that a request to its S3 does not need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::ground::Account;
use super::measure::Result;

/// A connection that is kept for any number of requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Connection {
    /// Connects as the account.
    pub(crate) fn open(account: &Account<'_>) -> Result<Connection> {
        let endpoint = account.variable("AWS_ENDPOINT_URL")?;
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::new(stream),
            head: format!(
                "Host: {address}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/20260101/\
                 us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n",
                account.id
            ),
        })
    }

    /// Returns the body of an answer, and how long it was waited for; fails unless it is good.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(Vec<u8>, Duration)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        let begun = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(format!("no answer to {method} {path}").into());
            }
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("Content-Length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let took = begun.elapsed();
        if !status.contains(" 200 ") {
            let words = String::from_utf8_lossy(&answer);
            return Err(format!("{method} {path}: {} {words}", status.trim_end()).into());
        }
        Ok((answer, took))
    }
}
