"""The documented way: Powertools' `BatchProcessor`, one transaction of plain statements per event.

As the guide has it (Powertools for AWS Lambda, "Batch processing"): a record handler that raises
for what cannot be done, and `process_partial_response` around it. The handler is idempotent by the
ledger's key, and keeps the same tables as ours. It decides nothing else: it parks nothing, sees no
gap, and takes no lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import psycopg
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg.rows import class_row

from bench.consumer.feed import Context, Feed
from bench.consumer.rows import order_row
from bench.workload import Workload
from consumer.orders import Orders, OrderState
from consumer.sql import read_statements
from contract import canonical_data, content_digest, parse_event

_SQL = read_statements(Path(__file__).with_name("peers.sql"))


class Documented:
    """A record at a time."""

    def __init__(self, connection: psycopg.Connection[Any], feed: Feed) -> None:
        self._connection = connection
        self._feed = feed
        self._projection = Orders()
        self._processor = BatchProcessor(event_type=EventType.KinesisDataStreams)

    def prepare(self, turn: int) -> dict[str, Any]:  # noqa: ARG002 - turns come one by one
        return self._feed.batch()

    def work(self, event: dict[str, Any], /) -> int:
        answer = process_partial_response(
            event=event,
            record_handler=self._apply,
            processor=self._processor,
            context=cast("LambdaContext", Context()),
        )
        assert answer == {"batchItemFailures": []}, answer  # noqa: S101 - a peer has to work
        return len(event["Records"])

    def _apply(self, record: KinesisStreamRecord) -> None:
        event = parse_event(record.kinesis.data_as_bytes())
        data = canonical_data(event)
        row = {
            "order_id": event.order_id,
            "ordinal": event.version,
            "id": event.id,
            "digest": content_digest(event, data),
            "time": event.time,
            "type": event.type,
            "source": event.source,
            "sequence_number": Decimal(record.kinesis.sequence_number),
            "sub_sequence_number": 0,
            "data": data.decode(),
        }
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_SQL["ledger"], row)
            if not cursor.rowcount:
                return
            with self._connection.cursor(row_factory=class_row(OrderState)) as orders:
                state = orders.execute(_SQL["order"], row).fetchone()
            cursor.execute(_SQL["save"], order_row(self._projection.apply(state, event)))
            cursor.execute(_SQL["head"], row)


@contextmanager
def start(*, database_url: str, workload: Workload, batch: int) -> Iterator[Documented]:
    """On a connection as ours has it: RDS Proxy would pin prepared statements."""
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=None) as connection:
        yield Documented(connection, Feed(workload, batch))
