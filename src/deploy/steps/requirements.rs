//! The stack `<name>-requirements`: network, security groups, bucket. In a network that was there it makes
//! the groups, the bucket and, if asked to, VPC endpoints.

use crate::aws::{Stack, StackResource};
use crate::context::{Context, NetworkOwner, Requirements};
use crate::deploy::State;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::hint::{AwsCall, Hint};
use crate::pcluster::Demand;
use crate::pcluster::judgement::NodeRoles;
use crate::settings::BucketFate;
use crate::step::Step;
use crate::tags::Tags;

use super::deletion::{Attempts, physical_ids};
use super::place::{self, Parameters};
use super::role_parameters::{self, asked_for};
use super::stack::Template;
use super::{
    api, existing_network, kept_bucket, network_removal, node_roles, ownership, stack,
    vpc_endpoints, wanted_endpoints,
};

pub(super) const TEMPLATE: Template = Template {
    body: include_str!("../../../templates/requirements.yaml"),
};

/// The parameter that says whether there is a NAT gateway.
const NAT: &str = "Nat";

/// The parameter that names a bucket which is used again.
const KEPT_BUCKET: &str = "KeptBucket";

/// When the stack gets its NAT gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nat {
    Now,
    /// By a later update, unless it has one.
    Later,
    /// Never: what it has goes.
    Never,
}

pub(in crate::deploy) async fn check(context: &Context) -> Result<State> {
    let state = look(context).await?;
    let lack = match state {
        State::Missing | State::Ready => vpc_endpoints::look(context).await?,
        _ => None,
    };
    if let Some(lack) = lack {
        return Ok(State::incomplete(lack));
    }
    if state == State::Ready
        && let Some(made) = context.requirements()
        && !context.aws.buckets.exists(&made.bucket).await?
    {
        return Ok(State::incomplete(bucket_is_gone(&made.bucket)));
    }
    Ok(state)
}

/// Looks at the stack alone, which is enough for who needs nothing of the bucket or the network.
pub(in crate::deploy) async fn look(context: &Context) -> Result<State> {
    let name = context.settings.name.requirements_stack();
    let Some(there) = context.aws.stacks.describe(&name).await? else {
        forget(context);
        return Ok(State::Missing);
    };
    stack::require_ours(context, &there)?;
    context.facts().requirements = outputs(&there).ok();
    context.facts().has_nat = has_nat(&there);
    context.facts().new_network = place::new_network(&there);
    context.facts().vpc_endpoints = wanted_endpoints::of(&there);
    existing_network::require_same(context, &there)?;
    place::require_same(context, &there).await?;
    context.facts().tags = Tags::on(&there.tags);
    role_parameters::note(context, &there);
    let node_roles = node_roles::named_by(&there);
    context.facts().node_roles = node_roles.clone();
    let state = stack::state(context, &there, TEMPLATE, &asked_for(context));
    if state == State::Ready && lacks_nat(&there) && nat_of(context).await? == Nat::Now {
        return Ok(State::incomplete(
            "it has no NAT gateway yet, which static nodes need to boot",
        ));
    }
    if state == State::Ready && node_roles != node_roles::wanted(context) {
        return Ok(State::incomplete(
            "its bucket's policy does not know all the roles of the configuration's nodes yet",
        ));
    }
    Ok(state)
}

/// Returns whether the stack has a NAT gateway: one of a template without the parameter always has.
pub(in crate::deploy) fn has_nat(stack: &Stack) -> bool {
    stack.parameters.get(NAT).map(String::as_str) != Some("false")
}

/// Returns whether a stack that makes its network has no NAT gateway.
pub(in crate::deploy) fn lacks_nat(stack: &Stack) -> bool {
    !has_nat(stack) && !existing_network::is_used_by(stack)
}

/// Static nodes boot while the cluster is made, which fails without them; those of a deployment that
/// rests are started when all else is there.
async fn nat_of(context: &Context) -> Result<Nat> {
    Ok(match Demand::of(context.config.document()).static_nodes {
        0 => Nat::Later,
        _ if api::rests(context).await? => Nat::Later,
        _ => Nat::Now,
    })
}

fn bucket_is_gone(bucket: &str) -> String {
    format!("its bucket `{bucket}` is gone")
}

/// Returns what makes a bucket again that somebody deleted: CloudFormation does not look whether
/// what it made is still there.
pub(in crate::deploy) fn make_bucket(context: &Context, bucket: &str) -> Hint {
    let region = &context.aws.region;
    let place = match region.as_str() {
        "us-east-1" => String::new(),
        other => format!(" --create-bucket-configuration LocationConstraint={other}"),
    };
    let call = |operation: &str| {
        let call = AwsCall::in_region(region, format!("s3api {operation}"));
        call.with(format!("--bucket {bucket}"))
    };
    let versioning =
        call("put-bucket-versioning").with("--versioning-configuration Status=Enabled");
    Hint::run(call("create-bucket"))
        .then(format!("{place} && "))
        .then_run(versioning)
}

pub(in crate::deploy) async fn run(context: &Context) -> Result<()> {
    let name = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&name).await?;
    if let Some(there) = &there
        && let Ok(Requirements { bucket, .. }) = outputs(there)
        && !context.aws.buckets.exists(&bucket).await?
        && stack::state(context, there, TEMPLATE, &asked_for(context)) == State::Ready
    {
        return Err(Error::failed(bucket_is_gone(&bucket))
            .hint(make_bucket(context, &bucket))
            .hint(context.settings.again.command("up")));
    }
    apply(context, Step::Requirements, nat_of(context).await?).await
}

/// Makes the stack what it should be.
pub(super) async fn apply(context: &Context, step: Step, nat: Nat) -> Result<()> {
    let name = context.settings.name.requirements_stack();
    let there = context.aws.stacks.describe(&name).await?;
    let place = match there.as_ref().and_then(place::of) {
        Some(place) => place,
        None => place::choose(context, step).await?,
    };
    let nat = match place::is_new(&place) {
        true => nat,
        false => Nat::Never,
    };
    let parameters = parameters(context.settings.name.to_string(), place);
    let mut spec = stack::spec(context, Step::Requirements, name, TEMPLATE, parameters);
    match nat {
        Nat::Now => spec.parameters.push((NAT, "true".to_owned())),
        Nat::Later => spec.first.push((NAT, "false".to_owned())),
        Nat::Never => spec.parameters.push((NAT, "false".to_owned())),
    }
    spec.parameters.extend(asked_for(context));
    for key in role_parameters::KEPT {
        if spec.parameters.iter().all(|(given, _)| *given != key) {
            spec.first.push((key, String::new()));
        }
    }
    for (key, roles) in node_roles::parameters(&node_roles::wanted(context)) {
        match roles.is_empty() {
            true => spec.first.push((key, roles)),
            false => spec.parameters.push((key, roles)),
        }
    }
    let kept = context.settings.kept_bucket.clone().unwrap_or_default();
    spec.first.push((KEPT_BUCKET, kept));
    let endpoints = vpc_endpoints::wanted(context, there.as_ref()).await?;
    vpc_endpoints::apply(context, step, spec, endpoints.as_ref()).await?;
    let before = there.as_ref().map(|there| Tags::on(&there.tags));
    let had = there.as_ref().and_then(given_bucket).map(ToOwned::to_owned);
    match context.settings.kept_bucket.clone().or(had) {
        Some(bucket) => {
            kept_bucket::take_up(context, &bucket).await?;
            kept_bucket::tag(context, &bucket, &before.unwrap_or_default()).await
        }
        None => Ok(()),
    }
}

/// Makes the NAT gateway anew, with its route: CloudFormation does not look whether what it made is
/// still there, but takes out of a stack what is gone.
pub(in crate::deploy) async fn make_nat_anew(context: &Context) -> Result<()> {
    apply(context, Step::NatGateway, Nat::Never).await?;
    apply(context, Step::NatGateway, Nat::Now).await
}

/// Returns the internet gateway that the stack made.
pub(in crate::deploy) async fn internet_gateway(context: &Context) -> Result<String> {
    let name = context.settings.name.requirements_stack();
    let resources = context.aws.stacks.resources(&name).await?;
    let found = physical_ids(&resources, "AWS::EC2::InternetGateway");
    let found = found.first().map(ToString::to_string);
    found.ok_or_else(|| Error::failed(format!("the stack `{name}` has no internet gateway")))
}

pub(in crate::deploy) async fn undo(context: &Context) -> Result<Outcome> {
    let name = context.settings.name.requirements_stack();
    let had_stack = stack::to_be_deleted(context, &name).await?.is_some();
    if had_stack {
        let mut attempts = Attempts::new(context, &name);
        while let Err(error) = remove(context, &name).await {
            if let Some(held) = network_removal::held_by_others(context, &name).await {
                return Err(held);
            }
            if attempts.after(error).await?.is_none() {
                break;
            }
        }
        forget(context);
    }
    // The stack leaves its bucket; of an earlier teardown that was cut off there may be one, too.
    let had_bucket = kept_bucket::undo(context).await?;
    Ok(match had_stack || had_bucket {
        true => Outcome::Removed,
        false => Outcome::Absent,
    })
}

/// Forgets a stack that is gone.
fn forget(context: &Context) {
    let mut facts = context.facts();
    facts.requirements = None;
    facts.new_network = None;
    facts.unfinished_requirements.clear();
    facts.tags = Tags::default();
    facts.permissions_boundary = None;
    facts.vpc_endpoints = None;
    facts.iam_prefix = None;
    facts.service_role = None;
    facts.node_roles = NodeRoles::default();
}

/// Empties the bucket, while the cluster and the API go, of all that they do not need. What fails
/// is done again, and told, in the end.
pub(in crate::deploy) async fn empty_ahead(context: &Context) {
    if context.settings.bucket_fate == BucketFate::Kept {
        return;
    }
    if let Ok(Some(bucket)) = ownership::bucket(context).await {
        let tell = |count| kept_bucket::emptying(context, &bucket, count);
        // hpcapi's own objects, and ParallelCluster's where the configuration names the bucket as
        // its `CustomS3Bucket`, are needed until the cluster is gone.
        let needed = kept_bucket::OF_THE_DEPLOYMENT;
        let goes = |key: &str| !needed.iter().any(|it| key.starts_with(it));
        let _ = context.aws.buckets.sweep(&bucket, "", goes, tell).await;
    }
}

/// Takes out of the bucket and the network what would make the deletion of the stack fail, and
/// deletes it.
async fn remove(context: &Context, name: &str) -> Result<()> {
    let Some(there) = context.aws.stacks.describe(name).await? else {
        return Ok(());
    };
    stack::require_ours(context, &there)?;
    let resources = context.aws.stacks.resources(&there.id).await?;
    for bucket in buckets(&there, &resources) {
        kept_bucket::prepare(context, bucket).await?;
    }
    network_removal::prepare(context, &there, &resources).await?;
    // It may have been changed while all this took its time.
    match stack::to_be_deleted(context, name).await? {
        Some(there) => {
            let progress = stack::progress(&context.events, Step::Requirements);
            context.aws.stacks.delete(&there, &progress).await
        }
        None => Ok(()),
    }
}

/// Returns the bucket that the stack made, or that it was given.
fn buckets<'r>(stack: &'r Stack, resources: &'r [StackResource]) -> Vec<&'r str> {
    let mut buckets = physical_ids(resources, "AWS::S3::Bucket");
    buckets.extend(given_bucket(stack));
    buckets
}

/// Returns the bucket that the stack was given.
fn given_bucket(stack: &Stack) -> Option<&str> {
    let given = stack.parameters.get(KEPT_BUCKET).map(String::as_str);
    given.filter(|given| !given.is_empty())
}

/// Fails when the stack would delete its bucket with itself: one of an earlier template does.
pub(in crate::deploy) fn require_bucket_stays(context: &Context, stack: &Stack) -> Result<()> {
    if context.settings.bucket_fate == BucketFate::Deleted || TEMPLATE.has_made(stack) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the stack `{}` would delete its bucket: it was made by another version of hpcapi",
        stack.name
    ))
    .hint(format!(
        "bring it up to date first: {}",
        context.settings.again.command("up")
    )))
}

fn parameters(name: String, place: Parameters) -> Parameters {
    let names = [("EnvironmentName", name.clone()), (stack::NAME, name)];
    names.into_iter().chain(place).collect()
}

fn outputs(stack: &Stack) -> Result<Requirements> {
    let output = |key| stack::output(stack, key);
    let compute_subnets = [
        output("ComputeResourcesSubnetId1")?,
        output("ComputeResourcesSubnetId2")?,
    ];
    Ok(Requirements {
        network: match existing_network::is_used_by(stack) {
            true => NetworkOwner::User,
            false => NetworkOwner::Deployment,
        },
        vpc: output("VPCID")?,
        head_node_subnet: output("HeadNodeSubnetId")?,
        // A stack of an earlier template does not say: there they are the compute subnets.
        api_subnets: match stack.outputs.get("APISubnetIds") {
            Some(list) => list.split(',').map(ToOwned::to_owned).collect(),
            None => compute_subnets.to_vec(),
        },
        compute_subnets,
        api_security_group: output("APISecurityGroup")?,
        head_node_security_group: output("HeadNodeSecurityGroup")?,
        bucket: output("Bucket")?,
    })
}

#[cfg(test)]
mod tests {
    use super::stack::template::Declared;
    use super::*;
    use crate::address_range::AddressRange;

    #[test]
    fn template_and_code_agree_on_parameters_and_outputs() {
        let declared = Declared::of(TEMPLATE);
        let place = |keys: &[&'static str]| {
            let place = keys.iter().map(|key| (*key, String::new())).collect();
            parameters(String::new(), place)
        };
        declared.takes(&place(&existing_network::PLACE[..2]));
        let mut given = place(&existing_network::PLACE);
        declared.takes(&given);
        given.push((NAT, String::new()));
        given.push((KEPT_BUCKET, String::new()));
        given.extend(wanted_endpoints::none());
        given.extend(role_parameters::KEPT.map(|key| (key, String::new())));
        given.extend(node_roles::parameters(&NodeRoles::default()));
        given.extend(place::ranges(AddressRange::default()));
        declared.takes(&given);
        assert!(outputs(&declared.stack()).is_ok());
    }
}
