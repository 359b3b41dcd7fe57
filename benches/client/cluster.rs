//! A cluster in a sandbox of its own, below the target folder: what has to be installed for it is
//! there the next time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::load::Target;
use super::measure::Result;
use super::measure::program::{Run, run};
use super::node::Node;

/// The configuration that `up` takes by itself.
const CONFIG: &str = include_str!("../../cluster-config.yaml");

/// Stands in it before the settings of `slurm.conf`.
const SETTINGS: &str = "    CustomSlurmSettings:\n";

/// More jobs at once than Slurm allows by itself: it takes a little less than 10,000.
const MORE_JOBS: &str = "      - MaxJobCount: 20000\n";

/// The account that the cluster is in.
const ACCOUNT: &str = "220000000001";

/// How requests travel to slurmrestd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As from outside: API, load balancer, nginx.
    Gateway,
    /// Straight to the socket.
    Socket,
}

/// The cluster, with a token for it.
pub(crate) struct Cluster {
    sandbox: Sandbox,
    /// The URL of its API.
    pub(crate) endpoint: String,
    pub(crate) node: Node,
    version: String,
    token: String,
    headers: String,
    submit_path: String,
}

impl Cluster {
    /// Makes the cluster, or finds it.
    pub(crate) fn start() -> Result<Cluster> {
        let sandbox = Sandbox::open()?;
        eprintln!("making a cluster in {}", sandbox.0.display());
        if !CONFIG.contains(SETTINGS) {
            return Err("the configuration has no place for MaxJobCount".into());
        }
        let config = sandbox.0.join("cluster-config.yaml");
        let settings = format!("{SETTINGS}{MORE_JOBS}");
        fs::write(&config, CONFIG.replacen(SETTINGS, &settings, 1))?;
        let mut up = sandbox.hpcapi(&["up", "--yes", "--output", "json", "--config"]);
        let up = json(&run(up.arg(&config))?)?;
        let node = Node::find(word(&up, "head_node")?)?;
        node.forget_jobs()?;

        let mut token = sandbox.hpcapi(&["token", "--lifespan", "12h", "--output", "json"]);
        let token = json(&run(&mut token)?)?;
        let (user, token) = (word(&token, "user")?, word(&token, "token")?);
        let headers = format!("X-SLURM-USER-NAME: {user}\r\nX-SLURM-USER-TOKEN: {token}\r\n");
        let version = word(&up, "api_version")?;
        let cluster = Cluster {
            endpoint: word(&up, "endpoint")?.to_owned(),
            node,
            submit_path: format!("/slurm/{version}/job/submit"),
            version: version.to_owned(),
            token: token.to_owned(),
            headers,
            sandbox,
        };
        fs::write(cluster.header_file(), cluster.headers.replace('\r', ""))?;
        Ok(cluster)
    }

    /// Returns the folder for whatever is needed on the way.
    pub(crate) fn folder(&self) -> &Path {
        &self.sandbox.0
    }

    /// Returns a file of the headers that a request needs, for curl.
    pub(crate) fn header_file(&self) -> PathBuf {
        self.folder().join("headers")
    }

    /// Returns the path of a resource of Slurm's.
    pub(crate) fn path(&self, resource: &str) -> String {
        format!("/slurm/{}/{resource}", self.version)
    }

    /// Returns the headers that a request needs, each with its line's end.
    pub(crate) fn headers(&self) -> &str {
        &self.headers
    }

    /// Returns where jobs are posted to.
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            socket: &self.node.socket,
            path: &self.submit_path,
            headers: &self.headers,
        }
    }

    /// Returns an hpcapi command.
    pub(crate) fn hpcapi(&self, way: Way, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.hpcapi(arguments);
        if way == Way::Socket {
            let endpoint = format!("unix:{}", self.node.socket.display());
            command.env("HPCAPI_ENDPOINT", endpoint);
            command.env("SLURM_JWT", &self.token);
            // Nobody can be asked for it: the endpoint is not named as the deployment's.
            command.env("HPCAPI_HOME", "/home/ec2-user");
        }
        command
    }
}

/// The folder of the sandbox, which is stopped in the end.
struct Sandbox(PathBuf);

impl Sandbox {
    fn open() -> Result<Sandbox> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-client");
        fs::create_dir_all(folder.join("run"))?;
        Ok(Sandbox(folder))
    }

    /// Returns an hpcapi command in an empty environment.
    fn hpcapi(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hpcapi"));
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.0)
            // Tokens and versions are remembered here, as in a user's second call.
            .env("XDG_RUNTIME_DIR", self.0.join("run"))
            .env("HPCAPI_SANDBOX", "1")
            .env("HPCAPI_SANDBOX_DIR", self.0.join("sandbox"))
            .env("HPCAPI_SANDBOX_ACCOUNT", ACCOUNT);
        command
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Err(error) = run(&mut self.hpcapi(&["sandbox", "stop"])) {
            eprintln!("the sandbox was not stopped: {error}");
        }
    }
}

/// Reads what a command printed as JSON.
pub(crate) fn json(run: &Run) -> Result<Value> {
    Ok(serde_json::from_slice(&run.stdout)?)
}

fn word<'a>(answer: &'a Value, key: &str) -> Result<&'a str> {
    answer[key]
        .as_str()
        .ok_or_else(|| format!("no `{key}` in the answer").into())
}
