//! An empty environment with a home and an AWS account of its own, in a shared sandbox.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_sdk_sts::types::Credentials as SessionCredentials;
use hpcapi::settings::PclusterChoice;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::tools;
use crate::typed::require_typeable;
use crate::warm_pcluster::warm;

/// The Debian release whose Slurm most tests run.
const SUITE: &str = "trixie";

/// Starts the sandbox of a suite, unless it runs; it ends with this process.
fn start_sandbox(suite: &'static str) {
    static RUNNING: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.contains(suite) {
        return;
    }
    let started = hpcapi(Path::new("/"), suite)
        .env("HPCAPI_SANDBOX_ENDS_WITH", std::process::id().to_string())
        .args(["sandbox", "start"])
        .output()
        .unwrap();
    assert!(started.status.success(), "{}", text(&started.stderr));
    if running.is_empty() {
        warm_pcluster(suite);
    }
    running.insert(suite);
}

fn warm_pcluster(suite: &str) {
    let home = tempfile::tempdir().unwrap();
    let mut doctor = hpcapi(home.path(), suite);
    doctor.arg("doctor");
    warm(doctor, &shared());
}

/// A user with an account.
pub(crate) struct TestEnv {
    home: TempDir,
    account: String,
    suite: &'static str,
    /// Variables of every `hpcapi`.
    variables: Vec<(&'static str, String)>,
}

/// Returns the folder that all tests share, below the target folder.
fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e")
}

/// Returns the folder of a suite's sandbox.
fn sandbox_folder(suite: &str) -> PathBuf {
    let name = match suite {
        SUITE => "sandbox".to_owned(),
        other => format!("sandbox-{other}"),
    };
    shared().join("hpcapi").join(name)
}

fn hpcapi(home: &Path, suite: &str) -> Command {
    in_empty_environment(env!("CARGO_BIN_EXE_hpcapi"), home, suite)
}

fn in_empty_environment(program: &str, home: &Path, suite: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("TZ", "UTC")
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("XDG_CACHE_HOME", shared())
        .env("XDG_RUNTIME_DIR", home)
        .env("HPCAPI_SANDBOX", "1")
        .env("HPCAPI_SANDBOX_DIR", sandbox_folder(suite))
        .env("HPCAPI_SANDBOX_SUITE", suite)
        .stdin(Stdio::null());
    command
}

/// Returns a folder that holds the AWS CLI and nothing else.
fn aws_folder() -> PathBuf {
    static FOLDER: Once = Once::new();
    let folder = shared().join("bin");
    FOLDER.call_once(|| {
        let there = folder.join("aws");
        std::fs::create_dir_all(&folder).unwrap();
        let _ = std::fs::remove_file(&there);
        std::os::unix::fs::symlink(tools().join("aws"), there).unwrap();
    });
    folder
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Commands of the head node that send ended jobs to the bucket.
pub(crate) const RECORD: &str = r#"
record() { # The first may have been under way already, and have read before the last job ended.
    systemctl start hpcapi-record-jobs
    systemctl start hpcapi-record-jobs
}
is_read() { # Of a Slurm that is too busy to answer, jobs are recorded by a later run.
    local journal
    journal=$(sed -n 's/.*"journal": "\([^"]*\).*/\1/p' /etc/hpcapi/record-jobs.json)
    grep -q "\"offset\": $(stat --format %s "$journal")[,}]" /var/lib/hpcapi/jobs/state.json
}
until_recorded() { until is_read; do record || return; done; }
"#;

impl TestEnv {
    pub(crate) fn new() -> TestEnv {
        TestEnv::with_suite(SUITE)
    }

    /// Returns a user whose clusters run the Slurm of a Debian release.
    pub(crate) fn with_suite(suite: &'static str) -> TestEnv {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        let account = format!("{:012}", 210_000_000_000_u64 + u64::from(number));
        start_sandbox(suite);
        TestEnv::of_account(account, suite)
    }

    /// Returns one more user of an account.
    pub(crate) fn of_account(account: String, suite: &'static str) -> TestEnv {
        TestEnv {
            home: tempfile::tempdir().unwrap(),
            account,
            suite,
            variables: Vec::new(),
        }
    }

    /// Lets the user come with these credentials instead of the account's own, as to AWS.
    pub(crate) fn come_as(&mut self, id: &str, secret: &str, token: &str) {
        let url = self.endpoint();
        self.variables = [
            ("HPCAPI_SANDBOX", ""),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", token),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
    }

    /// Makes the role `operator`, which the account may take; returns its ARN.
    pub(crate) async fn make_role(&self, path: &str, boundary: Option<String>) -> String {
        let root = format!("arn:aws:iam::{}:root", self.account);
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
        ]});
        let role = aws_sdk_iam::Client::new(&self.aws().await)
            .create_role()
            .role_name("operator")
            .path(path)
            .assume_role_policy_document(trust.to_string())
            .set_permissions_boundary(boundary);
        role.send().await.unwrap().role.unwrap().arn
    }

    /// Returns the credentials of a session of a role, by its ARN.
    pub(crate) async fn session_of(&self, role: &str) -> SessionCredentials {
        let session = aws_sdk_sts::Client::new(&self.aws().await)
            .assume_role()
            .role_arn(role)
            .role_session_name("tests");
        session.send().await.unwrap().credentials.unwrap()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the account, which is also the access key id.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Returns the sandbox's own folder.
    pub(crate) fn sandbox_folder(&self) -> PathBuf {
        sandbox_folder(self.suite)
    }

    /// Returns the environment of pcluster, which all tests share. Those of other versions may be left
    /// beside it.
    pub(crate) fn pcluster_environment(&self) -> PathBuf {
        let name = format!("pcluster-{}", PclusterChoice::VERSION);
        sandbox_folder(self.suite).with_file_name(name)
    }

    /// Returns the folder with the Python packages of pcluster.
    pub(crate) fn pcluster_packages(&self) -> PathBuf {
        let folder = self.pcluster_environment().join("lib");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().path());
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("python") && path.is_dir()
        };
        names.find(is_it).unwrap().join("site-packages")
    }

    /// Returns the folder where the client keeps what it may forget.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.home().join("hpcapi")
    }

    pub(crate) fn hpcapi(&self, arguments: &[&str]) -> Command {
        let mut command = hpcapi(self.home(), self.suite);
        command.env("HPCAPI_SANDBOX_ACCOUNT", &self.account);
        command.envs(self.variables.iter().cloned());
        command.args(arguments);
        command
    }

    /// Returns a command that runs hpcapi on a terminal of this size, which it plays on stdin and
    /// stdout.
    pub(crate) fn on_terminal(&self, size: (u16, u16), arguments: &[&str]) -> Command {
        let (rows, columns) = size;
        let own = env!("CARGO_BIN_EXE_hpcapi");
        let line = format!(
            "stty rows {rows} cols {columns}; exec '{own}' {}",
            arguments.join(" ")
        );
        self.typed_on_terminal(&line)
    }

    fn typed_on_terminal(&self, line: &str) -> Command {
        let mut command = self.in_shell("script");
        command
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .args(["--quiet", "--flush", "--return", "--command", line])
            .arg("/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    /// Returns a command that runs hpcapi on a terminal as it runs on AWS: it knows nothing of the
    /// sandbox but that all of AWS is at another address.
    pub(crate) fn on_terminal_as_on_aws(&self, size: (u16, u16), arguments: &[&str]) -> Command {
        let (rows, columns) = size;
        let line = format!(
            "eval \"$(hpcapi sandbox env)\"; unset HPCAPI_SANDBOX; stty rows {rows} cols {columns}; \
             exec hpcapi {}",
            arguments.join(" ")
        );
        self.typed_on_terminal(&line)
    }

    /// Runs a script in the user's shell, where `hpcapi` and `aws` are commands.
    pub(crate) fn shell(&self, script: &str) -> Output {
        self.in_shell("bash").args(["-c", script]).output().unwrap()
    }

    /// Types a command that hpcapi tells, where `aws` reaches the account.
    pub(crate) fn type_command(&self, command: &str) -> Output {
        // Version 1 of the AWS CLI asks AWS itself about some services, unless it is told otherwise
        // on its line.
        let aws = r#"aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }"#;
        self.shell(&format!("eval \"$(hpcapi sandbox env)\"\n{aws}\n{command}"))
    }

    /// Types a command at a terminal, and answers its questions with these lines. What the terminal
    /// shows comes back as stdout.
    pub(crate) fn at_terminal(&self, command: &str, answers: &str) -> Output {
        let mut terminal = self
            .in_shell("script")
            .env("SHELL", "/bin/bash")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut typed = terminal.stdin.take().unwrap();
        typed.write_all(answers.as_bytes()).unwrap();
        let output = terminal.wait_with_output().unwrap();
        drop(typed);
        output
    }

    fn in_shell(&self, program: &str) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_hpcapi")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", own.display(), aws_folder().display());
        let mut command = in_empty_environment(program, self.home(), self.suite);
        command
            .env("PATH", path)
            .env("HPCAPI_SANDBOX_ACCOUNT", &self.account);
        command
    }

    /// Runs a command to its end. What it says to type next has to be typeable.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.hpcapi(arguments).output().unwrap();
        require_typeable(&String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a command that must succeed and returns its stdout.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "hpcapi {arguments:?}:\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs a command that must succeed with JSON on stdout.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(arguments)).unwrap()
    }

    /// Runs a command that must end with `code`, and returns its stderr.
    #[track_caller]
    pub(crate) fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let words = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(code),
            "hpcapi {arguments:?}:\n{words}"
        );
        words
    }

    /// Writes a file into the home folder and returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.home().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Returns the URL of the sandbox.
    pub(crate) fn endpoint(&self) -> String {
        let variables = self.succeed(&["sandbox", "env"]);
        let mut lines = variables.lines();
        let url = lines.find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL="));
        url.unwrap().to_owned()
    }

    /// Asks the sandbox itself for something; returns its answer.
    pub(crate) async fn control(&self, path: &str, asked: &Value) -> Value {
        let url = format!("{}/_hpcapi/{path}", self.endpoint());
        let put = reqwest::Client::new().put(url).json(asked);
        let answer = put.send().await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap()
    }

    /// Returns the AWS configuration that reaches this account.
    pub(crate) async fn aws(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.endpoint())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(&self.account, "x", None, None, "tests"))
            .load()
            .await
    }

    /// Runs a script on the head node as SSM does, as root, and returns what it prints.
    pub(crate) async fn on_head_node(&self, script: &str) -> String {
        let status = self.run(&["status", "--output", "json"]);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        let head_node = status["head_node"].as_str().unwrap();
        let ssm = aws_sdk_ssm::Client::new(&self.aws().await);
        let sent = ssm.send_command().document_name("AWS-RunShellScript");
        let sent = sent
            .instance_ids(head_node)
            .parameters("commands", vec![script.to_owned()]);
        let id = sent.send().await.unwrap().command.unwrap().command_id;
        let look = ssm
            .get_command_invocation()
            .set_command_id(id)
            .instance_id(head_node);
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            // It is not known at once.
            let Ok(found) = look.clone().send().await else {
                continue;
            };
            match found.status().unwrap().as_str() {
                "Success" => return found.standard_output_content.unwrap(),
                "Pending" | "InProgress" | "Delayed" => {}
                other => panic!("{other}: {:?}", found.standard_error_content()),
            }
        }
    }

    /// Has the head node send all jobs that have ended to the bucket.
    pub(crate) async fn record_ended_jobs(&self) {
        self.on_head_node(&format!("{RECORD}record && until_recorded"))
            .await;
    }

    /// Asserts that the account holds nothing of a deployment.
    pub(crate) async fn assert_empty(&self) {
        let aws = self.aws().await;
        let stacks = aws_sdk_cloudformation::Client::new(&aws);
        let stacks = stacks.describe_stacks().send().await.unwrap();
        assert_eq!(stacks.stacks().len(), 0, "{:?}", stacks.stacks());
        let ec2 = aws_sdk_ec2::Client::new(&aws);
        let instances = ec2.describe_instances().send().await.unwrap();
        let alive: Vec<_> = instances
            .reservations()
            .iter()
            .flat_map(|group| group.instances())
            .filter(|instance| {
                instance
                    .state()
                    .and_then(|s| s.name())
                    .map(|name| name.as_str())
                    != Some("terminated")
            })
            .collect();
        assert!(alive.is_empty(), "{alive:?}");
        let volumes = ec2.describe_volumes().send().await.unwrap();
        assert!(volumes.volumes().is_empty(), "{:?}", volumes.volumes());
        let interfaces = ec2.describe_network_interfaces().send().await.unwrap();
        assert!(interfaces.network_interfaces().is_empty(), "{interfaces:?}");
        let addresses = ec2.describe_addresses().send().await.unwrap();
        assert!(addresses.addresses().is_empty(), "{addresses:?}");
        let keys = ec2.describe_key_pairs().send().await.unwrap();
        assert!(keys.key_pairs().is_empty(), "{keys:?}");
        let s3 = aws_sdk_s3::Client::new(&aws);
        let buckets = s3.list_buckets().send().await.unwrap();
        let ours: Vec<_> = buckets
            .buckets()
            .iter()
            .filter_map(|bucket| bucket.name())
            .filter(|name| !name.starts_with("parallelcluster-"))
            .collect();
        assert!(ours.is_empty(), "{ours:?}");
        for bucket in buckets.buckets().iter().filter_map(|one| one.name()) {
            let asked = s3.get_bucket_location().bucket(bucket).send();
            let there = asked.await.unwrap().location_constraint().cloned();
            let there = there.filter(|region| !region.as_str().is_empty());
            let there = there.map_or("us-east-1".to_owned(), |region| region.as_str().to_owned());
            let region = aws_sdk_s3::config::Region::new(there);
            let config = aws_sdk_s3::config::Builder::from(&aws)
                .region(region)
                .build();
            let s3 = aws_sdk_s3::Client::from_conf(config);
            let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
            let mut keys = listed.contents().iter().filter_map(|one| one.key());
            let left = keys.find(|key| key.contains("/clusters/"));
            assert_eq!(left, None, "in {bucket}");
        }
    }
}
