//! A node script that fails makes the cluster fail, the cause is told, and what is left can
//! be removed or replaced.

use crate::environment::TestEnv;

#[tokio::test]
async fn a_failing_node_script_fails_the_cluster_and_teardown_removes_it() {
    let env = TestEnv::new();
    let aws = env.aws().await;
    let s3 = aws_sdk_s3::Client::new(&aws);
    s3.create_bucket()
        .bucket("scripts-of-mine")
        .send()
        .await
        .unwrap();
    s3.put_object()
        .bucket("scripts-of-mine")
        .key("fail.sh")
        .body(b"#!/bin/bash\necho no luck today\nexit 7\n".to_vec().into())
        .send()
        .await
        .unwrap();
    let mut config = include_str!("../../cluster-config.yaml").to_owned();
    for (ours, theirs) in [
        (
            "Script: &head_node_script CHANGE_ME",
            "Script: &head_node_script s3://scripts-of-mine/fail.sh",
        ),
        (
            "    S3Access:\n",
            "    S3Access:\n      - BucketName: scripts-of-mine\n",
        ),
    ] {
        config = config.replacen(ours, theirs, 1);
    }
    let config = env.file("mine.yaml", &config);
    let words = env.fail(1, &["up", "--yes", "--config", &config]);
    assert!(words.contains("OnNodeStart"), "{words}");
    assert!(words.contains("return code: 7"), "{words}");
    assert!(words.contains("teardown"), "{words}");

    let status = env.run(&["status", "--config", &config]);
    assert_eq!(status.status.code(), Some(3));
    let words = crate::environment::text(&status.stdout);
    assert!(words.contains("the cluster is in CREATE_FAILED"), "{words}");

    // With a script that works, the failed cluster is replaced.
    env.succeed(&["up", "--yes"]);
    env.succeed(&["teardown", "--yes"]);
    s3.delete_object()
        .bucket("scripts-of-mine")
        .key("fail.sh")
        .send()
        .await
        .unwrap();
    s3.delete_bucket()
        .bucket("scripts-of-mine")
        .send()
        .await
        .unwrap();
    env.assert_empty().await;
}
