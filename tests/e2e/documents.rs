//! The commands of the documents, typed as they stand there.

use crate::environment::{TestEnv, text};

const README: &str = include_str!("../../README.md");
const JOBS: &str = include_str!("../../docs/jobs.md");

/// Where the walk through the jobs comes to what needs files of its own.
const END_OF_THE_WALK: &str = "Run a script with its files";

/// Returns the lines of code in a document, as they are typed.
fn code(document: &str) -> impl Iterator<Item = &str> {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
}

#[tokio::test]
async fn what_readme_and_the_walk_through_jobs_say_to_type_works() {
    let env = TestEnv::new();
    let setting = "set -eu; cd; mkdir -p data; export HPCAPI_SANDBOX=1\n\
                   printf '#!/bin/bash\\nmkdir -p results; date > results/now\\n' > job.sh\n";
    let typed = |commands: &[&str]| {
        let script = format!("{setting}{}\n", commands.join("\n"));
        let output = env.shell(&script);
        let words = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{commands:#?}\n{}", text(&words));
    };
    let readme: Vec<_> = code(README)
        .filter(|line| line.starts_with("hpcapi "))
        .collect();
    // These two ask, and end what the others need.
    let asks = |line: &&str| {
        ["hpcapi pause", "hpcapi teardown"]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let (asking, readme): (Vec<_>, Vec<_>) = readme.into_iter().partition(asks);
    let [pause, teardown] = asking[..] else {
        panic!("{asking:?}");
    };
    assert!(readme.len() >= 9, "{readme:?}");
    typed(&readme);

    let (walk, _) = JOBS.split_once(END_OF_THE_WALK).unwrap();
    // The walk is about the first job of a cluster.
    env.succeed(&["up", "--replace-cluster", "--yes"]);
    let walk: Vec<_> = code(walk).collect();
    assert!(walk.len() > 20, "{walk:?}");
    typed(&walk);

    let paused = env.at_terminal(pause, "y\n");
    assert!(paused.status.success(), "{}", text(&paused.stdout));
    assert!(env.fail(3, &["status"]).contains("rests"));
    env.succeed(&["resume"]);

    // Jobs are remembered: they may stay, and who lets them go types a name.
    let answers = format!("n\n{}\n", "hpc-serverless-job-mgmt");
    let torn = env.at_terminal(teardown, &answers);
    let words = text(&torn.stdout);
    assert!(torn.status.success(), "{words}");
    assert!(words.contains("objects of"), "{words}");
    assert!(
        words.contains("nothing of the deployment is left"),
        "{words}"
    );
    env.assert_empty().await;
}
