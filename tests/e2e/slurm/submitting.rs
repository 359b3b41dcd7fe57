//! `jobs submit`.

use super::cluster::Cluster;

/// The job of the original recipe.
const RECIPE: &str = r##"{"job": {"name": "test", "ntasks": 1, "nodes": 1,
    "current_working_directory": "/home/ec2-user", "standard_input": "/dev/null",
    "standard_output": "/home/ec2-user/test.out", "standard_error": "/home/ec2-user/test_error.out",
    "environment": {"PATH": "/bin:/usr/bin/:/usr/local/bin/", "LD_LIBRARY_PATH": "/lib/:/lib64/"}},
    "script": "#!/bin/bash\necho from the REST API with $LD_LIBRARY_PATH"}"##;

/// As new versions write it.
const NEW: &str = r##"{"job": {"name": "new", "tasks": 2, "minimum_nodes": 1, "maximum_nodes": 1,
    "script": "#!/bin/bash\necho $A", "environment": ["PATH=/bin:/usr/bin", "A=b c"],
    "time_limit": {"set": true, "infinite": false, "number": 3}, "memory_per_node": {"number": 100}}}"##;

pub(crate) fn job_files_old_and_new_are_taken(cluster: &Cluster) {
    let env = &cluster.env;
    let files = [
        env.file("recipe.json", RECIPE),
        env.file("new.json", NEW),
        env.file(
            "plain.sh",
            "#!/bin/bash\n#SBATCH -J 'a name' -t 1:30 --output=%x-%j.txt\npwd\n",
        ),
    ];
    let submit = [
        &["jobs", "submit", "--output", "json"],
        files.each_ref().map(String::as_str).as_slice(),
    ]
    .concat();
    let submitted = env.json(&submit);
    let ids: Vec<String> = submitted["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].to_string())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (code, waited) = cluster.wait(&ids);
    assert_eq!(code, Some(0), "{waited}");
    let [recipe, new, plain] = [0, 1, 2].map(|at| cluster.show(ids[at]));
    assert_eq!(recipe["stdout"], "/home/ec2-user/test.out");
    assert_eq!(new["tasks"], 2);
    assert_eq!(new["time_limit_seconds"], 180);
    assert_eq!(new["memory_per_node_mb"], 100);
    assert_eq!(plain["name"], "a name");
    assert_eq!(plain["time_limit_seconds"], 120);
    assert_eq!(
        plain["stdout"],
        format!("/home/ec2-user/a name-{}.txt", ids[2])
    );
    assert_eq!(
        env.succeed(&["jobs", "logs", ids[0]]),
        "from the REST API with /lib/:/lib64/\n"
    );
    assert_eq!(env.succeed(&["jobs", "logs", ids[1]]), "b c\n");
    assert_eq!(env.succeed(&["jobs", "logs", ids[2]]), "/home/ec2-user\n");
}

pub(crate) fn what_the_server_would_leave_out_is_refused(cluster: &Cluster) {
    let env = &cluster.env;
    let good = env.file("good.sh", "#!/bin/bash\ntrue\n");
    for (name, content, words) in [
        (
            "d.sh",
            "#!/bin/bash\n#SBATCH --frobnicate=3\n",
            "d.sh, line 2: `--frobnicate`",
        ),
        ("v.sh", "#!/bin/bash\n#SBATCH --mem=4Q\n", "d"),
        (
            "f.json",
            r##"{"script":"#!/bin/sh","job":{"time_limitt":5}}"##,
            "`time_limitt`",
        ),
        (
            "o.json",
            r##"{"script":"#!/bin/sh","name":"x","job":{}}"##,
            "`name`",
        ),
        ("c.sh", "#!/bin/bash\r\ntrue\r\n", "DOS"),
    ] {
        let bad = env.file(name, content);
        let refused = env.fail(2, &["jobs", "submit", &good, &bad, "--name", "left-out"]);
        assert!(refused.contains(words), "{refused}");
    }
    let submitted = cluster.list(&["--name", "left-out"]);
    assert!(submitted.is_empty(), "{submitted:?}");
}

pub(crate) fn what_slurm_refuses_is_told(cluster: &Cluster) {
    let env = &cluster.env;
    let good = env.file("good.sh", "#!/bin/bash\ntrue\n");
    let nowhere = env.fail(1, &["jobs", "submit", &good, "--partition", "nowhere"]);
    assert!(
        nowhere.contains("Slurm error 2000") && nowhere.contains("hpcapi partitions"),
        "{nowhere}"
    );
}
