//! Which version of the API is spoken, and what is remembered of it, where.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

use crate::answers::{answer, in_json, offer};
use crate::command::{User, token};
use crate::server::Server;

/// Returns a server with an empty cluster that serves these versions, which may change.
fn serving(versions: &Arc<Mutex<Vec<u32>>>) -> Server {
    let versions = versions.clone();
    Server::start(move |asked| {
        let versions = versions.lock().unwrap();
        if asked.is_discovery() {
            return offer(&versions);
        }
        let is_served = |version: &u32| asked.path.starts_with(&format!("/slurm/v0.0.{version}/"));
        match versions.iter().any(is_served) {
            true => in_json(200, r#"{"jobs":[],"errors":[]}"#),
            false => answer(404, "text/plain", "Unable find requested URL"),
        }
    })
}

fn versions(numbers: &[u32]) -> Arc<Mutex<Vec<u32>>> {
    Arc::new(Mutex::new(numbers.to_vec()))
}

const LIST: [&str; 4] = ["jobs", "list", "--output", "json"];

#[test]
fn the_newest_version_that_both_know_is_spoken() {
    for (offered, spoken) in [
        (vec![36], 36),
        (vec![36, 37, 38], 38),
        (vec![42, 40, 41], 42),
        (vec![44, 45, 46, 47], 45),
        (vec![35, 36], 36),
    ] {
        let server = serving(&versions(&offered));
        let outcome = User::new().run(&server.endpoint(), &LIST);
        assert_eq!(outcome.code, Some(0), "{offered:?} {}", outcome.stderr);
        assert_eq!(outcome.stderr, "", "{offered:?}");
        let path = format!("/slurm/v0.0.{spoken}/jobs");
        assert_eq!(server.count("GET", &path), 1, "{offered:?}");
    }
}

#[test]
fn a_server_that_is_all_newer_works_and_is_remarked_on_once() {
    let server = serving(&versions(&[46, 47]));
    let user = User::new();
    let first = user.run(&server.endpoint(), &LIST);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert_eq!(first.stderr.matches("newer than this hpcapi").count(), 1);
    let second = user.run(&server.endpoint(), &LIST);
    assert_eq!((second.code, second.stderr.as_str()), (Some(0), ""));
    assert_eq!(server.count("GET", "/slurm/v0.0.46/jobs"), 2);
    assert_eq!(server.count("GET", "/openapi/v3"), 1);
}

#[test]
fn a_server_without_a_version_that_we_know_is_told_so() {
    for offered in [vec![], vec![35]] {
        let server = serving(&versions(&offered));
        let outcome = User::new().run(&server.endpoint(), &LIST);
        assert_eq!(
            outcome.complaints(),
            Vec::<String>::new(),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("serves no API version"));
    }
}

#[test]
fn a_version_is_asked_for_again_when_it_has_gone() {
    let served = versions(&[42]);
    let server = serving(&served);
    let user = User::new();
    assert_eq!(user.run(&server.endpoint(), &LIST).code, Some(0));
    *served.lock().unwrap() = vec![41];
    let gone = user.run(&server.endpoint(), &LIST);
    assert_eq!(gone.complaints(), Vec::<String>::new(), "{}", gone.stderr);
    let again = user.run(&server.endpoint(), &LIST);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(server.count("GET", "/slurm/v0.0.41/jobs"), 1);
}

#[test]
fn what_is_remembered_is_the_user_s_alone_and_holds_no_given_token() {
    let server = serving(&versions(&[42]));
    let user = User::new();
    user.run(&server.endpoint(), &LIST);
    let folder = user.runtime_folder().join("hpcapi");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(&files[0]), 0o600);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("42") && !text.contains(&token()), "{text}");
}

#[test]
fn a_memory_that_is_no_memory_is_not_believed() {
    let server = serving(&versions(&[42]));
    let user = User::new();
    user.run(&server.endpoint(), &LIST);
    let folder = user.runtime_folder().join("hpcapi");
    let file = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for broken in ["", "{", "[]", r#"{"version":"x"}"#, "\0\0"] {
        fs::write(&file, broken).unwrap();
        let outcome = user.run(&server.endpoint(), &LIST);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (Some(0), ""),
            "{broken:?}"
        );
    }
    assert_eq!(server.count("GET", "/openapi/v3"), 6);
}

#[test]
fn nothing_is_remembered_where_others_could_change_it() {
    let server = serving(&versions(&[42]));
    let (open, linked) = (User::new(), User::new());
    let folder = open.runtime_folder().join("hpcapi");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), linked.runtime_folder().join("hpcapi")).unwrap();
    for user in [&open, &linked] {
        for _ in 0..2 {
            assert_eq!(user.run(&server.endpoint(), &LIST).code, Some(0));
        }
    }
    for folder in [folder.as_path(), elsewhere.path()] {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
    assert_eq!(server.count("GET", "/openapi/v3"), 4);
}
