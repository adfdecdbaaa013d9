"""A function that does as its event says."""

import os
import time
from pathlib import Path

calls = 0


def handler(event, context):
    global calls  # noqa: PLW0603 - what is warm is what is tested
    calls += 1
    return globals()[f"do_{event['do']}"](event, context)


def do_answer(event, context):
    return event["answer"]


def do_fail(event, context):
    raise ValueError(event["message"])


def do_crash(event, context):
    os._exit(event["status"])


def do_sleep(event, context):
    mark(event)
    time.sleep(event["seconds"])
    return "slept"


def do_spin(event, context):
    mark(event)
    while True:
        pass


def mark(event):
    """Tell who waits for it that the handler is at work."""
    if "mark" in event:
        Path(event["mark"]).touch()


def do_not_json(event, context):
    return {1, 2, 3}


def do_measure(event, context):
    return len(event["text"])


def do_count(event, context):
    return calls


def do_pid(event, context):
    return os.getpid()


def do_print(event, context):
    print(event["text"], flush=True)  # noqa: T201 - what is printed is what is tested


def do_variable(event, context):
    return os.environ.get(event["name"])


def do_take_memory(event, context):
    return len(bytearray(event["bytes"]) * 2)


def do_meet(event, context):
    """Wait until `parties` invocations are here at once; each leaves a file in `folder`."""
    folder = Path(event["folder"])
    (folder / event["name"]).touch()
    deadline = time.monotonic() + 10
    while len(list(folder.iterdir())) < event["parties"]:
        if time.monotonic() > deadline:
            return "alone"
        time.sleep(0.01)
    return "together"


def do_context(event, context):
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "remaining": context.get_remaining_time_in_millis(),
    }
