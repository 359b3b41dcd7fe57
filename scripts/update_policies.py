#!/usr/bin/env python3
"""Prints what ParallelCluster says of each key of a cluster's configuration: what its change takes.

    PCLUSTER/bin/python scripts/update_policies.py > src/pcluster/changes/policies.csv

PCLUSTER is the virtual environment of the version that hpcapi installs. A row is the place of a key
(`[]` stands behind a list of things that have names), the key of their names, and the policy.
"""

from importlib.metadata import version

from pcluster.config.update_policy import UpdatePolicy
from pcluster.schemas.cluster_schema import ClusterSchema


def rows(schema, above=""):
    """Yields place, key of names and policy of all keys, as `ConfigPatch` reads them."""
    for field in schema.declared_fields.values():
        place = above + field.data_key
        is_section = hasattr(field, "nested")
        is_list = is_section and field.many
        # As `pcluster/config/config_patch.py` has it.
        policy = field.metadata.get("update_policy", UpdatePolicy.UNSUPPORTED)
        name = field.metadata.get("update_key", "") if is_list else ""
        place += "[]" if is_list else ""
        yield place, name, policy.name
        if is_section:
            yield from rows(field.schema, f"{place}.")


def main():
    package = f"aws-parallelcluster {version('aws-parallelcluster')}"
    print(f"# {package}, pcluster/schemas/cluster_schema.py; made by scripts/update_policies.py")
    print("place,name,policy")
    for row in sorted(rows(ClusterSchema(cluster_name="any"))):
        print(",".join(row))


if __name__ == "__main__":
    main()
