//! What the deployment's stacks made, those that are there and those that are deleted: the
//! surest sign of whose a thing is, for what carries no tags.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{Item, Kind, Names, Stack, StackResource, TAGGED};
use crate::context::{Context, TAG_DEPLOYMENT};
use crate::deploy::steps::{deletion, ownership};
use crate::error::Result;

use super::claim::TAG_STACK_ID;

const VPC: &str = "AWS::EC2::VPC";
/// The status of what CloudFormation leaves.
const SKIPPED: &str = "DELETE_SKIPPED";
const QUEUE: &str = "AWS::SQS::Queue";

/// Whether clusters that had a name are known to have been the deployment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WasOurs {
    Yes,
    Unknown,
}

/// What is known of the deployment's stacks.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// The deployment.
    pub(super) name: String,
    /// The names of its clusters: the first, and the second if it ever began one.
    pub(super) clusters: Vec<String>,
    /// The region.
    pub(super) region: String,
    /// How the names of its buckets begin.
    bucket: String,
    /// The names of its stacks that are there.
    pub(super) live: BTreeSet<String>,
    /// The names of stacks that are there under the deployment's names, and are not its.
    pub(super) foreign: BTreeSet<String>,
    /// The stacks that were DELETE_FAILED, by name.
    pub(super) stuck: BTreeSet<String>,
    /// What its stacks made and did not delete, by id: the name of the stack.
    pub(super) resources: BTreeMap<String, String>,
    /// What its stacks made and deleted: the id of the stack, and that of the thing.
    deleted: BTreeSet<(String, String)>,
    /// What a deleted stack left because its template says so, by id.
    pub(super) retained: BTreeSet<String>,
    /// The VPCs among what is not deleted.
    pub(super) vpcs: BTreeSet<String>,
    cluster_guids: Vec<String>,
    /// Why it is not known whose the cluster is, if so.
    pub(super) unknown_cluster: Option<String>,
}

impl Origin {
    /// Asks CloudFormation; `cluster_stacks` are ids of stacks that the cluster is known to have
    /// had.
    pub(super) async fn gather(context: &Context, cluster_stacks: &[String]) -> Result<Origin> {
        let names = &context.settings.name;
        let mut origin = Origin {
            name: names.to_string(),
            region: context.aws.region.clone(),
            bucket: names.bucket_prefix(),
            ..Origin::default()
        };
        for name in names.own_stacks() {
            origin.add_stack(context, &name).await?;
        }
        let had_second = ownership::had_second(context).await.unwrap_or_default();
        for name in names.cluster_names() {
            let is_of_name = |id: &&String| stack_name(id) == Some(name.as_str());
            let known: BTreeSet<_> = cluster_stacks.iter().filter(is_of_name).cloned().collect();
            let was_ours = match name == names.as_str() || had_second || !known.is_empty() {
                true => WasOurs::Yes,
                false => WasOurs::Unknown,
            };
            origin.add_cluster(context, &name, known, was_ours).await?;
        }
        Ok(origin)
    }

    /// Adds the clusters that had this name; `ids` are those of stacks that they are known to have had.
    async fn add_cluster(
        &mut self,
        context: &Context,
        name: &str,
        mut ids: BTreeSet<String>,
        was_ours: WasOurs,
    ) -> Result<()> {
        let mut is_ours = was_ours == WasOurs::Yes;
        if let Some(stack) = context.aws.stacks.describe(name).await? {
            let found = ownership::is_ours(context, &stack).await;
            if let Err(error) = &found {
                self.unknown_cluster = Some(format!("{error:#}"));
            }
            if found.unwrap_or_default() {
                is_ours = true;
                self.note(&stack);
                ids.insert(stack.id);
            } else {
                ids.remove(&stack.id);
                self.foreign.insert(stack.name);
            }
        }
        if !is_ours {
            return Ok(());
        }
        self.clusters.push(name.to_owned());
        ids.extend(context.aws.stacks.deleted_ids(name).await?);
        for id in ids {
            self.cluster_guids.extend(guid(&id));
            self.add_resources(context, name, &id).await?;
        }
        Ok(())
    }

    /// Returns what is known from what one stack made, which is there.
    pub(super) fn of_one(context: &Context, stack: &str, resources: &[StackResource]) -> Origin {
        let names = &context.settings.name;
        let mut origin = Origin {
            name: names.to_string(),
            clusters: vec![names.to_string()],
            region: context.aws.region.clone(),
            bucket: names.bucket_prefix(),
            ..Origin::default()
        };
        for resource in resources {
            origin.add_resource(stack, stack, resource);
        }
        origin
    }

    /// Returns whether a cluster of this name is, or was, one of the deployment's.
    pub(super) fn has_cluster(&self, name: &str) -> bool {
        self.clusters.iter().any(|own| own == name)
    }

    /// Returns what to look for by name.
    pub(super) fn names(&self) -> Names {
        Names {
            deployment: self.name.clone(),
            clusters: self.clusters.clone(),
            bucket: self.bucket.clone(),
            cluster_guids: self.cluster_guids.clone(),
            tag: TAG_DEPLOYMENT,
        }
    }

    /// Returns whether a list tells of a thing from behind: CloudFormation has deleted it.
    pub(super) fn has_deleted(&self, kind: Kind, item: &Item) -> bool {
        let is_same = |(_, id): &(String, String)| *id == item.id;
        TAGGED.contains(&kind)
            && match item.tags.get(TAG_STACK_ID) {
                Some(stack) => self.deleted.contains(&(stack.clone(), item.id.clone())),
                // CloudFormation marks no queues, but it gives the name of one to no other; the name
                // of a dashboard is the cluster's.
                None => {
                    matches!(kind, Kind::Queue | Kind::Dashboard)
                        && !self.resources.contains_key(&item.id)
                        && self.deleted.iter().any(is_same)
                }
            }
    }

    /// Adds a stack of hpcapi's own, there or deleted.
    async fn add_stack(&mut self, context: &Context, name: &str) -> Result<()> {
        let mut ids = context.aws.stacks.deleted_ids(name).await?;
        ids.push(name.to_owned());
        for id in ids {
            let Some(stack) = context.aws.stacks.describe(&id).await? else {
                continue;
            };
            let ours = stack.tags.get(TAG_DEPLOYMENT) == Some(&self.name);
            if stack.status != "DELETE_COMPLETE" {
                if ours || stack.is_in_review() {
                    self.note(&stack);
                } else {
                    self.foreign.insert(stack.name.clone());
                }
            }
            if ours {
                self.add_resources(context, name, &stack.id).await?;
            }
        }
        Ok(())
    }

    fn note(&mut self, stack: &Stack) {
        if stack.status == "DELETE_FAILED" {
            self.stuck.insert(stack.name.clone());
        }
        self.live.insert(stack.name.clone());
    }

    /// Adds what a stack, and those nested in it, made.
    async fn add_resources(&mut self, context: &Context, name: &str, id: &str) -> Result<()> {
        for (stack, resource) in deletion::made(context, id).await? {
            self.add_resource(name, &stack, &resource);
        }
        Ok(())
    }

    /// Adds what the stack `name`, or one that is nested in it, made.
    fn add_resource(&mut self, name: &str, stack: &str, resource: &StackResource) {
        if deletion::is_deleted(resource) {
            let deleted = (stack.to_owned(), id_of(resource));
            self.deleted.insert(deleted);
            return;
        }
        // A stack that was deleted by force says why it left something.
        if resource.status == SKIPPED && resource.reason.is_empty() {
            self.retained.insert(id_of(resource));
        }
        if resource.kind == VPC {
            self.vpcs.insert(resource.physical_id.clone());
        }
        self.resources.insert(id_of(resource), name.to_owned());
    }
}

/// Returns the ids of the clusters' stacks, those that are there and those that are deleted.
pub(in crate::deploy) async fn cluster_stacks(
    context: &Context,
    there: Vec<Stack>,
) -> Result<Vec<String>> {
    let names = &context.settings.name;
    let mut stacks = context.aws.stacks.deleted_ids(names.as_str()).await?;
    if let Some(second) = names.second_cluster()
        && ownership::had_second(context).await?
    {
        stacks.extend(context.aws.stacks.deleted_ids(&second).await?);
    }
    stacks.extend(there.into_iter().map(|stack| stack.id));
    Ok(stacks)
}

/// Returns the name in a stack's id.
fn stack_name(stack_id: &str) -> Option<&str> {
    stack_id.rsplit('/').nth(1)
}

/// Returns what a list calls what a stack made: a queue by its name, which ends its URL.
fn id_of(resource: &StackResource) -> String {
    let id = resource.physical_id.as_str();
    match id.rsplit_once('/') {
        Some((_, queue)) if resource.kind == QUEUE => queue.to_owned(),
        _ => id.to_owned(),
    }
}

/// Returns the last part of a stack's id.
fn guid(stack_id: &str) -> Option<String> {
    let (_, guid) = stack_id.rsplit_once('/')?;
    (!guid.is_empty()).then(|| guid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudformation_has_deleted_is_known_to_be_gone() {
        let mut origin = Origin::default();
        for id in ["mine-operations", "mine-triggers-Queue-1"] {
            origin.deleted.insert(("stack-1".to_owned(), id.to_owned()));
        }
        let item = |id: &str, stack: Option<&str>| Item {
            id: id.to_owned(),
            tags: stack
                .map(|stack| (TAG_STACK_ID.to_owned(), stack.to_owned()))
                .into_iter()
                .collect(),
            ..Item::default()
        };
        let function = |stack| item("mine-operations", stack);
        assert!(origin.has_deleted(Kind::Function, &function(Some("stack-1"))));
        // Made again under its name, by a stack or by hand.
        assert!(!origin.has_deleted(Kind::Function, &function(Some("stack-2"))));
        assert!(!origin.has_deleted(Kind::Function, &function(None)));
        // The lists of other services are exact.
        assert!(!origin.has_deleted(Kind::Role, &function(Some("stack-1"))));
        let queue = item("mine-triggers-Queue-1", None);
        assert!(origin.has_deleted(Kind::Queue, &queue));
        assert!(!origin.has_deleted(Kind::Queue, &item("mine-triggers-Queue-2", None)));
        // Made again by a stack that is there.
        let again = ("mine-triggers-Queue-1".to_owned(), "mine".to_owned());
        origin.resources.extend([again]);
        assert!(!origin.has_deleted(Kind::Queue, &queue));
    }

    #[test]
    fn a_stacks_id_names_the_stack() {
        let id = "arn:aws:cloudformation:us-east-1:1:stack/mine-2/aa-bb";
        assert_eq!(stack_name(id), Some("mine-2"));
        assert_eq!(guid(id).as_deref(), Some("aa-bb"));
        assert_eq!(stack_name("mine"), None);
    }

    #[test]
    fn a_queue_is_known_by_its_name_and_the_rest_by_what_cloudformation_calls_it() {
        for (kind, physical_id, id) in [
            (
                QUEUE,
                "https://sqs.us-east-1.amazonaws.com/1/mine-q",
                "mine-q",
            ),
            (
                "AWS::SNS::Topic",
                "arn:aws:sns:us-east-1:1:t",
                "arn:aws:sns:us-east-1:1:t",
            ),
            (
                "AWS::Logs::LogGroup",
                "/aws/lambda/mine",
                "/aws/lambda/mine",
            ),
        ] {
            let resource = StackResource {
                kind: kind.to_owned(),
                physical_id: physical_id.to_owned(),
                status: String::new(),
                reason: String::new(),
            };
            assert_eq!(id_of(&resource), id);
        }
    }
}
