//! What the job gets: tasks, CPUs, memory, GPUs and other generic resources.

use super::super::readings::{gpus, layout, texts};
use super::Follows::{Maybe, Value};
use super::Reads::{Count, Own, Size, Text, Whole};
use super::{SbatchOption, row};

#[rustfmt::skip]
pub(super) const ROWS: &[SbatchOption] = &[
    row("ntasks", Some('n'), Value("COUNT"), Count("tasks"), "How many tasks")
        .tells(&["SLURM_NTASKS", "SLURM_NPROCS"]),
    row("cpus-per-task", Some('c'), Value("COUNT"), Count("cpus_per_task"),
        "How many CPUs for each task").tells(&["SLURM_CPUS_PER_TASK"]),
    row("ntasks-per-core", None, Value("COUNT"), Count("tasks_per_core"),
        "How many tasks on each core").tells(&["SLURM_NTASKS_PER_CORE"]),
    row("ntasks-per-gpu", None, Value("COUNT"), Count("ntasks_per_tres"),
        "How many tasks for each GPU").tells(&["SLURM_NTASKS_PER_GPU"]),
    row("ntasks-per-tres", None, Value("COUNT"), Own(gpus::ntasks_per_tres),
        "How many tasks for each resource").tells(&["SLURM_NTASKS_PER_TRES"]),
    row("ntasks-per-node", None, Value("COUNT"), Count("tasks_per_node"),
        "How many tasks on each node").also(&["tasks-per-node"]).tells(&["SLURM_NTASKS_PER_NODE"]),
    row("ntasks-per-socket", None, Value("COUNT"), Count("tasks_per_socket"),
        "How many tasks on each socket").tells(&["SLURM_NTASKS_PER_SOCKET"]),
    row("mem", None, Value("SIZE"), Size("memory_per_node"),
        "Memory of each node, as in 512M and 4GB; 0 for all"),
    row("mem-per-cpu", None, Value("SIZE"), Size("memory_per_cpu"), "Memory of each CPU"),
    row("mem-per-gpu", None, Value("SIZE"), Own(gpus::mem_per_gpu), "Memory for each GPU")
        .early("memory_per_gpu"),
    row("mem-bind", None, Value("HOW"), Own(layout::mem_bind),
        "How tasks are bound to memory, as in local"),
    row("mem-update", None, Value("PERCENT@MINUTES"), Own(layout::mem_update),
        "When memory that it does not use is given back").newer(),
    row("tmp", None, Value("SIZE"), Size("temporary_disk_per_node"), "Disk of each node"),
    row("gpus", Some('G'), Value("COUNT"), Own(gpus::gpus), "How many GPUs, as in 2 and a100:2")
        .tells(&["SLURM_GPUS"]).early("gpus"),
    row("gpus-per-node", None, Value("COUNT"), Own(gpus::gpus_per_node),
        "How many GPUs of each node").tells(&["SLURM_GPUS_PER_NODE"]).early("gpus_per_node"),
    row("gpus-per-socket", None, Value("COUNT"), Own(gpus::gpus_per_socket),
        "How many GPUs of each socket").tells(&["SLURM_GPUS_PER_SOCKET"]).early("gpus_per_socket"),
    row("gpus-per-task", None, Value("COUNT"), Own(gpus::gpus_per_task),
        "How many GPUs for each task").early("gpus_per_task"),
    row("cpus-per-gpu", None, Value("COUNT"), Own(gpus::cpus_per_gpu),
        "How many CPUs for each GPU").tells(&["SLURM_CPUS_PER_GPU"]).early("cpus_per_gpu"),
    row("gpu-bind", None, Value("HOW"), Own(gpus::gpu_bind),
        "How tasks are bound to GPUs, as in closest").early("gpu_binding"),
    row("gpu-freq", None, Value("FREQUENCY"), Own(gpus::gpu_freq), "How fast GPUs run")
        .tells(&["SLURM_GPU_FREQ"]).early("gpu_frequency"),
    row("gres", None, Value("LIST"), Own(gpus::gres),
        "Generic resources of each node, as in gpu:1").early("gres"),
    row("gres-flags", None, Value("FLAGS"), Own(gpus::gres_flags),
        "disable-binding or enforce-binding").early("gres_flags"),
    row("tres-bind", None, Value("HOW"), Text("tres_bind"), "How tasks are bound to resources").newer(),
    row("tres-per-task", None, Value("LIST"), Own(gpus::tres_per_task),
        "Resources for each task, as in cpu=2,gres/gpu=1").newer(),
    row("licenses", Some('L'), Value("LIST"), Own(texts::licenses), "Licenses"),
    row("resources", None, Value("LIST"), Own(texts::resources), "Resources of the cluster").newer(),
    row("cpu-freq", None, Value("FREQUENCY"), Text("cpu_frequency"), "How fast CPUs run"),
    row("network", None, Value("TYPE"), Text("network"), "The network"),
    row("core-spec", Some('S'), Value("COUNT"), Whole("core_specification"),
        "Cores kept for the system"),
    row("thread-spec", None, Value("COUNT"), Count("thread_specification"),
        "Threads kept for the system"),
    row("resv-ports", None, Maybe("COUNT"), Own(layout::resv_ports), "Ports for MPI").newer(),
];
