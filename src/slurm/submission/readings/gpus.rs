//! GPUs and other generic resources, as trackable resources.

use super::super::value::Value;
use super::super::{Description, values};

pub(in super::super) fn gpus(description: &mut Description, value: &str) -> Result<(), String> {
    put_gpus(description, "tres_per_job", value)
}

pub(in super::super) fn gpus_per_socket(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    put_gpus(description, "tres_per_socket", value)
}

pub(in super::super) fn gpus_per_node(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let gpus = if value.is_empty() {
        String::new()
    } else {
        gpu_list(value)?
    };
    description.part("tres_per_node", "gpus-per-node", gpus);
    Ok(())
}

pub(in super::super) fn gpus_per_task(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let mut all = 0_u64;
    let mut parts = Vec::new();
    for part in value.split(',').filter(|part| !part.is_empty()) {
        gpu_list(part)?;
        let (kind, number) = part.rsplit_once([':', '=']).unwrap_or(("", part));
        let number = values::whole(number).ok_or("number of GPUs as in 2 and a100:2")?;
        all = all.saturating_add(number);
        let colon = if kind.is_empty() { "" } else { ":" };
        parts.push(format!("gres/gpu{colon}{kind}={number}"));
    }
    description.part("tres_per_task", "gpus-per-task", parts.join(","));
    Ok(())
}

fn put_gpus(description: &mut Description, field: &'static str, value: &str) -> Result<(), String> {
    match value {
        "" => drop(description.fields.remove(field)),
        value => description.put(field, Value::Text(gpu_list(value)?)),
    }
    Ok(())
}

/// Returns GPUs as trackable resources: `2`, `a100:2` and `a100:2,v100:1`.
fn gpu_list(value: &str) -> Result<String, String> {
    let is_kind = |kind: &str| {
        let mut letters = kind.chars();
        letters.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let is_part = |part: &str| match part.rsplit_once([':', '=']) {
        Some((kind, number)) => {
            !kind.is_empty() && is_kind(kind) && values::whole(number).is_some()
        }
        None => !part.is_empty() && is_kind(part),
    };
    let parts: Vec<&str> = value.split(',').collect();
    if !parts.iter().all(|part| is_part(part)) {
        return Err("number of GPUs as in 2 and a100:2".to_owned());
    }
    let named = parts.iter().map(|part| format!("gres/gpu:{part}"));
    Ok(named.collect::<Vec<_>>().join(","))
}

pub(in super::super) fn cpus_per_gpu(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let cpus = values::whole(value).filter(|cpus| *cpus > 0);
    let cpus = cpus.ok_or("number above zero")?;
    description.put("cpus_per_tres", Value::Text(format!("gres/gpu:{cpus}")));
    Ok(())
}

pub(in super::super) fn mem_per_gpu(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let size = values::mebibytes(value).ok_or("size as in 512M and 4GB")?;
    description.tell("SLURM_MEM_PER_GPU", &size.to_string());
    description.put("memory_per_tres", Value::Text(format!("gres/gpu:{size}")));
    Ok(())
}

pub(in super::super) fn ntasks_per_tres(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let tasks = values::whole(value).filter(|tasks| *tasks > 0);
    let tasks = Value::number(tasks.ok_or("number above zero")?);
    description.put("ntasks_per_tres", tasks);
    Ok(())
}

pub(in super::super) fn gpu_bind(description: &mut Description, value: &str) -> Result<(), String> {
    let way = value.split_once(',').map_or(value, |(first, rest)| {
        if ["v", "verbose"].contains(&first) {
            rest
        } else {
            value
        }
    });
    let known = ["closest", "none", "single", "map", "mask", "per_task"];
    let is_known = known.iter().any(|known| {
        way.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
    });
    if !is_known {
        return Err(
            "way to bind GPUs: closest, none, single:N, map:…, mask:…, per_task:N".to_owned(),
        );
    }
    description.put("tres_bind", Value::Text(format!("gres/gpu:{value}")));
    Ok(())
}

pub(in super::super) fn gpu_freq(description: &mut Description, value: &str) -> Result<(), String> {
    match value {
        "" => drop(description.fields.remove("tres_freq")),
        value => description.put("tres_freq", Value::Text(format!("gpu:{value}"))),
    }
    Ok(())
}

pub(in super::super) fn gres(description: &mut Description, value: &str) -> Result<(), String> {
    let resources = match value {
        "" => String::new(),
        value if value.eq_ignore_ascii_case("none") => String::new(),
        value => generic(value)?,
    };
    description.part("tres_per_node", "gres", resources);
    Ok(())
}

/// Returns generic resources as trackable ones: `gpu:1,license:2`.
fn generic(value: &str) -> Result<String, String> {
    let is_part = |part: &&str| {
        let mut letters = part.chars();
        !part.is_empty() && letters.all(|c| c.is_ascii_alphanumeric() || "_-.:/=()".contains(c))
    };
    let parts: Vec<&str> = value.split(',').collect();
    if !parts.iter().all(is_part) {
        return Err("list of resources as in gpu:1".to_owned());
    }
    let named = parts.iter().map(|part| {
        let short = part.strip_prefix("gres/").or(part.strip_prefix("gres:"));
        format!("gres/{}", short.unwrap_or(part))
    });
    Ok(named.collect::<Vec<_>>().join(","))
}

pub(in super::super) fn gres_flags(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let mut flags = Vec::new();
    for word in value.split(',').filter(|word| !word.is_empty()) {
        flags.push(match word.to_ascii_lowercase().as_str() {
            "disable-binding" => "GRES_BINDING_DISABLED",
            "enforce-binding" => "GRES_BINDING_ENFORCED",
            "one-task-per-sharing" => "GRES_ONE_TASK_PER_SHARING",
            "multiple-tasks-per-sharing" => {
                return Err("flag that the API has: disable-binding or enforce-binding".to_owned());
            }
            _ => return Err("flag: disable-binding or enforce-binding".to_owned()),
        });
    }
    if flags.contains(&"GRES_BINDING_DISABLED") && flags.contains(&"GRES_BINDING_ENFORCED") {
        return Err("one flag: disable-binding and enforce-binding exclude each other".to_owned());
    }
    description.without_flags("GRES_");
    for flag in flags {
        description.flag(flag);
    }
    Ok(())
}

/// Reads `cpu=2,gres/gpu:a100=1,license/x=1`, and the older `gres:gpu:1`.
pub(in super::super) fn tres_per_task(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let what = || "list of resources as in cpu=2,gres/gpu=1".to_owned();
    let mut rest = Vec::new();
    for part in value.split(',').filter(|part| !part.is_empty()) {
        let (name, number) = part.rsplit_once(['=', ':']).ok_or_else(what)?;
        let number = values::whole(number).filter(|number| *number > 0);
        let number = number.ok_or_else(what)?;
        let name = name.replacen("gres:", "gres/", 1);
        let name = name.replacen("license:", "license/", 1);
        match name.as_str() {
            "cpu" => {
                if description.fields.contains_key("cpus_per_task") {
                    return Err("list with CPUs beside --cpus-per-task: one of both".to_owned());
                }
                description.put("cpus_per_task", Value::number(number));
            }
            name if name.starts_with("gres/") || name.starts_with("license/") => {
                rest.push(format!("{name}={number}"));
            }
            _ => return Err(what()),
        }
    }
    description.part("tres_per_task", "tres-per-task", rest.join(","));
    Ok(())
}
