//! The variables of the environment: an empty one is as none, a bad one is named, and none makes
//! hpcapi panic.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every variable that hpcapi or the SDK in it reads.
const VARIABLES: [&str; 31] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "HPCAPI_DEPLOYMENT",
    "HPCAPI_ENDPOINT",
    "HPCAPI_HOME",
    "HPCAPI_SANDBOX",
    "HPCAPI_SANDBOX_ACCOUNT",
    "HPCAPI_SANDBOX_DIR",
    "HPCAPI_SANDBOX_ENDS_WITH",
    "HPCAPI_SANDBOX_SUITE",
    "HPCAPI_SETTINGS",
    "HTTPS_PROXY",
    "SLURM_JWT",
    "SLURM_USER",
    "XDG_CACHE_HOME",
];

/// Verbs that read them all, as far as they come without credentials.
const VERBS: [&[&str]; 5] = [
    &["status", "--region", "us-east-1"],
    &["teardown", "--yes"],
    &["jobs", "list", "--region", "us-east-1"],
    &["ping", "--curl"],
    &["sandbox", "status"],
];

fn with_variable(home: &Path, arguments: &[&str], variable: &str, value: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hpcapi"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    if let Some(value) = value {
        command.env(variable, value);
    }
    command.output().unwrap()
}

#[test]
fn an_empty_variable_is_as_none() {
    let home = tempfile::tempdir().unwrap();
    let said = |output: &Output| {
        let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.code(), words)
    };
    std::thread::scope(|scope| {
        for arguments in VERBS {
            let home = home.path();
            scope.spawn(move || {
                let without = said(&with_variable(home, arguments, "", None));
                assert!([0, 1, 2, 3].map(Some).contains(&without.0), "{without:?}");
                for variable in VARIABLES {
                    let with = said(&with_variable(home, arguments, variable, Some("")));
                    assert_eq!(with, without, "{arguments:?} with an empty {variable}");
                }
            });
        }
    });
}

#[test]
fn a_bad_variable_is_named_with_what_to_type() {
    let home = tempfile::tempdir().unwrap();
    let aws = ["status", "--region", "us-east-1"];
    for (arguments, variable, value, next) in [
        (
            &aws[..],
            "AWS_ENDPOINT_URL",
            "nonsense",
            "unset AWS_ENDPOINT_URL",
        ),
        (
            &aws,
            "AWS_ENDPOINT_URL",
            "localhost:4566",
            "export AWS_ENDPOINT_URL=",
        ),
        (
            &aws,
            "AWS_ENDPOINT_URL",
            "http://",
            "unset AWS_ENDPOINT_URL",
        ),
        (
            &aws,
            "AWS_ENDPOINT_URL_EC2",
            "x y",
            "unset AWS_ENDPOINT_URL_EC2",
        ),
        (
            &["teardown", "--yes"],
            "AWS_ENDPOINT_URL_STS",
            "x",
            "AWS_ENDPOINT_URL_STS",
        ),
        (&["doctor"], "AWS_ENDPOINT_URL", "x", "AWS_ENDPOINT_URL"),
        (
            &["jobs", "list"],
            "AWS_ENDPOINT_URL",
            "x",
            "AWS_ENDPOINT_URL",
        ),
        (&["status"], "AWS_REGION", "us east", "--region us-east-1"),
        (&["status"], "SSL_CERT_FILE", "", "unset SSL_CERT_FILE"),
        (
            &["jobs", "list"],
            "HPCAPI_ENDPOINT",
            "nonsense",
            "HPCAPI_ENDPOINT",
        ),
    ] {
        let output = with_variable(home.path(), arguments, variable, Some(value));
        let words = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{variable}={value} {arguments:?}: {words}"
        );
        assert!(
            words.contains(next),
            "{variable}={value} {arguments:?}: {words}"
        );
        assert!(words.contains("  next: "), "{words}");
    }
}

#[test]
fn no_value_of_a_variable_is_a_panic() {
    let home = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for arguments in VERBS {
            let home = home.path();
            scope.spawn(move || {
                for variable in
                    VARIABLES
                        .into_iter()
                        .chain(["HOME", "PATH", "HTTP_PROXY", "SSL_CERT_FILE"])
                {
                    for value in [":::", "é\u{1b}[2J"] {
                        let output = with_variable(home, arguments, variable, Some(value));
                        let words = text(&output.stderr);
                        let codes = [0, 1, 2, 3].map(Some);
                        assert!(
                            codes.contains(&output.status.code()),
                            "{variable}={value}: {words}"
                        );
                        assert!(!words.contains("panicked"), "{variable}={value}: {words}");
                        assert!(!words.contains('\u{1b}'), "{variable}={value}: {words}");
                    }
                }
            });
        }
    });
}
