//! Proxies: one that does not do its work is named, and none is asked for what is on this machine.

use crate::answers::{answer, good};
use crate::command::User;
use crate::server::{Server, refused_endpoint};

const ELSEWHERE: &str = "https://slurm.example.org";

#[test]
fn a_dead_proxy_is_named_without_its_password() {
    let proxy = refused_endpoint();
    let with_password = proxy.replace("http://", "http://me:secret@");
    for (name, endpoint) in [
        ("HTTPS_PROXY", ELSEWHERE),
        ("https_proxy", ELSEWHERE),
        ("ALL_PROXY", ELSEWHERE),
        ("http_proxy", "http://slurm.example.org"),
    ] {
        let user = User::new().set(name, &with_password);
        let outcome = user.run(endpoint, &["jobs", "list"]);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        for words in [
            &format!("the proxy {proxy}, through which {endpoint} is asked"),
            "NO_PROXY",
        ] {
            assert!(outcome.stderr.contains(words), "{name}: {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("secret"), "{}", outcome.stderr);
    }
}

#[test]
fn a_proxy_that_does_not_connect_is_told_so() {
    let proxy = Server::start(|_| answer(403, "text/html", "<html>no"));
    let user = User::new().set("HTTPS_PROXY", &proxy.endpoint());
    let outcome = user.run(ELSEWHERE, &["jobs", "list"]);
    assert_eq!(
        outcome.complaints(),
        Vec::<String>::new(),
        "{}",
        outcome.stderr
    );
    let words = format!(
        "the proxy {} does not connect to {ELSEWHERE}",
        proxy.endpoint()
    );
    assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
}

#[test]
fn what_is_on_this_machine_is_asked_without_a_proxy() {
    let server = Server::start(|asked| good(asked, &[]));
    for endpoint in [
        server.endpoint(),
        server.endpoint().replace("127.0.0.1", "localhost"),
    ] {
        let user = User::new().set("http_proxy", &refused_endpoint());
        let outcome = user.run(&endpoint, &["jobs", "list"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
}

#[test]
fn what_stands_in_for_aws_on_this_machine_is_asked_without_a_proxy() {
    let refusal = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code>\
        <Message>nobody</Message></Error></ErrorResponse>";
    let aws = Server::start(move |_| answer(403, "text/xml", refusal));
    let user = User::new()
        .set("AWS_ENDPOINT_URL", &aws.endpoint())
        .set("AWS_ACCESS_KEY_ID", "x")
        .set("AWS_SECRET_ACCESS_KEY", "x")
        .set("AWS_REGION", "us-east-1")
        .set("HTTP_PROXY", &refused_endpoint());
    let outcome = user.run("", &["status"]);
    assert!(
        outcome.stderr.contains("InvalidClientTokenId: nobody"),
        "{}",
        outcome.stderr
    );
}
