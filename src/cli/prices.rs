//! Whether prices are shown, for the commands that show some.

use clap::Args;

use crate::context::{Context, NetworkOwner};
use crate::deploy::{Estimate, PaidNetwork, endpoint_interfaces};
use crate::settings::Ground;

/// Whether prices are shown.
#[derive(Debug, Clone, Args)]
pub(super) struct PriceArgs {
    /// Leave out prices
    #[arg(long)]
    no_prices: bool,
}

impl PriceArgs {
    /// Returns what the deployment costs on AWS by its configuration; `None` where prices are not wanted.
    pub(super) fn estimate(&self, context: &Context) -> Option<Estimate> {
        let (config, region) = (&context.config, &context.aws.region);
        (!self.no_prices).then(|| Estimate::of(config, region, network(context)))
    }

    /// Returns the same for a deployment that is paid: one in a sandbox costs nothing.
    pub(super) fn paid(&self, context: &Context) -> Option<Estimate> {
        let is_paid = matches!(context.settings.ground, Ground::Aws { .. });
        self.estimate(context).filter(|_| is_paid)
    }

    /// Returns what the same costs while it rests; `None` where prices are not wanted.
    pub(super) fn of_rest(&self, context: &Context) -> Option<Estimate> {
        let (config, region) = (&context.config, &context.aws.region);
        (!self.no_prices).then(|| Estimate::of_rest(config, region, network(context)))
    }

    /// Returns whether prices are shown.
    pub(super) fn are_shown(&self) -> bool {
        !self.no_prices
    }
}

/// Returns what is paid of the network, as far as is known.
fn network(context: &Context) -> PaidNetwork {
    let endpoints = context.facts().vpc_endpoints.clone().unwrap_or_default();
    PaidNetwork {
        owner: match context.is_in_network_of_user() {
            true => NetworkOwner::User,
            false => NetworkOwner::Deployment,
        },
        endpoint_interfaces: endpoint_interfaces(&endpoints),
    }
}
