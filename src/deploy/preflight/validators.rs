//! What the real validators say of the configuration before anything is made. They judge the
//! network that will be: of what does not exist yet they are told what hpcapi will make.

use std::path::Path;

use tempfile::TempDir;

use crate::context::Context;
use crate::deploy::finding::{Finding, Verdict};
use crate::deploy::steps::cluster_config;
use crate::deploy::steps::existing_network;
use crate::deploy::zones;
use crate::error::{Context as _, Error, Kind, Result};
use crate::files;
use crate::pcluster::config::Values;
use crate::pcluster::stand_ins::{self, Network};
use crate::pcluster::{self, Problem, answer};
use crate::step::Step;

const SUBJECT: &str = "configuration";

/// The name of the file with the configuration to be judged.
const DRAFT: &str = "configuration.yaml";

/// Well-formed values for what does not exist yet, besides the network.
mod placeholder {
    pub(super) const SECURITY_GROUP: &str = "sg-00000000000000002";
    pub(super) const KEY_NAME: &str = "hpcapi-placeholder-key";
    pub(super) const BUCKET: &str = "hpcapi-placeholder-bucket";
}

/// Lets the validators of `pcluster` read the configuration.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    match validate(context).await {
        Ok(Validated::Whole(warnings)) => {
            let file = context.config.file().display();
            let taken = Finding::good(SUBJECT, format!("pcluster would take `{file}`"));
            let warnings = warnings.iter().map(|it| warning(context, it));
            std::iter::once(taken).chain(warnings).collect()
        }
        Ok(Validated::Partly) => vec![Finding {
            verdict: Verdict::Unknown,
            ..Finding::warning(
                SUBJECT,
                "this pcluster judges no configuration before its subnets are there",
            )
            .because("it judges it once `up` has made the network, and before the cluster")
        }],
        // Without it no cluster can be made either.
        Err(Unvalidated::Breakdown(error)) => vec![Finding {
            verdict: Verdict::Problem,
            ..Finding::of_error("pcluster", &error)
        }],
        Err(Unvalidated::Other(error)) => vec![Finding::of_error(SUBJECT, &error)],
    }
}

fn warning(context: &Context, problem: &Problem) -> Finding {
    Finding::warning(SUBJECT, pcluster::sentence(&context.config, problem))
}

/// How far a configuration was validated.
enum Validated {
    /// As a whole, with these warnings.
    Whole(Vec<Problem>),
    /// Up to the first of what does not exist.
    Partly,
}

/// Why there is no validated configuration.
enum Unvalidated {
    /// `pcluster` itself is not there, or does not work.
    Breakdown(Error),
    /// It is refused, or could not be looked at.
    Other(Error),
}

impl From<Error> for Unvalidated {
    fn from(error: Error) -> Self {
        Unvalidated::Other(error)
    }
}

/// Lets the real validators read the configuration. What they say about a stand-in for what
/// does not exist yet is not about the configuration.
async fn validate(context: &Context) -> Result<Validated, Unvalidated> {
    let pcluster = context.pcluster().await.map_err(Unvalidated::Breakdown)?;
    context
        .events
        .doing(Step::ClusterConfig, "pcluster validates the configuration");
    let draft = Draft::of(context).await;
    let folder = draft.write(context)?;
    let variables = draft.variables(folder.path())?;
    let file = folder.path().join(DRAFT);
    let name = draft_name(context);
    let output = pcluster.dry_run(&name, &file, variables).await;
    let output = output.map_err(Unvalidated::Breakdown)?;
    let answer = answer::dry_run(output.status.code(), &output.stdout, &output.stderr);
    let refusal = match answer {
        Ok(accepted) => {
            let told = accepted.warnings.into_iter();
            let told = told.filter(|it| it.level == "WARNING" && !draft.is_meant(&it.message));
            return Ok(Validated::Whole(told.collect()));
        }
        Err(refusal) => refusal,
    };
    if refusal.is_breakdown {
        return Err(Unvalidated::Breakdown(pcluster.refused(refusal)));
    }
    let warnings = refusal.problems.iter().filter(|it| it.level == "WARNING");
    let warnings: Vec<_> = warnings
        .filter(|it| !draft.is_meant(&it.message))
        .cloned()
        .collect();
    let was_whole = !refusal.problems.is_empty();
    match refusal.without(|text| draft.is_meant(text)) {
        Some(refusal) => {
            let error = pcluster::config_error(&context.config, refusal);
            Err(match error.kind() {
                Kind::Usage => error.or_hint(MEND).into(),
                _ => error.into(),
            })
        }
        None if was_whole => Ok(Validated::Whole(warnings)),
        None => Ok(Validated::Partly),
    }
}

const MEND: &str = "change these lines, then type the same command again; nothing was changed";

/// Returns the name to try the configuration with. pcluster judges no configuration for a cluster
/// that exists, so the one that replaces it is tried under a name just as long.
fn draft_name(context: &Context) -> String {
    let mut name = context.cluster_name();
    if context.facts().cluster.is_some() {
        let last = name.pop();
        name.push(if last == Some('x') { 'y' } else { 'x' });
    }
    name
}

/// A configuration to be judged: values for every CHANGE_ME, some of which only stand in.
struct Draft {
    values: Values,
    stand_ins: Vec<&'static str>,
    /// The network that is not there yet.
    network: Option<Network>,
}

impl Draft {
    async fn of(context: &Context) -> Draft {
        let existing = existing_network(context).await;
        let network = match (context.requirements(), &existing) {
            (None, None) => Some(network(context).await),
            _ => None,
        };
        let facts = context.facts();
        let known = facts.requirements.as_ref();
        let mut stand_ins = Vec::new();
        let mut value = |known: Option<&String>, stand_in: &'static str| {
            known.cloned().unwrap_or_else(|| {
                stand_ins.push(stand_in);
                stand_in.to_owned()
            })
        };
        let kept = context.settings.kept_bucket.as_ref();
        let bucket = value(known.map(|r| &r.bucket).or(kept), placeholder::BUCKET);
        let group = known.map(|r| &r.head_node_security_group);
        let head_node_security_group = value(group, placeholder::SECURITY_GROUP);
        let key_name = value(facts.key_name.as_ref(), placeholder::KEY_NAME);
        let subnets = match (known, &network) {
            (Some(made), _) => {
                let [first, second] = made.compute_subnets.clone();
                [made.head_node_subnet.clone(), first, second]
            }
            (None, Some(network)) => network.subnets().map(str::to_owned),
            (None, None) => existing.unwrap_or_default(),
        };
        let [head_node_subnet, first, second] = subnets;
        Draft {
            values: Values {
                region: context.aws.region.clone(),
                head_node_subnet,
                compute_subnets: [first, second],
                head_node_security_group,
                key_name,
                node_script: format!("s3://{bucket}/head-node.sh"),
                bucket,
            },
            stand_ins,
            network,
        }
    }

    /// Returns whether a text is about what only stands in, or the node script, which is put into
    /// the bucket later.
    fn is_meant(&self, text: &str) -> bool {
        let is_script = text.contains("'head-node.sh'");
        let is_stand_in = self.stand_ins.iter().any(|value| text.contains(value));
        let network = self.network.as_ref();
        is_script || is_stand_in || network.is_some_and(|it| it.is_meant(text))
    }

    /// Writes the configuration to a file for `pcluster`, in a folder of its own, which goes with
    /// what is returned.
    fn write(&self, context: &Context) -> Result<TempDir> {
        let place = context.settings.local_folder();
        let failure = || format!("cannot make a folder in `{}`", place.display());
        std::fs::create_dir_all(&place).doing(failure)?;
        let prefix = format!(".{}-draft-", context.settings.name);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(&place);
        let folder = folder.doing(failure)?;
        let (name, text) = stand_ins::FILE;
        files::write_private(&folder.path().join(name), text.as_bytes())?;
        let filled = cluster_config::filled_with(context, &self.values)?;
        files::write_private(&folder.path().join(DRAFT), filled.text().as_bytes())?;
        Ok(folder)
    }

    /// Returns the variables that tell pcluster's Python of the network, where one stands in.
    fn variables(&self, folder: &Path) -> Result<Vec<(String, String)>> {
        let Some(network) = &self.network else {
            return Ok(Vec::new());
        };
        let theirs = std::env::var_os("PYTHONPATH").unwrap_or_default();
        let paths = std::iter::once(folder.to_owned());
        let paths = paths.chain(std::env::split_paths(&theirs));
        let path = std::env::join_paths(paths.filter(|path| !path.as_os_str().is_empty()))
            .map_err(|error| Error::failed("PYTHONPATH cannot hold the folder").because(error))?;
        let path = path.to_string_lossy().into_owned();
        Ok(vec![("PYTHONPATH".to_owned(), path), network.variable()])
    }
}

/// Returns the subnets of head node and compute nodes in a network that is there. What cannot be found
/// of it is told by itself.
async fn existing_network(context: &Context) -> Option<[String; 3]> {
    let choice = context.settings.network.as_ref()?;
    let found = existing_network::find(context, choice).await.ok()?;
    let [first, second] = found.compute;
    Some([found.head_node.id, first.id, second.id])
}

/// Returns the network as `up` will make it. Where the zones that are named will not do, or none can be
/// chosen, which is told by itself, others stand in.
async fn network(context: &Context) -> Network {
    let range = context.settings.new_network.range.unwrap_or_default();
    let zones = match zones::choose(context).await {
        Err(error) if error.kind() == Kind::Usage => zones::usual(context).await,
        chosen => chosen,
    };
    match zones {
        Ok((first, second)) => Network::new([&first.name, &second.name], range),
        Err(_) => {
            let region = &context.aws.region;
            let zones = [format!("{region}a"), format!("{region}b")];
            Network::new([&zones[0], &zones[1]], range)
        }
    }
}
