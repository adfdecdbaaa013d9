"""The version of the code that runs: what failed under one may be replayed by the next."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from consumer.deploys import Code
from consumer.settings import Settings
from consumer.sources import OURS, digest_of, our_digest, sources


def code_version(projection: str) -> str:
    """A digest over the sources of the contract, the consumer and the projection
    (`package.module:Name`) with the package it stands in: another deploy of the same code is the
    same version. Reads the projection's files, and ours where nothing was built; do it once.
    """
    return digest_of(_files(projection.partition(":")[0]), begin=f"{projection} {our_digest()}")


def code_of(given: Settings) -> Code:
    """The version of the code that these settings run, and how many orders may fail under it."""
    return Code(
        version=given.code_version or code_version(given.projection), most=given.failing_orders
    )


def _files(module: str) -> Iterator[Path]:
    """The sources of a projection that stands in a package of its own."""
    package = module.partition(".")[0]
    if package in {folder.name for folder in OURS}:
        return
    found = importlib.util.find_spec(package)
    if found is not None and found.submodule_search_locations:
        yield from sources(Path(place) for place in found.submodule_search_locations)
    elif found is not None and found.origin is not None:
        yield Path(found.origin)
