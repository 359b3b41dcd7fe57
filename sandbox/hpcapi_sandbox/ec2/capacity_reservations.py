"""On-Demand Capacity Reservations: made, and described. Nothing is launched into them."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from ..identifiers import new_id, now
from . import query
from .describe import Describe, one

_reservations = AccountRegionScopedDict()  # id -> record


@query.action("CreateCapacityReservation")
def create_capacity_reservation(parameters: dict[str, Any]) -> dict[str, Any]:
    count = int(parameters.get("InstanceCount") or 1)
    record = {
        "CapacityReservationId": new_id("cr"),
        "InstanceType": parameters.get("InstanceType", ""),
        "InstancePlatform": parameters.get("InstancePlatform", "Linux/UNIX"),
        "AvailabilityZone": parameters.get("AvailabilityZone", f"{get_region()}a"),
        "Count": count,
        "CreateDate": now(),
    }
    _reservations[record["CapacityReservationId"]] = record
    return {"capacityReservation": _render(record)}


def _render(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "capacityReservationId": record["CapacityReservationId"],
        "ownerId": get_account_id(),
        "instanceType": record["InstanceType"],
        "instancePlatform": record["InstancePlatform"],
        "availabilityZone": record["AvailabilityZone"],
        "tenancy": "default",
        "totalInstanceCount": record["Count"],
        "availableInstanceCount": record["Count"],
        "ebsOptimized": False,
        "state": "active",
        "endDateType": "unlimited",
        "instanceMatchCriteria": "open",
        "createDate": record["CreateDate"],
        "reservationType": "default",
    }


def install() -> None:
    Describe(
        "DescribeCapacityReservations",
        lambda: list(_reservations.values()),
        "CapacityReservationId",
        "CapacityReservationId",
        "capacityReservationSet",
        _render,
        (
            "InvalidCapacityReservationId.NotFound",
            "The Capacity Reservation ID '{id}' does not exist.",
        ),
        {
            "instance-type": one("InstanceType"),
            "availability-zone": one("AvailabilityZone"),
        },
    ).install()
