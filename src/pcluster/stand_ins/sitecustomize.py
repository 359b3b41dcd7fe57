"""Lets pcluster's validators judge a cluster whose network was not made yet: of the subnets that
HPCAPI_STAND_INS names they learn that they are there, as hpcapi will make them, and no subnet of
somebody else is judged in their place. Python imports this when it starts, from PYTHONPATH.

Where pcluster is not as this expects it, nothing is changed: then it says that there are no such
subnets."""

import json
import os

# EC2 says so when nobody names a subnet and there is no default one to take.
NO_DEFAULT_SUBNET = {"DefaultVpcDoesNotExist", "InvalidInput", "MissingInput", "VPCIdNotSpecified"}


def stand_in(subnets, vpc):
    """Changes pcluster's client of EC2."""
    from pcluster.aws.common import AWSClientError
    from pcluster.aws.ec2 import Ec2Client

    describe_subnets = Ec2Client.describe_subnets
    is_enable_dns_support = Ec2Client.is_enable_dns_support
    is_enable_dns_hostnames = Ec2Client.is_enable_dns_hostnames
    run_instances = Ec2Client.run_instances

    def described(self, subnet_ids):
        real = [subnet for subnet in subnet_ids if subnet not in subnets]
        ours = [subnets[subnet] for subnet in subnet_ids if subnet in subnets]
        return ours + (describe_subnets(self, real) if real else [])

    def dry_run(self, **kwargs):
        """Tries the instance in the zone of its subnet, without its network and its key pair, which
        may not be there either and has a validator of its own."""
        interfaces = kwargs.get("NetworkInterfaces") or [{}]
        subnet = subnets.get(interfaces[0].get("SubnetId"))
        if subnet is None:
            return run_instances(self, **kwargs)
        del kwargs["NetworkInterfaces"]
        kwargs.pop("KeyName", None)
        placement = {**kwargs.get("Placement", {}), "AvailabilityZone": subnet["AvailabilityZone"]}
        try:
            return run_instances(self, **{**kwargs, "Placement": placement})
        except AWSClientError as error:
            if error.error_code not in NO_DEFAULT_SUBNET:
                raise

    Ec2Client.describe_subnets = described
    Ec2Client.run_instances = dry_run
    Ec2Client.is_enable_dns_support = lambda self, vpc_id: (
        vpc_id == vpc or is_enable_dns_support(self, vpc_id)
    )
    Ec2Client.is_enable_dns_hostnames = lambda self, vpc_id: (
        vpc_id == vpc or is_enable_dns_hostnames(self, vpc_id)
    )


def main():
    named = json.loads(os.environ.get("HPCAPI_STAND_INS", "[]"))
    if named:
        subnets = {subnet["SubnetId"]: subnet for subnet in named}
        stand_in(subnets, named[0]["VpcId"])


try:
    main()
except Exception:  # Another pcluster, or another Python program.
    pass
