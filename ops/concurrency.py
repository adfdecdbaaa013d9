"""`inorder concurrency`: what the controller decided and why, and the operator's hand on it."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from contract import InorderError
from controller import parameters
from controller.hand import MOST_FACTOR, BadHand, Hand
from controller.mapping import MappingUnknown, look
from controller.parameters import Remembered
from ops import person
from ops.decisions import Refused
from ops.options import Because, Json
from ops.output import say, show_facts, show_json, show_table

app = App(name="concurrency", help="See what the controller decides; pin, pause, and take it back.")

Stack = Annotated[str | None, Parameter(help="The CloudFormation stack (default: INORDER_STACK)")]

_LEVELS = ("concurrency", "events_a_second", "ms_per_event", "minutes")


@app.command
def show(*, stack: Stack = None, json: Json = False) -> None:
    """The last decision with its reasons, the mapping as it is, and what an operator ordered."""
    ssm = _client("ssm")
    name = _stack(stack)
    found = parameters.read_state(ssm, _parameter(name, "state"))
    facts = _facts(found, _hand_or_problem(ssm, name), _mapping(name))
    levels = [
        dict(zip(_LEVELS, (k.concurrency, k.throughput, k.service_ms, k.minutes), strict=True))
        for k in found.state.levels.known
    ]
    if json:
        show_json(facts | {"levels": levels})
        return
    show_facts({key: _words(value) for key, value in facts.items()})
    if levels:
        show_table("What the database was seen to do", _LEVELS, levels)


@app.command
def pin(factor: int, /, *, because: Because, stack: Stack = None) -> None:
    """Hold the parallelization factor at this, until `release`. The breaker stays in force."""
    if not 1 <= factor <= MOST_FACTOR:
        raise Refused(f"a parallelization factor is 1 to {MOST_FACTOR}, not {factor}")
    _order(stack, because, pinned=factor)
    say(f"pinned to {factor}: in force within a minute")


@app.command
def release(*, because: Because, stack: Stack = None) -> None:
    """Let the controller choose the factor again."""
    _order(stack, because, pinned=None)
    say("released: the controller chooses again, within a minute")


@app.command
def pause(*, because: Because, stack: Stack = None) -> None:
    """Stop the stream where it is, until `resume`. Records keep their place, and age."""
    _order(stack, because, paused=True)
    say("paused: the mapping is disabled within a minute; records wait on the stream, and expire")


@app.command
def resume(*, because: Because, stack: Stack = None) -> None:
    """Let the stream go on from where it was stopped."""
    _order(stack, because, paused=False)
    say("resumed: the mapping is enabled within a minute")


def _order(stack: str | None, because: str, **changes: Any) -> None:
    """What is not changed stays as it was ordered; an order that cannot be read is written anew."""
    ssm, name = _client("ssm"), _parameter(_stack(stack), "hand")
    try:
        before = parameters.read_hand(ssm, name)
    except BadHand:
        before = Hand()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = msgspec.structs.replace(before, by=person.name(), because=because, at=now, **changes)
    parameters.write_hand(ssm, name, new)


def _facts(found: Remembered, hand: Hand | str, mapping: dict[str, Any]) -> dict[str, Any]:
    state = found.state
    decided = None if state.wanted is None else msgspec.structs.asdict(state.wanted)
    at = datetime.fromtimestamp(state.at, UTC) if state.at else None
    return {
        "decided_at": at,
        "decided": decided,
        "reasons": [*([found.problem] if found.problem else []), *state.reasons],
        "breaker": str(state.breaker.phase),
        "oldest_record_seconds": round(state.age.seconds),
        "operator": hand if isinstance(hand, str) else _said(hand),
        "mapping": mapping,
    }


def _said(hand: Hand) -> str:
    """The order in words; its author too, also of one that took something back."""
    wants = [
        *([f"pinned to {hand.pinned}"] if hand.pinned is not None else []),
        *(["paused"] if hand.paused else []),
    ]
    by = f" (by {hand.by} at {hand.at}: {hand.because})" if hand.by else ""
    return (", ".join(wants) or "nothing ordered") + by


def _hand_or_problem(ssm: parameters.Ssm, stack: str) -> Hand | str:
    try:
        return parameters.read_hand(ssm, _parameter(stack, "hand"))
    except BadHand as error:
        return str(error)


def _mapping(stack: str) -> dict[str, Any]:
    """The mapping as Lambda has it; {} with the problem where it cannot be asked."""
    try:
        uuid = _mapping_id(stack)
        return msgspec.structs.asdict(look(_client("lambda"), uuid))
    except (MappingUnknown, NoSuchStack) as error:
        return {"unknown": str(error)}


class NoSuchStack(InorderError):
    """The stack or its output is not there; the message says which."""


def _mapping_id(stack: str) -> str:
    given = os.environ.get("INORDER_MAPPING")
    if given:
        return given
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    try:
        answer = _client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        raise NoSuchStack(f"stack {stack}: {error}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in answer.get("Outputs", ())}
    if "ConsumerMappingId" not in outputs:
        raise NoSuchStack(f"stack {stack} has no output ConsumerMappingId")
    return str(outputs["ConsumerMappingId"])


def _words(value: Any) -> Any:
    if isinstance(value, list):
        return "\n".join(value) or None
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return value


def _stack(given: str | None) -> str:
    name = given or os.environ.get("INORDER_STACK")
    if not name:
        raise Refused("which stack? Say --stack NAME, or set INORDER_STACK")
    return name


def _parameter(stack: str, which: str) -> str:
    """The parameter's name, as the template has it (`ConcurrencyState`, `ConcurrencyHand`)."""
    return f"/inorder/{stack}/concurrency/{which}"


def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415 - slow to import, and most commands do without
    from botocore.config import Config  # noqa: PLC0415 - as above

    quick = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3})
    return boto3.client(service, config=quick)
