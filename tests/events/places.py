"""Where and when the golden events happen."""

from datetime import UTC, datetime

ACCOUNT, REGION = "123456789012", "eu-west-1"
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

BUCKET = "inorder-onfailurebucket-q1w2e3r4t5y6"
OBJECT_KEY = (
    "aws/lambda/5f1b8c9e-2a4d-4c63-9b7e-0d3a6f58c214/shardId-000000000006/2026/03/02/"
    "2026-03-02T09.41.07-9c0f1d52-7e3b-4b8a-8f46-2d51c7a0e639"
)
"""As Lambda names what it gives up on (Lambda Developer Guide, "Retain discarded batch records for
a Kinesis Data Streams event source")."""
