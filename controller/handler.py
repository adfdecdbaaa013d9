"""The Lambda entry point: one turn of the loop, every minute, logged with its reasons."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.session import get_session

from contract import InorderError
from contract.metrics import NAMESPACE, Metric, dimensions
from controller import mapping, parameters, retention, settings, signals
from controller.breaker import Phase
from controller.control import Around, Turn, turn
from controller.hand import BadHand
from controller.mapping import NotActuated
from controller.observation import Observation
from controller.parameters import NotAlone
from controller.state import State

logger = Logger(service="controller")
metrics = Metrics(namespace=NAMESPACE, service="controller")
metrics.set_default_dimensions(**dimensions())

BREAKER = {Phase.CLOSED: 0, Phase.HALF_OPEN: 1, Phase.OPEN: 2}

SERVICES = ("cloudwatch", "lambda", "kinesis", "ssm")

_LATE_SECONDS = 5.0
"""Less than this after its second a turn is made at once."""

_PATIENT = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3})


class Parts(NamedTuple):
    """What lives as long as the execution environment."""

    settings: settings.Settings
    cloudwatch: Any
    functions: Any
    kinesis: Any
    ssm: Any


@cache
def parts() -> Parts:
    """Settings and clients, made at the first call; raises what is wrong with them."""
    session = get_session()
    return Parts(
        settings.read(),
        *(session.create_client(name, config=_PATIENT) for name in SERVICES),
    )


class Aws:
    """The world as AWS shows it."""

    def __init__(self, made: Parts, now: float) -> None:
        self._made, self._now = made, now
        self._version = 0

    def remembered(self) -> State:
        found = parameters.read_state(self._made.ssm, self._made.settings.state)
        if found.problem:
            logger.error("state begun anew", extra={"problem": found.problem})
        self._version = found.version
        return found.state

    def observe(self) -> Around:
        made, given = self._made, self._made.settings
        try:
            hand = parameters.read_hand(made.ssm, given.hand)
        except BadHand as error:
            logger.error("the operator's order cannot be read", extra={"problem": str(error)})  # noqa: TRY400 - the message says it all
            hand = None
        shards, kept = mapping.shards_and_retention(made.kinesis, given.stream)
        return Around(
            minutes=signals.minutes(made.cloudwatch, given, self._now),
            mapping=mapping.look(made.functions, given.mapping),
            shards=shards,
            retention=kept,
            hand=hand,
        )

    def remember(self, state: State) -> None:
        parameters.write_state(
            self._made.ssm, self._made.settings.state, state, after=self._version
        )

    def actuate(self, change: dict[str, Any]) -> None:
        mapping.actuate(self._made.functions, self._made.settings.mapping, change)


@metrics.log_metrics
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - the schedule's event says nothing
    """One turn. It raises nothing for what AWS does not answer: then `ControlBlind` is 1, nothing
    is changed, and the next turn looks again.
    """
    cold = not parts.cache_info().currsize
    _count(Metric.COLD_STARTS, int(cold))
    made = parts()
    _await(made.settings.second)
    blind = refused = 0
    answer: dict[str, Any] = {}
    try:
        done = turn(Aws(made, time.time()), made.settings.bounds, time.time())
        answer = _report(done, made)
    except (NotAlone, NotActuated) as error:
        refused = 1
        logger.warning(
            "not carried out: the next period decides anew", extra={"problem": str(error)}
        )
    except (InorderError, OSError) as error:
        blind = 1
        logger.exception("no decision", extra={"problem": str(error)})
    _count(Metric.CONTROL_BLIND, blind)
    _count(Metric.CONTROL_REFUSED, refused)
    return answer


def _await(second: int | None) -> None:
    """A schedule fires at some second of the minute. The sums of the minute before come in during
    the first ones, and a change made early enough leaves the next minute whole: a turn too late in
    its minute would see what it has done another one later.
    """
    if second is None:
        return
    wait = (second - time.time()) % signals.MINUTE
    if wait <= signals.MINUTE - _LATE_SECONDS:
        time.sleep(wait)


def _report(done: Turn, made: Parts) -> dict[str, Any]:
    decision, seen = done.decision, done.seen
    state = decision.state
    factor = seen.mapping.factor if state.wanted is None else state.wanted.factor
    _count(Metric.CONCURRENCY_FACTOR, factor)
    _count(Metric.CONCURRENCY_TARGET, factor * seen.shards)
    _count(Metric.CONCURRENCY_CHANGES, int(bool(done.change) and made.settings.bounds.acts))
    _count(Metric.BREAKER_STATE, BREAKER[state.breaker.phase])
    used = round(retention.used_percent(state.age, seen.retention), 2)
    metrics.add_metric(name=Metric.RETENTION_USED_PERCENT, unit=MetricUnit.Percent, value=used)
    said = {
        "reasons": list(decision.reasons),
        "change": done.change,
        "acts": made.settings.bounds.acts,
        "breaker": str(state.breaker.phase),
        "factor": factor,
        "shards": seen.shards,
        "newest": _plain(seen),
    }
    for alarm in decision.alarms:
        logger.error(alarm)
    logger.info("decided", extra=said)
    return said


def _plain(seen: Observation) -> dict[str, Any] | None:
    newest = seen.minutes[-1] if seen.minutes else None
    return None if newest is None else msgspec.structs.asdict(newest)


def _count(name: Metric, value: float) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
