//! What the versions of the API call or write otherwise than the newest.

use serde_json::{Map, Value as Json, json};

use crate::error::Result;
use crate::slurm::client::ApiVersion;
use crate::slurm::time;

use super::body::LISTS;
use super::value::Value;
use super::{Description, Fields};

/// Returns GPUs as an option has them: `a100:2,v100:1`.
fn gpus(resources: &str) -> Option<String> {
    let parts: Option<Vec<String>> = resources
        .split(',')
        .map(|part| part.strip_prefix("gres/gpu"))
        .map(|part| part.map(|part| part.trim_start_matches(':').replace('=', ":")))
        .collect();
    parts.map(|parts| parts.join(","))
}

impl Description {
    /// Writes what old versions have, but write otherwise.
    pub(super) fn write_otherwise(
        &self,
        fields: &Fields,
        job: &mut Map<String, Json>,
        name: &'static str,
        value: &Value,
        version: ApiVersion,
    ) -> Result<()> {
        if version >= LISTS {
            return Err(self.left_out(name, version));
        }
        if let ("flags", Value::Words(words)) = (name, value) {
            for word in words {
                let (name, value) = early_flag(word).ok_or_else(|| self.left_out(word, version))?;
                job.insert(name.to_owned(), value);
            }
            return Ok(());
        }
        let written = match value {
            Value::Text(text) => early_text(name, text),
            Value::Words(words) => early_words(name, words, fields),
            value => early_number(name, value, fields),
        };
        // Written together with another field.
        let is_written = match name {
            "kill_warning_delay" | "kill_warning_flags" => true,
            "tres_bind" => {
                let is_per_task = self.parts.contains_key(&("tres_per_task", "gpus-per-task"));
                is_per_task && !self.fields.contains_key("tres_bind")
            }
            _ => false,
        };
        match (name, written) {
            _ if is_written => {}
            ("kill_warning_signal", _) => {
                drop(job.insert("signal".to_owned(), json!(self.signal())))
            }
            (_, Some((own, json))) => drop(job.insert(own.to_owned(), json)),
            (_, None) => return Err(self.left_out(name, version)),
        }
        Ok(())
    }

    /// Returns the signal as `sbatch` writes it.
    fn signal(&self) -> String {
        let flags = match self.fields.get("kill_warning_flags") {
            Some(Value::Words(flags)) => flags.as_slice(),
            _ => &[],
        };
        let letters = [("RESERVATION_JOB", "R"), ("BATCH_JOB", "B")];
        let letters = letters
            .iter()
            .filter(|(flag, _)| flags.iter().any(|it| it == flag));
        let letters: String = letters.map(|(_, letter)| *letter).collect();
        let colon = if letters.is_empty() { "" } else { ":" };
        let signal = self.text("kill_warning_signal").unwrap_or_default();
        let seconds = match self.fields.get("kill_warning_delay") {
            Some(Value::Number(seconds)) => *seconds,
            _ => 60,
        };
        format!("{letters}{colon}{signal}@{seconds}")
    }
}

/// A field of an old version, and what it holds.
type Written = Option<(&'static str, Json)>;

fn early_text(name: &'static str, text: &str) -> Written {
    Some(match name {
        "tres_per_node" => {
            let parts = text.split(',').map(|part| part.strip_prefix("gres/"));
            let parts: Vec<&str> = parts.collect::<Option<_>>()?;
            ("gres", json!(parts.join(",")))
        }
        "tres_per_job" => ("gpus", json!(gpus(text)?)),
        "tres_per_task" => ("gpus_per_task", json!(gpus(text)?)),
        "tres_per_socket" => ("gpus_per_socket", json!(gpus(text)?)),
        "cpus_per_tres" => ("cpus_per_gpu", json!(text.strip_prefix("gres/gpu:")?)),
        "memory_per_tres" => {
            let size: u64 = text.strip_prefix("gres/gpu:")?.parse().ok()?;
            ("memory_per_gpu", json!(size))
        }
        "tres_bind" => ("gpu_binding", json!(text.strip_prefix("gres/gpu:")?)),
        "tres_freq" => ("gpu_frequency", json!(text.strip_prefix("gpu:")?)),
        _ => return None,
    })
}

fn early_words(name: &'static str, words: &[String], fields: &Fields) -> Written {
    Some(match (name, words) {
        ("excluded_nodes", words) => ("exclude_nodes", json!(words.join(","))),
        ("required_nodes", words) => ("nodelist", json!(words.join(","))),
        ("shared", [one]) if one == "none" => ("exclusive", json!("exclusive")),
        ("shared", [one]) if one != "topo" => ("exclusive", json!(one)),
        ("profile", words) => ("profile", json!(words.join(",").to_lowercase())),
        ("memory_binding_type", words) => {
            let list = match fields.get("memory_binding") {
                Some(Value::Text(list)) => list.as_str(),
                _ => "",
            };
            let ways = words.iter().map(|word| match word.as_str() {
                "MAP" => format!("map_mem:{list}"),
                "MASK" => format!("mask_mem:{list}"),
                word => word.to_lowercase(),
            });
            let mut ways: Vec<String> = ways.collect();
            // The list ends the text.
            ways.sort_by_key(|way| way.contains(':'));
            ("memory_binding", json!(ways.join(",")))
        }
        _ => return None,
    })
}

fn early_number(name: &'static str, value: &Value, fields: &Fields) -> Written {
    let number = |name| match fields.get(name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    Some(match (name, value) {
        ("minimum_nodes" | "maximum_nodes", _) => {
            let (least, most) = (number("minimum_nodes"), number("maximum_nodes"));
            let least = least.or(most).unwrap_or(1);
            // A list of both is taken, and left out.
            ("nodes", json!(format!("{least}-{}", most.unwrap_or(least))))
        }
        ("begin_time" | "deadline", Value::Number(moment)) => {
            let left = moment.saturating_sub_unsigned(time::now()).max(0);
            (name, json!(format!("now+{left}")))
        }
        ("delay_boot", Value::Number(seconds)) => (name, json!(seconds / 60)),
        ("ntasks_per_tres", Value::Number(tasks)) => ("ntasks_per_gpu", json!(tasks)),
        ("temporary_disk_per_node", Value::Number(size)) => (name, json!(size)),
        ("kill_on_node_fail", Value::Flag(kills)) => {
            ("no_kill", json!(if *kills { "off" } else { "set" }))
        }
        _ => return None,
    })
}

fn early_flag(word: &str) -> Written {
    Some(match word {
        "SPREAD_JOB" => ("spread_job", json!(true)),
        "PREFER_MINIMUM_NODE_COUNT" => ("minimum_nodes", json!(true)),
        "KILL_INVALID_DEPENDENCY" => ("kill_on_invalid_dependency", json!(true)),
        "NO_KILL_INVALID_DEPENDENCY" => ("kill_on_invalid_dependency", json!(false)),
        "GRES_BINDING_ENFORCED" => ("gres_flags", json!("enforce-binding")),
        "GRES_BINDING_DISABLED" => ("gres_flags", json!("disable-binding")),
        _ => return None,
    })
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
