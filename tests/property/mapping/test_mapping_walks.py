"""Seeded walks through the world under every combination of what AWS leaves open.

The same checks as `test_mapping_properties`, which finds short histories; these are long ones, with
full batches, many failures and few interruptions.
"""

import itertools
import random

import msgspec
import pytest

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

STEPS = 250
SWITCHES = (SlotChoice, FailingSlot, PartialProgress, BisectHalves, UpdateDuringBatch, MergedChild)
COMBINATIONS = list(itertools.product(*SWITCHES))

WEIGHTS = {
    "put": 30,
    "read": 30,
    "succeed": 25,
    "fail_partly": 12,
    "fail": 8,
    "throttle": 3,
    "answer_nonsense": 3,
    "wait": 12,
    "list_shards": 4,
    "update": 1,
    "disable": 1,
    "enable": 4,
    "restart": 0.5,
    "split": 1,
    "merge": 1,
}


class Walk:
    """One seeded history: each step is one of the things that can happen, by weight."""

    def __init__(self, seed: int, undocumented: Undocumented) -> None:
        self.random = random.Random(seed)
        self.keys = [f"order-{n}" for n in range(self.random.choice([2, 6, 40]))]
        self.world = World(self.settings(), undocumented)
        self.world.handle(self.world.listing())

    def settings(self) -> MappingSettings:
        draw = self.random.choice
        return MappingSettings(
            batch_size=draw([1, 4, 12, 100]),
            window_seconds=draw([0, 0, 1, 60]),
            parallelization_factor=draw([1, 2, 3, 10]),
            bisect_on_error=draw([True, False]),
            report_batch_item_failures=True,
        )

    def run(self) -> None:
        names, weights = zip(*WEIGHTS.items(), strict=True)
        for name in self.random.choices(names, weights, k=STEPS):
            getattr(self, name)()
        self.enable()
        self.world.heal()

    def put(self):
        for key in self.random.choices(self.keys, k=self.random.randint(1, 30)):
            self.world.put(key)

    def read(self):
        if self.world.reads:
            self.world.answer_read(
                self.random.choice(self.world.reads), self.random.choice([1, 30, 500])
            )

    def one_that_runs(self):
        ids = sorted(self.world.running | self.world.zombies)
        return self.random.choice(ids) if ids else None

    def succeed(self):
        if invocation_id := self.one_that_runs():
            self.world.succeed(invocation_id)

    def fail_partly(self):
        if invocation_id := self.one_that_runs():
            ran = (self.world.running | self.world.zombies)[invocation_id]
            self.world.partly(invocation_id, self.random.randrange(len(ran.records)))

    def fail(self):
        if invocation_id := self.one_that_runs():
            self.world.fail(invocation_id, timed_out=self.random.random() < 0.3)

    def throttle(self):
        if invocation_id := self.one_that_runs():
            self.world.throttle(invocation_id)

    def answer_nonsense(self):
        if invocation_id := self.one_that_runs():
            answer = Answered({"batchItemFailures": [{"itemIdentifier": ""}]})
            self.world.end(invocation_id, answer, 0)

    def wait(self):
        self.world.tick(self.random.choice([1, 50, 1_000, 60_000]))

    def list_shards(self):
        self.world.handle(self.world.listing())

    def update(self):
        enabled = self.world.settings.enabled
        self.world.update(msgspec.structs.replace(self.settings(), enabled=enabled))

    def disable(self):
        self.world.update(msgspec.structs.replace(self.world.settings, enabled=False))

    def enable(self):
        if not self.world.settings.enabled:
            self.world.update(msgspec.structs.replace(self.world.settings, enabled=True))

    def restart(self):
        self.world.restart()

    def split(self):
        if len(self.world.shards) < 12:
            self.world.split(self.random.choice(self.world.open_shards()))

    def merge(self):
        shards = sorted(self.world.open_shards(), key=lambda shard: shard.low)
        if len(shards) > 1 and len(self.world.shards) < 12:
            left = self.random.randrange(len(shards) - 1)
            self.world.merge(shards[left], shards[left + 1])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("switches", COMBINATIONS, ids=lambda s: "-".join(c.name for c in s))
def test_nothing_is_lost_or_overtaken(switches, seed):
    names = (
        "slot_choice",
        "failing_slot",
        "partial_progress",
        "bisect_halves",
        "update_during_batch",
        "merged_child",
    )
    walk = Walk(seed, Undocumented(**dict(zip(names, switches, strict=True))))
    walk.run()
    assert walk.world.left == set()
    assert not walk.world.discards


def test_the_same_inputs_give_the_same_outputs():
    """The machine is pure: a simulation can replay a seed byte for byte."""

    def history() -> list[object]:
        walk = Walk(7, Undocumented())
        outputs: list[object] = []
        obey = walk.world._obey
        walk.world._obey = lambda output: (outputs.append(output), obey(output))
        walk.run()
        return outputs

    first, second = history(), history()
    assert len(first) > 200
    assert first == second
