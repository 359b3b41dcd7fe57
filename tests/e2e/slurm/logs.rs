//! `jobs logs`.

use super::cluster::Cluster;

/// Bytes that are no text, more than one piece holds.
const BYTES: &str = "printf 'a\\0\\377\\r\\n'; head -c 70000 /dev/urandom | tee /home/ec2-user/bytes; echo error >&2";

pub(crate) fn the_bytes_of_a_log_come_as_they_are(cluster: &Cluster) {
    let env = &cluster.env;
    let id = cluster.submit(BYTES, &["--error", "/home/ec2-user/it's an error.txt"]);
    assert_eq!(cluster.wait(&[&id]).0, Some(0));
    let log = env.run(&["jobs", "logs", &id]).stdout;
    let encoded = cluster.on_head_node("base64 -w0 /home/ec2-user/bytes");
    let bytes =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded.trim()).unwrap();
    assert_eq!(bytes.len(), 70_000);
    assert_eq!(&log[..5], b"a\0\xff\r\n");
    assert!(log[5..] == bytes, "the log is not what the job wrote");
    assert_eq!(env.succeed(&["jobs", "logs", &id, "--stderr"]), "error\n");

    let held = cluster.submit("true", &["--hold"]);
    let output = env.run(&["jobs", "logs", &held]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && words.contains("does not exist yet"),
        "{words}"
    );
    env.succeed(&["jobs", "cancel", &held]);
}

pub(crate) fn a_log_is_followed_to_its_end(cluster: &Cluster) {
    let id = cluster.submit("for i in 1 2 3; do echo line $i; sleep 1; done", &[]);
    let log = cluster.env.succeed(&["jobs", "logs", "--follow", &id]);
    assert_eq!(log, "line 1\nline 2\nline 3\n");
    assert_eq!(cluster.show(&id)["state"], "COMPLETED");
}
