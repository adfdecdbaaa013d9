"""Pins: complete, exact, one version of a package for the tests and for the zips they stand for."""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.environments import install_rie

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(ROOT.glob("*/requirements.in"))
SETS = sorted([*FUNCTIONS, *(ROOT / "requirements").glob("*.in")])


def lines(path: Path) -> list[str]:
    stripped = (line.strip() for line in path.read_text().splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def pins(path: Path) -> dict[str, str]:
    found = {}
    for line in lines(path):
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{path.name}: {line}"
        assert "*" not in pin.version, f"{path.name}: {line}"
        found[canonicalize_name(requirement.name)] = pin.version
    return found


def asked_for(path: Path) -> list[Requirement]:
    """What an .in file asks for, itself and through `-r`."""
    found = []
    for line in lines(path):
        if line.startswith("-r "):
            found += asked_for(path.parent / line.removeprefix("-r "))
        else:
            found.append(Requirement(line))
    return found


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_a_set_for_every_place_that_runs():
    assert {named(path) for path in SETS} >= {
        "consumer/requirements.in",
        "producer/requirements.in",
        "requirements/dev.in",
        "requirements/kinesis.in",
        "requirements/local.in",
        "requirements/pins.in",
        "requirements/sam.in",
    }


@pytest.mark.parametrize("asked", SETS, ids=named)
def test_what_is_asked_for_is_pinned(asked):
    compiled = pins(asked.with_suffix(".txt"))
    for requirement in asked_for(asked):
        version = compiled.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not in the compiled file: run `make pins`"
        assert version in requirement.specifier, f"{requirement} against {version}: `make pins`"


@pytest.mark.parametrize("asked", SETS, ids=named)
def test_what_is_asked_for_is_exact(asked):
    for requirement in asked_for(asked):
        assert [pin.operator for pin in requirement.specifier] == ["=="], str(requirement)


@pytest.mark.parametrize("asked", FUNCTIONS, ids=named)
@pytest.mark.parametrize("local", ["local", "dev"])
def test_a_zip_holds_the_versions_that_were_tested(asked, local):
    tested = pins(ROOT / f"requirements/{local}.txt")
    shipped = pins(asked.with_suffix(".txt"))
    assert {name: tested.get(name) for name in shipped} == shipped


def test_these_tests_run_on_the_pins():
    installed = {canonicalize_name(found.name): found.version for found in metadata.distributions()}
    expected = pins(ROOT / "requirements/dev.txt")
    assert {name: installed.get(name) for name in expected} == expected


def test_the_consumer_ships_no_sdk():
    """The SDK is a third of a zip and half of a cold start, and Lambda's runtime has one."""
    shipped = pins(ROOT / "consumer/requirements.txt")
    assert not {"boto3", "botocore"} & set(shipped)


def test_the_emulator_comes_from_the_pinned_sam_cli():
    name, _, version = install_rie.SAM_CLI.partition("==")
    assert pins(ROOT / "requirements/sam.txt")[name] == version


def test_the_runtime_client_is_pinned_with_all_it_needs():
    needed = metadata_requirements()
    pinned = {
        canonicalize_name(Requirement(pin).name): pin for pin in install_rie.RUNTIME_CLIENT_NEEDS
    }
    assert set(pinned) == needed


def metadata_requirements() -> set[str]:
    """What the installed runtime client says it requires."""
    runtime = ROOT / ".tools/rie/runtime"
    if not runtime.is_dir():
        pytest.skip("the Lambda runtime client is not installed: run `make setup` (Linux only)")
    (client,) = metadata.distributions(name="awslambdaric", path=[str(runtime)])
    wanted = (Requirement(line) for line in client.requires or ())
    return {
        canonicalize_name(one.name)
        for one in wanted
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }
