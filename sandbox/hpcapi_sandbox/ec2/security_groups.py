"""Rules of security groups, and deleting groups, which AWS refuses while something uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import new_id
from . import query

Group = dict[str, Any]
Permission = dict[str, Any]
INGRESS, EGRESS = "IpPermissions", "IpPermissionsEgress"
_PEERS = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}


def checked_group(group_id: str) -> Group:
    group = store._security_groups.get(group_id)
    if not group:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return group


def make(name: str, description: str, vpc_id: str) -> str:
    """Makes a group without rules of its own; returns its id."""
    group_id = new_id("sg")
    store._security_groups[group_id] = {
        "GroupId": group_id,
        "GroupName": name,
        "Description": description,
        "VpcId": vpc_id,
        "OwnerId": get_account_id(),
        INGRESS: [],
        EGRESS: [],
    }
    return group_id


def authorize(group: Group, direction: str, permission: Permission) -> list[Permission]:
    """Adds the rules of a permission, each with an id of its own; one that is there is refused."""
    rules = [{**rule, "SecurityGroupRuleId": new_id("sgr")} for rule in _rules(permission)]
    for rule in rules:
        if any(_same(rule, known) for known in _known(group, direction)):
            raise AwsError(
                "InvalidPermission.Duplicate",
                f'the specified rule "{_text(rule)}" already exists',
            )
    group[direction] = [*group[direction], *rules]
    return rules


def revoke_by_id(group: Group, direction: str, rule_id: str) -> None:
    """Takes a rule away, if it is there: one that was put back has another id."""
    group[direction] = [
        rule for rule in group[direction] if rule.get("SecurityGroupRuleId") != rule_id
    ]


def revoke(group: Group, direction: str, permission: Permission) -> None:
    """Takes the rules of a permission away."""
    known = list(_known(group, direction))
    for rule in _rules(permission):
        if not any(_same(rule, one) for one in known):
            raise AwsError(
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            )
        known = [one for one in known if not _same(rule, one)]
    group[direction] = known


def _known(group: Group, direction: str) -> Iterator[Permission]:
    for permission in group[direction]:
        yield from _rules(permission)


def _rules(permission: Permission) -> Iterator[Permission]:
    """A permission as one rule for each of its peers."""
    bare = {name: value for name, value in permission.items() if name not in _PEERS}
    for name in _PEERS:
        for peer in permission.get(name) or []:
            yield {**bare, **{other: [] for other in _PEERS}, name: [peer]}


def _same(one: Permission, other: Permission) -> bool:
    return _identity(one) == _identity(other)


def _identity(rule: Permission) -> tuple[Any, ...]:
    protocol = str(rule.get("IpProtocol"))
    ports = (
        (None, None)
        if protocol == "-1"
        else (int(rule.get("FromPort", -1)), int(rule.get("ToPort", -1)))
    )
    return (protocol, *ports, _peer(rule))


def _peer(rule: Permission) -> str:
    name = next(name for name in _PEERS if rule.get(name))
    peer = rule[name][0]
    return peer_group(peer) if name == "UserIdGroupPairs" else str(peer.get(_PEERS[name]))


def peer_group(pair: dict[str, str]) -> str:
    """The group that a rule names: by id, by name, or by an id in the place of the name."""
    name = pair.get("GroupName", "")
    if pair.get("GroupId") or name in store._security_groups:
        return pair.get("GroupId") or name
    for group in store._security_groups.values():
        if group["GroupName"] == name:
            return group["GroupId"]
    return name


def _text(rule: Permission) -> str:
    ports = (
        f", from port: {rule['FromPort']}, to port: {rule['ToPort']}" if "FromPort" in rule else ""
    )
    return f"peer: {_peer(rule)}, {str(rule['IpProtocol']).upper()}{ports}, ALLOW"


def check_unused(group_id: str) -> None:
    """Refuses when an interface or a rule of another group still names the group."""
    in_use = any(
        group["GroupId"] == group_id
        for interface in store._network_interfaces.values()
        for group in interface["Groups"]
    )
    if in_use or any(_names(group, group_id) for group in store._security_groups.values()):
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")


def _names(group: Group, group_id: str) -> bool:
    return group["GroupId"] != group_id and any(
        peer_group(pair) == group_id
        for direction in (INGRESS, EGRESS)
        for permission in group.get(direction) or []
        for pair in permission.get("UserIdGroupPairs") or []
    )


def install() -> None:
    delete = store._ACTION_MAP["DeleteSecurityGroup"]

    def delete_security_group(parameters: query.Parameters) -> query.Answer:
        group_id = query.nested(parameters).get("GroupId", "")
        try:
            if group_id in store._security_groups:
                check_unused(group_id)
        except AwsError as error:
            return query.error_answer(error)
        return delete(parameters)

    store._ACTION_MAP["DeleteSecurityGroup"] = delete_security_group
    _install_changes("Ingress", INGRESS)
    _install_changes("Egress", EGRESS)


def _install_changes(word: str, direction: str) -> None:
    revoke_by_ids = store._ACTION_MAP[f"RevokeSecurityGroup{word}"]

    @query.action(f"AuthorizeSecurityGroup{word}")
    def authorize_by_request(parameters: dict[str, Any]) -> dict[str, Any]:
        group = checked_group(parameters.get("GroupId", ""))
        rules = [
            rule
            for permission in _given(parameters)
            for rule in authorize(group, direction, permission)
        ]
        return {
            "return": True,
            "securityGroupRuleSet": [_rule_answer(group, rule, word) for rule in rules],
        }

    def revoke_by_request(parameters: query.Parameters) -> query.Answer:
        asked = query.nested(parameters)
        if asked.get("SecurityGroupRuleId"):
            return revoke_by_ids(parameters)

        def produce() -> dict[str, Any]:
            group = checked_group(asked.get("GroupId", ""))
            for permission in _given(asked):
                revoke(group, direction, permission)
            return {"return": True}

        return query.answer(f"RevokeSecurityGroup{word}", produce)

    store._ACTION_MAP[f"RevokeSecurityGroup{word}"] = revoke_by_request


def _given(parameters: dict[str, Any]) -> list[Permission]:
    """IpPermissions, or the one rule that older callers spell out in single parameters."""
    given = parameters.get("IpPermissions")
    if not given:
        given = [
            {
                **{
                    name: parameters[name]
                    for name in ("IpProtocol", "FromPort", "ToPort")
                    if name in parameters
                },
                "IpRanges": [{"CidrIp": parameters["CidrIp"]}] if "CidrIp" in parameters else [],
                "Groups": [{"GroupId": parameters["SourceSecurityGroupId"]}]
                if "SourceSecurityGroupId" in parameters
                else [],
            }
        ]
    permissions = []
    for one in given:
        permission: Permission = {
            "IpProtocol": one.get("IpProtocol", "-1"),
            "IpRanges": query.strings(one.get("IpRanges")),
            "Ipv6Ranges": query.strings(one.get("Ipv6Ranges")),
            "PrefixListIds": query.strings(one.get("PrefixListIds")),
            "UserIdGroupPairs": query.strings(one.get("Groups")),
        }
        for name in ("FromPort", "ToPort"):
            if name in one:
                permission[name] = int(one[name])
        for pair in permission["UserIdGroupPairs"]:
            checked_group(pair.get("GroupId", ""))
        permissions.append(permission)
    return permissions


def _rule_answer(group: Group, rule: Permission, word: str) -> dict[str, Any]:
    pair = (rule.get("UserIdGroupPairs") or [{}])[0]
    return {
        "securityGroupRuleId": rule["SecurityGroupRuleId"],
        "groupId": group["GroupId"],
        "groupOwnerId": get_account_id(),
        "isEgress": word == "Egress",
        "ipProtocol": rule["IpProtocol"],
        "fromPort": rule.get("FromPort", -1),
        "toPort": rule.get("ToPort", -1),
        "cidrIpv4": (rule.get("IpRanges") or [{}])[0].get("CidrIp"),
        "referencedGroupInfo": {"groupId": pair["GroupId"], "userId": get_account_id()}
        if pair.get("GroupId")
        else None,
    }
