//! What needs no deployment: help, versions, usage errors and their exit codes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
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
        "upgrade",
        "status",
        "token",
        "pause",
        "resume",
        "teardown",
        "ping",
        "partitions",
        "nodes",
        "jobs",
        "api",
        "shims",
        "config",
        "init",
        "iam-policy",
        "sandbox",
        "completions",
        "man",
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
fn alone_it_shows_every_command_and_where_to_begin() {
    let alone = hpcapi(&[]);
    assert_eq!(alone.status.code(), Some(0));
    assert!(alone.stderr.is_empty(), "{}", text(&alone.stderr));
    let words = text(&alone.stdout);
    for part in [
        "Deploy  up, upgrade ",
        "Use     run, runs ",
        "More    config ",
        "\nTry it without an AWS account: hpcapi up --sandbox ",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
}

#[test]
fn the_version_names_the_commit_and_its_date() {
    let version = hpcapi(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    let mut expected = concat!("hpcapi ", env!("CARGO_PKG_VERSION")).to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commit = Command::new("git")
        .args(["show", "--no-patch", "--abbrev=10", "HEAD"])
        .args(["--date=format-local:%Y-%m-%d", "--format=%h %cd"])
        .env("TZ", "UTC0")
        .current_dir(root)
        .output();
    // A source archive has no commit, nor has a checkout that git does not trust; whoever builds
    // them need not say what they are.
    if let Ok(commit) = commit
        && commit.status.success()
        && root.join(".git").exists()
    {
        write!(expected, " ({})", text(&commit.stdout).trim_end()).unwrap();
    }
    assert_eq!(text(&version.stdout).trim_end(), expected);
}

/// What each command says of itself, as a reviewer reads it in the diff.
#[test]
fn the_help_of_each_command_is_in_the_snapshot() {
    let overview = text(&hpcapi(&["--help"]).stdout);
    let (_, commands) = overview.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let mut helps = String::new();
    for line in commands.lines() {
        let verb = line.split_whitespace().next().unwrap();
        if verb != "help" {
            let help = text(&hpcapi(&[verb, "--help"]).stdout);
            helps.push_str(&format!("$ hpcapi {verb} --help\n{help}\n"));
        }
    }
    insta::assert_snapshot!(helps);
}

/// The page of commands has every option that `up` and `token` have.
#[test]
fn the_document_of_commands_names_every_option_of_up_and_token() {
    let document = include_str!("../docs/commands.md");
    let helps = [&["up", "--help"], &["token", "--help"]].map(|help| text(&hpcapi(help).stdout));
    let options: BTreeSet<_> = helps
        .iter()
        .flat_map(|help| help.lines())
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .filter_map(|line| {
            line.split([' ', '[', '.'])
                .find(|word| word.starts_with("--"))
        })
        .filter(|option| *option != "--help")
        .collect();
    for option in ["--deployment", "--prove", "--config", "--yes", "--lifespan"] {
        assert!(options.contains(option), "{option} is not in {options:?}");
    }
    let is_named = |option: &str| {
        let mut after = document.split(option).skip(1);
        after.any(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-'))
    };
    let missing: Vec<_> = options.iter().filter(|one| !is_named(one)).collect();
    assert!(
        missing.is_empty(),
        "docs/commands.md does not name {missing:?}"
    );
}

/// Who looks at the project for the first time reads one page.
#[test]
fn the_readme_is_one_page_and_names_the_commands_for_a_fresh_machine() {
    let readme = include_str!("../README.md");
    assert!(readme.lines().count() <= 150, "{}", readme.lines().count());
    for command in [
        "    cargo run -- up --sandbox --yes --prove",
        "    cargo test --locked",
    ] {
        assert!(readme.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn every_link_of_the_documents_leads_to_a_file_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<_> = [
        "README",
        "CHANGELOG",
        "SECURITY",
        "CONTRIBUTING",
        "sandbox/README",
    ]
    .iter()
    .map(|name| root.join(name).with_extension("md"))
    .collect();
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
    let mut seen = 0;
    let mut broken = Vec::new();
    for document in &documents {
        let written = std::fs::read_to_string(document).unwrap();
        for link in links(&written) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            let leads = match anchor {
                "" => target.exists(),
                _ => std::fs::read_to_string(&target)
                    .is_ok_and(|there| headings(&there).any(|heading| heading == anchor)),
            };
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(seen > 50, "{seen}");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Returns the links of a document that lead to its own project.
fn links(document: &str) -> impl Iterator<Item = &str> {
    let targets = document.split("](").skip(1);
    targets
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|target| !target.contains("://"))
}

/// Returns the anchors of a document's headings, as GitHub makes them.
fn headings(document: &str) -> impl Iterator<Item = String> {
    let mut is_code = false;
    let lines = document.lines().filter(move |line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    lines.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

/// Programs read the subjects of doctor's JSON: the document has them all.
#[test]
fn the_document_of_doctor_names_every_subject() {
    let document = include_str!("../docs/doctor.md");
    let rows: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    let subjects: BTreeSet<_> = ["src/deploy", "src/pcluster/judgement"]
        .iter()
        .flat_map(|folder| sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)))
        .flat_map(|text| {
            let product = text.split("#[cfg(test)]").next().unwrap().to_owned();
            subjects(&product)
        })
        .collect();
    assert!(subjects.len() > 30, "{subjects:?}");
    let is_named = |subject: &String| {
        let named = rows.iter().filter_map(|row| row.split('|').nth(1));
        named
            .flat_map(|cell| cell.split(','))
            .any(|one| one.trim() == subject)
    };
    let missing: Vec<_> = subjects
        .iter()
        .filter(|subject| !is_named(subject))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/doctor.md does not name {missing:?}"
    );
}

/// Returns what findings of a source are about.
fn subjects(source: &str) -> Vec<String> {
    let starts = [
        "const SUBJECT: &str = \"",
        "Finding::good(\"",
        "Finding::problem(\"",
        "Finding::warning(\"",
        "Finding::of_error(\"",
    ];
    let of = |start: &str| {
        let after = source.split(start).skip(1);
        after
            .filter_map(|text| Some(text.split_once('"')?.0.to_owned()))
            .collect::<Vec<_>>()
    };
    starts.into_iter().flat_map(of).collect()
}

fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()],
        })
        .collect()
}

/// Types a line at a shell whose `hpcapi` this one is, with a home folder of its own.
fn in_shell(home: &Path, line: &str) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_hpcapi")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    Command::new("bash")
        .args(["-c", line])
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .output()
        .unwrap()
}

#[test]
fn a_configuration_from_a_pipe_can_be_named_again() {
    let home = tempfile::tempdir().unwrap();
    let config = "a: &b {c: 1}\n";
    std::fs::write(home.path().join("own.yaml"), config).unwrap();
    let mut told = Vec::new();
    for line in [
        "hpcapi status --sandbox --config <(cat ~/own.yaml)",
        "hpcapi status --sandbox --config - < ~/own.yaml",
        "cat ~/own.yaml | hpcapi config --sandbox --config=/dev/stdin",
    ] {
        let output = in_shell(home.path(), line);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        told.push(text(&output.stderr));
    }
    let (_, named) = told[0].split_once("--config ").unwrap();
    let file = Path::new(named.lines().next().unwrap());
    assert_eq!(std::fs::read_to_string(file).unwrap(), config);
    assert!(told.iter().all(|words| *words == told[0]), "{told:?}");
}

#[test]
fn a_bad_configuration_from_a_pipe_is_told_and_kept_nowhere() {
    let home = tempfile::tempdir().unwrap();
    for (line, expected) in [
        (
            "echo 'a: [' | hpcapi status --sandbox --config -",
            "standard input:",
        ),
        (
            "hpcapi status --sandbox --config - < /dev/null",
            "`standard input` is empty",
        ),
        ("hpcapi up --sandbox --config <(echo 'a: [')", "/dev/fd/"),
        (
            "echo 'a: 1' | hpcapi up --sandbox --deployment ../x --config -",
            "cannot name a deployment",
        ),
        (
            "hpcapi up --sandbox --config - < /dev/zero",
            "longer than any configuration",
        ),
    ] {
        let output = in_shell(home.path(), line);
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {words}");
        assert!(words.contains(expected), "{line}: {words}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

/// Runs a command in a folder, with these variables of the environment.
fn in_folder(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hpcapi"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn commands_in_the_folder_of_an_init_mean_its_deployment() {
    let home = tempfile::tempdir().unwrap();
    let init = ["init", "x", "--deployment", "mine", "--preset", "cpu"];
    let output = in_folder(home.path(), &[], &init);
    let words = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(words.starts_with("wrote x/hpcapi.yaml\nwrote x/cluster-config.yaml\n"));
    assert!(words.contains("cd x && "), "{words}");
    let folder = home.path().join("x");
    let written = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(
        written("cluster-config.yaml"),
        include_str!("../presets/cpu.yaml")
    );
    let again = in_folder(home.path(), &[], &init);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("`x/hpcapi.yaml` is there already"));

    let variable = [("HPCAPI_DEPLOYMENT", "of-variable")];
    for (variables, options, name) in [
        (&[][..], &[][..], "mine"),
        (&variable, &[], "of-variable"),
        (&variable, &["--deployment", "typed"], "typed"),
        (&[], &["--settings", "/dev/null"], "hpc-serverless-job-mgmt"),
    ] {
        let arguments = [&["iam-policy", "up"], options].concat();
        let output = in_folder(&folder, variables, &arguments);
        let policy = text(&output.stdout);
        assert!(
            policy.contains(&format!("/{name}-requirements")),
            "{policy}"
        );
        let told = text(&output.stderr).contains("settings: ./hpcapi.yaml\n");
        assert_eq!(told, !options.contains(&"/dev/null"));
    }

    // A printed command names what the file says, and is right in any folder.
    let output = in_folder(&folder, &[], &["status", "--sandbox"]);
    let words = text(&output.stderr);
    let options = " up --deployment mine --sandbox --config ./cluster-config.yaml\n";
    assert!(words.contains(options), "{words}");
}

#[test]
fn settings_that_cannot_be_meant_are_told_and_not_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("hpcapi.yaml"), text).unwrap();
    for (text_of_file, told) in [
        (
            "a: 1\nregoin: us-east-1\n",
            "./hpcapi.yaml:2: `regoin` is not known",
        ),
        (
            "pcluster: ./evil\n",
            "`pcluster` is no key of a file: it names a program",
        ),
        ("region: &a [*a]\n", "./hpcapi.yaml:1: "),
        ("prices: false\nprices: true\n", "stands in line 1, too"),
    ] {
        write(text_of_file);
        let output = in_folder(folder.path(), &[], &["jobs", "list"]);
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains(told), "{words}");
    }
    // What has no deployment has no settings.
    let output = in_folder(folder.path(), &[], &["completions", "bash"]);
    assert_eq!(output.status.code(), Some(0));

    std::fs::remove_file(folder.path().join("hpcapi.yaml")).unwrap();
    let made = Command::new("mkfifo")
        .arg(folder.path().join("hpcapi.yaml"))
        .status();
    assert!(made.unwrap().success());
    let output = in_folder(folder.path(), &[], &["jobs", "list"]);
    assert!(text(&output.stderr).contains("because: it is no regular file\n"));
    let variable = [("HPCAPI_SETTINGS", "nowhere.yaml")];
    let output = in_folder(folder.path(), &variable, &["jobs", "list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot read the settings `nowhere.yaml`"));
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &["nonsense"][..],
        &["up", "--nonsense"],
        &["token", "--lifespan", "soon"],
        &["token", "--user", "a b"],
        &["up", "--deployment", "1_bad", "--region", "us-east-1"],
        &["jobs", "show", "x"],
        &["jobs", "show", "0"],
        &["jobs", "cancel"],
        &["jobs", "cancel", "1", "--all"],
        &["jobs", "list", "--state", "ASLEEP"],
        &["jobs", "list", "--since", "yesterday"],
        &["jobs", "wait", "1", "--limit", "soon"],
        &["jobs", "submit", "/no/such/file"],
        &["ping", "--endpoint", "ftp://x"],
        &["ping", "--endpoint", "http://localhost:1"],
        &["ping", "--timeout", "0"],
        &["api", "FETCH", "jobs"],
        &["api", "GET", "a b"],
        &["token", "--revoke-all", "--user", "x"],
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
fn an_error_of_the_system_is_told_without_its_number() {
    let output = hpcapi(&["jobs", "submit", "/no/such/file"]);
    let words = text(&output.stderr);
    assert!(
        words.contains("because: No such file or directory\n"),
        "{words}"
    );
}

#[test]
fn verbs_of_other_tools_are_answered_with_ours() {
    for (typed, next) in [
        (&["destroy", "--yes"][..], "hpcapi teardown"),
        (&["stop"][..], "hpcapi pause"),
        (&["wake"][..], "hpcapi resume"),
        (&["deploy"], "hpcapi up"),
        (&["submit", "job.sh"], "hpcapi jobs submit"),
        (&["version"], "hpcapi --version"),
        (&["jobs", "ls"], "hpcapi jobs list"),
    ] {
        let output = hpcapi(typed);
        assert_eq!(output.status.code(), Some(2), "{typed:?}");
        assert!(output.stdout.is_empty());
        let words = text(&output.stderr);
        assert!(words.starts_with("error: there is no command `"), "{words}");
        let last = words.lines().last().unwrap();
        assert!(last.starts_with("  next: "), "{words}");
        // Where it is not on the PATH it is named by its path.
        assert!(last.ends_with(next), "{words}");
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
fn a_sandbox_that_runs_is_offered_where_aws_is_not_set_up() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    std::fs::create_dir(&run).unwrap();
    // As an emulator that runs describes itself.
    let mut emulator = Command::new("sleep")
        .arg0("hpcapi_sandbox")
        .arg("60")
        .spawn()
        .unwrap();
    let text_of = |pid| format!(r#"{{"pid": {pid}, "port": 1, "endpoint": "http://127.0.0.1:1"}}"#);
    std::fs::write(run.join("emulator.json"), text_of(emulator.id())).unwrap();
    let typed = |line: &str| {
        let own = format!("export HPCAPI_SANDBOX_DIR=~ AWS_EC2_METADATA_DISABLED=true; {line}");
        text(&in_shell(home.path(), &own).stderr)
    };
    let offer =
        "\n  next: a sandbox runs on this machine: add --sandbox, or: export HPCAPI_SANDBOX=1\n";
    let mut lacking = Vec::new();
    for line in [
        "hpcapi jobs list",
        "hpcapi up",
        "hpcapi up --region us-east-1 < /dev/null",
        "hpcapi trigger list",
    ] {
        let words = typed(line);
        let first = words.find("\n  next: ");
        if first.is_none() || first != words.find(offer) {
            lacking.push(format!("{line}: {words}"));
        }
    }
    let invalid = typed("hpcapi status --region 'no region'");
    emulator.kill().unwrap();
    emulator.wait().unwrap();
    assert!(lacking.is_empty(), "{lacking:?}");
    assert!(!invalid.contains(offer), "{invalid}");
    assert!(!typed("hpcapi jobs list").contains(offer));
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

#[test]
fn completions_are_a_script_and_every_command_has_a_man_page() {
    let script = hpcapi(&["completions", "bash"]);
    assert!(script.status.success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    std::fs::write(&file, &script.stdout).unwrap();
    let question = format!(
        "source '{}'; COMP_WORDS=(hpcapi jobs s); COMP_CWORD=2; _hpcapi hpcapi s jobs; echo \"${{COMPREPLY[*]}}\"",
        file.display()
    );
    let completed = Command::new("bash")
        .args(["-c", &question])
        .output()
        .unwrap();
    assert_eq!(
        text(&completed.stdout),
        "show submit\n",
        "{}",
        text(&completed.stderr)
    );

    let pages = folder.path().join("man1");
    assert!(hpcapi(&["man", pages.to_str().unwrap()]).status.success());
    for page in [
        "hpcapi.1",
        "hpcapi-up.1",
        "hpcapi-jobs-submit.1",
        "hpcapi-api.1",
    ] {
        let page = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}
