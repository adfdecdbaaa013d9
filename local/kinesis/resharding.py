"""kinesalite: a Kinesis in JavaScript that keeps shard lineage through splits and merges."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.kinesis.endpoint import Endpoint, KinesisUnavailable, serve
from local.ports import free_port

TOOLS = Path(__file__).parents[2] / ".tools" / "resharding"
"""Where the Makefile installs it, with the `node` that it was installed by."""

LOOPBACK = Path(__file__).with_name("loopback.cjs")
"""Required by a Node.js process before its server, lets it listen on loopback only."""
_CHANGES_AFTER_MS = 20
"""How long a stream is CREATING or UPDATING; half a second by default, as if to show it."""
_SHARD_LIMIT = 100


def is_installed(tools: Path = TOOLS) -> bool:
    return (tools / "node").exists() and _script(tools).exists()


@contextlib.contextmanager
def kinesalite(*, log: Path | None = None, tools: Path = TOOLS) -> Iterator[Endpoint]:
    """A Kinesis endpoint with no streams, for the length of the block."""
    if not is_installed(tools):
        raise KinesisUnavailable("kinesalite is not installed; run `make setup`")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="kinesalite-") as folder:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "NODE_OPTIONS": f'--require "{LOOPBACK}"',
        }
        command: list[str | Path] = [tools / "node", _script(tools), "--port", str(port)]
        for change in ("create", "delete", "update"):
            command += [f"--{change}StreamMs", str(_CHANGES_AFTER_MS)]
        command += ["--shardLimit", str(_SHARD_LIMIT)]
        with serve(command, port=port, log=log or Path(os.devnull), env=env) as endpoint:
            yield endpoint


def _script(tools: Path) -> Path:
    return tools / "node_modules" / "kinesalite" / "cli.js"
