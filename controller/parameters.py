"""What is kept in Parameter Store: the state between two periods, and the operator's hand.

Parameter Store has no conditional write, but numbers its versions: a write that does not get the
number after the one that was read met another writer, who decided at the same time. Then this one
does not act. What both wrote is a decision of the same kind, and what the mapping really is
corrects either in the next period.
"""

from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from contract import InorderError
from controller import hand, state
from controller.hand import Hand
from controller.state import State


class ParametersAway(InorderError):
    """Parameter Store did not answer or refused; the message names the parameter."""


class NotAlone(InorderError):
    """Somebody else wrote the state since it was read: this turn must not act."""


class Ssm(Protocol):
    """What is asked of boto3's client."""

    def get_parameter(self, **request: Any) -> dict[str, Any]: ...

    def put_parameter(self, **request: Any) -> dict[str, Any]: ...


class Remembered(NamedTuple):
    """The state, the version it was read at (0: there was none), and what was wrong with it."""

    state: State
    version: int
    problem: str = ""


def read_state(client: Ssm, name: str) -> Remembered:
    """What was remembered, `State()` where nothing usable was; raises `ParametersAway`."""
    text, version = _get(client, name)
    try:
        return Remembered(state.read(text), version)
    except state.UnreadableState as error:
        return Remembered(State(), version, f"{error}; begun anew")


def write_state(client: Ssm, name: str, new: State, *, after: int) -> None:
    """Remember; raises `NotAlone` if it was not version `after` that this replaced."""
    version = _put(client, name, state.write(new))
    if version != after + 1:
        raise NotAlone(
            f"{name} is at version {version}, expected {after + 1}: somebody else decided"
        )


def read_hand(client: Ssm, name: str) -> Hand:
    """What the operator ordered; raises `hand.BadHand` and `ParametersAway`."""
    return hand.read(_get(client, name)[0])


def write_hand(client: Ssm, name: str, new: Hand) -> None:
    """Order something; raises `ParametersAway`."""
    _put(client, name, hand.write(new))


def _get(client: Ssm, name: str) -> tuple[str, int]:
    try:
        found = client.get_parameter(Name=name)["Parameter"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return "{}", 0
        raise ParametersAway(f"{name}: {error}") from error
    except BotoCoreError as error:
        raise ParametersAway(f"{name}: {error}") from error
    return found["Value"], found["Version"]


def _put(client: Ssm, name: str, value: str) -> int:
    try:
        answer = client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    except (BotoCoreError, ClientError) as error:
        raise ParametersAway(f"{name}: {error}") from error
    return int(answer["Version"])
