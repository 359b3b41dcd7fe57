//! The machine that the figures are from.

use std::fs;

use super::Result;

/// Returns its processor, cores, memory and kernel.
pub(crate) fn describe() -> Result<String> {
    let processor = value("/proc/cpuinfo", "model name")?.unwrap_or_else(|| "unknown".to_owned());
    let memory = value("/proc/meminfo", "MemTotal")?.unwrap_or_else(|| "unknown".to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "{processor}, {cores} cores, {memory} of memory, Linux {}",
        kernel.trim()
    ))
}

/// Returns how many processes wanted to run, on the average of the last minute.
pub(crate) fn load() -> Result<String> {
    let averages = fs::read_to_string("/proc/loadavg")?;
    Ok(averages
        .split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned())
}

/// Returns the first value of a name in a file of `name: value` lines.
pub(crate) fn value(path: &str, name: &str) -> Result<Option<String>> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    }))
}
