//! A `pcluster` that does not work any more: it is seen before anything is made, it is made anew,
//! and it keeps nobody from `teardown`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::environment::{TestEnv, text};

/// What the environment of the real `pcluster` is made from.
const REQUIREMENTS: &str = include_str!("../../src/pcluster/requirements-3.16.1.txt");

/// Returns a command whose environments are this user's own.
fn hpcapi(env: &TestEnv, arguments: &[&str]) -> Command {
    let mut command = env.hpcapi(arguments);
    command.env("XDG_CACHE_HOME", env.home().join("cache"));
    command
}

/// Returns a command that reaches no package index, either.
fn hpcapi_without_network(env: &TestEnv, arguments: &[&str]) -> Command {
    let mut command = hpcapi(env, arguments);
    command
        .env("PIP_INDEX_URL", "http://127.0.0.1:9")
        .env("UV_DEFAULT_INDEX", "http://127.0.0.1:9")
        .env("UV_NO_CACHE", "1")
        .env("PIP_NO_CACHE_DIR", "1")
        .env("PIP_RETRIES", "0");
    command
}

fn environment(env: &TestEnv) -> PathBuf {
    env.home().join("cache/hpcapi/pcluster-3.16.1")
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words}");
    words
}

/// Makes a program that runs a shell script.
fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_broken_environment_is_made_anew_by_whoever_needs_it() {
    let env = TestEnv::new();
    ended(&hpcapi(&env, &["up", "--yes"]).output().unwrap(), 0);
    let folder = environment(&env);
    let packages = fs::read_dir(folder.join("lib")).unwrap().next();
    let packages = packages.unwrap().unwrap().path().join("site-packages");
    for (number, package) in fs::read_dir(packages).unwrap().enumerate() {
        let package = package.unwrap().path();
        if number % 2 == 0 && package.is_dir() {
            fs::remove_dir_all(package).unwrap();
        }
    }
    let status = ended(&hpcapi(&env, &["status"]).output().unwrap(), 0);
    let line = format!("incomplete  `{}` is broken", folder.display());
    assert!(status.contains(&line), "{status}");

    // As after an upgrade that took the Python away.
    fs::remove_file(folder.join("bin/python")).unwrap();
    symlink("/usr/bin/python3.0", folder.join("bin/python")).unwrap();
    let teardown = hpcapi(&env, &["teardown", "--yes"]).output().unwrap();
    let words = ended(&teardown, 0);
    assert!(words.contains("broken Python environment anew"), "{words}");
    env.assert_empty().await;
}

#[tokio::test]
async fn what_cannot_be_made_anew_keeps_up_from_making_anything() {
    let env = TestEnv::new();
    let folder = environment(&env);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("hpcapi-complete"), REQUIREMENTS).unwrap();
    // What PATH has is no help: it does not run.
    let bin = env.home().join("bin");
    program(&bin.join("pcluster"), "exit 127");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let remedy = format!("rm -rf '{}'", folder.display());
    for (arguments, code) in [(&["doctor"][..], 1), (&["up", "--yes"], 2)] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("hpcapi-complete"), REQUIREMENTS).unwrap();
        let mut command = hpcapi_without_network(&env, arguments);
        let words = ended(&command.env("PATH", &path).output().unwrap(), code);
        for told in ["is broken", "cannot install pcluster", &remedy] {
            assert!(words.contains(told), "{arguments:?}: {told}\n{words}");
        }
        assert!(!words.contains("unknown"), "{words}");
    }
    env.assert_empty().await;
}

#[tokio::test]
async fn a_pcluster_that_breaks_down_is_a_problem_before_anything_is_made() {
    let env = TestEnv::new();
    let broken = env.home().join("broken");
    let script = "[ \"$1\" = version ] && echo '{\"version\": \"3.16.1\"}' && exit 0\n\
                  echo 'ModuleNotFoundError: No module named jsii' >&2; exit 1";
    program(&broken, script);
    let choice = ["--pcluster", broken.to_str().unwrap()];
    for (verb, code) in [(&["doctor"][..], 1), (&["up", "--yes"], 2)] {
        let words = ended(&env.run(&[verb, &choice].concat()), code);
        for told in [
            "pcluster does not work",
            "named jsii",
            "leave out --pcluster",
        ] {
            assert!(words.contains(told), "{verb:?}: {told}\n{words}");
        }
    }
    env.assert_empty().await;
}
