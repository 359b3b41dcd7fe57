"""EC2 answers as in a real account: zones, types, images, keys, launches and filters."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from emulator import EmulatorTest

IMAGE = "ami-0ac10301600110000"  # ParallelCluster 3.16.0, Amazon Linux 2023, x86_64


class Zones(EmulatorTest):
    def test_names_lead_to_other_ids_in_other_accounts(self) -> None:
        mappings = set()
        for account in range(200000000001, 200000000009):
            client = self.client("ec2", account=str(account))
            zones = client.describe_availability_zones()["AvailabilityZones"]
            mapping = {zone["ZoneName"]: zone["ZoneId"] for zone in zones}
            self.assertEqual(set(mapping.values()), {f"use1-az{n}" for n in range(1, 7)})
            mappings.add(tuple(mapping.items()))
        self.assertGreater(len(mappings), 1)

    def test_not_every_zone_offers_every_type(self) -> None:
        found = self.ec2.describe_instance_type_offerings(
            LocationType="availability-zone-id",
            Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}],
        )["InstanceTypeOfferings"]
        places = {one["Location"] for one in found}
        self.assertEqual(places, {"use1-az1", "use1-az2", "use1-az4", "use1-az5", "use1-az6"})

    def test_a_vpc_link_is_refused_where_there_are_none(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(
            VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZoneId="use1-az3"
        )["Subnet"]
        self.assertEqual(subnet["AvailabilityZoneId"], "use1-az3")
        code, message = self.refusal(
            self.client("apigatewayv2").create_vpc_link, Name="l", SubnetIds=[subnet["SubnetId"]]
        )
        self.assertEqual(code, "BadRequestException")
        self.assertIn("is in Availability Zone 'use1-az3' where service is not available", message)


class CapacityReservations(EmulatorTest):
    def test_one_is_found_by_its_id_and_another_is_not(self) -> None:
        made = self.ec2.create_capacity_reservation(
            InstanceType="c5n.4xlarge",
            InstancePlatform="Linux/UNIX",
            AvailabilityZone="us-east-1c",
            InstanceCount=4,
        )["CapacityReservation"]
        found = self.ec2.describe_capacity_reservations(
            CapacityReservationIds=[made["CapacityReservationId"]]
        )["CapacityReservations"]
        self.assertEqual([one["AvailabilityZone"] for one in found], ["us-east-1c"])
        code, _ = self.refusal(
            self.ec2.describe_capacity_reservations,
            CapacityReservationIds=["cr-0123456789abcdef0"],
        )
        self.assertEqual(code, "InvalidCapacityReservationId.NotFound")


class Types(EmulatorTest):
    def test_what_is_said_of_types(self) -> None:
        found = {
            one["InstanceType"]: one
            for one in self.ec2.describe_instance_types(
                InstanceTypes=["t3.micro", "c5n.18xlarge", "t4g.small", "p4d.24xlarge"]
            )["InstanceTypes"]
        }
        self.assertEqual(found["t3.micro"]["MemoryInfo"]["SizeInMiB"], 1024)
        self.assertEqual(found["t3.micro"]["VCpuInfo"]["DefaultVCpus"], 2)
        self.assertEqual(found["c5n.18xlarge"]["VCpuInfo"]["DefaultVCpus"], 72)
        self.assertTrue(found["c5n.18xlarge"]["NetworkInfo"]["EfaSupported"])
        self.assertEqual(found["t4g.small"]["ProcessorInfo"]["SupportedArchitectures"], ["arm64"])
        self.assertEqual(len(found["p4d.24xlarge"]["NetworkInfo"]["NetworkCards"]), 4)
        code, message = self.refusal(
            self.ec2.describe_instance_types, InstanceTypes=["t3.micro", "t3.nonexistent"]
        )
        self.assertEqual(code, "InvalidInstanceType")
        self.assertIn("[t3.nonexistent]", message)

    def test_parallelcluster_has_images_for_every_system(self) -> None:
        for version in ("3.16.1", "3.15.1"):
            for system in ("amzn2023", "ubuntu-2404-lts", "rhel9", "rocky8"):
                for architecture in ("x86_64", "arm64"):
                    name = f"aws-parallelcluster-{version}-{system}-hvm-{architecture}*"
                    images = self.ec2.describe_images(
                        Owners=["amazon"],
                        Filters=[
                            {"Name": "name", "Values": [name]},
                            {"Name": "state", "Values": ["available"]},
                        ],
                    )["Images"]
                    self.assertEqual([one["Architecture"] for one in images], [architecture])
                    again = self.ec2.describe_images(ImageIds=[images[0]["ImageId"]])["Images"]
                    self.assertEqual(again, images)


class KeyPairs(EmulatorTest):
    def test_a_created_pair_fits_together(self) -> None:
        for kind in ("ed25519", "rsa"):
            made = self.ec2.create_key_pair(KeyName=f"made-{kind}", KeyType=kind)
            (known,) = self.ec2.describe_key_pairs(
                KeyNames=[f"made-{kind}"], IncludePublicKey=True
            )["KeyPairs"]
            self.assertEqual(known["KeyType"], kind)
            blob = base64.b64decode(known["PublicKey"].split()[1])
            if kind == "ed25519":
                digest = hashlib.sha256(blob).digest()
                self.assertEqual(made["KeyFingerprint"], base64.b64encode(digest).decode())
                private = made["KeyMaterial"].replace("\n", "")[35:-33]
                self.assertEqual(base64.b64decode(private).count(blob[-32:]), 3)
            else:
                with tempfile.TemporaryDirectory() as directory:
                    path = Path(directory, "key")
                    path.write_text(made["KeyMaterial"])
                    shown = subprocess.run(
                        ["openssl", "rsa", "-in", path, "-noout", "-modulus"],
                        capture_output=True,
                        check=True,
                        text=True,
                    ).stdout
                modulus = bytes.fromhex(shown.strip().partition("=")[2])
                self.assertTrue(blob.endswith(modulus))

    def test_import_and_names(self) -> None:
        made = self.ec2.create_key_pair(KeyName="first", KeyType="ed25519")
        public = self.ec2.describe_key_pairs(KeyNames=["first"], IncludePublicKey=True)
        imported = self.ec2.import_key_pair(
            KeyName="second",
            PublicKeyMaterial=public["KeyPairs"][0]["PublicKey"].encode(),
            TagSpecifications=[{"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}],
        )
        self.assertEqual(imported["KeyFingerprint"], made["KeyFingerprint"])
        found = self.ec2.describe_key_pairs(Filters=[{"Name": "tag:a", "Values": ["b"]}])
        self.assertEqual([pair["KeyName"] for pair in found["KeyPairs"]], ["second"])
        self.assertEqual(
            self.refusal(self.ec2.create_key_pair, KeyName="first")[0], "InvalidKeyPair.Duplicate"
        )
        self.assertEqual(
            self.refusal(self.ec2.import_key_pair, KeyName="x", PublicKeyMaterial=b"rubbish")[0],
            "InvalidKey.Format",
        )
        self.assertEqual(
            self.refusal(self.ec2.describe_key_pairs, KeyNames=["none"])[0],
            "InvalidKeyPair.NotFound",
        )


class Launches(EmulatorTest):
    def test_an_instance_has_all_it_needs_and_takes_it_along(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(
            VpcId=vpc, CidrBlock="10.0.3.0/24", AvailabilityZoneId="use1-az1"
        )["Subnet"]["SubnetId"]
        group = self.ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        arguments = {
            "ImageId": IMAGE,
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}],
            "TagSpecifications": [
                {"ResourceType": kind, "Tags": [{"Key": "of", "Value": kind}]}
                for kind in ("instance", "volume")
            ],
        }
        self.assertEqual(
            self.refusal(self.ec2.run_instances, DryRun=True, **arguments)[0], "DryRunOperation"
        )
        instance_id = self.ec2.run_instances(**arguments)["Instances"][0]["InstanceId"]
        (found,) = self.ec2.describe_instances(
            Filters=[
                {"Name": "tag:of", "Values": ["inst*"]},
                {"Name": "vpc-id", "Values": [vpc]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"][0]["Instances"]
        self.assertEqual(found["InstanceId"], instance_id)
        self.assertTrue(found["PrivateIpAddress"].startswith("10.0.3."))
        self.assertEqual([one["GroupId"] for one in found["SecurityGroups"]], [group])
        volumes = self.ec2.describe_volumes(Filters=[{"Name": "tag:of", "Values": ["volume"]}])
        self.assertEqual(volumes["Volumes"][0]["Attachments"][0]["InstanceId"], instance_id)
        self.ec2.terminate_instances(InstanceIds=[instance_id])
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])
        self.assertEqual(self.ec2.describe_network_interfaces()["NetworkInterfaces"], [])
        (gone,) = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        self.assertEqual(gone["Instances"][0]["State"]["Name"], "terminated")

    def test_without_a_subnet_it_starts_where_its_type_is_offered_or_where_it_is_asked_to(self) -> None:
        def zone(kind: str = "t3.micro", **placement: str) -> str:
            made = self.ec2.run_instances(
                ImageId=IMAGE, InstanceType=kind, MinCount=1, MaxCount=1, Placement=placement
            )["Instances"][0]
            self.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
            return str(made["Placement"]["AvailabilityZone"])

        subnets = self.ec2.describe_subnets(
            Filters=[{"Name": "default-for-az", "Values": ["true"]}]
        )["Subnets"]
        first, *others = (one["AvailabilityZone"] for one in subnets)
        kind, offering = self.offered_elsewhere(first)
        self.assertIn(zone(kind), offering & set(others))
        _, offering = self.offered_elsewhere("nowhere", "t3.micro")
        for asked in {first, *others} & offering:
            self.assertEqual(zone(AvailabilityZone=asked), asked)
        code, message = self.refusal(partial(zone, AvailabilityZone="us-east-1z"))
        self.assertEqual(code, "MissingInput")
        self.assertIn("us-east-1z", message)

    def offered_elsewhere(self, zone: str, *kinds: str) -> tuple[str, set[str]]:
        """An instance type for x86 that a zone does not offer, one of these, if any, and the zones
        that do."""
        intel = [{"Name": "processor-info.supported-architecture", "Values": ["x86_64"]}]
        pages = self.ec2.get_paginator("describe_instance_types").paginate(Filters=intel)
        wanted = {one["InstanceType"] for page in pages for one in page["InstanceTypes"]}
        zones: dict[str, set[str]] = {}
        pages = self.ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone"
        )
        for one in (one for page in pages for one in page["InstanceTypeOfferings"]):
            zones.setdefault(one["InstanceType"], set()).add(one["Location"])
        return next(
            (kind, zones[kind])
            for kind in sorted(wanted & set(kinds or zones))
            if zone not in zones[kind]
        )

    def test_what_does_not_exist_is_refused(self) -> None:
        arguments = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        nothing = "0123456789abcdef0"
        for changed, code in (
            ({"ImageId": "ami-0fedcba9876543219"}, "InvalidAMIID.NotFound"),
            ({"KeyName": "none"}, "InvalidKeyPair.NotFound"),
            ({"SubnetId": f"subnet-{nothing}"}, "InvalidSubnetID.NotFound"),
            ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
            (
                {"LaunchTemplate": {"LaunchTemplateId": f"lt-{nothing}"}},
                "InvalidLaunchTemplateId.NotFound",
            ),
        ):
            with self.subTest(changed=changed):
                found, _ = self.refusal(self.ec2.run_instances, **{**arguments, **changed})
                self.assertEqual(found, code)

    def test_unknown_ids_and_filters_have_their_own_errors(self) -> None:
        nothing = "0123456789abcdef0"
        for call, arguments, code in (
            ("describe_instances", {"InstanceIds": [f"i-{nothing}"]}, "InvalidInstanceID.NotFound"),
            ("describe_instances", {"InstanceIds": ["i-xyz"]}, "InvalidInstanceID.Malformed"),
            ("describe_vpcs", {"VpcIds": [f"vpc-{nothing}"]}, "InvalidVpcID.NotFound"),
            ("describe_subnets", {"SubnetIds": [f"subnet-{nothing}"]}, "InvalidSubnetID.NotFound"),
            ("describe_security_groups", {"GroupIds": [f"sg-{nothing}"]}, "InvalidGroup.NotFound"),
            ("describe_volumes", {"VolumeIds": [f"vol-{nothing}"]}, "InvalidVolume.NotFound"),
            (
                "describe_network_interfaces",
                {"NetworkInterfaceIds": [f"eni-{nothing}"]},
                "InvalidNetworkInterfaceID.NotFound",
            ),
            ("describe_nat_gateways", {"NatGatewayIds": [f"nat-{nothing}"]}, "NatGatewayNotFound"),
            (
                "describe_vpcs",
                {"Filters": [{"Name": "colour", "Values": ["red"]}]},
                "InvalidParameterValue",
            ),
        ):
            with self.subTest(call=call, arguments=arguments):
                self.assertEqual(self.refusal(getattr(self.ec2, call), **arguments)[0], code)


class Networks(EmulatorTest):
    def test_each_interface_takes_a_free_address(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]

        def free() -> int:
            found = self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
            return found[0]["AvailableIpAddressCount"]

        self.assertEqual(free(), 11)
        made = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.assertEqual(free(), 10)
        self.ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
        self.assertEqual(free(), 11)

    def test_an_endpoint_says_whether_it_has_the_name_of_its_service(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]

        def has_name(**arguments: bool) -> bool:
            made = self.ec2.create_vpc_endpoint(
                VpcId=vpc,
                ServiceName="com.amazonaws.us-east-1.ssm",
                VpcEndpointType="Interface",
                SubnetIds=[subnet],
                **arguments,
            )["VpcEndpoint"]["VpcEndpointId"]
            found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"]
            self.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
            return found[0]["PrivateDnsEnabled"]

        self.assertTrue(has_name())
        self.assertFalse(has_name(PrivateDnsEnabled=False))
