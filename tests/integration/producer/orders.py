"""Events for the tests that talk to a real stream."""

import json
import uuid


def event(order_id: str, number: int, **fields) -> bytes:
    """The number-th event of an order, always the same bytes."""
    document = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{order_id}/{number}")),
        "source": "test",
        "type": "changed",
        "order_id": order_id,
        "time": "2026-01-01T00:00:00Z",
        "data": {"number": number},
    }
    return json.dumps(document | fields).encode()


def numbers(records: list[tuple[int, list[bytes]]]) -> list[int]:
    """The numbers of an order's events as they stand on the stream."""
    return [json.loads(e)["data"]["number"] for _, events in records for e in events]


def first_appearances(found: list[int]) -> list[int]:
    """What is left when every double is dropped, as the consumer does."""
    return list(dict.fromkeys(found))
