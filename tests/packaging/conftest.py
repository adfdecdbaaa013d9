"""The template as CloudFormation gets it, and where the project's own tools are."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAM_PYTHON = ROOT / ".tools/sam/bin/python"


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
