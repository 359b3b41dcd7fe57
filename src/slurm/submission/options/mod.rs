//! The options of `sbatch`, in one table: how each is written and read, which field of the API it
//! sets, and which variable `sbatch` sets from it. The command line, the `#SBATCH` lines, JSON and
//! the job's environment all come from it. Its rows are in files by subject.

mod components;
mod identity;
mod of_client;
mod placement;
mod resources;

use crate::error::{Error, Result};
use crate::hint::{Hint, Verb};

use super::readings::{Read, split};
use super::value::Value;
use super::{Description, values};

pub(super) use components::is_of_one_component;

/// An option of `sbatch`.
#[derive(Debug, Clone, Copy)]
pub struct SbatchOption {
    /// Its long name, without dashes.
    pub long: &'static str,
    /// Other long names that `sbatch` has for it.
    pub also: &'static [&'static str],
    /// What hpcapi calls it besides.
    pub ours: Option<&'static str>,
    /// Its letter.
    pub short: Option<char>,
    /// What follows it.
    pub follows: Follows,
    /// What it is for.
    pub help: &'static str,
    reads: Reads,
    /// The variables that `sbatch` sets from it.
    tells: &'static [&'static str],
    /// The field of v0.0.36 to v0.0.38 that is written like it, where it has another name now.
    early: Option<&'static str>,
    /// Whether `sbatch` 22.05 did not have it, so that an abbreviation did not mean it.
    is_newer: bool,
}

/// What follows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Its value, called so in the help.
    Value(&'static str),
    /// Nothing, or its value behind `=`, called so in the help.
    Maybe(&'static str),
    /// Nothing.
    Nothing,
}

/// Who does what an option asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Slurm: it is a part of the job.
    Job,
    /// Whoever submits the job.
    Client,
    /// Nobody: it is refused by name.
    Nobody,
}

/// How an option's value is read, and where it goes.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// A text, into the field.
    Text(&'static str),
    /// A whole number above zero, into the field.
    Count(&'static str),
    /// A whole number, into the field.
    Whole(&'static str),
    /// A size of memory, into the field.
    Size(&'static str),
    /// A time limit, into the field.
    Time(&'static str),
    /// Names with commas between them, or a file of them, into the field.
    Names(&'static str),
    /// Nothing: the field is set so.
    Sets(&'static str, bool),
    /// Nothing: the job has this flag.
    Flag(&'static str),
    /// By a function of its own.
    Own(Read),
    /// It is remembered for whoever submits the job.
    Client,
    /// Not at all, because of this.
    Refused(&'static str),
}

use Reads::{Client, Count, Flag, Names, Own, Refused, Sets, Size, Text, Time, Whole};

const fn row(
    long: &'static str,
    short: Option<char>,
    follows: Follows,
    reads: Reads,
    help: &'static str,
) -> SbatchOption {
    SbatchOption {
        long,
        also: &[],
        ours: None,
        short,
        follows,
        help,
        reads,
        tells: &[],
        early: None,
        is_newer: false,
    }
}

impl SbatchOption {
    const fn tells(mut self, variables: &'static [&'static str]) -> SbatchOption {
        self.tells = variables;
        self
    }

    const fn also(mut self, names: &'static [&'static str]) -> SbatchOption {
        self.also = names;
        self
    }

    const fn ours(mut self, name: &'static str) -> SbatchOption {
        self.ours = Some(name);
        self
    }

    const fn early(mut self, field: &'static str) -> SbatchOption {
        self.early = Some(field);
        self
    }

    const fn newer(mut self) -> SbatchOption {
        self.is_newer = true;
        self
    }

    /// Returns who does what it asks for.
    pub fn whose(&self) -> Whose {
        match self.reads {
            Client => Whose::Client,
            Refused(_) => Whose::Nobody,
            _ => Whose::Job,
        }
    }

    /// Returns the variables that `sbatch` sets from it, and the field that holds their value.
    pub(super) fn told(&self) -> (&'static [&'static str], Option<&'static str>) {
        let field = match self.reads {
            Text(field) | Count(field) | Whole(field) => Some(field),
            _ => None,
        };
        (self.tells, field)
    }

    fn is_called(&self, name: &str) -> bool {
        self.long == name || self.also.contains(&name) || self.ours == Some(name)
    }

    fn begins_with(&self, letters: &str) -> bool {
        let mut names = std::iter::once(&self.long).chain(self.also);
        self.long != "env" && names.any(|name| name.starts_with(letters))
    }
}

/// Returns all options, those that are refused among them.
pub fn all() -> impl Iterator<Item = &'static SbatchOption> {
    identity::ROWS
        .iter()
        .chain(resources::ROWS)
        .chain(placement::ROWS)
        .chain(of_client::ROWS)
}

/// Returns the option of a long name, or of an abbreviation that can mean no other.
pub(super) fn find(name: &str) -> Result<&'static SbatchOption, String> {
    if let Some(exact) = all().find(|option| option.is_called(name)) {
        return Ok(exact);
    }
    let meant: Vec<_> = all().filter(|option| option.begins_with(name)).collect();
    let older: Vec<_> = meant.iter().filter(|option| !option.is_newer).collect();
    if let [option] = older.as_slice() {
        return Ok(option);
    }
    match meant.as_slice() {
        [option] => Ok(option),
        [] => Err(format!(
            "`--{name}` is no option of sbatch's that hpcapi knows"
        )),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|option| format!("`--{}`", option.long))
                .collect();
            Err(format!("`--{name}` may mean {}", names.join(" and ")))
        }
    }
}

/// Returns whether nothing follows an option, by its long name.
pub(super) fn takes_nothing(long: &str) -> bool {
    let mut named = all().filter(|option| option.long == long);
    named.any(|option| option.follows == Follows::Nothing)
}

/// Returns the option of a letter.
pub(super) fn find_short(letter: char) -> Option<&'static SbatchOption> {
    all().find(|option| option.short == Some(letter))
}

/// Returns the option that is written like a field of v0.0.36 to v0.0.38.
pub(super) fn find_early(field: &str) -> Option<&'static SbatchOption> {
    all().find(|option| option.early == Some(field))
}

/// Sets an option by its long name.
pub(super) fn set(description: &mut Description, name: &str, value: &str) -> Result<()> {
    let Some(option) = all().find(|option| option.is_called(name)) else {
        return Err(Error::usage(format!(
            "`--{name}` is no option of sbatch's that hpcapi knows"
        ))
        .hint(Hint::run(Verb::JobsSubmit.with("--help")).because("those it knows")));
    };
    let bad = |what: &str| {
        let value = crate::slurm::client::excerpt(value);
        Error::usage(format!("`{value}` is no {what} for `--{name}`"))
    };
    if let Refused(why) = option.reads {
        let refused = format!("`--{name}` cannot be had over Slurm's API");
        return Err(Error::usage(refused).hint(why));
    }
    if option.follows == Follows::Nothing && !value.is_empty() {
        return Err(bad("value: it takes none, and none is needed"));
    }
    let is_free = ["env", "export", "wrap"].contains(&option.long);
    if value.contains(|c: char| c.is_control() && c != '\t') && !is_free {
        return Err(bad("text"));
    }
    description.given.insert(option.long);
    read(description, option, value).map_err(|what| bad(&what))?;
    if matches!(option.reads, Own(_)) {
        for variable in option.tells {
            // As if the option were not there.
            match value {
                "" => description.told.remove(variable),
                value => description.told.insert(*variable, value.to_owned()),
            };
        }
    }
    Ok(())
}

/// Reads the value of an option; fails with what it should have been.
fn read(description: &mut Description, option: &SbatchOption, value: &str) -> Result<(), String> {
    let (name, value) = match option.reads {
        // As if the option were not there.
        Text(name) | Names(name) if value.is_empty() => {
            description.fields.remove(name);
            description.given.remove(option.long);
            return Ok(());
        }
        Text(name) => (name, Value::Text(value.to_owned())),
        Names(name) if value.contains('/') => (name, Value::Words(values::names_in(value)?)),
        Names(name) => (name, Value::Words(split(value))),
        Count(name) => {
            let count = values::whole(value).filter(|count| *count > 0);
            (name, Value::number(count.ok_or("number above zero")?))
        }
        Whole(name) => {
            let count = values::whole(value);
            (name, Value::number(count.ok_or("whole number")?))
        }
        Size(name) => {
            let size = values::mebibytes(value);
            (name, Value::number(size.ok_or("size as in 512M and 4GB")?))
        }
        Time(name) => {
            let minutes = values::minutes(value).ok_or("time as in 30, 1:30:00 and 2-12")?;
            (name, minutes.map_or(Value::Unlimited, Value::number))
        }
        Sets(name, is_set) => (name, Value::Flag(is_set)),
        Flag(flag) => {
            description.flag(flag);
            return Ok(());
        }
        Own(read) => return read(description, value),
        Client => {
            description.wishes.insert(option.long);
            return Ok(());
        }
        Refused(why) => return Err(why.to_owned()),
    };
    description.put(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;

    /// `sbatch --help` and the tables of options of Slurm 22.05 to 26.05.
    const OF_SBATCH: &str = "account acctg-freq array batch bb bbf begin chdir cluster \
        cluster-constraint clusters comment consolidate-segments constraint container container-id \
        context contiguous core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline \
        delay-boot dependency distribution error exclude exclusive export export-file external extra \
        extra-node-info get-user-env gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket \
        gpus-per-task gres gres-flags help hint hold ignore-pbs input job-name kill-on-invalid-dep \
        licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mem-update mincpus \
        network nice no-kill no-requeue nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu \
        ntasks-per-node ntasks-per-socket ntasks-per-tres oom-kill-step open-mode output overcommit \
        oversubscribe parsable partition power prefer priority profile propagate qos quiet reboot requeue \
        reservation resources resv-ports runtime segment signal sockets-per-node spread-job \
        spread-segments stepmgr switches tasks-per-node test-only thread-spec threads-per-core time \
        time-min tmp tres-bind tres-per-task uid usage use-min-nodes verbose version wait \
        wait-all-nodes wckey wrap";

    #[test]
    fn every_option_of_sbatch_is_there_once() {
        let mut known: Vec<&str> = all()
            .filter(|option| option.long != "env")
            .flat_map(|option| std::iter::once(&option.long).chain(option.also))
            .copied()
            .collect();
        known.sort_unstable();
        assert_eq!(known, OF_SBATCH.split_whitespace().collect::<Vec<_>>());
        let mut letters: Vec<char> = all().filter_map(|option| option.short).collect();
        letters.sort_unstable();
        let text: String = letters.iter().collect();
        assert_eq!(text, "ABCDFGHJLMNOQSVWabcdehikmnopqstvwx");
    }

    #[test]
    fn an_abbreviation_means_what_it_can_only_mean() {
        for (name, long) in [
            ("out", "output"),
            ("err", "error"),
            ("job", "job-name"),
            ("tasks", "ntasks-per-node"),
            ("tasks-per-node", "ntasks-per-node"),
            ("no-k", "no-kill"),
            ("res", "reservation"),
            ("oom", "oom-kill-step"),
            ("mem", "mem"),
            ("name", "job-name"),
        ] {
            assert_eq!(find(name).unwrap().long, long);
        }
        assert!(find("cpus").unwrap_err().contains("`--cpus-per-gpu`"));
        assert!(find("t").is_err() && find("foo").is_err() && find("en").is_err());
    }

    #[test]
    fn every_option_is_sent_told_or_refused_with_advice() {
        for option in all() {
            match option.reads {
                Refused(why) => assert!(!why.is_empty(), "{}", option.long),
                Text(field)
                | Count(field)
                | Whole(field)
                | Size(field)
                | Time(field)
                | Names(field)
                | Sets(field, _) => {
                    let field = super::super::fields::field(field).unwrap();
                    let versions = (36..=45).map(ApiVersion::new);
                    let known = versions.filter_map(|version| field.name_in(version));
                    assert!(known.count() > 0, "{}", option.long);
                }
                _ => {}
            }
        }
    }

    /// The head node has its own list, for it must not trust who calls.
    #[test]
    fn the_head_node_knows_the_same_options() {
        const NODE: &str = include_str!("../../../../templates/node/operate.py");
        let known: Vec<&str> = NODE
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .collect();
        for option in all().filter(|option| option.whose() == Whose::Job) {
            assert!(known.contains(&option.long), "{}", option.long);
        }
    }
}
