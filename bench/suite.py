"""Every benchmark there is. One more is a module with `run` and `draw`, and a line here."""

from bench import coldstart
from bench.consumer import growth, peers, pruning, shapes, storage
from bench.findings import Benchmark
from bench.producer import buckets
from bench.producer import peers as producers
from bench.way import end_to_end

SUITE = {
    "consumer": Benchmark(
        about="the consumer against what people use, from the Lambda event to the commit",
        run=peers.run,
        draw=peers.draw,
    ),
    "shapes": Benchmark(
        about="the consumer with hot and cold orders, trouble, and other batches",
        run=shapes.run,
        draw=shapes.draw,
    ),
    "growth": Benchmark(
        about="the consumer on a long past: a million rows of an order, ten million in all",
        run=growth.run,
        draw=growth.draw,
    ),
    "storage": Benchmark(
        about="bytes that an event leaves behind", run=storage.run, draw=storage.draw
    ),
    "pruning": Benchmark(
        about="the consumer while old rows are pruned beside it",
        run=pruning.run,
        draw=pruning.draw,
    ),
    "coldstart": Benchmark(
        about="a function's first answer against one that returns at once, in Lambda's runtime",
        run=coldstart.run,
        draw=coldstart.draw,
    ),
    "producer": Benchmark(
        about="the producer against what people use, 10 ms away from shards with limits",
        run=producers.run,
        draw=producers.draw,
    ),
    "buckets": Benchmark(
        about="shards and PUT units in order mode and in bucket mode, counted",
        run=buckets.run,
        draw=buckets.draw,
    ),
    "way": Benchmark(
        about="end to end: batch size, window and factor against rate and latency",
        run=end_to_end.run,
        draw=end_to_end.draw,
    ),
}
