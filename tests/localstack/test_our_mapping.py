"""The deployed consumer under our own mapping: what LocalStack's does not do.

LocalStack's mapping bisects nothing, has no factor and polls one shard after the other. Ours reads
LocalStack's Kinesis and invokes the function through LocalStack's Lambda API, so that everything
but the mapping is what was deployed.
"""

import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from local.mapping.facts import Discard, FunctionFailed, InvocationEnded, Invoke
from producer import Producer
from tests.consuming.events import make_event
from tests.consuming.journal import SCHEMA
from tests.consuming.tables import read_tables
from tests.consuming.waiting import until
from tests.events.generate import KETTLE, TEAPOT
from tests.faults.load import sending
from tests.faults.verdict import check
from tests.localstack.deployed import ROOT

DEADLY = "tests.consuming.deadly:Deadly"
TESTS = ("deadly.py", "journal.py", "events.py")
ORDERS = [f"order-{n}" for n in range(6)]
PER_ORDER = 5


class Watch:
    """Sees what the mapping does: attempts by batch, what ran beside what, and how it ended."""

    def __init__(self):
        self.running = {}
        self.most_at_once = 0
        self.shared_keys = []
        self.batches = []
        self.outcomes = Counter()
        self.discards = []

    def __call__(self, fact):
        if isinstance(fact, Invoke):
            keys = {record.partition_key for record in fact.records}
            for other in self.running.values():
                self.shared_keys += other & keys
            self.running[fact.invocation_id] = keys
            self.most_at_once = max(self.most_at_once, len(self.running))
            self.batches.append(len(fact.records))
        elif isinstance(fact, InvocationEnded):
            self.running.pop(fact.invocation_id, None)
            self.outcomes[type(fact.outcome)] += 1
        elif isinstance(fact, Discard):
            self.discards.append(fact)


@pytest.fixture
def send(endpoint, arn):
    """Sends events in this order, and waits for their receipts."""

    def send_all(events):
        with Producer(arn.rpartition("/")[2], endpoint.client()) as producer:
            sent = [producer.send(event) for event in events]
        return [one.result() for one in sent]

    return send_all


def interleaved(**special):
    """Every order's events, the orders interleaved; `special` has the type of `order_version`."""
    return [
        make_event(version, order_id=order, type=special.get(f"{order}_{version}", "note"))
        for version in range(1, PER_ORDER + 1)
        for order in ORDERS
    ]


class TestLoad:
    def test_an_outage_under_load_costs_nothing(
        self, run, endpoint, arn, stack, postgres, database
    ):
        """P6, and the factor: two shards, two batches of each at once, no key in two of them."""
        watch = Watch()
        runner = run(observe=watch, batch_size=50, parallelization_factor=2)
        with sending(endpoint, arn, seed=11, rate=150) as load:
            load.wait_for(250)
            postgres.kill()
            load.wait_for(150)
            postgres.start()
            load.wait_for(150)
            load.stop()
        runner.wait_drained(90)
        check(load, database)
        assert watch.shared_keys == []
        assert watch.most_at_once == 4
        assert watch.outcomes[FunctionFailed] == 0, "an outage is not an error, nothing is bisected"


class TestKiller:
    @pytest.fixture
    def deadly(self, deployed_otherwise, built, sql):
        """The consumer deployed with a projection that some events kill."""
        sql.execute(SCHEMA)
        sql.execute("grant all on journal to inorder_app")
        deployed_otherwise(
            code=_zip(built.parent / "ConsumerFunction", with_tests=True),
            timeout=5,
            PROJECTION=DEADLY,
            KILLER_DEATHS="1",
        )

    def test_the_killer_alone_is_parked(self, deadly, run, send, sql):
        send(interleaved(**{"order-3_2": "exit"}))
        watch = Watch()
        run(observe=watch).wait_drained(120)
        assert watch.outcomes[FunctionFailed] > 0, "nobody died"
        assert watch.discards == []
        tables = read_tables(sql)
        assert tables.heads == {
            order: (True, 1, "parked") if order == "order-3" else (True, PER_ORDER, "open")
            for order in ORDERS
        }
        assert [(e.kind, e.reason) for e in tables.lot["order-3"]] == [
            ("blocker", "killer"),
            *[("follower", "follows")] * (PER_ORDER - 2),
        ]
        assert {order: len(seen) for order, seen in tables.journal.items()} == {
            order: 1 if order == "order-3" else PER_ORDER for order in ORDERS
        }, "what stands behind the killer was run"


class TestOnFailure:
    def test_what_the_mapping_gave_up_on_is_fed_in_by_redrive(
        self, deployed_otherwise, run, send, stack, sql
    ):
        """A deploy that cannot start, no retries against all advice, and nothing is lost."""
        deployed_otherwise(DB_PORT="no port")
        send([TEAPOT[0], KETTLE[0]])
        send([TEAPOT[1], KETTLE[1]])
        send(TEAPOT[2:])
        watch = Watch()
        run(observe=watch, maximum_retry_attempts=0).wait_drained(90)
        assert watch.outcomes[FunctionFailed] == len(watch.batches)
        assert max(watch.batches) > 1
        assert {len(discard.records) for discard in watch.discards} == {1}, "bisected to the last"
        assert read_tables(sql).heads == {}
        bucket, s3 = stack.outputs["OnFailureBucketName"], stack.client("s3")
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        assert len(keys) == len(watch.discards) > 1

        def all_done():
            tags = [s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] for key in keys]
            return all({"Key": "inorder", "Value": "done"} in found for found in tags)

        until(all_done, seconds=120, every=0.2)  # S3 told EventBridge, and that redrive
        tables = read_tables(sql)
        for events in (TEAPOT, KETTLE[:2]):
            order = events[0].order_id
            assert [row.id for row in tables.ledger[order]] == [event.id for event in events]
        assert tables.lot == {}


@pytest.fixture
def deployed_otherwise(stack, built):
    """Changes the deployed consumer as a deploy would; undone at the end."""
    client, name = stack.client("lambda"), stack.outputs["ConsumerFunctionName"]
    before = client.get_function_configuration(FunctionName=name)

    def change(*, code=None, timeout=None, **variables):
        if code is not None:
            client.update_function_code(FunctionName=name, ZipFile=code)
            client.get_waiter("function_updated_v2").wait(FunctionName=name)
        client.update_function_configuration(
            FunctionName=name,
            Timeout=timeout or before["Timeout"],
            Environment={"Variables": before["Environment"]["Variables"] | variables},
        )
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
        version = client.publish_version(FunctionName=name)["Version"]
        client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    yield change
    change(code=_zip(built.parent / "ConsumerFunction"))


def _zip(folder: Path, *, with_tests: bool = False) -> bytes:
    """A built function, as `sam deploy` zips it; with the tests' projections if need be."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
        for name in TESTS if with_tests else ():
            archive.write(ROOT / "tests/consuming" / name, f"tests/consuming/{name}")
    return whole.getvalue()
