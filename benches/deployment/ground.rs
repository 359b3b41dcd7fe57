//! A sandbox of its own, below the target folder, with everything that has to be installed for a
//! deployment and for the recipe; whoever measures has an account in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::measure::Result;
use super::measure::program::{Run, run};
use super::tools::tools;

/// What the deployments are called.
pub(crate) const NAME: &str = "hpc-serverless-job-mgmt";

/// The sandbox, which is stopped in the end, and the hpcapi that is measured.
pub(crate) struct Ground {
    folder: PathBuf,
    program: PathBuf,
}

/// An account in the sandbox, with a home of its own.
pub(crate) struct Account<'g> {
    ground: &'g Ground,
    pub(crate) id: String,
    home: PathBuf,
    /// Those that point other programs at the sandbox.
    variables: Vec<(String, String)>,
}

impl Ground {
    /// Starts the sandbox, and installs pcluster by making a deployment and removing it.
    pub(crate) fn prepare(program: &Path) -> Result<Ground> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-deployment");
        fs::create_dir_all(&folder)?;
        eprintln!("preparing a sandbox in {}", folder.display());
        let ground = Ground {
            folder,
            program: program.to_owned(),
        };
        let account = ground.without_variables(0)?;
        run(&mut account.hpcapi(&["sandbox", "start"]))?;
        ground.set_scale(0.0)?;
        run(&mut account.hpcapi(&["up", "--yes"]))?;
        run(&mut account.hpcapi(&["teardown", "--yes"]))?;
        Ok(ground)
    }

    /// Returns the account with this number.
    pub(crate) fn account(&self, number: usize) -> Result<Account<'_>> {
        let mut account = self.without_variables(number)?;
        let variables = run(&mut account.hpcapi(&["sandbox", "env"]))?.text();
        let variables = variables.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        account.variables = variables.collect();
        Ok(account)
    }

    /// Returns the account as it is while the sandbox does not run.
    fn without_variables(&self, number: usize) -> Result<Account<'_>> {
        let id = format!("23{number:010}");
        let home = self.folder.join("homes").join(&id);
        fs::create_dir_all(home.join("run"))?;
        Ok(Account {
            ground: self,
            id,
            home,
            variables: Vec::new(),
        })
    }

    /// Makes things take this part of the time that they take in AWS.
    pub(crate) fn set_scale(&self, scale: f64) -> Result<()> {
        self.control("PUT", "clock", &format!("{{\"scale\": {scale}}}"))?;
        Ok(())
    }

    /// Makes AWS's request rates hold, and counts anew; or lets everything through.
    pub(crate) fn set_rates(&self, hold: bool) -> Result<()> {
        self.control("PUT", "clock", &format!("{{\"rates\": {hold}}}"))?;
        Ok(())
    }

    /// Returns how many requests were refused since the rates hold.
    pub(crate) fn throttled(&self) -> Result<f64> {
        let clock = self.control("GET", "clock", "{}")?;
        let services = clock["requests"].as_object().into_iter().flatten();
        let actions = services.flat_map(|(_, actions)| actions.as_object().into_iter().flatten());
        Ok(actions
            .filter_map(|(_, count)| count["refused"].as_f64())
            .sum())
    }

    /// Asks the sandbox itself.
    fn control(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let account = self.account(0)?;
        let url = format!("{}/_hpcapi/{path}", account.variable("AWS_ENDPOINT_URL")?);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body"])
            .args(["--request", method, "--data", body, &url]);
        json(&run(&mut curl)?)
    }

    /// Returns the pcluster that hpcapi installed.
    fn pcluster(&self) -> Result<PathBuf> {
        let cache = self.folder.join("cache/hpcapi");
        for entry in fs::read_dir(&cache)? {
            let program = entry?.path().join("bin/pcluster");
            if program.exists() {
                return Ok(program);
            }
        }
        Err(format!("there is no pcluster below `{}`", cache.display()).into())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let stopped = self
            .without_variables(0)
            .and_then(|account| run(&mut account.hpcapi(&["sandbox", "stop"])));
        if let Err(error) = stopped {
            eprintln!("the sandbox was not stopped: {error}");
        }
    }
}

impl Account<'_> {
    /// Returns a variable that points other programs at the sandbox.
    pub(crate) fn variable(&self, name: &str) -> Result<&str> {
        let found = self.variables.iter().find(|(found, _)| found == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| format!("the sandbox says no {name}").into())
    }

    /// Returns an hpcapi command in an empty environment.
    pub(crate) fn hpcapi(&self, arguments: &[&str]) -> Command {
        let mut command = self.empty(&self.ground.program);
        command
            .args(arguments)
            .env("XDG_CACHE_HOME", self.ground.folder.join("cache"))
            .env("XDG_RUNTIME_DIR", self.home.join("run"))
            .env("HPCAPI_SANDBOX", "1")
            .env("HPCAPI_SANDBOX_DIR", self.ground.folder.join("sandbox"))
            .env("HPCAPI_SANDBOX_ACCOUNT", &self.id);
        command
    }

    /// Returns a command that uses AWS as the AWS CLI does.
    fn with_aws(&self, program: impl AsRef<Path>) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.empty(program.as_ref());
        command
            .env("PATH", format!("{}:{path}", tools().display()))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home);
        command
    }

    /// Returns a command of the AWS CLI.
    pub(crate) fn aws(&self, arguments: &[&str]) -> Command {
        let mut command = self.with_aws(tools().join("aws"));
        command.args(arguments);
        command
    }

    /// Returns the bucket of the account's deployment.
    pub(crate) fn bucket(&self) -> Result<String> {
        let stack = format!("{NAME}-requirements");
        let found = run(&mut self.aws(&[
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            &stack,
            "--query",
            "Stacks[0].Outputs[?OutputKey=='Bucket'].OutputValue",
            "--output",
            "text",
        ]))?;
        Ok(found.text().trim().to_owned())
    }

    /// Returns one of the recipe's scripts.
    pub(crate) fn recipe(&self, script: &str) -> Result<Command> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let scripts = repository.join("benches/deployment/recipe");
        let mut command = self.with_aws(scripts.join(script));
        command
            .env("NAME", NAME)
            .env("REPOSITORY", repository)
            .env("PCLUSTER", self.ground.pcluster()?)
            .env("MINT_TOKEN", scripts.join("token.sh"));
        Ok(command)
    }

    /// Returns the shortest time in seconds in which stack operations, each `STACK:VERB`, could
    /// have followed one another.
    pub(crate) fn critical_path(&self, operations: &[String]) -> Result<f64> {
        let mut path = format!("critical-path?account={}", self.id);
        for operation in operations {
            path.push_str(&format!("&stack={operation}"));
        }
        let answer = self.ground.control("GET", &path, "{}")?;
        answer["chain"]["seconds"]
            .as_f64()
            .ok_or_else(|| format!("no critical path in {answer}").into())
    }

    fn empty(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.home);
        command
    }
}

/// Reads what a command printed as JSON.
pub(crate) fn json(run: &Run) -> Result<Value> {
    Ok(serde_json::from_slice(&run.stdout)?)
}
