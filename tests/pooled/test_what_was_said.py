"""After the suite: `make test-pooled` runs this last, and gives it what was said.

That nothing pins is proof only of what was said, so what was said has to be everything.
"""

import re
from pathlib import Path

import pytest

import consumer
from consumer.sql import read_statements
from tests.consuming.pondering import OWN
from tests.pooled.plugin import everything_said

FILES = sorted(Path(consumer.__file__).parent.rglob("*.sql"))
_PLACEHOLDER = re.compile(r"%\(\w+\)[bst]|\$\d+")


@pytest.fixture
def said(request):
    return everything_said(request.config)


def test_nothing_that_was_said_pins_a_session(said):
    assert said.statements, "nothing was said"
    assert {text: why for text, why in said.problems.items() if OWN not in text} == {}


def test_every_statement_was_said(said):
    known = {_bare(text) for text in said.statements}
    unsaid = [
        f"{path.parent.name}/{path.name}: {name}"
        for path in FILES
        for name, text in read_statements(path).items()
        if _bare(text) not in known
    ]
    assert unsaid == []


def _bare(text: str) -> str:
    """A statement as a file and as the wire has it, made the same."""
    return " ".join(_PLACEHOLDER.sub("?", text).replace("%%", "%").split())
