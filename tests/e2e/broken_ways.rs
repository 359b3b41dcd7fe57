//! A wire that is missing in a template breaks the endpoint, and hpcapi says which layer.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::Parameter;

use crate::environment::TestEnv;

const REQUIREMENTS: (&str, &str) = (
    "hpc-serverless-job-mgmt-requirements",
    include_str!("../../templates/requirements.yaml"),
);
const API: (&str, &str) = (
    "hpc-serverless-job-mgmt-api",
    include_str!("../../templates/api.yaml"),
);

#[tokio::test]
async fn every_missing_wire_is_named() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let stacks = Client::new(&env.aws().await);

    let cut = without_resource(REQUIREMENTS.1, "FromLoadBalancerToHeadNode");
    replace(&stacks, REQUIREMENTS.0, &cut).await;
    says(&env, "6830 of the head node");
    let words = env.fail(1, &["up", "--yes"]);
    assert!(
        words.contains("no rule that lets port 6830 in from"),
        "{words}"
    );
    replace(&stacks, REQUIREMENTS.0, REQUIREMENTS.1).await;

    let cut = without_resource(REQUIREMENTS.1, "FromLinkToLoadBalancer");
    replace(&stacks, REQUIREMENTS.0, &cut).await;
    says(
        &env,
        "does not reach the load balancer through the VPC link",
    );
    replace(&stacks, REQUIREMENTS.0, REQUIREMENTS.1).await;

    let routes = [
        "SlurmRoute",
        "SlurmdbRoute",
        "OpenapiRoute",
        "OpenapiRootRoute",
    ];
    let cut = routes.iter().fold(API.1.to_owned(), |text, route| {
        without_resource(&text, route)
    });
    replace(&stacks, API.0, &cut).await;
    says(&env, "API Gateway has no route");
    let words = env.fail(1, &["up", "--yes"]);
    assert!(words.contains("the API's route"), "{words}");
    replace(&stacks, API.0, API.1).await;

    // A listener where no rule lets the VPC link in.
    assert!(API.1.contains("\n      Port: 80\n"));
    let cut = API
        .1
        .replacen("\n      Port: 80\n", "\n      Port: 81\n", 1);
    replace(&stacks, API.0, &cut).await;
    says(
        &env,
        "does not reach the load balancer through the VPC link",
    );
    replace(&stacks, API.0, API.1).await;

    env.succeed(&["status"]);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

/// Asserts that `status` finds the endpoint broken and says so.
fn says(env: &TestEnv, layer: &str) {
    let output = env.run(&["status"]);
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains(layer), "{words}");
}

/// Returns the template without one resource.
fn without_resource(template: &str, name: &str) -> String {
    let head = format!("\n  {name}:\n");
    let start = template
        .find(&head)
        .unwrap_or_else(|| panic!("no resource {name}"))
        + 1;
    let body = start + head.len() - 1;
    let is_next = |line: &str| !line.is_empty() && !line.starts_with("   ");
    let length: usize = template[body..]
        .split_inclusive('\n')
        .take_while(|line| !is_next(line.trim_end()))
        .map(str::len)
        .sum();
    format!("{}{}", &template[..start], &template[body + length..])
}

/// Updates a stack to another template with the parameters it has, and waits for it.
async fn replace(stacks: &Client, name: &str, template: &str) {
    let before = stacks
        .describe_stacks()
        .stack_name(name)
        .send()
        .await
        .unwrap();
    let parameters = before.stacks()[0].parameters().iter().map(|parameter| {
        Parameter::builder()
            .set_parameter_key(parameter.parameter_key.clone())
            .use_previous_value(true)
            .build()
    });
    stacks
        .update_stack()
        .stack_name(name)
        .template_body(template)
        .set_parameters(Some(parameters.collect()))
        .set_tags(before.stacks()[0].tags.clone())
        .send()
        .await
        .unwrap();
    loop {
        let now = stacks
            .describe_stacks()
            .stack_name(name)
            .send()
            .await
            .unwrap();
        match now.stacks()[0].stack_status().unwrap().as_str() {
            "UPDATE_COMPLETE" => return,
            status if status.ends_with("_IN_PROGRESS") => {}
            status => panic!("{name} is in {status}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
