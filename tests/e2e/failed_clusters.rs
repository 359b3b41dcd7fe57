//! Clusters that fail in the ways ParallelCluster knows: `up` says what the failure code means and
//! shows the line that tells why, keeps the logs, and makes the cluster once that is repaired.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_s3::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::environment::{TestEnv, text};

const CONFIG: &str = include_str!("../../cluster-config.yaml");

/// A bucket with scripts of the user's own.
struct Scripts {
    s3: Client,
    bucket: String,
}

impl Scripts {
    async fn new(env: &TestEnv) -> Scripts {
        let s3 = Client::new(&env.aws().await);
        let bucket = format!("scripts-of-{}", env.account());
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        Scripts { s3, bucket }
    }

    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    async fn put(&self, key: &str, script: &str) {
        let body = script.as_bytes().to_vec().into();
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body);
        put.send().await.unwrap();
    }

    async fn remove(self, key: &str) {
        let delete = self.s3.delete_object().bucket(&self.bucket).key(key);
        delete.send().await.unwrap();
        let delete = self.s3.delete_bucket().bucket(&self.bucket);
        delete.send().await.unwrap();
    }
}

/// Returns the file that the logs of a failed cluster are kept in.
fn kept(env: &TestEnv) -> PathBuf {
    env.home()
        .join(".parallelcluster/hpc-serverless-job-mgmt-failed.log")
}

/// Asserts that an error tells the kept logs, and that they hold `line` and are private.
fn tells_the_logs(env: &TestEnv, words: &str, line: &str) {
    let path = kept(env);
    assert!(words.contains(path.to_str().unwrap()), "{words}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let logs = fs::read_to_string(&path).unwrap();
    assert!(logs.contains(line), "{logs}");
}

fn contains_all(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "no `{part}` in:\n{words}");
    }
}

/// Returns the default configuration with a script of the user's own beside ours, and the right to read
/// it.
fn with_script(event: &str, script: &str) -> String {
    let place = format!("\n    {event}:\n");
    let at = CONFIG.find(&place).unwrap() + place.len();
    let rest = &CONFIG[at..];
    let is_body = |line: &&str| line.starts_with("      ");
    let body: String = rest.split_inclusive('\n').take_while(is_body).collect();
    let ours: String = body
        .split_inclusive('\n')
        .map(|line| format!("    {line}"))
        .collect::<String>()
        .replacen("          Script", "        - Script", 1);
    let theirs = format!("        - Script: {script}\n");
    let sequence = format!("      Sequence:\n{ours}{theirs}");
    let config = format!("{}{sequence}{}", &CONFIG[..at], &rest[body.len()..]);
    let bucket = script.split('/').nth(2).unwrap();
    let access = "    S3Access:\n";
    config.replacen(
        access,
        &format!("{access}      - BucketName: {bucket}\n"),
        1,
    )
}

/// Returns the key for tokens of the head node that an error names.
fn key_on_the_head_node(env: &TestEnv, words: &str) -> Vec<u8> {
    let (_, instance) = words.split_once("for uniqueId: ").unwrap();
    let instance = instance.split_whitespace().next().unwrap();
    let files = env
        .sandbox_folder()
        .join("nodes")
        .join(instance)
        .join("upper");
    fs::read(files.join("var/spool/slurm.state/jwt_hs256.key")).unwrap()
}

#[tokio::test]
async fn a_script_that_fails_is_told_with_its_last_words() {
    let env = TestEnv::new();
    let scripts = Scripts::new(&env).await;
    let script = "#!/bin/bash\necho looking for the licence\necho the licence server sleeps\n\
        echo export SLURM_JWT=eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl\n\
        cat /var/spool/slurm.state/jwt_hs256.key\necho\n\
        base64 /var/spool/slurm.state/jwt_hs256.key\nexit 3\n";
    scripts.put("own.sh", script).await;
    let config = with_script("OnNodeConfigured", &scripts.url("own.sh"));
    let config = env.file("mine.yaml", &config);
    let words = env.fail(1, &["up", "--yes", "--config", &config]);
    contains_all(
        &words,
        &[
            "OnNodeConfiguredExecutionFailure",
            "ran and ended with an exit code other than 0",
            "[ERROR] Exited with error code",
            "next: repair the script",
            &format!("up --sandbox --config {config}"),
        ],
    );
    tells_the_logs(&env, &words, "the licence server sleeps");
    let logs = fs::read_to_string(kept(&env)).unwrap();
    assert!(logs.contains("SLURM_JWT=***"), "{logs}");
    assert!(!logs.contains("eyJ") && !words.contains("eyJ"), "{logs}");
    assert!(logs.contains("read from SSM"), "{logs}");
    let key = STANDARD.encode(key_on_the_head_node(&env, &words));
    assert!(!logs.contains(&key[..76]), "{logs}");

    // Another shell, another home: doctor reads the logs again.
    fs::remove_file(kept(&env)).unwrap();
    let output = env.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let words = text(&output.stdout) + &text(&output.stderr);
    contains_all(
        &words,
        &[
            "the cluster is in CREATE_FAILED",
            "ran and ended with an exit code other than 0",
            "[ERROR] Exited with error code",
            "repair the script",
        ],
    );
    tells_the_logs(&env, &words, "the licence server sleeps");
    without_its_api_stack_the_cluster_is_told(&env).await;

    // What was told to do. The logs of the cluster that goes are read once more.
    fs::remove_file(kept(&env)).unwrap();
    scripts
        .put("own.sh", "#!/bin/bash\necho the licence server is awake\n")
        .await;
    env.succeed(&["up", "--yes", "--config", &config]);
    let logs = fs::read_to_string(kept(&env)).unwrap();
    assert!(logs.contains("the licence server sleeps"), "{logs}");
    env.succeed(&["teardown", "--yes"]);
    scripts.remove("own.sh").await;
    env.assert_empty().await;
}

/// The cluster is why there is no API: that one is missing is no answer.
async fn without_its_api_stack_the_cluster_is_told(env: &TestEnv) {
    let stacks = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let name = "hpc-serverless-job-mgmt-api";
    let delete = stacks.delete_stack().stack_name(name);
    delete.send().await.unwrap();
    while stacks
        .describe_stacks()
        .stack_name(name)
        .send()
        .await
        .is_ok()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let doctor = env.run(&["doctor"]);
    contains_all(
        &(text(&doctor.stdout) + &text(&doctor.stderr)),
        &["the cluster is in CREATE_FAILED", "repair the script"],
    );
    let status = env.run(&["status"]);
    contains_all(&text(&status.stdout), &["the cluster is in CREATE_FAILED"]);
    contains_all(&text(&status.stderr), &["why it failed: ", " doctor "]);
}

#[tokio::test]
async fn a_script_that_is_not_there_is_told() {
    let env = TestEnv::new();
    let scripts = Scripts::new(&env).await;
    let config = with_script("OnNodeStart", &scripts.url("forgotten.sh"));
    let config = env.file("mine.yaml", &config);
    let words = env.fail(1, &["up", "--yes", "--skip-preflight", "--config", &config]);
    contains_all(
        &words,
        &[
            "OnNodeStartDownloadFailure",
            "could not download a script of HeadNode/CustomActions/OnNodeStart",
            "forgotten.sh to - An error occurred (404)",
            "next: see that its URL is right",
        ],
    );
    tells_the_logs(&env, &words, "forgotten.sh");

    scripts.put("forgotten.sh", "#!/bin/bash\n").await;
    env.succeed(&["up", "--yes", "--config", &config]);
    env.succeed(&["teardown", "--yes"]);
    scripts.remove("forgotten.sh").await;
    env.assert_empty().await;
}

#[tokio::test]
async fn a_slurmctld_that_does_not_start_is_told_with_its_own_words() {
    let env = TestEnv::new();
    let setting = "      - AuthAltTypes: auth/jwt\n";
    let broken = CONFIG.replacen(setting, &format!("{setting}      - NoSuchSetting: 1\n"), 1);
    let config = env.file("mine.yaml", &broken);
    let words = env.fail(1, &["up", "--yes", "--config", &config]);
    contains_all(
        &words,
        &[
            "HeadNodeBootstrapFailure: Failed to set up the head node.",
            "a recipe of ParallelCluster failed on the head node",
            "chef-client.log: Error executing action `run` on resource 'execute[check slurmctld",
            "NoSuchSetting",
            "next: repair what the lines of chef-client.log and slurmctld.log say",
        ],
    );
    tells_the_logs(&env, &words, "NoSuchSetting");

    env.succeed(&["up", "--yes"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

#[tokio::test]
async fn a_head_node_that_hangs_is_told_by_where_it_stands() {
    let env = TestEnv::new();
    let scripts = Scripts::new(&env).await;
    scripts.put("hang.sh", "#!/bin/bash\nsleep 3600\n").await;
    let config = with_script("OnNodeStart", &scripts.url("hang.sh"));
    // So long that the script has begun, however busy the machine is.
    let impatient = "\nDevSettings:\n  Timeouts:\n    HeadNodeBootstrapTimeout: 60\n";
    let config = env.file("mine.yaml", &(config + impatient));
    let words = env.fail(1, &["up", "--yes", "--config", &config]);
    contains_all(
        &words,
        &[
            "HeadNodeBootstrapFailure: Cluster creation timed out.",
            "the head node did not say in time that it is set up",
            "cfn-init.log: [DEBUG] Running command runpreinstall",
            "next: see that the head node's subnet has a way to the internet",
        ],
    );
    tells_the_logs(&env, &words, "Running command runpreinstall");

    env.succeed(&["up", "--yes"]);
    env.succeed(&["teardown", "--yes"]);
    scripts.remove("hang.sh").await;
    env.assert_empty().await;
}

#[tokio::test]
async fn an_instance_type_that_ec2_has_run_out_of_is_told() {
    let env = TestEnv::new();
    // Before the first call: what the preflight sees is a type that is offered.
    let exhausted = Exhausted::new(&env, "t3.small");
    let words = env.fail(1, &["up", "--yes"]);
    contains_all(
        &words,
        &[
            "`HeadNode` (AWS::EC2::Instance) CREATE_FAILED",
            "We currently do not have sufficient t3.small capacity",
            "ResourceCreationFailure",
            "next: take another instance type, or another zone",
        ],
    );
    assert!(!words.contains("Resource creation cancelled"), "{words}");
    // There was no head node that could have logged something.
    assert!(!kept(&env).exists());
    drop(exhausted);

    env.succeed(&["up", "--yes"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// An instance type that EC2 has no capacity for, as long as this lives.
struct Exhausted(PathBuf);

impl Exhausted {
    fn new(env: &TestEnv, instance_type: &str) -> Exhausted {
        let path = env.sandbox_folder().join("run/no-capacity");
        fs::write(&path, format!("{} {instance_type}\n", env.account())).unwrap();
        Exhausted(path)
    }
}

impl Drop for Exhausted {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// The login nodes and what balances them lie in a stack of their own, within that of the cluster.
#[tokio::test]
async fn a_cluster_with_login_nodes_that_failed_goes_whole() {
    let env = TestEnv::new();
    let scripts = Scripts::new(&env).await;
    scripts.put("own.sh", "#!/bin/bash\nexit 3\n").await;
    let pool = "LoginNodes:\n  Pools:\n    - Name: login\n      Count: 1\n      InstanceType: t3.small\n      \
        Networking:\n        SubnetIds:\n          - CHANGE_ME\n";
    let config = with_script("OnNodeConfigured", &scripts.url("own.sh")) + pool;
    let config = env.file("mine.yaml", &config);
    let words = env.fail(1, &["up", "--yes", "--config", &config]);
    contains_all(&words, &["OnNodeConfiguredExecutionFailure"]);
    let stacks = aws_sdk_cloudformation::Client::new(&env.aws().await);
    let all = stacks.describe_stacks().send().await.unwrap();
    let mut names = all.stacks().iter().filter_map(|stack| stack.stack_name());
    assert!(names.any(|name| name.contains("LoginNodes")), "{all:?}");

    env.succeed(&["teardown", "--yes"]);
    scripts.remove("own.sh").await;
    env.assert_empty().await;
}

/// Makes an empty file on the head node, as soon as SSM reaches it.
async fn touch_on_the_head_node(env: &TestEnv, path: &str) {
    let aws = env.aws().await;
    let ssm = aws_sdk_ssm::Client::new(&aws);
    loop {
        let sent = ssm
            .send_command()
            .document_name("AWS-RunShellScript")
            .targets(
                aws_sdk_ssm::types::Target::builder()
                    .key("tag:parallelcluster:node-type")
                    .values("HeadNode")
                    .build(),
            )
            .parameters("commands", vec![format!("touch {path}")])
            .send()
            .await
            .unwrap();
        if sent.command().unwrap().target_count() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A cluster that somebody makes by hand, in our network and with a rollback: its head node is
/// gone before the stack has come to its end.
#[tokio::test]
async fn logs_are_read_before_a_rollback_destroys_them() {
    let env = TestEnv::new();
    let scripts = Scripts::new(&env).await;
    scripts
        .put("own.sh", "#!/bin/bash\necho no luck today\nexit 3\n")
        .await;
    let config = with_script("OnNodeStart", &scripts.url("own.sh"));
    let config = env.file("mine.yaml", &config);
    env.fail(1, &["up", "--yes", "--config", &config]);
    fs::remove_file(kept(&env)).unwrap();
    let patient =
        "#!/bin/bash\necho no luck today\nuntil [ -e /tmp/go ]; do sleep 0.1; done\nexit 3\n";
    scripts.put("own.sh", patient).await;
    let cluster = "hpc-serverless-job-mgmt";
    let made = env.shell(&format!(
        "eval \"$({hpcapi} sandbox env)\"\n\
         pcluster='{pcluster}'\n\
         export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n\
         $pcluster delete-cluster -n {cluster} >/dev/null\n\
         while $pcluster describe-cluster -n {cluster} >/dev/null; do sleep 0.2; done\n\
         $pcluster create-cluster -n {cluster} -c ~/.parallelcluster/{cluster}.yaml\n\
         until $pcluster describe-cluster-instances -n {cluster} | grep -q instanceId\n\
         do sleep 0.2; done",
        hpcapi = env!("CARGO_BIN_EXE_hpcapi"),
        pcluster = env.pcluster_environment().join("bin/pcluster").display(),
    ));
    assert!(made.status.success(), "{}", text(&made.stdout));

    // Its head node in our network makes it ours. It fails once `up` watches it.
    let mut up = env.hpcapi(&["up", "--yes", "-v", "--config", &config]);
    let mut up = up.stderr(Stdio::piped()).spawn().unwrap();
    let mut story = BufReader::new(up.stderr.take().unwrap()).lines();
    let mut words = String::new();
    for line in story.by_ref() {
        words += &(line.unwrap() + "\n");
        if words.contains("cluster: HeadNodeWaitCondition") {
            break;
        }
    }
    touch_on_the_head_node(&env, "/tmp/go").await;
    words.extend(story.map(|line| line.unwrap() + "\n"));
    assert_eq!(up.wait().unwrap().code(), Some(1));
    contains_all(
        &words,
        &[
            "ended in ROLLBACK_COMPLETE",
            "OnNodeStartExecutionFailure",
            "no luck today",
        ],
    );
    tells_the_logs(&env, &words, "no luck today");

    // Long after, too: what CloudWatch Logs and the console hold outlives the head node.
    fs::remove_file(kept(&env)).unwrap();
    let output = env.run(&["doctor"]);
    tells_the_logs(&env, &text(&output.stdout), "no luck today");
    let logs = fs::read_to_string(kept(&env)).unwrap();
    assert!(logs.contains("read from CloudWatch Logs"), "{logs}");
    assert!(logs.contains("\n==> console <==\n"), "{logs}");
    env.succeed(&["teardown", "--yes"]);
    scripts.remove("own.sh").await;
    env.assert_empty().await;
}
