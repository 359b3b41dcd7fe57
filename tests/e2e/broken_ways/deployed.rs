//! A finished deployment, and the hands to break it with.

use aws_sdk_apigatewayv2 as gateway;
use aws_sdk_cloudformation as cloudformation;
use aws_sdk_ec2 as ec2;
use aws_sdk_elasticloadbalancingv2 as balancing;

use crate::environment::TestEnv;

use super::templates;

const NAME: &str = "hpc-serverless-job-mgmt";

/// A finished deployment of the default name.
pub(super) struct Deployed {
    pub(super) env: TestEnv,
    pub(super) cloudformation: cloudformation::Client,
    pub(super) ec2: ec2::Client,
    pub(super) balancing: balancing::Client,
    pub(super) gateway: gateway::Client,
}

impl Deployed {
    pub(super) async fn up() -> Deployed {
        let env = TestEnv::new();
        env.succeed(&["up", "--yes"]);
        let aws = env.aws().await;
        Deployed {
            cloudformation: cloudformation::Client::new(&aws),
            ec2: ec2::Client::new(&aws),
            balancing: balancing::Client::new(&aws),
            gateway: gateway::Client::new(&aws),
            env,
        }
    }

    pub(super) fn stack(&self, part: &str) -> String {
        format!("{NAME}-{part}")
    }

    /// Returns the id of a resource of a stack (`requirements` or `api`).
    pub(super) async fn id(&self, part: &str, resource: &str) -> String {
        let found = self
            .cloudformation
            .describe_stack_resource()
            .stack_name(self.stack(part))
            .logical_resource_id(resource)
            .send()
            .await
            .unwrap();
        let detail = found.stack_resource_detail().unwrap();
        detail.physical_resource_id().unwrap().to_owned()
    }

    pub(super) async fn head_node(&self) -> String {
        let status = self.env.run(&["status", "--output", "json"]);
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        status["head_node"].as_str().unwrap().to_owned()
    }

    /// Updates a stack with its template less these resources.
    pub(super) async fn cut(&self, part: &str, template: &str, resources: &[&str]) {
        let cut = templates::without(template, resources);
        templates::replace(&self.cloudformation, &self.stack(part), &cut).await;
    }

    pub(super) async fn delete_stack(&self, name: &str) {
        let delete = self.cloudformation.delete_stack().stack_name(name);
        delete.send().await.unwrap();
        templates::settle(&self.cloudformation, name).await;
    }
}
