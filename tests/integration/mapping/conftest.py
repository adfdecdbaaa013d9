"""Real Kinesis endpoints on loopback, and a runner put together as the demo does."""

import time
import uuid
from pathlib import Path

import pytest

from local.environments.function import Function
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from local.kinesis.ministack import ministack
from local.kinesis.resharding import is_installed, kinesalite
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import Folder, MappingIdentity
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream

CODE = Path(__file__).parent / "code"


@pytest.fixture(scope="session")
def endpoint():
    with ministack() as started:
        yield started


@pytest.fixture(scope="session")
def resharding_endpoint():
    if not is_installed():
        pytest.skip("kinesalite is not installed (make setup): nothing here can be resharded")
    with kinesalite() as started:
        yield started


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


@pytest.fixture
def given_up(tmp_path):
    return tmp_path / "given-up"


@pytest.fixture
def function(diary):
    """The diary handler; keywords are its environment variables."""

    def make(**environment):
        return Function(
            name="diary",
            handler="diary_handler.handler",
            timeout_seconds=10,
            environment={"DIARY": str(diary), **environment},
            code=CODE,
        )

    return make


@pytest.fixture
def pool(function):
    """A pool of child processes; keywords are the function's environment variables."""
    pools = []

    def make(concurrency=8, **environment):
        made = EnvironmentPool(
            lambda: ChildProcess(function(**environment)), concurrency=concurrency
        )
        pools.append(made)
        return made

    yield make
    for made in pools:
        made.stop()


@pytest.fixture
def stream_of(endpoint):
    """Creates a stream of the test's own; (client, name, the stream as the runner reads it)."""

    def make(shards=2, of=endpoint, kind=KinesisStream):
        name = f"s-{uuid.uuid4().hex}"
        arn = of.create_stream(name, shards)
        client = of.client()
        return client, name, kind(client, StreamIdentity(arn))

    return make


@pytest.fixture
def run(given_up):
    """Starts a runner; keywords beyond the pool are settings or the runner's own."""
    runners = []

    def start(stream, pool, *, undocumented=None, checkpoints=None, observe=None, **settings):
        settings.setdefault("report_batch_item_failures", True)
        identity = MappingIdentity(
            mapping_id="mapping-1", function_arn="arn:of:function", stream=stream.identity
        )
        runner = MappingRunner(
            stream,
            pool,
            Folder(given_up, identity),
            MappingSettings(**settings),
            undocumented=undocumented,
            checkpoints=checkpoints,
            **({"observe": observe} if observe else {}),
        )
        runners.append(runner)
        return runner.start()

    yield start
    for runner in runners:
        runner.stop(drain=False)


@pytest.fixture
def until():
    """Waits for a condition, with a bound."""

    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not (met := condition()):
            assert time.monotonic() < deadline, "the condition does not come true"
            time.sleep(0.005)
        return met

    return wait
