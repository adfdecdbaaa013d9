"""psycopg, imported in half of the time: what only its asynchronous half, its version number and
its search for a libpq need is stood in for. The first to import it does so here
(`consumer/__init__.py`).

A cold start is mostly imports, and half of them are psycopg's; asyncio, the packages' metadata,
ctypes, `inspect` and regular expressions for text formats are half of those, and this code uses
none of them. Measured in docs/decisions/0013.
"""

import sys
from types import ModuleType

from login.standing_in import Absent, Inspect, lending

_VERSION = "0.0.0.0"  # noqa: S104 - what psycopg says itself where it finds no version


def _sysconfig() -> ModuleType:
    """`zoneinfo` asks it where time zones are; the answer is CPython's default for every Unix."""
    module = ModuleType("sysconfig")
    places = "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo"
    module.__dict__["get_config_var"] = {"TZPATH": places}.get
    return module


def _versions() -> list[ModuleType]:
    version, binary = ModuleType("psycopg.version"), ModuleType("psycopg_binary.version")
    for module in (version, binary):
        module.__dict__["__version__"] = _VERSION
    return [version, binary]


if "psycopg" not in sys.modules:
    absent = [Absent(name) for name in ("asyncio", "ctypes", "ctypes.util")]
    with lending("psycopg", [*absent, _sysconfig(), Inspect()], kept=_versions()):
        import psycopg  # noqa: F401 - this is the place
