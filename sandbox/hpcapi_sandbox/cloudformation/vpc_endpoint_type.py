"""The type AWS::EC2::VPCEndpoint, which is as strict as EC2's calls. Another service or VPC, or another
kind, makes a new endpoint; all else changes the one that is there."""

from __future__ import annotations

from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..ec2 import query, vpc_endpoints
from .resource_types import Made, Properties, add, retags

_TYPE = "AWS::EC2::VPCEndpoint"


def install() -> None:
    replacing = ("ServiceName", "VpcEndpointType", "VpcId")
    add(_TYPE, _create, _delete, update=_update, replacing=replacing, tags="list")
    retags[_TYPE] = _retag


def _create(logical_id: str, properties: Properties, stack_name: str) -> Made:
    endpoint = vpc_endpoints.create(properties)
    query.add_tags(endpoint["VpcEndpointId"], properties.get("Tags") or [])
    return _made(endpoint)


def _update(
    endpoint_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> Made:
    endpoint = store._vpc_endpoints.get(endpoint_id)
    if not endpoint:
        raise AwsError(
            "InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
        )
    vpc_endpoints.change(endpoint, new)
    return _made(endpoint)


def _delete(endpoint_id: str, properties: Properties) -> None:
    vpc_endpoints.delete(endpoint_id)


def _retag(endpoint_id: str, old: Properties, new: Properties) -> None:
    gone = {tag["Key"] for tag in old.get("Tags") or []}
    store._tags[endpoint_id] = [tag for tag in query.tags_of(endpoint_id) if tag["Key"] not in gone]
    query.add_tags(endpoint_id, new.get("Tags") or [])


def _made(endpoint: vpc_endpoints.Endpoint) -> Made:
    return endpoint["VpcEndpointId"], {
        "Id": endpoint["VpcEndpointId"],
        "CreationTimestamp": endpoint["CreationTimestamp"],
        "DnsEntries": endpoint["DnsEntries"],
        "NetworkInterfaceIds": endpoint["NetworkInterfaceIds"],
    }
