"""Every command of the runbook is run as it stands; every reason and metric has its place in it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from consumer.order import Reason
from contract import encode_event
from contract.metrics import Metric
from ops.cli import run
from ops.doctor import command as doctor
from tests.consuming.events import REFUSED, id_of, make_event
from tests.operating import projections
from tests.operating.aws_commands import check_aws
from tests.operating.world import World
from tests.unit.doctor.stubbed import playing, shop

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
TEXT = RUNBOOK.read_text()


def commands():
    """Every `inorder …` in a block of shell or in the tables, with the heading it stands under."""
    found = []
    heading, inside = "", False
    for line in TEXT.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            inside = line == "```sh"
        elif inside and line.strip():
            found.append((heading, line))
        elif line.startswith("|"):
            found += [(heading, code) for code in re.findall(r"`(inorder [^`]*)`", line)]
    return list(dict.fromkeys(found))


OURS = [(heading, line) for heading, line in commands() if not line.startswith("aws ")]
AWS = [line for _, line in commands() if line.startswith("aws ")]


@pytest.fixture
def world(database_url, monkeypatch, tmp_path):
    """Entry 4711 of order A-17 in the way its section tells, and the files that are named."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROJECTION", "tests.operating.projections:NOTES")
    monkeypatch.chdir(tmp_path)
    made = World(database_url)
    monkeypatch.setattr(projections.NOTES, "refuses", made.notes.refuses)
    corrected = make_event(2, order_id="A-17", name="corrected")
    (tmp_path / "corrected.json").write_bytes(encode_event(corrected))
    (tmp_path / "heads.csv").write_text("order_id,version\nJ-1,36\n")
    receipt = {"order_id": "A-17", "event_id": str(id_of(("A-17", 1))), "sequence_number": "1"}
    (tmp_path / "receipts.jsonl").write_text(json.dumps(receipt) + "\n")
    yield made
    made.close()


def park(world, heading):
    """Bring about what the section is about: the order's second event waits, as entry 4711."""
    world.sql.execute("alter table inorder.parking_lot alter entry_id restart with 4711")
    versioned = heading != "overtaken"
    first = make_event(1, order_id="A-17") if versioned else None
    waits = {
        "unreadable": b"garbage",
        "wrong_kind": make_event(name="x", order_id="A-17"),
        "conflict": make_event(1, order_id="A-17", other="content"),
    }.get(heading, make_event(2, order_id="A-17", type=REFUSED))
    if heading == "unreadable":
        world.live(*(make_event(v, order_id="A-17") for v in range(1, 5)), waits, key="A-17")
    elif versioned:
        world.live(first, waits, make_event(3, order_id="A-17"), key="A-17")
    else:
        world.live(make_event(name="two", order_id="A-17"), at=2)
        world.live(make_event(name="one", order_id="A-17"), at=1)
    world.live(make_event(1, order_id="G-3"), make_event(3, order_id="G-3"), at=50)
    if heading in ("failed", "data_error", "killer", "unknown_type", "edited"):
        world.sql.execute(
            "update inorder.parking_lot set reason = %s where entry_id = 4711", [heading]
        )
    if heading == "unproven":
        world.sql.execute("update inorder.parking_lot set kind = 'stray' where entry_id = 4711")


def test_there_are_commands():
    assert len(OURS) > 40
    assert len(AWS) > 5


@pytest.mark.parametrize("command", AWS)
def test_the_command_is_one_that_aws_takes(command):
    check_aws(command)


@pytest.fixture
def deployed(monkeypatch):
    """A stack for doctor to look at."""
    with playing(shop()) as clients:
        monkeypatch.setattr(doctor, "_clients", lambda _region: clients)
        yield


@pytest.mark.parametrize(("heading", "command"), OURS, ids=lambda text: text)
def test_the_command_runs(world, deployed, heading, command, capsys):
    park(world, heading)
    program, *tokens = shlex.split(command)
    assert program == "inorder"
    code = run(tokens)
    said = capsys.readouterr()
    somebody_has_to_look = code == 1 and "redrive" in tokens
    assert code == 0 or somebody_has_to_look, said.err
    if "4711" in tokens and tokens[1] in ("skip", "edit"):
        assert world.rows("select action from inorder.decision") == [(tokens[1],)]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_section_that_says_what_to_type(reason):
    _, found, rest = TEXT.partition(f"\n### {reason}\n")
    assert found
    section = rest.partition("\n##")[0]
    for word in ("*Means*", "*Look at*", "*Type*", "```sh"):
        assert word in section


def test_no_section_is_about_a_reason_that_is_none():
    part = TEXT.partition("\n## Reasons\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^### (\w+)$", part, re.MULTILINE)) == {str(reason) for reason in Reason}


@pytest.mark.parametrize("metric", list(Metric))
def test_every_metric_is_explained(metric):
    table = TEXT.partition("\n## Metrics and alarms\n")[2]
    assert f"`{metric}`" in table


def test_the_query_by_hand_runs(world):
    queries = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    assert queries
    assert all(world.rows(query) for query in queries)
