//! Tokens: given, minted, refused, revoked.

use std::time::Duration;

use super::cluster::Cluster;
use crate::environment::text;

pub(crate) fn a_bad_token_is_told_and_a_minted_one_is_kept(cluster: &Cluster) {
    let env = &cluster.env;
    let short = env.succeed(&["token", "--lifespan", "1"]);
    std::thread::sleep(Duration::from_secs(2));
    let list_with = |token: &str| {
        let output = env
            .hpcapi(&["jobs", "list"])
            .env("SLURM_JWT", token)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let expired = list_with(short.trim());
    assert!(expired.contains("expired"), "{expired}");
    let (start, signature) = short.trim().rsplit_once('.').unwrap();
    let fresh = env.succeed(&["token"]);
    let forged = format!("{}.{signature}", fresh.trim().rsplit_once('.').unwrap().0);
    assert_ne!(start, forged);
    let refused = list_with(&forged);
    assert!(refused.contains("which has not expired"), "{refused}");

    // The second call needs neither AWS nor SSM.
    let commands = || {
        cluster.on_head_node(
            "grep -c 'created token\\|auth_p_token_generate' /var/log/slurmctld.log || true",
        )
    };
    env.succeed(&["ping"]);
    let before = commands();
    env.succeed(&["ping"]);
    assert_eq!(commands(), before, "another token was minted");
}

pub(crate) fn revoking_ends_every_token(cluster: &Cluster) {
    let env = &cluster.env;
    let given = env.succeed(&["token"]);
    env.succeed(&["ping"]);
    let said = env.succeed(&["token", "--revoke-all", "--yes"]);
    assert!(said.contains("every token is revoked"), "{said}");
    let output = env
        .hpcapi(&["jobs", "list"])
        .env("SLURM_JWT", given.trim())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "the old token is still good");
    // The remembered one is renewed without a word.
    env.succeed(&["jobs", "list"]);
}
