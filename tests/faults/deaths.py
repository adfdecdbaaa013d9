"""Ends processes of the consumer while they work."""

import os
import signal
from contextlib import suppress

from tests.consuming.waiting import until
from tests.faults.consumer import Consumer


def kill_at_work(consumer: Consumer) -> None:
    """SIGKILL the processes until one of them died in the middle of an invocation."""
    crashed = consumer.crashed
    while consumer.crashed == crashed:
        until(lambda: consumer.mapping.stats.in_flight, seconds=10, every=0.001)
        for pid in consumer.pool.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(TimeoutError):  # they were all between two invocations
            until(lambda: consumer.crashed > crashed, seconds=0.5)
