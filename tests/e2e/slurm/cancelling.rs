//! `jobs cancel`.

use super::cluster::Cluster;

pub(crate) fn own_jobs_are_cancelled_and_others_are_not(cluster: &Cluster) {
    let env = &cluster.env;
    let held = cluster.submit("true", &["--hold"]);
    let running = cluster.submit("sleep 300", &["--name", "to-cancel"]);
    assert!(
        env.succeed(&["jobs", "cancel", &held])
            .contains("cancelled")
    );
    let (code, waited) = {
        env.succeed(&[
            "jobs",
            "cancel",
            "--state",
            "RUNNING,CONFIGURING,PENDING",
            "--partition",
            "queue1",
            "--user",
            "root",
        ]);
        env.succeed(&["jobs", "cancel", &running]);
        cluster.wait(&[&running])
    };
    assert_eq!(waited["jobs"][0]["state"], "CANCELLED", "{waited}");
    assert_ne!(code, Some(0));
    let ended = env.fail(1, &["jobs", "cancel", &running]);
    assert!(ended.contains("it has ended: CANCELLED"), "{ended}");

    let root = env.succeed(&["token", "--user", "root"]);
    let file = env.file("root.sh", "#!/bin/bash\ntrue\n");
    let as_root = |arguments: &[&str]| {
        let output = env
            .hpcapi(arguments)
            .env("SLURM_JWT", root.trim())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let foreign = as_root(&["jobs", "submit", &file, "--hold"]);
    let refused = env.fail(1, &["jobs", "cancel", &foreign]);
    assert!(refused.contains("it is a job of `root`"), "{refused}");
    assert_eq!(cluster.show(&foreign)["state"], "PENDING");
    as_root(&["jobs", "cancel", &foreign]);
    assert_eq!(cluster.show(&foreign)["state"], "CANCELLED");
}
