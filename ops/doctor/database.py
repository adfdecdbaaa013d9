"""Proxy, cluster and schema, held against the design. Pure."""

from collections.abc import Iterator

from ops.doctor.facts import ClusterFacts, Facts, FunctionFacts, Missing, ProxyFacts, Unknown
from ops.doctor.findings import Finding, Judge
from ops.doctor.stream import REDEPLOY

FEW_BACKUP_DAYS = 7


def check(facts: Facts) -> Iterator[Finding]:
    """Everything about the database; proxy and cluster only where the stack has them."""
    if facts.stack.parameters.get("DatabaseMode", "aurora") == "aurora":
        yield from Judge("proxy").seen(facts.proxy, lambda proxy: _proxy(facts, proxy))
        yield from Judge("cluster").seen(facts.cluster, lambda cluster: _cluster(facts, cluster))
    yield from _schema(facts)


def _proxy(facts: Facts, proxy: ProxyFacts) -> Iterator[Finding]:
    judge = Judge("proxy")
    if proxy.status != "available":
        yield judge.wrong(
            f"is {proxy.status}", why="nobody can log in", fix="wait, or look at its events in RDS"
        )
    if not proxy.requires_tls:
        yield judge.wrong(
            "takes connections without TLS", why="IAM tokens could be read", fix=REDEPLOY
        )
    if proxy.auth != "IAM_AUTH":
        yield judge.warning(
            f"authenticates by {proxy.auth or 'secrets'}",
            why="the functions sign IAM tokens, and no password is meant to exist",
            fix=REDEPLOY,
        )
    if proxy.logs_statements:
        yield judge.warning(
            "has debug logging on",
            why="it writes statements into a log, and costs speed; RDS switches it off after a day",
            fix=f"aws rds modify-db-proxy --db-proxy-name {proxy.name} --no-debug-logging",
        )
    if not proxy.targets:
        yield judge.wrong(
            "has no target", why="there is no database behind it", fix="deploy the stack again"
        )
    for target in proxy.targets:
        if target.state != "AVAILABLE":
            yield judge.wrong(
                f"does not reach {target.name}: {target.state} {target.reason}".rstrip(),
                why="no connection is opened to it",
                fix=_for_target(target.reason),
            )
    if proxy.pinned:
        yield judge.wrong(
            f"has {proxy.pinned} pinned sessions",
            why="a pinned session keeps its connection, and the proxy shares none",
            fix="look in the proxy's log for what pins, most likely in the projection",
        )
    consumer = facts.functions.get("consumer")
    if isinstance(consumer, FunctionFacts) and proxy.borrow_seconds >= consumer.timeout_seconds:
        yield judge.warning(
            f"lets clients wait {proxy.borrow_seconds} s for a connection",
            why=f"the consumer is ended after {consumer.timeout_seconds} s, and looks like a death",
            fix="sam deploy with a smaller ProxyBorrowTimeoutSeconds",
        )


def _cluster(facts: Facts, cluster: ClusterFacts) -> Iterator[Finding]:
    judge = Judge("cluster")
    strict = judge.wrong if facts.stack.is_production else judge.warning
    if cluster.engine != "aurora-postgresql":
        yield judge.wrong(
            f"is {cluster.engine}", why="the consumer speaks PostgreSQL", fix="another cluster"
        )
    if cluster.status != "available":
        yield judge.wrong(
            f"is {cluster.status}", why="it may not take writes", fix="wait, or look at its events"
        )
    if not cluster.writers:
        yield judge.wrong(
            "has no writer", why="nothing can be applied", fix="deploy the stack again"
        )
    if not cluster.takes_iam:
        yield judge.wrong(
            "does not take IAM tokens", why="the proxy logs in with them", fix=REDEPLOY
        )
    if not cluster.encrypted:
        yield judge.wrong(
            "is not encrypted",
            why="orders lie on AWS's disks in the clear",
            fix="it cannot be switched on: restore a snapshot into an encrypted cluster",
        )
    if not cluster.protected:
        yield strict(
            "is not protected from deletion",
            why="deleting the stack by mistake takes it along",
            fix=f"aws rds modify-db-cluster --db-cluster-identifier {cluster.name}"
            " --deletion-protection",
        )
    if cluster.backup_days < FEW_BACKUP_DAYS:
        yield judge.warning(
            f"keeps backups for {cluster.backup_days} days",
            why="a mistake that is found later cannot be undone",
            fix=f"sam deploy with BackupRetentionDays={FEW_BACKUP_DAYS} or more",
        )
    if facts.stack.is_production and not cluster.readers:
        yield judge.warning(
            "has no reader",
            why="a failover has to make a new instance first, which takes minutes",
            fix="sam deploy with AuroraReader=true",
        )


def _schema(facts: Facts) -> Iterator[Finding]:
    judge = Judge("schema")
    found, ships = facts.schema, facts.ships
    if isinstance(found, Unknown):
        yield judge.unknown("its version is not known", why=found.why)
    elif isinstance(found, Missing):
        yield judge.wrong(
            "was never migrated",
            why="the consumer finds no tables",
            fix="make migrate, or sam deploy",
        )
    elif found < ships:
        yield judge.wrong(
            f"is at {found}, and this checkout ships {ships}",
            why="code that is newer than its tables stops; migrations come first in a deploy",
            fix="sam deploy, or make migrate for an external database",
        )
    elif found > ships:
        yield judge.warning(
            f"is at {found}, and this checkout ends with {ships}",
            why="this checkout is older than what is deployed: do not judge by it, nor deploy it",
            fix="git pull",
        )


def _for_target(reason: str) -> str:
    if "AUTH" in reason:
        return "the proxy's role needs rds-db:connect for the user, and the user needs rds_iam"
    if "UNREACHABLE" in reason or "CONNECTION" in reason:
        return "the database's security group has to admit the proxy's"
    return "wait while it registers; else look at the instance"
