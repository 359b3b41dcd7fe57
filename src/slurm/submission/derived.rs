//! What `sbatch` makes of several options together before it sends them, and the variables that it
//! puts beside them into the job's environment: Slurm's API does neither.

use std::collections::BTreeMap;

use super::value::Value;
use super::{Description, Fields};

/// What a job's program is run by, as far as it matters to a script.
const SHELL: &str = "/bin/bash";

/// Where programs are looked for, unless the user says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/slurm/bin";

/// The fields whose values `sbatch` tells the job, and by which names.
const TOLD: [(&str, &[&str]); 7] = [
    ("cpus_per_task", &["SLURM_CPUS_PER_TASK"]),
    ("tasks", &["SLURM_NTASKS", "SLURM_NPROCS"]),
    ("tasks_per_core", &["SLURM_NTASKS_PER_CORE"]),
    ("tasks_per_node", &["SLURM_NTASKS_PER_NODE"]),
    ("tasks_per_socket", &["SLURM_NTASKS_PER_SOCKET"]),
    ("threads_per_core", &["SLURM_THREADS_PER_CORE"]),
    ("dependency", &["SLURM_JOB_DEPENDENCY"]),
];

/// Fields that are one thing, of which a job has one way to say it.
const EXCLUSIVE: [&[&str]; 2] = [
    &["memory_per_cpu", "memory_per_node", "memory_per_tres"],
    &["gpus-per-node or gres", "tres_per_node"],
];

/// Returns the fields as `sbatch` would send them; the error names two that exclude each other.
pub(super) fn fields(description: &Description) -> Result<Fields, [&'static str; 2]> {
    let mut fields = description.fields.clone();
    let has = |name: &str| match name {
        "gpus-per-node or gres" => !description.per_node.is_empty(),
        name => description.fields.contains_key(name),
    };
    for group in EXCLUSIVE {
        let given: Vec<&'static str> = group.iter().copied().filter(|name| has(name)).collect();
        if let [one, other, ..] = given.as_slice() {
            return Err([one, other]);
        }
    }
    if !description.per_node.is_empty() {
        let both: Vec<&str> = description.per_node.values().map(String::as_str).collect();
        fields.insert("tres_per_node", Value::Text(both.join(",")));
    }
    // With both, the API would let the priority win, and start the job.
    if description.is_held() {
        fields.remove("priority");
    }
    if let (None, Some(per_node)) = (fields.get("tasks"), number(&fields, "tasks_per_node")) {
        let nodes = number(&fields, "minimum_nodes").unwrap_or(1);
        fields.insert("tasks", Value::Number(nodes.saturating_mul(per_node)));
    }
    Ok(fields)
}

/// Returns the job's whole environment: what its user set, and what `sbatch` adds to it.
pub(super) fn environment(description: &Description, fields: &Fields) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut tell = |name: &str, value: String| variables.insert(name.to_owned(), value);
    tell("PATH", PATH.to_owned());
    tell("SHELL", SHELL.to_owned());
    if let Some(owner) = &description.owner {
        tell("HOME", owner.home.clone());
        tell("USER", owner.name.clone());
        tell("LOGNAME", owner.name.clone());
    }
    if let Some(Value::Text(folder)) = fields.get("current_working_directory") {
        tell("SLURM_SUBMIT_DIR", folder.clone());
    }
    for (field, names) in TOLD {
        let value = match fields.get(field) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Text(text)) => text.clone(),
            _ => continue,
        };
        for name in names {
            tell(name, value.clone());
        }
    }
    let text = |field| match fields.get(field) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let cpus = number(fields, "cpus_per_task").map(|cpus| format!("cpu={cpus}"));
    let per_task: Vec<String> = cpus.into_iter().chain(text("tres_per_task")).collect();
    if !per_task.is_empty() {
        tell("SLURM_TRES_PER_TASK", per_task.join(","));
    }
    let per_node = description.per_node.get("gpus-per-node").cloned();
    for (name, gpus) in [
        ("SLURM_GPUS", text("tres_per_job")),
        ("SLURM_GPUS_PER_NODE", per_node),
    ] {
        if let Some(gpus) = gpus
            .as_deref()
            .and_then(|gpus| gpus.strip_prefix("gres/gpu:"))
        {
            tell(name, gpus.to_owned());
        }
    }
    variables.extend(description.environment.clone());
    variables
}

fn number(fields: &Fields, name: &str) -> Option<i64> {
    match fields.get(name) {
        Some(Value::Number(number)) if *number > 0 => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;
    use serde_json::Value as Json;

    fn job(lines: &str, options: &[(&str, &str)]) -> Description {
        let mut job = Description::read("j", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap();
        for (option, value) in options {
            job.set(option, value).unwrap();
        }
        job.fill("me");
        job
    }

    fn sent(job: &Description) -> Json {
        job.body(ApiVersion::new(42)).unwrap()["job"].clone()
    }

    #[test]
    fn a_held_job_has_no_priority_that_starts_it() {
        let both = "#SBATCH --hold --priority=50";
        let json = r##"{"script": "#!/bin/sh", "job": {"hold": true, "priority": 50}}"##;
        for job in [
            job(both, &[]),
            job("#SBATCH --priority=50", &[("hold", "")]),
            job("#SBATCH -H", &[("priority", "50")]),
            Description::read("j", json.as_bytes()).unwrap(),
        ] {
            let sent = sent(&job);
            assert_eq!(sent["hold"], true);
            assert_eq!(sent.get("priority"), None);
        }
        assert_eq!(
            sent(&job("#SBATCH --priority=50", &[]))["priority"]["number"],
            50
        );
    }

    #[test]
    fn resources_of_each_node_are_added_up() {
        let both = "#SBATCH --gres=gpu:a100:1 --gpus-per-node=v100:2";
        let all = "gres/gpu:v100:2,gres/gpu:a100:1";
        assert_eq!(sent(&job(both, &[]))["tres_per_node"], all);
        let crossed = job("#SBATCH --gres=gpu:a100:1", &[("gpus-per-node", "v100:2")]);
        assert_eq!(sent(&crossed)["tres_per_node"], all);
        let again = job(both, &[("gres", "tmp:1"), ("gpus-per-node", "1")]);
        assert_eq!(sent(&again)["tres_per_node"], "gres/gpu:1,gres/tmp:1");
    }

    #[test]
    fn two_ways_to_say_one_thing_are_refused() {
        let refused = |job: &Description| job.body(ApiVersion::new(42)).unwrap_err().to_string();
        for job in [
            job("#SBATCH --mem=4G --mem-per-cpu=2G", &[]),
            job("#SBATCH --mem=4G", &[("mem-per-cpu", "2G")]),
        ] {
            assert!(refused(&job).contains("`memory_per_cpu` and `memory_per_node`"));
        }
        let json = r##"{"script": "#!/bin/sh", "job": {"tres_per_node": "gres/gpu:1"}}"##;
        let mut job = Description::read("j", json.as_bytes()).unwrap();
        job.set("gres", "gpu:2").unwrap();
        assert!(refused(&job).contains("`tres_per_node`"));
        for pair in [
            r#""gpus_per_task": 1, "tres_per_task": "gres/gpu=2""#,
            r#""ntasks": 1, "tasks": 2"#,
            r#""nodes": 1, "minimum_nodes": 2"#,
        ] {
            let json = format!(r##"{{"script": "#!/bin/sh", "job": {{{pair}}}}}"##);
            let error = Description::read("j", json.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains("mean the same"), "{error}");
        }
    }

    #[test]
    fn tasks_are_those_of_all_nodes() {
        let tasks = |lines| sent(&job(lines, &[]))["tasks"].clone();
        assert_eq!(tasks("#SBATCH -N 2 --ntasks-per-node=2"), 4);
        assert_eq!(tasks("#SBATCH -N 2-3 --ntasks-per-node=2"), 4);
        assert_eq!(tasks("#SBATCH --ntasks-per-node=2"), 2);
        assert_eq!(tasks("#SBATCH -n 3 -N 2 --ntasks-per-node=2"), 3);
        assert_eq!(tasks("#SBATCH -N 2"), Json::Null);
    }

    #[test]
    fn the_environment_is_what_sbatch_gives() {
        let lines = "#SBATCH -D /w -N 2 -c 4 --ntasks-per-node=2 --gpus-per-task=1 -G a:2";
        let job = job(lines, &[("env", "HOME=/own")]);
        let sent = sent(&job);
        let variables = sent["environment"].as_array().unwrap();
        for expected in [
            "HOME=/own",
            "LOGNAME=me",
            "SHELL=/bin/bash",
            "SLURM_CPUS_PER_TASK=4",
            "SLURM_GPUS=a:2",
            "SLURM_NPROCS=4",
            "SLURM_NTASKS=4",
            "SLURM_NTASKS_PER_NODE=2",
            "SLURM_SUBMIT_DIR=/w",
            "SLURM_TRES_PER_TASK=cpu=4,gres/gpu=1",
            "USER=me",
        ] {
            assert!(
                variables.contains(&expected.into()),
                "{expected} {variables:?}"
            );
        }
        let plain = super::environment(&self::job("", &[]), &Fields::new());
        assert_eq!(plain["HOME"], "/home/me");
        assert!(!plain.contains_key("SLURM_NTASKS"));
    }
}
