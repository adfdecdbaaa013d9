"""The mapping keeps order and loses nothing, whatever the world does and AWS leaves open.

P1 (no loss): with unlimited retries nothing is discarded and everything is delivered in the end.
P3 (order): a record is delivered only when all that was put before under its key is finished.
The checks stand in `world`; here the world does what it likes.
"""

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from local.mapping.facts import Answered
from local.mapping.settings import MappingSettings
from local.mapping.undocumented import (
    BisectHalves,
    FailingSlot,
    MergedChild,
    PartialProgress,
    SlotChoice,
    Undocumented,
    UpdateDuringBatch,
)
from tests.property.mapping.world import World

KEYS = [f"order-{n}" for n in range(12)]

mapping_settings = st.builds(
    MappingSettings,
    batch_size=st.integers(1, 12),
    window_seconds=st.sampled_from([0, 0, 1, 300]),
    parallelization_factor=st.integers(1, 4),
    bisect_on_error=st.booleans(),
    report_batch_item_failures=st.just(value=True),
)
undocumented = st.builds(
    Undocumented,
    slot_choice=st.sampled_from(SlotChoice),
    failing_slot=st.sampled_from(FailingSlot),
    partial_progress=st.sampled_from(PartialProgress),
    bisect_halves=st.sampled_from(BisectHalves),
    update_during_batch=st.sampled_from(UpdateDuringBatch),
    merged_child=st.sampled_from(MergedChild),
    backoff_after_split=st.booleans(),
    backoff_first=st.sampled_from([0, 100]),
)


class MappingInTheWild(RuleBasedStateMachine):
    world: World

    @initialize(settings=mapping_settings, undocumented=undocumented)
    def begin(self, settings, undocumented):
        self.world = World(settings, undocumented)
        self.world.handle(self.world.listing())

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=20))
    def put(self, keys):
        for key in keys:
            self.world.put(key)

    @precondition(lambda self: self.world.reads)
    @rule(data=st.data(), most=st.integers(1, 30))
    def read(self, data, most):
        self.world.answer_read(data.draw(st.sampled_from(self.world.reads)), most)

    def _one_that_runs(self, data):
        return data.draw(st.sampled_from(sorted(self.world.running | self.world.zombies)))

    @precondition(lambda self: self.world.running or self.world.zombies)
    @rule(data=st.data())
    def succeed(self, data):
        self.world.succeed(self._one_that_runs(data))

    @precondition(lambda self: self.world.running or self.world.zombies)
    @rule(data=st.data())
    def fail_partly(self, data):
        invocation_id = self._one_that_runs(data)
        ran = (self.world.running | self.world.zombies)[invocation_id]
        self.world.partly(invocation_id, data.draw(st.integers(0, len(ran.records) - 1)))

    @precondition(lambda self: self.world.running or self.world.zombies)
    @rule(data=st.data(), timed_out=st.booleans())
    def fail(self, data, timed_out):
        self.world.fail(self._one_that_runs(data), timed_out=timed_out)

    @precondition(lambda self: self.world.running or self.world.zombies)
    @rule(data=st.data())
    def throttle(self, data):
        self.world.throttle(self._one_that_runs(data))

    @precondition(lambda self: self.world.running or self.world.zombies)
    @rule(
        data=st.data(),
        item=st.sampled_from(
            [{"itemIdentifier": ""}, {"itemIdentifier": None}, {"itemidentifier": "1"}, {}]
        ),
    )
    def answer_nonsense(self, data, item):
        answer = Answered({"batchItemFailures": [item]})
        self.world.end(self._one_that_runs(data), answer, 0)

    @rule(milliseconds=st.sampled_from([1, 50, 1_000, 400_000]))
    def wait(self, milliseconds):
        self.world.tick(milliseconds)

    @rule()
    def list_shards(self):
        self.world.handle(self.world.listing())

    @rule(settings=mapping_settings)
    def update(self, settings):
        self.world.update(settings)

    @rule()
    def disable(self):
        self.world.update(msgspec.structs.replace(self.world.settings, enabled=False))

    @rule()
    def restart(self):
        self.world.restart()

    @precondition(lambda self: len(self.world.shards) < 9)
    @rule(data=st.data())
    def split(self, data):
        self.world.split(data.draw(st.sampled_from(self.world.open_shards())))

    @precondition(lambda self: len(self.world.shards) < 12)
    @rule(data=st.data())
    def merge(self, data):
        shards = sorted(self.world.open_shards(), key=lambda shard: shard.low)
        if len(shards) > 1:
            left = data.draw(st.integers(0, len(shards) - 2))
            self.world.merge(shards[left], shards[left + 1])

    @invariant()
    def nothing_is_discarded(self):
        assert not self.world.discards

    def teardown(self):
        if not hasattr(self, "world"):
            return
        if not self.world.settings.enabled:
            self.world.update(msgspec.structs.replace(self.world.settings, enabled=True))
        self.world.heal()
        assert self.world.left == set()


MappingInTheWild.TestCase.settings = settings(
    max_examples=150,
    phases=(Phase.explicit, Phase.generate),
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMappingInTheWild = MappingInTheWild.TestCase
