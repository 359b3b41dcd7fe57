//! What a terminal shows in the end: every line once, and the last words whole.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::environment::TestEnv;

/// The sizes of terminals, in rows and columns.
const SIZES: [(u16, u16); 2] = [(24, 80), (40, 120)];

/// What comes when it was interrupted, without its line ends.
const INTERRUPTED: &str = "error: interrupted  next: AWS goes on with what was begun; \
                           type the same command to come back to it";

/// Runs a command on a terminal, and interrupts it once the screen shows `words`; returns the exit
/// code and what the screen shows in the end.
fn run(mut command: Command, (rows, columns): (u16, u16), words: Option<&str>) -> (i32, String) {
    let mut child = command.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut display = child.stdout.take().unwrap();
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    let mut wanted = words;
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = display.read(&mut piece) {
        terminal.process(&piece[..length]);
        if wanted.is_some_and(|words| terminal.screen().contents().contains(words)) {
            keyboard.write_all(b"\x03").unwrap();
            wanted = None;
        }
    }
    let code = child.wait().unwrap().code().unwrap();
    // A full row and the next one are two lines, although the terminal takes them for one.
    let rows: Vec<_> = terminal.screen().rows(0, columns).collect();
    let shown: String = rows
        .iter()
        .map(|row| format!("{}\n", row.trim_end()))
        .collect();
    assert_eq!(wanted, None, "it never showed that:\n{shown}");
    (code, shown)
}

/// Returns how many lines tell of a step.
fn lines_of(step: &str, shown: &str) -> usize {
    let names = shown
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    names.filter(|name| *name == step).count()
}

#[track_caller]
fn assert_interrupted(shown: &str) {
    let words = shown.replace('\n', "");
    assert!(words.ends_with(INTERRUPTED), "{shown}");
}

#[track_caller]
fn assert_each_once(shown: &str) {
    for step in [
        "requirements",
        "pcluster",
        "key-pair",
        "node-script",
        "cluster",
        "api",
    ] {
        assert!(lines_of(step, shown) <= 1, "{step}:\n{shown}");
    }
    assert_eq!(lines_of("requirements", shown), 1, "{shown}");
}

#[tokio::test]
async fn an_interrupted_up_says_what_goes_on_below_its_lines() {
    let env = TestEnv::new();
    for size in SIZES {
        for words in [" requirements ", " cluster "] {
            let up = env.on_terminal(size, &["up", "--yes"]);
            let (code, shown) = run(up, size, Some(words));
            assert_eq!(code, 130, "{shown}");
            assert_interrupted(&shown);
            assert_each_once(&shown);
        }
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_question_is_interrupted_like_everything_else() {
    let env = TestEnv::new();
    let size = SIZES[0];
    let up = env.on_terminal(size, &["up", "--yes"]);
    run(up, size, Some(" cluster "));
    let teardown = env.on_terminal(size, &["teardown"]);
    let (code, shown) = run(teardown, size, Some("delete it all? [y/N]"));
    assert_eq!(code, 130, "{shown}");
    assert_interrupted(&shown);
    env.succeed(&["teardown", "--yes"]);
}

#[tokio::test]
async fn an_error_stands_below_the_lines_of_the_steps() {
    let env = TestEnv::new();
    let broken = env.home().join("broken");
    let script = "#!/bin/sh\n[ \"$1\" = version ] && echo '{\"version\": \"3.16.1\"}' && exit 0\n\
                  echo 'no luck today' >&2; exit 1\n";
    fs::write(&broken, script).unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let broken = broken.to_str().unwrap();
    for size in SIZES {
        let up = ["up", "--yes", "--skip-preflight", "--pcluster", broken];
        let (code, shown) = run(env.on_terminal(size, &up), size, None);
        assert_eq!(code, 1, "{shown}");
        let last = "error: pcluster does not work\n  because: no luck today\n  next: ";
        let (lines, _) = shown.split_once(last).unwrap_or_else(|| panic!("{shown}"));
        assert!(!lines.contains("error"), "{shown}");
        assert_each_once(lines);
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
