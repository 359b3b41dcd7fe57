//! What needs no deployment: help, versions, usage errors and their exit codes.

use std::process::{Command, Output};

fn hpcapi(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_hpcapi"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = hpcapi(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let words = text(&help.stdout);
    for part in [
        "up",
        "status",
        "token",
        "teardown",
        "config",
        "sandbox",
        "0 done",
        "1 failed",
        "2 usage",
        "3 not (all) ready",
        "130 interrupted",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
}

#[test]
fn the_readme_names_every_option_of_up_and_token() {
    let readme = include_str!("../README.md");
    for option in [
        "--name",
        "--region",
        "--profile",
        "--sandbox",
        "--prove",
        "--config",
        "--key-name",
        "--lifespan",
        "--user",
        "--output",
        "--yes",
    ] {
        assert!(readme.contains(option), "{option}");
    }
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &["nonsense"][..],
        &["up", "--nonsense"],
        &["token", "--lifespan", "soon"],
        &["token", "--user", "a b"],
        &["up", "--name", "1_bad", "--region", "us-east-1"],
    ] {
        let output = hpcapi(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn no_region_and_no_credentials_are_told_with_what_to_type() {
    let output = hpcapi(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--region us-east-1"),
        "{}",
        text(&output.stderr)
    );

    let output = hpcapi(&["status", "--region", "us-east-1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("aws configure"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_sandbox_that_does_not_run_is_not_ready() {
    let output = hpcapi(&["sandbox", "status"]);
    assert_eq!(output.status.code(), Some(3));
    let output = hpcapi(&["token", "--sandbox"]);
    assert_eq!(output.status.code(), Some(3));
    let output = hpcapi(&["teardown", "--sandbox", "--yes"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "there is nothing to tear down"
    );
    let output = hpcapi(&["sandbox", "stop"]);
    assert_eq!(output.status.code(), Some(0), "stopping twice is fine");
}
