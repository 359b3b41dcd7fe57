//! Nodes, and how tasks lie on them.

use super::super::value::Value;
use super::super::{Description, values};
use super::split;

pub(in super::super) fn nodes(description: &mut Description, value: &str) -> Result<(), String> {
    let what = "number of nodes as in 2, 2-4, 1,2,4 and 1-7:2";
    description.fields.remove("nodes");
    if value.contains([',', ':']) {
        let (least, most) = values::node_list(value).ok_or(what)?;
        description.put("nodes", Value::Text(value.to_owned()));
        description.put("minimum_nodes", Value::number(least));
        description.put("maximum_nodes", Value::number(most));
        return Ok(());
    }
    let (least, most) = values::nodes(value).ok_or(what)?;
    description.put("minimum_nodes", Value::number(least));
    match most {
        Some(most) => description.put("maximum_nodes", Value::number(most)),
        None => drop(description.fields.remove("maximum_nodes")),
    }
    Ok(())
}

pub(in super::super) fn nodefile(description: &mut Description, value: &str) -> Result<(), String> {
    let names = match value {
        "" => return Ok(()),
        value => values::names_in(value)?,
    };
    description.put("required_nodes", Value::Words(names));
    Ok(())
}

pub(in super::super) fn exclusive(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let value = value.to_ascii_lowercase();
    let shared = match value.as_str() {
        "" | "exclusive" | "allocation" => "none",
        way @ ("oversubscribe" | "user" | "mcs" | "topo") => way,
        _ => return Err("way to be exclusive: user, mcs or topo, or no value".to_owned()),
    };
    description.put("shared", Value::Words(vec![shared.to_owned()]));
    Ok(())
}

pub(in super::super) fn oversubscribe(
    description: &mut Description,
    _: &str,
) -> Result<(), String> {
    description.put("shared", Value::Words(vec!["oversubscribe".to_owned()]));
    Ok(())
}

pub(in super::super) fn no_kill(description: &mut Description, value: &str) -> Result<(), String> {
    match value.to_ascii_lowercase().as_str() {
        "" | "set" => description.put("kill_on_node_fail", Value::Flag(false)),
        "off" | "no" => drop(description.fields.remove("kill_on_node_fail")),
        _ => return Err("value: off, or none".to_owned()),
    }
    Ok(())
}

pub(in super::super) fn wait_all_nodes(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let number = values::whole(value).filter(|number| *number < 2);
    let is_on = number.ok_or("choice: 0 or 1")? == 1;
    description.put("wait_all_nodes", Value::Flag(is_on));
    Ok(())
}

pub(in super::super) fn resv_ports(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let ports = match value {
        "" => Some(0),
        value => values::whole(value),
    };
    let ports = ports.ok_or("number of ports")?;
    description.put("resv_mpi_ports", Value::number(ports));
    Ok(())
}

/// Reads `block`, `cyclic:block:fcyclic`, `plane=4`, `arbitrary`, with `,Pack` or `,NoPack`.
pub(in super::super) fn distribution(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let what = || "way to lay out tasks as in block, block:cyclic and plane=4".to_owned();
    let lower = value.to_ascii_lowercase();
    if let Some(size) = lower.strip_prefix("plane") {
        let size = size.strip_prefix('=').and_then(values::whole);
        let size = size.filter(|size| *size > 0).ok_or_else(what)?;
        description.tell("SLURM_DISTRIBUTION", "plane");
        description.tell("SLURM_DIST_PLANESIZE", &size.to_string());
        description.put("distribution", Value::Text(format!("plane={size}")));
        return Ok(());
    }
    let (base, pack) = lower.split_once(',').unwrap_or((&lower, "pack"));
    let is_pack = |word: &str| ["pack", "nopack"].contains(&word);
    let parts: Vec<&str> = base.split(':').collect();
    let is_known = match parts.as_slice() {
        ["arbitrary" | "hostfile"] => true,
        [one] if is_pack(one) => true,
        [first, rest @ ..] if rest.len() < 3 => {
            ["block", "cyclic", "*"].contains(first)
                && rest
                    .iter()
                    .all(|part| ["block", "cyclic", "fcyclic", "*"].contains(part))
        }
        _ => false,
    };
    if !is_known || !is_pack(pack) {
        return Err(what());
    }
    description.told.remove("SLURM_DIST_PLANESIZE");
    description.tell("SLURM_DISTRIBUTION", &lower);
    description.put("distribution", Value::Text(value.to_owned()));
    Ok(())
}

/// Reads what the program is like; `derived` makes of it what `sbatch` makes.
pub(in super::super) fn hint(description: &mut Description, value: &str) -> Result<(), String> {
    let words = split(value);
    let known = [
        "compute_bound",
        "memory_bound",
        "multithread",
        "nomultithread",
    ];
    if !words
        .iter()
        .all(|word| known.contains(&word.to_ascii_lowercase().as_str()))
    {
        return Err(format!("hint: {}", known.join(", ")));
    }
    description.hints = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    Ok(())
}

/// Reads `sockets[:cores[:threads]]`, each a number, its least and most, or `*`.
pub(in super::super) fn extra_node_info(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let what = "number of sockets, cores and threads as in 2:4:1";
    let parts: Vec<&str> = value.split(':').collect();
    let fields = ["sockets_per_node", "cores_per_socket", "threads_per_core"];
    if parts.len() > fields.len() {
        return Err(what.to_owned());
    }
    for (part, field) in parts.iter().zip(fields) {
        let least = part.split_once('-').map_or(*part, |(least, _)| least);
        if !least.is_empty() && !least.starts_with('*') {
            let number = values::thousands(least).ok_or(what)?;
            description.put(field, Value::number(number));
        }
    }
    Ok(())
}

/// Reads `[quiet,|verbose,]none|rank|local|map_mem:…|mask_mem:…[,prefer]`.
pub(in super::super) fn mem_bind(description: &mut Description, value: &str) -> Result<(), String> {
    let what = || "way to bind memory: local, none, rank, map_mem:…, mask_mem:…".to_owned();
    let mut kinds = Vec::new();
    let mut list = String::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (word, behind) = rest.split_once(',').unwrap_or((rest, ""));
        rest = behind;
        match word.to_ascii_lowercase().as_str() {
            "q" | "quiet" => {}
            "v" | "verbose" => kinds.push("VERBOSE"),
            "no" | "none" => kinds.push("NONE"),
            "rank" => kinds.push("RANK"),
            "local" => kinds.push("LOCAL"),
            "p" | "prefer" => kinds.push("PREFER"),
            "sort" => kinds.push("SORT"),
            word if word.starts_with("map_mem") || word.starts_with("mask_mem") => {
                let (name, first) = word.split_once([':', '=']).ok_or_else(what)?;
                kinds.push(if name == "map_mem" { "MAP" } else { "MASK" });
                first.clone_into(&mut list);
                // All that follows and begins with a digit belongs to the list.
                while rest.starts_with(|c: char| c.is_ascii_digit()) {
                    let (next, behind) = rest.split_once(',').unwrap_or((rest, ""));
                    list = format!("{list},{next}");
                    rest = behind;
                }
            }
            _ => return Err(what()),
        }
    }
    if kinds.is_empty() && !value.is_empty() {
        return Err(what());
    }
    description.fields.remove("memory_binding");
    description.fields.remove("memory_binding_type");
    tell_mem_bind(description, &kinds, &list);
    if !list.is_empty() {
        description.put("memory_binding", Value::Text(list));
    }
    if !kinds.is_empty() {
        let kinds = kinds.into_iter().map(ToOwned::to_owned).collect();
        description.put("memory_binding_type", Value::Words(kinds));
    }
    Ok(())
}

/// What `sbatch` calls the ways to bind memory, in its order.
const MEM_BINDS: [(&str, &str); 8] = [
    ("VERBOSE", "verbose"),
    ("PREFER", "prefer"),
    ("SORT", "sort"),
    ("NONE", "none"),
    ("RANK", "rank"),
    ("LOCAL", "local"),
    ("MAP", "map_mem"),
    ("MASK", "mask_mem"),
];

/// Tells the job how memory is bound, in `sbatch`'s words.
fn tell_mem_bind(description: &mut Description, kinds: &[&str], list: &str) {
    for variable in [
        "SLURM_MEM_BIND",
        "SLURM_MEM_BIND_SORT",
        "SLURM_MEM_BIND_VERBOSE",
    ] {
        description.told.remove(variable);
    }
    if kinds.is_empty() {
        return;
    }
    let named = MEM_BINDS.iter().filter(|(kind, _)| kinds.contains(kind));
    let named: Vec<&str> = named.map(|(_, name)| *name).collect();
    let colon = if list.is_empty() { "" } else { ":" };
    description.tell(
        "SLURM_MEM_BIND",
        &format!("{}{colon}{list}", named.join(",")),
    );
    if kinds.contains(&"SORT") {
        description.tell("SLURM_MEM_BIND_SORT", "sort");
    }
    let is_verbose = kinds.contains(&"VERBOSE");
    let verbose = if is_verbose { "verbose" } else { "quiet" };
    description.tell("SLURM_MEM_BIND_VERBOSE", verbose);
}

pub(in super::super) fn mem_update(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let what = "margin and delay as in 10@5";
    let (margin, delay) = value.split_once('@').ok_or(what)?;
    let is_small = |number: &u64| (1..=65_535).contains(number);
    let margin = values::whole(margin).filter(is_small).ok_or(what)?;
    let delay = values::minutes(delay).flatten().filter(is_small);
    description.put("memory_update_margin", Value::number(margin));
    description.put("memory_update_delay", Value::number(delay.ok_or(what)?));
    Ok(())
}
