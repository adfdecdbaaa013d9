"""Runs every function so that it prints every metric it has."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.kinesis.ministack import ministack
from producer import ProducerSettings, kinesis_client
from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.observing.printed import Printing
from tests.operating import s3
from tests.operating.mapped import FUNCTION, STREAM, connecting, make_mapping

STACK = "shop"
JOURNAL = "tests.consuming.journal:Journal"


@contextmanager
def all_functions(database_url: str, folder: Path) -> Iterator[Printing]:
    """What all functions with metrics print; the database has the journal's table."""
    printing = Printing(folder)
    given = {"STACK_NAME": STACK, "DATABASE_URL": database_url, "PROJECTION": JOURNAL}
    try:
        consume = printing.start("consumer", "consumer.handler.handler", **given)
        consume(batch_of([make_event(1), make_event(2, type=REFUSED), make_event(3), b"no event"]))
        consume(batch_of([make_event(1)]))
        away = given | {"DATABASE_URL": "postgresql://postgres@127.0.0.1:9/none"}
        without = printing.start("away", "consumer.handler.handler", **away)
        for _ in range(2):
            without(batch_of([make_event(1)]))
        printing.start("redrive", "consumer.redrive.handler.handler", **given)({})
        printing.start("audit", "consumer.audit.handler.handler", **given)({})
        with ministack() as endpoint:
            _produce(printing, str(endpoint.url))
        with s3.running(folder) as url:
            _control(printing, url)
        yield printing
    finally:
        printing.stop()


def _control(printing: Printing, url: str) -> None:
    control = printing.start(
        "controller",
        "controller.handler.handler",
        AWS_ENDPOINT_URL=url,
        AWS_REGION="eu-west-1",
        AWS_DEFAULT_REGION="eu-west-1",
        STACK_NAME=STACK,
        MAPPING_ID=make_mapping(connecting(url)),
        STREAM_NAME=STREAM,
        CONSUMER_FUNCTION=FUNCTION,
        STATE_PARAMETER="/inorder/shop/concurrency/state",
        HAND_PARAMETER="/inorder/shop/concurrency/order",
        TURN_SECOND="0",
    )
    control({})


def _produce(printing: Printing, url: str) -> None:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    admin = kinesis_client(
        ProducerSettings(), endpoint_url=url, region_name="us-east-1", **credentials
    )
    stream = f"s-{uuid.uuid4().hex}"
    admin.create_stream(StreamName=stream, ShardCount=1)
    admin.get_waiter("stream_exists").wait(
        StreamName=stream, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    given = {"STACK_NAME": STACK, "STREAM_NAME": stream}
    event = json.loads((Path(__file__).parents[1] / "events/api-one.json").read_text())
    produce = printing.start(
        "producer", "producer.handler.handler", AWS_ENDPOINT_URL_KINESIS=url, **given
    )
    produce(event)
    produce({**event, "body": "no event", "isBase64Encoded": False})
    # Nobody listens there: a refused connection is known not to have been sent.
    fails = printing.start(
        "unheard",
        "producer.handler.handler",
        seconds=6,  # it tries for as long as it may
        AWS_ENDPOINT_URL_KINESIS="http://127.0.0.1:9",
        PRODUCER_GUARDS="off",
        **given,
    )
    fails(event)
