//! One thing of every kind in an account, made by hand: what somebody else may have there.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{
    DomainType, InstanceType, ResourceType, Tag, TagSpecification, VolumeType,
};

use crate::environment::TestEnv;

/// Every kind that a scan looks for, but for those found by the tag of a cluster.
pub(crate) const KINDS: [&str; 31] = [
    "API",
    "NAT gateway",
    "SSM document",
    "SSM parameter",
    "VPC",
    "VPC endpoint",
    "VPC link",
    "VPC peering",
    "bucket",
    "elastic IP",
    "function",
    "hosted zone",
    "instance",
    "internet gateway",
    "key pair",
    "load balancer",
    "log group",
    "network ACL",
    "network interface",
    "queue",
    "role",
    "route table",
    "rule",
    "security group",
    "snapshot",
    "stack",
    "subnet",
    "table",
    "target group",
    "topic",
    "volume",
];

/// Those of them that are found by the tag of the deployment alone.
pub(crate) const TAGGED: [&str; 6] = [
    "SSM document",
    "SSM parameter",
    "function",
    "queue",
    "rule",
    "topic",
];

/// Makes one of each of those, and leaves it when its stack goes.
const LEAVING: &str = r#"
Resources:
  Rule:
    Type: AWS::Events::Rule
    DeletionPolicy: Retain
    Properties:
      EventPattern: {source: [aws.s3]}
      Targets:
        - {Id: queue, Arn: !GetAtt Queue.Arn}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: lambda.amazonaws.com}}
  Function:
    Type: AWS::Lambda::Function
    DeletionPolicy: Retain
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Code: {ZipFile: "def handler(event, context): pass"}
      Role: !GetAtt Role.Arn
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
  Topic:
    Type: AWS::SNS::Topic
    DeletionPolicy: Retain
  Parameter:
    Type: AWS::SSM::Parameter
    DeletionPolicy: Retain
    Properties:
      Name: !Sub /hpcapi/${AWS::StackName}/endpoint
      Type: String
      Value: here
  Document:
    Type: AWS::SSM::Document
    DeletionPolicy: Retain
    Properties:
      DocumentType: Command
      Content:
        schemaVersion: "2.2"
        mainSteps:
          - {action: "aws:runShellScript", name: a, inputs: {runCommand: ["true"]}}
"#;

/// How the things are named, and whose they are.
#[derive(Clone, Copy)]
pub(crate) struct Make<'a> {
    /// The deployment that they are named after.
    pub(crate) deployment: &'a str,
    /// The name of the key pair.
    pub(crate) key_pair: &'a str,
    /// The name of the stack.
    pub(crate) stack: &'a str,
    /// Set apart things of the same kind that need names of their own.
    pub(crate) suffix: &'a str,
    /// Between the parts of the table's name.
    pub(crate) table: &'a str,
    /// The name of the log group.
    pub(crate) log_group: &'a str,
    /// The tag that each carries.
    pub(crate) tag: (&'a str, &'a str),
}

impl Make<'_> {
    /// Makes one of every kind.
    pub(crate) async fn one_of_each(&self, env: &TestEnv) {
        let aws = &env.aws().await;
        let subnets = self.in_ec2(aws).await;
        self.of_the_api(aws, subnets).await;
        self.others(aws).await;
        self.tagged(aws).await;
        self.bucket(aws, env.account()).await;
    }

    fn named(&self, kind: ResourceType) -> TagSpecification {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        TagSpecification::builder()
            .resource_type(kind)
            .tags(tag("Name", self.deployment))
            .tags(tag(self.tag.0, self.tag.1))
            .build()
    }

    /// Returns two subnets of the VPC.
    async fn in_ec2(&self, aws: &SdkConfig) -> Vec<String> {
        let ec2 = aws_sdk_ec2::Client::new(aws);
        let vpc = ec2
            .create_vpc()
            .cidr_block("10.7.0.0/16")
            .tag_specifications(self.named(ResourceType::Vpc))
            .send()
            .await
            .unwrap();
        let vpc = vpc.vpc().unwrap().vpc_id().unwrap();
        let mut subnets = Vec::new();
        for (zone, block) in [("use1-az2", "10.7.1.0/24"), ("use1-az4", "10.7.2.0/24")] {
            let subnet = ec2
                .create_subnet()
                .vpc_id(vpc)
                .availability_zone_id(zone)
                .cidr_block(block)
                .tag_specifications(self.named(ResourceType::Subnet))
                .send()
                .await
                .unwrap();
            let subnet = subnet.subnet().unwrap().subnet_id().unwrap();
            subnets.push(subnet.to_owned());
        }
        self.around(&ec2, vpc).await;
        let gateway = ec2
            .create_internet_gateway()
            .tag_specifications(self.named(ResourceType::InternetGateway))
            .send()
            .await
            .unwrap();
        let gateway = gateway.internet_gateway().unwrap();
        ec2.attach_internet_gateway()
            .vpc_id(vpc)
            .internet_gateway_id(gateway.internet_gateway_id().unwrap())
            .send()
            .await
            .unwrap();
        ec2.create_network_interface()
            .subnet_id(&subnets[0])
            .tag_specifications(self.named(ResourceType::NetworkInterface))
            .send()
            .await
            .unwrap();
        ec2.create_security_group()
            .group_name(format!("{}-{}", self.deployment, self.suffix))
            .description("for a test")
            .vpc_id(vpc)
            .tag_specifications(self.named(ResourceType::SecurityGroup))
            .send()
            .await
            .unwrap();
        let image = ec2.describe_images().owners("amazon").send().await.unwrap();
        let image = image
            .images()
            .iter()
            .find(|image| image.architecture().map(|it| it.as_str()) == Some("x86_64"))
            .unwrap();
        ec2.run_instances()
            .image_id(image.image_id().unwrap())
            .instance_type(InstanceType::T3Micro)
            .subnet_id(&subnets[0])
            .min_count(1)
            .max_count(1)
            .tag_specifications(self.named(ResourceType::Instance))
            .send()
            .await
            .unwrap();
        let volume = ec2
            .create_volume()
            .availability_zone_id("use1-az2")
            .volume_type(VolumeType::Gp3)
            .size(100)
            .tag_specifications(self.named(ResourceType::Volume))
            .send()
            .await
            .unwrap();
        ec2.create_snapshot()
            .volume_id(volume.volume_id().unwrap())
            .tag_specifications(self.named(ResourceType::Snapshot))
            .send()
            .await
            .unwrap();
        let address = ec2
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(self.named(ResourceType::ElasticIp))
            .send()
            .await
            .unwrap();
        ec2.create_nat_gateway()
            .subnet_id(&subnets[0])
            .allocation_id(address.allocation_id().unwrap())
            .tag_specifications(self.named(ResourceType::Natgateway))
            .send()
            .await
            .unwrap();
        ec2.create_key_pair()
            .key_name(self.key_pair)
            .tag_specifications(self.named(ResourceType::KeyPair))
            .send()
            .await
            .unwrap();
        subnets
    }

    /// Makes what else a VPC may have, and a peering with the account's default VPC.
    async fn around(&self, ec2: &aws_sdk_ec2::Client, vpc: &str) {
        let table = ec2.create_route_table().vpc_id(vpc);
        let table = table.tag_specifications(self.named(ResourceType::RouteTable));
        table.send().await.unwrap();
        let acl = ec2.create_network_acl().vpc_id(vpc);
        let acl = acl.tag_specifications(self.named(ResourceType::NetworkAcl));
        acl.send().await.unwrap();
        let endpoint = ec2.create_vpc_endpoint().vpc_id(vpc);
        let endpoint = endpoint.service_name("com.amazonaws.us-east-1.s3");
        let endpoint = endpoint.tag_specifications(self.named(ResourceType::VpcEndpoint));
        endpoint.send().await.unwrap();
        let vpcs = ec2.describe_vpcs().send().await.unwrap();
        let mut vpcs = vpcs.vpcs().iter();
        let default = vpcs.find(|vpc| vpc.is_default() == Some(true)).unwrap();
        let peering = ec2.create_vpc_peering_connection().vpc_id(vpc);
        let peering = peering.peer_vpc_id(default.vpc_id().unwrap());
        let peering = peering.tag_specifications(self.named(ResourceType::VpcPeeringConnection));
        peering.send().await.unwrap();
    }

    async fn of_the_api(&self, aws: &SdkConfig, subnets: Vec<String>) {
        use aws_sdk_elasticloadbalancingv2::types::{
            LoadBalancerSchemeEnum, ProtocolEnum, Tag, TargetTypeEnum,
        };
        let (key, value) = self.tag;
        let balancing = aws_sdk_elasticloadbalancingv2::Client::new(aws);
        let tag = || Tag::builder().key(key).value(value).build();
        let name = format!("{}-{}", self.deployment, self.suffix);
        let balancer = balancing
            .create_load_balancer()
            .name(&name)
            .scheme(LoadBalancerSchemeEnum::Internal)
            .set_subnets(Some(subnets.clone()))
            .tags(tag())
            .send()
            .await
            .unwrap();
        let vpc = balancer.load_balancers()[0].vpc_id().unwrap();
        balancing
            .create_target_group()
            .name(&name)
            .protocol(ProtocolEnum::Http)
            .port(80)
            .vpc_id(vpc)
            .target_type(TargetTypeEnum::Instance)
            .tags(tag())
            .send()
            .await
            .unwrap();
        let gateways = aws_sdk_apigatewayv2::Client::new(aws);
        gateways
            .create_api()
            .name(&name)
            .protocol_type(aws_sdk_apigatewayv2::types::ProtocolType::Http)
            .tags(key, value)
            .send()
            .await
            .unwrap();
        gateways
            .create_vpc_link()
            .name(&name)
            .set_subnet_ids(Some(subnets))
            .tags(key, value)
            .send()
            .await
            .unwrap();
    }

    async fn others(&self, aws: &SdkConfig) {
        let (key, value) = self.tag;
        let deployment = self.deployment;
        let stacks = aws_sdk_cloudformation::Client::new(aws);
        stacks
            .create_stack()
            .stack_name(self.stack)
            .template_body(r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#)
            .tags(
                aws_sdk_cloudformation::types::Tag::builder()
                    .key(key)
                    .value(value)
                    .build(),
            )
            .send()
            .await
            .unwrap();
        let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;
        let iam = aws_sdk_iam::Client::new(aws);
        let role = format!("{deployment}-RoleHeadNode-{}", self.suffix);
        iam.create_role()
            .role_name(&role)
            .path(format!("/parallelcluster/{deployment}/"))
            .assume_role_policy_document(trust)
            .tags(
                aws_sdk_iam::types::Tag::builder()
                    .key(key)
                    .value(value)
                    .build()
                    .unwrap(),
            )
            .send()
            .await
            .unwrap();
        iam.put_role_policy()
            .role_name(&role)
            .policy_name("inline")
            .policy_document(
                r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}"#,
            )
            .send()
            .await
            .unwrap();
        self.table(aws).await;
        self.zone(aws).await;
        aws_sdk_cloudwatchlogs::Client::new(aws)
            .create_log_group()
            .log_group_name(self.log_group)
            .tags(key, value)
            .send()
            .await
            .unwrap();
    }

    /// What a stack left that is gone.
    async fn tagged(&self, aws: &SdkConfig) {
        use aws_sdk_cloudformation::types::{Capability, Tag};
        let (key, value) = self.tag;
        let stacks = aws_sdk_cloudformation::Client::new(aws);
        let made = stacks
            .create_stack()
            .stack_name(format!("left-{}", self.suffix))
            .template_body(LEAVING)
            .capabilities(Capability::CapabilityIam)
            .tags(Tag::builder().key(key).value(value).build())
            .send()
            .await
            .unwrap();
        let id = made.stack_id().unwrap();
        assert_eq!(settled(&stacks, id).await, "CREATE_COMPLETE");
        stacks.delete_stack().stack_name(id).send().await.unwrap();
        assert_eq!(settled(&stacks, id).await, "DELETE_COMPLETE");
    }

    /// All accounts share the names of buckets.
    async fn bucket(&self, aws: &SdkConfig, account: &str) {
        use aws_sdk_s3::types::{Tag, Tagging};
        let (key, value) = self.tag;
        let s3 = aws_sdk_s3::Client::new(aws);
        let name = format!("{}-requirements-{}-{account}", self.deployment, self.suffix);
        s3.create_bucket().bucket(&name).send().await.unwrap();
        let tag = Tag::builder().key(key).value(value).build().unwrap();
        s3.put_bucket_tagging()
            .bucket(&name)
            .tagging(Tagging::builder().tag_set(tag).build().unwrap())
            .send()
            .await
            .unwrap();
        s3.put_object()
            .bucket(&name)
            .key("a name with spaces")
            .send()
            .await
            .unwrap();
    }

    async fn table(&self, aws: &SdkConfig) {
        use aws_sdk_dynamodb::types::{
            AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, Tag,
        };
        let (key, value) = self.tag;
        aws_sdk_dynamodb::Client::new(aws)
            .create_table()
            .table_name(format!("parallelcluster-{}{}", self.table, self.deployment))
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name("Id")
                    .attribute_type(ScalarAttributeType::S)
                    .build()
                    .unwrap(),
            )
            .key_schema(
                KeySchemaElement::builder()
                    .attribute_name("Id")
                    .key_type(KeyType::Hash)
                    .build()
                    .unwrap(),
            )
            .tags(Tag::builder().key(key).value(value).build().unwrap())
            .send()
            .await
            .unwrap();
    }

    async fn zone(&self, aws: &SdkConfig) {
        use aws_sdk_route53::types::{
            Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType, Tag,
            TagResourceType,
        };
        let (key, value) = self.tag;
        let zones = aws_sdk_route53::Client::new(aws);
        let zone = zones
            .create_hosted_zone()
            .name(format!("{}.pcluster", self.deployment))
            .caller_reference(self.suffix)
            .send()
            .await
            .unwrap();
        let id = zone.hosted_zone().unwrap().id();
        let id = id.trim_start_matches("/hostedzone/");
        zones
            .change_tags_for_resource()
            .resource_type(TagResourceType::Hostedzone)
            .resource_id(id)
            .add_tags(Tag::builder().key(key).value(value).build())
            .send()
            .await
            .unwrap();
        let address = ResourceRecord::builder().value("10.7.1.9").build().unwrap();
        let record = ResourceRecordSet::builder()
            .name(format!("queue1-dy-1.{}.pcluster", self.deployment))
            .r#type(RrType::A)
            .ttl(5)
            .resource_records(address)
            .build()
            .unwrap();
        let change = Change::builder()
            .action(ChangeAction::Create)
            .resource_record_set(record)
            .build()
            .unwrap();
        zones
            .change_resource_record_sets()
            .hosted_zone_id(id)
            .change_batch(ChangeBatch::builder().changes(change).build().unwrap())
            .send()
            .await
            .unwrap();
    }
}

/// Returns the status that a stack ends in.
async fn settled(stacks: &aws_sdk_cloudformation::Client, id: &str) -> String {
    loop {
        let found = stacks
            .describe_stacks()
            .stack_name(id)
            .send()
            .await
            .unwrap();
        let status = found.stacks()[0].stack_status().unwrap().as_str();
        if !status.ends_with("_IN_PROGRESS") {
            return status.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
