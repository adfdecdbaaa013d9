"""How a role logs in, as the environment says it; what does not go together is refused by name."""

import pytest

from login.settings import ROOTS, Auth, BadSetting, read

HOST = {"DB_HOST": "proxy.example"}
ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s"


def test_iam_with_the_shipped_roots():
    given = read({**HOST, "DB_AUTH": "iam"})
    assert given.db_auth is Auth.IAM
    assert (given.db_sslmode, given.db_sslrootcert) == ("verify-full", str(ROOTS))


def test_a_secret_needs_no_other_word():
    assert read({**HOST, "DB_SECRET_ARN": ARN}).db_auth is Auth.SECRET
    assert read({**HOST, "DB_SECRET_ARN": ARN, "DB_AUTH": "iam"}).db_auth is Auth.IAM


def test_without_either_libpq_finds_its_own():
    assert read(HOST).db_auth is None


@pytest.mark.parametrize("sslmode", ["require", "prefer", "disable"])
def test_roots_are_for_those_who_verify(sslmode):
    assert read({**HOST, "DB_SSLMODE": sslmode}).db_sslrootcert is None


def test_roots_that_nobody_looks_at_may_be_missing():
    given = {**HOST, "DB_SSLMODE": "disable", "DB_SSLROOTCERT": "/var/task/login/roots.pem"}
    assert read(given).db_sslrootcert is None


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({**HOST, "DATABASE_URL": "postgresql://h"}, "either DATABASE_URL or DB_HOST"),
        ({}, "either DATABASE_URL or DB_HOST"),
        ({**HOST, "DB_AUTH": "password"}, "DB_AUTH is 'password': expected one of iam, secret"),
        ({**HOST, "DB_AUTH": "secret"}, "name the secret with DB_SECRET_ARN"),
        ({**HOST, "DB_AUTH": "iam", "DB_SSLMODE": "require"}, "DB_SSLMODE is require: DB_AUTH=iam"),
        ({**HOST, "DB_AUTH": "iam", "DB_SSLMODE": "verify-ca"}, "DB_SSLMODE is verify-ca"),
        ({**HOST, "DB_SSLMODE": "full"}, "DB_SSLMODE is 'full': expected one of verify-full"),
        ({**HOST, "DB_SSLROOTCERT": "/nowhere"}, "DB_SSLROOTCERT: there is no file /nowhere"),
        ({**HOST, "DB_PORT": "0"}, "DB_PORT is 0: expected 1 to 65535"),
    ],
)
def test_what_is_wrong_is_named(variables, problem):
    with pytest.raises(BadSetting, match=problem):
        read(variables)
