"""Our token is botocore's, byte for byte."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from login.iam import auth_token
from login.settings import BadSetting
from login.signing import Credentials, credentials

REGIONS = ["eu-west-1", "us-east-1", "ap-southeast-3", "us-gov-west-1", "cn-north-1"]
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def botocores(*, host: str, port: int, user: str, region: str, credentials: Credentials) -> str:
    session = botocore.session.Session()
    session.set_credentials(*credentials)
    client = session.create_client("rds", region)
    return str(client.generate_db_auth_token(host, port, user, region))


def signed_at(token: str) -> datetime:
    (stamp,) = parse_qs(urlsplit(f"https://{token}").query)["X-Amz-Date"]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def assert_the_same(**asked) -> None:
    theirs = botocores(**asked)
    assert auth_token(**asked, now=signed_at(theirs)) == theirs


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("token", [None, "session/token+with=signs=="])
def test_every_kind_of_region_with_and_without_a_session(region, token):
    assert_the_same(
        host=f"inorder.proxy-abc.{region}.rds.amazonaws.com",
        port=5432,
        user="inorder_app",
        region=region,
        credentials=Credentials("ASIAEXAMPLE", "secret/key+with=signs", token),
    )


@pytest.fixture(scope="module")
def client():
    """One for all examples: building them would be all that is measured."""
    session = botocore.session.Session()
    session.set_credentials("AKID", "secret", "session")
    return session.create_client("rds", "eu-west-1")


@given(
    user=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
    port=st.integers(1, 65535),
    keys=st.tuples(PRINTABLE, PRINTABLE.map("{}==".format), st.none() | PRINTABLE),
)
def test_any_characters(client, user, port, keys):
    client._request_signer._credentials = botocore.credentials.Credentials(*keys)
    theirs = client.generate_db_auth_token("h.example", port, user, "eu-west-1")
    ours = auth_token(
        host="h.example",
        port=port,
        user=user,
        region="eu-west-1",
        credentials=Credentials(*keys),
        now=signed_at(theirs),
    )
    assert ours == theirs


def test_it_is_signed_now_unless_told_otherwise():
    token = auth_token(
        host="h", port=1, user="u", region="r", credentials=Credentials("key", "secret")
    )
    assert abs((datetime.now(UTC) - signed_at(token)).total_seconds()) < 60


@pytest.mark.parametrize(
    ("missing", "given"),
    [
        ("AWS_ACCESS_KEY_ID", {}),
        ("AWS_ACCESS_KEY_ID", {"AWS_SECRET_ACCESS_KEY": "s"}),
        ("AWS_SECRET_ACCESS_KEY", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": ""}),
    ],
)
def test_missing_credentials_are_named(missing, given):
    with pytest.raises(BadSetting, match=f"^{missing} is not set"):
        credentials(given)


def test_credentials_do_not_print_their_secrets():
    printed = repr(Credentials("AKID", "secret", "session"))
    assert "AKID" in printed
    assert "secret" not in printed
    assert "session" not in printed
