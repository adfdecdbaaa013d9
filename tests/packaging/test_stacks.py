"""What root and nested stacks agree on: every parameter, every output, the order."""

import re

import pytest

from tests.packaging.rules import RuleResolver
from tests.packaging.stacks import stack, stacks
from tests.packaging.transformed import everything_in, properties, references

NESTED = {
    "Database": "database",
    "Network": "network",
    "Observability": "observability",
    "Proxy": "proxy",
}


NAMES = {
    *("After", "ApiId", "ClusterId", "KeyArn", "MappingId", "ProxyName", "StackName", "StreamName"),
    *(
        f"{name}FunctionName"
        for name in ("Producer", "Consumer", "Redrive", "Auditor", "Controller")
    ),
}
"""Parameters that only the root gives: what other resources are called."""


def test_every_nested_stack_is_one_we_mean(resources):
    found = {
        name: made["Properties"]["TemplateURL"]
        for name, made in resources.items()
        if made["Type"] == "AWS::CloudFormation::Stack"
    }
    assert found == {name: f"stacks/{file}.yaml" for name, file in NESTED.items()}
    assert set(stacks()) == set(NESTED.values())


@pytest.mark.parametrize(("name", "file"), NESTED.items())
def test_it_is_given_what_it_asks_for(resources, name, file):
    asked = stack(file)["Parameters"]
    given = properties(resources, name)["Parameters"]
    assert set(given) <= set(asked)
    assert set(asked) - set(given) <= {key for key, made in asked.items() if "Default" in made}


@pytest.mark.parametrize(("name", "file"), NESTED.items())
def test_it_takes_the_roots_defaults(template, resources, name, file):
    """A pattern of the nested stack that refused them would end a deploy in its middle."""
    resolver = RuleResolver(template, {})
    asked = stack(file)["Parameters"]
    for key, raw in properties(resources, name)["Parameters"].items():
        if references(raw) & set(resources):
            continue  # known on AWS alone
        value = str(resolver.value(raw))
        if "AllowedPattern" in asked[key]:
            assert re.search(asked[key]["AllowedPattern"], value), key
        if "AllowedValues" in asked[key]:
            assert value in map(str, asked[key]["AllowedValues"]), key
        if asked[key]["Type"] == "Number":
            low, high = asked[key].get("MinValue", 0), asked[key].get("MaxValue", 1e9)
            assert low <= float(value) <= high, key


def test_every_output_that_is_asked_for_is_there(template):
    asked = set()
    for part in everything_in(template):
        if isinstance(part, dict) and "Fn::GetAtt" in part:
            name, _, attribute = ".".join(part["Fn::GetAtt"]).partition(".")
            if attribute.startswith("Outputs."):
                asked.add((name, attribute.removeprefix("Outputs.")))
        if isinstance(part, dict) and isinstance(part.get("Fn::Sub"), str):
            asked.update(re.findall(r"\$\{(\w+)\.Outputs\.(\w+)\}", part["Fn::Sub"]))
    assert asked
    for name, output in asked:
        assert output in stack(NESTED[name])["Outputs"], f"{name}.Outputs.{output}"


@pytest.mark.parametrize("file", sorted(stacks()))
class TestEach:
    def test_it_is_plain_cloudformation(self, file):
        assert "Transform" not in stack(file), "then it would want CAPABILITY_AUTO_EXPAND"

    def test_nothing_shares_its_name_with_a_parameter(self, file):
        """`sam build` puts the parameter's value in the place of the name, and fails."""
        document = stack(file)
        named = set(document["Resources"]) | set(document["Outputs"])
        assert not named & set(document["Parameters"])

    def test_every_parameter_is_described_grouped_and_used(self, file):
        document = stack(file)
        used = references({k: document[k] for k in ("Resources", "Outputs")})
        used |= references(document.get("Conditions", {}))
        groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        assert sorted(grouped) == sorted(document["Parameters"])
        for name, declared in document["Parameters"].items():
            assert declared["Description"], name
            assert name in used, name
            bounds = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & set(declared)
            assert bounds or declared["Type"] == "CommaDelimitedList" or name in NAMES, name

    def test_what_is_made_needs_only_what_is_made(self, file):
        """A reference to a resource under a condition stands under the same, or in an Fn::If."""
        document = stack(file)
        made = document["Resources"]
        for name, resource in made.items():
            for other in references(without_ifs(resource)) & set(made):
                condition = made[other].get("Condition")
                assert condition in {None, resource.get("Condition")}, f"{name} needs {other}"

    def test_its_logs_do_not_stay_for_ever_and_are_encrypted(self, file):
        for name, made in stack(file)["Resources"].items():
            if made["Type"] == "AWS::Logs::LogGroup":
                assert made["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
                assert made["Properties"]["KmsKeyId"] == {"Ref": "KmsKeyArn"}, name


def without_ifs(raw):
    if isinstance(raw, list):
        return [without_ifs(item) for item in raw]
    if isinstance(raw, dict):
        return {key: without_ifs(item) for key, item in raw.items() if key != "Fn::If"}
    return raw
