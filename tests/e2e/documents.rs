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
    let (last, readme): (Vec<_>, Vec<_>) = readme
        .into_iter()
        .partition(|line| line.starts_with("hpcapi teardown"));
    assert!(readme.len() >= 9 && last.len() == 1, "{readme:?} {last:?}");
    typed(&readme);

    let (walk, _) = JOBS.split_once(END_OF_THE_WALK).unwrap();
    // The walk is about the first job of a cluster.
    env.succeed(&["up", "--replace-cluster", "--yes"]);
    let walk: Vec<_> = code(walk).collect();
    assert!(walk.len() > 20, "{walk:?}");
    typed(&walk);

    // Jobs are remembered: they may stay, and who lets them go types a name.
    let answers = format!("n\n{}\n", "hpc-serverless-job-mgmt");
    let torn = env.at_terminal(last[0], &answers);
    let words = text(&torn.stdout);
    assert!(torn.status.success(), "{words}");
    assert!(words.contains("objects of"), "{words}");
    assert!(
        words.contains("nothing of the deployment is left"),
        "{words}"
    );
    env.assert_empty().await;
}
