"""The stack on LocalStack: built and deployed by the commands of the README."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.localstack.endpoint import LocalStack

ROOT = Path(__file__).resolve().parents[2]
SAM = (str(ROOT / ".tools/sam/bin/python"), "-m", "samcli")
CONFIG = ("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "localstack")
NAME = "inorder-local"
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The deployed stack: its outputs by name."""

    localstack: LocalStack
    outputs: Mapping[str, str]

    def client(self, service: str):
        return self.localstack.client(service)


def build(folder: Path) -> Path:
    """`sam build` for this machine; the built template."""
    _sam(
        *("build", *CONFIG, "--build-dir", str(folder)),
        *("--parameter-overrides", f"Architecture={ARCHITECTURE}"),
        variables={"ARCHITECTURE": ARCHITECTURE, "AWS_DEFAULT_REGION": "us-east-1"},
    )
    return folder / "template.yaml"


def deploy(localstack: LocalStack, template: Path, parameters: Mapping[str, str]) -> Stack:
    """`sam deploy` of a built template, as a new stack or as its update."""
    bucket = "inorder-artifacts"  # of ours: SAM's own would be waited for, a quarter of a minute
    localstack.client("s3").create_bucket(Bucket=bucket)
    _sam(
        *("deploy", *CONFIG, "--template-file", str(template)),
        *("--no-resolve-s3", "--s3-bucket", bucket, "--no-progressbar"),
        *("--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())),
        variables={**localstack.variables, "SAM_CLI_POLL_DELAY": "1"},
    )
    return described(localstack)


def described(localstack: LocalStack) -> Stack:
    (stack,) = localstack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Stack(localstack=localstack, outputs=outputs)


def delete(localstack: LocalStack) -> None:
    """Not `sam delete`, which reads no URL of a nested template but AWS's own."""
    client = localstack.client("cloudformation")
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(
        StackName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def _sam(*arguments: str, variables: Mapping[str, str]) -> str:
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    done = subprocess.run(
        [*SAM, *arguments],
        cwd=ROOT,
        env={**environment, "SAM_CLI_TELEMETRY": "0", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, f"sam {arguments[0]}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
