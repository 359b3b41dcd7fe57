//! Jobs in JSON, as the old and the new versions of the API write them.

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};

use super::fields::{Field, field, nearest};
use super::value::Value;
use super::{Description, options, values};

/// Reads `{"script": …, "job": {…}}`, with the script at the top or in the job.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Description> {
    let document: Json = serde_json::from_slice(bytes)
        .map_err(|error| Error::usage(format!("`{file}` is no JSON")).because(error))?;
    let wrong = |why: String| Error::usage(format!("{file}: {why}"));
    let top = document
        .as_object()
        .ok_or_else(|| wrong("it is no JSON object".to_owned()))?;
    for key in top.keys() {
        match key.as_str() {
            "job" | "script" => {}
            "jobs" => {
                return Err(wrong(
                    "`jobs` makes one heterogeneous job, which hpcapi does not submit".to_owned(),
                )
                .hint("one file for each job: hpcapi jobs submit a.json b.json"));
            }
            key => {
                let error = wrong(format!("the server would leave out `{key}`"));
                let is_inner = field(key).is_some() || key == "ntasks";
                return Err(if is_inner {
                    error.hint(format!(
                        "it belongs into `job`: {{\"job\": {{\"{key}\": …}}}}"
                    ))
                } else {
                    error.hint("a job file has `job` and `script`")
                });
            }
        }
    }
    let job = match top.get("job") {
        None => &Map::new(),
        Some(job) => job
            .as_object()
            .ok_or_else(|| wrong("`job` is no JSON object".to_owned()))?,
    };
    let script = script(top.get("script"), job.get("script")).map_err(wrong)?;
    let mut description = Description::empty(file, script);
    for (name, value) in job {
        if name != "script" {
            let mut one = Description::empty(file, String::new());
            put(&mut one, name, value).map_err(|(why, hint)| match hint {
                Some(hint) => wrong(why).hint(hint),
                None => wrong(why),
            })?;
            if let Some(twice) = description.add(one) {
                return Err(wrong(format!(
                    "`{name}` and another field mean the same (`{twice}`)"
                )));
            }
        }
    }
    Ok(description)
}

fn script(top: Option<&Json>, inner: Option<&Json>) -> Result<String, String> {
    let text = |json: Option<&Json>| match json {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("`script` is no text".to_owned()),
    };
    match (text(top)?, text(inner)?) {
        (Some(top), Some(inner)) if top != inner => {
            Err("there are two scripts, at the top and in `job`, and they differ".to_owned())
        }
        (Some(script), _) | (None, Some(script)) => Ok(script),
        (None, None) => Err("there is no `script`".to_owned()),
    }
}

/// Why a field is wrong, and what to do about it.
type Objection = (String, Option<String>);

fn put(description: &mut Description, name: &str, value: &Json) -> Result<(), Objection> {
    let wrong = |what: &str| (format!("`{name}` is no {what}"), None);
    if value.is_null() {
        return Ok(());
    }
    let text = || value.as_str().ok_or_else(|| wrong("text"));
    match name {
        "environment" => return environment(description, value).map_err(|what| (what, None)),
        "nodes" => {
            let (least, most) = nodes(value).ok_or_else(|| wrong("number of nodes"))?;
            description.put("minimum_nodes", Value::number(least));
            description.put("maximum_nodes", Value::number(most));
            return Ok(());
        }
        "gres" | "gpus" | "gpus_per_node" | "gpus_per_task" | "signal" => {
            let number = value.as_u64().map(|number| number.to_string());
            let value = number.as_deref().map_or_else(text, Ok)?;
            return as_option(description, &name.replace('_', "-"), value);
        }
        "begin_time" if value.is_string() => return as_option(description, "begin", text()?),
        "deadline" if value.is_string() => return as_option(description, "deadline", text()?),
        "exclusive" => {
            let way = match value {
                Json::Bool(true) => "exclusive",
                Json::Bool(false) => return Ok(()),
                _ => value
                    .as_str()
                    .or_else(|| value.get(0)?.as_str())
                    .unwrap_or("?"),
            };
            let way = if way == "true" { "exclusive" } else { way };
            return as_option(description, "exclusive", way);
        }
        "array" if !values::is_array(text()?) => {
            return Err(wrong("list of tasks as in 0-9%2"));
        }
        _ => {}
    }
    let known = field(if name == "ntasks" { "tasks" } else { name });
    let Some(Field {
        name: own, kind, ..
    }) = known
    else {
        let hint = nearest(name).map(|nearest| format!("did you mean `{nearest}`?"));
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
    if let Some(value) = value {
        description.put(own, value);
    }
    Ok(())
}

/// Sets a field that means the same as an option of `sbatch`, and is written like it.
fn as_option(description: &mut Description, option: &str, value: &str) -> Result<(), Objection> {
    options::set(description, option, value).map_err(|error| (error.to_string(), None))
}

fn nodes(value: &Json) -> Option<(u64, u64)> {
    match value {
        Json::String(text) => values::nodes(text),
        Json::Array(list) => {
            let numbers: Vec<u64> = list.iter().map(Json::as_u64).collect::<Option<_>>()?;
            match numbers.as_slice() {
                [both] => values::nodes(&both.to_string()),
                [least, most] => values::nodes(&format!("{least}-{most}")),
                _ => None,
            }
        }
        number => values::nodes(&number.as_u64()?.to_string()),
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
