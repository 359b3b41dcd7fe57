//! A token that Slurm refuses: a given one ends a wait at once, one that is minted is minted anew
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hpcapi::slurm::Token;
use hpcapi::slurm::client::{Client, Identity, Memory, Mint, Transport};
use hpcapi::slurm::jobs::{self, JobId};

use crate::answers::{good, in_json};
use crate::command::{User, token};
use crate::server::Server;

fn refusing() -> Server {
    Server::start(|asked| match asked.is_discovery() {
        true => good(asked, &[]),
        false => in_json(
            511,
            r#"{"errors":[{"error":"Protocol authentication error","error_number":1007}]}"#,
        ),
    })
}

#[test]
fn a_wait_with_a_refused_token_ends_at_once() {
    for (user, words) in [
        (User::new(), "error: Slurm refuses the token of `me`"),
        (
            User::with_expired_token(),
            "error: the token of `me` expired",
        ),
    ] {
        let server = refusing();
        let outcome = user.run(&server.endpoint(), &["jobs", "wait", "1"]);
        let wrong = outcome.complaints();
        assert_eq!(wrong, Vec::<String>::new(), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        assert_eq!(server.count("GET", "/job/1"), 1);
    }
}

#[test]
fn a_minted_token_is_minted_anew_once() {
    let server = refusing();
    let minted = Arc::new(AtomicUsize::new(0));
    let count = minted.clone();
    let mint: Mint = Box::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok((Token::from(token()), None)) })
    });
    let transport = Transport::new(server.endpoint().parse().unwrap(), Duration::from_secs(60));
    let identity = Identity::minted(mint, Memory::default());
    let client = Client::new(transport.unwrap(), identity, Memory::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limit = Duration::from_secs(120);
    let ids = [JobId::from(1)];
    let waiting = jobs::wait(&client, &ids, limit, async |_| Vec::new(), |_| {}, |_| {});
    let error = runtime.block_on(waiting).unwrap_err().to_string();
    assert!(error.contains("Slurm refuses the token"), "{error}");
    assert_eq!(minted.load(Ordering::Relaxed), 2);
    assert_eq!(server.count("GET", "/job/1"), 2);
}
