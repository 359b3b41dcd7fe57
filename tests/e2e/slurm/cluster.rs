//! A cluster with one of the Slurms, in a sandbox of its own.

use std::process::Command;

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
}

impl Cluster {
    pub(crate) fn start(slurm: Slurm) -> Cluster {
        let env = TestEnv::with_suite(slurm.suite);
        env.succeed(&["up", "--yes"]);
        Cluster { slurm, env }
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

    /// Returns what is said of one job.
    pub(crate) fn show(&self, id: &str) -> Value {
        self.env.json(&["jobs", "show", id, "--output", "json"])["jobs"][0].take()
    }

    /// Returns the process of a program on the head node.
    pub(crate) fn process(&self, name: &str) -> String {
        let folder = self.env.sandbox_folder();
        let ours = folder.to_str().unwrap();
        let found = std::fs::read_dir("/proc").unwrap().flatten().find(|entry| {
            let read = |file: &str| std::fs::read_to_string(entry.path().join(file));
            read("comm").is_ok_and(|comm| comm.trim() == name)
                && read("mountinfo").is_ok_and(|mounts| mounts.contains(ours))
        });
        let found = found.unwrap_or_else(|| panic!("no {name} runs"));
        found.file_name().to_str().unwrap().to_owned()
    }

    /// Runs a script on the head node as root.
    pub(crate) fn on_head_node(&self, script: &str) -> String {
        let output = Command::new("nsenter")
            .args(["-t", &self.process("slurmctld"), "-a", "bash", "-c"])
            .arg(format!("export PATH=/opt/slurm/bin:$PATH; {script}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}
