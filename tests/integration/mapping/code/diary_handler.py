"""A function that writes down what it was given, record by record, and fails as it is told.

`DIARY` is the file, `FAULTS` a comma-separated choice of raise, partly, crash (each now and then),
`POISON` the key whose records always raise, `PAUSE` the seconds it rests in the middle of a batch.
"""

import base64
import json
import os
import random
import time

DICE = random.Random()


def handler(event, context):
    records = [
        (
            record["kinesis"]["sequenceNumber"],
            json.loads(base64.b64decode(record["kinesis"]["data"])),
        )
        for record in event["Records"]
    ]
    if any(data["key"] == os.environ.get("POISON") for _, data in records):
        raise ValueError("poison")
    fault = DICE.choice([*os.environ.get("FAULTS", "").split(","), "", ""])
    done = DICE.randrange(len(records)) if fault else len(records)
    middle = done // 2
    write([data for _, data in records[:middle]])
    time.sleep(float(os.environ.get("PAUSE", "0")))
    write([data for _, data in records[middle:done]])
    if fault == "raise":
        raise RuntimeError("as told")
    if fault == "crash":
        os._exit(1)
    if fault == "partly":
        return {"batchItemFailures": [{"itemIdentifier": records[done][0]}]}
    return {"batchItemFailures": []}


def write(entries):
    """One write to a file opened for appending: entries of two processes do not mix."""
    lines = "".join(f"{entry['key']} {entry['n']}\n" for entry in entries).encode()
    file = os.open(os.environ["DIARY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        assert os.write(file, lines) == len(lines)
    finally:
        os.close(file)
