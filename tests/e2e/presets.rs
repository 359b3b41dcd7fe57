//! Every preset is a configuration that `up` can begin with, and that for MPI runs its example.

use std::collections::BTreeSet;

use crate::environment::{TestEnv, text};

#[tokio::test]
async fn every_preset_passes_what_is_looked_at_before_anything_is_made() {
    let env = TestEnv::new();
    for preset in ["free-tier", "cpu", "mpi-efa", "gpu"] {
        let file = env.home().join(preset);
        let file = file.to_str().unwrap();
        env.succeed(&["config", "--preset", preset, "--output", file]);
        for region in ["us-east-1", "eu-west-1"] {
            let looked = env.run(&["doctor", "--config", file, "--region", region]);
            let found = text(&looked.stdout);
            assert_eq!(
                looked.status.code(),
                Some(0),
                "{preset} in {region}: {found}"
            );
            assert!(
                found.contains("`up` can begin"),
                "{preset} in {region}: {found}"
            );
        }
    }
    let words = env.fail(2, &["config", "--preset", "gpu", "--config", "mine.yaml"]);
    assert!(words.contains("cannot be used with"), "{words}");
}

#[tokio::test]
async fn the_mpi_example_runs_on_two_nodes_of_its_preset() {
    let env = TestEnv::new();
    let config = env.home().join("mpi.yaml");
    let config = config.to_str().unwrap();
    env.succeed(&["config", "--preset", "mpi-efa", "--output", config]);
    env.succeed(&["up", "--yes", "--config", config]);

    let ran = env
        .hpcapi(&["run", "examples/mpi/mpi.sh", "--in", "examples/mpi/ring.c"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (printed, words) = (text(&ran.stdout), text(&ran.stderr));
    assert_eq!(ran.status.code(), Some(0), "{printed}{words}");
    let ranks: BTreeSet<_> = printed
        .lines()
        .filter(|line| line.starts_with("rank "))
        .collect();
    let expected = [
        "rank 0 of 4 on mpi-dy-c5n-1",
        "rank 1 of 4 on mpi-dy-c5n-1",
        "rank 2 of 4 on mpi-dy-c5n-2",
        "rank 3 of 4 on mpi-dy-c5n-2",
    ];
    assert_eq!(ranks, BTreeSet::from(expected), "{printed}{words}");
    let results = "ring 6, allreduce 6, expected 6: right";
    assert!(printed.lines().any(|line| line == results), "{printed}");
}
