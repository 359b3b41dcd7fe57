//! One call to AWS: a request as it came in, and what it is called.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// How a service spells its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// CloudFormation, IAM, STS, Elastic Load Balancing.
    Query,
    /// EC2, whose errors are wrapped otherwise.
    Ec2,
    S3,
    /// SSM, DynamoDB, CloudWatch Logs.
    Json,
    /// Lambda, API Gateway, EFS.
    Rest,
}

/// A whole HTTP request.
pub(crate) struct Request {
    pub(crate) method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Reads a request; `None` when the client hung up instead.
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Option<Request>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("not a request: {line:?}")));
        };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Request {
            method,
            target,
            headers,
            body: Vec::new(),
        };
        if request.header("expect").is_some() {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = if request.header("transfer-encoding").is_some() {
            read_chunks(&mut reader)?
        } else {
            let length = request.header("content-length").unwrap_or("0");
            let mut body = vec![0; length.parse().map_err(io::Error::other)?];
            reader.read_exact(&mut body)?;
            body
        };
        Ok(Some(request))
    }

    /// Returns the request as one that is answered with the connection's end.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            let ours = [
                "connection",
                "expect",
                "transfer-encoding",
                "content-length",
            ];
            if !ours.contains(&name.as_str()) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let length = self.body.len();
        text.push_str(&format!(
            "content-length: {length}\r\nconnection: close\r\n\r\n"
        ));
        [text.as_bytes(), &self.body].concat()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns who makes the call: hpcapi, or the pcluster that it runs.
    pub(crate) fn caller(&self) -> &'static str {
        match self.header("user-agent") {
            Some(agent) if agent.contains("rust") => "hpcapi",
            _ => "pcluster",
        }
    }

    /// Returns the service that the request is signed for.
    fn service(&self) -> &str {
        let signature = self.header("authorization").unwrap_or_default();
        let credential = signature.split("Credential=").nth(1).unwrap_or_default();
        credential.split('/').nth(3).unwrap_or("unsigned")
    }

    /// Returns what the call is named: the same in every run, whatever ids it carries.
    pub(crate) fn action(&self) -> String {
        let service = self.service();
        if let Some(target) = self.header("x-amz-target") {
            let action = target.rsplit('.').next().unwrap_or_default();
            return format!("{service}.{action}");
        }
        let body = String::from_utf8_lossy(&self.body);
        if let Some(action) = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
        {
            return format!("{service}.{action}");
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let depth = path.split('/').filter(|piece| !piece.is_empty()).count();
        let place = match (service, depth) {
            ("s3", 0) => "buckets",
            ("s3", 1) => "bucket",
            ("s3", _) => "object",
            _ => path.split('/').nth(2).unwrap_or_default(),
        };
        // The first word of a query says what is asked, the rest whom.
        let asked = query
            .split(['=', '&'])
            .find(|word| S3_QUESTIONS.contains(word));
        let asked = asked.map_or_else(String::new, |word| format!("?{word}"));
        format!("{service}.{}-{place}{asked}", self.method)
    }

    /// Returns how errors of the service look.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.service() {
            "s3" => Protocol::S3,
            "ec2" => Protocol::Ec2,
            _ if self.header("x-amz-target").is_some() => Protocol::Json,
            _ if self.body.windows(7).any(|word| word == b"Action=") => Protocol::Query,
            _ => Protocol::Rest,
        }
    }

    /// Returns a parameter of the body's form, as it is encoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    }
}

/// Queries that make another call of the same method and path.
const S3_QUESTIONS: &[&str] = &[
    "versions",
    "uploads",
    "delete",
    "versioning",
    "encryption",
    "policy",
    "location",
    "lifecycle",
    "tagging",
];

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}
