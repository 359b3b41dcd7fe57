"""How long things take on AWS, scaled.

HPCAPI_SANDBOX_TIME_SCALE is 0 by default: nothing waits. With 1 a stack takes as long as it
typically does on AWS, with 0.01 a hundredth of that.
"""

from __future__ import annotations

import asyncio

from . import settings

# Seconds to create and to delete, as usually seen. What is not listed takes DEFAULT.
DEFAULT = (2, 2)
RESOURCE_SECONDS: dict[str, tuple[float, float]] = {
    "AWS::ApiGatewayV2::VpcLink": (0, 0),  # waits for its own states
    "AWS::CloudFormation::WaitConditionHandle": (1, 1),
    "AWS::CloudWatch::Alarm": (5, 5),
    "AWS::DynamoDB::Table": (20, 10),
    "AWS::EC2::EIP": (15, 5),
    "AWS::EC2::Instance": (15, 60),
    "AWS::EC2::InternetGateway": (15, 5),
    "AWS::EC2::NatGateway": (105, 60),
    "AWS::EC2::NetworkInterface": (10, 5),
    "AWS::EC2::RouteTable": (10, 5),
    "AWS::EC2::SecurityGroup": (5, 5),
    "AWS::EC2::VPC": (12, 5),
    "AWS::EC2::VPCEndpoint": (30, 20),
    "AWS::EC2::VPCGatewayAttachment": (10, 10),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (150, 10),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (10, 5),
    "AWS::IAM::InstanceProfile": (120, 5),
    "AWS::IAM::ManagedPolicy": (15, 5),
    "AWS::IAM::Role": (18, 5),
    "AWS::Lambda::Function": (8, 5),
    "AWS::Route53::HostedZone": (45, 45),
    "AWS::S3::Bucket": (22, 10),
}
# How long the network interfaces of load balancers and VPC links outlive them.
LINGERING_INTERFACE_SECONDS = 90


def scaled(seconds: float) -> float:
    return seconds * settings.get().time_scale


async def take(seconds: float) -> None:
    """Waits for `seconds` of AWS's time."""
    if settings.get().time_scale > 0:
        await asyncio.sleep(scaled(seconds))


async def create(resource_type: str) -> None:
    await take(RESOURCE_SECONDS.get(resource_type, DEFAULT)[0])


async def delete(resource_type: str) -> None:
    await take(RESOURCE_SECONDS.get(resource_type, DEFAULT)[1])
