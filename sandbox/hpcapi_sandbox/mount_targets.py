"""Mount targets of EFS: each has a network interface in its subnet, which goes with it alone."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import efs

from .ec2 import network_interfaces
from .patching import replace_everywhere

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    create, delete = efs._create_mount_target, efs._delete_mount_target

    def create_with_interface(body: dict[str, Any]) -> Answer:
        status, headers, answer = create(body)
        if status >= 300:
            return status, headers, answer
        target = efs._mount_targets[json.loads(answer)["MountTargetId"]]
        interface = network_interfaces.create_managed(
            target["SubnetId"],
            target["SecurityGroups"],
            f"EFS mount target for {target['FileSystemId']} ({target['MountTargetId']})",
            "amazon-elasticfilesystem",
            "efs",
        )
        target["NetworkInterfaceId"] = interface["NetworkInterfaceId"]
        return status, headers, json.dumps(efs._mt_response(target)).encode()

    def delete_with_interface(target_id: str) -> Answer:
        target = efs._mount_targets.get(target_id)
        if target:
            network_interfaces.delete(target["NetworkInterfaceId"])
        return delete(target_id)

    replace_everywhere(create, create_with_interface)
    replace_everywhere(delete, delete_with_interface)
