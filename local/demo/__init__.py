"""The main job on one machine: producers, stream, event source mapping, consumer, PostgreSQL, and
an audit of what came out against what went in.
"""
