//! Options that are words, and those about the environment.

use super::super::value::Value;
use super::super::{Description, values};
use super::split;

pub(in super::super) fn array(description: &mut Description, value: &str) -> Result<(), String> {
    if value.is_empty() {
        description.fields.remove("array");
        return Ok(());
    }
    if !values::is_array(value) {
        return Err("list of tasks as in 0-9%2 and 1,3,5".to_owned());
    }
    description.put("array", Value::Text(value.to_owned()));
    Ok(())
}

pub(in super::super) fn input(description: &mut Description, value: &str) -> Result<(), String> {
    file(description, "standard_input", value)
}

pub(in super::super) fn output(description: &mut Description, value: &str) -> Result<(), String> {
    file(description, "standard_output", value)
}

pub(in super::super) fn error(description: &mut Description, value: &str) -> Result<(), String> {
    file(description, "standard_error", value)
}

/// Reads the path of a file; `none` is no file.
fn file(description: &mut Description, field: &'static str, path: &str) -> Result<(), String> {
    match path {
        "" => drop(description.fields.remove(field)),
        path => {
            let is_none = path.eq_ignore_ascii_case("none");
            let path = if is_none { "/dev/null" } else { path };
            description.put(field, Value::Text(path.to_owned()));
        }
    }
    Ok(())
}

pub(in super::super) fn nice(description: &mut Description, value: &str) -> Result<(), String> {
    let nice = match value {
        "" => Some(100),
        value => value.trim_start().parse::<i64>().ok(),
    };
    let nice = nice.filter(|nice| nice.unsigned_abs() < (1 << 31) - 2);
    description.put("nice", Value::Number(nice.ok_or("number")?));
    Ok(())
}

pub(in super::super) fn priority(description: &mut Description, value: &str) -> Result<(), String> {
    // NO_VAL - 1 of Slurm.
    let top = u64::from(u32::MAX) - 2;
    let priority = match value {
        value if value.eq_ignore_ascii_case("top") => Some(top),
        value => values::count(value.trim_start()).filter(|number| *number <= top),
    };
    let priority = priority.ok_or("whole number, or TOP,")?;
    description.put("priority", Value::number(priority));
    Ok(())
}

pub(in super::super) fn requeue(description: &mut Description, value: &str) -> Result<(), String> {
    match value {
        "" => {}
        value if value.eq_ignore_ascii_case("expedite") => description.flag("EXPEDITED_REQUEUE"),
        _ => return Err("value: expedite, or none".to_owned()),
    }
    description.put("requeue", Value::Flag(true));
    Ok(())
}

pub(in super::super) fn oom_kill_step(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let number = match value {
        "" => Some(1),
        value => values::whole(value).filter(|number| *number < 2),
    };
    let number = number.ok_or("choice: 0 or 1")?;
    description.put("oom_kill_step", Value::number(number));
    Ok(())
}

pub(in super::super) fn kill_on_invalid_dep(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let flag = match value.to_ascii_lowercase().as_str() {
        "yes" => "KILL_INVALID_DEPENDENCY",
        "no" => "NO_KILL_INVALID_DEPENDENCY",
        _ => return Err("answer: yes or no".to_owned()),
    };
    description.without_flags("KILL_INVALID");
    description.without_flags("NO_KILL_INVALID");
    description.flag(flag);
    Ok(())
}

/// What `sbatch` makes of `ALL`.
const ALL_MAILS: [&str; 6] = [
    "BEGIN",
    "END",
    "FAIL",
    "REQUEUE",
    "INVALID_DEPEND",
    "STAGE_OUT",
];

const OTHER_MAILS: [&str; 5] = [
    "TIME_LIMIT",
    "TIME_LIMIT_90",
    "TIME_LIMIT_80",
    "TIME_LIMIT_50",
    "ARRAY_TASKS",
];

/// Reads occasions for a mail: several options add up. What is none is left out, as `sbatch` leaves
/// it out, but not without a word.
pub(in super::super) fn mail_type(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    let mut all = match description.fields.get("mail_type") {
        Some(Value::Words(words)) => words.clone(),
        _ => Vec::new(),
    };
    let mut known = 0;
    let mut unknown = Vec::new();
    for word in split(value) {
        let upper = match word.to_ascii_uppercase().as_str() {
            // What the API calls them.
            "INVALID_DEPENDENCY" => "INVALID_DEPEND".to_owned(),
            "TIME=100%" => "TIME_LIMIT".to_owned(),
            "TIME=90%" => "TIME_LIMIT_90".to_owned(),
            "TIME=80%" => "TIME_LIMIT_80".to_owned(),
            "TIME=50%" => "TIME_LIMIT_50".to_owned(),
            upper => upper.to_owned(),
        };
        match upper.as_str() {
            "NONE" => all.clear(),
            "ALL" => all.extend(ALL_MAILS.map(ToOwned::to_owned)),
            one if ALL_MAILS.contains(&one) || OTHER_MAILS.contains(&one) => all.push(upper),
            _ => {
                unknown.push(word);
                continue;
            }
        }
        known += 1;
    }
    if known == 0 {
        return Err("occasion for a mail as in END,FAIL".to_owned());
    }
    for word in unknown {
        description.remark(format!(
            "`{word}` is no occasion for a mail, and is left out"
        ));
    }
    let mut once = Vec::new();
    for word in all {
        if !once.contains(&word) {
            once.push(word);
        }
    }
    description.put("mail_type", Value::Words(once));
    Ok(())
}

pub(in super::super) fn open_mode(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let mode = match value.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'a') => "append",
        Some(b't') => "truncate",
        _ => return Err("mode: append or truncate".to_owned()),
    };
    description.tell("SLURM_OPEN_MODE", &mode[..1]);
    description.put("open_mode", Value::Words(vec![mode.to_owned()]));
    Ok(())
}

pub(in super::super) fn profile(description: &mut Description, value: &str) -> Result<(), String> {
    let known = ["ENERGY", "LUSTRE", "NETWORK", "TASK"];
    let mut words = Vec::new();
    for word in split(value) {
        match word.to_ascii_uppercase().as_str() {
            "ALL" => words.extend(known.map(ToOwned::to_owned)),
            "NONE" => words.push("NONE".to_owned()),
            word if known.contains(&word) => words.push(word.to_owned()),
            _ => return Err("list as in energy,task, or all or none".to_owned()),
        }
    }
    if words.is_empty() {
        return Err("list as in energy,task, or all or none".to_owned());
    }
    description.tell("SLURM_PROFILE", &words.join(","));
    description.put("profile", Value::Words(words));
    Ok(())
}

/// Reads `30` and `task=60,energy=5`, in seconds.
pub(in super::super) fn acctg_freq(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    let known = ["task", "energy", "network", "filesystem"];
    let is_part = |part: &str| match part.split_once('=') {
        Some((name, seconds)) => {
            known.contains(&name.to_ascii_lowercase().as_str()) && values::whole(seconds).is_some()
        }
        None => values::whole(part).is_some(),
    };
    if value.is_empty() {
        description.fields.remove("account_gather_frequency");
        return Ok(());
    }
    if !value.split(',').all(is_part) {
        return Err("number of seconds, or list as in task=60,energy=5,".to_owned());
    }
    description.put("account_gather_frequency", Value::Text(value.to_owned()));
    Ok(())
}

pub(in super::super) fn licenses(description: &mut Description, value: &str) -> Result<(), String> {
    description.part("licenses", "licenses", value.to_owned());
    Ok(())
}

pub(in super::super) fn resources(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    description.part("licenses", "resources", value.to_owned());
    Ok(())
}

/// Limits of this machine say nothing about the cluster's nodes.
pub(in super::super) fn propagate(
    description: &mut Description,
    value: &str,
) -> Result<(), String> {
    if !value.eq_ignore_ascii_case("none") {
        description.remark(
            "the limits of this machine do not go with the job (--propagate): it has those of its node"
                .to_owned(),
        );
    }
    Ok(())
}

/// Asks the node for the environment of a login: it knows the wish by a variable.
pub(in super::super) fn get_user_env(description: &mut Description, _: &str) -> Result<(), String> {
    description.tell("SLURM_GET_USER_ENV", "1");
    Ok(())
}

pub(in super::super) fn variable(description: &mut Description, value: &str) -> Result<(), String> {
    let (name, value) = value.split_once('=').ok_or("variable as in NAME=VALUE")?;
    description.variable(name, value)
}

/// What a job has of its own, so that this shell's is never taken.
const OF_THE_JOB: [&str; 5] = ["PATH", "HOME", "SHELL", "USER", "LOGNAME"];

/// Reads `ALL`, `NONE`, `NIL`, or a list of variables. `ALL` is what a job over the API can have of
/// it: nothing of this shell. Unless it is that alone, the node gives the environment of a login, as
/// for `sbatch`.
pub(in super::super) fn export(description: &mut Description, value: &str) -> Result<(), String> {
    description.told.remove("SLURM_EXPORT_ENV");
    description.told.remove("SLURM_GET_USER_ENV");
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    let parts = quoted(value);
    for part in &parts {
        match part.split_once('=') {
            Some((name, value)) => description.variable(name, value)?,
            None if ["all", "none", "nil"].iter().any(|it| is(part, it)) => {}
            None if OF_THE_JOB.contains(&part.as_str()) => {}
            None => {
                if let Ok(value) = std::env::var(part) {
                    description.variable(part, &value)?;
                }
            }
        }
    }
    if value.is_empty() || is(value, "all") {
        return Ok(());
    }
    description.tell("SLURM_EXPORT_ENV", value);
    if !is(value, "nil") {
        description.tell("SLURM_GET_USER_ENV", "1");
    }
    Ok(())
}

/// Splits at commas that stand in no quotes, and takes the quotes away.
fn quoted(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ',') => parts.push(String::new()),
            (_, letter) => parts.last_mut().expect("never empty").push(letter),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
