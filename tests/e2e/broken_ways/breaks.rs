//! What is broken, and what the doctor has to say of it.

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{AuthorizationType, RouteSettings};
use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
use aws_sdk_elasticloadbalancingv2::types::{Matcher, TargetDescription};

use super::deployed::Deployed;

const REQUIREMENTS: &str = include_str!("../../../templates/requirements.yaml");
const API: &str = include_str!("../../../templates/api.yaml");

/// A break that is made for real.
#[derive(Debug, Clone, Copy)]
pub(super) enum Break {
    /// This was run on the head node, as root.
    OnHeadNode(&'static str),
    /// A rule was taken from a security group: in or out, port, whose, to whom.
    Rule(Way, i32, &'static str, &'static str),
    /// The template of the requirements stack lost these resources.
    RequirementsWithout(&'static [&'static str]),
    /// The template of the API stack lost these resources.
    ApiWithout(&'static [&'static str]),
    /// The listener of the API stack's template has another port.
    OtherListenerPort,
    /// The instance was stopped.
    Stopped,
    /// The instance was terminated.
    Terminated,
    /// The instance lost the security group that lets the load balancer in.
    GroupTakenOff,
    /// The target was deregistered.
    Deregistered,
    /// Another port of the head node was registered instead.
    OtherPort,
    /// A listener was deleted, and this too.
    Listener,
    /// The target group was deleted, with its listener.
    TargetGroup,
    /// The load balancer was deleted.
    LoadBalancer,
    /// The VPC link was deleted.
    VpcLink,
    /// The API was deleted.
    HttpApi,
    /// Its stage was deleted.
    Stage,
    /// Its stage takes no requests any more.
    Throttled,
    /// A route wants callers with credentials of AWS.
    RouteWantsIam,
    /// The load balancer asks another path whether the head node is healthy.
    OtherHealthCheck,
    /// A route was deleted.
    Route(&'static str),
    /// The integration leads to another listener.
    IntegrationElsewhere,
    /// The whole stack was deleted.
    ApiStack,
    /// The cluster's stack was deleted, not by hpcapi.
    ClusterStack,
}

/// Which way a rule lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// A break, the layer that the doctor has to name, and words that it has to say.
pub(super) type Case = (Break, &'static str, &'static str);

use Break::{ApiWithout, OnHeadNode, RequirementsWithout, Route, Rule};

/// What jobs and tokens come from, on the head node.
pub(super) const CONTROLLER: &[Case] = &[
    (
        OnHeadNode("systemctl stop slurmctld"),
        "slurmctld",
        "it does not run",
    ),
    (
        OnHeadNode("systemctl stop hpcapi-watchdog.timer; pkill -STOP slurmctld"),
        "slurmctld",
        "it takes connections, and answers nothing",
    ),
    (
        OnHeadNode("systemctl stop hpcapi-watchdog.timer; systemctl disable --now slurmctld"),
        "slurmctld",
        "it does not run",
    ),
    (
        OnHeadNode("rm /var/spool/slurm.state/jwt_hs256.key; systemctl restart slurmctld || true"),
        "slurmctld",
        "it does not run",
    ),
    (
        OnHeadNode("systemctl stop munge"),
        "slurmctld",
        "munge, by which Slurm's programs know each other, is inactive",
    ),
];

/// What serves the API on the head node.
pub(super) const REST_DAEMON: &[Case] = &[
    (
        OnHeadNode("systemctl stop slurmrestd"),
        "slurmrestd",
        "slurmrestd is inactive",
    ),
    (
        OnHeadNode("systemctl mask --runtime slurmrestd; systemctl stop slurmrestd"),
        "slurmrestd",
        "slurmrestd is",
    ),
    (
        OnHeadNode("systemctl stop hpcapi-proxy"),
        "slurmrestd",
        "the proxy before it is inactive",
    ),
    (
        OnHeadNode("pkill -STOP slurmrestd"),
        "slurmrestd",
        "port 6830",
    ),
    (
        OnHeadNode(
            "rm /etc/systemd/system/slurmrestd.service; systemctl daemon-reload; systemctl stop slurmrestd",
        ),
        "slurmrestd",
        "slurmrestd is inactive",
    ),
];

/// What would not be there after the next start of a daemon or of the head node.
pub(super) const DRIFT: &[Case] = &[
    (
        OnHeadNode("sed -i s/300r/3000r/ /etc/hpcapi/nginx.conf"),
        "node setup",
        "`/etc/hpcapi/nginx.conf` was changed",
    ),
    (
        OnHeadNode("chmod 0644 /etc/hpcapi/operate.py"),
        "node setup",
        "`/etc/hpcapi/operate.py` was changed",
    ),
    (
        OnHeadNode("rm /usr/local/lib/hpcapi/record-jobs.py"),
        "node setup",
        "`/usr/local/lib/hpcapi/record-jobs.py` is missing",
    ),
    (
        OnHeadNode("rm -r /etc/hpcapi"),
        "node setup",
        "`/etc/hpcapi/files` is missing",
    ),
    (
        OnHeadNode("systemctl disable slurmctld"),
        "node setup",
        "slurmctld is disabled",
    ),
    (
        OnHeadNode("systemctl disable munge"),
        "node setup",
        "munge is disabled",
    ),
    (
        OnHeadNode("systemctl disable --now hpcapi-record-jobs.timer"),
        "node setup",
        "hpcapi-record-jobs.timer is disabled",
    ),
    (
        OnHeadNode("systemctl stop hpcapi-watchdog.timer"),
        "node setup",
        "hpcapi-watchdog.timer is inactive",
    ),
    (
        OnHeadNode("userdel --force hpcapi-proxy"),
        "node setup",
        "there is no user `hpcapi-proxy`",
    ),
    (
        OnHeadNode("rm /var/spool/slurm.state/jwt_hs256.key"),
        "node setup",
        "`/var/spool/slurm.state/jwt_hs256.key` is missing",
    ),
    (
        OnHeadNode("chmod 0644 /var/spool/slurm.state/jwt_hs256.key"),
        "node setup",
        "`/var/spool/slurm.state/jwt_hs256.key` has other rights",
    ),
    (
        OnHeadNode("rm /etc/munge/munge.key"),
        "node setup",
        "`/etc/munge/munge.key` is missing",
    ),
    (
        OnHeadNode("rm /var/spool/hpcapi/jobs.txt"),
        "node setup",
        "`/var/spool/hpcapi/jobs.txt` is missing",
    ),
    (
        OnHeadNode("sed -i /^AuthAlt/d /opt/slurm/etc/*.conf /opt/slurm/etc/pcluster/*.conf"),
        "node setup",
        "`AuthAltTypes=auth/jwt` is not in Slurm's configuration",
    ),
    (
        OnHeadNode(
            "sed -i /^AuthAlt/d /opt/slurm/etc/*.conf /opt/slurm/etc/pcluster/*.conf; \
             systemctl restart slurmctld",
        ),
        "node setup",
        "`AuthAltTypes=auth/jwt` is not in Slurm's configuration",
    ),
    (
        OnHeadNode("rm -r /var/log/hpcapi"),
        "node setup",
        "`/var/log/hpcapi` is missing",
    ),
    (
        OnHeadNode("systemctl stop clustermgtd"),
        "node setup",
        "clustermgtd, which starts and stops compute nodes, is STOPPED",
    ),
    (
        OnHeadNode(
            "systemctl kill --signal STOP clustermgtd
             touch -d '20 minutes ago' /opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat",
        ),
        "node setup",
        "has said nothing for 20 minutes",
    ),
];

/// The network, and the instance in it. A rule that was put back is no longer the stack's own, and the
/// stack does not remove it: cases in which the stack removes rules come first.
pub(super) const NETWORK: &[Case] = &[
    (
        RequirementsWithout(&["FromLoadBalancerToHeadNode"]),
        "target",
        "has no rule that lets port 6830 in from",
    ),
    (
        RequirementsWithout(&["FromLinkToLoadBalancer", "OutToHeadNode"]),
        "target",
        "has no rule that lets port 80 in from",
    ),
    (
        Rule(Way::In, 6830, "HeadNodeSecurityGroup", "APISecurityGroup"),
        "target",
        "has no rule that lets port 6830 in from",
    ),
    (
        Rule(Way::Out, 6830, "APISecurityGroup", "HeadNodeSecurityGroup"),
        "target",
        "has no rule that lets port 6830 out to",
    ),
    (
        Rule(Way::In, 80, "APISecurityGroup", "APISecurityGroup"),
        "target",
        "has no rule that lets port 80 in from",
    ),
    (
        Rule(Way::Out, 80, "APISecurityGroup", "APISecurityGroup"),
        "target",
        "has no rule that lets port 80 out to",
    ),
    (
        Break::GroupTakenOff,
        "head node",
        "does not wear the security group",
    ),
    (Break::Stopped, "head node", "is stop"),
];

/// The load balancer and the API in front of it.
pub(super) const API_STACK: &[Case] = &[
    (
        Break::Deregistered,
        "target",
        "is not registered with the load balancer",
    ),
    (
        Break::OtherPort,
        "target",
        "is not registered with the load balancer",
    ),
    (Break::TargetGroup, "target", "the target group is gone"),
    (Break::Listener, "listener", "does not listen on port 80"),
    (
        Break::OtherListenerPort,
        "listener",
        "does not listen on port 80",
    ),
    (Break::LoadBalancer, "listener", "the load balancer is gone"),
    (Break::VpcLink, "VPC link", "the VPC link is gone"),
    (Break::HttpApi, "route", "the HTTP API is gone"),
    (Break::Stage, "route", "has no stage"),
    (
        Break::Throttled,
        "route",
        "the stage $default takes 1 requests a second, and not 300",
    ),
    (
        Break::RouteWantsIam,
        "route",
        "the route `GET /openapi` wants AWS_IAM of callers",
    ),
    (
        Break::OtherHealthCheck,
        "target",
        "the health check of the target group asks `/other` at traffic-port for 302",
    ),
    (
        Route("ANY /slurm/{proxy+}"),
        "route",
        "has no route `ANY /slurm/{proxy+}`",
    ),
    (
        Route("GET /openapi"),
        "route",
        "has no route `GET /openapi`",
    ),
    (
        ApiWithout(&["OpenapiRoute", "SlurmdbRoute"]),
        "route",
        "has no route `GET /slurmdb/{proxy+}`",
    ),
    (
        ApiWithout(&[
            "SlurmRoute",
            "SlurmdbRoute",
            "OpenapiRoute",
            "OpenapiRootRoute",
        ]),
        "stacks",
        "the API's route (AWS::ApiGatewayV2::Route) is missing",
    ),
    (
        Break::IntegrationElsewhere,
        "route",
        "does not lead to the load balancer through the VPC link",
    ),
    (Break::ApiStack, "stacks", "is missing"),
];

/// The cluster as a whole.
pub(super) const CLUSTER: &[Case] = &[
    (
        Break::ClusterStack,
        "cluster",
        "there is no cluster `hpc-serverless-job-mgmt`",
    ),
    (Break::Terminated, "head node", "` was terminated"),
];

impl Break {
    /// Returns whether the URL goes with it.
    pub(super) fn costs_the_url(self) -> bool {
        matches!(self, Break::HttpApi | Break::ApiStack)
    }

    /// Breaks it.
    pub(super) async fn make(self, deployed: &Deployed) {
        match self {
            Break::OnHeadNode(script) => {
                deployed.env.on_head_node(script).await;
            }
            Break::Rule(way, port, of, other) => revoke(deployed, way, port, of, other).await,
            Break::RequirementsWithout(resources) => {
                deployed.cut("requirements", REQUIREMENTS, resources).await;
            }
            Break::ApiWithout(resources) => deployed.cut("api", API, resources).await,
            Break::OtherListenerPort => {
                assert!(API.contains("\n      Port: 80\n"));
                let other = API.replacen("\n      Port: 80\n", "\n      Port: 81\n", 1);
                deployed.cut("api", &other, &[]).await;
            }
            Break::Stopped | Break::Terminated | Break::GroupTakenOff => {
                self.make_to_instance(deployed).await;
            }
            Break::Deregistered
            | Break::OtherPort
            | Break::Listener
            | Break::TargetGroup
            | Break::OtherHealthCheck
            | Break::LoadBalancer => self.make_to_load_balancer(deployed).await,
            Break::ApiStack => deployed.delete_stack(&deployed.stack("api")).await,
            Break::ClusterStack => deployed.delete_stack("hpc-serverless-job-mgmt").await,
            _ => self.make_to_gateway(deployed).await,
        }
    }

    async fn make_to_instance(self, deployed: &Deployed) {
        let ec2 = &deployed.ec2;
        let instance = deployed.head_node().await;
        match self {
            Break::Stopped => {
                ec2.stop_instances()
                    .instance_ids(instance)
                    .send()
                    .await
                    .unwrap();
            }
            Break::Terminated => {
                ec2.terminate_instances()
                    .instance_ids(instance)
                    .send()
                    .await
                    .unwrap();
            }
            _ => {
                let ours = deployed.id("requirements", "HeadNodeSecurityGroup").await;
                let found = ec2
                    .describe_instances()
                    .instance_ids(&instance)
                    .send()
                    .await;
                let groups = found.unwrap().reservations()[0].instances()[0]
                    .security_groups()
                    .iter()
                    .filter_map(|group| group.group_id().map(str::to_owned))
                    .filter(|group| *group != ours)
                    .collect();
                ec2.modify_instance_attribute()
                    .instance_id(instance)
                    .set_groups(Some(groups))
                    .send()
                    .await
                    .unwrap();
            }
        }
    }

    async fn make_to_load_balancer(self, deployed: &Deployed) {
        let balancing = &deployed.balancing;
        let of_head_node = |port: Option<i32>, id: &str| {
            TargetDescription::builder().id(id).set_port(port).build()
        };
        if !matches!(
            self,
            Break::LoadBalancer | Break::Deregistered | Break::OtherPort | Break::OtherHealthCheck
        ) {
            let listener = deployed.id("api", "Listener").await;
            balancing
                .delete_listener()
                .listener_arn(listener)
                .send()
                .await
                .unwrap();
        }
        match self {
            Break::Deregistered | Break::OtherPort => {
                let group = deployed.id("api", "TargetGroup").await;
                let head_node = deployed.head_node().await;
                balancing
                    .deregister_targets()
                    .target_group_arn(&group)
                    .targets(of_head_node(None, &head_node))
                    .send()
                    .await
                    .unwrap();
                if matches!(self, Break::OtherPort) {
                    balancing
                        .register_targets()
                        .target_group_arn(group)
                        .targets(of_head_node(Some(6831), &head_node))
                        .send()
                        .await
                        .unwrap();
                }
            }
            Break::OtherHealthCheck => {
                let group = deployed.id("api", "TargetGroup").await;
                balancing
                    .modify_target_group()
                    .target_group_arn(group)
                    .health_check_path("/other")
                    .matcher(Matcher::builder().http_code("302").build())
                    .send()
                    .await
                    .unwrap();
            }
            Break::TargetGroup => {
                let group = deployed.id("api", "TargetGroup").await;
                balancing
                    .delete_target_group()
                    .target_group_arn(group)
                    .send()
                    .await
                    .unwrap();
            }
            Break::LoadBalancer => {
                let arn = deployed.id("api", "LoadBalancer").await;
                balancing
                    .delete_load_balancer()
                    .load_balancer_arn(arn)
                    .send()
                    .await
                    .unwrap();
            }
            _ => {}
        }
    }

    async fn make_to_gateway(self, deployed: &Deployed) {
        let gateway = &deployed.gateway;
        if let Break::VpcLink = self {
            let link = deployed.id("api", "VpcLink").await;
            gateway
                .delete_vpc_link()
                .vpc_link_id(link)
                .send()
                .await
                .unwrap();
            return;
        }
        let api = deployed.id("api", "HttpApi").await;
        match self {
            Break::HttpApi => {
                gateway.delete_api().api_id(api).send().await.unwrap();
            }
            Break::Stage => {
                let delete = gateway.delete_stage().api_id(api);
                delete.stage_name("$default").send().await.unwrap();
            }
            Break::Throttled => {
                let settings = RouteSettings::builder()
                    .throttling_rate_limit(1.0)
                    .throttling_burst_limit(1);
                let update = gateway.update_stage().api_id(api).stage_name("$default");
                let update = update.default_route_settings(settings.build());
                update.send().await.unwrap();
            }
            Break::RouteWantsIam => {
                let route = route(gateway, &api, "GET /openapi").await;
                let update = gateway.update_route().api_id(api).route_id(route);
                let update = update.authorization_type(AuthorizationType::AwsIam);
                update.send().await.unwrap();
            }
            Break::Route(key) => {
                let route = route(gateway, &api, key).await;
                let delete = gateway.delete_route().api_id(api);
                delete.route_id(route).send().await.unwrap();
            }
            Break::IntegrationElsewhere => {
                let integration = deployed.id("api", "Integration").await;
                gateway
                    .update_integration()
                    .api_id(api)
                    .integration_id(integration)
                    .integration_uri(
                        "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/x/1/2",
                    )
                    .send()
                    .await
                    .unwrap();
            }
            other => unreachable!("{other:?}"),
        }
    }
}

/// Returns the id of a route.
async fn route(gateway: &Client, api: &str, key: &str) -> String {
    let routes = gateway.get_routes().api_id(api).send().await.unwrap();
    let mut routes = routes.items().iter();
    let route = routes.find(|route| route.route_key() == Some(key)).unwrap();
    route.route_id().unwrap().to_owned()
}

async fn revoke(deployed: &Deployed, way: Way, port: i32, of: &str, other: &str) {
    let group = deployed.id("requirements", of).await;
    let pair = UserIdGroupPair::builder().group_id(deployed.id("requirements", other).await);
    let rule = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port)
        .user_id_group_pairs(pair.build())
        .build();
    let ec2 = &deployed.ec2;
    match way {
        Way::In => {
            let revoke = ec2.revoke_security_group_ingress().group_id(group);
            revoke.ip_permissions(rule).send().await.unwrap();
        }
        Way::Out => {
            let revoke = ec2.revoke_security_group_egress().group_id(group);
            revoke.ip_permissions(rule).send().await.unwrap();
        }
    }
}
