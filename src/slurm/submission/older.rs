//! What the versions of the API call or write otherwise than the newest.

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::slurm::client::ApiVersion;
use crate::slurm::time;

use super::value::Value;
use super::{Description, LISTS};

impl Description {
    /// Writes what old versions have, but write otherwise.
    pub(super) fn write_otherwise(
        &self,
        job: &mut Map<String, Json>,
        name: &'static str,
        value: &Value,
        version: ApiVersion,
    ) -> Result<()> {
        let is_early = version < LISTS;
        let gpus = |resources: &str| resources.strip_prefix("gres/gpu:").map(ToOwned::to_owned);
        let text = match value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let written = match name {
            "minimum_nodes" | "maximum_nodes" if is_early => {
                let number = |name| match self.fields.get(name) {
                    Some(Value::Number(number)) => Some(*number),
                    _ => None,
                };
                let (least, most) = (number("minimum_nodes"), number("maximum_nodes"));
                let least = least.or(most).unwrap_or(1);
                // A list of both is taken, and left out.
                Some(("nodes", json!(format!("{least}-{}", most.unwrap_or(least)))))
            }
            "tres_per_node" if is_early => {
                let parts: Option<Vec<&str>> = text
                    .split(',')
                    .map(|part| part.strip_prefix("gres/"))
                    .collect();
                parts.map(|parts| ("gres", json!(parts.join(","))))
            }
            "tres_per_job" if is_early => gpus(text).map(|gpus| ("gpus", json!(gpus))),
            "tres_per_task" if is_early => {
                let gpus = text
                    .strip_prefix("gres/gpu")
                    .map(|gpus| gpus.replace('=', ":"));
                gpus.map(|gpus| ("gpus_per_task", json!(gpus.trim_start_matches(':'))))
            }
            // Says the same as the GPUs of each task.
            "tres_bind" if is_early && self.fields.contains_key("tres_per_task") => return Ok(()),
            "excluded_nodes" if is_early => match value {
                Value::Words(names) => Some(("exclude_nodes", json!(names.join(",")))),
                _ => None,
            },
            "begin_time" | "deadline" if is_early => match value {
                Value::Number(moment) => {
                    let left = moment.saturating_sub_unsigned(time::now()).max(0);
                    Some((name, json!(format!("now+{left}"))))
                }
                _ => None,
            },
            "delay_boot" if is_early => match value {
                Value::Number(seconds) => Some((name, json!(seconds / 60))),
                _ => None,
            },
            "shared" if is_early => match value {
                Value::Words(words) if words == &["none"] => {
                    Some(("exclusive", json!("exclusive")))
                }
                Value::Words(words) if words.len() == 1 => Some(("exclusive", json!(words[0]))),
                _ => None,
            },
            "kill_warning_signal" if is_early => Some(("signal", json!(self.signal()))),
            // Written together with the signal.
            "kill_warning_delay" | "kill_warning_flags" if is_early => return Ok(()),
            _ => None,
        };
        match written {
            Some((own, json)) => {
                job.insert(own.to_owned(), json);
                Ok(())
            }
            None => Err(Error::usage(format!(
                "`{}`: the server would leave out `{name}`, which its API {version} does not have",
                self.file
            ))
            .hint("leave it out, or submit with sbatch on the cluster")),
        }
    }

    /// Returns the signal as `sbatch` writes it.
    fn signal(&self) -> String {
        let is_batch = matches!(self.fields.get("kill_warning_flags"), Some(Value::Words(words)) if !words.is_empty());
        let signal = self.text("kill_warning_signal").unwrap_or_default();
        let seconds = match self.fields.get("kill_warning_delay") {
            Some(Value::Number(seconds)) => *seconds,
            _ => 60,
        };
        format!("{}{signal}@{seconds}", if is_batch { "B:" } else { "" })
    }
}

/// Writes occasions for a mail as the later versions call them.
pub(super) fn mail_types(value: &Value) -> Json {
    let Value::Words(words) = value else {
        return json!([]);
    };
    let renamed = |word: &String| match word.as_str() {
        "INVALID_DEPEND" => "INVALID_DEPENDENCY".to_owned(),
        "TIME_LIMIT" => "TIME=100%".to_owned(),
        "TIME_LIMIT_90" => "TIME=90%".to_owned(),
        "TIME_LIMIT_80" => "TIME=80%".to_owned(),
        "TIME_LIMIT_50" => "TIME=50%".to_owned(),
        word => word.to_owned(),
    };
    json!(words.iter().map(renamed).collect::<Vec<_>>())
}
