//! Lists in which there is nothing.

use serde_json::json;

use crate::answers::{good, in_json};
use crate::command::User;
use crate::server::Server;

/// Returns a server of a cluster that has nothing.
fn server() -> Server {
    Server::start(|asked| {
        let lists = ["jobs", "nodes", "partitions"];
        match lists
            .iter()
            .find(|list| asked.path.ends_with(&format!("/{list}")))
        {
            Some(list) => in_json(200, json!({*list: []}).to_string()),
            None => good(asked, &[]),
        }
    })
}

#[test]
fn people_are_told_that_there_is_nothing_and_what_to_type_next() {
    let server = server();
    for (command, said, next) in [
        (
            &["jobs", "list"][..],
            "there are no jobs",
            " jobs submit FILE --endpoint ",
        ),
        (
            &["jobs", "list", "--state", "RUNNING"],
            "no job is as wanted",
            " jobs list --endpoint ",
        ),
        (&["nodes"], "there are no nodes", " ping --endpoint "),
        (
            &["partitions"],
            "there are no partitions",
            " ping --endpoint ",
        ),
    ] {
        let listed = User::new().run(&server.endpoint(), command);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        // The heading.
        assert_eq!(listed.text().lines().count(), 1, "{}", listed.text());
        let words: Vec<_> = listed.stderr.lines().collect();
        let [first, second] = words.as_slice() else {
            panic!("{command:?}: {words:?}");
        };
        assert_eq!(*first, said);
        assert!(second.starts_with("  next: "), "{second}");
        assert!(second.contains(next), "{second}");
    }
}

#[test]
fn programs_are_told_nothing_but_the_list() {
    let server = server();
    for command in [
        &["jobs", "list", "--output", "json"][..],
        &["jobs", "list", "--output", "csv"],
        &["nodes", "--output", "json"],
        &["partitions", "--output", "json"],
    ] {
        let listed = User::new().run(&server.endpoint(), command);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        assert_eq!(listed.stderr, "", "{command:?}");
    }
}
