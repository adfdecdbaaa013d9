"""Functions, logs, alarms and the stack itself, held against the design. Pure."""

from collections.abc import Iterator
from functools import partial

from ops.doctor.facts import AlarmFacts, Facts, FunctionFacts, StackFacts, TopicFacts
from ops.doctor.findings import Finding, Judge
from ops.doctor.stream import REDEPLOY

ALIASED = {"producer", "consumer"}
"""Functions that callers reach by their alias, so that a deploy can be taken back."""
SILENT = {"WARN", "ERROR", "FATAL"}


def check(facts: Facts) -> Iterator[Finding]:
    """Everything that watches, or is watched, beside the way of an event."""
    yield from _stack(facts.stack)
    for name, function in facts.functions.items():
        yield from Judge(f"function {name}").seen(function, partial(_function, facts, name))
    yield from _alarms(facts)


def _stack(stack: StackFacts) -> Iterator[Finding]:
    judge = Judge("stack")
    if stack.status.endswith("_IN_PROGRESS"):
        yield judge.warning(
            f"is {stack.status}", why="a deploy is under way", fix="ask again when it is over"
        )
    elif "ROLLBACK" in stack.status or "FAILED" in stack.status:
        yield judge.wrong(
            f"is {stack.status}",
            why="what runs is not what was deployed last",
            fix=f"aws cloudformation describe-stack-events --stack-name {stack.name}",
        )
    if stack.is_production and not stack.protected:
        yield judge.warning(
            "is not protected from deletion",
            why="deleting it takes the instances before the cluster's own protection stops it",
            fix="aws cloudformation update-termination-protection"
            f" --stack-name {stack.name} --enable-termination-protection",
        )


def _function(facts: Facts, name: str, function: FunctionFacts) -> Iterator[Finding]:
    judge = Judge(f"function {name}")
    if function.state != "Active":
        yield judge.wrong(
            f"is {function.state} {function.state_reason}".rstrip(),
            why="an invocation fails, or waits; Inactive means unused for two weeks",
            fix="invoke it once; if that does not help, deploy again",
        )
    if function.update_status == "Failed":
        yield judge.wrong("could not be updated", why="the code before it runs", fix="deploy again")
    if function.log_format != "JSON" or function.application_level in SILENT:
        yield judge.wrong(
            f"logs {function.log_format} from {function.application_level or 'no level'} on",
            why="metrics are log lines of the level INFO: they are gone, and alarms with them",
            fix=REDEPLOY,
        )
    if function.system_level == "WARN":
        yield judge.warning(
            "does not log what the platform reports",
            why="duration and memory of an invocation are missing when they are needed",
            fix=REDEPLOY,
        )
    if function.stack_name != facts.stack.name:
        yield judge.wrong(
            f"says its stack is {function.stack_name or 'none'} (STACK_NAME)",
            why="alarms and dashboard look for its metrics under this stack's name",
            fix=REDEPLOY,
        )
    if function.log_days is None:
        yield judge.warning(
            "keeps its logs for ever",
            why="they cost more every month, and hold order ids",
            fix=f"aws logs put-retention-policy --log-group-name {function.log_group}"
            " --retention-in-days 30",
        )
    if name in ALIASED and not function.alias_version:
        yield judge.warning(
            "has no alias live", why="a deploy cannot be taken back by itself", fix=REDEPLOY
        )
    if function.shifting:
        yield judge.warning(
            f"sends {function.shifting:.0%} to a new version",
            why="a deploy is under way",
            fix="ask again when it is over",
        )


def _alarms(facts: Facts) -> Iterator[Finding]:
    judge = Judge("alarms")
    if not facts.alarms:
        yield judge.warning(
            "there are none", why="nobody is told", fix="sam deploy with WithAlarms=true"
        )
    for name, alarm in facts.alarms.items():
        yield from Judge(f"alarm {name}").seen(
            alarm, _alarm, why="it was deleted by hand, and nobody is told"
        )
    for name, topic in facts.topics.items():
        yield from Judge(f"topic {name}").seen(
            topic, _topic, why="it was deleted by hand, and nobody is told"
        )


def _alarm(alarm: AlarmFacts) -> Iterator[Finding]:
    judge = Judge(f"alarm {alarm.name}")
    if not alarm.speaks:
        yield judge.wrong(
            "tells nobody",
            why="its actions were switched off or taken away",
            fix=f"aws cloudwatch enable-alarm-actions --alarm-names {alarm.name}",
        )
    if alarm.state == "ALARM":
        yield judge.wrong("is in ALARM", why=alarm.reason, fix="its section in docs/runbook.md")


def _topic(topic: TopicFacts) -> Iterator[Finding]:
    judge = Judge(f"topic {topic.name}")
    if not topic.listening:
        yield judge.warning(
            f"nobody listens ({topic.pending} not confirmed yet)",
            why="alarms change their state, and nobody is told",
            fix="confirm the subscription in the mail AWS sent, or subscribe somebody",
        )
