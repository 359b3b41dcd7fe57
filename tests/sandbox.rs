//! The tests of the sandbox's own Python code, in the environment that hpcapi installs for it.

use std::path::Path;
use std::process::Command;

#[test]
fn the_emulator_passes_its_own_tests() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
    for verb in ["start", "stop"] {
        let status = Command::new(env!("CARGO_BIN_EXE_hpcapi"))
            .args(["sandbox", verb])
            .env("XDG_CACHE_HOME", &cache)
            .status()
            .unwrap();
        assert!(status.success(), "hpcapi sandbox {verb}");
    }
    let sandbox = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
    let output = Command::new(cache.join("hpcapi/sandbox/venv/bin/python"))
        .args(["-B", "-m", "unittest"])
        .current_dir(sandbox.join("tests"))
        .env("PYTHONPATH", &sandbox)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let ran = words
        .lines()
        .find(|line| line.starts_with("Ran "))
        .unwrap_or_default();
    let count: u32 = ran
        .split(' ')
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    assert!(count > 40, "{words}");
}
