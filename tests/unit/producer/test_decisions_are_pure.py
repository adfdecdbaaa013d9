"""The modules that decide touch no network, clock, thread or randomness of their own."""

import ast
from pathlib import Path

import pytest

import producer

DECIDING = (
    "aggregation",
    "answers",
    "backoff",
    "body",
    "errors",
    "intake",
    "keyqueue",
    "lineup",
    "outcomes",
    "pauses",
    "receipts",
    "records",
    "sequencing",
    "settings",
    "stats",
)
IMPURE = {"asyncio", "boto3", "botocore", "os", "random", "socket", "threading", "time"}


@pytest.mark.parametrize("name", DECIDING)
def test_a_deciding_module_imports_nothing_impure(name):
    source = (Path(producer.__file__).parent / f"{name}.py").read_text()
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & IMPURE
