"""A container engine for `sam local invoke`: the one that answers, or a private one of our own.

Ours needs root and dockerd. It has a socket, a data folder and images of its own, touches no
firewall rule and forwards nothing; what a container publishes is published on loopback.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import tether

_BRIDGE = "172.31.250.1"
_START_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Where the engine's socket is, and the address at which its containers reach this machine."""

    socket: str
    host_address: str
    is_ours: bool

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": self.socket}


def missing() -> str | None:
    """What to install so that there is an engine; None where there is one or can be."""
    if _answers(os.environ.get("DOCKER_HOST")):
        return None
    if os.geteuid() != 0:
        return "no container engine answers here (start Docker, or be root and install docker.io)"
    if not (shutil.which("dockerd") and shutil.which("docker")):
        return "no container engine is installed (apt-get install docker.io)"
    return None


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """The engine that answers, or one of our own for the length of the block."""
    there = os.environ.get("DOCKER_HOST")
    if _answers(there):
        socket = there or "unix:///var/run/docker.sock"
        yield Engine(socket=socket, host_address=_gateway(socket), is_ours=False)
        return
    socket = f"unix://{folder}/docker.sock"
    daemon = tether.start(
        [
            *("dockerd", "--host", socket, "--data-root", folder / "data"),
            *("--exec-root", folder / "run", "--pidfile", folder / "pid", "--bip", f"{_BRIDGE}/24"),
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        ],
        log=folder / "dockerd.log",
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(socket):
            log = (folder / "dockerd.log").read_text()[-2000:]
            assert daemon.poll() is None and time.monotonic() < deadline, log  # noqa: PT018
            time.sleep(0.1)
        yield Engine(socket=socket, host_address=_BRIDGE, is_ours=True)
    finally:
        tether.release(daemon)
        subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)


def _gateway(socket: str) -> str:
    asked = subprocess.run(
        ["docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"],
        env={**os.environ, "DOCKER_HOST": socket},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


def _answers(socket: str | None) -> bool:
    if shutil.which("docker") is None:
        return False
    environment = {**os.environ, **({"DOCKER_HOST": socket} if socket else {})}
    asked = subprocess.run(["docker", "version"], env=environment, capture_output=True, check=False)
    return asked.returncode == 0
