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

/// What the line of the cluster begins with while it is made.
const CLUSTER_AT_WORK: &str = "cluster          0:0";

/// What is typed once the screen shows some words.
pub(crate) struct Typed<'w> {
    pub(crate) words: &'w str,
    pub(crate) keys: &'w str,
}

/// Ctrl-C once the screen shows these words.
pub(crate) fn interrupt_at(words: &str) -> Typed<'_> {
    Typed {
        words,
        keys: "\x03",
    }
}

/// Runs a command on a terminal on which somebody types; returns the exit code and what the screen
/// shows in the end.
pub(crate) fn run(command: Command, size: (u16, u16), typed: &[Typed<'_>]) -> (i32, String) {
    let (code, terminal) = play(command, size, typed);
    // A full row and the next one are two lines, although the terminal takes them for one.
    let rows = terminal.screen().rows(0, size.1);
    (
        code,
        rows.map(|row| format!("{}\n", row.trim_end())).collect(),
    )
}

/// Runs a command on a terminal on which somebody types; returns the exit code and the lines that were
/// printed, one that has no room in a row as the one line that it is.
pub(crate) fn run_in_lines(
    command: Command,
    size: (u16, u16),
    typed: &[Typed<'_>],
) -> (i32, String) {
    let (code, terminal) = play(command, size, typed);
    let screen = terminal.screen();
    let mut text = String::new();
    for (at, row) in (0..).zip(screen.rows(0, size.1)) {
        let row = row.trim_end();
        text.push_str(row);
        let is_full = row.chars().count() == usize::from(size.1);
        if !(is_full && screen.row_wrapped(at)) {
            text.push('\n');
        }
    }
    (code, text)
}

fn play(
    mut command: Command,
    (rows, columns): (u16, u16),
    typed: &[Typed<'_>],
) -> (i32, vt100::Parser) {
    let mut child = command.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut display = child.stdout.take().unwrap();
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    let mut typed = typed.iter().peekable();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = display.read(&mut piece) {
        terminal.process(&piece[..length]);
        let shown = terminal.screen().contents();
        if let Some(next) = typed.next_if(|next| shown.contains(next.words)) {
            keyboard.write_all(next.keys.as_bytes()).unwrap();
        }
    }
    let code = child.wait().unwrap().code().unwrap();
    let shown = terminal.screen().contents();
    assert!(typed.next().is_none(), "it never showed that:\n{shown}");
    (code, terminal)
}

/// Returns how many lines tell of a step, by the first word of its title.
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
        "network",
        "pcluster",
        "key",
        "configuration",
        "cluster",
        "API",
    ] {
        assert!(lines_of(step, shown) <= 1, "{step}:\n{shown}");
    }
    assert_eq!(lines_of("network", shown), 1, "{shown}");
}

#[tokio::test]
async fn an_interrupted_up_says_what_goes_on_below_its_lines() {
    let env = TestEnv::new();
    for size in SIZES {
        for words in ["network         ready", CLUSTER_AT_WORK] {
            let up = env.on_terminal(size, &["up", "--yes"]);
            let (code, shown) = run(up, size, &[interrupt_at(words)]);
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
    run(up, size, &[interrupt_at(CLUSTER_AT_WORK)]);
    let teardown = env.on_terminal(size, &["teardown"]);
    let (code, shown) = run(teardown, size, &[interrupt_at("delete it all? [y/N]")]);
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
        let (code, shown) = run(env.on_terminal(size, &up), size, &[]);
        assert_eq!(code, 1, "{shown}");
        let last = "error: pcluster does not work\n  because: no luck today\n  next: ";
        let (lines, _) = shown.split_once(last).unwrap_or_else(|| panic!("{shown}"));
        assert!(!lines.contains("error"), "{shown}");
        assert_each_once(lines);
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn the_question_of_up_says_what_is_made_and_where_and_a_no_changes_nothing() {
    let env = TestEnv::new();
    for size in SIZES {
        let no = Typed {
            words: "? [y/N]",
            keys: "n\n",
        };
        let up = env.on_terminal_as_on_aws(size, &["up", "--region", "us-east-1"]);
        let (code, shown) = run(up, size, &[no]);
        assert_eq!(code, 2, "{shown}");
        let account = env.account();
        let question = format!("\nmake it in us-east-1 of account {account}? [y/N] n");
        for words in [
            "\nmake    cluster of ParallelCluster\n",
            "\nin all, while no job runs            $",
            "\ntakes about ",
            &question,
            "\ncancelled; nothing was changed\n",
        ] {
            assert!(shown.contains(words), "{words}:\n{shown}");
        }
        assert!(!shown.contains("error"), "{shown}");
        assert!(!shown.contains("next:"), "{shown}");
        env.assert_empty().await;
    }
}
