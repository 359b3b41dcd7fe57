//! A user on a machine, with an account and a way of typing `hpcapi`: all of it can be broken.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::environment::TestEnv;

/// What a user has.
pub(super) struct Ground {
    env: TestEnv,
    /// Options of every command.
    pub(super) options: Vec<String>,
    /// Variables that differ.
    pub(super) variables: BTreeMap<String, String>,
    /// Where `aws` is, for the shell.
    tools: PathBuf,
}

impl Ground {
    pub(super) fn new() -> Ground {
        let env = TestEnv::new();
        let tools = env.home().join("tools");
        fs::create_dir(&tools).unwrap();
        let aws = format!(
            "#!/bin/bash\neval \"$({} sandbox env)\"\nexec {} \"$@\"\n",
            env!("CARGO_BIN_EXE_hpcapi"),
            crate::tools::tools().join("aws").display()
        );
        write_program(&tools.join("aws"), &aws);
        Ground {
            env,
            options: Vec::new(),
            variables: BTreeMap::new(),
            tools,
        }
    }

    pub(super) fn env(&self) -> &TestEnv {
        &self.env
    }

    /// Runs `hpcapi` with the options of the ground.
    pub(super) fn hpcapi(&self, arguments: &[&str]) -> Output {
        let options = self.options.iter().map(String::as_str);
        let is_cluster = |verb: &str| ["up", "doctor"].contains(&verb);
        let options = options.filter(|_| is_cluster(arguments[0]));
        let arguments: Vec<_> = arguments.iter().copied().chain(options).collect();
        let mut command = self.env.hpcapi(&arguments);
        self.vary(&mut command).output().unwrap()
    }

    /// Runs a script in the shell of the account's administrator.
    pub(super) fn shell(&self, script: &str) -> Output {
        let script = format!("PATH={}:$PATH\n{script}", self.tools.display());
        self.env.shell(&script)
    }

    fn vary<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Lets PATH hold all programs but those whose names begin so.
    pub(super) fn hide(&mut self, hidden: &[&str]) -> PathBuf {
        let folder = self.env.home().join("bin");
        fs::create_dir(&folder).unwrap();
        let path = std::env::var("PATH").unwrap();
        for place in std::env::split_paths(&path) {
            for program in fs::read_dir(place).into_iter().flatten() {
                let program = program.unwrap();
                let name = program.file_name().into_string().unwrap();
                let is_hidden = hidden.iter().any(|one| name.starts_with(one));
                let there = folder.join(&name);
                if !is_hidden && !there.exists() {
                    // A link of an earlier place wins, as on PATH; a dead one is nobody's.
                    let _ = symlink(program.path(), there);
                }
            }
        }
        let path = folder.to_str().unwrap().to_owned();
        self.variables.insert("PATH".to_owned(), path);
        folder
    }

    /// Puts a shell script in the place of a program on PATH, and hides others.
    pub(super) fn pretend(&mut self, program: &str, script: &str, hidden: &[&str]) {
        let folder = self.hide(&[&[program], hidden].concat());
        write_program(&folder.join(program), &format!("#!/bin/sh\n{script}\n"));
    }

    /// Lets the user have no environments of ours.
    pub(super) fn forget_environments(&mut self) {
        let cache = self.env.home().join("cache");
        let cache = cache.to_str().unwrap().to_owned();
        self.variables.insert("XDG_CACHE_HOME".to_owned(), cache);
    }

    /// Gives a configuration of the user's own: the default with changes.
    pub(super) fn configure(&mut self, changes: &[(&str, &str)]) {
        let mut config = include_str!("../../../cluster-config.yaml").to_owned();
        for (from, to) in changes {
            assert!(config.contains(from), "{from}");
            config = config.replacen(from, to, 1);
        }
        let file = self.env.file("mine.yaml", &config);
        self.options.extend(["--config".to_owned(), file]);
    }

    /// Lets the user come with these credentials instead of the account's own.
    pub(super) fn come_as(&mut self, credentials: Option<(&str, &str, &str)>) {
        let url = self.env.endpoint();
        let (id, secret, token) = credentials.unwrap_or_default();
        for (name, value) in [
            ("HPCAPI_SANDBOX", ""),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", token),
        ] {
            if !value.is_empty() || name == "HPCAPI_SANDBOX" {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Lets the user come with a session of a role that has this policy.
    pub(super) async fn take_role(&mut self, statements: Value) {
        self.take_role_within(statements, None).await;
    }

    /// Makes a managed policy, and returns its ARN.
    pub(super) async fn policy(&self, name: &str, statements: Value) -> String {
        let iam = aws_sdk_iam::Client::new(&self.env.aws().await);
        let made = iam
            .create_policy()
            .policy_name(name)
            .policy_document(document(statements))
            .send()
            .await
            .unwrap();
        made.policy().unwrap().arn().unwrap().to_owned()
    }

    /// Lets the user come with a session of a role that has this policy, and a permissions boundary.
    pub(super) async fn take_role_within(&mut self, statements: Value, boundary: Option<String>) {
        let role = self.env.make_role("/team/", boundary).await;
        aws_sdk_iam::Client::new(&self.env.aws().await)
            .put_role_policy()
            .role_name("operator")
            .policy_name("own")
            .policy_document(document(statements))
            .send()
            .await
            .unwrap();
        let one = self.env.session_of(&role).await;
        let keys = (
            one.access_key_id(),
            one.secret_access_key(),
            one.session_token(),
        );
        self.come_as(Some(keys));
    }

    /// Returns what of all that `up` makes is in the account.
    pub(super) async fn inventory(&self) -> Vec<String> {
        let aws = self.env.aws().await;
        let ec2 = aws_sdk_ec2::Client::new(&aws);
        let stacks = aws_sdk_cloudformation::Client::new(&aws);
        let stacks = stacks.describe_stacks().send().await.unwrap();
        let keys = ec2.describe_key_pairs().send().await.unwrap();
        let vpcs = ec2.describe_vpcs().send().await.unwrap();
        let addresses = ec2.describe_addresses().send().await.unwrap();
        let buckets = aws_sdk_s3::Client::new(&aws).list_buckets().send().await;
        let buckets = buckets.unwrap();
        let stacks = stacks.stacks().iter().map(|one| one.stack_name());
        let keys = keys.key_pairs().iter().map(|one| one.key_name());
        let vpcs = vpcs.vpcs().iter().map(|one| one.vpc_id());
        let addresses = addresses.addresses().iter().map(|one| one.allocation_id());
        // That of ParallelCluster serves all clusters of a region, and its validators look for it.
        let buckets = buckets.buckets().iter().map(|one| one.name());
        let buckets = buckets.filter(|name| !name.unwrap().starts_with("parallelcluster-"));
        let all = stacks.chain(keys).chain(vpcs).chain(addresses);
        let mut all: Vec<_> = all
            .chain(buckets)
            .map(|name| name.unwrap().to_owned())
            .collect();
        all.sort();
        all
    }
}

fn document(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
