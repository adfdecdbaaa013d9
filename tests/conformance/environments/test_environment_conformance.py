"""What every execution environment promises; the real runtime client is the measure."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.environments.environment import Ending

SIX_MEGABYTES = 6 * 1024 * 1024


def event(do, **arguments):
    return json.dumps({"do": do, **arguments}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [],
        "",
        0,
        {"batchItemFailures": []},
        {"batchItemFailures": [{"itemIdentifier": "49680418835379671030330830604202811125"}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        "žluťoučký 🐎",
    ],
    ids=repr,
)
def test_an_answer_is_passed_through(start, answer):
    result = start().invoke(event("answer", answer=answer))
    assert (result.ending, result.answer) == (Ending.ANSWERED, answer)


def test_what_the_handler_raises_is_a_failure_with_its_type_and_message(start):
    result = start().invoke(event("fail", message="no such order"))
    assert (result.ending, result.error_type, result.error_message) == (
        Ending.FAILED,
        "ValueError",
        "no such order",
    )


def test_an_answer_that_is_no_json_is_a_failure(start):
    result = start().invoke(event("not_json"))
    assert (result.ending, result.error_type) == (Ending.FAILED, "Runtime.MarshalError")
    assert "not JSON serializable" in result.error_message


def test_a_failure_leaves_the_environment_warm(start):
    environment = start()
    before = environment.invoke(event("count")).answer
    environment.invoke(event("fail", message=""))
    assert environment.invoke(event("count")).answer == before + 2


def test_a_payload_of_six_megabytes_arrives_whole(start):
    payload = event("measure", text="x" * (SIX_MEGABYTES - 60))
    assert SIX_MEGABYTES - 60 < len(payload) <= SIX_MEGABYTES
    assert start().invoke(payload).answer == SIX_MEGABYTES - 60


def test_a_timeout_is_reported_when_it_comes(start):
    environment = start(timeout_seconds=1)
    environment.invoke(event("answer", answer=1))
    before = time.monotonic()
    result = environment.invoke(event("sleep", seconds=8))
    assert result.ending is Ending.TIMED_OUT
    assert result.error_message == "Task timed out after 1.00 seconds"
    assert 0.9 < time.monotonic() - before < 4


def test_after_a_timeout_the_next_invocation_is_answered(start):
    environment = start(timeout_seconds=1)
    assert environment.invoke(event("sleep", seconds=3)).ending is Ending.TIMED_OUT
    assert environment.invoke(event("answer", answer=7)).answer == 7


def test_a_handler_that_never_lets_go_times_out(start_isolated):
    environment = start_isolated(timeout_seconds=1)
    assert environment.invoke(event("spin")).ending is Ending.TIMED_OUT
    assert environment.invoke(event("answer", answer=7)).answer == 7


def test_a_crash_is_reported_with_its_exit_status(start_isolated):
    result = start_isolated().invoke(event("crash", status=3))
    assert (result.ending, result.error_type) == (Ending.CRASHED, "Runtime.ExitError")
    assert result.error_message.endswith("Runtime exited with error: exit status 3")


def test_after_a_crash_a_new_process_answers(start_isolated):
    environment = start_isolated()
    first = environment.invoke(event("pid")).answer
    environment.invoke(event("crash", status=1))
    second = environment.invoke(event("pid")).answer
    assert isinstance(second, int)
    assert first != second


def test_the_same_process_answers_as_long_as_it_lives(start_isolated):
    environment = start_isolated()
    assert len({environment.invoke(event("pid")).answer for _ in range(5)}) == 1


@pytest.mark.parametrize("handler", ["no_such_module.handler", "environment_handler.no_such_name"])
def test_a_handler_that_cannot_be_loaded_is_a_failure_every_time(start, handler):
    environment = start(handler=handler)
    for _ in range(2):
        result = environment.invoke(event("answer", answer=1))
        assert result.ending in {Ending.FAILED, Ending.CRASHED}
        assert re.match(r"Runtime\.\w+", result.error_type)


def test_the_context_says_what_lambda_says(start):
    said = start().invoke(event("context")).answer
    assert said["name"] == "conformance"
    assert said["version"] == "$LATEST"
    assert said["arn"].endswith(":function:conformance")
    assert said["memory"] == "512"
    assert said["group"] == "/aws/lambda/conformance"
    assert said["stream"]
    assert len(said["request_id"]) == 36
    assert 5_000 < said["remaining"] <= 10_000


def test_variables_are_the_functions_own(start_isolated, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")
    environment = start_isolated()
    assert environment.invoke(event("variable", name="GREETING")).answer == "hello"
    assert environment.invoke(event("variable", name="SECRET_OF_THE_PARENT")).answer is None
    assert environment.invoke(event("variable", name="_HANDLER")).answer == (
        "environment_handler.handler"
    )


def test_what_is_printed_lands_in_the_log(start_isolated, log):
    environment = start_isolated()
    environment.invoke(event("print", text="a line of the function"))
    environment.stop()
    assert "a line of the function" in log.read_text()


def test_several_environments_run_at_once(start, tmp_path):
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    environments = [start() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        results = threads.map(
            lambda numbered: numbered[1].invoke(
                event("meet", folder=str(meeting), name=str(numbered[0]), parties=3)
            ),
            enumerate(environments),
        )
    assert [result.answer for result in results] == ["together"] * 3


def test_it_ends_when_it_is_stopped_also_while_it_works(start_isolated, tmp_path, until_exists):
    environment = start_isolated()
    mark = tmp_path / "at-work"
    with ThreadPoolExecutor(1) as threads:
        invocation = threads.submit(environment.invoke, event("sleep", seconds=9, mark=str(mark)))
        until_exists(mark)
        environment.stop()
        assert invocation.result(timeout=8).ending is Ending.CRASHED
    assert environment.pids == ()
    assert environment.invoke(event("answer", answer=1)).ending is Ending.CRASHED
