//! A network that is there: the deployment works in it, and leaves it as it was; one in which it would not
//! work is refused before anything is made.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::Parameter;
use aws_sdk_ec2::types::{AttributeBooleanValue, Filter};
use serde_json::Value;

use crate::environment::{TestEnv, text};

const TEMPLATE: &str = include_str!("templates/network.yaml");
pub(crate) const STACK: &str = "landing-zone";

/// The zones of an account that take VPC links, and one that does not, by id.
const LINKED: [&str; 2] = ["use1-az1", "use1-az2"];
const UNLINKED: &str = "use1-az3";

/// A network of others.
pub(crate) struct Network {
    pub(crate) vpc: String,
    pub(crate) public: String,
    /// Two, with a comma.
    private: String,
}

impl Network {
    /// Makes one from a template.
    pub(crate) async fn make(aws: &SdkConfig, template: &str) -> Network {
        let ec2 = aws_sdk_ec2::Client::new(aws);
        let stacks = aws_sdk_cloudformation::Client::new(aws);
        let parameter = |key: &str, value: String| {
            let parameter = Parameter::builder().parameter_key(key);
            parameter.parameter_value(value).build()
        };
        let made = stacks.create_stack().stack_name(STACK);
        made.template_body(template)
            .parameters(parameter("FirstZone", zone(&ec2, LINKED[0]).await))
            .parameters(parameter("SecondZone", zone(&ec2, LINKED[1]).await))
            .send()
            .await
            .unwrap();
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let found = stacks.describe_stacks().stack_name(STACK).send().await;
            let found = found.unwrap();
            let stack = &found.stacks()[0];
            match stack.stack_status().unwrap().as_str() {
                "CREATE_IN_PROGRESS" => {}
                "CREATE_COMPLETE" => {
                    let output = |key: &str| {
                        let mut outputs = stack.outputs().iter();
                        let output = outputs.find(|it| it.output_key() == Some(key));
                        output.unwrap().output_value().unwrap().to_owned()
                    };
                    return Network {
                        vpc: output("VPC"),
                        public: output("Public"),
                        private: output("Private"),
                    };
                }
                other => panic!("{other}"),
            }
        }
    }

    /// Returns all that EC2 tells of the network, tags included.
    pub(crate) async fn described(&self, aws: &SdkConfig) -> Vec<String> {
        let ec2 = aws_sdk_ec2::Client::new(aws);
        let of = |key: &str| Filter::builder().name(key).values(&self.vpc).build();
        let vpc = || of("vpc-id");
        let vpcs = ec2.describe_vpcs().filters(vpc()).send().await;
        let subnets = ec2.describe_subnets().filters(vpc()).send().await;
        let tables = ec2.describe_route_tables().filters(vpc()).send().await;
        let groups = ec2.describe_security_groups().filters(vpc()).send().await;
        let acls = ec2.describe_network_acls().filters(vpc()).send().await;
        let nat = ec2.describe_nat_gateways().filter(vpc()).send().await;
        let endpoints = ec2.describe_vpc_endpoints().filters(vpc()).send().await;
        let interfaces = ec2
            .describe_network_interfaces()
            .filters(vpc())
            .send()
            .await;
        let attached = of("attachment.vpc-id");
        let gateways = ec2
            .describe_internet_gateways()
            .filters(attached)
            .send()
            .await;
        vec![
            format!("{:#?}", vpcs.unwrap().vpcs()),
            format!("{:#?}", subnets.unwrap().subnets()),
            format!("{:#?}", tables.unwrap().route_tables()),
            format!("{:#?}", groups.unwrap().security_groups()),
            format!("{:#?}", acls.unwrap().network_acls()),
            format!("{:#?}", nat.unwrap().nat_gateways()),
            format!("{:#?}", endpoints.unwrap().vpc_endpoints()),
            format!("{:#?}", interfaces.unwrap().network_interfaces()),
            format!("{:#?}", gateways.unwrap().internet_gateways()),
        ]
    }
}

/// Returns the name of a zone in this account.
async fn zone(ec2: &aws_sdk_ec2::Client, id: &str) -> String {
    let zones = ec2.describe_availability_zones().zone_ids(id).send().await;
    let zones = zones.unwrap();
    zones.availability_zones()[0]
        .zone_name()
        .unwrap()
        .to_owned()
}

/// Returns the lines of what costs in a plan.
pub(crate) fn costs(plan: &Value) -> Vec<&str> {
    let lines = plan["costs"]["standing"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["what"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_deployment_works_in_a_network_that_is_there_and_leaves_it_as_it_was() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    let network = Network::make(&aws, TEMPLATE).await;
    let before = network.described(&aws).await;
    let vpc = network.vpc.as_str();

    // What it costs, and what is made, is without a network.
    let plan = env.run(&["plan", "--vpc", vpc, "--output", "json"]);
    assert_eq!(plan.status.code(), Some(3), "{}", text(&plan.stderr));
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert!(
        !costs(&plan).iter().any(|line| line.contains("NAT")),
        "{plan}"
    );
    let steps = plan["steps"].as_array().unwrap();
    assert!(
        !steps.iter().any(|it| it["step"] == "nat-gateway"),
        "{plan}"
    );

    let thing = steps[0]["thing"].as_str().unwrap();
    assert!(thing.ends_with("in a network that is there"), "{thing}");

    // The subnets are found by their tags.
    env.succeed(&["up", "--yes", "--prove", "--vpc", vpc]);
    let stacks = aws_sdk_cloudformation::Client::new(&aws);
    let made = stacks.list_stack_resources();
    let made = made.stack_name("hpc-serverless-job-mgmt-requirements");
    let made = made.send().await.unwrap();
    let mut types: Vec<_> = made
        .stack_resource_summaries()
        .iter()
        .map(|resource| resource.resource_type().unwrap())
        .collect();
    types.dedup();
    let own = [
        "AWS::EC2::SecurityGroup",
        "AWS::S3::",
        "AWS::SSM::Parameter",
    ];
    let is_own = |kind: &&str| own.iter().any(|own| kind.starts_with(own));
    assert!(types.iter().all(is_own), "{types:?}");

    // It goes on with the network that it has, whether that is named again or not.
    let plan = env.json(&["plan", "--output", "json"]);
    assert_eq!(plan["to_do"], false, "{plan}");
    assert!(
        !costs(&plan).iter().any(|line| line.contains("NAT")),
        "{plan}"
    );
    let same = ["plan", "--vpc", vpc, "--compute-subnets", &network.private];
    env.succeed(&same);
    env.succeed(&["doctor"]);
    let words = env.fail(2, &["up", "--yes", "--vpc", "vpc-0123456789abcdef0"]);
    let told = format!("it is in `{vpc}`, and not in `vpc-0123456789abcdef0`");
    assert!(
        words.contains(&told) && words.contains("teardown"),
        "{words}"
    );
    let words = env.fail(
        2,
        &[
            "up",
            "--yes",
            "--vpc",
            vpc,
            "--compute-subnets",
            &network.public,
        ],
    );
    assert!(words.contains("its compute nodes are in"), "{words}");

    env.succeed(&["teardown", "--yes"]);
    let after = network.described(&aws).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    stacks
        .delete_stack()
        .stack_name(STACK)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_network_in_which_nothing_would_work_is_refused_with_all_that_is_wrong() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    let ec2 = aws_sdk_ec2::Client::new(&aws);
    let words = env.fail(2, &["plan", "--vpc", "vpc-0123456789abcdef0"]);
    assert!(
        words.contains("there is no VPC `vpc-0123456789abcdef0`"),
        "{words}"
    );
    let words = env.fail(2, &["up", "--api-subnets", "subnet-01234567"]);
    assert!(
        words.contains("--api-subnets names a subnet") && words.contains("--vpc"),
        "{words}"
    );

    let vpc = ec2
        .create_vpc()
        .cidr_block("10.9.0.0/16")
        .send()
        .await
        .unwrap();
    let vpc = vpc.vpc().unwrap().vpc_id().unwrap();
    let mut subnets = Vec::new();
    for (at, zone_id) in [LINKED[0], LINKED[0], UNLINKED].into_iter().enumerate() {
        let made = ec2.create_subnet().vpc_id(vpc);
        let made = made.cidr_block(format!("10.9.{at}.0/28"));
        let made = made.availability_zone(zone(&ec2, zone_id).await);
        let made = made.send().await.unwrap();
        subnets.push(made.subnet().unwrap().subnet_id().unwrap().to_owned());
    }
    let [head_node, first, unlinked] = [0, 1, 2].map(|at: usize| subnets[at].as_str());

    // Each option that is missing is named, with the subnets that there are.
    let words = env.fail(2, &["up", "--yes", "--vpc", vpc]);
    for told in [
        "--head-node-subnet is missing, and no subnet of",
        "hpcapi:role=compute",
        &format!("{head_node}  {}  10.9.0.0/28", zone(&ec2, LINKED[0]).await),
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let other = "subnet-0123456789abcdef0";
    let words = env.fail(
        2,
        &["up", "--yes", "--vpc", vpc, "--head-node-subnet", other],
    );
    assert!(
        words.contains(&format!("`{other}` is not in `{vpc}`")),
        "{words}"
    );

    let all = format!("{head_node},{first},{unlinked}");
    let named = [
        "--vpc",
        vpc,
        "--head-node-subnet",
        head_node,
        "--compute-subnets",
        first,
        "--api-subnets",
        &all,
    ];
    let words = env.fail(2, &[&["up", "--yes"], &named[..]].concat());
    for told in [
        &format!("`{vpc}` has enableDnsHostnames turned off"),
        &format!("the API's subnets `{head_node}`, `{first}` are in one zone"),
        &format!("the API's subnet `{unlinked}` is in"),
        &format!("the head node in `{head_node}` cannot reach s3, dynamodb"),
        &format!("compute nodes in `{first}` cannot reach s3"),
        "com.amazonaws.us-east-1.ssmmessages (Interface",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    let stacks = aws_sdk_cloudformation::Client::new(&aws);
    let stacks = stacks.describe_stacks().send().await.unwrap();
    assert_eq!(stacks.stacks().len(), 0, "{stacks:?}");

    // What is mended is told no more.
    let on = AttributeBooleanValue::builder().value(true).build();
    let mended = ec2.modify_vpc_attribute().vpc_id(vpc);
    mended.enable_dns_hostnames(on).send().await.unwrap();
    let words = env.fail(2, &[&["plan"], &named[..]].concat());
    assert!(!words.contains("enableDnsHostnames"), "{words}");
}
