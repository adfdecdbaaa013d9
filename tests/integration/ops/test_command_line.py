"""The operator's commands, as typed, on a real database: what they say, do and return."""

import json
import subprocess
import sys

import pytest

from contract import encode_event
from ops.cli import run
from tests.consuming.events import REFUSED, make_event
from tests.operating import projections
from tests.operating.world import World


@pytest.fixture
def world(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROJECTION", "tests.operating.projections:NOTES")
    monkeypatch.setenv("INORDER_OPERATOR", "olga")
    made = World(database_url)
    monkeypatch.setattr(projections.NOTES, "refuses", made.notes.refuses)
    yield made
    made.close()


@pytest.fixture
def parked(world):
    """Order A, with version 2 refused and two followers; a stray; order G in a gap."""
    world.live(
        *(make_event(v, type=REFUSED if v == 2 else "note", inside="cargo") for v in range(1, 5)),
        make_event(3, order_id="G"),
    )
    world.live(b"garbage", key="")
    return world


@pytest.fixture
def typed(capsys):
    """Run a command line: its exit code, standard output, standard error."""

    def type_(*tokens):
        code = run([str(token) for token in tokens])
        said = capsys.readouterr()
        return code, said.out, said.err

    return type_


@pytest.fixture
def answer(typed):
    """Run a command line with --json: its exit code and its answer."""

    def ask(*tokens):
        code, out, _ = typed(*tokens, "--json")
        return code, json.loads(out)

    return ask


def test_status_counts_what_waits(parked, typed, answer):
    code, out, _ = typed("status")
    assert code == 0
    assert "1 orders parked, 1 in a gap" in out
    assert "rejected" in out
    _, found = answer("status")
    assert (found["orders_parked"], found["orders_in_gap"], found["events_waiting"]) == (1, 1, 5)
    assert {row["reason"] for row in found["entries"]} == {
        "rejected",
        "follows",
        "early",
        "unreadable",
    }


def test_status_of_an_empty_lot(world, typed):
    assert "the parking lot is empty" in typed("status")[1]
    assert "nothing waits" in typed("parked", "list")[1]


def test_list_shows_orders_with_what_blocks_them_and_never_a_payload(parked, typed, answer):
    code, out, _ = typed("parked", "list")
    assert code == 0
    assert "type refuse is refused" in out
    assert "Strays" in out
    assert "cargo" not in out
    _, found = answer("parked", "list", "--reason", "rejected")
    assert [row["order_id"] for row in found["waiting_orders"]] == ["A"]
    _, found = answer("parked", "list", "--order", "A")
    assert [row["version"] for row in found["entries"]] == [2, 3, 4]


def test_a_payload_is_shown_only_on_request(parked, typed):
    (entry_id, *_) = parked.entries()
    assert "cargo" not in typed("parked", "show", entry_id)[1]
    assert "cargo" in typed("parked", "show", entry_id, "--payload")[1]


def test_export_writes_every_entry_with_its_payload(parked, typed, tmp_path):
    file = tmp_path / "lot.jsonl"
    parked.live(b"\xff\xfe", at=50, key="")
    assert typed("parked", "export", "--out", file)[0] == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 6
    assert json.loads(rows[0]["payload"])["data"] == {"inside": "cargo"}
    assert rows[-1]["payload_base64"] == "//4="
    code, _, err = typed("parked", "export", "--out", file)
    assert (code, "File exists" in err) == (2, True)


def test_redrive_of_one_order_says_how_it_went(parked, typed):
    code, out, _ = typed("redrive", "--order", "A")
    assert code == 1
    assert "still fails: rejected" in out
    parked.notes.refuses.clear()
    assert "would be" in typed("redrive", "--order", "A", "--dry-run")[1]
    assert parked.head() == ("parked", 1)
    code, out, _ = typed("redrive", "--order", "A")
    assert (code, "3 events applied, now open" in out) == (0, True)
    assert parked.head() == ("open", 4)


def test_redrive_of_many(parked, answer, typed):
    parked.live(make_event(1, order_id="B", type=REFUSED), make_event(2, order_id="B"))
    code, found = answer("redrive", "--all")
    assert code == 1
    assert [row["order_id"] for row in found["orders"]] == ["A", "B"]
    parked.notes.refuses.clear()
    assert answer("redrive", "--reason", "failed") == (0, {"dry_run": False, "orders": []})
    code, out, _ = typed("redrive", "--reason", "rejected")
    assert (code, "2 orders, 5 events applied, 0 orders still need somebody" in out) == (0, True)


def test_skip_goes_on_with_the_order(parked, typed, answer):
    (entry_id, *_) = parked.entries()
    code, out, _ = typed("parked", "skip", entry_id, "--because", "a test order")
    assert (code, "2 events applied, now open" in out) == (0, True)
    _, found = answer("parked", "show", parked.entries(None)[0])
    assert found["reason"] == "unreadable"
    assert parked.rows("select decided_by, because from inorder.decision") == [
        ("olga", "a test order")
    ]
    assert "a test order" in typed("parked", "decisions")[1]


def test_skip_can_leave_the_order_to_somebody_else(parked, answer):
    (entry_id, *_) = parked.entries()
    _, found = answer("parked", "skip", entry_id, "--because", "x", "--no-redrive")
    assert found["state"] == "parked"
    assert parked.head() == ("parked", 2)


def test_edit_takes_a_file_or_the_bytes_as_they_are(parked, typed, tmp_path):
    (entry_id, *_) = parked.entries()
    file = tmp_path / "event.json"
    file.write_bytes(encode_event(make_event(2, name="corrected")))
    code, out, _ = typed("parked", "edit", entry_id, "--file", file, "--because", "typo")
    assert (code, "now open" in out) == (0, True)
    assert parked.head() == ("open", 4)


def test_gap_close_and_head_import(parked, typed, answer, tmp_path):
    code, out, _ = typed("gap", "close", "--order", "G", "--to", 2, "--because", "never sent")
    assert (code, "1 event applied, now open" in out) == (0, True)
    file = tmp_path / "heads.csv"
    file.write_text("order_id,version\nJ,36\nG,9\n")
    code, found = answer("head", "import", file, "--because", "joined")
    assert (code, found["imported"], found["refused"][0]["order_id"]) == (1, 1, "G")
    lines = tmp_path / "heads.jsonl"
    lines.write_text('{"order_id": "K", "version": 4}\n')
    assert answer("head", "import", lines, "--because", "joined")[0] == 0
    assert parked.head("K") == ("open", 4)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["redrive", "--order", "nobody"], "no event of order 'nobody'"),
        (["redrive"], "say one of"),
        (["redrive", "--all", "--order", "A"], "say one of"),
        (["redrive", "--reason", "boredom"], "none of unreadable"),
        (["parked", "show", "999"], "no entry 999"),
        (["parked", "skip", "999", "--because", "x"], "no entry 999"),
        (["parked", "skip", "1", "--because", " "], "--because is empty"),
        (["parked", "edit", "1", "--because", "x"], "either --file or --as-is"),
        (["parked", "edit", "1", "--because", "x", "--file", "/nowhere/x"], "/nowhere/x"),
        (["gap", "close", "--order", "nobody", "--to", "3", "--because", "x"], "'nobody'"),
        (["head", "import", "/nowhere/y", "--because", "x"], "/nowhere/y"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(world, typed, tokens, says):
    code, out, err = typed(*tokens)
    assert (code, out) == (2, "")
    assert says in err.replace("\n", " ")


@pytest.mark.parametrize(
    "tokens", [["parked", "skip", "1"], ["gap", "close", "--order", "A", "--to", "3"]]
)
def test_a_decision_needs_a_reason(world, tokens):
    with pytest.raises(SystemExit) as ended:
        run(tokens)
    assert ended.value.code != 0


def test_a_bad_file_of_heads_names_the_line(world, typed, tmp_path):
    file = tmp_path / "heads.csv"
    file.write_text("order_id,version\nJ,36\nK,many\n")
    code, _, err = typed("head", "import", file, "--because", "joined")
    assert (code, "line 3" in err.replace("\n", " ")) == (2, True)
    assert world.rows("select * from inorder.head") == []


def test_no_database_named_and_no_database_there(world, typed, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/none")
    code, _, err = typed("status")
    assert (code, "does not answer" in err) == (3, True)
    monkeypatch.delenv("DATABASE_URL")
    code, _, err = typed("status")
    assert (code, "DATABASE_URL" in err) == (2, True)


def test_it_runs_as_a_program(parked):
    done = subprocess.run(
        [sys.executable, "-m", "ops", "status", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["orders_parked"] == 1


def test_prune_and_what_status_says_of_it(parked, typed, answer):
    assert "ledger: 0 MB, kept for ever" in typed("status")[1]
    parked.sql.execute("update inorder.ledger set applied_at = applied_at - interval '9 days'")
    parked.sql.execute("update inorder.audit set audited_to = clock_timestamp()")
    assert typed("prune", "--keep-days", 0)[0] == 2
    assert answer("prune", "--keep-days", 10) == (0, {"rows": 0, "blocks": 1, "finished": True})
    code, said, _ = typed("prune", "--keep-days", 7)
    assert (code, said) == (0, "1 rows removed, 1 blocks of the ledger looked at\n")
    assert "kept for 7 days, 1 rows pruned, the last whole pass" in typed("status")[1]
    ledger = answer("status")[1]["ledger"]
    assert (ledger["keep_days"], ledger["rows_pruned"]) == (7.0, 1)
