import pytest

from local.mapping.settings import MappingSettings
from local.mapping.undocumented import Undocumented
from tests.property.mapping.world import World


@pytest.fixture
def world():
    """Makes an imagined world with one shard, read once; keywords are the mapping's settings."""

    def make(*, undocumented=None, puts=(), **settings):
        settings.setdefault("report_batch_item_failures", True)
        made = World(MappingSettings(**settings), undocumented or Undocumented())
        for key in puts:
            made.put(key)
        made.handle(made.listing())
        for read in tuple(made.reads):
            made.answer_read(read)
        return made

    return make


@pytest.fixture
def running():
    """What runs now, as the sequence numbers of each batch, oldest invocation first."""

    def numbers(made):
        return [[r.sequence_number for r in made.running[i].records] for i in sorted(made.running)]

    return numbers


@pytest.fixture
def only():
    """The one invocation that runs."""

    def invocation_id(made):
        (found,) = made.running
        return found

    return invocation_id
