//! The real SDK clients over recorded answers, for tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::{Aws, CallListener, Connection};

/// Returns clients that get these answers (HTTP status and body), one after the other.
pub(super) async fn answered(answers: &[(u16, &str)]) -> Aws {
    heard(answers, CallListener::default()).await
}

/// Returns clients that get these answers, and whose calls `calls` hears of.
pub(super) async fn heard(answers: &[(u16, &str)], calls: CallListener) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers
        .iter()
        .map(|(status, body)| (*status, (*body).to_owned()))
        .collect();
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            request(&stream);
            answer(&mut stream, status, body.as_bytes());
        }
    });
    connect(url, calls).await
}

/// Returns clients to whom a bucket holds these objects, by their keys.
pub(crate) async fn holding(objects: Vec<(String, Vec<u8>)>) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let asked = request(&stream);
            let contents = objects
                .iter()
                .map(|(key, _)| format!("<Contents><Key>{key}</Key></Contents>"));
            let folders = objects.iter().filter_map(|(key, _)| {
                let (end, _) = key.match_indices('/').nth(1)?;
                let folder = &key[..=end];
                Some(format!(
                    "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
                ))
            });
            let listing = format!(
                "<ListBucketResult>{}</ListBucketResult>",
                contents.chain(folders).collect::<String>()
            );
            let found = objects.iter().find(|(key, _)| asked.contains(key.as_str()));
            let body = found.map_or(listing.as_bytes(), |(_, body)| body.as_slice());
            answer(&mut stream, 200, body);
        }
    });
    connect(url, CallListener::default()).await
}

async fn connect(url: String, calls: CallListener) -> Aws {
    let connection = Connection {
        region: Some("us-east-1".to_owned()),
        endpoint_url: Some(url),
        access_key: Some(("id".to_owned(), "secret".to_owned())),
        listener: calls,
        ..Connection::default()
    };
    Aws::connect(&connection).await.unwrap()
}

/// Reads a request and returns its first line.
fn request(stream: &TcpStream) -> String {
    let mut request = BufReader::new(stream);
    let mut first = String::new();
    request.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    request.read_exact(&mut vec![0; length]).unwrap();
    first
}

fn answer(stream: &mut TcpStream, status: u16, body: &[u8]) {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} \r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
}
