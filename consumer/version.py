"""The version of the code that runs: what failed under one may be replayed by the next."""

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from consumer.deploys import Code
from consumer.settings import Settings

_HERE = Path(__file__).parent
_SOURCES = (".py", ".sql")
_CHARACTERS = 12


def code_version(projection: str) -> str:
    """A digest over the sources of the contract, the consumer and the projection
    (`package.module:Name`) with the package it stands in: another deploy of the same code is the
    same version. Reads the files, some two milliseconds; do it once.
    """
    digest = hashlib.blake2b(projection.encode(), digest_size=_CHARACTERS // 2)
    for file in _files(projection.partition(":")[0]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def code_of(given: Settings) -> Code:
    """The version of the code that these settings run, and how many orders may fail under it."""
    return Code(
        version=given.code_version or code_version(given.projection), most=given.failing_orders
    )


def _files(module: str) -> Iterator[Path]:
    package = module.partition(".")[0]
    folders = [_HERE.with_name("contract"), _HERE]
    if package not in {folder.name for folder in folders}:
        found = importlib.util.find_spec(package)
        if found is not None and found.submodule_search_locations:
            folders.extend(Path(location) for location in found.submodule_search_locations)
        elif found is not None and found.origin is not None:
            yield Path(found.origin)
    yield from _sources(folders)


def _sources(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(file for file in folder.rglob("*") if file.suffix in _SOURCES)
