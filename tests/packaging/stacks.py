"""The nested stacks as they stand in stacks/: plain CloudFormation, nothing to transform."""

from typing import Any

from local.mapping.intrinsics import load
from tests.packaging.transformed import ROOT

FOLDER = ROOT / "stacks"
UNIQUE = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
"""The stack's own UUID."""


def stack(name: str) -> dict[str, Any]:
    """A nested template as plain values, intrinsic functions in their long form."""
    return load((FOLDER / f"{name}.yaml").read_text())


def stacks() -> dict[str, dict[str, Any]]:
    """Every nested template by its name."""
    return {path.stem: stack(path.stem) for path in sorted(FOLDER.glob("*.yaml"))}
