"""What the redrive function can be asked."""

import pytest

from consumer.order import Reason
from consumer.redrive.request import BadRequest, Objects, Orders, Scheduled, read_request


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        ({}, Scheduled()),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, Scheduled()),
        ({"order_id": "A"}, Orders(order_id="A")),
        ({"reason": "failed", "dry_run": True}, Orders(reason=Reason.FAILED, dry_run=True)),
        ({"all": True}, Orders()),
        (
            {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%3Ac"}}}]},
            Objects((("b", "a b:c"),)),
        ),
        (
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": "b"}, "object": {"key": "a+b%3Ac"}},
            },
            Objects((("b", "a+b%3Ac"),)),
        ),
    ],
)
def test_what_it_understands(event, request_):
    assert read_request(event) == request_


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"what": 1}, "expected a schedule"),
        ({"order_id": "A", "all": True}, "not 2"),
        ({"dry_run": True}, "not 0"),
        ({"all": False}, "not 0"),
        ({"reason": "boredom"}, "none of unreadable"),
        ({"order_id": 5}, "has to be text"),
        ({"all": True, "dry_run": "yes"}, "true or false"),
        ({"Records": [{"kinesis": {}}]}, "not an S3 notification"),
        ({"Records": [None]}, "not an S3 notification"),
        ({"source": "aws.s3"}, "names no object"),
        ({"source": "aws.s3", "detail": {"bucket": {"name": "b"}}}, "names no object"),
    ],
)
def test_what_it_does_not(event, says):
    with pytest.raises(BadRequest, match=says):
        read_request(event)
