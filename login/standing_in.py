"""Imports without what only somebody else needs: stand-ins for modules, lent while others import.

A module that stands in is taken back at the end, so that whoever imports it later gets the real
one. What had been imported before is left as it is.
"""

import gc
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_compile = re.compile


@contextmanager
def lending(
    package: str, modules: Iterable[ModuleType], *, kept: Iterable[ModuleType] = ()
) -> Iterator[None]:
    """Lend these modules while the block imports a package; those `kept` stay behind as if they had
    been imported.

    Meanwhile nothing is collected, since collections would go through everything that is being made
    and find nothing, and the package's regular expressions are compiled when they are first used.
    """

    def compile_later(pattern: Any, flags: Any = 0) -> Any:
        asks = _who_asks()
        later = asks == package or asks.startswith(f"{package}.")
        return _Later(pattern, flags) if later else _compile(pattern, flags)

    lent = {module.__name__: module for module in modules if module.__name__ not in sys.modules}
    stay = {module.__name__: module for module in kept if module.__name__ not in sys.modules}
    sys.modules.update(lent | stay)
    collecting = gc.isenabled()
    gc.disable()
    re.compile = compile_later
    try:
        yield
    finally:
        re.compile = _compile
        for name, module in lent.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        gc.freeze()
        if collecting:
            gc.enable()


class Absent(ModuleType):
    """A module whose every name is a class that cannot be made and that nobody raises."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (_Unusable,), {"absent": self.__name__})
        setattr(self, name, made)
        return made


class Inspect(ModuleType):
    """`inspect` for those who import it to define a class and need nothing of it later: it does
    without the compiler's modules. Once it has been taken back it is the real one, when next used.
    """

    def __init__(self) -> None:
        super().__init__("inspect")

    def __getattr__(self, name: str) -> Any:
        lent = sys.modules.get("inspect") is self
        light = _LIGHT.get((_who_asks(), name)) if lent else None
        if light is not None:
            return light
        if name.startswith("__"):
            raise AttributeError(name)
        if lent:
            del sys.modules["inspect"]
        return getattr(import_module("inspect"), name)


def _who_asks() -> str:
    """The module whose code called whoever calls this."""
    return str(sys._getframe(2).f_globals.get("__name__"))  # noqa: SLF001 - its name, and no more


class _Unusable(BaseException):
    """Stands where a package names a class that is not there."""

    absent = ""

    def __class_getitem__(cls, _item: object) -> type:
        return cls

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        raise RuntimeError(
            f"{self.absent} is not there: the package that asks for it was imported without "
            "(login/standing_in.py)"
        )


class _Later:
    """A regular expression that is compiled when something is asked of it."""

    def __init__(self, pattern: Any, flags: Any) -> None:
        self._given = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # an abstract class asks each of its attributes for one
            raise AttributeError(name)
        found = getattr(_compile(*self._given), name)
        setattr(self, name, found)
        return found


class _Arguments:
    """As much of `inspect.FullArgSpec` as a class is asked for its arguments' names."""

    def __init__(self, of: Any) -> None:
        code = of.__init__.__code__
        self.args = list(code.co_varnames[: code.co_argcount])


def _signature(of: object) -> None:
    """What is said of signatures is text for people: `dataclasses` goes on without."""
    raise ValueError(f"no signature of {of!r} while it is imported")


def _annotations(of: type) -> dict[str, Any]:
    return dict(vars(of).get("__annotations__", {}))


_LIGHT = {
    ("dataclasses", "signature"): _signature,
    ("dataclasses", "get_annotations"): _annotations,
    ("aws_lambda_powertools.logging.formatter", "getfullargspec"): _Arguments,
}
"""Who asks for what while it is imported, and gets it without `inspect`."""
