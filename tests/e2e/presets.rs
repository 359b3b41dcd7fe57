//! Every preset is a configuration that `up` can begin with.

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
