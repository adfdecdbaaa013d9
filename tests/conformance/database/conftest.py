"""Every test of this folder asks PostgreSQL and the simulation's imagination of it."""

import pytest

from tests.conformance.database.servers import ImaginedDatabase, RealDatabase


@pytest.fixture(params=["postgresql", "imagined"])
def database(request):
    """A server with empty tables."""
    if request.param == "imagined":
        made = ImaginedDatabase()
    else:
        made = RealDatabase(request.getfixturevalue("database_url"))
    yield made
    made.close()
