//! The cluster of each Slurm, in a sandbox of its own, which the scenarios share.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

use crate::environment::{TestEnv, text};

const CONFIG: &str = include_str!("../../../cluster-config.yaml");

/// Queues beside the one that all scenarios use: in the first the jobs of one scenario run, in the
/// second none.
const OTHER_QUEUES: [&str; 2] = ["own", "unused"];

const OTHER_QUEUE: &str = "    - Name: NAME
      ComputeResources:
        - Name: t3micro
          InstanceType: t3.micro
          MinCount: 0
          MaxCount: 1
      Networking:
        SubnetIds:
          - CHANGE_ME
";

/// What the scripts of `tests/corpus` ask for. No job runs there.
const OTHER_SETTINGS: &str = "    CustomSlurmSettings:
      - Licenses: matlab:20,ansys:10
      - NodeName: compute-[1-8]
        Sockets: 2
        CoresPerSocket: 16
        ThreadsPerCore: 2
        RealMemory: 256000
        TmpDisk: 900000
        State: CLOUD
        Feature: haswell,skylake,avx2,ib,nvme
      - NodeName: gpu-[1-4]
        Sockets: 2
        CoresPerSocket: 16
        ThreadsPerCore: 2
        RealMemory: 512000
        State: CLOUD
        Gres: gpu:a100:4,gpu:v100:4
        Feature: a100,v100,nvlink
      - PartitionName: compute
        Nodes: compute-[1-8]
      - PartitionName: gpu
        Nodes: gpu-[1-4]
";

/// A Slurm that Debian packages, and the API versions that it serves.
#[derive(Debug)]
pub(crate) struct Slurm {
    suite: &'static str,
    pub(crate) release: &'static str,
    pub(crate) versions: &'static [u32],
    running: OnceLock<Running>,
    turns: RwLock<()>,
}

pub(crate) static BOOKWORM: Slurm = Slurm::new("bookworm", "22.05", &[38, 37, 36]);
pub(crate) static TRIXIE: Slurm = Slurm::new("trixie", "24.11", &[42, 41, 40]);
pub(crate) static FORKY: Slurm = Slurm::new("forky", "26.05", &[45, 44, 43, 42]);

impl Slurm {
    const fn new(suite: &'static str, release: &'static str, versions: &'static [u32]) -> Slurm {
        Slurm {
            suite,
            release,
            versions,
            running: OnceLock::new(),
            turns: RwLock::new(()),
        }
    }

    /// Runs a scenario, and others at the same time.
    pub(crate) fn together<T>(&'static self, scenario: impl FnOnce(&Cluster) -> T) -> T {
        let cluster = Cluster::of(self);
        let _turn = cluster.turn();
        scenario(&cluster)
    }

    /// Runs a scenario and no other.
    pub(crate) fn alone(&'static self, scenario: fn(&Cluster)) {
        let cluster = Cluster::of(self);
        let _turn = self.turns.write().unwrap_or_else(PoisonError::into_inner);
        scenario(&cluster);
    }

    /// Runs a scenario that takes its turns itself.
    pub(crate) fn in_turns(&'static self, scenario: fn(&Cluster)) {
        scenario(&Cluster::of(self));
    }
}

/// The cluster of a Slurm, made by the first scenario that comes. It ends with its sandbox.
#[derive(Debug)]
struct Running {
    account: String,
    /// The keeper's child: process 1 of the head node, as this machine counts.
    init: String,
}

impl Running {
    fn up(suite: &'static str) -> Running {
        let env = TestEnv::with_suite(suite);
        let others = OTHER_QUEUES.map(|name| OTHER_QUEUE.replace("NAME", name));
        let config = CONFIG.replacen("\nTags:", &format!("{}\nTags:", others.concat()), 1);
        let settings = OTHER_SETTINGS.lines().next().unwrap();
        let config = config.replacen(&format!("{settings}\n"), OTHER_SETTINGS, 1);
        assert!(config.contains("gpu-[1-4]") && config.contains("Name: own"));
        let config = env.file("cluster.yaml", &config);
        let up = env.json(&["up", "--yes", "--output", "json", "--config", &config]);
        Running {
            account: env.account().to_owned(),
            init: init_of(up["head_node"].as_str().unwrap()),
        }
    }
}

/// The cluster of a Slurm, and a user of it who has a home of their own.
pub(crate) struct Cluster {
    pub(crate) slurm: &'static Slurm,
    pub(crate) env: TestEnv,
    init: &'static str,
}

impl Cluster {
    fn of(slurm: &'static Slurm) -> Cluster {
        let running = slurm.running.get_or_init(|| Running::up(slurm.suite));
        Cluster {
            slurm,
            env: TestEnv::of_account(running.account.clone(), slurm.suite),
            init: &running.init,
        }
    }

    /// Keeps everybody away who wants the cluster alone.
    pub(crate) fn turn(&self) -> RwLockReadGuard<'static, ()> {
        let turns = &self.slurm.turns;
        turns.read().unwrap_or_else(PoisonError::into_inner)
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
        loop {
            let job = self.show(id);
            match job["state"].as_str() {
                Some("RUNNING") => return,
                Some("PENDING" | "CONFIGURING") => sleep(Duration::from_millis(200)),
                _ => panic!("it has not started: {job}"),
            }
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
        command.args(["-t", self.init, "-a", "bash", "-c", script]);
        let output = as_root(&command).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a program of bash on the head node in a login shell of a user.
    pub(crate) fn in_login_shell(&self, user: &str, program: &str) -> String {
        let mut command = Command::new("nsenter");
        command.args([
            "-t", self.init, "-a", "runuser", "-l", user, "-c", "bash -s",
        ]);
        let mut command = as_root(&command);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let program = program.to_owned();
        let typing = thread::spawn(move || stdin.write_all(program.as_bytes()));
        let output = child.wait_with_output().unwrap();
        typing.join().unwrap().unwrap();
        assert!(output.status.success(), "{output:?}");
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
