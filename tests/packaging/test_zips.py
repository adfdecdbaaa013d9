"""What goes to Lambda: this function's folder, the contract, its pins, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from consumer import sources
from tests.packaging.test_pins import pins
from tests.packaging.zips import SHARED

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000

# Lambda's runtime has an SDK of its own: redrive reads the on-failure bucket with it.
FROM_THE_RUNTIME = {
    "consumer": {"boto3"},
    "producer": set(),
    "migrations": set(),
    "controller": set(),
}

# A function without aggregates needs no protobuf (contract/kpl_message.py).
_AGGREGATES = {"kpl.py", "kpl_message.py"}
NOT_IMPORTED = {"migrations": _AGGREGATES, "controller": _AGGREGATES}


BUILT = {"consumer": {"consumer/sources.digest"}}
"""What the build adds beside bytecode."""


def pinned(name: str) -> dict[str, str]:
    return pins(ROOT / name / "requirements.txt")


def test_it_holds_the_folder_and_the_contract_whole(shipped):
    for package in (shipped.name, *SHARED[shipped.name]):
        source = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        expected = {path for path in source if not Path(path).name.startswith("requirements.")}
        expected |= BUILT.get(package, set())
        found = {path for path in shipped.files() if path.startswith(f"{package}/")}
        assert {path for path in found if not path.endswith(".pyc")} == expected


def test_it_holds_its_pins_and_no_other_package(shipped):
    found = {}
    for path in shipped.folder.glob("*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        found[canonicalize_name(name)] = version
    assert found == pinned(shipped.name)


def test_everything_at_its_root_belongs_to_a_pin(shipped):
    """No bin/, no template, no other function's folder."""
    recorded = {shipped.name, *SHARED[shipped.name]}
    for record in shipped.folder.glob("*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            recorded.add(line.split(",")[0].split("/")[0])
        recorded.add(record.parent.name)
    found = {path.name for path in shipped.folder.iterdir()} - {"__pycache__"}
    assert found <= recorded
    assert not (shipped.folder / "bin").exists()


def test_it_holds_no_tests(shipped):
    unwanted = {"tests", "test", ".mypy_cache", ".ruff_cache"}
    assert [name for name in shipped.files() if unwanted & set(name.split("/"))] == []


def test_every_module_is_compiled_for_lambdas_python_and_not_checked(shipped, lambda_python, note):
    """What the file system says of a source's time is worth nothing in a zip, and a path of the
    building machine is nobody's business.
    """
    compiled = {name for name in shipped.files() if name.endswith(".pyc")}
    if not lambda_python.is_lambdas:
        note("no Python 3.13 here: the zips have no bytecode, and start more slowly")
        assert compiled == set()
        return
    modules = [name for name in shipped.files() if name.endswith(".py")]
    assert modules
    for name in modules:
        folder, _, file = name.rpartition("/")
        cache = f"{folder}/__pycache__/" if folder else "__pycache__/"
        pyc = f"{cache}{file.removesuffix('.py')}.cpython-313.pyc"
        assert pyc in compiled, name
        content = (shipped.folder / pyc).read_bytes()
        assert int.from_bytes(content[4:8], "little") == 0b01, f"{pyc}: hash-based, unchecked"
        assert str(shipped.folder).encode() not in content, pyc
    assert len(compiled) == len(modules), "bytecode without its source"


def test_its_binaries_are_for_arm64_and_this_python(shipped):
    """A wheel of the building machine would import here and fail there."""
    binaries = [name for name in shipped.files() if ".so" in Path(name).suffixes]
    assert binaries
    for name in binaries:
        header = (shipped.folder / name).read_bytes()[:20]
        assert header[:4] == b"\x7fELF", name
        assert int.from_bytes(header[18:20], "little") == 183, f"{name} is not for aarch64"
        if ".cpython-" in name:
            assert ".cpython-313-" in name, name


def test_its_size(shipped, tmp_path, note):
    size = shipped.zipped(tmp_path / "function.zip").stat().st_size
    unpacked = sum((shipped.folder / name).stat().st_size for name in shipped.files())
    note(f"{shipped.name} zip {size / MEGABYTE:.1f} MB, unpacked {unpacked / MEGABYTE:.1f} MB")
    assert (
        size
        <= {"consumer": 15, "producer": 50, "migrations": 15, "controller": 50}[shipped.name]
        * MEGABYTE
    )
    assert unpacked <= 250 * MEGABYTE, "Lambda takes no more (Lambda quotas)"


@pytest.mark.parametrize("name", sorted(SHARED))
def test_it_imports_alone(runnable, lambda_python, name):
    """Every module of the zip's own, with no site-packages and nothing of this repository."""
    built = runnable(name)
    modules = [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in built.files()
        if path.startswith(tuple(f"{package}/" for package in (name, *SHARED[name])))
        and path.endswith(".py")
        and path.rpartition("/")[2] not in NOT_IMPORTED.get(name, ())
    ]
    assert f"{name}.handler" in modules
    script = f"import sys; sys.path[:0] = [{str(built.folder)!r}]\n" + "\n".join(
        f"import {module}" for module in modules
    )
    done = subprocess.run(
        [lambda_python.executable, "-I", "-S", "-B", "-c", script],
        cwd="/",
        env={"AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_build_says_what_its_sources_are(runnable):
    built = runnable("consumer").folder
    files = sources.sources(built / folder for folder in ("contract", "consumer"))
    assert (built / "consumer/sources.digest").read_text() == sources.digest_of(files)


SLOW = {
    "asyncio": "psycopg's other half; login/driver.py stands in for it",
    "boto3": "for the bucket, in the function that reads it",
    "ctypes": "psycopg's search for a libpq; login/driver.py",
    "google.protobuf": "contract.kpl_message, where there is an aggregate",
    "http.client": "login.secret, where the password is in one",
    "importlib.metadata": "psycopg's version; login/driver.py",
    "inspect": "dataclasses and Powertools; login/standing_in.py",
    "jmespath": "Powertools' queries over events; consumer/imports.py",
    "sysconfig": "where time zones are; login/driver.py",
    "typing_extensions": "what typing has; consumer/imports.py",
    "subprocess": "in the function that starts one",
}
"""What a cold start does not wait for, and who imports it when it is needed."""


@pytest.mark.parametrize(
    "handler", ["consumer.handler", "consumer.redrive.handler", "consumer.audit.handler"]
)
def test_a_cold_start_imports_nothing_slow(runnable, lambda_python, handler):
    script = f"import sys; sys.path[:0] = [{str(runnable('consumer').folder)!r}]\n"
    script += f"import {handler}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [lambda_python.executable, "-I", "-S", "-B", "-c", script],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    imported = set(done.stdout.split())
    assert handler in imported
    assert {name: SLOW[name] for name in SLOW.keys() & imported} == {}


def test_every_import_is_pinned_by_the_function_itself(shipped):
    """A package that only another pin brings along could leave with it."""
    asked = {
        canonicalize_name(line.split("==")[0].split("[")[0])
        for line in (ROOT / shipped.name / "requirements.in").read_text().splitlines()
        if line
    }
    provides = {
        "google": "protobuf",
        "aws_kinesis_agg": "aws-kinesis-agg",
        "yoyo": "yoyo-migrations",
    }
    own = {shipped.name, *SHARED[shipped.name]}
    for package in own:
        for path in (shipped.folder / package).rglob("*.py"):
            if path.name in NOT_IMPORTED.get(shipped.name, ()):
                continue
            for name in third_party(path) - own - FROM_THE_RUNTIME[shipped.name]:
                provided_by = canonicalize_name(provides.get(name, name))
                assert provided_by in asked, f"{path.name} imports {name}"


def third_party(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)
