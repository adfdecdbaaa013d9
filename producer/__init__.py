"""The ordered producer: events go onto a Kinesis stream in order per order, and none is lost.

    with Producer("order-events") as producer:
        receipt = producer.send(event).result()

Where an event is, from `send` to its receipt: `intake` checks it, `keyqueue` lines it up behind its
order's earlier events, `lineup` gives keys their turns, `sequencing` decides what a record's
outcome means, `aggregation` makes its bytes, `kinesis` puts them. `producer` runs all that on a few
threads; `handler` runs it inside one Lambda request.
"""

from producer.errors import (
    BufferFull,
    InvalidSetting,
    KeyPaused,
    NotSent,
    OutOfOrder,
    ProducerClosed,
    SendError,
    StreamUnusable,
    Unknown,
)
from producer.kinesis import kinesis_client
from producer.producer import Producer
from producer.receipts import Receipt
from producer.settings import ProducerSettings
from producer.stats import Stats

__all__ = [
    "BufferFull",
    "InvalidSetting",
    "KeyPaused",
    "NotSent",
    "OutOfOrder",
    "Producer",
    "ProducerClosed",
    "ProducerSettings",
    "Receipt",
    "SendError",
    "Stats",
    "StreamUnusable",
    "Unknown",
    "kinesis_client",
]
