//! curl as a user would call it.

use std::path::Path;
use std::process::Command;

use super::cluster::{Cluster, Way};
use super::measure::Result;
use super::measure::program::{Run, run};

/// Gets a resource of Slurm's with curl, which must be answered with success.
pub(crate) fn get(cluster: &Cluster, way: Way, resource: &str) -> Result<Run> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", "--compressed", "-H"]);
    command.arg(at(&cluster.header_file()));
    let server = match way {
        Way::Gateway => cluster.endpoint.as_str(),
        Way::Socket => {
            command.arg("--unix-socket").arg(&cluster.node.socket);
            "http://localhost"
        }
    };
    command.arg(format!("{server}{}", cluster.path(resource)));
    run(&mut command)
}

/// Returns what makes curl read headers from a file.
fn at(file: &Path) -> String {
    format!("@{}", file.display())
}
