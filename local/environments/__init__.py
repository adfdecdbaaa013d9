"""Execution environments: where a function's code runs, one invocation at a time each.

`in_process` runs the handler here, `process` in a child process with Lambda's time-outs and
crashes, `rie` in the real Lambda runtime client under AWS's emulator. All keep `environment`'s
promise; a `pool` holds as many as concurrency allows.
"""
