//! What `sbatch` makes of several options together before it sends them: Slurm's API does not.

use std::collections::BTreeMap;

use crate::slurm::client::ApiVersion;

use super::body::LISTS;
use super::value::Value;
use super::{Description, Fields, tasks};

/// The first version (of Slurm 23.11) whose `sbatch` has the CPUs of a task among its resources.
const CPUS_IN_TRES: ApiVersion = ApiVersion::new(40);

/// The last version (of Slurm 23.11) whose `sbatch` writes `gres/gpu:1` where later ones have
/// `gres/gpu=1`.
const COLONS_IN_TRES: ApiVersion = ApiVersion::new(40);

/// The first version (of Slurm 24.11) that has it.
const OOM_KILL_STEP: ApiVersion = ApiVersion::new(42);

/// NO_VAL of Slurm, in 16 bits.
const NOT_SAID: i64 = 65_534;

/// INFINITE of Slurm, in 16 bits.
const WITHOUT_END: i64 = 65_535;

/// Returns the fields as `sbatch` would send them.
pub(super) fn fields(description: &Description, version: ApiVersion) -> Fields {
    let mut fields = description.fields.clone();
    join_parts(description, &mut fields);
    take_hint(description, &mut fields);
    // With both, the API would let the priority win, and start the job.
    if description.is_held() {
        fields.remove("priority");
    }
    if fields.contains_key("nodes") && version >= LISTS {
        fields.remove("minimum_nodes");
        fields.remove("maximum_nodes");
    }
    tasks::count(description, &mut fields, version);
    // The API takes what is not said for a 0, which wins over the cluster's own setting.
    if version >= OOM_KILL_STEP {
        let own = fields.entry("oom_kill_step");
        own.or_insert(Value::Number(NOT_SAID));
    }
    let cpus = number(&fields, "cpus_per_task");
    let is_option = ["cpus-per-task", "tres-per-task"]
        .iter()
        .any(|option| description.given.contains(option));
    if let (Some(cpus), true) = (cpus, is_option && version >= CPUS_IN_TRES) {
        let rest = text(&fields, "tres_per_task");
        let all = std::iter::once(format!("cpu={cpus}")).chain(rest);
        let all = Value::Text(all.collect::<Vec<_>>().join(","));
        fields.insert("tres_per_task", all);
    }
    let is_made = description
        .parts
        .keys()
        .any(|(field, _)| *field == "tres_per_task");
    if (is_option || is_made)
        && version <= COLONS_IN_TRES
        && let Some(all) = text(&fields, "tres_per_task")
    {
        fields.insert("tres_per_task", Value::Text(all.replace('=', ":")));
    }
    fields
}

/// Returns what the user should know of what is made of the options.
pub(super) fn remark(description: &Description) -> Option<String> {
    let least = number(&description.fields, "minimum_nodes")?;
    let tasks = number(&description.fields, "tasks")?;
    (tasks < least).then(|| {
        format!("{tasks} tasks cannot run on {least} nodes: the job gets {tasks}, as with sbatch")
    })
}

/// Writes the parts of each field into it, and binds the resources of a task to it.
fn join_parts(description: &Description, fields: &mut Fields) {
    let mut joined: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
    for ((field, _), part) in &description.parts {
        joined.entry(field).or_default().push(part);
    }
    for (field, parts) in joined {
        fields.insert(field, Value::Text(parts.join(",")));
    }
    let Some(per_task) = text(fields, "tres_per_task") else {
        return;
    };
    let bound = text(fields, "tres_bind").unwrap_or_default();
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for part in per_task.split(',') {
        let Some((name, number)) = part.split_once('=') else {
            continue;
        };
        // Kinds of GPUs cannot be bound one by one.
        let name = name.split(':').next().unwrap_or_default();
        if name.starts_with("gres/") && !bound.contains(name) {
            *sums.entry(name.to_owned()).or_default() += number.parse().unwrap_or(0);
        }
    }
    let made = sums
        .iter()
        .map(|(name, sum)| format!("{name}:per_task:{sum}"));
    let all: Vec<String> = Some(bound)
        .filter(|bound| !bound.is_empty())
        .into_iter()
        .chain(made)
        .collect();
    if !all.is_empty() {
        fields.insert("tres_bind", Value::Text(all.join("+")));
    }
}

/// Returns whether the hint counts: options that say the same in numbers win over it.
pub(super) fn has_hint(description: &Description) -> bool {
    let numbers = [
        "ntasks-per-core",
        "cores-per-socket",
        "sockets-per-node",
        "threads-per-core",
        "extra-node-info",
    ];
    let is_given = |option: &&str| description.given.contains(option);
    !description.hints.is_empty() && !numbers.iter().any(is_given)
}

fn take_hint(description: &Description, fields: &mut Fields) {
    if !has_hint(description) {
        return;
    }
    for hint in &description.hints {
        match hint.as_str() {
            "multithread" => {
                fields.remove("threads_per_core");
                fields.insert("tasks_per_core", Value::Number(WITHOUT_END));
            }
            "memory_bound" => {
                fields.insert("cores_per_socket", Value::Number(1));
                fields.insert("threads_per_core", Value::Number(1));
            }
            _ => drop(fields.insert("threads_per_core", Value::Number(1))),
        }
    }
}

pub(super) fn number(fields: &Fields, name: &str) -> Option<i64> {
    match fields.get(name) {
        Some(Value::Number(number)) if *number > 0 => Some(*number),
        _ => None,
    }
}

pub(super) fn text(fields: &Fields, name: &str) -> Option<String> {
    match fields.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
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
        job.fill(&super::super::owner::me()).unwrap();
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
    fn what_is_not_said_of_memory_is_the_clusters_own() {
        assert_eq!(sent(&job("", &[]))["oom_kill_step"], NOT_SAID);
        assert_eq!(
            sent(&job("#SBATCH --oom-kill-step=0", &[]))["oom_kill_step"],
            0
        );
    }

    #[test]
    fn a_list_of_nodes_is_sent_as_such() {
        let sent = sent(&job("#SBATCH -N 1,2,4", &[]));
        assert_eq!(sent["nodes"], "1,2,4");
        assert_eq!(sent.get("minimum_nodes"), None);
        assert!(
            job("#SBATCH -N 1,2", &[])
                .body(ApiVersion::new(38))
                .is_err()
        );
    }

    #[test]
    fn a_hint_is_told_in_numbers_unless_they_are_there() {
        let hinted = sent(&job("#SBATCH --hint=nomultithread", &[]));
        assert_eq!(hinted["threads_per_core"], 1);
        assert!(
            hinted["environment"]
                .to_string()
                .contains("SLURM_HINT=nomultithread")
        );
        let both = sent(&job(
            "#SBATCH --hint=nomultithread --threads-per-core=2",
            &[],
        ));
        assert_eq!(both["threads_per_core"], 2);
        assert!(!both["environment"].to_string().contains("SLURM_HINT"));
        let many = sent(&job("#SBATCH --hint=multithread", &[]));
        assert_eq!(many["tasks_per_core"], WITHOUT_END);
    }

    #[test]
    fn resources_of_a_task_have_its_cpus_and_are_bound() {
        let sent = |lines, version| {
            let body = job(lines, &[]).body(ApiVersion::new(version)).unwrap();
            (
                body["job"]["tres_per_task"].clone(),
                body["job"]["tres_bind"].clone(),
            )
        };
        let lines = "#SBATCH -c 2 --gpus-per-task=a:1,b:2";
        let bound = Json::from("gres/gpu:per_task:3");
        let per_task = Json::from("cpu=2,gres/gpu:a=1,gres/gpu:b=2");
        assert_eq!(sent(lines, 42), (per_task, bound.clone()));
        assert_eq!(sent(lines, 39).0, "gres/gpu:a:1,gres/gpu:b:2");
        assert_eq!(sent(lines, 40).0, "cpu:2,gres/gpu:a:1,gres/gpu:b:2");
        let own = "#SBATCH --tres-per-task=cpu=4,gres:gpu:1 --gpu-bind=none";
        let expected = (Json::from("cpu=4,gres/gpu=1"), Json::from("gres/gpu:none"));
        assert_eq!(sent(own, 42), expected);
    }
}
