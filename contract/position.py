"""Where an event stands on the stream."""

from typing import NamedTuple


class Position(NamedTuple):
    """An event's place on the stream; positions of one order compare in stream order.

    `sequence_number` is the Kinesis record's, a decimal string of up to 128 digits on the wire and
    an integer here, so that it compares by value. It grows with every record of one partition key,
    across resharding too (Kinesis API reference, PutRecord). `sub_sequence_number` is the place
    inside an aggregated record, 0 for a plain one.
    """

    sequence_number: int
    sub_sequence_number: int = 0

    def __str__(self) -> str:
        return f"{self.sequence_number}.{self.sub_sequence_number}"
