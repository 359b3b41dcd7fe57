//! The real SDK clients over recorded answers, for tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::{Aws, Connection};

/// Returns clients that get these answers (HTTP status and body), one after the other.
pub(super) async fn answered(answers: &[(u16, &str)]) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers
        .iter()
        .map(|(status, body)| (*status, (*body).to_owned()))
        .collect();
    thread::spawn(move || {
        for (status, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            answer(stream, status, &body);
        }
    });
    let connection = Connection {
        region: Some("us-east-1".to_owned()),
        endpoint_url: Some(url),
        access_key: Some(("id".to_owned(), "secret".to_owned())),
        ..Connection::default()
    };
    Aws::connect(&connection).await.unwrap()
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
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
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} \r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
}
