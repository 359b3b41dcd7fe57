"""Availability zones: their ids, the names an account sees them under, what they offer.

AWS gives every account its own mapping of zone names to zone ids, so the mapping here follows
from the account id. What a zone offers is what AWS offered in it when zone_offerings.csv was
made.
"""

from __future__ import annotations

import csv
import random
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2 as store
from ministack.services.cloudformation import engine

from ..aws_error import AwsError
from ..patching import replace_everywhere
from . import describe, query
from .instance_types import instance_types


@cache
def _vpc_link_zones() -> dict[str, frozenset[str]]:
    """Region -> the zones with VPC links (v2), as API Gateway's documentation has them."""
    with open(Path(__file__).with_name("vpc_link_zones.csv"), encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {row["region"]: frozenset(row["zone_ids"].split()) for row in rows}


def takes_vpc_link(an_id: str) -> bool:
    """Whether a zone of the current region does; none does in a region that is not documented."""
    return an_id in _vpc_link_zones().get(get_region(), frozenset())


@cache
def _offerings() -> dict[str, dict[str, frozenset[str]]]:
    """Region -> zone id -> instance types."""
    families: dict[str, set[str]] = {}
    for instance_type in instance_types():
        families.setdefault(instance_type.split(".")[0], set()).add(instance_type)
    table: dict[str, dict[str, frozenset[str]]] = {}
    with open(Path(__file__).with_name("zone_offerings.csv"), encoding="utf-8") as file:
        for row in csv.DictReader(file):
            offered: set[str] = set()
            for entry in row["offers"].split():
                family, _, sizes = entry.partition(":")
                offered |= (
                    {f"{family}.{size}" for size in sizes.split("+")} if sizes else families[family]
                )
            table.setdefault(row["region"], {})[row["zone_id"]] = frozenset(offered)
    return table


@cache
def _zones_of(account: str, region: str) -> dict[str, str]:
    ids = sorted(_offerings().get(region, {}))
    random.Random(f"{account}/{region}").shuffle(ids)
    return {f"{region}{letter}": zone for letter, zone in zip("abcdefgh", ids, strict=False)}


def zones() -> dict[str, str]:
    """Zone name -> zone id, as this account sees its region."""
    return _zones_of(get_account_id(), get_region())


def zone_id(name: str) -> str:
    return zones().get(name, "")


def zone_name(wanted_id: str) -> str | None:
    return next((name for name, an_id in zones().items() if an_id == wanted_id), None)


def checked_zone_name(name: str) -> str:
    if name not in zones():
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({name}) for parameter availabilityZone is invalid. Subnets can currently "
            f"only be created in the following availability zones: {', '.join(zones())}.",
        )
    return name


def offered(instance_type: str, name: str) -> bool:
    return instance_type in _offerings().get(get_region(), {}).get(zone_id(name), frozenset())


def install() -> None:
    replace_everywhere(store._az_id_for_zone_name, zone_id)
    replace_everywhere(store._zone_name_for_az_id, zone_name)
    _install_default_subnets()
    resolve = engine._resolve_refs

    def resolve_with_zones(value: Any, *rest: Any) -> Any:
        if isinstance(value, dict) and "Fn::GetAZs" in value:
            region = resolve(value["Fn::GetAZs"], *rest) or get_region()
            return list(_zones_of(get_account_id(), str(region)))
        return resolve(value, *rest)

    replace_everywhere(resolve, resolve_with_zones)


def _install_default_subnets() -> None:
    """Lets the default VPC of an account have subnets only in zones that the region has."""
    init = store._init_defaults

    def init_defaults() -> None:
        init()
        for subnet_id, subnet in store._subnets.items():
            if subnet["DefaultForAz"] and subnet["AvailabilityZone"] not in zones():
                del store._subnets[subnet_id]

    replace_everywhere(init, init_defaults)
    # The first account was set up when ministack was imported, with zones of its own making.
    store.reset()


@query.action("DescribeAvailabilityZones")
def describe_availability_zones(parameters: dict[str, Any]) -> dict[str, Any]:
    region = get_region()
    found = zones()
    for key, known in (("ZoneName", set(found)), ("ZoneId", set(found.values()))):
        wanted = query.strings(parameters.get(key))
        for value in wanted:
            if value not in known:
                raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{value}]")
        if wanted:
            found = {
                name: an_id
                for name, an_id in found.items()
                if (name if key == "ZoneName" else an_id) in wanted
            }
    for name, wanted in describe.filters(parameters):
        values = {
            "zone-name": lambda zone: zone[0],
            "zone-id": lambda zone: zone[1],
            "region-name": lambda _: region,
            "state": lambda _: "available",
            "zone-type": lambda _: "availability-zone",
            "opt-in-status": lambda _: "opt-in-not-required",
            "group-name": lambda _: f"{region}-zg-1",
        }.get(name)
        if values is None:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        found = dict(zone for zone in found.items() if query.matches(wanted, [values(zone)]))
    return {
        "availabilityZoneInfo": [
            {
                "zoneName": name,
                "zoneState": "available",
                "regionName": region,
                "zoneId": an_id,
                "groupName": f"{region}-zg-1",
                "networkBorderGroup": region,
                "optInStatus": "opt-in-not-required",
                "zoneType": "availability-zone",
                "messageSet": [],
            }
            for name, an_id in found.items()
        ]
    }


@query.action("DescribeInstanceTypeOfferings")
def describe_instance_type_offerings(parameters: dict[str, Any]) -> dict[str, Any]:
    location_type = parameters.get("LocationType") or "region"
    by_zone = _offerings().get(get_region(), {})
    if location_type == "region":
        places = {get_region(): frozenset().union(*by_zone.values())}
    elif location_type == "availability-zone":
        places = {name: by_zone[an_id] for name, an_id in zones().items()}
    elif location_type == "availability-zone-id":
        places = dict(by_zone)
    else:
        raise AwsError("InvalidParameterValue", f"Invalid value '{location_type}' for locationType")
    offerings = [
        (instance_type, place) for place, types in places.items() for instance_type in sorted(types)
    ]
    for name, wanted in describe.filters(parameters):
        if name not in ("instance-type", "location"):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        which = 0 if name == "instance-type" else 1
        offerings = [offering for offering in offerings if query.matches(wanted, [offering[which]])]
    shown, token = query.page(offerings, parameters)
    return {
        "instanceTypeOfferingSet": [
            {"instanceType": instance_type, "locationType": location_type, "location": place}
            for instance_type, place in shown
        ],
        "nextToken": token,
    }
