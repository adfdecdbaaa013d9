"""The template as CloudFormation gets it, the zips as Lambda gets them, and what was measured."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.zips import Built, LambdaPython, build, find_lambda_python

ROOT = Path(__file__).resolve().parents[2]
SAM_PYTHON = ROOT / ".tools/sam/bin/python"

_notes: list[str] = []


@pytest.fixture(scope="session")
def note():
    """Say one line at the end of the run: a size, a time, what stood in for what."""
    return _notes.append


def pytest_terminal_summary(terminalreporter):
    for line in _notes:
        terminalreporter.write_line(f"packaging: {line}")


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


@pytest.fixture(scope="session", params=["consumer", "producer"])
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
