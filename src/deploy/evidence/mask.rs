//! Takes secrets out of logs, before they are shown or kept. The head node does the same by
//! `mask.sed`, so that they do not pass through SSM, which keeps what it carries.

/// What stands in the place of a secret, or of a line that is no text.
const HIDDEN: &str = "***";

/// Names whose value is a secret, in upper case.
const NAMES: &[&str] = &[
    "SLURM_JWT",
    "SLURM-USER-TOKEN",
    "SECRET_ACCESS_KEY",
    "SECRETACCESS_KEY",
    "SECRET_ACCESSKEY",
    "SECRETACCESSKEY",
    "SESSION_TOKEN",
    "SESSIONTOKEN",
    "SECURITY-TOKEN",
    "AMZ-SIGNATURE",
    "AMZ-CREDENTIAL",
    "PASSWORD",
    "PASSWD",
];

/// Returns the text without its secrets.
pub(super) fn masked(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.lines() {
        let line = without_colours(line);
        let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----");
        in_key |= begins;
        if in_key || !is_text(&line) {
            result.push_str(HIDDEN);
        } else {
            mask_line(&line, &mut result);
        }
        if !begins && line.contains("-----END ") {
            in_key = false;
        }
        result.push('\n');
    }
    result
}

fn mask_line(line: &str, result: &mut String) {
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (kept, hidden) = secret(rest).unwrap_or((first.len_utf8(), 0));
        result.push_str(&rest[..kept]);
        if hidden > 0 {
            result.push_str(HIDDEN);
        }
        rest = &rest[kept + hidden..];
    }
}

/// Returns how long the words before a secret and the secret itself are, when the text begins
/// with them.
fn secret(text: &str) -> Option<(usize, usize)> {
    if text.starts_with("eyJ") {
        let length = run(text, |c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        return (length >= 13).then_some((0, length));
    }
    if text.starts_with("AKIA") || text.starts_with("ASIA") {
        let length = run(text, |c| c.is_ascii_uppercase() || c.is_ascii_digit());
        return (length >= 20).then_some((0, 20));
    }
    if let Some(after) = text.strip_prefix("://") {
        let user = run(after, |c| !is_blank(c) && !"/:@".contains(c));
        let password = after[user..].strip_prefix(':')?;
        let length = run(password, |c| !is_blank(c) && !"/@".contains(c));
        let is_one = user > 0 && length > 0 && password[length..].starts_with('@');
        return is_one.then_some((text.len() - password.len(), length));
    }
    let name = named(text)?;
    let rest = &text[name..];
    let separator = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    let separator = separator.trim_start_matches(is_blank);
    let value = separator.strip_prefix(['=', ':'])?;
    let value = value.trim_start_matches(is_blank);
    let value = value.strip_prefix(['"', '\'']).unwrap_or(value);
    let length = run(value, |c| !is_blank(c) && !"\"'&,;".contains(c));
    (length > 0).then_some((text.len() - value.len(), length))
}

/// Returns the length of the name of a secret with which the text begins.
fn named(text: &str) -> Option<usize> {
    let begins = |name: &str| {
        let start = text.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    // As a key of JSON only: in other words a token is something else.
    if begins("\"token\"") || begins("'token'") {
        return Some("'token".len());
    }
    NAMES
        .iter()
        .find(|name| begins(name))
        .map(|name| name.len())
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn is_text(line: &str) -> bool {
    line.chars()
        .all(|c| c == '\t' || !(c.is_control() || c == char::REPLACEMENT_CHARACTER))
}

/// Returns the line without the sequences that colour it on a terminal.
fn without_colours(line: &str) -> String {
    let mut result = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\x1b[") {
        let after = &rest[at + 2..];
        let length = run(after, |c| c.is_ascii_digit() || c == ';');
        let ends = after[length..].starts_with(|c: char| c.is_ascii_alphabetic());
        result.push_str(&rest[..at]);
        if !ends {
            // No colour: what it is makes the line no text.
            result.push('\x1b');
        }
        rest = &after[length + usize::from(ends)..];
    }
    result.push_str(rest);
    result.replace('\r', "")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    const SECRETS: &[(&str, &str)] = &[
        ("got eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln!", "got ***!"),
        ("export SLURM_JWT=abc.def x", "export SLURM_JWT=*** x"),
        ("X-SLURM-USER-TOKEN: abc", "X-SLURM-USER-TOKEN: ***"),
        (
            "key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE",
            "key ***, ***",
        ),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG",
            "aws_secret_access_key = ***",
        ),
        (
            r#"{"SecretAccessKey" : "wJalr", "Token" : "IQoJb3", "Code": 1}"#,
            r#"{"SecretAccessKey" : "***", "Token" : "***", "Code": 1}"#,
        ),
        (
            "GET /x?X-Amz-Security-Token=abc&X-Amz-Signature=12ef&a=b",
            "GET /x?X-Amz-Security-Token=***&X-Amz-Signature=***&a=b",
        ),
        ("mysql password: hunter2; x", "mysql password: ***; x"),
        (
            "git clone https://me:hunter2@host/x",
            "git clone https://me:***@host/x",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "***"),
        ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ", "***"),
        ("-----END OPENSSH PRIVATE KEY-----", "***"),
        ("a bell\x07 and more", "***"),
        ("what \u{fffd} was no text", "***"),
        ("\x1b[31merror\x1b[0m: red\r", "error: red"),
    ];

    /// What is no secret stays as it is.
    const HARMLESS: &[&str] = &[
        "fatal: cannot find the key jwt_hs256.key",
        "syntax error near unexpected token `fi'",
        "cp: cannot stat ‘x’: No such file or directory",
        "https://host:8080/a@b, eyJ, AKIA, password",
        "\tNewPasswordPolicy\t",
    ];

    fn all() -> (String, String) {
        let harmless = HARMLESS.iter().map(|line| (*line, *line));
        let lines: Vec<_> = SECRETS.iter().copied().chain(harmless).collect();
        let join = |part: fn(&(&'static str, &'static str)) -> &'static str| {
            lines
                .iter()
                .map(part)
                .fold(String::new(), |text, line| text + line + "\n")
        };
        (join(|line| line.0), join(|line| line.1))
    }

    #[test]
    fn no_secret_stays_in_a_log() {
        let (before, after) = all();
        assert_eq!(masked(&before), after);
    }

    #[test]
    fn the_head_node_hides_the_same() {
        let (before, after) = all();
        let mut sed = Command::new("sed")
            .args(["-E", include_str!("mask.sed")])
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = sed.stdin.take().unwrap();
        stdin.write_all(before.as_bytes()).unwrap();
        stdin.write_all(b"no \xff text\n").unwrap();
        drop(stdin);
        let output = sed.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), after + "***\n");
    }
}
