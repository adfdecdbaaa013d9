"""A LocalStack of our own in host mode: no container, loopback only, gone at the end.

Its functions run in the Lambda runtime client under the runtime interface emulator, which makes it
a Linux program. It is tied to us and its functions to it: who dies takes along what it started.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from local import tether
from local.kinesis.resharding import LOOPBACK
from local.localstack.endpoint import LocalStack, LocalStackUnavailable, answers
from local.ports import free_port

TOOLS = Path(__file__).parents[2] / ".tools"
"""Where the Makefile installs it (`localstack`), its Kinesis (`kinesis-local`), and what its
functions run in (`lambda`)."""

_KINESIS_VERSION = "0.5.2"
"""The one LocalStack looks for; another it would go and fetch."""

_START_SECONDS = 60.0


def is_installed(tools: Path = TOOLS) -> bool:
    parts = ("localstack", "kinesis-local", "lambda")
    return all((tools / f"{part}.stamp").exists() for part in parts)


@contextlib.contextmanager
def started(folder: Path, *, tools: Path = TOOLS) -> Iterator[LocalStack]:
    """A LocalStack without any resources, for the length of the block.

    `folder` gets its state, its log (`localstack.log`) and a log of each execution environment
    (`functions/`). Raises `LocalStackUnavailable`.
    """
    if not is_installed(tools):
        raise LocalStackUnavailable("LocalStack is not installed; run `make test-localstack`")
    port = free_port()
    log = folder / "localstack.log"
    process = tether.start(
        [tools / "localstack/bin/python", "-m", "local.localstack.inside"],
        log=log,
        env=_settings(folder, tools, port),
        cwd=Path(__file__).parents[2],
        end_with=signal.SIGKILL,  # it has nothing to save, and takes its time
    )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}", process, log)
        yield LocalStack(url=f"http://127.0.0.1:{port}")
    finally:
        tether.release(process)


def _settings(folder: Path, tools: Path, port: int) -> dict[str, str]:
    root = folder / "root"
    kinesis = root / "usr/lib/localstack/kinesis-local" / _KINESIS_VERSION
    for path in (kinesis, folder / "tmp", folder / "functions"):
        path.mkdir(parents=True, exist_ok=True)
    (kinesis / "node_modules").symlink_to(tools / "kinesis-local/node_modules")
    return {
        "PATH": f"{tools / 'kinesis-local'}:{os.environ.get('PATH', '')}",  # its node
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "FILESYSTEM_ROOT": str(root),
        "CONFIG_DIR": str(root),
        "XDG_CACHE_HOME": str(root),
        "OVERRIDE_IN_DOCKER": "0",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        # Of LocalStack's two servers this is the one that listens where it was told to.
        "GATEWAY_SERVER": "hypercorn",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "NODE_OPTIONS": f'--require "{LOOPBACK}"',
        "DNS_ADDRESS": "0",
        # Nothing is fetched or reported while it runs.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "ACTIVATE_PRO": "0",
        "KINESIS_LATENCY": "10",
        "LAMBDA_SYNCHRONOUS_CREATE": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "INORDER_LAMBDA_TOOLS": str(tools / "lambda"),
        "INORDER_LAMBDA_PYTHON": str(tools / "lambda/python"),
        "INORDER_LAMBDA_LOGS": str(folder / "functions"),
    }


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalStackUnavailable(f"LocalStack ended at once; its log is {log}")
        if answers(url):
            return
        time.sleep(0.1)
    raise LocalStackUnavailable(f"LocalStack does not answer; its log is {log}")
