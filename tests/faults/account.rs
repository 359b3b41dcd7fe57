//! What an account holds, asked of AWS itself, without hpcapi and without the proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;

/// How many of each kind there are.
pub(crate) type Count = BTreeMap<&'static str, usize>;

/// What a finished deployment consists of.
pub(crate) fn whole() -> Count {
    BTreeMap::from([
        ("API", 1),
        ("API stack", 1),
        ("VPC link", 1),
        ("bucket", 1),
        ("cluster", 1),
        // Of the NAT gateway and of the head node.
        ("elastic IP", 2),
        ("head node", 1),
        ("key pair", 1),
        ("load balancer", 1),
        // ParallelCluster puts its queues into stacks of their own.
        ("nested stack", 1),
        ("notifications stack", 1),
        ("operations stack", 1),
        ("requirements stack", 1),
    ])
}

/// Counts what the account holds.
pub(crate) fn count(aws: SocketAddr, account: &str) -> Count {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { Look::new(aws, account).await.take().await })
}

struct Look {
    config: SdkConfig,
    found: Count,
}

impl Look {
    async fn new(aws: SocketAddr, account: &str) -> Look {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(format!("http://{aws}"))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(account, "x", None, None, "tests"))
            .load()
            .await;
        Look {
            config,
            found: Count::new(),
        }
    }

    fn add(&mut self, kind: &'static str, number: usize) {
        if number > 0 {
            *self.found.entry(kind).or_default() += number;
        }
    }

    async fn take(mut self) -> Count {
        self.stacks().await;
        self.machines().await;
        self.gateway().await;
        let buckets = aws_sdk_s3::Client::new(&self.config);
        let buckets = buckets.list_buckets().send().await.unwrap();
        let names = buckets.buckets().iter().filter_map(|bucket| bucket.name());
        let ours = names.filter(|name| !name.starts_with("parallelcluster-"));
        self.add("bucket", ours.count());
        self.found
    }

    async fn stacks(&mut self) {
        let client = aws_sdk_cloudformation::Client::new(&self.config);
        let stacks = client.describe_stacks().send().await.unwrap();
        for stack in stacks.stacks() {
            let name = stack.stack_name().unwrap_or_default();
            let status = stack.stack_status().map(|status| status.as_str());
            let complete = matches!(status, Some("CREATE_COMPLETE" | "UPDATE_COMPLETE"));
            let kind = match name {
                _ if !complete => "stack that is not complete",
                "hpc-serverless-job-mgmt" => "cluster",
                "hpc-serverless-job-mgmt-api" => "API stack",
                "hpc-serverless-job-mgmt-notifications" => "notifications stack",
                "hpc-serverless-job-mgmt-operations" => "operations stack",
                "hpc-serverless-job-mgmt-requirements" => "requirements stack",
                _ if name.starts_with("hpc-serverless-job-mgmt-") => "nested stack",
                _ => "other stack",
            };
            self.add(kind, 1);
        }
    }

    async fn machines(&mut self) {
        let ec2 = aws_sdk_ec2::Client::new(&self.config);
        let instances = ec2.describe_instances().send().await.unwrap();
        let alive = instances
            .reservations()
            .iter()
            .flat_map(|group| group.instances())
            .filter(|instance| {
                let state = instance.state().and_then(|state| state.name());
                state.map(|name| name.as_str()) != Some("terminated")
            });
        self.add("head node", alive.count());
        let keys = ec2.describe_key_pairs().send().await.unwrap();
        self.add("key pair", keys.key_pairs().len());
        let addresses = ec2.describe_addresses().send().await.unwrap();
        self.add("elastic IP", addresses.addresses().len());
        if !self.found.contains_key("head node") {
            let volumes = ec2.describe_volumes().send().await.unwrap();
            self.add("volume", volumes.volumes().len());
            let interfaces = ec2.describe_network_interfaces().send().await.unwrap();
            self.add("network interface", interfaces.network_interfaces().len());
        }
    }

    async fn gateway(&mut self) {
        let gateway = aws_sdk_apigatewayv2::Client::new(&self.config);
        let apis = gateway.get_apis().send().await.unwrap();
        self.add("API", apis.items().len());
        let links = gateway.get_vpc_links().send().await.unwrap();
        self.add("VPC link", links.items().len());
        let balancers = aws_sdk_elasticloadbalancingv2::Client::new(&self.config);
        let balancers = balancers.describe_load_balancers().send().await.unwrap();
        self.add("load balancer", balancers.load_balancers().len());
    }
}
