"""What producer, consumer and controller must agree on.

Small and pure: no boto3, no psycopg, no clock. This package is copied into every function's zip,
so that the two ends of the stream can never disagree about what an event is, which partition key
an order has, or what a position means.
"""

from contract.errors import InorderError, InvalidEvent
from contract.event import Event, canonical_data, content_digest, encode_event, parse_event
from contract.keys import BucketKeys, KeyStrategy, OrderKeys
from contract.position import Position

__all__ = [
    "BucketKeys",
    "Event",
    "InorderError",
    "InvalidEvent",
    "KeyStrategy",
    "OrderKeys",
    "Position",
    "canonical_data",
    "content_digest",
    "encode_event",
    "parse_event",
]
