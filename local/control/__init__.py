"""The controller on one machine: real stream, mapping, consumers and PostgreSQL, whose capacity is
throttled and restored (`make throttle`). `world` is what the controller sees and moves here.
"""
