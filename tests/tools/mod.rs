//! The programs that tests and benchmarks run and hpcapi does not: cfn-lint, shellcheck, ruff,
//! zizmor and the AWS CLI, in an environment of the tests' own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Returns the folder of the tools' programs, installing them the first time.
pub(crate) fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let requirements =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/requirements.txt");
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

pub(crate) fn succeed(command: &mut Command) -> Output {
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
