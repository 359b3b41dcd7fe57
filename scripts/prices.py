#!/usr/bin/env python3
"""Makes the table of prices that hpcapi carries: src/prices/table.csv.gz.

    scripts/prices.py [--from BASE] [--output FILE]
    scripts/prices.py --from-catalogs --karpenter FILE.go [FILE.go] --libcloud pricing.json

The first way reads the price lists that AWS publishes, by URL or from a folder laid out alike. The
second is for machines that cannot reach them, and reads two catalogs that others have published.
Figures that neither has stand in TYPED, and are those of us-east-1.
"""

import argparse
import collections
import csv
import datetime
import gzip
import io
import itertools
import json
import pathlib
import re
import sys
import urllib.error
import urllib.request

AWS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
OUTPUT = pathlib.Path(__file__).parent.parent / "src/prices/table.csv.gz"

# Where all prices are known; the first column of the table.
HOME = "us-east-1"

# US dollars in us-east-1, by the rows of the table: an hour of gateways, addresses, balancers and
# endpoints; a month of all else, by the gigabyte where it is stored. aws.amazon.com, 2025.
TYPED = {
    "alarm": 0.10,
    "application-load-balancer": 0.0225,
    "archived-snapshot": 0.0125,
    "bucket": 0.023,
    "dashboard": 3.0,
    "file-system": 0.30,
    "hosted-zone": 0.50,
    "interface-endpoint": 0.01,
    "logs": 0.03,
    "nat-gateway": 0.045,
    "network-load-balancer": 0.0225,
    "public-address": 0.005,
    "snapshot": 0.05,
    "table": 0.25,
    "volume:gp2": 0.10,
    "volume:gp3": 0.08,
    "volume:io1": 0.125,
    "volume:io2": 0.125,
    "volume:sc1": 0.015,
    "volume:st1": 0.045,
    "volume:standard": 0.05,
}
TYPED_SOURCE = "aws.amazon.com, 2025, us-east-1: what the sources above do not have"

# Rows of the price lists, by service: the usage type without its region, what else a row has to
# say, and the row of the table. The dearest step of a scale counts: the first gigabytes of some
# are free.
LISTED = {
    "AmazonEC2": [
        ("NatGateway-Hours", {}, "nat-gateway"),
        ("EBS:VolumeUsage.gp2", {}, "volume:gp2"),
        ("EBS:VolumeUsage.gp3", {}, "volume:gp3"),
        ("EBS:VolumeUsage.piops", {}, "volume:io1"),
        ("EBS:VolumeUsage.io2", {}, "volume:io2"),
        ("EBS:VolumeUsage.sc1", {}, "volume:sc1"),
        ("EBS:VolumeUsage.st1", {}, "volume:st1"),
        ("EBS:VolumeUsage", {}, "volume:standard"),
        ("EBS:SnapshotUsage", {}, "snapshot"),
        ("EBS:SnapshotArchiveStorage", {}, "archived-snapshot"),
    ],
    "AmazonVPC": [
        ("PublicIPv4:InUseAddress", {}, "public-address"),
        ("VpcEndpoint-Hours", {}, "interface-endpoint"),
    ],
    "AWSELB": [
        (
            "LoadBalancerUsage",
            {"Product Family": "Load Balancer-Application"},
            "application-load-balancer",
        ),
        ("LoadBalancerUsage", {"Product Family": "Load Balancer-Network"}, "network-load-balancer"),
    ],
    "AmazonCloudWatch": [
        ("TimedStorage-ByteHrs", {}, "logs"),
        ("CW:AlarmMonitorUsage", {}, "alarm"),
    ],
    "AmazonS3": [("TimedStorage-ByteHrs", {}, "bucket")],
    "AmazonDynamoDB": [("TimedStorage-ByteHrs", {}, "table")],
    "AmazonEFS": [("TimedStorage-ByteHrs", {}, "file-system")],
}

# What an instance is that anybody gets who asks EC2 for one with Linux.
PLAIN_INSTANCE = {
    "Operating System": "Linux",
    "Tenancy": "Shared",
    "Pre Installed S/W": "NA",
    "CapacityStatus": "Used",
    "operation": "RunInstances",
}

# Two figures are the same when they differ by less: prices are rounded to a hundredth of a cent.
SAME = 1.005


class Failed(Exception):
    """What keeps the table from being made, in words."""


class Table:
    """Prices by region and row."""

    def __init__(self, sources):
        self.sources = sources
        self.regions = collections.defaultdict(dict)

    def text(self, date):
        """Returns the table as CSV, with its date and sources above it."""
        out = io.StringIO()
        out.write("# Prices on AWS in US dollars, on demand. Made by scripts/prices.py.\n")
        out.write(f"# date {date}\n")
        for source in self.sources:
            out.write(f"# source {source}\n")
        regions = [HOME, *sorted(set(self.regions) - {HOME})]
        names = sorted({name for row in self.regions.values() for name in row}, key=natural)
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["name", *regions])
        for name in names:
            table.writerow([name, *(short(self.regions[region].get(name)) for region in regions)])
        return out.getvalue()

    def fill_in(self):
        """Adds what is typed where us-east-1 has no figure of its own."""
        missing = {row: usd for row, usd in TYPED.items() if row not in self.regions[HOME]}
        self.regions[HOME].update(missing)
        if missing:
            self.sources.append(TYPED_SOURCE)


def natural(name):
    """Returns a key that sorts `c5.2xlarge` before `c5.12xlarge`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def short(usd):
    """Returns a figure without zeros at its end; empty for none."""
    return "" if usd is None else f"{usd:.6f}".rstrip("0").rstrip(".")


def is_region(name):
    """Returns whether it is a region outside China, and no local zone of one."""
    return re.fullmatch(r"(?!cn-)[a-z]{2}(-[a-z]+)+-\d", name) is not None


# The price lists of AWS.


def opened(base, path):
    """Returns a file of the price lists, to be read as it comes: some have hundreds of megabytes.
    None when there is none."""
    try:
        if base.startswith("https://"):
            return urllib.request.urlopen(f"{base}/{path}", timeout=120)
        return open(pathlib.Path(base) / path, "rb")
    except FileNotFoundError:
        return None
    except urllib.error.HTTPError as error:
        # S3, where they lie, refuses what is not there.
        if error.code in (403, 404):
            return None
        raise Failed(f"cannot read {base}/{path}: {error}") from error


def listed_regions(base):
    """Returns the regions that EC2 has prices of."""
    file = opened(base, "AmazonEC2/current/region_index.json")
    if file is None:
        raise Failed(f"{base} has no AmazonEC2/current/region_index.json")
    with file:
        return sorted(filter(is_region, json.load(file)["regions"]))


def rows_of(lines):
    """Returns the date of a price list and its rows by the names of the columns."""
    lines = csv.reader(lines)
    date = None
    for line in lines:
        if line[0] == "Publication Date":
            date = line[1][:10]
        if line[0] == "SKU":
            return date, (dict(zip(line, row, strict=True)) for row in lines)
    raise Failed("a price list has no line of columns")


def row_named(service, region, row):
    """Returns which row of the table a row of a price list is for; None for none."""
    if row["TermType"] != "OnDemand" or row["Currency"] != "USD":
        return None
    # Some lists have the local zones of a region, too.
    if row.get("Region Code", region) != region:
        return None
    if row.get("Instance Type"):
        is_plain = all(row.get(key) == is_ for key, is_ in PLAIN_INSTANCE.items())
        return row["Instance Type"] if is_plain else None
    usage = re.sub(r"^[A-Z]+\d*-", "", row["usageType"])
    for wanted, others, name in LISTED[service]:
        if usage == wanted and all(row.get(key) == is_ for key, is_ in others.items()):
            return name
    return None


def from_lists(base):
    """Returns the table of AWS's own price lists, and their date."""
    table = Table([f"the price lists of AWS, {base if base == AWS else 'local copies'}"])
    dates = []
    for region in listed_regions(base):
        for service in LISTED:
            file = opened(base, f"{service}/current/{region}/index.csv")
            if file is None:
                print(f"{region}: no prices of {service}", file=sys.stderr)
                continue
            with file:
                date, rows = rows_of(io.TextIOWrapper(file, "utf-8", newline=""))
                dates.append(date)
                prices = table.regions[region]
                for row in rows:
                    name = row_named(service, region, row)
                    usd = float(row["PricePerUnit"]) if name else 0
                    # A price of nothing is that of what cannot be bought.
                    if usd > 0:
                        prices[name] = max(usd, prices.get(name, 0))
    if not table.regions.get(HOME):
        raise Failed(f"{base} has no prices of {HOME}")
    return table, max(dates)


# The catalogs of others.


def karpenter(paths):
    """Returns prices by region and type from the files that Karpenter generates, and their date."""
    prices = collections.defaultdict(dict)
    dates = []
    for path in paths:
        region = None
        for line in path.read_text().splitlines():
            if found := re.match(r"// generated at (\d{4}-\d\d-\d\d)", line):
                dates.append(found[1])
            elif found := re.match(r'\t"([a-z0-9-]+)": \{', line):
                region = found[1]
            for kind, usd in re.findall(r'"([a-z0-9.-]+\.[a-z0-9-]+)": ([0-9.]+),', line):
                prices[region][kind] = float(usd)
    return prices, max(dates)


def family(kind):
    """Returns the family of an instance type."""
    return kind.split(".")[0]


def agreed(ratios):
    """Returns the least of some (ratio, price) that another one confirms: the catalog has the price
    of dedicated instances for some sizes, which is higher. None where no two agree."""
    ratios = sorted(ratios)
    for (ratio, _), (next_one, _) in itertools.pairwise(ratios):
        if next_one <= ratio * SAME:
            # What costs most is rounded least.
            alike = [(usd, at) for at, usd in ratios if ratio <= at <= ratio * SAME]
            return max(alike)[1]
    return None


def ratios_of(home, catalog, region):
    """Returns how the families of a region are priced relative to us-east-1: within a family, all
    sizes are priced alike."""
    found = collections.defaultdict(list)
    for kind, regions in catalog.items():
        usd = regions.get(region, 0)
        if kind in home and 0.5 <= usd / home[kind] <= 3:
            found[family(kind)].append((usd / home[kind], usd))
    told = {name: agreed(some) for name, some in found.items()}
    return {name: ratio for name, ratio in told.items() if ratio is not None}


def of_region(home, catalog, region):
    """Returns the prices of a region. Families whose price cannot be told are not in it."""
    # A family of which the catalog knows another price in us-east-1 has another one since, there
    # and elsewhere.
    at_home = ratios_of(home, catalog, HOME)
    unchanged = {name for name, ratio in at_home.items() if 1 / SAME <= ratio <= SAME}
    here = ratios_of(home, catalog, region)
    prices = {}
    for kind, regions in catalog.items():
        # Nothing where the type is there and its price was not found.
        listed = regions.get(region)
        if listed is None:
            continue
        if family(kind).startswith("hpc"):
            # They have one price each, as there are no dedicated ones.
            if listed > 0:
                prices[kind] = listed
        elif kind in home and family(kind) in here.keys() & unchanged:
            told = home[kind] * here[family(kind)]
            is_same = told / SAME <= listed <= told * SAME
            prices[kind] = listed if is_same else round(told, 4)
    return prices


def from_catalogs(karpenter_paths, libcloud_path):
    """Returns the table of Karpenter's prices and those of Apache Libcloud, and its date."""
    direct, date = karpenter(karpenter_paths)
    libcloud = json.loads(libcloud_path.read_text())
    catalog = libcloud["compute"]["ec2_linux"]
    updated = datetime.datetime.fromtimestamp(libcloud["updated"], datetime.timezone.utc)
    table = Table(
        [
            f"Karpenter's generated prices of {', '.join(sorted(direct))}, {date}",
            f"Apache Libcloud's pricing.json, {updated:%Y-%m-%d}: other regions, relative to {HOME}",
        ]
    )
    for region in sorted({region for regions in catalog.values() for region in regions}):
        if is_region(region) and region not in direct:
            table.regions[region] = of_region(direct[HOME], catalog, region)
    table.regions.update(direct)
    return table, date


def main():
    """Makes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="base", default=AWS, help="a URL or a folder")
    parser.add_argument("--from-catalogs", action="store_true")
    parser.add_argument("--karpenter", nargs="+", type=pathlib.Path, metavar="FILE.go")
    parser.add_argument("--libcloud", type=pathlib.Path, metavar="pricing.json")
    parser.add_argument("--output", type=pathlib.Path, default=OUTPUT, help="- for plain text")
    given = parser.parse_args()
    if given.from_catalogs and not (given.karpenter and given.libcloud):
        parser.error("--from-catalogs needs --karpenter and --libcloud")
    try:
        if given.from_catalogs:
            table, date = from_catalogs(given.karpenter, given.libcloud)
        else:
            table, date = from_lists(given.base)
    except (Failed, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    table.fill_in()
    text = table.text(date)
    if str(given.output) == "-":
        sys.stdout.write(text)
    else:
        # Without a time: the same prices give the same bytes.
        given.output.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        figures = sum(map(len, table.regions.values()))
        print(f"{given.output}: {figures} prices of {len(table.regions)} regions, {date}")


if __name__ == "__main__":
    main()
