//! Templates, scripts, programs and workflows are right by the tools of their trade: cfn-lint,
//! shellcheck, ruff and zizmor, in an environment of the tests' own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tools::{succeed, tools};

mod tools;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

#[test]
fn templates_pass_cfn_lint_without_suppressions() {
    let templates = files("templates", "yaml");
    assert_eq!(templates.len(), 5);
    for template in &templates {
        let text = fs::read_to_string(template).unwrap();
        assert!(
            !text.contains("cfn-lint"),
            "{} suppresses rules",
            template.display()
        );
    }
    succeed(
        Command::new(tools().join("cfn-lint"))
            .args([
                "--configure-rule",
                "E3012:strict=true",
                "--non-zero-exit-code",
                "informational",
            ])
            .args(&templates),
    );
}

#[test]
fn scripts_pass_shellcheck_without_suppressions() {
    let scripts: Vec<_> = [
        "templates/node",
        "sandbox",
        "scripts",
        "benches/deployment/recipe",
        "examples/mpi",
    ]
    .into_iter()
    .flat_map(|folder| files(folder, "sh"))
    .chain([root().join(".ci/run")])
    .collect();
    let mut sent = files("src/slurm", "sh");
    sent.extend(files("src/deploy/evidence", "sh"));
    assert!(
        scripts.len() >= 9 && sent.len() >= 3,
        "{scripts:?} {sent:?}"
    );
    for script in scripts.iter().chain(&sent) {
        let text = fs::read_to_string(script).unwrap();
        assert!(
            !text.contains("shellcheck disable"),
            "{} suppresses rules",
            script.display()
        );
    }
    succeed(Command::new(tools().join("shellcheck")).args(&scripts));
    // Whatever shell SSM gives it.
    succeed(
        Command::new(tools().join("shellcheck"))
            .args(["--shell", "sh"])
            .args(&sent),
    );
}

/// What ruff holds them against stands in `ruff.toml`.
#[test]
fn programs_pass_ruff_without_suppressions() {
    let programs: Vec<_> = [
        "templates/node",
        "templates/operations",
        "templates/notifications",
        "src/pcluster/stand_ins",
        "tests/iam_policy",
    ]
    .into_iter()
    .flat_map(|folder| files(folder, "py"))
    .collect();
    assert!(programs.len() >= 4, "{programs:?}");
    for program in &programs {
        let text = fs::read_to_string(program).unwrap();
        assert!(
            !text.contains("noqa") && !text.contains("fmt: "),
            "{} suppresses rules",
            program.display()
        );
    }
    for verb in [&["check"][..], &["format", "--check"]] {
        succeed(
            Command::new(tools().join("ruff"))
                .current_dir(root())
                .args(verb)
                .arg("--no-cache")
                .args(&programs),
        );
    }
}

#[test]
fn workflows_pass_zizmor_without_suppressions() {
    let workflows = files(".github/workflows", "yml");
    assert_eq!(workflows.len(), 2);
    for workflow in &workflows {
        let text = fs::read_to_string(workflow).unwrap();
        assert!(
            !text.contains("zizmor"),
            "{} suppresses rules",
            workflow.display()
        );
    }
    succeed(
        Command::new(tools().join("zizmor"))
            .args(["--offline", "--no-config", "--persona=pedantic"])
            .args(&workflows),
    );
}
