"""samconfig.toml: every place builds in the source tree and asks for what the template takes."""

import re
import tomllib
from pathlib import Path

import pytest

from migrations.settings import check
from tests.packaging.rules import RuleResolver

CONFIG = tomllib.loads((Path(__file__).resolve().parents[2] / "samconfig.toml").read_text())
PLACES = ["default", "localstack", "staging", "prod"]


def overrides(place: str) -> dict[str, str]:
    given = CONFIG[place]["deploy"]["parameters"].get("parameter_overrides", [])
    return dict(item.split("=", 1) for item in given)


def test_these_are_the_places():
    assert [name for name in CONFIG if name != "version"] == PLACES


@pytest.mark.parametrize("place", PLACES)
def test_it_builds_in_the_source_tree(place):
    """A section inherits nothing from `default`, so each says it."""
    assert CONFIG[place]["build"]["parameters"]["build_in_source"] is True


@pytest.mark.parametrize("place", PLACES)
def test_it_may_create_roles_without_fixed_names_and_nested_stacks(place):
    given = CONFIG[place]["deploy"]["parameters"]["capabilities"]
    assert given.split() == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.mark.parametrize("place", PLACES)
def test_the_template_takes_what_it_gives(template, place):
    for name, value in overrides(place).items():
        declared = template["Parameters"][name]
        if "AllowedValues" in declared:
            assert value in {str(allowed) for allowed in declared["AllowedValues"]}, name
        if "AllowedPattern" in declared:
            assert re.fullmatch(declared["AllowedPattern"], value), name
        if declared["Type"] == "Number":
            low = declared.get("MinValue", 0)
            assert low <= float(value) <= declared.get("MaxValue", float("inf")), name


@pytest.mark.parametrize("place", PLACES)
def test_the_rules_let_it_through_and_it_adds_up(template, place):
    resolver = RuleResolver(template, overrides(place))
    assert resolver.refusals() == []
    assert check(resolver.settings())["Digest"]


def test_localstack_gets_what_it_has_and_asks_nothing():
    given = overrides("localstack")
    assert given["WithApi"] == "false"
    assert given["DatabaseMode"] == "external"
    assert given["GradualDeploys"] == "false"
    assert CONFIG["localstack"]["deploy"]["parameters"]["confirm_changeset"] is False


@pytest.mark.parametrize("place", ["staging", "prod"])
def test_the_cap_leaves_room_for_every_batch_that_may_run(template, place):
    """A cap below shards times factor throttles the mapping itself."""
    resolver = RuleResolver(template, overrides(place))
    values = resolver.parameters()
    mapping = template["Resources"]["ConsumerFunctionStream"]["Properties"]
    at_once = values["ShardCount"] * resolver.value(mapping["ParallelizationFactor"])
    assert values["ConsumerConcurrency"] >= at_once


def test_production_asks_before_it_changes():
    assert CONFIG["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
    assert overrides("prod")["Environment"] == "prod"
