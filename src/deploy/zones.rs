//! The two zones of a deployment: where VPC links go, the instance types are offered, and what the
//! configuration names is that cannot leave its zone.

use crate::aws::{Zone, choose_zones, named_zones};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::pcluster::judgement::place;
use crate::pcluster::zonal::{Kind, Zonal};
use crate::pcluster::{instance_types, zonal};

/// Something that is in a zone, with the zone's name.
struct Placed {
    thing: Zonal,
    zone: String,
}

/// Returns two zones that can hold the deployment, or those that the user names; head node and first
/// compute subnet will be in the first.
pub(in crate::deploy) async fn choose(context: &Context) -> Result<(Zone, Zone)> {
    choose_of(context, context.settings.new_network.zones.as_ref()).await
}

/// Returns the two zones that would be chosen, whatever the user names.
pub(in crate::deploy) async fn usual(context: &Context) -> Result<(Zone, Zone)> {
    choose_of(context, None).await
}

async fn choose_of(context: &Context, named: Option<&[String; 2]>) -> Result<(Zone, Zone)> {
    let types = instance_types(context.config.document());
    let (zones, placed) = tokio::try_join!(context.aws.zones.offering(&types), placed(context))?;
    let wanted = one_zone(context, &placed)?;
    let region = &context.aws.region;
    let chosen = match named {
        Some(named) => named_zones(region, &zones, &types, named, wanted),
        None => choose_zones(region, &zones, &types, wanted),
    };
    chosen.map_err(|error| match placed.first() {
        Some(placed) => error.hint(format!(
            "{} is in {}, so the head node has to be there, too",
            words(context, placed),
            placed.zone
        )),
        None => error,
    })
}

/// Returns what of the configuration is in a zone. Of what does not exist pcluster says so.
async fn placed(context: &Context) -> Result<Vec<Placed>> {
    let things = zonal::of(context.config.document());
    let ids = |kind: Kind| {
        let of_kind = things.iter().filter(move |thing| thing.kind == kind);
        of_kind.map(|thing| thing.id.clone()).collect::<Vec<_>>()
    };
    let zones = &context.aws.zones;
    let (mut found, reservations) = tokio::try_join!(
        zones.of_volumes(ids(Kind::Volume)),
        zones.of_reservations(ids(Kind::Reservation)),
    )?;
    found.extend(reservations);
    let placed = things.into_iter().filter_map(|thing| {
        let zone = found.get(&thing.id)?.clone();
        Some(Placed { thing, zone })
    });
    Ok(placed.collect())
}

/// Returns the one zone in which all of it is; fails when they are several.
fn one_zone<'p>(context: &Context, placed: &'p [Placed]) -> Result<Option<&'p str>> {
    let Some((first, others)) = placed.split_first() else {
        return Ok(None);
    };
    match others.iter().find(|other| other.zone != first.zone) {
        None => Ok(Some(&first.zone)),
        Some(other) => Err(Error::usage(format!(
            "{} is in {}, and {} in {}: the head node and the first subnet of the queues are in \
             one zone",
            words(context, first),
            first.zone,
            words(context, other),
            other.zone
        ))
        .hint("use volumes and reservations of one zone")),
    }
}

fn words(context: &Context, placed: &Placed) -> String {
    let what = match placed.thing.kind {
        Kind::Volume => "the volume",
        Kind::Reservation => "the capacity reservation",
    };
    let place = place(&context.config, &placed.thing.path);
    format!("{place}: {what} {}", placed.thing.id)
}
