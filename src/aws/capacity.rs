//! What an account may have, and what it has already: quotas, and what counts against them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, InstanceLifecycleType, InstanceType, Tag};

use crate::error::{Error, Result};

use super::error::{is_code, service};
use super::instances::TAG_CLUSTER;

/// An instance type's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its virtual CPUs.
    pub vcpus: u64,
    /// Its memory in MiB.
    pub memory_mib: u64,
}

/// How many instances run of each instance type, by how they were bought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// On demand.
    pub on_demand: BTreeMap<String, u64>,
    /// As spot instances.
    pub spot: BTreeMap<String, u64>,
}

/// The calls about quotas and what counts against them.
#[derive(Debug, Clone)]
pub struct Capacity {
    quotas: aws_sdk_servicequotas::Client,
    ec2: aws_sdk_ec2::Client,
    http_apis: aws_sdk_apigatewayv2::Client,
}

impl Capacity {
    pub(super) fn new(
        quotas: aws_sdk_servicequotas::Client,
        ec2: aws_sdk_ec2::Client,
        http_apis: aws_sdk_apigatewayv2::Client,
    ) -> Self {
        Capacity {
            quotas,
            ec2,
            http_apis,
        }
    }

    /// Returns the value of a quota, e.g. of `vpc` and `L-F678F1CE`.
    pub async fn quota(&self, service_code: &str, quota_code: &str) -> Result<f64> {
        let failed = || format!("cannot look at the quota {quota_code} of {service_code}");
        let asked = self.quotas.get_service_quota();
        let value = match asked
            .service_code(service_code)
            .quota_code(quota_code)
            .send()
            .await
        {
            Ok(answer) => answer.quota().and_then(|quota| quota.value()),
            // A quota that was never changed may have its default only.
            Err(error) if is_code(&error, &["NoSuchResourceException"]) => {
                let asked = self.quotas.get_aws_default_service_quota();
                let asked = asked.service_code(service_code).quota_code(quota_code);
                let answer = asked
                    .send()
                    .await
                    .map_err(|error| service(failed(), error))?;
                answer.quota().and_then(|quota| quota.value())
            }
            Err(error) => return Err(service(failed(), error)),
        };
        value.ok_or_else(|| Error::failed(failed()).because("AWS gave no value"))
    }

    /// Returns how many VPCs there are.
    pub async fn vpcs(&self) -> Result<usize> {
        let mut pages = self.ec2.describe_vpcs().into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot count the VPCs", error))?;
            count += page.vpcs().len();
        }
        Ok(count)
    }

    /// Returns how many elastic IP addresses there are.
    pub async fn addresses(&self) -> Result<usize> {
        let answer = self.ec2.describe_addresses().send().await;
        let answer = answer.map_err(|error| service("cannot count the elastic IPs", error))?;
        Ok(answer.addresses().len())
    }

    /// Returns how many VPC links there are.
    pub async fn vpc_links(&self) -> Result<usize> {
        let mut count = 0;
        let mut token = None;
        loop {
            let asked = self.http_apis.get_vpc_links().set_next_token(token);
            let answer = asked.send().await;
            let answer = answer.map_err(|error| service("cannot count the VPC links", error))?;
            count += answer.items().len();
            token = answer.next_token;
            if token.is_none() {
                return Ok(count);
            }
        }
    }

    /// Returns how many instances run (or are about to) of each instance type, those of the
    /// ParallelCluster cluster `cluster` and those of Capacity Blocks not counted.
    pub async fn running_beside(&self, cluster: &str) -> Result<Running> {
        let alive = Filter::builder()
            .name("instance-state-name")
            .values("pending")
            .values("running")
            .build();
        let mut pages = self
            .ec2
            .describe_instances()
            .filters(alive)
            .into_paginator()
            .send();
        let mut counts = Running::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| service("cannot count the instances", error))?;
            let instances = page
                .reservations()
                .iter()
                .flat_map(|group| group.instances());
            let is_of_cluster =
                |tag: &Tag| tag.key() == Some(TAG_CLUSTER) && tag.value() == Some(cluster);
            let others = instances.filter(|one| !one.tags().iter().any(is_of_cluster));
            for instance in others {
                let counted = match instance.instance_lifecycle() {
                    None => &mut counts.on_demand,
                    Some(InstanceLifecycleType::Spot) => &mut counts.spot,
                    Some(_) => continue,
                };
                let kind = instance.instance_type().map_or("", |kind| kind.as_str());
                *counted.entry(kind.to_owned()).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// Returns the instance types that an account on a free plan may start.
    pub async fn free_plan_types(&self) -> Result<BTreeSet<String>> {
        let eligible = Filter::builder()
            .name("free-tier-eligible")
            .values("true")
            .build();
        let asked = self.ec2.describe_instance_types().filters(eligible);
        let kinds: Vec<_> = asked
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| service("cannot look at the instance types", error))?;
        let names = kinds.iter().filter_map(|kind| kind.instance_type());
        Ok(names.map(|name| name.as_str().to_owned()).collect())
    }

    /// Returns the sizes of instance types. A type that does not exist fails all of them.
    pub async fn sizes(&self, kinds: impl Iterator<Item = &str>) -> Result<BTreeMap<String, Size>> {
        let kinds: Vec<_> = kinds.map(InstanceType::from).collect();
        if kinds.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self
            .ec2
            .describe_instance_types()
            .set_instance_types(Some(kinds));
        let answer = answer
            .send()
            .await
            .map_err(|error| service("cannot look at the instance types", error))?;
        let sizes = answer.instance_types().iter().filter_map(|kind| {
            let vcpus = kind.v_cpu_info()?.default_v_cpus()?;
            let memory = kind.memory_info()?.size_in_mib()?;
            let size = Size {
                vcpus: u64::try_from(vcpus).ok()?,
                memory_mib: u64::try_from(memory).ok()?,
            };
            Some((kind.instance_type()?.as_str().to_owned(), size))
        });
        Ok(sizes.collect())
    }
}
