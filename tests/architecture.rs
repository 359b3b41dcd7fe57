//! Who may use whom: the table that keeps data flowing one way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &["hint"]),
    ("hint", &["shell"]),
    ("step", &[]),
    ("event", &["step"]),
    ("usual", &["step"]),
    ("wait", &["error"]),
    ("files", &["error"]),
    ("process", &["error"]),
    ("prices", &[]),
    ("proxies", &[]),
    ("shell", &[]),
    ("spelling", &[]),
    ("python", &["error", "process"]),
    ("clock", &[]),
    ("limits", &["clock", "error", "hint"]),
    ("notifications", &["error"]),
    ("tags", &["error", "shell"]),
    ("boundary", &["error"]),
    ("address_range", &["error"]),
    ("iam_prefix", &["error"]),
    ("service_role", &["error"]),
    (
        "settings",
        &[
            "address_range",
            "boundary",
            "error",
            "hint",
            "iam_prefix",
            "limits",
            "notifications",
            "service_role",
            "tags",
        ],
    ),
    ("iam_policy", &["iam_prefix", "service_role", "settings"]),
    ("aws", &["error", "hint", "iam_prefix", "proxies", "wait"]),
    (
        "pcluster",
        &[
            "address_range",
            "error",
            "hint",
            "process",
            "python",
            "shell",
        ],
    ),
    (
        "slurm",
        &[
            "clock",
            "error",
            "files",
            "hint",
            "proxies",
            "spelling",
            "wait",
            "aws",
            "notifications",
        ],
    ),
    ("runs", &["error", "files", "hint", "wait", "aws", "slurm"]),
    ("triggers", &["error", "hint", "aws", "slurm"]),
    (
        "context",
        &[
            "error",
            "event",
            "iam_prefix",
            "limits",
            "service_role",
            "settings",
            "step",
            "tags",
            "aws",
            "pcluster",
            "slurm",
        ],
    ),
    (
        "deploy",
        &[
            "address_range",
            "error",
            "event",
            "files",
            "hint",
            "service_role",
            "settings",
            "shell",
            "step",
            "tags",
            "wait",
            "aws",
            "pcluster",
            "slurm",
            "context",
            "iam_policy",
            "limits",
            "notifications",
            "prices",
            "runs",
            "triggers",
            "usual",
        ],
    ),
    (
        "sandbox",
        &["error", "event", "process", "python", "settings", "wait"],
    ),
    (
        "output",
        &["error", "event", "hint", "step", "usual", "wait"],
    ),
    (
        "cli",
        &[
            "address_range",
            "boundary",
            "clock",
            "error",
            "event",
            "files",
            "hint",
            "process",
            "service_role",
            "settings",
            "shell",
            "step",
            "tags",
            "wait",
            "aws",
            "pcluster",
            "slurm",
            "context",
            "deploy",
            "limits",
            "notifications",
            "prices",
            "runs",
            "triggers",
            "sandbox",
            "output",
            "iam_policy",
            "iam_prefix",
            "spelling",
        ],
    ),
    ("main", &["cli", "output"]),
    ("lib", &[]),
];

#[test]
fn every_module_keeps_to_its_row() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("no row for the module of {}", file.display()));
        for used in uses(&text) {
            if used != module && !allowed.contains(&used.as_str()) {
                broken.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn sdk_types_stay_in_aws() {
    for (file, text) in sources() {
        let speaks_sdk = ["aws_sdk_", "aws_config", "aws_smithy"]
            .iter()
            .any(|sdk| text.contains(sdk));
        assert!(
            !speaks_sdk || module_of(&file) == "aws",
            "{}",
            file.display()
        );
    }
}

#[test]
fn clap_stays_in_cli_and_output() {
    for (file, text) in sources() {
        let speaks_clap = text.contains("clap::");
        let may = ["cli", "output"].contains(&module_of(&file).as_str());
        assert!(!speaks_clap || may, "{}", file.display());
    }
}

/// Other programs get no credentials; `pcluster` alone talks to AWS.
#[test]
fn only_process_and_pcluster_start_programs() {
    for (file, text) in sources() {
        let product = text.split("#[cfg(test)]").next().unwrap();
        let may = file.ends_with("process.rs") || file.ends_with("pcluster/command.rs");
        assert!(
            !product.contains("Command::new(") || may,
            "{}",
            file.display()
        );
    }
}

#[test]
fn only_wait_sleeps() {
    for (file, text) in sources() {
        let sleeps = text.contains("time::sleep") || text.contains("thread::sleep");
        assert!(!sleeps || module_of(&file) == "wait", "{}", file.display());
    }
}

/// Who does not know how this program was called cannot say what to type: that is data, of `hint`.
#[test]
fn only_cli_writes_commands_of_this_program() {
    for (file, text) in sources() {
        if ["cli", "hint"].contains(&module_of(&file).as_str()) {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap();
        let code = product
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.starts_with("//"));
        // A text goes on in the next line behind a backslash.
        let code = code.collect::<Vec<_>>().join("\n").replace("\\\n", "");
        for line in code.lines() {
            let command = named_command(line);
            assert_eq!(command, None, "{}: {line}", file.display());
        }
    }
}

#[test]
fn a_command_of_this_program_is_seen() {
    for (line, command) in [
        (r#"hint("look with: hpcapi status")"#, Some("status")),
        (r#""$(hpcapi token)""#, Some("token")),
        (r#""`hpcapi api GET /x`""#, Some("api")),
        (r#""hpcapi has no value""#, None),
        (r#""hpcapi updates it""#, None),
    ] {
        assert_eq!(named_command(line), command, "{line}");
    }
}

/// Returns the verb of a command of this program that a line of code names.
fn named_command(line: &str) -> Option<&'static str> {
    const VERBS: [&str; 24] = [
        "up",
        "upgrade",
        "plan",
        "status",
        "list",
        "doctor",
        "pause",
        "resume",
        "teardown",
        "run",
        "runs",
        "jobs",
        "partitions",
        "nodes",
        "trigger",
        "token",
        "ping",
        "api",
        "config",
        "init",
        "iam-policy",
        "sandbox",
        "shims",
        "completions",
    ];
    let mut named = line.split("hpcapi ").skip(1).filter_map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-');
        word.into_iter().next()
    });
    named.find_map(|word| VERBS.into_iter().find(|verb| *verb == word))
}

#[test]
fn a_file_has_one_subject_and_says_which() {
    for (file, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{} does not say what it is for",
            file.display()
        );
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}

/// Returns every source file, by its path below `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources are not where they should be");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
}

fn module_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str();
    Path::new(first)
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// Returns the modules of ours that a source names: `crate::x` and, in `main`, `hpcapi::x`.
fn uses(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut used = BTreeSet::new();
    for line in code {
        for start in ["crate::", "hpcapi::"] {
            for rest in line.split(start).skip(1) {
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                if !name.is_empty() {
                    used.insert(name);
                }
            }
        }
    }
    used
}
