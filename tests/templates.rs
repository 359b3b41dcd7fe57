//! Templates, scripts, programs and workflows are right by the tools of their trade: cfn-lint,
//! shellcheck, ruff and zizmor, in an environment of the tests' own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
    assert_eq!(templates.len(), 6);
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
        "tests/e2e/package_managers",
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
        "templates/limits",
        "src/pcluster/stand_ins",
        "tests/iam_policy",
        "scripts",
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

/// What the node script does with a package manager: a stand-in, which says a line of `says` a call and
/// fails, and installs at the next one. Returns how often it was called, the exit code, and the words.
fn installs_nginx(manager: &str, says: &[&str]) -> (usize, Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("says"), says.join("\n") + "\n").unwrap();
    let program = format!(
        "#!/bin/bash\ncd {}\n[ \"$1\" != update ] || exit 100\necho >>calls\n\
         line=$(sed -n \"$(wc -l <calls)p\" says)\n\
         [ -z \"$line\" ] || {{ echo \"$line\" >&2; exit 100; }}\n\
         printf '#!/bin/sh\\n' >bin/nginx; chmod +x bin/nginx\n",
        folder.path().display()
    );
    fs::create_dir(path("bin")).unwrap();
    for (name, text) in [
        (manager, program.as_str()),
        ("sleep", "#!/bin/sh\n"),
        ("systemctl", "#!/bin/sh\n"),
    ] {
        let file = path("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for name in ["bash", "sh", "timeout", "grep", "sed", "wc", "chmod"] {
        let real = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(name));
        let real = real.into_iter().find(|file| file.exists()).unwrap();
        std::os::unix::fs::symlink(real, path("bin").join(name)).unwrap();
    }
    let script = r#"
        LOG=$PWD/log
        log() { echo "$*" >&2; }
        fail() { log "FAILED: $*"; exit 1; }
        source "$1" "$0"
        set -eEuo pipefail
        install_nginx"#;
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(root().join("templates/node/head-node.sh"))
        .arg(root().join("tests/e2e/package_managers/installs-nginx.sh"))
        .env_clear()
        .env("PATH", path("bin"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let calls = fs::read_to_string(path("calls")).unwrap_or_default();
    let words = String::from_utf8(output.stderr).unwrap();
    (calls.lines().count(), output.status.code(), words)
}

#[test]
fn a_package_manager_that_another_program_holds_is_waited_for() {
    for (manager, held) in [
        (
            "apt-get",
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (unattended-upgr)",
        ),
        (
            "apt-get",
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend)",
        ),
        ("dnf", "Waiting for process with pid 7 to finish."),
        (
            "dnf",
            "RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)",
        ),
    ] {
        let (calls, code, words) = installs_nginx(manager, &[held; 20]);
        assert_eq!((calls, code), (21, Some(0)), "{manager}: {words}");
    }
}

#[test]
fn a_package_that_cannot_be_had_is_tried_three_times() {
    for (manager, words) in [
        ("apt-get", "E: Unable to locate package nginx"),
        ("dnf", "Error: Unable to find a match: nginx"),
    ] {
        let (calls, code, told) = installs_nginx(manager, &[words; 9]);
        assert_eq!((calls, code), (3, Some(1)), "{manager}: {told}");
        assert!(told.contains("nginx could not be installed"), "{told}");
        assert_eq!(installs_nginx(manager, &[words; 2]).1, Some(0));
    }
}

#[test]
fn a_unit_writes_to_its_log_with_an_old_systemd_too() {
    let script = r#"
        LOGS=/var/log/hpcapi
        systemctl() { echo "systemd $version ($version-1)"; }
        source <(sed -n '/^logged()/,/^}/p; /^systemd_version()/,/^}/p' "$0")
        logged name "/bin/program -x""#;
    let printed = |version: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", script])
            .arg(root().join("templates/node/head-node.sh"))
            .env("version", version);
        String::from_utf8(bash.output().unwrap().stdout).unwrap()
    };
    let old = "ExecStart=/bin/bash -c 'exec /bin/program -x >>/var/log/hpcapi/name.log 2>&1'\n\
               ReadWritePaths=/var/log/hpcapi\n";
    assert_eq!(printed("239"), old);
    let new = "ExecStart=/bin/program -x\n\
               StandardOutput=append:/var/log/hpcapi/name.log\n\
               StandardError=append:/var/log/hpcapi/name.log\n";
    for version in ["249", "252", "257.9"] {
        assert_eq!(printed(version), new, "{version}");
    }
}
