"""Kinesis endpoints for one machine, on loopback ports of their own, gone when we are.

`ministack` is fast and must never be resharded; `resharding` keeps shard lineage intact.
`endpoint` opens either, or one that runs already.
"""
