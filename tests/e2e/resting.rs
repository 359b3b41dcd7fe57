//! A deployment rests over the weekend: what costs is gone, and what people have of it stays. Whoever
//! is killed meanwhile leaves a state from which every command goes on.

use serde_json::Value;

use crate::environment::TestEnv;
use crate::interrupted::kill_when;

const PAUSE: &[&str] = &["pause", "--yes", "--output", "json"];
const RESUME: &[&str] = &["resume", "--output", "json"];

/// What is paid by the hour in an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    nat_gateways: usize,
    load_balancers: usize,
    vpc_links: usize,
    addresses: usize,
    volumes: usize,
    /// Instances that run.
    instances: usize,
}

pub(crate) const AT_WORK: Paid = Paid {
    nat_gateways: 1,
    load_balancers: 1,
    vpc_links: 1,
    addresses: 2,
    volumes: 1,
    instances: 1,
};

/// The address is the head node's Elastic IP.
pub(crate) const AT_REST: Paid = Paid {
    nat_gateways: 0,
    load_balancers: 0,
    vpc_links: 0,
    addresses: 1,
    volumes: 1,
    instances: 0,
};

pub(crate) async fn paid(env: &TestEnv) -> Paid {
    let aws = env.aws().await;
    let ec2 = aws_sdk_ec2::Client::new(&aws);
    let gateways = ec2.describe_nat_gateways().send().await.unwrap();
    let gone = |state: &str| matches!(state, "deleted" | "deleting");
    let gateways = gateways.nat_gateways().iter();
    let gateways = gateways.filter(|it| !it.state().is_some_and(|state| gone(state.as_str())));
    let instances = ec2.describe_instances().send().await.unwrap();
    let instances = instances.reservations().iter();
    let states = instances.flat_map(|group| group.instances()).map(|it| {
        let state = it.state().and_then(|state| state.name());
        state.map_or("", |name| name.as_str())
    });
    let balancing = aws_sdk_elasticloadbalancingv2::Client::new(&aws);
    let balancers = balancing.describe_load_balancers().send().await.unwrap();
    let gateway = aws_sdk_apigatewayv2::Client::new(&aws);
    let links = gateway.get_vpc_links().send().await.unwrap();
    let addresses = ec2.describe_addresses().send().await.unwrap();
    let volumes = ec2.describe_volumes().send().await.unwrap();
    Paid {
        nat_gateways: gateways.count(),
        load_balancers: balancers.load_balancers().len(),
        vpc_links: links.items().len(),
        addresses: addresses.addresses().len(),
        volumes: volumes.volumes().len(),
        instances: states.filter(|state| *state == "running").count(),
    }
}

/// Has a job run to its end, and the head node remember it; returns its id.
pub(crate) async fn run_job(env: &TestEnv) -> String {
    let script = env.file("job.sh", "#!/bin/bash\ntrue\n");
    let job = env.json(&["jobs", "submit", &script, "--output", "json"]);
    let id = job["jobs"][0]["id"].to_string();
    env.succeed(&["jobs", "wait", &id]);
    env.record_ended_jobs().await;
    id
}

fn read(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_deployment_that_rests_costs_little_and_comes_back_with_its_url_and_its_jobs() {
    let env = TestEnv::new();
    let up = env.json(&["up", "--yes", "--output", "json"]);
    let old = run_job(&env).await;
    assert_eq!(paid(&env).await, AT_WORK);

    // Nobody agreed.
    let words = env.fail(2, &["pause"]);
    for part in [
        "no job runs",
        "a month on AWS while it rests",
        "hpcapi pause",
        "--yes",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(paid(&env).await, AT_WORK);

    let paused = env.json(PAUSE);
    assert_eq!(paused["endpoint"], up["endpoint"]);
    assert_eq!(paused["changed"], true);
    assert_eq!(paid(&env).await, AT_REST);
    let lines = paused["costs"]["standing"].as_array().unwrap();
    let whats: Vec<_> = lines
        .iter()
        .map(|line| line["what"].as_str().unwrap())
        .collect();
    let [volume, address, zone] = whats[..] else {
        panic!("{whats:?}");
    };
    assert!(
        volume.starts_with("root volume of the head node"),
        "{volume}"
    );
    assert_eq!(address, "Elastic IP of the head node");
    assert_eq!(zone, "hosted zone of the cluster");
    assert_eq!(paused["costs"]["in_all"]["usd_per_month"], 7.75);
    assert_eq!(paused["saves"]["usd_per_month"], 68.11);

    says_that_it_rests(&env, up["endpoint"].as_str().unwrap()).await;

    let again = env.json(PAUSE);
    assert_eq!(again["changed"], false);

    let resumed = env.json(RESUME);
    assert_eq!(resumed["endpoint"], up["endpoint"]);
    assert_eq!(resumed["head_node"], up["head_node"]);
    assert_eq!(resumed["changed"], true);
    assert_eq!(paid(&env).await, AT_WORK);
    env.succeed(&["status"]);
    env.succeed(&["doctor"]);
    let new = run_job(&env).await;
    assert_ne!(new, old);
    for id in [&old, &new] {
        let shown = env.succeed(&["jobs", "show", id]);
        assert!(shown.contains("COMPLETED"), "{shown}");
    }
    assert_eq!(env.json(RESUME)["changed"], false);

    // One that rests is torn down as it is.
    env.succeed(PAUSE);
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
    assert_eq!(
        paid(&env).await,
        Paid {
            addresses: 0,
            volumes: 0,
            ..AT_REST
        }
    );
}

/// Every command says that it rests, and what to type; and so does, in its way, the URL.
async fn says_that_it_rests(env: &TestEnv, endpoint: &str) {
    let answer = reqwest::get(format!("{endpoint}/openapi")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    let status = env.run(&["status", "--output", "json"]);
    assert_eq!(status.status.code(), Some(3));
    let status = read(&status);
    assert_eq!(status["resting"], true);
    assert_eq!(status["endpoint"], *endpoint);
    let mut steps = status["steps"].as_array().unwrap().iter();
    let other =
        steps.find(|step| !["ready", "resting", "off"].contains(&step["state"].as_str().unwrap()));
    assert_eq!(other, None);
    let list = env.json(&["list", "--output", "json"]);
    assert_eq!(list["deployments"][0]["state"], "resting");
    let plan = env.run(&["plan", "--output", "json"]);
    assert_eq!(plan.status.code(), Some(3));
    let plan = read(&plan);
    let mut steps = plan["steps"].as_array().unwrap().iter();
    let other = steps.find(|step| !["keep", "resume"].contains(&step["action"].as_str().unwrap()));
    assert_eq!(other, None);
    let script = env.file("job.sh", "#!/bin/bash\ntrue\n");
    let commands: [(i32, &[&str]); 8] = [
        (3, &["status"]),
        (3, &["plan"]),
        (1, &["doctor"]),
        (3, &["token"]),
        (3, &["ping"]),
        (3, &["jobs", "list"]),
        (3, &["jobs", "submit", &script]),
        (3, &["nodes"]),
    ];
    for (code, command) in commands {
        let words = env.fail(code, command);
        assert!(words.contains("rests"), "{command:?}: {words}");
        assert!(words.contains("hpcapi resume"), "{command:?}: {words}");
    }
}

#[tokio::test]
async fn whoever_is_killed_leaves_what_every_command_goes_on_with() {
    let env = TestEnv::new();
    let words = env.fail(3, RESUME);
    assert!(words.contains("no complete deployment"), "{words}");
    let up = env.json(&["up", "--yes", "--output", "json"]);

    kill_when(&env, PAUSE, "cluster: started");
    let resumed = env.json(&["up", "--yes", "--output", "json"]);
    assert_eq!(resumed["endpoint"], up["endpoint"]);
    assert_eq!(paid(&env).await, AT_WORK);
    run_job(&env).await;

    kill_when(&env, PAUSE, "head-node: started");
    env.succeed(PAUSE);
    assert_eq!(paid(&env).await, AT_REST);

    kill_when(&env, RESUME, "api: started");
    kill_when(&env, RESUME, "nat-gateway: ready");
    let resumed = env.json(RESUME);
    assert_eq!(resumed["endpoint"], up["endpoint"]);
    run_job(&env).await;

    kill_when(&env, PAUSE, "nat-gateway: at rest");
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
