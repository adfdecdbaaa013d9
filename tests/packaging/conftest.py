"""The template as CloudFormation gets it, the zips as Lambda gets them, and what was measured."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.environments import install_rie
from local.environments.environment import Ending
from tests.events.generate import HERE as EVENTS
from tests.packaging.emulated import emulated, need_emulator
from tests.packaging.zips import ZIPS, Built, LambdaPython, build, find_lambda_python

ROOT = Path(__file__).resolve().parents[2]
SAM_PYTHON = ROOT / ".tools/sam/bin/python"

Invoke = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def template():
    """template.yaml after the SAM transform, parameters not yet filled in."""
    if not SAM_PYTHON.exists():
        pytest.fail("the SAM CLI is missing: run `make setup`")
    answer = subprocess.run(
        [SAM_PYTHON, Path(__file__).with_name("translate.py"), ROOT / "template.yaml"],
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    return json.loads(answer.stdout)


@pytest.fixture(scope="session")
def resources(template):
    return template["Resources"]


@pytest.fixture(scope="session", params=["consumer", "producer", "migrations", "controller"])
def shipped(request, tmp_path_factory) -> Built:
    """A function as `sam build` makes it for AWS: arm64, Python 3.13."""
    return build(request.param, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="session")
def lambda_python(note) -> LambdaPython:
    """A Python of Lambda's version, or the running one where this machine has none."""
    found = find_lambda_python()
    if not found.is_lambdas:
        note(f"no Python 3.13 here: the zips were run on Python {found.version}")
    return found


@pytest.fixture(scope="session")
def runnable(tmp_path_factory, lambda_python):
    """Functions built by the same rule for this machine, each once: `runnable("consumer")`."""
    made: dict[str, Built] = {}

    def get(name: str) -> Built:
        if name not in made:
            made[name] = build(name, tmp_path_factory.mktemp("runnable"), lambda_python)
        return made[name]

    return get


@pytest.fixture(scope="session")
def tools(tmp_path_factory, lambda_python):
    need_emulator()
    return install_rie.runtime_for(lambda_python.version, tmp_path_factory.mktemp("rie"))


@pytest.fixture
def start(runnable, lambda_python, tools) -> Iterator[Callable[..., Invoke]]:
    """`start("consumer", DATABASE_URL=…)` gives a function that invokes with a golden event."""
    with ExitStack() as running:

        def start_one(name: str, **variables: str) -> Invoke:
            environment = running.enter_context(
                emulated(name, runnable(ZIPS[name]), lambda_python, tools, variables)
            )

            def invoke(event: str) -> dict[str, Any]:
                result = environment.invoke((EVENTS / event).read_bytes())
                log = (tools / f"{name}.log").read_text()
                assert result.ending is Ending.ANSWERED, f"{result}\n{log}"
                return result.answer

            return invoke

        yield start_one
