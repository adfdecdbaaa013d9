"""What the function is told by its environment, parsed once at cold start."""

import os
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from contract import InorderError
from controller.bounds import Bounds
from controller.hand import MOST_FACTOR


class BadSetting(InorderError):
    """A setting is missing or cannot be used; the message names the variable."""


class Mode(StrEnum):
    ON = "on"
    DRY_RUN = "dry-run"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`mapping` is the event source mapping's UUID; `state` and `hand` are names of SSM parameters.
    `proxy` and `cluster` are None where there are none, and their signals with them.
    `second` is that of each minute at which a turn is made, None to make it at once.
    """

    mapping: str
    stream: str
    function: str
    stack: str
    state: str
    hand: str
    proxy: str | None
    cluster: str | None
    bounds: Bounds
    second: int | None


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in these variables; raises `BadSetting`."""
    mode = _mode(environment)
    bounds = Bounds(
        lowest=_number(environment, "LOWEST_FACTOR", 1, 1, MOST_FACTOR),
        most=_number(environment, "HIGHEST_FACTOR", MOST_FACTOR, 1, MOST_FACTOR),
        concurrency=_number(environment, "CONSUMER_CONCURRENCY", 0, 0, 10_000),
        batch_size=_number(environment, "BATCH_SIZE", 500, 1, 10_000),
        window=_number(environment, "WINDOW_SECONDS", 1, 0, 300),
        timeout_ms=1_000 * _number(environment, "CONSUMER_TIMEOUT_SECONDS", 60, 1, 900),
        backlog_ms=1_000 * _number(environment, "BACKLOG_SECONDS", 10, 1, 86_400),
        acts=mode is Mode.ON,
    )
    if bounds.lowest > bounds.most:
        raise BadSetting(
            f"LOWEST_FACTOR is {bounds.lowest}, above HIGHEST_FACTOR, which is {bounds.most}"
        )
    window_ms = 2_000 * bounds.window
    return Settings(
        mapping=_text(environment, "MAPPING_ID"),
        stream=_text(environment, "STREAM_NAME"),
        function=_text(environment, "CONSUMER_FUNCTION"),
        stack=_text(environment, "STACK_NAME"),
        state=_text(environment, "STATE_PARAMETER"),
        hand=_text(environment, "HAND_PARAMETER"),
        proxy=environment.get("PROXY_NAME") or None,
        cluster=environment.get("CLUSTER_ID") or None,
        # A record that waits for its window is not in a backlog.
        bounds=msgspec.structs.replace(bounds, backlog_ms=bounds.backlog_ms + window_ms),
        second=_number(environment, "TURN_SECOND", 20, 0, 59) or None,
    )


def _mode(environment: Mapping[str, str]) -> Mode:
    text = environment.get("CONCURRENCY_CONTROL") or Mode.DRY_RUN
    try:
        return Mode(text)
    except ValueError:
        raise BadSetting(f"CONCURRENCY_CONTROL is {text!r}: expected {', '.join(Mode)}") from None


def _text(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name)
    if not text:
        raise BadSetting(f"{name} is not set")
    return text


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadSetting(f"{name} is {text!r}: expected a whole number from {low} to {high}")
    return int(text)
