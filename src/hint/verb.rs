//! The verbs that hints name, and which options of a call they take, too.

/// A verb of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `api`.
    Api,
    /// `config`.
    Config,
    /// `doctor`.
    Doctor,
    /// `extend`.
    Extend,
    /// `iam-policy`.
    IamPolicy,
    /// `jobs cancel`.
    JobsCancel,
    /// `jobs list`.
    JobsList,
    /// `jobs logs`.
    JobsLogs,
    /// `jobs show`.
    JobsShow,
    /// `jobs submit`.
    JobsSubmit,
    /// `jobs wait`.
    JobsWait,
    /// `nodes`.
    Nodes,
    /// `partitions`.
    Partitions,
    /// `pause`.
    Pause,
    /// `ping`.
    Ping,
    /// `plan`.
    Plan,
    /// `resume`.
    Resume,
    /// `run`.
    Run,
    /// `runs attach`.
    RunsAttach,
    /// `runs cancel`.
    RunsCancel,
    /// `runs fetch`.
    RunsFetch,
    /// `runs list`.
    RunsList,
    /// `runs logs`.
    RunsLogs,
    /// `runs show`.
    RunsShow,
    /// `sandbox start`.
    SandboxStart,
    /// `shims`.
    Shims,
    /// `status`.
    Status,
    /// `token`.
    Token,
    /// `trigger list`.
    TriggerList,
    /// `trigger logs`.
    TriggerLogs,
    /// `trigger remove`.
    TriggerRemove,
    /// `trigger retry`.
    TriggerRetry,
    /// `up`.
    Up,
    /// `upgrade`.
    Upgrade,
}

/// Which options a verb takes of those by which a call says what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None of them.
    Nothing,
    /// The deployment's name alone.
    Name,
    /// Those of the deployment.
    Deployment,
    /// Those of the deployment, and those that say which Slurm is asked and how.
    Slurm,
    /// Those of the deployment, and those that say how the cluster is to be.
    Cluster,
    /// The same, and those that say which other parts the deployment has.
    Up,
}

/// In the order of [`Verb`].
const TABLE: [(Verb, &str, Takes); Verb::Upgrade as usize + 1] = [
    (Verb::Api, "api", Takes::Slurm),
    (Verb::Config, "config", Takes::Deployment),
    (Verb::Doctor, "doctor", Takes::Cluster),
    (Verb::Extend, "extend", Takes::Deployment),
    (Verb::IamPolicy, "iam-policy", Takes::Name),
    (Verb::JobsCancel, "jobs cancel", Takes::Slurm),
    (Verb::JobsList, "jobs list", Takes::Slurm),
    (Verb::JobsLogs, "jobs logs", Takes::Slurm),
    (Verb::JobsShow, "jobs show", Takes::Slurm),
    (Verb::JobsSubmit, "jobs submit", Takes::Slurm),
    (Verb::JobsWait, "jobs wait", Takes::Slurm),
    (Verb::Nodes, "nodes", Takes::Slurm),
    (Verb::Partitions, "partitions", Takes::Slurm),
    (Verb::Pause, "pause", Takes::Cluster),
    (Verb::Ping, "ping", Takes::Slurm),
    (Verb::Plan, "plan", Takes::Up),
    (Verb::Resume, "resume", Takes::Cluster),
    (Verb::Run, "run", Takes::Slurm),
    (Verb::RunsAttach, "runs attach", Takes::Slurm),
    (Verb::RunsCancel, "runs cancel", Takes::Slurm),
    (Verb::RunsFetch, "runs fetch", Takes::Slurm),
    (Verb::RunsList, "runs list", Takes::Slurm),
    (Verb::RunsLogs, "runs logs", Takes::Slurm),
    (Verb::RunsShow, "runs show", Takes::Slurm),
    (Verb::SandboxStart, "sandbox start", Takes::Nothing),
    (Verb::Shims, "shims", Takes::Deployment),
    (Verb::Status, "status", Takes::Cluster),
    (Verb::Token, "token", Takes::Deployment),
    (Verb::TriggerList, "trigger list", Takes::Deployment),
    (Verb::TriggerLogs, "trigger logs", Takes::Deployment),
    (Verb::TriggerRemove, "trigger remove", Takes::Deployment),
    (Verb::TriggerRetry, "trigger retry", Takes::Deployment),
    (Verb::Up, "up", Takes::Up),
    (Verb::Upgrade, "upgrade", Takes::Cluster),
];

impl Verb {
    /// Returns all of them.
    pub fn all() -> impl Iterator<Item = Verb> {
        TABLE.iter().map(|(verb, _, _)| *verb)
    }

    /// Returns the verb as it is typed.
    pub fn words(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Returns which options it takes.
    pub fn takes(self) -> Takes {
        TABLE[self as usize].2
    }

    /// Returns the verb that a line begins with; of `jobs list --all` that is `jobs list`.
    pub(super) fn of(line: &str) -> Option<Verb> {
        Verb::all().find(|verb| {
            let rest = line.strip_prefix(verb.words());
            rest.is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_verbs() {
        for (at, verb) in Verb::all().enumerate() {
            assert_eq!(verb as usize, at, "{verb:?}");
        }
    }

    #[test]
    fn a_line_has_the_verb_that_it_begins_with() {
        assert_eq!(Verb::of("jobs list --all"), Some(Verb::JobsList));
        assert_eq!(Verb::of("run SCRIPT"), Some(Verb::Run));
        assert_eq!(Verb::of("runs list"), Some(Verb::RunsList));
        assert_eq!(Verb::of("update"), None);
    }
}
