//! The lines of an estimate: what a configuration asks for, with the prices of a region.

use crate::context::NetworkOwner;
use crate::pcluster::config::ClusterConfig;
use crate::pcluster::{Demand, Instances, Purchase, Role, SharedSort, SharedStorage, Volume};
use crate::prices::{Origin, Prices, Thing, money};

use super::{Line, Nodes, Others, PaidNetwork, Usd};

/// Writes the lines with the prices of a region.
pub(super) struct Bill<'a> {
    pub(super) prices: Prices<'a>,
}

impl Bill<'_> {
    /// Returns what is paid while no job runs.
    pub(super) fn standing(
        &self,
        config: &ClusterConfig,
        demand: &Demand,
        network: PaidNetwork,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for instances in &demand.instances {
            if instances.least > 0 {
                lines.push(self.always(instances));
                lines.push(self.root_volumes(instances));
            }
            if instances.role == Role::HeadNode {
                lines.push(self.address_of_head_node(config, network.owner));
            }
            if instances.role == Role::LoginNodes {
                let what = "load balancer of the login nodes";
                lines.push(self.hourly(what, &[Thing::NetworkLoadBalancer]));
            }
        }
        lines.extend(demand.shared.iter().map(|storage| self.shared(storage)));
        if network.owner == NetworkOwner::Deployment {
            let nat = [Thing::NatGateway, Thing::PublicAddress];
            lines.push(self.hourly("NAT gateway with its public address", &nat));
        }
        lines.extend(self.endpoints(network));
        lines.push(self.hourly("load balancer", &[Thing::ApplicationLoadBalancer]));
        if makes_a_zone(config) {
            lines.push(self.zone());
        }
        lines
    }

    /// Returns what is paid while the deployment rests. ParallelCluster leaves login nodes running when the
    /// compute fleet is stopped.
    pub(super) fn resting(
        &self,
        config: &ClusterConfig,
        demand: &Demand,
        network: PaidNetwork,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for instances in &demand.instances {
            match &instances.role {
                Role::HeadNode => {
                    let what = "root volume of the head node";
                    lines.push(self.volumes(what, instances.least, &instances.root_volume));
                    if has_elastic_ip(config) {
                        let what = "Elastic IP of the head node";
                        lines.push(self.hourly(what, &[Thing::PublicAddress]));
                    }
                }
                Role::LoginNodes if instances.least > 0 => {
                    lines.push(self.always(instances));
                    lines.push(self.root_volumes(instances));
                    let what = "load balancer of the login nodes";
                    lines.push(self.hourly(what, &[Thing::NetworkLoadBalancer]));
                }
                Role::LoginNodes | Role::Compute(_) => {}
            }
        }
        lines.extend(demand.shared.iter().map(|storage| self.shared(storage)));
        lines.extend(self.endpoints(network));
        if makes_a_zone(config) {
            lines.push(self.zone());
        }
        lines
    }

    /// Returns the line of instances that run always.
    fn always(&self, instances: &Instances) -> Line {
        let kinds = instances.kinds.join(" or ");
        let count = instances.least;
        let nodes = if count == 1 { "node" } else { "nodes" };
        let what = match &instances.role {
            Role::HeadNode => format!("head node {kinds}"),
            Role::LoginNodes => format!("{count} login {nodes} {kinds}"),
            Role::Compute(queue) => format!("{count} {nodes} {kinds} of {queue}, always on"),
        };
        let (hour, note) = self.instance(instances);
        Line {
            what,
            cost: hour.map(|hour| Usd::by_hour(hour).times(count)),
            price_of: self.prices.region().to_owned(),
            note: note.to_owned(),
        }
    }

    fn root_volumes(&self, instances: &Instances) -> Line {
        let what = match instances.least {
            1 => "its root volume".to_owned(),
            _ => "their root volumes".to_owned(),
        };
        self.volumes(&what, instances.least, &instances.root_volume)
    }

    /// Returns an hour of one of the instances without its volume, and what there is to say of it.
    fn instance(&self, instances: &Instances) -> (Option<f64>, &'static str) {
        let kinds = &instances.kinds;
        match instances.purchase {
            Purchase::CapacityBlock => return (None, "paid when its Capacity Block is bought"),
            _ if kinds.is_empty() => return (None, "its type is that of its reservation"),
            Purchase::OnDemand | Purchase::Spot => (),
        }
        let prices = kinds.iter().map(|kind| self.prices.instance(kind));
        let Some(prices) = prices.collect::<Option<Vec<_>>>() else {
            return (None, "its price in this region is not known");
        };
        let note = match instances.purchase {
            Purchase::Spot => "at most, as spot costs less",
            _ if kinds.len() > 1 => "at most, as EC2 chooses the type",
            _ => "",
        };
        (prices.into_iter().reduce(f64::max), note)
    }

    /// The public subnet that `up` makes gives every instance in it an address.
    fn address_of_head_node(&self, config: &ClusterConfig, network: NetworkOwner) -> Line {
        let what = "its public address";
        let line = self.hourly(what, &[Thing::PublicAddress]);
        let is_in_ours = network == NetworkOwner::Deployment && config.wants_network();
        if has_elastic_ip(config) || is_in_ours {
            return line;
        }
        Line {
            cost: None,
            note: "if its subnet gives it one".to_owned(),
            ..line
        }
    }

    fn shared(&self, storage: &SharedStorage) -> Line {
        let name = &storage.name;
        match &storage.sort {
            SharedSort::Volumes(1, volume) => {
                self.volumes(&format!("shared volume {name}"), 1, volume)
            }
            SharedSort::Volumes(count, volume) => {
                let what = format!("{count} shared volumes {name}");
                self.volumes(&what, *count, volume)
            }
            SharedSort::Efs => {
                let (price, price_of) = self.thing(Thing::FileSystem);
                let note = price.map_or_else(
                    || "by the gigabyte in it".to_owned(),
                    |usd| {
                        let usd = money::by_the_gigabyte(usd);
                        format!("{usd} a month for each gigabyte in it")
                    },
                );
                unknown(format!("EFS file system {name}"), price_of, &note)
            }
            SharedSort::Fsx => {
                let price_of = self.prices.region().to_owned();
                unknown(
                    format!("FSx file system {name}"),
                    price_of,
                    "by its capacity",
                )
            }
        }
    }

    fn volumes(&self, what: &str, count: u64, volume: &Volume) -> Line {
        let Volume { kind, gibibytes } = volume;
        let (price, price_of) = self.thing(Thing::Volume(kind));
        let each = if count == 1 { "" } else { " each" };
        let what = match gibibytes {
            Some(size) => format!("{what}, {size} GiB {kind}{each}"),
            None => format!("{what}, {kind}"),
        };
        match (price, gibibytes) {
            (Some(usd), Some(size)) => Line {
                what,
                cost: Some(Usd::by_month(usd).times(size * count)),
                price_of,
                note: String::new(),
            },
            (Some(_), None) => unknown(what, price_of, "by the size of its snapshot"),
            (None, _) => unknown(what, price_of, "the price of its type is not known"),
        }
    }

    /// Returns the line of things that are paid by the hour.
    fn hourly(&self, what: &str, things: &[Thing<'_>]) -> Line {
        let mut sum = Some(0.0);
        let mut price_of = self.prices.region().to_owned();
        for thing in things {
            let (price, of) = self.thing(*thing);
            sum = sum.zip(price).map(|(sum, usd)| sum + usd);
            // One that is not of this region makes the sum none of it.
            if of != self.prices.region() {
                price_of = of;
            }
        }
        Line {
            what: what.to_owned(),
            cost: sum.map(Usd::by_hour),
            price_of,
            note: String::new(),
        }
    }

    /// Returns the line of VPC endpoints of the kind Interface; those of the kind Gateway are free.
    fn endpoints(&self, network: PaidNetwork) -> Option<Line> {
        let count = network.endpoint_interfaces;
        let what = match count {
            0 => return None,
            1 => "1 network interface of a VPC endpoint".to_owned(),
            _ => format!("{count} network interfaces of VPC endpoints"),
        };
        let line = self.hourly(&what, &[Thing::InterfaceEndpoint]);
        Some(Line {
            cost: line.cost.map(|cost| cost.times(count)),
            ..line
        })
    }

    fn zone(&self) -> Line {
        let (price, price_of) = self.thing(Thing::HostedZone);
        Line {
            what: "hosted zone of the cluster".to_owned(),
            cost: price.map(Usd::by_month),
            price_of,
            note: String::new(),
        }
    }

    /// Returns the price of a thing, if any, and the region that it is of.
    fn thing(&self, thing: Thing<'_>) -> (Option<f64>, String) {
        let price = self.prices.thing(thing);
        let region = match price.map(|price| price.origin) {
            Some(Origin::UsEast1) => "us-east-1",
            Some(Origin::Asked) | None => self.prices.region(),
        };
        (price.map(|price| price.usd), region.to_owned())
    }

    /// Returns what nodes cost that come and go; `None` for instances that do not.
    pub(super) fn nodes(&self, instances: &Instances) -> Option<Nodes> {
        let Role::Compute(queue) = &instances.role else {
            return None;
        };
        let up_to = instances.most - instances.least;
        let (usd_per_hour, note) = self.instance(instances);
        let volume = self.volumes("", 1, &instances.root_volume);
        (up_to > 0).then(|| Nodes {
            queue: queue.clone(),
            instance_types: instances.kinds.clone(),
            up_to,
            others: match instances.least {
                0 => Others::None,
                _ => Others::Always,
            },
            usd_per_hour,
            volume_usd_per_hour: volume.cost.map(|usd| usd.hour),
            note,
        })
    }
}

/// Returns whether the head node has an address that it keeps while it is stopped.
fn has_elastic_ip(config: &ClusterConfig) -> bool {
    let asked_for = &config.document()["HeadNode"]["Networking"]["ElasticIp"];
    asked_for.as_bool() == Some(true) || asked_for.is_string()
}

fn unknown(what: String, price_of: String, note: &str) -> Line {
    Line {
        what,
        cost: None,
        price_of,
        note: note.to_owned(),
    }
}

/// ParallelCluster makes a hosted zone for the names of compute nodes, unless it is told not to or
/// is given one.
fn makes_a_zone(config: &ClusterConfig) -> bool {
    let dns = &config.document()["Scheduling"]["SlurmSettings"]["Dns"];
    dns["DisableManagedDns"].as_bool() != Some(true) && dns["HostedZoneId"].is_null()
}
