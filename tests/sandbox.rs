//! The tests of the sandbox's own Python code, in the environment that hpcapi installs for it.
//! They are told one by one, and chosen by words, as those of Rust are.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
    for verb in ["start", "stop"] {
        let status = Command::new(env!("CARGO_BIN_EXE_hpcapi"))
            .args(["sandbox", verb])
            .env("XDG_CACHE_HOME", &cache)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "hpcapi sandbox {verb}");
    }
    let sandbox = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
    let status = Command::new(cache.join("hpcapi/sandbox/venv/bin/python"))
        .args(["-B", "tests"])
        .args(std::env::args_os().skip(1))
        .current_dir(&sandbox)
        .env("PYTHONPATH", &sandbox)
        .status()
        .unwrap();
    match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
