"""DescribeInstanceTypes from a table of what AWS says of each type."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

from ..aws_error import AwsError
from . import describe, query

Row = dict[str, str]


@cache
def instance_types() -> dict[str, Row]:
    with open(Path(__file__).with_name("instance_types.csv"), encoding="utf-8") as file:
        return {row["type"]: row for row in csv.DictReader(file)}


def checked_instance_type(name: str) -> str:
    if name not in instance_types():
        raise AwsError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    return name


def is_of_free_plan(name: str) -> bool:
    return "f" in instance_types()[name]["flags"]


def architectures(name: str) -> list[str]:
    return instance_types()[name]["architectures"].split("+")


@query.action("DescribeInstanceTypes")
def describe_instance_types(parameters: dict[str, Any]) -> dict[str, Any]:
    rows = instance_types()
    wanted = query.strings(parameters.get("InstanceType"))
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        raise AwsError(
            "InvalidInstanceType",
            f"The following supplied instance types do not exist: [{', '.join(unknown)}]",
        )
    found = [_answer(rows[name]) for name in wanted or sorted(rows)]
    for name, patterns in describe.filters(parameters):
        if name not in _FILTERS:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        found = [item for item in found if query.matches(patterns, _FILTERS[name](item))]
    shown, token = query.page(found, {"MaxResults": "100", **parameters})
    return {"instanceTypeSet": shown, "nextToken": token}


_FILTERS = {
    "instance-type": lambda item: [item["instanceType"]],
    "current-generation": lambda item: [item["currentGeneration"]],
    "free-tier-eligible": lambda item: [item["freeTierEligible"]],
    "bare-metal": lambda item: [item["bareMetal"]],
    "hypervisor": lambda item: [item["hypervisor"]],
    "burstable-performance-supported": lambda item: [item["burstablePerformanceSupported"]],
    "instance-storage-supported": lambda item: [item["instanceStorageSupported"]],
    "memory-info.size-in-mib": lambda item: [item["memoryInfo"]["sizeInMiB"]],
    "network-info.efa-supported": lambda item: [item["networkInfo"]["efaSupported"]],
    "processor-info.supported-architecture": lambda item: item["processorInfo"][
        "supportedArchitectures"
    ],
    "supported-usage-class": lambda item: item["supportedUsageClasses"],
    "vcpu-info.default-vcpus": lambda item: [item["vCpuInfo"]["defaultVCpus"]],
}


def _parts(text: str) -> list[list[str]]:
    """`8:NVIDIA:A100;…` as lists."""
    return [item.split(":") for item in text.split(";") if item]


def _answer(row: Row) -> dict[str, Any]:
    flags = row["flags"]
    efa = int(row["efa_interfaces"])
    nitro = row["hypervisor"] == "nitro"
    gpus = _parts(row["gpus"])
    accelerators = _parts(row["accelerators"])
    disks = _parts(row["disks"])
    return {
        "instanceType": row["type"],
        "currentGeneration": "c" in flags,
        "freeTierEligible": "f" in flags,
        "supportedUsageClasses": row["usage_classes"].split("+"),
        "supportedRootDeviceTypes": ["ebs"],
        "supportedVirtualizationTypes": ["hvm"],
        "bareMetal": "m" in flags,
        "hypervisor": row["hypervisor"] or None,
        "processorInfo": {
            "supportedArchitectures": row["architectures"].split("+"),
            "sustainedClockSpeedInGhz": row["clock_ghz"] or None,
            "manufacturer": row["cpu"] or None,
        },
        "vCpuInfo": {
            "defaultVCpus": int(row["vcpus"]),
            "defaultCores": int(row["cores"]),
            "defaultThreadsPerCore": int(row["threads_per_core"]),
        },
        "memoryInfo": {"sizeInMiB": int(row["memory_mib"])},
        "instanceStorageSupported": bool(disks),
        "instanceStorageInfo": {
            "totalSizeInGB": sum(int(count) * int(size) for count, size, _ in disks),
            "disks": [
                {"sizeInGB": int(size), "count": int(count), "type": kind}
                for count, size, kind in disks
            ],
            "nvmeSupport": "required" if nitro else "unsupported",
        }
        if disks
        else None,
        "ebsInfo": {
            "ebsOptimizedSupport": row["ebs_optimized"],
            "encryptionSupport": "supported",
            "nvmeSupport": row["nvme"],
        },
        "networkInfo": _network(row, efa),
        "gpuInfo": {
            "gpus": [
                {
                    "name": name,
                    "manufacturer": maker,
                    "count": int(count),
                    "memoryInfo": {"sizeInMiB": int(memory)},
                }
                for count, maker, name, memory in gpus
            ],
            "totalGpuMemoryInMiB": sum(int(gpu[0]) * int(gpu[3]) for gpu in gpus),
        }
        if gpus
        else None,
        "inferenceAcceleratorInfo": {
            "accelerators": [
                {"count": int(count), "name": name, "manufacturer": maker}
                for count, maker, name in accelerators
            ]
        }
        if accelerators
        else None,
        "placementGroupInfo": {"supportedStrategies": row["placement"].split("+")},
        "hibernationSupported": False,
        "burstablePerformanceSupported": "b" in flags,
        "dedicatedHostsSupported": True,
        "autoRecoverySupported": True,
        "supportedBootModes": ["legacy-bios", "uefi"] if nitro else ["legacy-bios"],
    }


def _network(row: Row, efa: int) -> dict[str, Any]:
    cards = [int(count) for count in row["interfaces_per_card"].split("+")]
    return {
        "networkPerformance": row["network"],
        "maximumNetworkInterfaces": sum(cards),
        "maximumNetworkCards": len(cards),
        "defaultNetworkCardIndex": 0,
        "networkCards": [
            {
                "networkCardIndex": index,
                "networkPerformance": row["network"],
                "maximumNetworkInterfaces": count,
            }
            for index, count in enumerate(cards)
        ],
        "ipv4AddressesPerInterface": int(row["addresses_per_interface"]),
        "ipv6AddressesPerInterface": int(row["addresses_per_interface"]),
        "ipv6Supported": True,
        "enaSupport": row["ena"],
        "efaSupported": efa > 0,
        "efaInfo": {"maximumEfaInterfaces": efa} if efa else None,
    }
