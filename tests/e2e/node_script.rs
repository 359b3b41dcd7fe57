//! What runs as root on the head node lies in the bucket: no node can change it there, and what
//! somebody else changed is put right.

use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use crate::environment::TestEnv;

const NAME: &str = "hpc-serverless-job-mgmt";

/// Returns the deployment's bucket, and the key of the script in it.
async fn script(s3: &aws_sdk_s3::Client) -> (String, String) {
    let buckets = s3.list_buckets().send().await.unwrap();
    let mut names = buckets.buckets().iter().filter_map(|one| one.name());
    let bucket = names.find(|name| name.starts_with("hpc-")).unwrap();
    let listed = s3.list_objects_v2().bucket(bucket).prefix("hpcapi/");
    let listed = listed.send().await.unwrap();
    let mut keys = listed.contents().iter().filter_map(|one| one.key());
    let key = keys.find(|key| key.ends_with("/head-node.sh"));
    (bucket.to_owned(), key.unwrap().to_owned())
}

/// Returns S3 with the rights of the role that ParallelCluster gave a node.
async fn as_node(env: &TestEnv, resource: &str) -> aws_sdk_s3::Client {
    let aws = env.aws().await;
    let stacks = aws_sdk_cloudformation::Client::new(&aws);
    let mut role = None;
    let listed = stacks.describe_stacks().send().await.unwrap();
    for stack in listed.stacks() {
        let name = stack.stack_name().unwrap();
        let resources = stacks.list_stack_resources().stack_name(name);
        let resources = resources.send().await.unwrap();
        let found = resources.stack_resource_summaries().iter().find(|one| {
            let kind = one.resource_type() == Some("AWS::IAM::Role");
            kind && one.logical_resource_id().unwrap().starts_with(resource)
        });
        role = role.or(found.map(|one| one.physical_resource_id().unwrap().to_owned()));
    }
    let role = role.unwrap();
    let arn = format!(
        "arn:aws:iam::{}:role/parallelcluster/{NAME}/{role}",
        env.account()
    );
    let session = aws_sdk_sts::Client::new(&aws).assume_role();
    let session = session.role_arn(arn).role_session_name("i-1").send().await;
    let session = session.unwrap().credentials().unwrap().clone();
    let credentials = Credentials::new(
        session.access_key_id(),
        session.secret_access_key(),
        Some(session.session_token().to_owned()),
        None,
        "tests",
    );
    credentials.provide_credentials().await.unwrap();
    let config = aws_sdk_s3::config::Builder::from(&aws).credentials_provider(credentials);
    aws_sdk_s3::Client::from_conf(config.build())
}

#[tokio::test]
async fn no_node_can_change_what_runs_as_root_and_what_was_changed_is_put_right() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let s3 = aws_sdk_s3::Client::new(&env.aws().await);
    let (bucket, key) = script(&s3).await;
    let ours = read(&s3, &bucket, &key).await;

    for resource in ["RoleHeadNode", "Role15b342af42246b70"] {
        let node = as_node(&env, resource).await;
        let evil = ByteStream::from_static(b"#!/bin/bash\nid\n");
        let put = node.put_object().bucket(&bucket).key(&key).body(evil);
        let refused = put.send().await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDenied"), "{refused:?}");
        let delete = node.delete_object().bucket(&bucket).key(&key).send().await;
        assert_eq!(delete.unwrap_err().code(), Some("AccessDenied"));
        let delete = node.delete_bucket_policy().bucket(&bucket).send().await;
        assert_eq!(delete.unwrap_err().code(), Some("AccessDenied"));
        assert_eq!(read(&node, &bucket, &key).await, ours);
        let put = node.put_object().bucket(&bucket).key("results/1");
        put.send().await.unwrap();
    }

    // Somebody who may write there did.
    for changed in [
        &b"#!/bin/bash\nid\n"[..],
        b"",
        &[ours.as_slice(), b"\nid\n"].concat(),
    ] {
        let body = ByteStream::from(changed.to_vec());
        let put = s3.put_object().bucket(&bucket).key(&key).body(body);
        put.send().await.unwrap();
        let status = env.run(&["status"]);
        assert_eq!(status.status.code(), Some(3));
        let words = crate::environment::text(&status.stdout);
        assert!(words.contains("was changed by others"), "{words}");
        env.succeed(&["up", "--yes"]);
        assert_eq!(read(&s3, &bucket, &key).await, ours);
    }
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}

async fn read(s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> Vec<u8> {
    let found = s3.get_object().bucket(bucket).key(key).send().await;
    found.unwrap().body.collect().await.unwrap().to_vec()
}
