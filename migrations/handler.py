"""The Lambda entry point of the migrations: the custom resource `Custom::Migrations`.

It runs before new code does and while old code still runs, so what it applies has to leave the old
code working (docs/decisions/0014). A roll-back brings the old properties: then nothing is done,
since migrations go forward only. It connects to the cluster itself, not through the proxy, as the
role that owns the schema.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any

from psycopg.conninfo import make_conninfo

from login import settings
from login.connecting import parameters
from login.secret import password
from login.settings import DatabaseSettings
from login.signing import credentials
from migrations.custom_resource import ANSWER_SECONDS, Context, serve
from migrations.migrate import apply
from migrations.request import Request, RoleAsked, read_request
from migrations.roles import Role, prepare

PHYSICAL_ID = "inorder-migrations"

log = logging.getLogger()
log.setLevel(logging.INFO)

# yoyo notes who migrated, and raises where the user has no name.
os.environ.setdefault("LOGNAME", "migrator")


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Migrate, make the roles, and answer CloudFormation with `Version` and `Applied`."""
    seconds = context.get_remaining_time_in_millis() / 1_000 - 2 * ANSWER_SECONDS
    serve(event, context, physical_id=PHYSICAL_ID, work=lambda: _migrate(event, seconds))


def _migrate(event: Mapping[str, Any], seconds: float) -> dict[str, str]:
    given = settings.read(os.environ)
    asked = read_request(
        event["ResourceProperties"],
        own_role=given.db_user,
        creating=event["RequestType"] == "Create",
    )
    version = next(iter(asked.versions.values()))
    if asked.outdated:
        log.warning(
            "asked for %s, this function has newer ones: rolled back? doing nothing", version
        )
        return {"Version": version, "Applied": ""}
    url = _url(given)
    applied = apply(url, asked.versions, up_to=asked.versions, seconds=seconds)
    log.info("applied: %s", ", ".join(applied) or "nothing, up to date")
    prepare(url, _roles(asked, given))
    log.info("roles: %s", ", ".join(role.name for role in asked.roles) or "none asked for")
    return {"Version": version, "Applied": ", ".join(applied)}


def _url(given: DatabaseSettings) -> str:
    return make_conninfo(**parameters(given))


def _roles(asked: Request, given: DatabaseSettings) -> list[Role]:
    return [
        Role(
            name=role.name,
            work=role.work,
            iam=role.secret_arn is None,
            password=_password(role, given),
        )
        for role in asked.roles
    ]


def _password(role: RoleAsked, given: DatabaseSettings) -> str | None:
    if role.secret_arn is None:
        return None
    return password(
        role.secret_arn,
        credentials(os.environ),
        seconds=given.connect_seconds,
        environment=os.environ,
    )
