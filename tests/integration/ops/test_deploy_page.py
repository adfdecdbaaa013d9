"""docs/deploy.md: its commands are ones that there are, and its sums are right."""

import re
import shlex
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from local.mapping.intrinsics import load
from ops.cli import app
from tests.operating.aws_commands import check_aws

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/deploy.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
CENT = Decimal("0.01")


def starting_with(program):
    return [line for line in LINES if line.startswith(f"{program} ")]


def test_every_command_is_looked_at():
    known = ("aws", "make", ".tools/sam/bin/sam", "curl", "echo", "git")
    assert len(LINES) > 15
    assert [line for line in LINES if not line.startswith(known)] == []


@pytest.mark.parametrize("line", starting_with("aws"))
def test_aws_takes_it(line):
    check_aws(line)


@pytest.mark.parametrize("line", starting_with("make"))
def test_make_and_inorder_have_it(line):
    target, *variables = shlex.split(line)[1:]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)
    arguments = [v.removeprefix("ARGS=") for v in variables if v.startswith("ARGS=")]
    for tokens in arguments:
        command, _, _ = app.parse_args(shlex.split(tokens), exit_on_error=False, print_error=False)
        assert command


@pytest.mark.parametrize("line", starting_with(".tools/sam/bin/sam"))
def test_sam_has_its_section(line):
    tokens = shlex.split(line)
    assert tokens[1] in {"deploy", "delete"}
    if "--config-env" in tokens:
        place = tokens[tokens.index("--config-env") + 1]
        assert place in tomllib.loads((ROOT / "samconfig.toml").read_text())


def test_the_first_event_is_an_event():
    from contract import parse_event  # noqa: PLC0415 - the page's own event

    (line,) = starting_with("echo")
    assert parse_event(shlex.split(line)[1].encode()).order_id == "A-1001"


def tables():
    """The rows of each cost table, and what it says is their sum."""
    for rows in re.findall(
        r"\| quantity \| unit \| price \| amount \|\n\|[-|]+\n((?:\|.*\n)+)", TEXT
    ):
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]
        *parts, total = cells
        yield parts, Decimal(total[-1].strip("*"))


def test_the_sums_are_right():
    totals = []
    for parts, total in tables():
        assert len(parts) >= 10
        amounts = [Decimal(amount) for *_, amount in parts]
        for name, quantity, _, price, amount in parts:
            product = (Decimal(quantity) * Decimal(price)).quantize(CENT)
            assert abs(product - Decimal(amount)) < CENT, name
        assert sum(amounts) == total
        totals.append(total)
    fixed, million = totals
    assert f"`{fixed} + {million} × millions of events`" in TEXT
    assert f"are {300 * million:.0f} more" in TEXT
    assert f"a shard is {730 * (Decimal('0.015') + Decimal('0.020')):.2f}" in TEXT


def test_the_parameters_and_outputs_it_names_are_there():
    template = load((ROOT / "template.yaml").read_text())
    declared = template["Parameters"].keys() | template["Outputs"].keys()
    named = re.findall(r"`([A-Z][A-Za-z]+)(?:=[^`]*)?`", TEXT)
    others = {
        *("AuditSilent", "Migrations", "ProducerFailing", "ConsumerFailing"),
        *("ConsumerStopped", "SchemaVersion", "Settings", "DefaultAuthScheme", "StreamStalled"),
        *("ViewOnlyAccess", "ConnectionsFull", "ROLE"),
    }
    assert set(named) - others <= declared
