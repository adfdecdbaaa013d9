"""The Makefile: what it lists, when it installs again, and what a build rule refuses."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.packaging.zips import BUILT_AS, SHARED, ZIPS

ROOT = Path(__file__).resolve().parents[2]
IN_VENV = ["created", "local", "ops", "bench", "dev"]
IN_TOOLS = ["checkov", "kinesis", "moto", "node", "peers", "resharding", "rie", "roots", "sam"]
STAMPS = [
    *(f".venv/{name}.stamp" for name in IN_VENV),
    *(f".tools/{name}.stamp" for name in IN_TOOLS),
]


def make(tree: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    clean.pop("MFLAGS", None)
    clean |= environment
    return subprocess.run(
        ["make", *arguments],
        cwd=tree,
        env=clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def tree(tmp_path):
    """A copy of what make reads, in a path with a space, everything installed by its stamps."""
    copy = tmp_path / "a clone"
    for folder in (
        "requirements",
        "contract",
        "login",
        "consumer",
        "producer",
        "local/environments",
    ):
        shutil.copytree(ROOT / folder, copy / folder)
    for file in ("Makefile", "template.yaml"):
        shutil.copy(ROOT / file, copy / file)
    long_ago = time.time() - 3600
    for path in copy.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    for number, stamp in enumerate(STAMPS):
        path = copy / stamp
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (long_ago + 60 + number, long_ago + 60 + number))
    return copy


def test_make_alone_lists_the_targets():
    listed = make(ROOT)
    assert listed.returncode == 0, listed.stderr
    names = [line.split()[1] for line in listed.stdout.splitlines()]
    assert names[:1] == ["help"]
    assert {"demo", "setup", "test", "check", "build", "pins", "clean"} <= set(names)
    assert all(len(line.split()) > 3 for line in listed.stdout.splitlines()), "a line each"


def test_the_demo_installs_no_development_tools(tree):
    shutil.rmtree(tree / ".venv")
    shutil.rmtree(tree / ".tools")
    planned = make(tree, "-n", "demo")
    assert planned.returncode == 0, planned.stderr
    assert "-r requirements/local.txt" in planned.stdout
    assert "-r requirements/kinesis.txt" in planned.stdout
    assert "dev.txt" not in planned.stdout
    assert "sam.txt" not in planned.stdout


def test_what_is_installed_is_not_installed_again(tree):
    planned = make(tree, "-n", "setup")
    assert planned.returncode == 0, planned.stderr
    assert "install" not in planned.stdout.replace("-m pip", "pip"), planned.stdout


@pytest.mark.parametrize(
    ("changed", "target", "installs"),
    [
        ("requirements/local.txt", "demo", ["local"]),
        ("requirements/local.txt", "test", ["local", "ops", "bench", "dev"]),
        ("requirements/dev.txt", "test", ["dev"]),
        ("requirements/dev.txt", "demo", []),
        ("requirements/ops.txt", "test", ["ops", "bench", "dev"]),
        ("requirements/ops.txt", "inorder", ["ops"]),
        ("requirements/kinesis.txt", "demo", ["kinesis"]),
        ("requirements/sam.txt", "check", ["sam"]),
        ("requirements/checkov.txt", "check", ["checkov"]),
        ("requirements/checkov.txt", "test", []),
        ("requirements/sam.txt", "demo", []),
    ],
)
def test_a_changed_set_is_installed_again(tree, changed, target, installs):
    (tree / changed).touch()
    planned = make(tree, "-n", target)
    sets = ("local", "ops", "bench", "dev", "checkov", "kinesis", "moto", "sam")
    assert [name for name in sets if f"-r requirements/{name}.txt" in planned.stdout] == installs


@pytest.mark.parametrize("target", [f"build-{name.capitalize()}Function" for name in ZIPS])
@pytest.mark.parametrize("where", [[], ["ARTIFACTS_DIR=."]])
def test_a_build_that_would_harm_the_source_is_refused(tree, target, where):
    before = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    refused = make(tree, target, *where)
    assert refused.returncode != 0
    assert "ARTIFACTS_DIR" in refused.stderr
    assert sorted(path.relative_to(tree) for path in tree.rglob("*")) == before


def test_what_only_this_machine_needs_stays_here(tree):
    """The rule by itself: `true` stands in for pip."""
    for folder in ("consumer/__pycache__", "contract/__pycache__", "consumer/tests"):
        (tree / folder).mkdir(exist_ok=True)
        (tree / folder / "left.py").touch()
    built = make(tree, "build-ConsumerFunction", "ARTIFACTS_DIR=out", "PYTHON=true")
    assert built.returncode == 0, built.stderr
    left = {path.name for path in (tree / "out").rglob("*")}
    assert "handler.py" in left
    assert not {"left.py", "__pycache__", "tests", "requirements.in", "requirements.txt"} & left


def test_a_module_that_is_gone_leaves_the_build(tree):
    (tree / "consumer/old.py").touch()
    make(tree, "build-ConsumerFunction", "ARTIFACTS_DIR=out", "PYTHON=true")
    assert (tree / "out/consumer/old.py").exists()
    (tree / "consumer/old.py").unlink()
    make(tree, "build-ConsumerFunction", "ARTIFACTS_DIR=out", "PYTHON=true")
    assert not (tree / "out/consumer/old.py").exists()


def test_sam_finds_a_rule_for_every_function(template):
    functions = {
        name
        for name, made in template["Resources"].items()
        if made["Type"] == "AWS::Lambda::Function"
    }
    assert functions
    for name in functions:
        planned = make(ROOT, "-n", f"build-{name}", "ARTIFACTS_DIR=build/nowhere")
        assert planned.returncode == 0, planned.stderr
        assert "requirements.txt" in planned.stdout


def test_functions_of_one_folder_have_the_same_zip():
    """What the other tests find of the consumer's zip holds for redrive and the auditor."""
    planned = {name: make(ROOT, "-n", f"build-{name.capitalize()}Function") for name in ZIPS}
    for name, folder in ZIPS.items():
        assert planned[name].returncode == 0, planned[name].stderr
        assert f"cp -R {' '.join(SHARED[folder])} {folder} " in planned[name].stdout
        rule = planned[name].stdout.replace(name.capitalize(), "")
        built_as = BUILT_AS[folder]
        assert rule == planned[built_as].stdout.replace(built_as.capitalize(), "")


def test_an_old_python_is_named_as_the_trouble(tree, tmp_path):
    """Where no Python is new enough, make says so instead of failing somewhere inside pip."""
    old = tmp_path / "old"
    old.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)
    shutil.rmtree(tree / ".venv")
    refused = make(tree, "demo", PATH=f"{old}:{os.environ['PATH']}")
    assert refused.returncode != 0
    assert "Python 3.11 or newer" in refused.stderr


@pytest.mark.parametrize("has_node", [True, False])
def test_node_is_brought_along_only_where_there_is_none(tree, tmp_path, has_node):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "sh", "env"):
        (tools / name).symlink_to(shutil.which(name))
    if has_node:
        for name in ("node", "npm"):
            (tools / name).write_text("#!/bin/sh\nexit 0\n")
            (tools / name).chmod(0o755)
    (tree / ".tools/node.stamp").unlink()
    (tree / ".tools/resharding.stamp").unlink()
    planned = make(tree, "-n", ".tools/resharding.stamp", "PYTHON=python3", PATH=str(tools))
    assert planned.returncode == 0, planned.stderr
    assert ("-r requirements/node.txt" in planned.stdout) is not has_node
