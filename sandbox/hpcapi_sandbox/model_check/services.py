"""The service models, each loaded when it is first asked for."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel

# Names in a credential scope whose requests go to something a user runs, not to an AWS API.
_DATA_PLANES = {"execute-api", "es", "aoss", "neptune-db", "rds-db", "kafka-cluster"}

# The metadata stands first in a model; a whole one of EC2 takes too long to read for that.
_HEAD = 4096
_SIGNING_NAME = re.compile(rb'"signingName"\s*:\s*"([^"]+)"')
_ENDPOINT_PREFIX = re.compile(rb'"endpointPrefix"\s*:\s*"([^"]+)"')

_DATA = Path(botocore.__file__).parent / "data"
# The models of this botocore only: not those that a user keeps in ~/.aws/models.
_LOADER = Loader(extra_search_paths=[str(_DATA)], include_default_search_paths=False)


def candidates(signed_for: str) -> list[ServiceModel]:
    """The models whose requests are signed for a service of this name."""
    if signed_for in _DATA_PLANES:
        return []
    return [_model(name) for name in _names_by_scope().get(signed_for, ())]


def patterns() -> dict[str, list[str]]:
    """Every pattern of every model, with the shapes that have it."""
    found = defaultdict(list)
    for names in _names_by_scope().values():
        for name in names:
            for shape, model in _LOADER.load_service_model(name, "service-2")["shapes"].items():
                if "pattern" in model:
                    found[model["pattern"]].append(f"{name}.{shape}")
    return dict(found)


@cache
def _model(name: str) -> ServiceModel:
    return ServiceModel(_LOADER.load_service_model(name, "service-2"), name)


@cache
def _names_by_scope() -> dict[str, list[str]]:
    names = defaultdict(list)
    for directory in sorted(path for path in _DATA.iterdir() if path.is_dir()):
        versions = sorted(directory.glob("*/service-2.json.gz"))
        if not versions:
            continue
        with gzip.open(versions[-1]) as file:
            head = file.read(_HEAD)
        name = _SIGNING_NAME.search(head) or _ENDPOINT_PREFIX.search(head)
        if name:
            names[name[1].decode()].append(directory.name)
    return dict(names)
