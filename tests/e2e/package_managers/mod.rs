//! The node script installs nginx with the real package manager of its machine. That of Debian is tried
//! on a head node of the sandbox, in `node_script`; here is that of Amazon Linux and RHEL.

use std::path::Path;
use std::process::Command;

use crate::environment::text;

#[test]
fn the_node_script_installs_nginx_with_dnf_while_another_program_installs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new(if is_root { "unshare" } else { "sudo" });
    if !is_root {
        command.args(["--preserve-env=http_proxy,https_proxy,no_proxy", "unshare"]);
    }
    let output = command
        .args(["--mount", "bash"])
        .arg(root.join("tests/e2e/package_managers/install-with-dnf.sh"))
        .arg(root.join("templates/node/head-node.sh"))
        .arg(folder.path())
        .output()
        .unwrap();
    let words = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert!(words.starts_with("nginx-99-1"), "{words}");
}
