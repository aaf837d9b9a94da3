"""Asks MLflow for the version behind an alias without its client, which takes seconds to import.

A server is asked by its documented call, a database by its tables. Whatever is unusual (a fault, another
address, credentials, workspaces) is `NotToldError`: the client, which knows all of that, is asked instead.
"""

import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import sqlalchemy as sa

from soccer_assets.loopback import certificates
from soccer_assets.resources.resource_error import ResourceError

# https://mlflow.org/docs/latest/api_reference/rest-api.html#get-model-version-by-alias
_CALL = "/api/2.0/mlflow/registered-models/alias"
_SECONDS = 3.0
# Settings of the client that change how a server is asked.
_CREDENTIALS = ("MLFLOW_TRACKING_", "MLFLOW_REGISTRY_", "MLFLOW_WORKSPACE")
_DELETED = "Deleted_Internal"
_ALIASES = sa.text(
    "SELECT v.version, v.run_id, v.current_stage, t.value FROM registered_model_aliases a"
    " LEFT JOIN model_versions v ON v.name = a.name AND v.version = a.version"
    " LEFT JOIN model_version_tags t ON t.name = v.name AND t.version = v.version AND t.key = :tag"
    " WHERE a.name = :name AND a.alias = :alias"
)


class NotToldError(ResourceError):
    """Only MLflow's client can answer."""


class FoundVersion(NamedTuple):
    """A version of the registered model, and the value of one of its tags."""

    version: str
    run_id: str
    tag: str


class _Tag(msgspec.Struct, frozen=True):
    key: str
    value: str = ""


class _ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    run_id: str = ""
    tags: tuple[_Tag, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    model_version: _ModelVersion


class _Refusal(msgspec.Struct, frozen=True):
    error_code: str = ""


def version_of_alias(
    url: str, model: str, alias: str, tag: str, env: Mapping[str, str] = os.environ
) -> FoundVersion | None:
    """The version with an alias; None where there is none.

    Args:
        url: MLflow's tracking and registry address, a server or a database.
        model: name of the registered model.
        alias: such as ``champion``.
        tag: the tag whose value is asked.
        env: where the client's settings are.

    Raises:
        NotToldError: the client must be asked.
    """
    try:
        if url.startswith(("http://", "https://")):
            return _of_server(url, model, alias, tag, env)
        return _of_database(url, model, alias, tag)
    except (httpx.HTTPError, msgspec.MsgspecError, sa.exc.SQLAlchemyError, OSError, ImportError) as error:
        raise NotToldError(str(error)) from error


def _of_server(url: str, model: str, alias: str, tag: str, env: Mapping[str, str]) -> FoundVersion | None:
    if any(name.startswith(_CREDENTIALS) and name != "MLFLOW_TRACKING_URI" for name in env):
        raise NotToldError("the server wants credentials, or a workspace")
    asked = {"name": model, "alias": alias}
    answer = httpx.get(url.rstrip("/") + _CALL, params=asked, timeout=_SECONDS, verify=certificates(url))
    if answer.status_code == HTTPStatus.NOT_FOUND:
        refusal = msgspec.json.decode(answer.content, type=_Refusal)
        if refusal.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
    answer.raise_for_status()
    found = msgspec.json.decode(answer.content, type=_Answer).model_version
    values = [each.value for each in found.tags if each.key == tag]
    return _found(found.version, found.run_id, values)


def _of_database(url: str, model: str, alias: str, tag: str) -> FoundVersion | None:
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(file).is_file():
        # A home without a training; the client would make folder and database, and find nothing.
        if "?" not in file and not Path(file).is_symlink() and Path(file).absolute().parent.parent.is_dir():
            return None
        raise NotToldError("whether there is such a database is not seen here")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        asked = {"name": model, "alias": alias, "tag": tag}
        rows = connection.execute(_ALIASES, asked).all()
    if not rows:
        return None
    if len(rows) > 1 or rows[0].current_stage == _DELETED:
        raise NotToldError("several workspaces have the alias, or its version was deleted")
    version, run_id, _, value = rows[0]
    return _found(version, run_id, [] if value is None else [value])


def _found(version: Any, run_id: str | None, values: list[str]) -> FoundVersion:
    if version is None or len(values) != 1:
        raise NotToldError("the version is missing, or lacks the tag")
    return FoundVersion(str(version), run_id or "", values[0])
