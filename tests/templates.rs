//! Templates and scripts are right by the tools of their trade: cfn-lint and shellcheck, in
//! an environment of the tests' own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder of the tools' programs, installing them the first time.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let requirements = root().join("tests/tools/requirements.txt");
        let wanted = fs::read_to_string(&requirements).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
        let marker = folder.join("complete");
        if fs::read_to_string(&marker).ok().as_deref() != Some(&wanted) {
            let _ = fs::remove_dir_all(&folder);
            succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
            let mut install = Command::new(folder.join("bin/python"));
            install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "-r"]);
            succeed(install.arg(&requirements));
            fs::write(&marker, wanted).unwrap();
        }
        folder.join("bin")
    })
}

fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
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
    assert_eq!(templates.len(), 2);
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
    let scripts: Vec<_> = [("templates/node", "sh"), ("sandbox", "sh"), (".ci", "")]
        .into_iter()
        .flat_map(|(folder, extension)| files(folder, extension))
        .chain([root().join(".ci/run")])
        .collect();
    let mut sent = files("src/slurm", "sh");
    sent.extend(files("src/deploy/evidence", "sh"));
    assert!(
        scripts.len() >= 4 && sent.len() >= 3,
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
