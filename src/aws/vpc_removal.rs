//! Taking out of a VPC what would keep it from being deleted: rules by which security groups name one
//! another, and what GuardDuty left.

use aws_sdk_ec2::types::{Filter, IpPermission, SecurityGroup, VpcEndpoint};

use crate::error::{Error, Result};

use super::error::{is_code, service};
use super::network::Network;

/// What the Runtime Monitoring of GuardDuty makes in the VPC of each instance that it watches, and
/// leaves there. Source: hashicorp/terraform-provider-aws pull request 46953.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardDuty {
    /// The ids of its VPC endpoints, also those that are being deleted.
    pub endpoints: Vec<String>,
    /// The ids of its security groups.
    pub groups: Vec<String>,
}

/// The tag of all that GuardDuty makes.
pub const TAG_GUARD_DUTY: (&str, &str) = ("GuardDutyManaged", "true");

impl Network {
    /// Returns what GuardDuty has in a VPC.
    pub async fn guard_duty(&self, vpc: &str) -> Result<GuardDuty> {
        let filters = || {
            let (key, value) = TAG_GUARD_DUTY;
            let tag = Filter::builder().name(format!("tag:{key}")).values(value);
            let vpc = Filter::builder().name("vpc-id").values(vpc);
            Some(vec![tag.build(), vpc.build()])
        };
        let endpoints = self.0.describe_vpc_endpoints().set_filters(filters());
        let endpoints: std::result::Result<Vec<_>, _> = endpoints
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await;
        let endpoints =
            endpoints.map_err(|error| service("cannot look for VPC endpoints", error))?;
        let groups = self.0.describe_security_groups().set_filters(filters());
        let groups: std::result::Result<Vec<_>, _> =
            groups.into_paginator().items().send().try_collect().await;
        let groups = groups.map_err(|error| service("cannot look for security groups", error))?;
        let groups = groups.into_iter().filter_map(|group| group.group_id);
        Ok(GuardDuty {
            endpoints: endpoints.into_iter().filter_map(of_guard_duty).collect(),
            groups: groups.collect(),
        })
    }

    /// Begins to delete VPC endpoints.
    pub async fn delete_endpoints(&self, ids: &[String]) -> Result<()> {
        let failed = || format!("cannot delete the VPC endpoint `{}`", ids.join("`, `"));
        let asked = self.0.delete_vpc_endpoints();
        let answer = asked.set_vpc_endpoint_ids(Some(ids.to_vec())).send().await;
        let answer = answer.map_err(|error| service(failed(), error))?;
        // What cannot be deleted is told in an answer that is otherwise good.
        let mut errors = answer.unsuccessful().iter().filter_map(|one| one.error());
        match errors.find(|error| !error.code().is_some_and(says_gone)) {
            None => Ok(()),
            Some(error) => {
                let words = |words: Option<&str>| words.unwrap_or("not said").to_owned();
                let cause = format!("{}: {}", words(error.code()), words(error.message()));
                Err(Error::failed(failed()).because(cause))
            }
        }
    }

    /// Deletes a security group; one that is gone is no error.
    pub async fn delete_group(&self, id: &str) -> Result<()> {
        match self.0.delete_security_group().group_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, &["InvalidGroup.NotFound"]) => Ok(()),
            Err(error) => {
                let failed = format!("cannot delete the security group `{id}`");
                Err(service(failed, error))
            }
        }
    }

    /// Takes from a security group the rules that name other groups: neither of two groups that name
    /// one another can be deleted. CloudFormation deletes the rules of a stack by their ids, and one
    /// that was put back has another.
    pub async fn revoke_rules_on_groups(&self, id: &str) -> Result<()> {
        let answer = match self.0.describe_security_groups().group_ids(id).send().await {
            Ok(answer) => answer,
            Err(error) if is_code(&error, &["InvalidGroup.NotFound"]) => return Ok(()),
            Err(error) => {
                let failed = format!("cannot look at the security group `{id}`");
                return Err(service(failed, error));
            }
        };
        let Some(group) = answer.security_groups().first() else {
            return Ok(());
        };
        let failed = || format!("cannot take a rule from the security group `{id}`");
        let gone = ["InvalidPermission.NotFound", "InvalidGroup.NotFound"];
        let ingress = on_other_groups(group, group.ip_permissions());
        if !ingress.is_empty() {
            let asked = self.0.revoke_security_group_ingress().group_id(id);
            match asked.set_ip_permissions(Some(ingress)).send().await {
                Err(error) if !is_code(&error, &gone) => return Err(service(failed(), error)),
                _ => {}
            }
        }
        let egress = on_other_groups(group, group.ip_permissions_egress());
        if !egress.is_empty() {
            let asked = self.0.revoke_security_group_egress().group_id(id);
            match asked.set_ip_permissions(Some(egress)).send().await {
                Err(error) if !is_code(&error, &gone) => return Err(service(failed(), error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn says_gone(code: &str) -> bool {
    code.starts_with("InvalidVpcEndpoint") && code.ends_with("NotFound")
}

/// Returns the id of an endpoint that is one of GuardDuty's, whatever else has its tag.
fn of_guard_duty(endpoint: VpcEndpoint) -> Option<String> {
    let service = endpoint.service_name()?;
    let is_gone = endpoint
        .state()
        .is_some_and(|state| state.as_str().eq_ignore_ascii_case("deleted"));
    (service.ends_with(".guardduty-data") && !is_gone)
        .then_some(endpoint.vpc_endpoint_id)
        .flatten()
}

/// Returns of rules what names other groups than theirs.
fn on_other_groups(group: &SecurityGroup, rules: &[IpPermission]) -> Vec<IpPermission> {
    let of_others = rules.iter().filter_map(|rule| {
        let pairs = rule.user_id_group_pairs().iter();
        let pairs: Vec<_> = pairs
            .filter(|pair| pair.group_id() != group.group_id())
            .cloned()
            .collect();
        let named = IpPermission::builder()
            .set_ip_protocol(rule.ip_protocol.clone())
            .set_from_port(rule.from_port)
            .set_to_port(rule.to_port);
        (!pairs.is_empty()).then(|| named.set_user_id_group_pairs(Some(pairs)).build())
    });
    of_others.collect()
}

#[cfg(test)]
mod tests {
    use super::super::recorded::answered;
    use super::*;

    #[tokio::test]
    async fn only_the_endpoint_of_the_service_itself_is_guard_dutys() {
        let endpoint = |id: &str, service: &str, state: &str| {
            format!(
                "<item><vpcEndpointId>{id}</vpcEndpointId><serviceName>com.amazonaws.us-east-1.\
                 {service}</serviceName><state>{state}</state></item>"
            )
        };
        let endpoints = [
            endpoint("vpce-1", "guardduty-data", "available"),
            endpoint("vpce-2", "guardduty-data", "deleting"),
            endpoint("vpce-3", "guardduty-data", "deleted"),
            endpoint("vpce-4", "ssm", "available"),
        ];
        let endpoints = format!(
            "<DescribeVpcEndpointsResponse><vpcEndpointSet>{}</vpcEndpointSet>\
             </DescribeVpcEndpointsResponse>",
            endpoints.concat()
        );
        let groups = "<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-1\
                      </groupId></item></securityGroupInfo></DescribeSecurityGroupsResponse>";
        let aws = answered(&[(200, &endpoints), (200, groups)]).await;
        let found = aws.network.guard_duty("vpc-1").await.unwrap();
        assert_eq!(found.endpoints, ["vpce-1", "vpce-2"]);
        assert_eq!(found.groups, ["sg-1"]);
    }

    #[tokio::test]
    async fn an_endpoint_that_stays_is_an_error_although_the_answer_is_good() {
        const GONE: &str = "InvalidVpcEndpointId.NotFound";
        let answer = |codes: &[&str]| {
            let items: Vec<_> = codes
                .iter()
                .map(|code| {
                    format!(
                        "<item><error><code>{code}</code><message>words</message></error>\
                         <resourceId>vpce-1</resourceId></item>"
                    )
                })
                .collect();
            format!(
                "<DeleteVpcEndpointsResponse><unsuccessful>{}</unsuccessful>\
                 </DeleteVpcEndpointsResponse>",
                items.concat()
            )
        };
        let (gone, kept) = (answer(&[GONE]), answer(&[GONE, "OperationNotPermitted"]));
        let aws = answered(&[(200, &gone), (200, &kept)]).await;
        let ids = ["vpce-1".to_owned()];
        aws.network.delete_endpoints(&ids).await.unwrap();
        let error = aws.network.delete_endpoints(&ids).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot delete the VPC endpoint `vpce-1`");
    }

    #[test]
    fn rules_on_addresses_and_on_the_group_itself_stay() {
        use aws_sdk_ec2::types::{IpRange, UserIdGroupPair};
        let pair = |id: &str| UserIdGroupPair::builder().group_id(id).build();
        let group = SecurityGroup::builder().group_id("sg-1").build();
        let range = IpRange::builder().cidr_ip("127.0.0.1/32").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(80);
        let mixed = rule
            .clone()
            .user_id_group_pairs(pair("sg-1"))
            .user_id_group_pairs(pair("sg-2"))
            .ip_ranges(range.clone());
        let only = rule.clone().user_id_group_pairs(pair("sg-1"));
        let none = rule.clone().ip_ranges(range);
        let found = on_other_groups(&group, &[mixed.build(), only.build(), none.build()]);
        assert_eq!(found, [rule.user_id_group_pairs(pair("sg-2")).build()]);
    }
}
