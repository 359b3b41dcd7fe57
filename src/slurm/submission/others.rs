//! Lines for other schedulers, as far as `sbatch` obeys them: `#BSUB` of LSF, or else `#PBS`. They win
//! over `#SBATCH` lines.

use crate::error::Error;

use super::script::{Directives, words};
use super::values;

/// After more lines than these that are no comments, `sbatch` looks no further.
const MOST_COMMANDS: usize = 100;

/// Reads the lines of a script for other schedulers into the options of its first component.
pub(super) fn read(file: &str, script: &str, all: &mut Directives) {
    for (word, letters, translate) in [
        ("#BSUB", "ceJmMnoqW", bsub as Translate),
        ("#PBS", "aAcCdeJjklmMNopqrStuvWw", pbs as Translate),
    ] {
        let lines = lines(script, word);
        if lines.is_empty() {
            continue;
        }
        let mut found = Found::default();
        for (number, rest) in lines {
            let outcome = words(rest)
                .map_err(ToOwned::to_owned)
                .and_then(|words| pairs(&words, letters))
                .and_then(|pairs| {
                    let mut pairs = pairs.into_iter();
                    pairs.try_for_each(|(letter, value)| translate(&mut found, letter, &value))
                });
            let place = format!("{file}, line {number}");
            if let Err(why) = outcome {
                let error = Error::usage(format!("{place}: {why}"));
                all.faults
                    .push(error.hint("leave the line out, or --ignore-pbs in a #SBATCH line"));
            }
            for what in found.unknown.drain(..) {
                let words = format!("{place}: `{what}` is left out, as sbatch leaves it out");
                all.remarks.push(words);
            }
            if let Some(first) = all.components.first_mut() {
                let options = found.options.drain(..);
                first.extend(options.map(|(name, value)| (number, name, value)));
            }
        }
        // sbatch obeys one scheduler.
        return;
    }
}

type Translate = fn(&mut Found, char, &str) -> Result<(), String>;

/// What lines for another scheduler mean.
#[derive(Default)]
struct Found {
    options: Vec<(&'static str, String)>,
    unknown: Vec<String>,
    variables: Vec<String>,
}

impl Found {
    fn set(&mut self, option: &'static str, value: &str) -> Result<(), String> {
        self.options.push((option, value.to_owned()));
        Ok(())
    }

    fn leave_out(&mut self, what: String) -> Result<(), String> {
        self.unknown.push(what);
        Ok(())
    }
}

/// Returns the lines that begin with a word, with their numbers and without the word.
fn lines<'a>(script: &'a str, word: &str) -> Vec<(usize, &'a str)> {
    let mut commands = 0;
    let mut found = Vec::new();
    for (at, line) in script.lines().enumerate() {
        match line.strip_prefix(word) {
            Some(rest) => found.push((at + 1, rest)),
            None if line.starts_with('#') => {}
            None if commands == MOST_COMMANDS => break,
            None => commands += 1,
        }
    }
    found
}

/// Reads letters with their values; those that are not named have none.
fn pairs(words: &[String], with_value: &str) -> Result<Vec<(char, String)>, String> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let word = if word == "-cwd" { "-c" } else { word.as_str() };
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next().filter(char::is_ascii_alphabetic) else {
            return Err(format!("`{word}` is no option that sbatch translates"));
        };
        let behind = letters.as_str();
        let value = match (with_value.contains(letter), behind) {
            (false, "") => String::new(),
            (false, _) => return Err(format!("`{word}` is no option that sbatch translates")),
            (true, "") => words
                .next()
                .cloned()
                .ok_or_else(|| format!("`-{letter}` wants a value"))?,
            (true, behind) => behind.to_owned(),
        };
        found.push((letter, value));
    }
    Ok(found)
}

fn bsub(found: &mut Found, letter: char, value: &str) -> Result<(), String> {
    match letter {
        'c' => found.set("chdir", value),
        'e' => found.set("error", value),
        'J' => found.set("job-name", value),
        'o' => found.set("output", value),
        'm' => found.set("nodelist", &value.replace(' ', ",")),
        'M' if value.ends_with(|c: char| c.is_ascii_digit()) => {
            found.set("mem-per-cpu", &format!("{value}K"))
        }
        'M' => found.set("mem-per-cpu", value),
        'n' => found.set("ntasks", value.rsplit(',').next().unwrap_or_default()),
        'q' => found.set("partition", value),
        'W' => found.set("time", value),
        'x' => found.set("exclusive", ""),
        letter => Err(format!("`-{letter}` is no option that sbatch translates")),
    }
}

fn pbs(found: &mut Found, letter: char, value: &str) -> Result<(), String> {
    match letter {
        'a' => found.set("begin", value),
        'A' => found.set("account", value),
        'e' => found.set("error", value),
        'o' => found.set("output", value),
        'w' | 'd' => found.set("chdir", value),
        'h' => found.set("hold", ""),
        'J' | 't' => found.set("array", value),
        'l' => resources(found, value),
        'm' => found.set("mail-type", &mails(value)),
        'M' => found.set("mail-user", value),
        'N' => found.set("job-name", value),
        'p' => found.set("nice", value),
        'q' => found.set("partition", value),
        'v' => {
            found.variables.push(value.to_owned());
            let all = found.variables.join(",");
            found.set("export", &all)
        }
        'W' => match value.split_once('=') {
            Some(("depend", value)) => found.set("dependency", value),
            Some(("umask", value)) => found.set("env", &format!("SLURM_UMASK={value}")),
            _ => found.leave_out(format!("-W {value}")),
        },
        // Both outputs go to one file anyway.
        'j' | 'V' | 'z' | 'I' => Ok(()),
        'c' | 'C' | 'k' | 'r' | 'S' | 'u' => found.leave_out(format!("-{letter} {value}")),
        letter => Err(format!("`-{letter}` is no option that sbatch translates")),
    }
}

fn mails(value: &str) -> String {
    let value = value.to_ascii_lowercase();
    if value.contains('n') {
        return "NONE".to_owned();
    }
    let known = [('b', "BEGIN"), ('e', "END"), ('a', "FAIL")];
    let meant = known.iter().filter(|(letter, _)| value.contains(*letter));
    meant.map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}

/// Reads `walltime=1:00:00,nodes=2:ppn=4` and `select=2:ncpus=8:mpiprocs=4:mem=4gb`.
fn resources(found: &mut Found, list: &str) -> Result<(), String> {
    for item in list.split(',').filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        match name.to_ascii_lowercase().as_str() {
            "walltime" | "cput" | "pcput" => found.set("time", value)?,
            "mem" => found.set("mem", value)?,
            "file" => found.set("tmp", value)?,
            "nice" => found.set("nice", value)?,
            "proc" => found.set("constraint", value)?,
            "accelerator" if value.eq_ignore_ascii_case("true") => found.set("gres", "gpu:1")?,
            "naccelerators" => found.set("gres", &format!("gpu:{value}"))?,
            "nodes" => nodes(found, value)?,
            "select" | "ncpus" | "mpiprocs" => chunks(found, item)?,
            _ => found.leave_out(format!("-l {item}"))?,
        }
    }
    Ok(())
}

/// Reads `2:ppn=4`, `n1+n2:ppn=4`, `1:ppn=2:gpus=1`.
fn nodes(found: &mut Found, text: &str) -> Result<(), String> {
    let (mut count, mut per_node, mut names) = (0_u64, 0_u64, Vec::new());
    let number = |text: &str| {
        let number = values::count(text).filter(|number| *number < 1 << 24);
        number.ok_or_else(|| format!("`{text}` is no number of nodes or tasks"))
    };
    for part in text.split(['+', ':']).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("ppn", tasks)) => per_node += number(tasks)?,
            Some(("gpus", gpus)) => found.set("gpus-per-node", gpus)?,
            _ if part.starts_with(|c: char| c.is_ascii_digit()) => count += number(part)?,
            _ => names.push(part),
        }
    }
    if count > 0 {
        found.set("nodes", &count.to_string())?;
    }
    if per_node > 0 {
        found.set("ntasks", &(per_node * count.max(1)).to_string())?;
    }
    if !names.is_empty() {
        found.set("nodelist", &names.join(","))?;
    }
    Ok(())
}

/// Reads the chunks of PBS Pro: `select=2:ncpus=8:mpiprocs=4`.
fn chunks(found: &mut Found, text: &str) -> Result<(), String> {
    let (mut has_chunks, mut cpus, mut tasks) = (false, None, None);
    for part in text.split(':') {
        match part.split_once('=') {
            Some(("select", count)) => {
                has_chunks = true;
                found.set("nodes", count)?;
            }
            Some(("ncpus", count)) => {
                cpus = values::count(count);
                found.set("mincpus", count)?;
            }
            Some(("mpiprocs", count)) => {
                tasks = values::count(count);
                found.set("ntasks-per-node", count)?;
            }
            Some(("mem", size)) => found.set("mem", size)?,
            Some(("ngpus", count)) => found.set("gpus-per-node", count)?,
            _ => found.leave_out(format!("-l {part}"))?,
        }
    }
    if let (true, Some(cpus), Some(tasks @ 1..)) = (has_chunks, cpus, tasks)
        && cpus > tasks
    {
        found.set("cpus-per-task", &(cpus / tasks).to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::script::directives;

    fn found(lines: &str) -> String {
        let read = directives("job.sh", &format!("#!/bin/sh\n{lines}\ntrue\n"));
        assert!(read.faults.is_empty(), "{:?}", read.faults);
        let options = read.components[0].iter();
        let words = options.map(|(_, name, value)| format!("{name}={value}"));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_for_pbs_mean_what_sbatch_makes_of_them() {
        let lines = "#PBS -N pbsname\n#PBS -l walltime=01:00:00,nodes=1:ppn=2";
        assert_eq!(
            found(lines),
            "job-name=pbsname time=01:00:00 nodes=1 ntasks=2"
        );
        let lines = "#PBS -l select=2:ncpus=8:mpiprocs=4\n#PBS -m abe -q big";
        assert_eq!(
            found(lines),
            "nodes=2 mincpus=8 ntasks-per-node=4 cpus-per-task=2 mail-type=BEGIN,END,FAIL partition=big"
        );
        assert_eq!(
            found("#PBS -v A=1\n#PBS -v B=2"),
            "export=A=1 export=A=1,B=2"
        );
        // Behind the first command, too.
        assert_eq!(found("echo\n#PBS -N late"), "job-name=late");
    }

    #[test]
    fn lines_for_lsf_mean_what_sbatch_makes_of_them() {
        let lines = "#BSUB -J n -n 2,4 -W 60\n#BSUB -M 4096 -x\n#PBS -N other";
        assert_eq!(
            found(lines),
            "job-name=n ntasks=4 time=60 mem-per-cpu=4096K exclusive="
        );
    }

    #[test]
    fn what_is_left_out_is_told() {
        let read = directives(
            "job.sh",
            "#!/bin/sh\n#PBS -k oe\n#PBS -j oe\n#PBS -l place=free\n#PBS -y\n",
        );
        assert_eq!(read.remarks.len(), 2, "{:?}", read.remarks);
        assert!(read.remarks[0].contains("line 2") && read.remarks[1].contains("place=free"));
        assert_eq!(read.faults.len(), 1);
    }

    #[test]
    fn they_are_not_read_when_the_script_says_so() {
        assert_eq!(found("#SBATCH --ignore-pbs\n#PBS -y"), "ignore-pbs=");
    }
}
