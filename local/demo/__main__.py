"""`python -m local.demo`: what `make demo` runs."""

import signal
import sys
from types import FrameType

from rich.console import Console
from rich.markup import escape

from contract import InorderError
from local.demo import settings
from local.demo.run import run

_BAD_INPUT = 2
_INTERRUPTED = 130


def main() -> int:
    """0 if every promise was kept, 1 if not, 2 for bad input, 130 when interrupted."""
    console = Console(soft_wrap=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore SIGINT
        signal.signal(number, _as_interrupt)
    try:
        return 0 if run(settings.read(), console) else 1
    except InorderError as error:
        console.print(f"[red]make demo:[/] {escape(str(error))}")
        return _BAD_INPUT
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started is stopped")
        return _INTERRUPTED


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
