//! Whether what hpcapi says to type next can be typed: a shell and hpcapi's own arguments take it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

const OWN: &str = env!("CARGO_BIN_EXE_hpcapi");

/// What comes behind a command in a sentence.
const ENDS: [&str; 7] = ["; ", ", ", " && ", ")", "`", "\"", " ("];

/// What a hint has in place of what only its reader knows, and such a thing.
const PLACEHOLDERS: [(&str, &str); 6] = [
    ("ARN", "arn:aws:iam::123456789012:policy/boundary"),
    ("ROLE_ARN", "arn:aws:iam::123456789012:role/cloudformation"),
    ("ID", "12"),
    ("MIB", "100"),
    ("RUN", "20261128-104500-0a1b2c3d"),
    ("HOURS:MINUTES:00", "1:30:00"),
];

/// The commands that were tried, with each number as one digit.
static TRIED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The verbs that `hpcapi --help` names.
static VERBS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let help = shell(&format!("'{OWN}' --help"));
    let help = String::from_utf8(help.stdout).unwrap();
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let words = lines.filter_map(|line| line.split(' ').next());
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(ToOwned::to_owned)
        .collect()
});

/// Fails when a line `next: …` has a command of hpcapi's that cannot be typed.
#[track_caller]
pub(crate) fn require_typeable(told: &str) {
    let hints = told.lines().filter_map(|line| line.split_once("next: "));
    for command in hints.flat_map(|(_, hint)| commands(hint)) {
        if let Err(refusal) = try_out(&command) {
            panic!("`{command}` cannot be typed: {refusal}\n{told}");
        }
    }
}

/// Returns the commands of hpcapi's that a hint names.
fn commands(hint: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = hint;
    while let Some(at) = rest.find("hpcapi ") {
        let words = &rest[at + "hpcapi ".len()..];
        let command = &words[..end_of(words)];
        let verb = command.split(' ').next().unwrap_or_default();
        if VERBS.iter().any(|own| own == verb) {
            found.push(command.to_owned());
        }
        rest = words;
    }
    found
}

/// Returns where a command ends that words begin with. What is in quotes belongs to it.
fn end_of(words: &str) -> usize {
    let mut is_quoted = false;
    for (at, letter) in words.char_indices() {
        if letter == '\'' {
            is_quoted = !is_quoted;
        }
        if !is_quoted && ENDS.iter().any(|end| words[at..].starts_with(end)) {
            return at;
        }
    }
    words.len()
}

/// Has a shell split the command and hpcapi read it, which answers with its help.
fn try_out(command: &str) -> Result<(), String> {
    let digits = |c: char| if c.is_ascii_digit() { '1' } else { c };
    let mut key: Vec<char> = command.chars().map(digits).collect();
    key.dedup_by(|one, other| *one == '1' && *other == '1');
    let key = key.into_iter().collect();
    if !TRIED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key)
    {
        return Ok(());
    }
    let words = command.split(' ').map(|word| {
        let found = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
        found.map_or(word, |(_, thing)| thing)
    });
    let words = words.collect::<Vec<_>>().join(" ");
    let output = shell(&format!("'{OWN}' {words} --help"));
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn shell(line: &str) -> std::process::Output {
    Command::new("bash")
        .args(["-c", line])
        .env_clear()
        .env("HOME", Path::new("/nonexistent"))
        .output()
        .unwrap()
}

#[test]
fn what_can_be_typed_is_told_from_what_cannot() {
    for good in [
        "those it knows: hpcapi jobs list --sandbox --deployment 'x'",
        "mint one: export SLURM_JWT=$(/opt/hpcapi token --region eu-west-1), or on the cluster",
        "hpcapi runs list, then hpcapi runs attach RUN",
        "hpcapi fills: Region, KeyName",
        "whose is it? hpcapi jobs show ID",
        "release it: hpcapi api POST job/1 --data '{\"hold\": false, \"a\": 1}'; or not",
    ] {
        for command in commands(good) {
            assert_eq!(try_out(&command), Ok(()), "{good}");
        }
    }
    assert_eq!(
        commands("a: hpcapi runs list, then hpcapi runs attach 1").len(),
        2
    );
    assert_eq!(commands("hpcapi fills: Region").len(), 0);
    for bad in [
        "hpcapi jobs list --no-such-option",
        "hpcapi jobs nothing",
        "hpcapi status --deployment 'x",
    ] {
        for command in commands(bad) {
            assert!(try_out(&command).is_err(), "{bad}");
        }
    }
}
