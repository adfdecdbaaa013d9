"""The consumer's own numbers, out of a log that grows and in which a process may have died."""

import json
from pathlib import Path

from contract.metrics import Metric
from local.demo.counts import ConsumerCounts


def line(**fields: object) -> str:
    return json.dumps({"_aws": {}, **fields}) + "\n"


def test_metrics_add_up_as_the_log_grows(tmp_path: Path) -> None:
    log = tmp_path / "log"
    counts = ConsumerCounts(log)
    counts.update()
    assert counts[Metric.EVENTS_APPLIED] == 0
    log.write_text(line(EventsApplied=[3.0], EventsParked=[1.0]) + line(EventsHeld=2)[:20])
    counts.update()
    assert (counts[Metric.EVENTS_APPLIED], counts.parked) == (3, 1)
    with log.open("a") as more:
        more.write(line(EventsHeld=2)[20:] + '{"_aws": cut off\n' + line(EventsApplied=[4.0, 1.0]))
    counts.update()
    assert (counts[Metric.EVENTS_APPLIED], counts.parked) == (8, 3)


def test_every_problem_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    log = tmp_path / "log"
    counts = ConsumerCounts(log, told.append)
    for message in ("batch interrupted", "code stopped", "event parked"):
        with log.open("a") as more:
            more.write(json.dumps({"message": message, "problem": f"{message}, why"}) + "\n")
        counts.update()
        counts.update()
    with log.open("a") as more:
        more.write(json.dumps({"message": "code stopped", "problem": "code stopped, why"}) + "\n")
    counts.update()
    assert told == ["batch interrupted, why", "code stopped, why"]
