//! The fields of a job in JSON.

use serde_json::Value as Json;

use crate::hint::Hint;

use super::fields::{Field, field, nearest};
use super::options::{self, Follows};
use super::readings::times::signal_name;
use super::value::Value;
use super::{Description, values};

/// Why a field is wrong, and what to do about it.
type Objection = (String, Option<Hint>);

/// Sets a field, unless another one has set the same.
pub(super) fn put_field(
    description: &mut Description,
    name: &str,
    value: &Json,
) -> Result<(), Objection> {
    let mut one = Description::empty(&description.file, String::new());
    put(&mut one, name, value)?;
    match description.add(one) {
        None => Ok(()),
        Some(twice) => Err((
            format!("`{name}` and another field mean the same (`{twice}`)"),
            None,
        )),
    }
}

/// Sets what is not written as the table of fields has it; returns whether it was such a field.
fn put_otherwise(
    description: &mut Description,
    name: &str,
    value: &Json,
) -> Result<bool, Objection> {
    let wrong = |what: &str| (format!("`{name}` is no {what}"), None);
    let text = || value.as_str().ok_or_else(|| wrong("text"));
    match name {
        "environment" => environment(description, value).map_err(|what| (what, None))?,
        "nodes" => {
            let words = nodes(value).ok_or_else(|| wrong("number of nodes"))?;
            as_option(description, name, "nodes", &words)?;
        }
        "mail_type" => {
            let words = words(value).ok_or_else(|| wrong("list of occasions for a mail"))?;
            as_option(description, name, "mail-type", &words)?;
            // What sbatch leaves out with a word, is no field of the API's.
            if let Some(remark) = description.remarks.pop() {
                return Err((format!("`{name}`: {remark}"), None));
            }
        }
        "oversubscribe" => match value.as_bool() {
            Some(true) => as_option(description, name, "oversubscribe", "")?,
            Some(false) => {}
            None => return Err(wrong("true or false")),
        },
        "kill_warning_signal" if value.is_string() => {
            let known = signal_name(text()?).ok_or_else(|| wrong("signal that Slurm knows"))?;
            description.put("kill_warning_signal", Value::Text(known));
        }
        "begin_time" if value.is_string() => as_option(description, name, "begin", text()?)?,
        "deadline" if value.is_string() => as_option(description, name, "deadline", text()?)?,
        "exclusive" => {
            let way = match value {
                Json::Bool(true) => "exclusive",
                Json::Bool(false) => return Ok(true),
                _ => value
                    .as_str()
                    .or_else(|| value.get(0)?.as_str())
                    .unwrap_or("?"),
            };
            let way = if way == "true" { "exclusive" } else { way };
            as_option(description, name, "exclusive", way)?;
        }
        "array" if !values::is_array(text()?) => {
            return Err(wrong("list of tasks as in 0-9%2"));
        }
        _ => return put_early(description, name, value),
    }
    Ok(true)
}

/// Sets what old versions have and is written like an option; returns whether it was such a field.
fn put_early(description: &mut Description, name: &str, value: &Json) -> Result<bool, Objection> {
    if let Some(option) = options::find_early(name) {
        let words = match (value, option.follows) {
            (Json::Bool(false), Follows::Nothing | Follows::Maybe(_)) => return Ok(true),
            (Json::Bool(true), Follows::Nothing | Follows::Maybe(_)) => String::new(),
            (Json::Bool(yes), _) => if *yes { "yes" } else { "no" }.to_owned(),
            (Json::Number(number), _) => number.to_string(),
            (Json::String(text), _) => text.clone(),
            _ => return Err((format!("`{name}` is no text"), None)),
        };
        as_option(description, name, option.long, &words)?;
        return Ok(true);
    }
    Ok(false)
}

fn put(description: &mut Description, name: &str, value: &Json) -> Result<(), Objection> {
    let wrong = |what: &str| (format!("`{name}` is no {what}"), None);
    if value.is_null() || put_otherwise(description, name, value)? {
        return Ok(());
    }
    let known = field(if name == "ntasks" { "tasks" } else { name });
    let Some(Field {
        name: own, kind, ..
    }) = known
    else {
        let hint = nearest(name).map(|nearest| format!("did you mean `{nearest}`?").into());
        return Err((
            format!("the server would leave out `{name}`, which it does not know"),
            hint,
        ));
    };
    let value = match (*own, value) {
        ("time_limit" | "time_minimum", Json::String(time)) => {
            let minutes =
                values::minutes(time).ok_or_else(|| wrong("time as in 30 and 1:30:00"))?;
            Some(minutes.map_or(Value::Unlimited, Value::number))
        }
        ("memory_per_node" | "memory_per_cpu", Json::String(size)) => {
            let size = values::mebibytes(size).ok_or_else(|| wrong("size as in 512M and 4G"))?;
            Some(Value::number(size))
        }
        (_, value) => Value::read(*kind, value)
            .map_err(|what| (format!("`{name}` is not what it should be: {what}"), None))?,
    };
    let value = match value {
        // As for sbatch, no time is no limit.
        Some(Value::Number(0)) if own.starts_with("time_") => Some(Value::Unlimited),
        value => value,
    };
    require_range(name, own, value.as_ref())?;
    if let Some(value) = value {
        description.put(own, value);
    }
    Ok(())
}

/// Fields that hold 16 bits, of which the last two numbers mean none and no limit.
const SMALL: [&str; 9] = [
    "cpus_per_task",
    "tasks_per_node",
    "tasks_per_socket",
    "tasks_per_board",
    "minimum_cpus_per_node",
    "sockets_per_node",
    "cores_per_socket",
    "threads_per_core",
    "ntasks_per_tres",
];

/// Fails for numbers that the server would take for others.
fn require_range(name: &str, own: &str, value: Option<&Value>) -> Result<(), Objection> {
    let Some(Value::Number(number)) = value else {
        return Ok(());
    };
    let most = match own {
        own if SMALL.contains(&own) => 65_533,
        own if own.starts_with("memory_per_") => 1 << 40,
        "begin_time" | "deadline" | "end_time" => 1 << 40,
        _ => i64::from(u32::MAX),
    };
    let least = if own == "nice" { -(1 << 31) } else { 0 };
    if (least..=most).contains(number) {
        return Ok(());
    }
    Err((
        format!("`{name}` is {number}, and should be {least} to {most}"),
        Some("leave it out, if it is to mean none".into()),
    ))
}

/// Sets a field that means the same as an option of `sbatch`, and is written like it.
fn as_option(
    description: &mut Description,
    field: &str,
    option: &str,
    value: &str,
) -> Result<(), Objection> {
    let outcome = options::set(description, option, value);
    // The error of two ways names fields where they are fields.
    description.given.clear();
    outcome.map_err(|error| {
        let hint = error.hints().first().cloned();
        (format!("`{field}`: {error}"), hint)
    })
}

/// Returns the words of a text with commas, or of a list.
fn words(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(list) => {
            let words: Option<Vec<&str>> = list.iter().map(Json::as_str).collect();
            Some(words?.join(","))
        }
        _ => None,
    }
}

/// Returns nodes as an option has them.
fn nodes(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(list) => {
            let numbers: Vec<u64> = list.iter().map(Json::as_u64).collect::<Option<_>>()?;
            match numbers.as_slice() {
                [both] => Some(both.to_string()),
                [least, most] => Some(format!("{least}-{most}")),
                _ => None,
            }
        }
        number => Some(number.as_u64()?.to_string()),
    }
}

fn environment(description: &mut Description, value: &Json) -> Result<(), String> {
    let wrong = "`environment` is neither an object nor a list of NAME=VALUE".to_owned();
    match value {
        Json::Object(variables) => {
            for (name, value) in variables {
                let value = match value {
                    Json::String(text) => text.clone(),
                    Json::Number(number) => number.to_string(),
                    _ => return Err(format!("`environment`: the value of `{name}` is no text")),
                };
                description.variable(name, &value)?;
            }
            Ok(())
        }
        Json::Array(list) => {
            for entry in list {
                let (name, value) = entry
                    .as_str()
                    .and_then(|entry| entry.split_once('='))
                    .ok_or_else(|| wrong.clone())?;
                description.variable(name, value)?;
            }
            Ok(())
        }
        _ => Err(wrong),
    }
}
