//! Whose job it is, and what is known of that user on the cluster: only the cluster knows where a
//! home is, and what a login there has.

use crate::error::Error;
use crate::slurm::Login;

use super::environment::Variables;

/// What a job's script is run by where the user's own shell is not known.
const SHELL: &str = "/bin/bash";

/// Where programs are looked for, unless a login of the user tells.
pub(super) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/slurm/bin";

/// Whose job it is, and what is known of a login of that user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    name: String,
    home: Option<String>,
    /// What a login shell has, besides what every job has.
    login: Variables,
    /// `PATH` and `SHELL`.
    shell: Variables,
    /// The host where `sbatch` would have been typed.
    host: Option<String>,
    left_out: Vec<String>,
    /// Why the home is not known.
    reason: Option<String>,
}

impl Owner {
    /// Returns a user of whom only the name is known; `reason` says why, if that is worth saying.
    pub fn named(name: &str, reason: Option<String>) -> Owner {
        let shell = [("PATH", PATH), ("SHELL", SHELL)];
        Owner {
            name: name.to_owned(),
            home: None,
            login: Variables::new(),
            shell: shell
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            host: None,
            left_out: Vec::new(),
            reason,
        }
    }

    /// Returns the user with this home, if one is given.
    #[must_use]
    pub fn at_home(self, home: Option<String>) -> Owner {
        let home = home.or(self.home);
        Owner { home, ..self }
    }

    /// Returns the user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the user's home on the cluster, if it is known.
    pub fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// Returns the home as a variable of the job has it, or as it is known.
    pub(super) fn home_with(&self, variables: &Variables) -> Option<String> {
        self.home.clone().or_else(|| {
            let own = variables.get("HOME");
            own.filter(|home| home.starts_with('/')).cloned()
        })
    }

    /// Returns the error of a job whose folder is below a home that is not known.
    pub(super) fn homeless(&self, file: &str) -> Error {
        let error = Error::usage(format!(
            "`{file}`: where the home of `{}` is on the cluster is not known, and the job's folder is below it",
            self.name
        ));
        let error = match &self.reason {
            Some(reason) => error.because(reason.clone()),
            None => error,
        };
        error
            .hint("name the job's folder with a whole path: --chdir /home/NAME/work")
            .hint("or the home: --home /home/NAME, or once for all: export HPCAPI_HOME=/home/NAME")
    }

    /// Returns the variables of whose job it is.
    pub(super) fn identity(&self) -> Variables {
        let mut variables = Variables::new();
        let mut tell =
            |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        tell("USER", &self.name);
        tell("LOGNAME", &self.name);
        if let Some(home) = &self.home {
            tell("HOME", home);
        }
        if let Some(host) = &self.host {
            tell("SLURM_SUBMIT_HOST", host);
        }
        variables
    }

    /// Returns `PATH` and `SHELL`.
    pub(super) fn shell(&self) -> &Variables {
        &self.shell
    }

    /// Returns the variables that a login shell has besides.
    pub(super) fn login(&self) -> &Variables {
        &self.login
    }

    /// Returns what the user should know; `has_home` is whether the job has a HOME in any case.
    pub(super) fn remarks(&self, has_home: bool) -> Vec<String> {
        let left_out = self.left_out.iter().map(|name| {
            format!("the job lacks `{name}` of the login, which is too long to be sent")
        });
        let homeless = (self.home.is_none() && !has_home).then(|| {
            let name = &self.name;
            format!(
                "the job has no HOME: where that of `{name}` is on the cluster is not known \
                 (--home FOLDER or HPCAPI_HOME says it)"
            )
        });
        left_out.chain(homeless).collect()
    }
}

impl From<Login> for Owner {
    fn from(login: Login) -> Owner {
        let mut owner = Owner::named(&login.user, None).at_home(Some(login.home));
        for (name, value) in login.variables {
            let known = match name == "PATH" {
                true => &mut owner.shell,
                false => &mut owner.login,
            };
            known.insert(name, value);
        }
        if !login.shell.is_empty() {
            owner.shell.insert("SHELL".to_owned(), login.shell);
        }
        owner.host = Some(login.host).filter(|host| !host.is_empty());
        owner.left_out = login.left_out;
        owner
    }
}

#[cfg(test)]
pub(super) fn me() -> Owner {
    Owner::named("me", None).at_home(Some("/home/me".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::client::ApiVersion;
    use crate::slurm::submission::Description;

    fn job(lines: &str) -> Description {
        Description::read("job.sh", format!("#!/bin/sh\n{lines}\n").as_bytes()).unwrap()
    }

    fn bob() -> Owner {
        let module = "() {  eval\n}".to_owned();
        Owner::from(Login {
            user: "bob".to_owned(),
            home: "/users/bob".to_owned(),
            shell: "/bin/zsh".to_owned(),
            host: "ip-10-0-0-1".to_owned(),
            variables: [
                ("PATH".to_owned(), "/opt/x/bin:/bin".to_owned()),
                ("BASH_FUNC_module%%".to_owned(), module),
            ]
            .into(),
            left_out: vec!["LMOD_BIG".to_owned()],
        })
    }

    fn sent(job: &Description) -> serde_json::Value {
        job.body(ApiVersion::new(38)).unwrap()["job"].clone()
    }

    #[test]
    fn a_job_runs_as_after_a_login_of_its_user() {
        let mut job = job("#SBATCH -D work --export=ALL");
        job.fill(&bob()).unwrap();
        let sent = sent(&job);
        assert_eq!(sent["current_working_directory"], "/users/bob/work");
        for (name, value) in [
            ("HOME", "/users/bob"),
            ("SHELL", "/bin/zsh"),
            ("USER", "bob"),
            ("PATH", "/opt/x/bin:/bin"),
            ("BASH_FUNC_module%%", "() {  eval\n}"),
            ("SLURM_SUBMIT_HOST", "ip-10-0-0-1"),
        ] {
            assert_eq!(sent["environment"][name], value, "{name}");
        }
        assert!(
            job.remarks()[0].contains("`LMOD_BIG`"),
            "{:?}",
            job.remarks()
        );
    }

    #[test]
    fn a_job_that_wants_none_of_a_login_has_none() {
        for line in ["--export=NIL", "--export=NONE", "--get-user-env"] {
            let mut job = job(&format!("#SBATCH {line}"));
            job.fill(&bob()).unwrap();
            let sent = sent(&job);
            assert!(
                sent["environment"]["BASH_FUNC_module%%"].is_null(),
                "{line}"
            );
            assert_eq!(sent["environment"]["HOME"], "/users/bob");
        }
    }

    #[test]
    fn no_home_is_made_up() {
        let unknown = Owner::named("bob", Some("SSM refuses".to_owned()));
        for line in ["", "#SBATCH -D work", "#SBATCH -D ~/work"] {
            let error = job(line).fill(&unknown).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("`job.sh`: where the home of `bob`"),
                "{error}"
            );
            assert!(
                error.hints()[0].to_string().contains("--chdir /"),
                "{:?}",
                error.hints()
            );
        }
        let mut whole = job("#SBATCH -D /scratch");
        whole.fill(&unknown).unwrap();
        assert!(sent(&whole)["environment"]["HOME"].is_null());
        assert!(
            whole.remarks()[0].contains("no HOME"),
            "{:?}",
            whole.remarks()
        );
        for line in ["--env HOME=/u/bob", "--export=ALL,HOME=/u/bob"] {
            let mut said = job(&format!("#SBATCH {line}"));
            said.fill(&unknown).unwrap();
            assert_eq!(sent(&said)["current_working_directory"], "/u/bob");
            assert_eq!(said.remarks(), Vec::<String>::new());
        }
        let mut said = job("");
        said.fill(&bob().at_home(Some("/u/bob".to_owned())))
            .unwrap();
        assert_eq!(sent(&said)["environment"]["HOME"], "/u/bob");
    }
}
