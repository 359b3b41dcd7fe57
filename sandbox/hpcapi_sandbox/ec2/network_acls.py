"""Which subnet has which network ACL: that of its VPC, until it is given another one."""

from __future__ import annotations

from ministack.services import ec2 as store

from ..identifiers import new_id
from . import query


def install() -> None:
    describe = store._ACTION_MAP["DescribeNetworkAcls"]
    replace = store._ACTION_MAP["ReplaceNetworkAclAssociation"]

    def describe_of_all_subnets(parameters: query.Parameters) -> query.Answer:
        _associate_subnets()
        return describe(parameters)

    def replace_of_subnet(parameters: query.Parameters) -> query.Answer:
        _associate_subnets()
        old = query.nested(parameters).get("AssociationId", "")
        subnets = [one["SubnetId"] for one in _associations() if one["NetworkAclAssociationId"] == old]
        answer = replace(parameters)
        for one in _associations():
            one["SubnetId"] = one["SubnetId"] or "".join(subnets)
        return answer

    store._ACTION_MAP["DescribeNetworkAcls"] = describe_of_all_subnets
    store._ACTION_MAP["ReplaceNetworkAclAssociation"] = replace_of_subnet


def _associations() -> list[dict[str, str]]:
    return [one for acl in store._network_acls.values() for one in acl["Associations"]]


def _associate_subnets() -> None:
    for acl in store._network_acls.values():
        acl["Associations"] = [one for one in acl["Associations"] if one["SubnetId"] in store._subnets]
    associated = {one["SubnetId"] for one in _associations()}
    defaults = {acl["VpcId"]: acl for acl in store._network_acls.values() if acl["IsDefault"]}
    for subnet_id, subnet in store._subnets.items():
        if subnet_id not in associated and subnet["VpcId"] in defaults:
            one = {"NetworkAclAssociationId": new_id("aclassoc"), "SubnetId": subnet_id}
            defaults[subnet["VpcId"]]["Associations"].append(one)
