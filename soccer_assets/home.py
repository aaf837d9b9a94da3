"""A home: the folder with the state of one installation, and its fixed properties.

``home.json`` is written at the first start and never changes: the home's feeds, whether their clubs are
fictitious, and the first month of its history, where the monthly partitions begin.
"""

import datetime as dt
import os

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.settings import FIRST_MONTH, SettingError, Settings


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The fixed properties of a home."""

    feeds: tuple[str, ...]
    is_simulated: bool
    history_start: dt.date
    seed: int
    leagues: int
    created_at: str


def read_home(settings: Settings) -> Home | None:
    """The home; None before the first start.

    Raises:
        SettingError: ``home.json`` cannot be read.
    """
    file = settings.home / "home.json"
    if not os.path.lexists(file):  # a link to nothing is no new home
        return None
    try:
        home = msgspec.json.decode(file.read_bytes(), type=Home)
    except PermissionError as error:
        raise SettingError(
            f"{file} cannot be read ({error.strerror}); make it readable for the user who runs `soccer`"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise SettingError(
            f"{file} cannot be read ({reason}); restore it from a backup, or start with another SOCCER_HOME"
        ) from error
    if home.history_start < FIRST_MONTH:
        raise SettingError(
            f"the history of {file} starts on {home.history_start}, before {FIRST_MONTH}, the month of the "
            "first international; start with another SOCCER_HOME"
        )
    return home


def open_home(settings: Settings, *, is_simulated: bool, first_month: dt.date) -> Home:
    """The home of these settings, created if it is new.

    Raises:
        SettingError: the home was created for the other kind of feed.
    """
    home = read_home(settings)
    if home is None:
        home = Home(
            feeds=settings.feeds,
            is_simulated=is_simulated,
            history_start=max(settings.history_start or first_month, FIRST_MONTH).replace(day=1),
            seed=settings.seed,
            leagues=settings.leagues,
            created_at=isoformat(settings.clock.now()),
        )
        settings.home.mkdir(parents=True, exist_ok=True)
        partial = settings.home / "home.json.tmp"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(home)))
        partial.replace(settings.home / "home.json")
    if home.is_simulated != is_simulated:
        kinds = {True: "simulated clubs", False: "real clubs"}
        raise SettingError(
            f"SOCCER_HOME={settings.home} contains {kinds[home.is_simulated]} and SOCCER_FEED="
            f"{','.join(settings.feeds)} has {kinds[is_simulated]}; set another SOCCER_HOME for one of them"
        )
    return home


def apply_home(settings: Settings, home: Home | None) -> Settings:
    """The settings with the home's own seed, leagues and history start, which override the environment."""
    if home is None:
        return settings
    return msgspec.structs.replace(
        settings, history_start=home.history_start, seed=home.seed, leagues=home.leagues
    )
