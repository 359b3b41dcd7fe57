//! `hpcapi.yaml`: the options of a deployment in a file beside its configuration. What it says stands
//! in for the arguments' defaults, so that an option or a variable of the environment wins.

mod checks;
mod entries;
mod keys;
mod place;

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

use crate::error::{Error, Result};
use crate::output;

use keys::Key;

pub(super) use place::{NAME, named};

/// How many errors of a file are told at once: whoever has more has named the wrong file.
const MOST_TOLD: usize = 10;

/// A settings file, read and checked.
#[derive(Debug)]
struct SettingsFile {
    path: PathBuf,
    /// What the argument of each key is given.
    values: Vec<(&'static Key, Vec<String>)>,
}

/// Returns the command with what the settings file says as its defaults, and tells that there is one;
/// `given` says which file is meant, and whether it may say everything.
pub(super) fn read_into(command: Command, given: &ArgMatches) -> Result<Command> {
    let call = innermost(given);
    let Some((path, text)) = place::text(call)? else {
        return Ok(command);
    };
    let mut file = SettingsFile::parse(&text, &path)?;
    // Whoever types a command in a folder of somebody else shall know that it says what is meant.
    output::harmless(&format!("settings: {}\n", path.display()));
    file.values.retain(|(key, _)| !is_said_elsewhere(key, call));
    Ok(file.as_defaults(command))
}

/// Returns the arguments of the verb that was called.
fn innermost(mut given: &ArgMatches) -> &ArgMatches {
    while let Some((_, below)) = given.subcommand() {
        given = below;
    }
    given
}

/// Returns whether the environment says in the words of AWS what the file says, too, or a sandbox has
/// no use for it.
fn is_said_elsewhere(key: &Key, call: &ArgMatches) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let sandbox = call.try_get_one::<bool>("sandbox").ok().flatten();
    let is_in_sandbox = sandbox.copied().unwrap_or_default();
    match key.name {
        "profile" => is_in_sandbox || is_set("AWS_PROFILE"),
        "region" => !is_in_sandbox && ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().any(is_set),
        _ => false,
    }
}

impl SettingsFile {
    /// Reads a file; fails on each line that it cannot mean, with what to write instead.
    fn parse(text: &str, path: &Path) -> Result<SettingsFile> {
        let entries = entries::read(text, path)?;
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for (at, entry) in entries.iter().enumerate() {
            if errors.len() == MOST_TOLD {
                break;
            }
            if let Some(before) = entries[..at].iter().find(|it| it.key == entry.key) {
                let (place, line) = (entry.place(path), before.line);
                let told = format!("{place} stands in line {line}, too: leave one of them");
                errors.push(Error::usage(told));
                continue;
            }
            match keys::checked(entry, path) {
                Ok((_, given)) if given.is_empty() => {}
                Ok((key, given)) => values.push((key, given)),
                Err(error) => errors.push(error),
            }
        }
        match Error::all(errors) {
            Some(error) => Err(error),
            None => Ok(SettingsFile {
                path: path.to_owned(),
                values,
            }),
        }
    }

    /// Returns the command and those below it with the values as the defaults of their arguments.
    fn as_defaults(&self, command: Command) -> Command {
        let groups: Vec<_> = command
            .get_groups()
            .map(|group| group.get_id().to_string())
            .collect();
        command
            .mut_args(|argument| {
                let id = argument.get_id().as_str();
                if id == place::ARGUMENT {
                    return argument.default_value(self.path.clone().into_os_string());
                }
                let mut values = self.values.iter();
                match values.find(|(key, _)| key.is_argument(id, &groups)) {
                    Some((_, given)) => argument.default_values(given.clone()),
                    None => argument,
                }
            })
            .mut_subcommands(|below| self.as_defaults(below))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::super::Cli;
    use super::super::called;
    use super::keys::KEYS;
    use super::*;
    use crate::hint::Again;

    const ALL: &str = "deployment: x\nregion: eu-west-1\nprofile: my work\nconfig: c.yaml\nkey_name: k\n\
                       bucket: b-1\noperations: true\nnotify: me@example.org\nttl: 8h\nidle: 2h\nvpc: vpc-01234567\n\
                       head_node_subnet: subnet-00000001\ncompute_subnets: subnet-00000002\n\
                       api_subnets: subnet-00000003\nvpc_endpoints: true\nzones: us-east-1a,use1-az4\n\
                       vpc_cidr: 10.20.0.0/16\ntags:\n  Owner: my team\n  n: 01\n\
                       permissions_boundary: arn:aws:iam::aws:policy/B\niam_prefix: /team/\n\
                       service_role: arn:aws:iam::123456789012:role/R\n\
                       pcluster_version: 3.15.0\nprices: false\n";

    /// Its network as options.
    const NETWORK: &str = "--vpc vpc-01234567 --head-node-subnet subnet-00000001 \
                           --compute-subnets subnet-00000002 --api-subnets subnet-00000003 \
                           --vpc-endpoints --zones 'us-east-1a,use1-az4' --vpc-cidr 10.20.0.0/16";

    fn parse(text: &str) -> Result<SettingsFile> {
        SettingsFile::parse(text, "a/hpcapi.yaml".as_ref())
    }

    /// Returns how the call would be made again without the file, which is in the current folder.
    fn again(text: &str, words: &[&str]) -> Again {
        let file = SettingsFile::parse(text, "./hpcapi.yaml".as_ref()).unwrap();
        let command = file.as_defaults(Cli::command());
        let words = ["hpcapi"].iter().chain(words);
        let given = command.try_get_matches_from(words).unwrap();
        Again {
            program: "hpcapi".to_owned(),
            ..called::again(Cli::command(), &given)
        }
    }

    #[test]
    fn what_the_file_says_is_named_in_commands_that_are_printed() {
        let own = "--deployment x --profile 'my work' --region eu-west-1";
        let cluster = "--config ./c.yaml --key-name k --pcluster-version 3.15.0";
        let parts = format!(
            "--bucket b-1 --notify me@example.org --ttl 8h --idle 2h --operations {NETWORK} --tag Owner='my team' --tag n=01 \
             --permissions-boundary arn:aws:iam::aws:policy/B --iam-prefix /team/ \
             --service-role arn:aws:iam::123456789012:role/R"
        );
        for (words, verb, options) in [
            (&["up"][..], "up", format!("{own} {cluster} {parts}")),
            (&["plan"], "up", format!("{own} {cluster} {parts}")),
            (&["status"], "doctor", format!("{own} {cluster}")),
            (&["jobs", "list"], "jobs list", own.to_owned()),
            (&["trigger", "list"], "trigger list", own.to_owned()),
            (&["list"], "token", own.to_owned()),
        ] {
            let line = again(ALL, words).command(verb);
            assert_eq!(line, format!("hpcapi {verb} {options}"), "{words:?}");
        }
    }

    #[test]
    fn what_is_typed_wins_and_the_rest_is_of_the_file() {
        let words = [
            "up",
            "--deployment",
            "y",
            "--region",
            "us-east-2",
            "--operations=off",
            "--notify",
            "off",
            "--config",
            "d.yaml",
            "--tag",
            "Owner=me",
        ];
        assert_eq!(
            again(ALL, &words).command("up"),
            format!(
                "hpcapi up --deployment y --profile 'my work' --region us-east-2 --config d.yaml \
                 --key-name k --pcluster-version 3.15.0 --bucket b-1 --notify off --ttl 8h --idle 2h --operations=off \
                 {NETWORK} --tag Owner=me --permissions-boundary arn:aws:iam::aws:policy/B \
                 --iam-prefix /team/ --service-role arn:aws:iam::123456789012:role/R"
            )
        );
    }

    /// In a folder with a file the same line would take from that what it does not say.
    #[test]
    fn a_file_that_was_named_is_named_again() {
        let words = ["status", "--settings", "/dev/null", "--region", "us-east-2"];
        assert_eq!(
            again(ALL, &words).command("iam-policy up"),
            "hpcapi iam-policy up --deployment x --settings /dev/null"
        );
        let line = again("", &words).command("token");
        let usual = "--deployment hpc-serverless-job-mgmt --settings /dev/null";
        assert_eq!(line, format!("hpcapi token {usual} --region us-east-2"));
    }

    /// In the folder of the file the line would mean another deployment without the name.
    #[test]
    fn the_usual_name_is_said_where_a_file_may_say_another() {
        let usual = "hpc-serverless-job-mgmt";
        let again = again("deployment: x\n", &["status", "--deployment", usual]);
        assert_eq!(
            again.command("token"),
            format!("hpcapi token --deployment {usual}")
        );
    }

    #[test]
    fn an_option_of_the_same_name_that_means_something_else_is_left_alone() {
        let command = parse(ALL).unwrap().as_defaults(Cli::command());
        for words in [
            &["iam-policy", "up"][..],
            &["jobs", "submit", "job.sh"],
            &["run", "job.sh"],
            &["sandbox", "status"],
            &["config", "--preset", "cpu"],
        ] {
            let words = ["hpcapi"].iter().chain(words);
            command.clone().try_get_matches_from(words).unwrap();
        }
        let given = command.try_get_matches_from(["hpcapi", "iam-policy"]);
        let given = given.unwrap();
        let policy = innermost(&given);
        let value = |id: &str| policy.get_one::<String>(id).unwrap().clone();
        assert_eq!([value("deployment"), value("region")], ["x", "*"]);
    }

    #[test]
    fn every_key_is_the_default_of_an_argument_of_up() {
        let with = parse(ALL).unwrap().as_defaults(Cli::command());
        let defaults = |command: &Command| -> BTreeSet<(String, Vec<std::ffi::OsString>)> {
            let up = command.find_subcommand("up").unwrap();
            let all = up.get_arguments().map(|argument| {
                let values = argument.get_default_values().iter();
                let values = values.map(|value| value.to_os_string());
                (argument.get_id().to_string(), values.collect())
            });
            all.collect()
        };
        let changed = defaults(&with)
            .difference(&defaults(&Cli::command()))
            .count();
        // The file itself is one, too.
        assert_eq!(changed, KEYS.len() + 1);
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_file_line_and_what_to_write() {
        for (text, told, hint) in [
            (
                "regoin: a\n",
                "`regoin` is not known",
                "did you mean `region`?",
            ),
            (
                "\nkey-name: a\n",
                "`key-name` is not known",
                "did you mean `key_name`?",
            ),
            (
                "zzz: 1\n",
                "`zzz` is not known",
                "the keys are deployment, region, profile, config, key_name, bucket, operations, notify, ttl, idle, vpc, head_node_subnet, compute_subnets, api_subnets, vpc_endpoints, zones, vpc_cidr, tags, permissions_boundary, iam_prefix, service_role, pcluster_version, prices",
            ),
            (
                "pcluster: /x\n",
                "`pcluster` is no key of a file: it names a program that is run",
                "leave out the line, and type --pcluster",
            ),
            (
                "replace-cluster: true\n",
                "`replace-cluster` is no key of a file: it is for one call",
                "leave out the line, and type --replace-cluster",
            ),
        ] {
            let error = parse(text).unwrap_err();
            let line = text.lines().count();
            assert_eq!(error.to_string(), format!("a/hpcapi.yaml:{line}: {told}"));
            assert_eq!(error.hints(), [hint]);
        }
        for (line, why) in [
            (
                "deployment: 1a",
                "cannot be that: `1a` cannot name a deployment",
            ),
            (
                "region: evil.example/",
                "cannot be that: a region is called as in us-east-1",
            ),
            ("profile: ' '", "cannot be that: a profile has a name"),
            ("profile: \"a\\nb\"", "is one line"),
            ("profile:", "has no value"),
            ("config: ~/a.yaml", "is a path from the folder of this file"),
            ("bucket: A", "cannot be that: `A` is no name of a bucket"),
            ("operations: on", "is true or false, without quotes"),
            ("operations: 'true'", "is true or false, without quotes"),
            ("notify: me", "cannot be that: `me` is neither"),
            ("notify: false", "is a text: write it in quotes"),
            ("ttl: 8", "cannot be that: `8` is no span of time"),
            ("ttl: false", "is a text: write it in quotes"),
            ("ttl: 30s", "cannot be that: `30s` is too short"),
            ("idle: 2", "cannot be that: `2` is no span of time"),
            (
                "pcluster_version: 3.16",
                "cannot be that: a version is three numbers",
            ),
            ("prices: 0", "is true or false, without quotes"),
            (
                "permissions_boundary: B",
                "cannot be that: `B` is not the ARN of a policy",
            ),
            (
                "iam_prefix: team/",
                "cannot be that: `team/` is no prefix for what is made in IAM",
            ),
            (
                "service_role: R",
                "cannot be that: `R` is not the ARN of a role of IAM",
            ),
            ("tags: a=b", "is a mapping: write lines below it"),
            ("tags: {}", "has no value"),
            ("tags: {a: }", "line 2: `a` is a text: write it in quotes"),
            (
                "tags: {a: true}",
                "line 2: `a` is a text: write it in quotes",
            ),
            (
                "tags: {'aws:a': b}",
                "cannot be that: `aws:a` cannot be the key of a tag",
            ),
            (
                "tags: {a: b, A: c}",
                "cannot be that: the tag `A` is given twice",
            ),
            ("region: {a: b}", "has one value, and no mapping"),
        ] {
            let error = parse(&format!("# a\n{line}\n")).unwrap_err().to_string();
            let key = line.split(':').next().unwrap();
            let told = format!("a/hpcapi.yaml:2: `{key}` {why}");
            assert!(error.starts_with(&told), "{line}: {error}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let error = parse("region: 1\nprices: x\nregion: us-east-1\n").unwrap_err();
        let lines: Vec<_> = error.to_string().lines().map(ToOwned::to_owned).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[2],
            "a/hpcapi.yaml:3: `region` stands in line 1, too: leave one of them"
        );
    }

    #[test]
    fn of_a_wrong_file_is_told_enough() {
        let error = parse(&"a: 1\n".repeat(200_000)).unwrap_err();
        assert_eq!(error.to_string().lines().count(), MOST_TOLD);
    }

    #[test]
    fn paths_are_from_the_folder_of_the_file() {
        for (file, said, path) in [
            ("./hpcapi.yaml", "c.yaml", "./c.yaml"),
            ("hpcapi.yaml", "-", "./-"),
            ("/a/b.yaml", "../c.yaml", "/a/../c.yaml"),
            ("a/b.yaml", "/c.yaml", "/c.yaml"),
        ] {
            let text = format!("config: '{said}'\n");
            let read = SettingsFile::parse(&text, file.as_ref()).unwrap();
            assert_eq!(read.values[0].1, [path]);
        }
    }
}
