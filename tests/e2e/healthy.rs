//! A deployment that is well: `doctor` finds nothing wrong with it, nor with what its users add, and
//! `up` leaves that alone. Its deep look has a job run, and its bundle holds no secret.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::environment::{TestEnv, text};
use crate::no_job_starts::IDS;

/// What users add to a deployment.
enum Added {
    /// In the account.
    There(&'static str),
    /// On the head node, as root.
    OnHeadNode(&'static str),
}

use Added::{OnHeadNode, There};

const ADDED: &[Added] = &[
    There("aws ec2 create-tags --resources $vpc $private $nat $head_node --tags Key=team,Value=physics Key=Name,Value=ours"),
    There("aws ec2 create-route --route-table-id $public --destination-cidr-block 198.51.100.0/24 --gateway-id $internet"),
    There("aws ec2 authorize-security-group-ingress --group-id $group --protocol tcp --port 22 --cidr 203.0.113.0/24"),
    There("aws ec2 create-network-acl-entry --network-acl-id $acl --ingress --rule-number 50 --protocol 6 \
           --port-range From=22,To=22 --rule-action deny --cidr-block 203.0.113.128/25"),
    There("subnet=$(aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.0.200.0/24 --output text --query Subnet.SubnetId) &&
           table=$(aws ec2 create-route-table --vpc-id $vpc --output text --query RouteTable.RouteTableId) &&
           aws ec2 associate-route-table --route-table-id $table --subnet-id $subnet"),
    There("aws apigatewayv2 create-stage --api-id $api --stage-name blue"),
    There("aws apigatewayv2 create-route --api-id $api --route-key 'GET /mine' --target integrations/$integration"),
    There("echo mine >/tmp/mine && aws s3 cp /tmp/mine s3://$bucket/mine/file"),
    OnHeadNode("nodes=$(sinfo -h -p queue1 -o %N | head -n 1)
                echo \"PartitionName=more Nodes=$nodes State=UP\" >>/opt/slurm/etc/slurm.conf
                echo 'SchedulerParameters=bf_interval=60' >>/opt/slurm/etc/slurm.conf
                scontrol reconfigure"),
    OnHeadNode("folder=/etc/systemd/system/slurmrestd.service.d; mkdir $folder
                printf '[Service]\\nNice=5\\n' >$folder/own.conf; systemctl daemon-reload; systemctl restart slurmrestd
                echo 'ask us before you change this' >/etc/hpcapi/README"),
];

const MORE_IDS: &str = "
    head_node=$(aws ec2 describe-instances --filters Name=tag:parallelcluster:node-type,Values=HeadNode \
        Name=instance-state-name,Values=running --output text --query 'Reservations[0].Instances[0].InstanceId')
    internet=$(aws ec2 describe-internet-gateways --filters Name=attachment.vpc-id,Values=$vpc --output text \
        --query 'InternetGateways[0].InternetGatewayId')
    group=$(aws ec2 describe-instances --instance-ids $head_node --output text \
        --query 'Reservations[0].Instances[0].SecurityGroups[0].GroupId')
    api=$(aws apigatewayv2 get-apis --output text --query 'Items[0].ApiId')
    integration=$(aws apigatewayv2 get-integrations --api-id $api --output text --query 'Items[0].IntegrationId')
";

#[tokio::test]
async fn what_users_add_is_nothing_wrong() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    nothing_is_wrong(&env, "untouched");
    for added in ADDED {
        let what = match added {
            There(script) => {
                let typed = env.type_command(&format!("{IDS}{MORE_IDS}{script}"));
                assert!(typed.status.success(), "{script}\n{}", text(&typed.stderr));
                script
            }
            OnHeadNode(script) => {
                env.on_head_node(script).await;
                script
            }
        };
        nothing_is_wrong(&env, what);
    }
    let up = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(up["changed"], false, "{up}");
    nothing_is_wrong(&env, "left alone by `up`");
    a_job_runs_and_the_bundle_tells_no_secret(&env);
    let typed = env.type_command(&format!(
        "{IDS}for subnet in $(aws ec2 describe-subnets --filters Name=vpc-id,Values=$vpc Name=cidr-block,Values=10.0.200.0/24 \
         --output text --query 'Subnets[].SubnetId'); do
             table=$(aws ec2 describe-route-tables --filters Name=association.subnet-id,Values=$subnet --output text \
                 --query 'RouteTables[0].[Associations[0].RouteTableAssociationId,RouteTableId]')
             aws ec2 disassociate-route-table --association-id ${{table%%\t*}} &&
                 aws ec2 delete-route-table --route-table-id ${{table##*\t}} &&
                 aws ec2 delete-subnet --subnet-id $subnet
         done"
    ));
    assert!(typed.status.success(), "{}", text(&typed.stderr));
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

fn nothing_is_wrong(env: &TestEnv, after: &str) {
    let diagnosis = env.json(&["doctor", "--output", "json"]);
    let findings = diagnosis["findings"].as_array().unwrap();
    let bad: Vec<&Value> = findings.iter().filter(|it| it["verdict"] != "ok").collect();
    assert!(bad.is_empty(), "after {after}: {bad:#?}");
}

fn a_job_runs_and_the_bundle_tells_no_secret(env: &TestEnv) {
    let file = env.home().join("for-the-maintainer.txt");
    let path = file.to_str().unwrap();
    let told = env.succeed(&["doctor", "--deep", "--bundle", path]);
    assert!(told.contains("hello from "), "{told}");
    let bundle = fs::read_to_string(&file).unwrap();
    for part in [
        "==> hpcapi <==",
        "==> doctor <==",
        "\"subject\": \"node setup\"",
        "==> status <==",
        "==> cluster configuration <==",
        "==> events of hpc-serverless-job-mgmt-api, newest first <==",
        "AWS::ApiGatewayV2::Stage",
        "/var/log/slurmctld.log <==",
    ] {
        assert!(bundle.contains(part), "no {part} in\n{bundle}");
    }
    for secret in ["eyJ", env.account(), "PRIVATE KEY"] {
        assert!(!bundle.contains(secret), "{secret} in\n{bundle}");
    }
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let words = env.fail(2, &["doctor", "--bundle", path]);
    assert!(words.contains("there is a `"), "{words}");
    assert_eq!(fs::read_to_string(&file).unwrap(), bundle);
}
