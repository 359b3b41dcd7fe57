"""GuardDuty's Runtime Monitoring, where a test switches it on for an account (see `control`).

In the VPC of each instance that starts it makes an endpoint and a security group for it, both with
its tag, and leaves them there. Source: hashicorp/terraform-provider-aws pull request 46953.
"""

from __future__ import annotations

from ministack.core.responses import get_account_id
from ministack.services import ec2 as store

from . import instances, query, security_groups, vpc_endpoints

_TAG = {"Key": "GuardDutyManaged", "Value": "true"}
_accounts: set[str] = set()


def switch(account: str, on: bool) -> None:
    (_accounts.add if on else _accounts.discard)(account)


def is_on(account: str) -> bool:
    return account in _accounts


def install() -> None:
    instances.on_launch.append(_monitor)


def _monitor(instance: instances.Instance) -> None:
    vpc_id, subnet_id = instance["VpcId"], instance["SubnetId"]
    name = f"GuardDutyManagedSecurityGroup-{vpc_id}"
    known = {group["GroupName"] for group in store._security_groups.values()}
    if not is_on(get_account_id()) or name in known:
        return
    group_id = security_groups.make(name, "GuardDuty managed security group", vpc_id)
    endpoint = vpc_endpoints.make(vpc_id, "guardduty-data", [subnet_id], [group_id])
    for resource_id in (group_id, endpoint["VpcEndpointId"]):
        query.add_tags(resource_id, [_TAG])
