//! A cluster with one of the Slurms, in a sandbox of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment::{TestEnv, text};

/// A Slurm that Debian packages, and the API versions that it serves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slurm {
    pub(crate) suite: &'static str,
    pub(crate) release: &'static str,
    pub(crate) versions: &'static [u32],
}

pub(crate) const SLURMS: [Slurm; 3] = [
    Slurm {
        suite: "bookworm",
        release: "22.05",
        versions: &[38, 37, 36],
    },
    Slurm {
        suite: "trixie",
        release: "24.11",
        versions: &[42, 41, 40],
    },
    Slurm {
        suite: "forky",
        release: "26.05",
        versions: &[45, 44, 43, 42],
    },
];

pub(crate) struct Cluster {
    pub(crate) slurm: Slurm,
    pub(crate) env: TestEnv,
    /// The keeper's child: process 1 of the head node, as this machine counts.
    init: String,
}

impl Cluster {
    pub(crate) fn start(slurm: Slurm) -> Cluster {
        let env = TestEnv::with_suite(slurm.suite);
        let up = env.json(&["up", "--yes", "--output", "json"]);
        let init = init_of(up["head_node"].as_str().unwrap());
        Cluster { slurm, env, init }
    }

    /// Submits a script with options, and returns the job's number.
    pub(crate) fn submit(&self, script: &str, options: &[&str]) -> String {
        let file = self.env.file("job.sh", &format!("#!/bin/bash\n{script}\n"));
        let arguments = [&["jobs", "submit", &file], options].concat();
        self.env.succeed(&arguments).trim().to_owned()
    }

    /// Waits for jobs; returns the exit code and what was said of them.
    pub(crate) fn wait(&self, ids: &[&str]) -> (Option<i32>, Value) {
        let arguments = [&["jobs", "wait", "--output", "json"], ids].concat();
        let output = self.env.run(&arguments);
        let json = serde_json::from_slice(&output.stdout);
        (
            output.status.code(),
            json.unwrap_or_else(|_| panic!("{}", text(&output.stderr))),
        )
    }

    /// Waits until a job has started.
    pub(crate) fn wait_for_start(&self, id: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.show(id)["state"] != "RUNNING" {
            assert!(Instant::now() < deadline, "{}", self.show(id));
            sleep(Duration::from_millis(200));
        }
    }

    /// Returns what is said of one job.
    pub(crate) fn show(&self, id: &str) -> Value {
        self.env.json(&["jobs", "show", id, "--output", "json"])["jobs"][0].take()
    }

    /// Returns the jobs that a filter leaves.
    pub(crate) fn list(&self, filter: &[&str]) -> Vec<Value> {
        let arguments = [&["jobs", "list", "--output", "json"], filter].concat();
        let mut listed = self.env.json(&arguments);
        serde_json::from_value(listed["jobs"].take()).unwrap()
    }

    /// Runs hpcapi with a token of the user's own.
    pub(crate) fn run_with(&self, token: &str, arguments: &[&str]) -> Output {
        let mut command = self.env.hpcapi(arguments);
        command.env("SLURM_JWT", token.trim()).output().unwrap()
    }

    /// Returns where slurmrestd's own socket is on this machine, which only root reaches.
    pub(crate) fn socket(&self) -> String {
        format!("/proc/{}/root/run/slurmrestd/slurmrestd.socket", self.init)
    }

    /// Runs a script on the head node as root.
    pub(crate) fn on_head_node(&self, script: &str) -> String {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init, "-a", "bash", "-c", script]);
        let output = as_root(&command).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// Returns a command as it is for root, and over sudo for everybody else.
pub(crate) fn as_root(command: &Command) -> Command {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut root = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        root.args(["-n", "env"]);
    }
    for (name, value) in command.get_envs() {
        let value = value.unwrap_or_default();
        root.arg(format!("{}={}", name.display(), value.display()));
    }
    root.arg(command.get_program()).args(command.get_args());
    root
}

/// Returns the process 1 of an instance.
fn init_of(instance: &str) -> String {
    let is_keeper = |arguments: &str| {
        arguments.contains("hpcapi_sandbox.node.keeper") && arguments.contains(instance)
    };
    let keeper = fs::read_dir("/proc").unwrap().flatten().find(|entry| {
        fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|text| is_keeper(&text))
    });
    let keeper = keeper.expect("the head node runs").path();
    let own = Path::new("task").join(keeper.file_name().unwrap());
    let children = fs::read_to_string(keeper.join(own).join("children")).unwrap();
    children.trim().to_owned()
}
