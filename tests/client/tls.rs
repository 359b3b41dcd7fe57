//! Servers over TLS: what is wrong with a certificate is told by its name, and one that signed
//! itself is taken when it is named, as by `curl --cacert`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::answers::good;
use crate::command::{Outcome, User};
use crate::server::Server;

fn pem(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/certificates");
    folder.join(name).with_extension("pem")
}

/// Starts a slurmrestd behind TLS with a certificate; returns its endpoint.
fn secured(certificate: &str) -> String {
    let chain = vec![CertificateDer::from_pem_file(pem(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pem("key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Arc::clone(&config);
            // A client that refuses the certificate goes away.
            thread::spawn(move || stream.and_then(|stream| answer(stream, config)));
        }
    });
    format!("https://localhost:{port}")
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("x");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let body = match first.split(' ').nth(1).unwrap_or_default() {
        "/openapi/v3" => r#"{"paths":{"/slurm/v0.0.42/jobs/":{}}}"#,
        path if path.ends_with("/ping") => r#"{"pings":[{"hostname":"head","responding":true}]}"#,
        _ => r#"{"statistics":{}}"#,
    };
    let stream = reader.get_mut();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Pings a server that is to be known by a certificate.
fn ping(endpoint: &str, known_by: &str) -> Outcome {
    let file = pem(known_by).display().to_string();
    User::new().run(endpoint, &["ping", "--cacert", &file])
}

fn is_told(outcome: &Outcome, words: &[&str]) {
    let wrong = outcome.complaints();
    assert_eq!(wrong, Vec::<String>::new(), "{}", outcome.stderr);
    for words in words {
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }
    assert!(!outcome.stderr.contains("is it up"), "{}", outcome.stderr);
}

#[test]
fn a_certificate_that_signed_itself_is_taken_when_it_is_named() {
    let endpoint = secured("own");
    let outcome = ping(&endpoint, "own");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let file = pem("own").display().to_string();
    let by_variable = User::new().set("SSL_CERT_FILE", &file);
    let outcome = by_variable.run(&endpoint, &["ping"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_by_its_name() {
    let other = ping(&secured("own"), "elsewhere");
    is_told(
        &other,
        &[
            "error: the certificate of https://localhost",
            "is not trusted",
            "--cacert FILE",
        ],
    );
    is_told(&ping(&secured("expired"), "expired"), &["has expired"]);
    is_told(
        &ping(&secured("elsewhere"), "elsewhere"),
        &["is for other names"],
    );
}

#[test]
fn tls_and_its_lack_are_told_apart() {
    let server = Server::start(|asked| good(asked, &[]));
    let plain = server.endpoint().replace("http:", "https:");
    is_told(
        &ping(&plain, "own"),
        &["does not speak TLS", "is it http:// instead?"],
    );
    let outcome = User::new().run(&secured("own").replace("https:", "http:"), &["ping"]);
    is_told(&outcome, &["is it https:// instead?"]);
}

#[test]
fn a_file_without_certificates_is_a_usage_error() {
    for (name, words) in [
        ("key", "holds no certificate"),
        ("none", "cannot read certificates"),
    ] {
        let outcome = ping("https://localhost:1", name);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
