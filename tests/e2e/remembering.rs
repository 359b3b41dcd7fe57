//! The head node remembers jobs whatever happens to it meanwhile.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::environment::{RECORD, TestEnv};

/// Commands of the head node. Each round of jobs ends with an exit code of its own.
pub(crate) const COMMANDS: &str = r#"#!/bin/bash
PATH=$PATH:/opt/slurm/bin
submit() { # EXIT_CODE [SECONDS]
    local command="exit $1"
    [ $# = 1 ] || command="sleep $2; $command"
    runuser -u ec2-user -- bash -lc "cd /tmp
        for _ in 1 2 3 4 5; do sbatch --output /dev/null --wrap '$command'; done" >/dev/null
}
are_under_way() { squeue --noheader | grep -q .; }
ended() { while are_under_way; do sleep 0.2; done; }
answers() { scontrol ping | grep -q 'is UP'; }
fill() { # FOLDER…
    local folder
    for folder; do
        dd if=/dev/zero of=$folder/much bs=64k
        dd if=/dev/zero of=$folder/more bs=1 count=4096
    done >/dev/null 2>&1
}
empty() { # FOLDER…
    local folder
    for folder; do rm $folder/much $folder/more; done
}
"#;

/// Puts `$folders` of the node on file systems that are soon full, of `$size` if it is given.
pub(crate) const SMALL_DISKS: &str = "
systemctl stop hpcapi-record-jobs.timer slurmctld
for folder in $folders; do
    cp -a $folder /tmp/kept
    mount -t tmpfs -o size=${size:-20m} tmpfs $folder
    chown --reference /tmp/kept $folder && chmod --reference /tmp/kept $folder
    cp -a /tmp/kept/. $folder && rm -r /tmp/kept
done
systemctl start slurmctld hpcapi-record-jobs.timer
until answers; do sleep 0.1; done
record";

/// What happens while the jobs that end with a code are under way, by that code.
const TROUBLES: [(u64, &str); 4] = [
    (
        10,
        "# The bucket is out of reach.
        mv /usr/local/bin/aws /tmp/aws
        printf '#!/bin/sh\nexit 1\n' >/usr/local/bin/aws && chmod +x /usr/local/bin/aws
        submit 10; ended; record && exit 1
        mv /tmp/aws /usr/local/bin/aws",
    ),
    (
        11,
        "# slurmctld is killed while they run, once it has noted on its disk that they do.
        submit 11 60
        while squeue --noheader --states PENDING,CONFIGURING | grep -q .; do sleep 0.1; done
        scontrol update job=$(squeue --noheader --format %A | head -n 1) comment=they-run
        until grep -q they-run /var/spool/slurm.state/job_state; do sleep 0.1; done
        systemctl kill --signal KILL slurmctld
        until ! systemctl --quiet is-active slurmctld; do sleep 0.1; done
        systemctl reset-failed slurmctld; systemctl start slurmctld
        until answers; do sleep 0.1; done
        ended",
    ),
    (
        12,
        "# The disks are full.
        fill /var/spool/hpcapi /var/lib/hpcapi
        submit 12; ended; record && exit 1
        empty /var/spool/hpcapi /var/lib/hpcapi",
    ),
    (
        13,
        "# What records them is killed at any moment.
        submit 13
        while are_under_way; do
            record & sleep 0.$((RANDOM % 5)); systemctl kill --signal KILL hpcapi-record-jobs; wait
        done",
    ),
];

/// Returns how many jobs with each exit code are in the bucket.
async fn remembered(env: &TestEnv) -> BTreeMap<u64, usize> {
    let read = "record && until_recorded || exit 1
        bucket=$(sed -n 's/.*\"bucket\": \"\\([^\"]*\\).*/\\1/p' /etc/hpcapi/record-jobs.json)
        rm -rf /tmp/jobs; aws s3 cp --recursive --only-show-errors s3://$bucket/jobs/ /tmp/jobs
        zcat /tmp/jobs/*/*.gz";
    let lines = env.on_head_node(&format!("{COMMANDS}{RECORD}{read}")).await;
    let jobs = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ends: BTreeMap<u64, u64> = jobs
        .map(|job| {
            let number = |name: &str| job[name].as_u64().unwrap();
            (number("job_id"), number("exit_code") >> 8)
        })
        .collect();
    ends.into_values()
        .fold(BTreeMap::new(), |mut counts, code| {
            *counts.entry(code).or_default() += 1;
            counts
        })
}

#[tokio::test]
async fn no_job_is_lost_by_restarts_full_disks_and_a_bucket_out_of_reach() {
    let env = TestEnv::new();
    env.succeed(&["up", "--yes"]);
    let folders = "folders='/var/spool/hpcapi /var/lib/hpcapi'";
    env.on_head_node(&format!("{COMMANDS}{RECORD}{folders}{SMALL_DISKS}"))
        .await;
    for (code, trouble) in TROUBLES {
        env.on_head_node(&format!("{COMMANDS}{RECORD}{trouble}\ntrue"))
            .await;
        let remembered = remembered(&env).await;
        assert_eq!(remembered.get(&code), Some(&5), "{trouble}: {remembered:?}");
    }
    assert_eq!(remembered(&env).await.len(), TROUBLES.len());
    env.succeed(&["teardown", "--yes"]);
    env.assert_empty().await;
}
