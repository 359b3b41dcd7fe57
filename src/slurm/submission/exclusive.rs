//! What cannot go together, as `sbatch` has it.

use crate::error::{Error, Result};

use super::value::Value;
use super::{Description, Fields};

/// An option, and the field that it alone sets.
type Way = (&'static str, &'static str);

const TASKS_OF_GPUS: Way = ("ntasks-per-gpu", "ntasks_per_tres");

/// Ways to say one thing, of which a job may have one.
const EXCLUSIVE: [&[Way]; 8] = [
    &[
        ("mem", "memory_per_node"),
        ("mem-per-cpu", "memory_per_cpu"),
        ("mem-per-gpu", "memory_per_tres"),
    ],
    &[
        ("core-spec", "core_specification"),
        ("thread-spec", "thread_specification"),
    ],
    &[
        ("cpus-per-task", "cpus_per_task"),
        ("cpus-per-gpu", "cpus_per_tres"),
    ],
    &[("exclusive", ""), ("oversubscribe", "")],
    &[TASKS_OF_GPUS, ("ntasks-per-node", "tasks_per_node")],
    &[TASKS_OF_GPUS, ("gpus-per-socket", "tres_per_socket")],
    &[TASKS_OF_GPUS, ("gpus-per-task", "")],
    &[TASKS_OF_GPUS, ("tres-per-task", "")],
];

/// Fails when two things cannot go together.
pub(super) fn check(description: &Description, fields: &Fields) -> Result<()> {
    let wrong = |why: String| Err(Error::usage(format!("`{}`: {why}", description.file)));
    for group in EXCLUSIVE {
        let given = group.iter().filter_map(|way| shown(description, way));
        if let [one, other, ..] = given.collect::<Vec<_>>().as_slice()
            // Of two fields of the API, it is the API that decides; but of memory it takes one.
            && (one.starts_with('-') || other.starts_with('-') || one.starts_with("memory"))
        {
            return wrong(format!("`{one}` and `{other}` exclude each other"))
                .map_err(|error| error.hint("leave one of them out"));
        }
    }
    for (field, option) in description.parts.keys() {
        if description.fields.contains_key(field) {
            return wrong(format!("`--{option}` and `{field}` exclude each other"))
                .map_err(|error| error.hint("leave one of them out"));
        }
    }
    let number = |name| match fields.get(name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    if let (Some(tasks), Some(threads)) = (number("tasks_per_core"), number("threads_per_core"))
        && tasks > threads
        && description.hints.is_empty()
    {
        return wrong(format!(
            "`--ntasks-per-core={tasks}` is more than `--threads-per-core={threads}`"
        ));
    }
    if let (Some(begin), Some(deadline)) = (number("begin_time"), number("deadline"))
        && deadline < begin
    {
        return wrong("its `--deadline` is before its `--begin`".to_owned());
    }
    let base = description.text("distribution").unwrap_or_default();
    if ["arbitrary", "hostfile"].contains(&base) {
        if !description.fields.contains_key("required_nodes") {
            return wrong(format!("`--distribution={base}` wants a `--nodelist`"));
        }
        if description.fields.contains_key("minimum_nodes") {
            return wrong(format!(
                "`--distribution={base}` and `--nodes` exclude each other"
            ));
        }
    }
    if let (Some(segment @ 1..), Some(nodes)) = (number("segment_size"), number("minimum_nodes"))
        && nodes > segment
        && nodes % segment != 0
    {
        return wrong(format!(
            "`--segment={segment}` does not divide its {nodes} nodes"
        ));
    }
    Ok(())
}

/// Returns what a way was called, if it was gone: by its option, or by its field in JSON.
fn shown(description: &Description, (option, field): &Way) -> Option<String> {
    if description.given.contains(option) {
        return Some(format!("--{option}"));
    }
    let is_set = description.fields.contains_key(field);
    is_set.then(|| (*field).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::slurm::client::ApiVersion;

    use super::*;

    fn refused(lines: &str, options: &[(&str, &str)]) -> String {
        let script = format!("#!/bin/sh\n#SBATCH {lines}\n");
        let mut job = Description::read("j", script.as_bytes()).unwrap();
        for (option, value) in options {
            job.set(option, value).unwrap();
        }
        job.body(ApiVersion::new(42)).unwrap_err().to_string()
    }

    #[test]
    fn two_ways_to_say_one_thing_are_refused() {
        let expected = "`--mem` and `--mem-per-cpu` exclude each other";
        assert!(refused("--mem=4G --mem-per-cpu=2G", &[]).contains(expected));
        assert!(refused("--mem=4G", &[("mem-per-cpu", "2G")]).contains(expected));
        for (lines, other) in [
            ("--mem=4G --mem-per-gpu=2G", "--mem-per-gpu"),
            ("-S 1 --thread-spec=1", "--thread-spec"),
            ("-c 2 --cpus-per-gpu=2", "--cpus-per-gpu"),
            ("--exclusive -s", "--oversubscribe"),
            (
                "--ntasks-per-gpu=1 --ntasks-per-node=1",
                "--ntasks-per-node",
            ),
            ("--ntasks-per-gpu=1 --gpus-per-task=1", "--gpus-per-task"),
            (
                "--ntasks-per-gpu=1 --gpus-per-socket=1",
                "--gpus-per-socket",
            ),
            (
                "--ntasks-per-core=2 --threads-per-core=1",
                "--threads-per-core=1",
            ),
            ("--begin=now+60 --deadline=now+5", "--deadline"),
            ("-m arbitrary", "--nodelist"),
            ("-m arbitrary -w n1 -N 1", "--nodes"),
            ("--segment=2 -N 3", "--segment=2"),
        ] {
            assert!(refused(lines, &[]).contains(other), "{lines}");
        }
    }

    #[test]
    fn fields_and_options_exclude_each_other() {
        let json = r##"{"script": "#!/bin/sh", "job": {"tres_per_node": "gres/gpu:1"}}"##;
        let mut job = Description::read("j", json.as_bytes()).unwrap();
        job.set("gres", "gpu:2").unwrap();
        let error = job.body(ApiVersion::new(42)).unwrap_err().to_string();
        assert!(error.contains("`tres_per_node`"), "{error}");
        for pair in [
            r#""ntasks": 1, "tasks": 2"#,
            r#""nodes": 1, "minimum_nodes": 2"#,
        ] {
            let json = format!(r##"{{"script": "#!/bin/sh", "job": {{{pair}}}}}"##);
            let error = Description::read("j", json.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains("mean the same"), "{error}");
        }
    }
}
