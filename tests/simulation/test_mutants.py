"""The checker can fail: the mistakes of `make mutants` can all be made, and some are made here."""

import pytest

from tests.simulation.mutants.__main__ import ROOT, main
from tests.simulation.mutants.mistakes import MISTAKES

QUICK = ("the checkpoint is one too high", "followers are not parked", "redrive begins at the tail")


def test_there_are_enough_mistakes_of_every_part():
    assert len({mistake.name for mistake in MISTAKES}) >= 15
    parts = {mistake.path.partition("/")[0] for mistake in MISTAKES}
    assert parts == {"producer", "consumer", "local", "ops"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_mistake_can_be_made_in_the_code_as_it_is(mistake):
    assert (ROOT / mistake.path).read_text().count(mistake.before) == 1
    assert mistake.after != mistake.before


@pytest.mark.parametrize("name", QUICK)
def test_a_mistake_is_noticed(name, capfd):
    assert main([name]) == 0
    assert "seed" in capfd.readouterr().out


def test_without_a_mistake_nothing_is_noticed(monkeypatch, capfd):
    monkeypatch.setattr("tests.simulation.mutants.__main__.SEEDS", 5)
    monkeypatch.setattr("tests.simulation.mutants.__main__._make", lambda mistake, root: None)
    assert main([QUICK[0]]) == 1
    assert "NOT NOTICED" in capfd.readouterr().out
