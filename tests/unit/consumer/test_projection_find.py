"""Finding the projection that a setting names, or saying what is missing."""

import sys
from types import ModuleType

import pytest

from consumer.orders import Orders
from consumer.projection import BadProjection, find


class Complete:
    """Everything the protocol asks for."""

    def load(self, cursor, order_ids):
        return {}

    def apply(self, state, event):
        return state

    def save(self, cursor, states):
        pass


class WantsArguments(Complete):
    def __init__(self, table):
        self.table = table


class WithoutSave:
    load = apply = Complete.load


class NotCallable(Complete):
    apply = None


class RaisesWhenMade(Complete):
    def __init__(self):
        raise ValueError("no such table")


@pytest.fixture
def shop(monkeypatch):
    """A module named `shop` that holds this file's projections."""
    module = ModuleType("shop")
    for name in ("Complete", "WantsArguments", "WithoutSave", "NotCallable", "RaisesWhenMade"):
        setattr(module, name, globals()[name])
    module.ready = Complete()
    module.number = 7
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


def test_the_one_that_is_shipped():
    assert isinstance(find("consumer.orders:Orders"), Orders)


def test_a_class_is_made_and_an_object_is_taken_as_it_is(shop):
    assert isinstance(find("shop:Complete"), Complete)
    assert find("shop:ready") is shop.ready


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "expected package.module:Name"),
        (":", "expected package.module:Name"),
        ("shop", "expected package.module:Name"),
        ("shop:", "expected package.module:Name"),
        (":Complete", "expected package.module:Name"),
        ("no_such_module:Complete", "No module named 'no_such_module'"),
        ("shop:Missing", "no attribute 'Missing'"),
        ("shop:WantsArguments", "missing 1 required positional argument: 'table'"),
        ("shop:RaisesWhenMade", "no such table"),
        ("shop:WithoutSave", "has no method save()"),
        ("shop:NotCallable", "has no method apply()"),
        ("shop:number", "has no method load()"),
    ],
)
def test_what_is_missing_is_said(shop, name, problem):
    with pytest.raises(BadProjection) as caught:
        find(name)
    assert problem in str(caught.value)
    assert repr(name) in str(caught.value)
