"""What the template asks of the migrator, parsed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from contract.errors import InorderError
from login.settings import Auth
from migrations.migrate import HERE, INORDER, names
from migrations.roles import Work

_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_FOLDER = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class BadRequest(InorderError):
    """A property is missing or cannot be used; the message names it."""


class RoleAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A role to be made; `secret_arn` names its password, None is for an IAM token."""

    name: str
    work: Work
    secret_arn: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`versions`: each folder and the newest migration of it that is to be applied. `outdated`:
    the zip has newer ones, as it does when a deploy is rolled back.
    """

    versions: Mapping[Path, str]
    roles: tuple[RoleAsked, ...]
    outdated: bool


def read_request(properties: Mapping[str, Any], *, own_role: str, creating: bool) -> Request:
    """The properties of a `Custom::Migrations` (README, "Deploy it", names them); raises
    `BadRequest`.

    `own_role` is the one that the migrator logs in as, which no other function's role is made of.
    An older version than the zip's is what a roll-back asks for; a stack that is created asks for
    it by mistake.
    """
    versions = {INORDER: _version(properties, "SchemaVersion", INORDER)}
    folder = properties.get("ProjectionMigrations") or ""
    if folder:
        versions[_folder(folder)] = _version(properties, "ProjectionVersion", _folder(folder))
    behind = [
        f"{path.name}/{version}, which has {names(path)[-1]}"
        for path, version in versions.items()
        if version != names(path)[-1]
    ]
    if behind and creating:
        raise BadRequest(f"not the newest migration of its folder: {'; '.join(behind)}")
    return Request(versions=versions, roles=_roles(properties, own_role), outdated=bool(behind))


def _roles(properties: Mapping[str, Any], own_role: str) -> tuple[RoleAsked, ...]:
    auth = properties.get("ApplicationAuth") or Auth.IAM
    if auth not in tuple(Auth):
        raise BadRequest(f"ApplicationAuth is {auth!r}: expected one of {', '.join(Auth)}")
    secret_arn = properties.get("ApplicationSecretArn") or None
    if auth == Auth.SECRET and secret_arn is None:
        raise BadRequest("ApplicationAuth is secret: name the secret with ApplicationSecretArn")
    asked = []
    if application := _role(properties, "ApplicationRole", own_role):
        asked.append(
            RoleAsked(
                name=application,
                work=Work.APPLICATION,
                secret_arn=secret_arn if auth == Auth.SECRET else None,
            )
        )
    # People have no secret that a function could read: an operator's role is for IAM.
    if operator := _role(properties, "OperatorRole", own_role):
        asked.append(RoleAsked(name=operator, work=Work.OPERATOR))
    return tuple(asked)


def _role(properties: Mapping[str, Any], name: str, own_role: str) -> str | None:
    role = properties.get(name) or ""
    if role and not _ROLE.fullmatch(role):
        raise BadRequest(f"{name} is {role!r}: expected up to 63 letters, digits, _ and -")
    return role if role != own_role else None


def _folder(name: str) -> Path:
    if not _FOLDER.fullmatch(name):
        raise BadRequest(f"ProjectionMigrations is {name!r}: expected a folder of migrations/")
    return HERE / name


def _version(properties: Mapping[str, Any], name: str, folder: Path) -> str:
    version = str(properties.get(name) or "")
    if version not in names(folder):
        raise BadRequest(
            f"{name} is {version!r}: this function has no such migration, its newest is "
            f"{names(folder)[-1]!r}; deploy code and template together"
        )
    return version
