//! `hpcapi jobs list --all` of very many jobs that Slurm has forgotten.

use super::cluster::{Cluster, Way, json};
use super::measure::Result;
use super::measure::comparison::{Comparison, Limit};
use super::measure::figures::{Figures, Unit};
use super::measure::program::{Run, run};

/// How many jobs are remembered.
const MANY: usize = 100_000;

/// The most time that a list of them may take, in milliseconds, and memory, in megabytes.
const TIME: f64 = 5_000.0;
const MEMORY: f64 = 60.0;

/// Puts jobs into the bucket, as the head node does, of a month.
const REMEMBER: &str = r#"
rm -rf /tmp/jobs && mkdir /tmp/jobs && cd /tmp/jobs
python3 - <<'END'
import gzip, json, os, time
for number in range(25):
    end = time.time() - number * 86400
    day = time.strftime("%Y-%m-%d", time.gmtime(end))
    os.makedirs(day)
    jobs = range(1_000_000 + number * 4000, 1_000_000 + (number + 1) * 4000)
    lines = "".join(json.dumps({
        "job_id": id, "user_id": 1000, "user_name": "ec2-user", "group_id": 1000,
        "group_name": "ec2-user", "name": "step-%d-of-a-workflow" % id, "job_state": "COMPLETED",
        "partition": "queue1", "time_limit": 60, "start_time": int(end) - 100 - id % 4000,
        "end_time": int(end) - id % 4000, "nodes": "queue1-dy-t3micro-%d" % (id % 10 + 1),
        "node_count": 1, "cpus": 2, "current_working_directory": "/home/ec2-user/runs/%d" % id,
        "tres_req_str": "cpu=2,mem=972M,node=1,billing=2", "qos": "normal", "cluster": "mine",
        "submit_time": int(end) - 200 - id % 4000, "eligible_time": int(end) - 200 - id % 4000,
        "derived_exit_code": 0, "exit_code": 0, "command": "/home/ec2-user/runs/%d/job.sh" % id,
        "standard_output": "/home/ec2-user/runs/%d/slurm-%d.out" % (id, id), "priority": id,
        "submit_line": "sbatch --ntasks 2 job.sh", "tasks": 2, "features": "", "comment": "a workflow",
    }, separators=(",", ":")) + "\n" for id in jobs)
    with gzip.open(day + "/9-0-i-0-00000000.ndjson.gz", "wt") as file:
        file.write(lines)
END
bucket=$(sed -n 's/.*"bucket": "\([^"]*\).*/\1/p' /etc/hpcapi/record-jobs.json)
aws s3 cp --recursive --only-show-errors /tmp/jobs "s3://$bucket/jobs/"
"#;

/// Measures time and memory of a list in each form.
pub(crate) fn list(cluster: &Cluster, rounds: usize) -> Result<Vec<Comparison>> {
    eprintln!("listing {MANY} remembered jobs");
    cluster.node.execute(REMEMBER)?;
    let mut comparisons = Vec::new();
    for form in ["text", "json", "csv"] {
        let runs = (0..rounds).map(|_| listed(cluster, form));
        let runs: Vec<_> = runs.collect::<Result<_>>()?;
        let figures = |figure: fn(&Run) -> f64| Figures::new(runs.iter().map(figure).collect());
        let comparison = |what: &str, unit, ours, limit| Comparison {
            name: format!("{what} of {MANY} remembered jobs ({form})"),
            unit: Unit(unit),
            ours,
            theirs: None,
            limit: Limit::AtMost(limit),
        };
        comparisons.push(comparison("list", "ms", figures(Run::milliseconds), TIME));
        comparisons.push(comparison(
            "memory of a list",
            "MB",
            figures(|run| run.peak),
            MEMORY,
        ));
    }
    Ok(comparisons)
}

/// Lists the jobs; fails unless all of them are there.
fn listed(cluster: &Cluster, form: &str) -> Result<Run> {
    let list = ["jobs", "list", "--all", "--output", form];
    let run = run(&mut cluster.hpcapi(Way::Gateway, &list))?;
    let found = match form {
        "json" => json(&run)?["jobs"].as_array().map_or(0, Vec::len),
        _ => run.text().lines().count() - 1,
    };
    if found < MANY {
        return Err(format!("{found} jobs were listed, not {MANY}").into());
    }
    Ok(run)
}
