//! What runs as root on the head node lies in the bucket: no node can change it there, what somebody
//! else changed is put right, and a node that another version of it set up is set up again.

use aws_sdk_s3::primitives::ByteStream;

use crate::environment::TestEnv;

const NAME: &str = "hpc-serverless-job-mgmt";

/// Returns the deployment's bucket, and the key of the script in it.
async fn script(s3: &aws_sdk_s3::Client) -> (String, String) {
    let buckets = s3.list_buckets().send().await.unwrap();
    let mut names = buckets.buckets().iter().filter_map(|one| one.name());
    let bucket = names.find(|name| name.starts_with("hpc-")).unwrap();
    let listed = s3.list_objects_v2().bucket(bucket).prefix("hpcapi/");
    let listed = listed.send().await.unwrap();
    let mut keys = listed.contents().iter().filter_map(|one| one.key());
    let key = keys.find(|key| key.ends_with("/head-node.sh"));
    (bucket.to_owned(), key.unwrap().to_owned())
}

/// Tries to change the bucket from the head node, as root and with the rights of a job's node, and
/// returns what succeeded, a line each.
async fn changes(env: &TestEnv, bucket: &str, key: &str) -> Vec<String> {
    let script = format!(
        r#"#!/bin/bash
        try() {{
            ! "${{@:2}}" >/dev/null 2>/tmp/words || echo "$1"
            ! [ -s /tmp/words ] || grep -q 'AccessDenied' /tmp/words || cat /tmp/words
        }}
        aws() {{
            runuser -u "$who" -- /usr/local/bin/aws --region us-east-1 "$@"
        }}
        echo evil >/tmp/evil
        for who in root ec2-user; do
            for place in '{key}' triggers/x operations/x blobs/x jobs/x runs/x results/x; do
                try "$who puts $place" aws s3 cp /tmp/evil "s3://{bucket}/$place"
                try "$who deletes $place" aws s3api delete-object --bucket '{bucket}' --key "$place"
            done
            try "$who deletes the policy" aws s3api delete-bucket-policy --bucket '{bucket}'
            try "$who reads" aws s3 cp "s3://{bucket}/{key}" -
            who=$who aws sts get-caller-identity --query Arn --output text
        done
        "#
    );
    let printed = env.on_head_node(&script).await;
    printed.lines().map(ToOwned::to_owned).collect()
}

/// Fails unless a node can change no more than it may, with the roles whose names begin so: the head node's,
/// and that of a job's node.
async fn only_what_is_free_succeeds(env: &TestEnv, bucket: &str, key: &str, roles: [String; 2]) {
    let succeeded = changes(env, bucket, key).await;
    let (root, user) = succeeded.split_at(succeeded.len() / 2 + 1);
    for (lines, role) in [root, user].into_iter().zip(roles) {
        let start = format!("arn:aws:sts::{}:assumed-role/{role}", env.account());
        let is_it = lines.last().is_some_and(|line| line.starts_with(&start));
        assert!(is_it, "{start}: {succeeded:#?}");
    }
    let free = [
        "puts runs/x",
        "deletes runs/x",
        "puts results/x",
        "deletes results/x",
        "reads",
    ];
    let of = |who: &str, what: &[&str]| -> Vec<String> {
        what.iter().map(|what| format!("{who} {what}")).collect()
    };
    let remembers = [&["puts jobs/x"][..], &free].concat();
    assert_eq!(root[..root.len() - 1], of("root", &remembers));
    assert_eq!(user[..user.len() - 1], of("ec2-user", &free));
}

#[tokio::test]
async fn nodes_with_roles_at_another_path_can_change_no_more() {
    let env = TestEnv::new();
    let config = include_str!("../../cluster-config.yaml");
    let file = env.file(
        "mine.yaml",
        &format!("{config}\nIam:\n  ResourcePrefix: /team/lab-\n"),
    );
    env.succeed(&["up", "--yes", "--config", &file]);
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let (bucket, key) = script(&s3).await;
    let roles = ["lab-RoleHeadNode-", "lab-Role"].map(str::to_owned);
    only_what_is_free_succeeds(&env, &bucket, &key, roles).await;
    env.succeed(&["plan"]);
    env.succeed(&["status"]);

    // A role of one's own for the nodes of a queue is known once `up` has seen it.
    let own = env.make_role("/lab/", None).await;
    let iam = format!("      Iam:\n        InstanceRole: {own}\n");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, queue) = text.split_once("SlurmQueues:").unwrap();
    let access = queue.find("      Iam:\n").unwrap();
    let tags = queue.find("\nTags:").unwrap();
    let queue = format!("{}{iam}{}", &queue[..access], &queue[tags..]);
    let file = env.file("own.yaml", &format!("{before}SlurmQueues:{queue}"));
    let planned = env.run(&["plan", "--config", &file]);
    let words = crate::environment::text(&planned.stdout);
    let told = "its bucket's policy does not know all the roles of the configuration's nodes yet";
    assert!(words.contains(told), "{words}");
    env.succeed(&["teardown", "--yes"]);
}

#[tokio::test]
async fn no_node_can_change_what_runs_as_root_and_what_was_changed_is_put_right() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let (bucket, key) = script(&s3).await;
    let ours = read(&s3, &bucket, &key).await;

    let roles = [
        format!("{NAME}-RoleHeadNode-"),
        format!("{NAME}-ComputeFleet"),
    ];
    only_what_is_free_succeeds(&env, &bucket, &key, roles).await;
    assert_eq!(read(&s3, &bucket, &key).await, ours);

    // Somebody who may write there did.
    for changed in [
        &b"#!/bin/bash\nid\n"[..],
        b"",
        &[ours.as_slice(), b"\nid\n"].concat(),
    ] {
        let body = ByteStream::from(changed.to_vec());
        let put = s3.put_object().bucket(&bucket).key(&key).body(body);
        put.send().await.unwrap();
        let status = env.run(&["status"]);
        assert_eq!(status.status.code(), Some(3));
        let words = crate::environment::text(&status.stdout);
        assert!(words.contains("was changed by others"), "{words}");
        env.succeed(&["up", "--yes"]);
        assert_eq!(read(&s3, &bucket, &key).await, ours);
    }
    nginx_is_installed_while_another_program_installs(&env, &bucket, &key).await;
    what_somebody_changes_again_and_again_is_told_and_keeps_nobody_from_the_api(&env).await;
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Takes nginx from the head node, and has the node script install it again, from a package that lies on
/// the node, while another program holds the locks of the package manager. Prints the package's version.
const INSTALL_AGAIN: &str = r#"#!/bin/bash
set -eux
exec 2>/tmp/install-again.log
repository=/srv/packages package=/srv/packages/nginx
mkdir -p $package/DEBIAN $package/usr/sbin $package/var/log/nginx
cp /usr/sbin/nginx $package/usr/sbin/
printf '%s\n' 'Package: nginx' 'Version: 99' "Architecture: $(dpkg --print-architecture)" \
    'Maintainer: nobody <nobody@example.org>' 'Description: nginx of a test' >$package/DEBIAN/control
cd $repository
dpkg-deb --build --root-owner-group nginx nginx.deb >&2
{
    dpkg-deb --field nginx.deb
    printf 'Filename: ./nginx.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s nginx.deb)" \
        "$(sha256sum nginx.deb | cut -d ' ' -f 1)"
} >Packages
rm -rf /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$repository ./" >/etc/apt/sources.list
mapfile -t old < <(dpkg-query --show --showformat '${Package}\n' 'nginx*' 'libnginx*')
DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends "${old[@]}" >&2 || true
if command -v nginx; then exit 9; fi
coproc HOLDER {
    python3 -c '
import fcntl, sys
names = ["dpkg/lock-frontend", "dpkg/lock", "apt/lists/lock"]
held = [open(f"/var/lib/{name}", "w") for name in names]
for one in held:
    fcntl.lockf(one, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
'
}
# Bash forgets the one of the coprocess when that ends.
exec {go}>&"${HOLDER[1]}"
read -r _ <&"${HOLDER[0]}"
log=/var/log/hpcapi-node.log
before=$(wc -l <"$log")
bash "$script" updated >&2 &
installs=$!
# The other program ends once it is waited for.
until tail -n "+$((before + 1))" "$log" | grep -q 'waiting for it to end'; do
    kill -0 "$installs"
    sleep 0.2
done
echo >&"$go"
wait "$installs"
systemctl restart hpcapi-proxy
dpkg-query --show --showformat '${Version}' nginx
"#;

/// The package manager is the real one.
async fn nginx_is_installed_while_another_program_installs(env: &TestEnv, bucket: &str, key: &str) {
    let fetch = format!(
        "script=/root/head-node.sh\naws --region us-east-1 s3 cp s3://{bucket}/{key} $script >&2\n"
    );
    let script = INSTALL_AGAIN.replacen("set -eux\n", &format!("set -eux\n{fetch}"), 1);
    assert_eq!(env.on_head_node(&script).await.trim(), "99");
    env.succeed(&["ping"]);
}

/// `up` puts it back once, and does not fail for what the API does not need.
async fn what_somebody_changes_again_and_again_is_told_and_keeps_nobody_from_the_api(
    env: &TestEnv,
) {
    let changes = "systemd-run --unit changes --quiet sh -c \
         'while sleep 0.1; do grep -q mine /etc/logrotate.d/hpcapi || echo \"# mine\" >>/etc/logrotate.d/hpcapi; done'
         until grep -q mine /etc/logrotate.d/hpcapi; do sleep 0.1; done";
    env.on_head_node(changes).await;
    let up = env.run(&["up", "--yes"]);
    let words = crate::environment::text(&up.stderr);
    assert_eq!(up.status.code(), Some(0), "{words}");
    let told = "warning: node setup: on the head node `/etc/logrotate.d/hpcapi` was changed";
    assert!(words.contains(told), "{words}");
    env.on_head_node("systemctl stop changes").await;
    let up = env.run(&["up", "--yes"]);
    assert!(!crate::environment::text(&up.stderr).contains("warning: node setup"));
    assert_eq!(env.run(&["doctor"]).status.code(), Some(0));
}

/// Takes from the head node what earlier node scripts did not give it, and starts a job.
const GO_BACK: &str = r#"#!/bin/bash
systemctl disable --now hpcapi-record-jobs.timer
rm -rf /etc/systemd/system/hpcapi-record-jobs.* /usr/local/lib/hpcapi /etc/hpcapi/record-jobs.json \
    /etc/hpcapi/operate.* /var/lib/hpcapi /var/spool/hpcapi
sed -i '/^JobComp/d' /opt/slurm/etc/slurm.conf
systemctl restart slurmctld
until runuser -u ec2-user -- bash -lc 'sbatch --wrap "sleep 1000" -o /dev/null'; do sleep 0.5; done
until squeue --noheader --states RUNNING | grep -q .; do sleep 0.5; done"#;

#[tokio::test]
async fn a_head_node_of_another_version_is_set_up_again_while_its_jobs_go_on() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let (bucket, _) = script(&s3).await;
    env.on_head_node(GO_BACK).await;
    let said = s3.delete_object().bucket(&bucket);
    said.key("jobs/head-node.json").send().await.unwrap();

    let status = env.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    let words = crate::environment::text(&status.stdout);
    assert!(words.contains("another version of hpcapi"), "{words}");
    env.succeed(&["up", "--yes"]);
    env.succeed(&["status"]);
    let running = env.json(&["jobs", "list", "--output", "json"]);
    assert_eq!(running["jobs"][0]["state"], "RUNNING", "{running}");
    let ended = "scancel 1
        until grep -q JobState=CANCELLED /var/spool/hpcapi/jobs.txt; do sleep 0.2; done";
    env.on_head_node(ended).await;
    env.record_ended_jobs().await;
    let key = newest_job_memory(&s3, &bucket).await;
    assert!(key.ends_with(".ndjson.gz"), "{key}");

    // A node that may not write to the bucket says nothing of itself: `up` notes it.
    let mute = "printf '#!/bin/sh\nexit 1\n' >/usr/local/bin/aws; rm -r /var/lib/hpcapi/jobs";
    env.on_head_node(mute).await;
    for said in [&br#"{"instance":"i-0","script":"0"}"#[..], b"garbage"] {
        let put = s3.put_object().bucket(&bucket).key("jobs/head-node.json");
        let put = put.body(ByteStream::from_static(said));
        put.send().await.unwrap();
        env.succeed(&["up", "--yes"]);
        env.succeed(&["status"]);
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

async fn newest_job_memory(s3: &aws_sdk_s3::Client, bucket: &str) -> String {
    let listed = s3.list_objects_v2().bucket(bucket).prefix("jobs/2");
    let listed = listed.send().await.unwrap();
    let key = listed.contents().last().and_then(|one| one.key());
    key.unwrap().to_owned()
}

async fn read(s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> Vec<u8> {
    let found = s3.get_object().bucket(bucket).key(key).send().await;
    found.unwrap().body.collect().await.unwrap().to_vec()
}
