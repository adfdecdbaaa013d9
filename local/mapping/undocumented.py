"""What AWS does not say about its event source mapping, as switches.

The consumer must keep its promises whichever way these stand: tests run both ways and the
simulation draws them from its seed. The defaults are the plainest reading of the guide.
"""

from enum import Enum

import msgspec


class SlotChoice(Enum):
    """Which of a shard's `factor` slots a record goes to."""

    KEY_HASH = "a slot has the partition keys of its share of the hash space"
    ANY_FREE = "a free slot takes the oldest records whose keys are in no unfinished batch"


class FailingSlot(Enum):
    """What a batch that waits for its retry does to the shard's other slots."""

    BLOCKS_ITSELF = "the other slots go on with new records"
    BLOCKS_SHARD = "no slot of the shard takes new records"


class PartialProgress(Enum):
    """What a partial failure that got further does to the count of retries."""

    RESETS_RETRIES = "what is left starts with no retry used"
    CONSUMES_RETRY = "what is left has used one more retry"


class BisectHalves(Enum):
    """How the two halves of a split batch run."""

    ONE_AFTER_THE_OTHER = "the second starts when the first is finished"
    SIDE_BY_SIDE = "the second may take another slot, unless it shares a key with the first"


class UpdateDuringBatch(Enum):
    """What an update or re-enabling does to batches that are running."""

    CARRIES_ON = "running batches finish and count"
    STARTS_AGAIN = "reading starts again at the checkpoint; the running batches' results are lost"


class MergedChild(Enum):
    """When the child of two merged shards is read."""

    AFTER_BOTH = "when both parents are drained"
    AFTER_ONE = "when one of them is"


class Undocumented(msgspec.Struct, frozen=True, kw_only=True):
    """One choice for each thing AWS leaves open. Times in milliseconds."""

    slot_choice: SlotChoice = SlotChoice.KEY_HASH
    failing_slot: FailingSlot = FailingSlot.BLOCKS_ITSELF
    partial_progress: PartialProgress = PartialProgress.RESETS_RETRIES
    bisect_halves: BisectHalves = BisectHalves.ONE_AFTER_THE_OTHER
    update_during_batch: UpdateDuringBatch = UpdateDuringBatch.CARRIES_ON
    merged_child: MergedChild = MergedChild.AFTER_BOTH
    backoff_first: int = 100
    backoff_most: int = 5_000
    backoff_jitter: float = 0.0
    """Share of the delay, 0 to 1, that the injected random numbers may take off."""
    backoff_after_split: bool = False

    def backoff(self, failures: int, random: float) -> int:
        """How long to wait after this many failures in a row, doubling from first to most."""
        delay = min(self.backoff_first * 2 ** min(failures - 1, 30), self.backoff_most)
        return int(delay * (1 - self.backoff_jitter * random))
