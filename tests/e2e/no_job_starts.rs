//! A deployment whose API answers while no job can start: `doctor` says why, and what it prints, typed
//! as it is, repairs it.

use serde_json::Value;

use crate::environment::{TestEnv, text};
use crate::spread::spread;

/// What was done to the head node, the subject and words that the doctor has to say, and what repairs
/// it.
struct Row {
    broken: &'static str,
    subject: &'static str,
    verdict: &'static str,
    words: &'static [&'static str],
    repair: Repair,
}

enum Repair {
    /// What the doctor prints is typed.
    Typed,
    /// The doctor opens a shell on the head node, in which this is typed.
    InShell(&'static str),
}

use Repair::{InShell, Typed};

const ROWS: &[Row] = &[
    Row {
        broken: "scontrol update partitionname=queue1 state=inactive",
        subject: "queues",
        verdict: "problem",
        words: &["the queue queue1 is INACTIVE", "closed the queue with scontrol"],
        repair: Typed,
    },
    Row {
        broken: "scontrol update partitionname=queue1 state=drain",
        subject: "queues",
        verdict: "problem",
        words: &["the queue queue1 is DRAIN", "closed the queue with scontrol"],
        repair: Typed,
    },
    Row {
        broken: "scontrol update nodename=$(sinfo -h -p queue1 -o %N) state=down reason='burnt down'",
        subject: "queues",
        verdict: "problem",
        words: &["no job starts in queue1", "burnt down"],
        repair: Typed,
    },
    Row {
        broken: "scontrol update nodename=$(sinfo -h -p queue1 -o %N) state=down \
                 reason='(Code:InsufficientInstanceCapacity)Failure when resuming nodes'",
        subject: "queues",
        verdict: "problem",
        words: &[
            "no job starts in queue1",
            "EC2 has no capacity for this instance type in this zone",
            "tries again from about",
        ],
        repair: Typed,
    },
    Row {
        broken: "node=$(scontrol show hostnames $(sinfo -h -p queue1 -o %N) | head -n 1); \
                 scontrol update nodename=$node state=drain reason='a new disk'",
        subject: "queues",
        verdict: "warning",
        words: &["1 drained", "a new disk"],
        repair: Typed,
    },
    Row {
        broken: "s=/var/spool/slurm.state; systemctl stop slurmctld; cp -a $s /root/state
                 mount -t tmpfs -o size=4m tmpfs $s; cp -a /root/state/. $s/; chown slurm: $s; chmod 700 $s
                 dd if=/dev/zero of=$s/fill bs=1k status=none; systemctl start slurmctld",
        subject: "disk",
        verdict: "problem",
        words: &["the file system of `/var/spool/slurm.state`", "0 KiB are free", "du -xh"],
        repair: InShell("systemctl stop slurmctld; umount /var/spool/slurm.state; systemctl start slurmctld"),
    },
    Row {
        broken: "echo PrologFlagz=Contain >>/opt/slurm/etc/slurm.conf; systemctl restart slurmctld || true",
        subject: "slurmctld",
        verdict: "problem",
        words: &["it does not run", "unrecognized key: PrologFlagz", "/opt/slurm/etc/slurm.conf:", "correct the line"],
        repair: InShell("sed -i /PrologFlagz/d /opt/slurm/etc/slurm.conf; systemctl restart slurmctld"),
    },
];

#[tokio::test]
async fn why_no_job_starts_is_told_with_what_lets_it() {
    are_told_and_repaired(&spread(ROWS, 2), &spread(IN_ACCOUNT, 2)).await;
}

#[tokio::test]
#[ignore = "takes minutes; some rows are tried each time"]
async fn every_break_that_lets_no_job_start() {
    let (rows, in_account) = (
        ROWS.iter().collect::<Vec<_>>(),
        IN_ACCOUNT.iter().collect::<Vec<_>>(),
    );
    are_told_and_repaired(&rows, &in_account).await;
}

async fn are_told_and_repaired(rows: &[&Row], in_account: &[&InAccount]) {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let mut wrong = Vec::new();
    for row in rows {
        env.on_head_node(row.broken).await;
        if let Err(what) = is_told_and_repaired(&env, row).await {
            wrong.push(format!("{}: {what}", row.broken));
            if let InShell(line) = row.repair {
                env.on_head_node(line).await;
            }
        }
    }
    a_fleet_that_was_stopped_is_started_again(&env).await;
    for (broken, subject, words) in in_account {
        if let Err(what) = a_way_is_put_back(&env, broken, subject, words) {
            wrong.push(format!("{broken}: {what}"));
        }
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is typed in the account of the deployment, and the subject and words that the doctor says then.
type InAccount = (&'static str, &'static str, &'static str);

const IN_ACCOUNT: &[InAccount] = &[
    (
        "aws ec2 modify-vpc-attribute --vpc-id $vpc --enable-dns-support Value=false",
        "network",
        "resolves no names",
    ),
    (
        "aws ec2 modify-vpc-attribute --vpc-id $vpc --enable-dns-hostnames Value=false",
        "network",
        "gives its instances no names",
    ),
    (
        "aws ec2 delete-route --route-table-id $private --destination-cidr-block 0.0.0.0/0",
        "network",
        "has no route for 0.0.0.0/0",
    ),
    (
        "aws ec2 delete-route --route-table-id $public --destination-cidr-block 0.0.0.0/0",
        "network",
        "has no route for 0.0.0.0/0",
    ),
    (
        "aws ec2 disassociate-route-table --association-id $association",
        "network",
        "is associated with no route table",
    ),
    (
        "aws ec2 create-network-acl-entry --network-acl-id $acl --ingress --rule-number 5 --protocol -1 \
         --rule-action deny --cidr-block 0.0.0.0/0",
        "network",
        "lets no answers in",
    ),
    (
        "aws ec2 create-network-acl-entry --network-acl-id $acl --egress --rule-number 7 --protocol 6 \
         --port-range From=443,To=443 --rule-action deny --cidr-block 0.0.0.0/0",
        "network",
        "lets no HTTPS out",
    ),
    (
        "aws ec2 delete-nat-gateway --nat-gateway-id $nat",
        "network",
        "which is gone",
    ),
    (
        "aws s3api delete-bucket-policy --bucket $bucket",
        "bucket",
        "was changed: its policy",
    ),
    (
        "aws s3api put-bucket-policy --bucket $bucket --policy '{\"Version\": \"2012-10-17\", \"Statement\": \
         [{\"Sid\": \"OnlyOverTLS\", \"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:DeleteBucket\", \
         \"Resource\": \"arn:aws:s3:::'$bucket'\"}]}'",
        "bucket",
        "was changed: its policy",
    ),
    (
        "aws s3api delete-public-access-block --bucket $bucket &&
         aws s3api put-bucket-versioning --bucket $bucket --versioning-configuration Status=Suspended",
        "bucket",
        "was changed: its public access block, its versioning",
    ),
    (
        "aws s3api delete-bucket-lifecycle --bucket $bucket &&
         aws s3api delete-bucket-ownership-controls --bucket $bucket",
        "bucket",
        "was changed: its ownership controls, its lifecycle rules",
    ),
    (
        "aws iam detach-role-policy --role-name $role \
         --policy-arn arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        "SSM",
        "may not call SSM",
    ),
];

/// Sets the ids of what the deployment's VPC has.
pub(crate) const IDS: &str = "
    export AWS_REGION=us-east-1
    of() { aws ec2 \"$1\" --filters Name=tag:hpcapi:deployment,Values=hpc-serverless-job-mgmt --output text --query \"$2\"; }
    vpc=$(of describe-vpcs 'Vpcs[0].VpcId')
    private=$(of describe-route-tables 'RouteTables[?Routes[?NatGatewayId]]|[0].RouteTableId')
    public=$(of describe-route-tables 'RouteTables[?Routes[?starts_with(GatewayId || `x`, `igw-`)]]|[0].RouteTableId')
    association=$(of describe-route-tables 'RouteTables[?Routes[?NatGatewayId]]|[0].Associations[0].RouteTableAssociationId')
    nat=$(aws ec2 describe-nat-gateways --filter Name=vpc-id,Values=$vpc Name=state,Values=available \
        --output text --query 'NatGateways[0].NatGatewayId')
    bucket=$(aws s3api list-buckets --output text --query \"Buckets[?starts_with(Name, 'hpc-')]|[0].Name\")
    role=$(aws iam list-roles --output text --query \"Roles[?contains(RoleName, 'RoleHeadNode')]|[0].RoleName\")
    acl=$(aws ec2 describe-network-acls --filters Name=vpc-id,Values=$vpc --output text --query 'NetworkAcls[0].NetworkAclId')
";

fn a_way_is_put_back(
    env: &TestEnv,
    broken: &str,
    subject: &str,
    words: &str,
) -> Result<(), String> {
    type_it(env, &format!("{IDS}\n{broken}"))?;
    let diagnosis = doctor(env);
    let told = found(&diagnosis, subject);
    if told["verdict"] != "problem" || !told.to_string().contains(words) {
        return Err(format!("another finding: {diagnosis}"));
    }
    for next in told["next"].as_array().unwrap() {
        type_it(env, next.as_str().unwrap())?;
    }
    is_well(env, subject)
}

async fn is_told_and_repaired(env: &TestEnv, row: &Row) -> Result<(), String> {
    let up = env.run(&["up", "--yes"]);
    let said = text(&up.stderr);
    if row.verdict == "problem" && !said.contains(row.words[0]) {
        return Err(format!("`up` does not say {}: {said}", row.words[0]));
    }
    let diagnosis = doctor(env);
    let found = found(&diagnosis, row.subject);
    let told = found.to_string();
    let missing: Vec<_> = row
        .words
        .iter()
        .filter(|words| !told.contains(*words))
        .collect();
    if found["verdict"] != row.verdict || !missing.is_empty() {
        return Err(format!("{missing:?} is missing: {diagnosis}"));
    }
    match row.repair {
        Typed => {
            for next in found["next"].as_array().unwrap() {
                type_it(env, next.as_str().unwrap())?;
            }
        }
        InShell(line) => {
            assert!(told.contains("aws ssm start-session"), "{told}");
            env.on_head_node(line).await;
        }
    }
    is_well(env, row.subject)
}

/// What pcluster stopped is started again by the command that the doctor prints.
async fn a_fleet_that_was_stopped_is_started_again(env: &TestEnv) {
    let start = "update-compute-fleet";
    let row = |status: &str| {
        format!(
            "aws dynamodb update-item --region us-east-1 --table-name parallelcluster-hpc-serverless-job-mgmt \
             --key '{{\"Id\":{{\"S\":\"COMPUTE_FLEET\"}}}}' --update-expression 'set #d.#s = :s' \
             --expression-attribute-names '{{\"#d\":\"Data\",\"#s\":\"status\"}}' \
             --expression-attribute-values '{{\":s\":{{\"S\":\"{status}\"}}}}'"
        )
    };
    for (status, words) in [
        ("STOP_REQUESTED", "was stopped"),
        ("PROTECTED", "failed to boot again"),
    ] {
        env.on_head_node("scontrol update partitionname=queue1 state=inactive")
            .await;
        type_it(env, &row(status)).unwrap();
        let diagnosis = doctor(env);
        let told = found(&diagnosis, "queues");
        assert!(told.to_string().contains(words), "{diagnosis}");
        let next = told["next"][0].as_str().unwrap();
        assert!(next.contains(start), "{next}");
        type_it(env, next).unwrap();
        is_well(env, "queues").unwrap();
    }
}

fn doctor(env: &TestEnv) -> Value {
    let output = env.run(&["doctor", "--output", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns what the doctor found out about a subject, if it is not well.
fn found(diagnosis: &Value, subject: &str) -> Value {
    let mut findings = diagnosis["findings"].as_array().unwrap().iter();
    let found = findings.find(|it| it["subject"] == subject && it["verdict"] != "ok");
    found.cloned().unwrap_or_default()
}

/// Returns once nothing is wrong: a command on the head node takes effect when it has run there.
fn is_well(env: &TestEnv, subject: &str) -> Result<(), String> {
    let mut diagnosis = Value::Null;
    for _ in 0..60 {
        diagnosis = doctor(env);
        if diagnosis["well"] == true && found(&diagnosis, subject).is_null() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    Err(format!("still broken: {diagnosis}"))
}

fn type_it(env: &TestEnv, command: &str) -> Result<(), String> {
    let output = env.type_command(command);
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("`{command}` failed: {}", text(&output.stderr))),
    }
}
