"""Runs template.yaml on one machine: stream, database, event source mapping. Never shipped."""
