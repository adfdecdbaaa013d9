"""psycopg, imported in two thirds of the time: what only its asynchronous half, its version number
and its search for a libpq need is stood in for. The first to import it does so here
(`consumer/__init__.py`).

A cold start is mostly imports, and half of them are psycopg's; asyncio, the packages' metadata and
ctypes are a third of those, and this code uses none of them. What has been imported before is left
as it is. Measured in docs/decisions/0013.
"""

import gc
import sys
from types import ModuleType

_VERSION = "0.0.0.0"  # noqa: S104 - what psycopg says itself where it finds no version


class _Absent(ModuleType):
    """A module whose every name is a class that cannot be made and that nobody raises."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (_Unusable,), {})
        setattr(self, name, made)
        return made


class _Unusable(BaseException):
    """Stands where psycopg names a class that is not there."""

    def __class_getitem__(cls, _item: object) -> type:
        return cls

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        raise RuntimeError("psycopg was imported without its asynchronous half (login/driver.py)")


def _stand_ins() -> dict[str, ModuleType]:
    version, binary = ModuleType("psycopg.version"), ModuleType("psycopg_binary.version")
    for module in (version, binary):
        module.__dict__["__version__"] = _VERSION
    absent = [_Absent(name) for name in ("asyncio", "ctypes", "ctypes.util")]
    return {module.__name__: module for module in (version, binary, *absent)}


def _import_psycopg() -> None:
    lent = {name: module for name, module in _stand_ins().items() if name not in sys.modules}
    sys.modules.update(lent)
    # Collections would go through everything that is being made, and find nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        import psycopg  # noqa: F401, PLC0415 - this is the place
    finally:
        for name, module in lent.items():
            if isinstance(module, _Absent):
                del sys.modules[name]
        gc.freeze()
        if collecting:
            gc.enable()


if "psycopg" not in sys.modules:
    _import_psycopg()
