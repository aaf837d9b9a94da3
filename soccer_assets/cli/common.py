"""Shared by all commands: read the settings, open the home's store and instance, fail with one line."""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from soccer_assets.compiled_files import MODULES, compiled_files
from soccer_assets.masking import mask
from soccer_assets.settings import SettingError, Settings, home_of

if TYPE_CHECKING:  # help must not import the store's libraries
    from soccer_assets.resources.object_store import ObjectStore


def settings_of_environment() -> Settings:
    """The settings; an invalid one ends the command."""
    try:
        return Settings.from_env()
    except SettingError as error:
        fail(str(error))


def keep_libraries_quiet() -> None:
    """Keep log lines of Dagster, MLflow and Alembic off the terminal; call it before they are imported."""
    warnings.simplefilter("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.ERROR)


def use_compiled_files() -> None:
    """Use what the home's processes have compiled: otherwise kernels take 40 s anew, and modules 10.

    Only from a home of this user: what lies there is executed.
    """
    try:
        variables = compiled_files(home_of(os.environ))
    except SettingError:
        return  # the command says so
    modules = Path(variables[MODULES])
    if not modules.is_dir() or modules.stat().st_uid != os.geteuid():
        return
    for name, folder in variables.items():
        os.environ.setdefault(name, folder)
    if sys.pycache_prefix is None:
        sys.pycache_prefix = os.environ[MODULES]


def use_instance_of(settings: Settings) -> None:
    """Use the home's Dagster instance, unless DAGSTER_HOME names another."""
    folder = settings.home / "dagster"
    if "DAGSTER_HOME" not in os.environ and not (folder / "dagster.yaml").is_file():
        fail(f"{settings.home} was never started; run `soccer up` first")
    os.environ.setdefault("DAGSTER_HOME", str(folder))


def store_of(settings: Settings) -> "ObjectStore":
    """The object store of releases, exports and keys."""
    from soccer_assets.resources.object_store import ObjectStore  # noqa: PLC0415

    return ObjectStore(settings.store_url, settings.s3_endpoint_url)


def store_url(folder_or_url: str) -> str:
    """A store's URL, also where a user named a folder."""
    return folder_or_url.rstrip("/") if "://" in folder_or_url else Path(folder_or_url).absolute().as_uri()


def fail(message: str) -> NoReturn:
    """Print one sentence, without secrets, and exit with code 1."""
    click.echo(f"soccer: {mask(message, os.environ)}", err=True)
    sys.exit(1)
