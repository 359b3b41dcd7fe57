"""ParallelCluster's official images: every operating system and architecture of any version.

They are made up when asked for: the filter that pcluster looks them up with says which version
it wants. An image id carries the version and the system, so that it stays the same and can be
looked up later.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ministack.services import ec2 as store

from ..aws_error import AwsError
from . import describe, query

OWNER = "247102896272"
# The part of an image's name that stands for the operating system.
SYSTEMS = (
    "amzn2-hvm",
    "amzn2023-hvm",
    "ubuntu-2204-lts-hvm",
    "ubuntu-2404-lts-hvm",
    "rhel8-hvm",
    "rhel9-hvm",
    "rocky8-hvm",
    "rocky9-hvm",
)
ARCHITECTURES = ("x86_64", "arm64")
_ROOT_DEVICE = {"amzn2-hvm": "/dev/xvda", "amzn2023-hvm": "/dev/xvda"}
_VERSION = re.compile(r"aws-parallelcluster-(\d+)\.(\d+)\.(\d+)-")
_IMAGE_ID = re.compile(r"ami-0ac1(\d{2})(\d{3})(\d{3})([0-7])([01])0{3}")


@cache
def _images(version: tuple[int, int, int]) -> list[dict[str, Any]]:
    major, minor, patch = version
    number = ".".join(str(part) for part in version)
    return [
        {
            "ImageId": f"ami-0ac1{major:02}{minor:03}{patch:03}{index}{arch_index}000",
            "Name": f"aws-parallelcluster-{number}-{system}-{architecture}-202601010000",
            "Architecture": architecture,
            "RootDevice": _ROOT_DEVICE.get(system, "/dev/sda1"),
            "RootSize": 45,
        }
        for index, system in enumerate(SYSTEMS)
        for arch_index, architecture in enumerate(ARCHITECTURES)
    ]


def find(image_id: str) -> dict[str, Any] | None:
    """The image of that id: an official one, or one that was registered in the account."""
    parts = _IMAGE_ID.fullmatch(image_id)
    if parts:
        version = (int(parts[1]), int(parts[2]), int(parts[3]))
        return next((one for one in _images(version) if one["ImageId"] == image_id), None)
    registered = store._images.get(image_id)
    if registered:
        return {
            "ImageId": image_id,
            "Name": registered["Name"],
            "Architecture": registered["Architecture"],
            "RootDevice": registered["RootDeviceName"] or "/dev/xvda",
            "RootSize": 8,
        }
    stub = next((one for one in store._STUB_AMIS if one[0] == image_id), None)
    if stub:
        return {
            "ImageId": image_id,
            "Name": stub[1],
            "Architecture": "x86_64",
            "RootDevice": stub[4],
            "RootSize": 8,
        }
    return None


def checked_image(image_id: str) -> dict[str, Any]:
    image = find(image_id)
    if image is None:
        if not re.fullmatch(r"ami-[0-9a-f]{8}(?:[0-9a-f]{9})?", image_id):
            raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return image


def install() -> None:
    describe_others = store._ACTION_MAP["DescribeImages"]

    def describe_images(parameters: query.Parameters) -> query.Answer:
        asked = query.nested(parameters)
        ids = query.strings(asked.get("ImageId"))
        try:
            for image_id in ids:
                checked_image(image_id)
        except AwsError as error:
            return query.error_answer(error)
        official = _official(asked, ids)
        if not official:
            return describe_others(parameters)
        return query.answer(
            "DescribeImages", lambda: {"imagesSet": [_answer(image) for image in official]}
        )

    store._ACTION_MAP["DescribeImages"] = describe_images


def _official(asked: dict[str, Any], ids: list[str]) -> list[dict[str, Any]]:
    filters = dict(describe.filters(asked))
    owners = query.strings(asked.get("Owner"))
    if owners and not {"amazon", OWNER} & set(owners):
        return []
    versions = {
        (int(found[1]), int(found[2]), int(found[3]))
        for name in filters.get("name", [])
        if (found := _VERSION.match(name))
    } | {
        (int(parts[1]), int(parts[2]), int(parts[3]))
        for image_id in ids
        if (parts := _IMAGE_ID.fullmatch(image_id))
    }
    return [
        image
        for version in sorted(versions)
        for image in _images(version)
        if (not ids or image["ImageId"] in ids)
        and query.matches(filters.get("name", ["*"]), [image["Name"]])
        and query.matches(filters.get("architecture", ["*"]), [image["Architecture"]])
    ]


def _answer(image: dict[str, Any]) -> dict[str, Any]:
    return {
        "imageId": image["ImageId"],
        "imageLocation": f"amazon/{image['Name']}",
        "imageState": "available",
        "imageOwnerId": OWNER,
        "creationDate": "2026-01-01T00:00:00.000Z",
        "isPublic": True,
        "architecture": image["Architecture"],
        "imageType": "machine",
        "imageOwnerAlias": "amazon",
        "name": image["Name"],
        "description": "AWS ParallelCluster AMI",
        "rootDeviceType": "ebs",
        "rootDeviceName": image["RootDevice"],
        "blockDeviceMapping": [
            {
                "deviceName": image["RootDevice"],
                "ebs": {
                    "deleteOnTermination": True,
                    "snapshotId": "snap-" + image["ImageId"][4:],
                    "volumeSize": image["RootSize"],
                    "volumeType": "gp3",
                    "encrypted": False,
                },
            }
        ],
        "virtualizationType": "hvm",
        "hypervisor": "xen",
        "enaSupport": True,
        "platformDetails": "Linux/UNIX",
        "tagSet": [],
    }
