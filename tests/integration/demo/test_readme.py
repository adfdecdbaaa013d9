"""The README's own projection, run as the README says."""

import json
import re
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.integration.demo.demo_process import PROJECT, demo

README = (PROJECT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    """The fenced block of the README that holds some text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (found,) = [block for block in blocks if containing in block]
    return found


def parcel(order: str, version: int, type_: str, **data: str) -> str:
    event = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{order}/{version}")),
        "source": "depot",
        "type": type_,
        "order_id": order,
        "version": version,
        "time": "2026-03-01T09:30:00+01:00",
        "data": data,
    }
    return json.dumps(event)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What somebody who has only the README writes down."""
    (tmp_path / "shipments.py").write_text(block("python", "class Shipments"))
    (tmp_path / "shipments").mkdir()
    statements = block("sql", "create table shipments")
    (tmp_path / "shipments" / "0001.shipments.sql").write_text(statements)
    lines = [parcel("A", 1, "ParcelSent"), parcel("A", 2, "ParcelScanned", city="Ulm")]
    lines += [parcel("B", 1, "ParcelSent"), parcel("B", 2, "ParcelScanned", town="Ulm")]
    lines += [parcel("B", 3, "ParcelSent"), parcel("C", 1, "ParcelLost")]
    (tmp_path / "parcels.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_the_projection_of_the_readme_works_as_it_stands(
    folder: Path, database_url: str, sql: psycopg.Connection
) -> None:
    command = block("sh", "PROJECTION=shipments:Shipments")
    variables = dict(pair.split("=", 1) for pair in command.split()[2:])
    with demo(folder, cwd=folder, DATABASE_URL=database_url, **variables) as running:
        assert running.finish() == 0, running.output
    assert running.report["applied"] == 3
    assert running.report["parked_reasons"] == {"blocker: rejected": 2, "follower: follows": 1}
    assert "data.city is missing" in running.output
    rows = sql.execute("select * from shipments order by order_id").fetchall()
    assert rows == [("A", 1, "Ulm"), ("B", 1, None)]


def test_the_queries_of_the_readme_run(sql: psycopg.Connection) -> None:
    for statement in block("sql", "from inorder.parking_lot").split(";"):
        if statement.strip():
            sql.execute(statement)
