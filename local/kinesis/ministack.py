"""ministack: a fast Kinesis in Python, for everything but resharding, which loses its records."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.kinesis.endpoint import Endpoint, KinesisUnavailable, serve
from local.ports import free_port

TOOLS = Path(__file__).parents[2] / ".tools" / "kinesis"


@contextlib.contextmanager
def ministack(*, log: Path | None = None, tools: Path = TOOLS) -> Iterator[Endpoint]:
    """A Kinesis endpoint with no streams, for the length of the block."""
    python = tools / "bin" / "python"
    if not python.exists():
        raise KinesisUnavailable("ministack is not installed; run `make setup`")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ministack-") as folder:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": "kinesis",
            "LOG_LEVEL": "ERROR",
        }
        command: list[str | Path] = [python, "-m", "ministack"]
        with serve(command, port=port, log=log or Path(os.devnull), env=env) as endpoint:
            yield endpoint
