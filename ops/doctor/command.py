"""`inorder doctor`: what is wrong with a deployed stack, why it matters, and what to type."""

from functools import cache
from typing import Annotated, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from cyclopts import Parameter

from ops.doctor import database, stream, upkeep
from ops.doctor.collecting import collect
from ops.doctor.facts import Facts, MappingFacts, Missing, NoAws, StreamFacts, Unknown
from ops.doctor.findings import Finding, Level, exit_code
from ops.doctor.looking import Clients
from ops.options import Json
from ops.output import say, show_json

_QUICK = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})
_MARKS = {Level.WRONG: "✗", Level.WARNING: "!", Level.UNKNOWN: "?"}


def doctor(
    *,
    stack: Annotated[str, Parameter(env_var="INORDER_STACK", help="The root stack's name")],
    region: Annotated[str | None, Parameter(help="Its region, unless AWS_REGION says so")] = None,
    json: Json = False,
) -> int:
    """Look whether a deployed stack is what the design needs; changes nothing.

    Exits with 1 if something is wrong, with 3 if something could not be seen.
    """
    try:
        facts = collect(_clients(region), stack)
    except BotoCoreError as error:
        raise NoAws(f"AWS cannot be asked: {error}") from error
    findings = examine(facts)
    if json:
        show_json(_document(facts, findings))
    else:
        _show(facts, findings)
    return exit_code(findings)


def examine(facts: Facts) -> list[Finding]:
    """Everything that is to be said, the worst first. Pure."""
    found = [*stream.check(facts), *database.check(facts), *upkeep.check(facts)]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def _clients(region: str | None) -> Clients:
    session = boto3.Session(region_name=region)
    return cache(lambda service: session.client(service, config=_QUICK))


def _document(facts: Facts, findings: list[Finding]) -> dict[str, Any]:
    return {
        "stack": facts.stack.name,
        "findings": [msgspec.to_builtins(finding) for finding in findings],
        "facts": msgspec.to_builtins(facts),
    }


def _show(facts: Facts, findings: list[Finding]) -> None:
    say(_sentence(facts))
    for finding in findings:
        say(f"{_MARKS[finding.level]} {finding.subject}: {finding.what}")
        say(f"    because {finding.why}")
        say(f"    -> {finding.fix}")
    counts = {level: sum(one.level is level for one in findings) for level in Level}
    if findings:
        say("; ".join(f"{count} {level}" for level, count in counts.items() if count))
    else:
        say("nothing is wrong")


def _sentence(facts: Facts) -> str:
    """What was looked at, in a line or two."""
    stack, found, on = facts.stack, facts.mapping, facts.stream
    said = f"stack {stack.name} ({stack.parameters.get('Environment', '?')}): {stack.status}"
    if isinstance(on, StreamFacts):
        said += f"; {on.shards} shards, kept {on.retention_hours} h"
    if isinstance(found, MappingFacts):
        said += (
            f"; mapping {found.state}, batches of {found.batch_size} or {found.window_seconds} s, "
            f"factor {found.factor}, last result: {found.last_result or 'none yet'}"
        )
    kinds = (Missing, Unknown)
    seen = sum(not isinstance(one, kinds) for one in facts.functions.values())
    watching = sum(not isinstance(one, kinds) for one in facts.alarms.values())
    return f"{said}; {seen} functions and {watching} alarms looked at"
