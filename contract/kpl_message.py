"""The protobuf message of KPL's aggregation format.

The one place that imports protobuf, which costs a cold start 15 ms: import it when there is an
aggregate, not before. Of `aws_kinesis_agg` only the message definition is used: its de-aggregation
loop prints an exception and drops the rest of a record, and importing its modules prepends to
`sys.path`.
"""

import sys

from aws_kinesis_agg import config_pb2
from google.protobuf.message import DecodeError

# The generated messages_pb2 imports its neighbour as a top-level module. Lending it that name is
# what the package's own sys.path.insert is for, without opening the whole folder to everybody.
sys.modules.setdefault("config_pb2", config_pb2)
from aws_kinesis_agg.messages_pb2 import AggregatedRecord  # noqa: E402 - needs the name above

__all__ = ["AggregatedRecord", "DecodeError"]
