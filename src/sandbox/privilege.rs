//! Root: head nodes are machines of their own, and only root can make one.

use std::path::Path;

use tokio::process::Command;

use crate::error::{Error, Result};

/// Returns a command that runs `program` as root, asking for the password first if need be.
pub(super) async fn as_root(program: &Path) -> Result<Command> {
    if is_root() {
        return Ok(crate::process::command(program));
    }
    let allowed = crate::process::command("sudo")
        .args([
            "-v",
            "-p",
            "hpcapi's sandbox needs root for its head node; password for %u: ",
        ])
        .status()
        .await
        .is_ok_and(|status| status.success());
    if !allowed {
        return Err(Error::usage(
            "the sandbox needs root, to give its head node a machine of its own",
        )
        .hint("run it as root, or as a user who may use sudo"));
    }
    let mut command = crate::process::command("sudo");
    command.arg("-n").arg("--").arg(program);
    Ok(command)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own process folder is who we are.
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}
