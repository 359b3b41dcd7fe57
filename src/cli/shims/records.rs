//! Jobs, nodes and partitions as `scontrol show` writes them: lines of `Name=Value`. What Slurm's API
//! does not tell is not there.

use crate::slurm::jobs::Job;
use crate::slurm::nodes::Node;
use crate::slurm::partitions::Partition;
use crate::slurm::time;

use super::values::{long_clock, moment, number, text};

/// The lines of a record, each of several words.
type Record = Vec<Vec<String>>;

const NULL: &str = "(null)";
const UNKNOWN: &str = "Unknown";

/// Returns a job's record.
pub(super) fn job(job: &Job) -> Record {
    let mut first = vec![format!("JobId={}", job.id)];
    if let Some(array) = job.array_job_id {
        first.push(format!("ArrayJobId={array}"));
        let task = job.array_task_id.map(|task| task.to_string());
        let task = task.or_else(|| job.array_tasks.clone()).unwrap_or_default();
        first.push(format!("ArrayTaskId={task}"));
    }
    if let Some(het) = job.het_job_id {
        first.push(format!("HetJobId={het}"));
    }
    first.push(format!("JobName={}", text(&job.name, NULL)));
    let limit = job.time_limit_seconds;
    let limit = limit.map_or_else(|| "UNLIMITED".to_owned(), long_clock);
    let elapsed = long_clock(job.elapsed(time::now()).unwrap_or(0));
    let mut record = vec![
        first,
        vec![
            format!(
                "UserId={}({})",
                text(&job.user, UNKNOWN),
                number(job.user_id, UNKNOWN)
            ),
            format!("GroupId={}", text(&job.group, UNKNOWN)),
        ],
        vec![
            format!("Priority={}", number(job.priority, "0")),
            format!("Account={}", text(&job.account, NULL)),
            format!("QOS={}", text(&job.qos, NULL)),
        ],
        vec![
            format!("JobState={}", job.state),
            format!("Reason={}", text(&job.reason, "None")),
            format!("Dependency={}", text(&job.dependency, NULL)),
        ],
        vec![
            format!("Restarts={}", job.restarts),
            format!(
                "ExitCode={}:{}",
                job.exit_code.unwrap_or(0),
                job.signal.unwrap_or(0)
            ),
        ],
        vec![format!("RunTime={elapsed}"), format!("TimeLimit={limit}")],
        vec![
            format!("SubmitTime={}", moment(job.submit_time, UNKNOWN)),
            format!("EligibleTime={}", moment(job.eligible_time, UNKNOWN)),
        ],
        vec![
            format!("StartTime={}", moment(job.start_time, UNKNOWN)),
            format!("EndTime={}", moment(job.end_time, UNKNOWN)),
        ],
        vec![format!("Partition={}", text(&job.partition, NULL))],
        vec![format!("NodeList={}", text(&job.nodes, NULL))],
    ];
    record.extend(
        job.batch_host
            .as_ref()
            .map(|host| vec![format!("BatchHost={host}")]),
    );
    record.push(vec![
        format!("NumNodes={}", number(job.node_count, "0")),
        format!("NumCPUs={}", number(job.cpus, "0")),
        format!("NumTasks={}", number(job.tasks, "N/A")),
    ]);
    let memory = [
        ("MinMemoryCPU", job.memory_per_cpu_mb),
        ("MinMemoryNode", job.memory_per_node_mb),
    ];
    for (name, size) in memory {
        record.extend(size.map(|size| vec![format!("{name}={size}M")]));
    }
    record.push(vec![format!("Features={}", text(&job.constraints, NULL))]);
    record.extend(
        job.comment
            .as_ref()
            .map(|comment| vec![format!("Comment={comment}")]),
    );
    let paths = [
        ("Command", text(&job.command, NULL)),
        ("WorkDir", text(&job.directory, NULL)),
        ("StdErr", text(&job.stderr, "")),
        ("StdIn", text(&job.stdin, "/dev/null")),
        ("StdOut", text(&job.stdout, "")),
    ];
    record.extend(paths.map(|(name, path)| vec![format!("{name}={path}")]));
    record
}

/// Returns a node's record.
pub(super) fn node(node: &Node) -> Record {
    let flags = node.flags.iter().map(|flag| format!("+{flag}"));
    let state: String = std::iter::once(node.state.clone()).chain(flags).collect();
    let list = |words: &[String]| match words.is_empty() {
        true => NULL.to_owned(),
        false => words.join(","),
    };
    let mut record = vec![
        vec![format!("NodeName={}", node.name)],
        vec![
            format!("CPUAlloc={}", number(node.cpus_allocated, "0")),
            format!("CPUTot={}", number(node.cpus, "0")),
        ],
        vec![format!("AvailableFeatures={}", list(&node.features))],
        vec![format!("Gres={}", text(&node.gres, NULL))],
        vec![
            format!("NodeAddr={}", text(&node.address, "")),
            format!("NodeHostName={}", text(&node.hostname, "")),
            format!("Version={}", text(&node.version, "")),
        ],
        vec![
            format!("RealMemory={}", number(node.memory_mb, "0")),
            format!("AllocMem={}", number(node.memory_allocated_mb, "0")),
            format!("Sockets={}", number(node.sockets, "1")),
        ],
        vec![
            format!("State={state}"),
            format!("ThreadsPerCore={}", number(node.threads, "1")),
        ],
        vec![format!("Partitions={}", node.partitions.join(","))],
        vec![format!("BootTime={}", moment(node.boot_time, "None"))],
    ];
    record.extend(
        node.reason
            .as_ref()
            .map(|reason| vec![format!("Reason={reason}")]),
    );
    record
}

/// Returns a partition's record.
pub(super) fn partition(partition: &Partition) -> Record {
    let clock =
        |seconds: Option<u64>, none: &str| seconds.map_or_else(|| none.to_owned(), long_clock);
    let default = match partition.is_default {
        true => "YES",
        false => "NO",
    };
    vec![
        vec![format!("PartitionName={}", partition.name)],
        vec![format!("Default={default}")],
        vec![format!(
            "DefaultTime={}",
            clock(partition.default_time_seconds, "NONE")
        )],
        vec![
            format!("MaxNodes={}", number(partition.nodes_per_job, "UNLIMITED")),
            format!(
                "MaxTime={}",
                clock(partition.time_limit_seconds, "UNLIMITED")
            ),
        ],
        vec![format!("Nodes={}", text(&partition.nodes, NULL))],
        vec![
            format!("State={}", text(&partition.state, "UNKNOWN")),
            format!("TotalCPUs={}", number(partition.cpus, "0")),
            format!("TotalNodes={}", number(partition.node_count, "0")),
        ],
    ]
}
