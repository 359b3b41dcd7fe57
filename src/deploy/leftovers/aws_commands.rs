//! Commands of the AWS CLI that remove things, one line each.

use crate::aws::{Item, Kind, MadeFor};
use crate::context::Context;
use crate::settings::Ground;
use crate::shell::quoted;

/// Writes commands of the AWS CLI for one region and profile.
#[derive(Default)]
pub(in crate::deploy) struct Aws {
    options: String,
    profile: String,
}

impl Aws {
    pub(in crate::deploy) fn new(context: &Context) -> Aws {
        let profile = match &context.settings.ground {
            Ground::Aws {
                profile: Some(profile),
                ..
            } => format!(" --profile {}", quoted(profile)),
            _ => String::new(),
        };
        Aws {
            options: format!(" --region {}{profile}", context.aws.region),
            profile,
        }
    }

    /// Returns the command that ends a stack's protection.
    pub(in crate::deploy) fn unprotect(&self, stack: &str) -> String {
        format!(
            "aws cloudformation update-termination-protection --no-enable-termination-protection{} \
             --stack-name {stack}",
            self.options
        )
    }

    /// Returns the command that deletes a stack although something of it cannot be deleted.
    pub(in crate::deploy) fn force_stack(&self, stack: &str) -> String {
        format!(
            "aws cloudformation delete-stack{} --stack-name {stack} --deletion-mode \
             FORCE_DELETE_STACK",
            self.options
        )
    }

    /// Returns the command that lets instances with a role, given by its ARN, be reached over SSM.
    pub(in crate::deploy) fn let_reach(&self, role: &str) -> String {
        let name = role.rsplit('/').next().unwrap_or(role);
        let partition = role.split(':').nth(1).unwrap_or("aws");
        format!(
            "aws iam attach-role-policy{} --role-name {name} --policy-arn \
             arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            self.profile
        )
    }

    /// Returns the command that terminates an instance.
    pub(in crate::deploy) fn terminate(&self, instance: &str) -> String {
        let options = &self.options;
        format!(
            "aws ec2 terminate-instances{options} --instance-ids {instance} && aws ec2 wait \
             instance-terminated{options} --instance-ids {instance}"
        )
    }

    /// Returns the command that deletes a network interface, if anybody but AWS may.
    pub(in crate::deploy) fn remove_interface(&self, id: &str, attachment: Option<&str>) -> String {
        let options = &self.options;
        let delete =
            format!("aws ec2 delete-network-interface{options} --network-interface-id {id}");
        match attachment {
            Some(attachment) => format!(
                "aws ec2 detach-network-interface{options} --force --attachment-id {attachment} && \
                 aws ec2 wait network-interface-available{options} --network-interface-ids {id} && \
                 {delete}"
            ),
            None => delete,
        }
    }

    /// Returns the command that ends an instance's protection from termination.
    pub(in crate::deploy) fn unprotect_instance(&self, id: &str) -> String {
        let options = &self.options;
        format!(
            "aws ec2 modify-instance-attribute{options} --no-disable-api-termination --instance-id {id}"
        )
    }

    /// Returns the command that deletes what a network interface was made for.
    pub(in crate::deploy) fn remove_made_for(&self, made_for: &MadeFor) -> String {
        let options = &self.options;
        match made_for {
            MadeFor::Endpoint(id) => self.remove_endpoint(id),
            MadeFor::MountTarget(id, _) => {
                format!("aws efs delete-mount-target{options} --mount-target-id {id}")
            }
            MadeFor::FileSystem(id) => {
                format!("aws fsx delete-file-system{options} --file-system-id {id}")
            }
        }
    }

    /// Returns the command that deletes a log group.
    pub(in crate::deploy) fn delete_log_group(&self, name: &str) -> String {
        let options = &self.options;
        format!("aws logs delete-log-group{options} --log-group-name {name}")
    }

    /// Returns the command that lists the resource policies of CloudWatch Logs.
    pub(in crate::deploy) fn list_log_policies(&self) -> String {
        let options = &self.options;
        format!("aws logs describe-resource-policies{options}")
    }

    /// Returns the command that deletes one of them.
    pub(in crate::deploy) fn delete_log_policy(&self, name: &str) -> String {
        let options = &self.options;
        format!("aws logs delete-resource-policy{options} --policy-name {name}")
    }

    fn remove_endpoint(&self, id: &str) -> String {
        let options = &self.options;
        format!("aws ec2 delete-vpc-endpoints{options} --vpc-endpoint-ids {id}")
    }

    /// Returns the command that removes a thing, if there is one.
    pub(super) fn remove(&self, kind: Kind, item: &Item) -> Option<String> {
        let options = &self.options;
        let id = &item.id;
        let attachment = item.attachment.as_deref();
        Some(match kind {
            Kind::Stack => {
                let delete = format!("aws cloudformation delete-stack{options} --stack-name {id}");
                if item.is_protected {
                    format!("{} && {delete}", self.unprotect(id))
                } else {
                    delete
                }
            }
            Kind::Rule => self.remove_rule(id),
            Kind::Function => {
                format!("aws lambda delete-function{options} --function-name {id}")
            }
            Kind::Queue => format!(
                "aws sqs delete-queue{options} --queue-url \"$(aws sqs get-queue-url{options} \
                 --queue-name {id} --output text --query QueueUrl)\""
            ),
            Kind::Topic => format!("aws sns delete-topic{options} --topic-arn {id}"),
            Kind::Document => format!("aws ssm delete-document{options} --name {id}"),
            Kind::Parameter => format!("aws ssm delete-parameter{options} --name {id}"),
            Kind::Alarm => {
                format!("aws cloudwatch delete-alarms{options} --alarm-names '{id}'")
            }
            Kind::Dashboard => {
                format!("aws cloudwatch delete-dashboards{options} --dashboard-names {id}")
            }
            Kind::AutoScalingGroup => format!(
                "aws autoscaling delete-auto-scaling-group{options} --auto-scaling-group-name {id} \
                 --force-delete"
            ),
            Kind::LaunchTemplate => {
                format!("aws ec2 delete-launch-template{options} --launch-template-id {id}")
            }
            Kind::FileSystem => {
                format!("aws efs delete-file-system{options} --file-system-id {id}")
            }
            Kind::FsxFileSystem => {
                format!("aws fsx delete-file-system{options} --file-system-id {id}")
            }
            Kind::PlacementGroup => {
                format!("aws ec2 delete-placement-group{options} --group-name {id}")
            }
            Kind::Instance => self.terminate(id),
            Kind::Api => format!("aws apigatewayv2 delete-api{options} --api-id {id}"),
            Kind::VpcLink => {
                format!("aws apigatewayv2 delete-vpc-link{options} --vpc-link-id {id}")
            }
            Kind::LoadBalancer => format!(
                "aws elbv2 delete-load-balancer{options} --load-balancer-arn {id} && aws elbv2 wait \
                 load-balancers-deleted{options} --load-balancer-arns {id}"
            ),
            Kind::TargetGroup => {
                format!("aws elbv2 delete-target-group{options} --target-group-arn {id}")
            }
            // Its address is free once it is gone.
            Kind::NatGateway => format!(
                "aws ec2 delete-nat-gateway{options} --nat-gateway-id {id} && aws ec2 wait \
                 nat-gateway-deleted{options} --nat-gateway-ids {id}"
            ),
            Kind::ElasticIp => {
                let release = format!("aws ec2 release-address{options} --allocation-id {id}");
                match attachment {
                    Some(association) => format!(
                        "aws ec2 disassociate-address{options} --association-id {association} && \
                         {release}"
                    ),
                    None => release,
                }
            }
            // It goes with what AWS made it for.
            Kind::NetworkInterface if item.is_managed => {
                return item.made_for.as_ref().map(|it| self.remove_made_for(it));
            }
            Kind::VpcEndpoint => self.remove_endpoint(id),
            Kind::NetworkInterface => self.remove_interface(id, attachment),
            Kind::Volume => {
                let delete = format!("aws ec2 delete-volume{options} --volume-id {id}");
                match attachment {
                    Some(_) => format!(
                        "aws ec2 detach-volume{options} --volume-id {id} && aws ec2 wait \
                         volume-available{options} --volume-ids {id} && {delete}"
                    ),
                    None => delete,
                }
            }
            Kind::Snapshot => {
                format!("aws ec2 delete-snapshot{options} --snapshot-id {id}")
            }
            Kind::SecurityGroup => self.remove_group(item),
            Kind::Subnet => format!("aws ec2 delete-subnet{options} --subnet-id {id}"),
            Kind::RouteTable => {
                format!("aws ec2 delete-route-table{options} --route-table-id {id}")
            }
            Kind::NetworkAcl => {
                format!("aws ec2 delete-network-acl{options} --network-acl-id {id}")
            }
            Kind::InternetGateway => {
                let delete =
                    format!("aws ec2 delete-internet-gateway{options} --internet-gateway-id {id}");
                match attachment {
                    Some(vpc) => format!(
                        "aws ec2 detach-internet-gateway{options} --vpc-id {vpc} \
                         --internet-gateway-id {id} && {delete}"
                    ),
                    None => delete,
                }
            }
            Kind::Peering => format!(
                "aws ec2 delete-vpc-peering-connection{options} --vpc-peering-connection-id {id}"
            ),
            Kind::Vpc => format!("aws ec2 delete-vpc{options} --vpc-id {id}"),
            Kind::Table => format!("aws dynamodb delete-table{options} --table-name {id}"),
            Kind::HostedZone => self.remove_zone(id),
            Kind::Role => self.remove_role(id),
            Kind::KeyPair => format!("aws ec2 delete-key-pair{options} --key-name {id}"),
            Kind::Bucket => self.remove_bucket(id),
            Kind::LogGroup => self.delete_log_group(id),
        })
    }

    /// A rule is deleted once it has no targets.
    fn remove_rule(&self, id: &str) -> String {
        let options = match id.rsplit_once('/') {
            Some((bus, _)) => format!("{} --event-bus-name {bus}", self.options),
            None => self.options.clone(),
        };
        let rule = id.rsplit_once('/').map_or(id, |(_, rule)| rule);
        format!(
            "for x in $(aws events list-targets-by-rule{options} --rule {rule} --output text --query \
             'Targets[].Id'); do aws events remove-targets{options} --rule {rule} --ids $x; done; \
             aws events delete-rule{options} --name {rule}"
        )
    }

    /// A group is deleted once no rule of another group names it.
    fn remove_group(&self, item: &Item) -> String {
        let Aws { options, .. } = self;
        let id = &item.id;
        let delete = format!("aws ec2 delete-security-group{options} --group-id {id}");
        if !item.is_named_by_groups {
            return delete;
        }
        let revoke = |direction: &str, is_egress: &str| {
            format!(
                "aws ec2 describe-security-group-rules{options} --output text --query \
                 \"SecurityGroupRules[?ReferencedGroupInfo.GroupId=='{id}' && GroupId!='{id}' && \
                 IsEgress==\\`{is_egress}\\`].[GroupId, SecurityGroupRuleId]\" | while read -r group \
                 rule; do aws ec2 revoke-security-group-{direction}{options} --group-id $group \
                 --security-group-rule-ids $rule; done"
            )
        };
        let (ingress, egress) = (revoke("ingress", "false"), revoke("egress", "true"));
        format!("{ingress}; {egress}; {delete}")
    }

    /// A zone is deleted once only the two record sets that it was born with are in it.
    fn remove_zone(&self, id: &str) -> String {
        let profile = &self.profile;
        format!(
            "aws route53 change-resource-record-sets{profile} --hosted-zone-id {id} --change-batch \
             \"$(aws route53 list-resource-record-sets{profile} --hosted-zone-id {id} --output json \
             --query \"{{Changes: ResourceRecordSets[?Type!='NS' && Type!='SOA'].{{Action: 'DELETE', \
             ResourceRecordSet: @}}}}\")\"; aws route53 delete-hosted-zone{profile} --id {id}"
        )
    }

    /// A role is deleted once nothing hangs on it.
    fn remove_role(&self, id: &str) -> String {
        let profile = &self.profile;
        let each = |list: &str, query: &str, undo: &str| {
            format!(
                "for x in $(aws iam {list}{profile} --role-name {id} --output text --query \
                 {query}); do aws iam {undo}{profile} --role-name {id}"
            )
        };
        let profiles = each(
            "list-instance-profiles-for-role",
            "'InstanceProfiles[].InstanceProfileName'",
            "remove-role-from-instance-profile",
        );
        let attached = each(
            "list-attached-role-policies",
            "'AttachedPolicies[].PolicyArn'",
            "detach-role-policy",
        );
        let inline = each(
            "list-role-policies",
            "'PolicyNames[]'",
            "delete-role-policy",
        );
        format!(
            "{profiles} --instance-profile-name $x; done; {attached} --policy-arn $x; done; \
             {inline} --policy-name $x; done; aws iam delete-role{profile} --role-name {id}"
        )
    }

    /// A bucket is deleted once every version in it is.
    fn remove_bucket(&self, id: &str) -> String {
        let options = &self.options;
        format!(
            "while x=$(aws s3api list-object-versions{options} --bucket {id} --max-items 500 \
             --output json --query '[Versions, DeleteMarkers][][].{{Key: Key, VersionId: \
             VersionId}}') && [ \"$x\" != \"[]\" ]; do aws s3api delete-objects{options} --bucket \
             {id} --delete \"{{\\\"Quiet\\\": true, \\\"Objects\\\": $x}}\" || break; done; aws s3api \
             delete-bucket{options} --bucket {id}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(kind: Kind, id: &str) -> String {
        let aws = Aws {
            options: " --region us-east-1".to_owned(),
            profile: String::new(),
        };
        let item = Item {
            id: id.to_owned(),
            ..Item::default()
        };
        aws.remove(kind, &item).unwrap()
    }

    #[test]
    fn a_rule_goes_after_its_targets() {
        assert_eq!(
            remove(Kind::Rule, "mine-triggers-Rule-1"),
            "for x in $(aws events list-targets-by-rule --region us-east-1 --rule \
             mine-triggers-Rule-1 --output text --query 'Targets[].Id'); do aws events \
             remove-targets --region us-east-1 --rule mine-triggers-Rule-1 --ids $x; done; aws \
             events delete-rule --region us-east-1 --name mine-triggers-Rule-1"
        );
        let other_bus = remove(Kind::Rule, "bus/r");
        let said = other_bus.matches("--event-bus-name bus").count();
        assert_eq!(said, 3, "{other_bus}");
        assert!(other_bus.ends_with("--name r"), "{other_bus}");
    }

    #[test]
    fn what_the_list_of_tags_tells_of_is_removed_by_its_name() {
        for (kind, id, command) in [
            (
                Kind::Function,
                "mine-operations",
                "aws lambda delete-function --region us-east-1 --function-name mine-operations",
            ),
            (
                Kind::Queue,
                "mine-triggers-Queue-1",
                "aws sqs delete-queue --region us-east-1 --queue-url \"$(aws sqs get-queue-url \
                 --region us-east-1 --queue-name mine-triggers-Queue-1 --output text --query \
                 QueueUrl)\"",
            ),
            (
                Kind::Topic,
                "arn:aws:sns:us-east-1:1:t",
                "aws sns delete-topic --region us-east-1 --topic-arn arn:aws:sns:us-east-1:1:t",
            ),
            (
                Kind::Document,
                "mine-operations",
                "aws ssm delete-document --region us-east-1 --name mine-operations",
            ),
            (
                Kind::Parameter,
                "/hpcapi/mine/bucket",
                "aws ssm delete-parameter --region us-east-1 --name /hpcapi/mine/bucket",
            ),
        ] {
            assert_eq!(remove(kind, id), command);
        }
    }
}
