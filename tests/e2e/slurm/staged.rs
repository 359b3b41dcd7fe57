//! Runs: a script with its files.

use std::fs;

use super::cluster::Cluster;
use crate::environment::text;

pub(crate) fn a_run_brings_its_outputs(cluster: &Cluster) {
    let content = "#!/bin/bash\n#SBATCH --time=5\ncp staged.sh out\nexit 7\n";
    let script = cluster.env.file("staged.sh", content);
    let to = cluster.env.home().join("fetched");
    let to = to.to_str().unwrap();
    let run = ["run", &script, "--in", &script, "--out", "out", "--to", to];
    let ended = cluster.env.run(&run);
    assert_eq!(ended.status.code(), Some(7), "{}", text(&ended.stderr));
    assert_eq!(fs::read_to_string(format!("{to}/out")).unwrap(), content);
}
