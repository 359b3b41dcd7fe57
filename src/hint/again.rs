//! How this call was made, so that another one means the same: the one place where commands that are
//! printed get their options.

use crate::shell::quoted;

use super::command::Place;
use super::{AwsCall, Call, Command, Hint, Takes, Verb};

/// How to call this program again for the same deployment, for hints and printed commands.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// The program as it can be typed.
    pub program: String,
    /// `--deployment`, unless it is the default.
    pub deployment: Option<String>,
    /// `--settings`, unless a call in the same folder finds the same file by itself.
    pub settings: Option<String>,
    /// `--profile`, if it was given.
    pub profile: Option<String>,
    /// The option that selects the sandbox, where that is meant: ` --sandbox`.
    pub sandbox_option: &'static str,
    /// `--region`, if it was given.
    pub region: Option<String>,
    /// Options that say how the cluster is to be, e.g. ` --config mine.yaml`.
    pub cluster_options: String,
    /// Options of `up` and `plan` that say which other parts the deployment has, e.g. ` --operations`.
    pub up_options: String,
    /// Options that say which Slurm is asked and how, e.g. ` --via operations`.
    pub slurm_options: String,
}

impl Again {
    /// Returns how to call a program that was called without options.
    pub fn of(program: impl Into<String>) -> Again {
        Again {
            program: program.into(),
            ..Again::default()
        }
    }

    /// Returns a hint as one line whose commands can be typed.
    pub fn hint(&self, hint: &Hint) -> String {
        hint.spelled(|command| self.typed(command))
    }

    /// Returns a command as it can be typed.
    pub fn typed(&self, command: &Command) -> String {
        match command {
            Command::Own(call) => self.call(call),
            Command::Aws(call) => self.aws(call),
            Command::Other(line) => line.clone(),
        }
    }

    /// Returns the command line of `verb` for the same deployment.
    pub fn command(&self, verb: &str) -> String {
        self.spelled(
            verb,
            Verb::of(verb).map(Verb::takes),
            self.region.as_deref(),
        )
    }

    /// Returns the command line of `verb` for the deployment of the same name in another region.
    pub fn command_in(&self, region: &str, verb: &str) -> String {
        self.spelled(verb, Verb::of(verb).map(Verb::takes), Some(region))
    }

    /// Returns the command line that makes the cluster anew, and keeps the rest.
    pub fn replacing_cluster(&self) -> String {
        format!("{} --replace-cluster", self.command("up"))
    }

    fn call(&self, call: &Call) -> String {
        let takes = Some(call.verb().takes());
        self.spelled(&call.line(), takes, self.region.as_deref())
    }

    /// The profile and the region have to be said: those of the AWS configuration may be others.
    fn aws(&self, call: &AwsCall) -> String {
        let region = match call.place() {
            Place::Anywhere => None,
            Place::Here => self.region.as_deref(),
            Place::Region(region) => Some(region.as_str()),
        };
        let options = [option("region", region), self.profile_option()];
        call.line(&options.concat())
    }

    fn spelled(&self, line: &str, takes: Option<Takes>, region: Option<&str>) -> String {
        let takes = takes.unwrap_or(Takes::Deployment);
        let mut typed = format!("{} {line}", self.program);
        if takes == Takes::Nothing {
            return typed;
        }
        typed.push_str(&option("deployment", self.deployment.as_deref()));
        typed.push_str(&option("settings", self.settings.as_deref()));
        if takes == Takes::Name {
            return typed;
        }
        typed.push_str(&self.profile_option());
        typed.push_str(self.sandbox_option);
        typed.push_str(&option("region", region));
        if matches!(takes, Takes::Cluster | Takes::Up) {
            typed.push_str(&self.cluster_options);
        }
        match takes {
            Takes::Up => typed.push_str(&self.up_options),
            Takes::Slurm => typed.push_str(&self.slurm_options),
            _ => {}
        }
        typed
    }

    fn profile_option(&self) -> String {
        option("profile", self.profile.as_deref())
    }
}

/// Returns an option with its value, if it has one.
fn option(name: &str, value: Option<&str>) -> String {
    value.map_or(String::new(), |value| {
        format!(" --{name} {}", quoted(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again() -> Again {
        Again {
            deployment: Some("x".to_owned()),
            profile: Some("my work".to_owned()),
            cluster_options: " --config y".to_owned(),
            up_options: " --operations".to_owned(),
            slurm_options: " --via operations".to_owned(),
            ..Again::of("/opt/hpcapi")
        }
    }

    #[test]
    fn every_verb_gets_the_options_that_it_takes() {
        let again = again();
        let own = "--deployment x --profile 'my work'";
        for (verb, options) in [
            ("up", format!(" {own} --config y --operations")),
            ("status", format!(" {own} --config y")),
            ("doctor", format!(" {own} --config y")),
            ("teardown --check", format!(" {own}")),
            ("jobs cancel 12", format!(" {own} --via operations")),
            ("trigger logs t", format!(" {own}")),
            ("iam-policy up", " --deployment x".to_owned()),
            ("sandbox start", String::new()),
        ] {
            assert_eq!(again.command(verb), format!("/opt/hpcapi {verb}{options}"));
        }
    }

    #[test]
    fn a_command_is_for_the_region_that_was_given_or_is_meant() {
        let again = Again {
            region: Some("eu-west-1".to_owned()),
            sandbox_option: " --sandbox",
            ..Again::of("hpcapi")
        };
        assert_eq!(
            again.command("token"),
            "hpcapi token --sandbox --region eu-west-1"
        );
        assert_eq!(
            again.command_in("us-east-2", "token"),
            "hpcapi token --sandbox --region us-east-2"
        );
    }

    #[test]
    fn a_hint_is_spelled_as_the_call_was_made() {
        let again = again();
        let hint = Hint::run(Verb::JobsShow.with(12)).because("see it");
        assert_eq!(
            again.hint(&hint),
            "see it: /opt/hpcapi jobs show 12 --deployment x --profile 'my work' --via operations"
        );
        assert_eq!(again.hint(&"wait".into()), "wait");
    }

    #[test]
    fn a_command_of_the_aws_cli_is_for_the_same_profile_and_region() {
        let again = Again {
            region: Some("eu-west-1".to_owned()),
            ..again()
        };
        let typed = |call: AwsCall| again.typed(&call.into());
        assert_eq!(
            typed(AwsCall::here("ec2 describe-vpcs")),
            "aws ec2 describe-vpcs --region eu-west-1 --profile 'my work'"
        );
        assert_eq!(
            typed(AwsCall::in_region("us-east-2", "ec2 delete-vpc").with("--vpc-id vpc-1")),
            "aws ec2 delete-vpc --region us-east-2 --profile 'my work' --vpc-id vpc-1"
        );
        assert_eq!(
            typed(AwsCall::anywhere("iam list-roles")),
            "aws iam list-roles --profile 'my work'"
        );
    }
}
