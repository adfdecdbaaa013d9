"""The tree is at home anywhere: it names no registry and no path of the machine it was made on."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

REGISTRY_HOSTS = re.compile(r"\b(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com)\b")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=60,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def places_of_this_machine() -> set[str]:
    """The checkout, the folder it lies in, and the user's home, as they would be written."""
    shared = {Path("/"), Path(tempfile.gettempdir()).resolve()}
    own = {ROOT, ROOT.parent, Path.home()} - shared
    return {f"{path}/" for path in own}


def mentions(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry():
    assert mentions(REGISTRY_HOSTS) == []


def test_no_file_names_a_path_of_this_machine():
    own = "|".join(re.escape(place) for place in sorted(places_of_this_machine()))
    assert mentions(re.compile(own)) == []
