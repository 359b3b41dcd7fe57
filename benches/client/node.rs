//! The head node in the sandbox, reached from outside of its namespaces.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::measure::Result;
use super::measure::program::run;

/// Ends slurmctld, forgets every job, and starts it again, in half a second: jobs that were
/// cancelled would stay for minutes. The limit on starts is for those that nobody asked for.
const FORGET_JOBS: &str = "
systemctl stop slurmctld
rm -rf /var/spool/slurm.state/job_state* /var/spool/slurm.state/hash.*
systemctl reset-failed slurmctld
systemctl start slurmctld
";

/// A head node that runs.
pub(crate) struct Node {
    init: String,
    /// The socket that slurmrestd listens on.
    pub(crate) socket: PathBuf,
}

impl Node {
    /// Finds the node of an instance by its control group.
    pub(crate) fn find(instance_id: &str) -> Result<Node> {
        let own = format!("/hpcapi-{instance_id}-");
        for entry in fs::read_dir("/proc")? {
            let folder = entry?.path();
            // Most of what is in there is no process, or one that just ended.
            let Ok(groups) = fs::read_to_string(folder.join("cgroup")) else {
                continue;
            };
            if !groups.contains(&own) || !groups.trim_end().ends_with("/init.scope") {
                continue;
            }
            let Some(init) = folder.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let socket = folder.join("root/run/slurmrestd/slurmrestd.socket");
            fs::metadata(&socket).map_err(|error| {
                format!(
                    "cannot reach `{}`, which only root can: {error}",
                    socket.display()
                )
            })?;
            return Ok(Node {
                init: init.to_owned(),
                socket,
            });
        }
        Err(format!("no process is the node of {instance_id}").into())
    }

    /// Makes slurmctld forget every job; it may need a moment until it answers again.
    pub(crate) fn forget_jobs(&self) -> Result<()> {
        self.execute(FORGET_JOBS)
    }

    /// Runs a script on the node, as root.
    pub(crate) fn execute(&self, script: &str) -> Result<()> {
        let mut command = Command::new("nsenter");
        command.args(["--all", "--target", &self.init, "--"]);
        command.args(["/bin/sh", "-euc", script]);
        run(&mut command)?;
        Ok(())
    }
}
