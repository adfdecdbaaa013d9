"""Puts numbered records under keys, and reads in the function's diary what became of them."""

import json
import random
from collections import Counter, defaultdict


class Orders:
    """Puts records one after the other per key; `n` counts a key's records from 0."""

    def __init__(self, client, stream, keys=40, seed=1):
        self.client = client
        self.stream = stream
        self.keys = [f"order-{n}" for n in range(keys)]
        self.dice = random.Random(seed)
        self.sent = Counter()

    def put(self, count, keys=None):
        """One PutRecords per up to 100 records, none of which may fail: later ones follow."""
        chosen = self.dice.choices(keys or self.keys, k=count)
        for start in range(0, count, 100):
            entries = []
            for key in chosen[start : start + 100]:
                data = json.dumps({"key": key, "n": self.sent[key]}).encode()
                self.sent[key] += 1
                entries.append({"Data": data, "PartitionKey": key})
            answer = self.client.put_records(StreamName=self.stream, Records=entries)
            assert answer["FailedRecordCount"] == 0

    @property
    def total(self):
        return sum(self.sent.values())


def read_diary(path):
    """What was delivered, in order: (key, n)."""
    if not path.exists():
        return []
    lines = (line.split() for line in path.read_text().splitlines())
    return [(key, int(n)) for key, n in lines]


def assert_in_order(delivered, sent):
    """Everything sent was delivered; a key's record came again at most, never before its turn."""
    seen = defaultdict(int)
    for key, n in delivered:
        assert n <= seen[key], f"{key}: {n} came when {seen[key]} was next"
        seen[key] = max(seen[key], n + 1)
    assert seen == sent
