"""A small history in a store, as the graph writes it, and as a sidecar's workers find it."""

import datetime as dt
import hashlib
from pathlib import Path

import msgspec
from backports import zstd

from serving.release.history_loader import StoreAddress, load_history
from serving.settings import cache_folder, history_folder
from soccer_assets.contract.history_parts import (
    HISTORY_SCHEMA_VERSION,
    HistoryIndex,
    HistoryMatch,
    Said,
    SeasonEntry,
    SeasonPart,
    SeasonTable,
    SideStrength,
    TableLine,
    TeamRecord,
    TeamsEntry,
    TeamsPart,
    history_key,
)
from soccer_assets.contract.release import POINTER_KEY, FileEntry, Pointer
from soccer_assets.settings import Settings
from tests.serving.builders import put

# Ids and names of the four clubs of a season, by id.
TEAMS = (("t1", "Leeds United"), ("t2", "Derby County"), ("t3", "Millwall"), ("t4", "Cardiff City"))
START = int(dt.datetime(2025, 1, 4, 15, tzinfo=dt.UTC).timestamp())
WEEK = 7 * 86_400
MODEL = "ab" * 32


def past_row(number: int, home: int, away: int, goals: tuple[int, int] | None = None) -> HistoryMatch:
    """The match of a week; one with goals was forecast twice, the second time officially, and scored."""
    kickoff = START + number * WEEK
    said = (Said(kickoff - 90_000, 0.5, 0.3), Said(kickoff - 4_000, 0.45, 0.3))
    return HistoryMatch(
        id=f"m{number}",
        kickoff=kickoff,
        precision="minute",
        round=f"{number + 1}",
        home=home,
        away=away,
        status="scheduled" if goals is None else "finished",
        goals=goals,
        prices=None if goals is None else (2.0, 3.4, 4.0),
        entries=0 if goals is None else 7,
        said=() if goals is None else said,
        official=None if goals is None else 1,
        verdict=None if goals is None else "scored",
        strengths=(SideStrength(140 + number, 120, 20, 18), SideStrength(110, 150 - number, 21, 19)),
    )


def past_season(*matches: HistoryMatch, competition: str = "ENG-2", season: str = "2024/2025") -> SeasonPart:
    """A season of the four clubs with a table."""
    return SeasonPart(
        schema_version=HISTORY_SCHEMA_VERSION,
        competition=competition,
        season=season,
        tier=2,
        teams=TEAMS,
        models=(MODEL,),
        matches=matches,
        table=SeasonTable(
            lines=tuple(
                TableLine(team, place, 2, 1, 1, 0, 3, 1, 4 - place, 0)
                for place, team in enumerate((2, 0, 1, 3), 1)
            ),
            source="the rules",
        ),
    )


def english_teams(**redirects: str) -> TeamsPart:
    """The four clubs, Leeds with another spelling."""
    return TeamsPart(
        schema_version=HISTORY_SCHEMA_VERSION,
        country="England",
        teams=tuple(
            TeamRecord(id_, name, "men", "senior", "first", ("leeds utd",) if id_ == "t1" else ())
            for id_, name in TEAMS
        ),
        redirects=redirects,
    )


def write_history(store: Path, *seasons: SeasonPart, teams: TeamsPart | None = None) -> FileEntry:
    """Write parts and an index, and name it beside the current release, if there is one."""
    countries = (teams or english_teams(),)
    index = HistoryIndex(
        schema_version=HISTORY_SCHEMA_VERSION,
        feed="simulated",
        seasons=tuple(
            SeasonEntry(part.competition, part.season, entry.sha256, entry.bytes, len(part.matches))
            for part in seasons
            if (entry := _write(store, part))
        ),
        teams=tuple(
            TeamsEntry(part.country, entry.sha256, entry.bytes, len(part.teams))
            for part in countries
            if (entry := _write(store, part))
        ),
    )
    named = _write(store, index)
    if (store / POINTER_KEY).exists():
        pointer = msgspec.json.decode((store / POINTER_KEY).read_bytes(), type=Pointer)
        put(store, POINTER_KEY, msgspec.structs.replace(pointer, history=named))
    return named


def load_now(settings: Settings, entry: FileEntry) -> None:
    """Load a history in this process: a sidecar that starts afterwards, or polls, has it without a child."""
    address = StoreAddress(settings.store_url, str(cache_folder(settings)), settings.s3_endpoint_url)
    folder = history_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    load_history(address, folder, entry.sha256)


def _write(store: Path, value: msgspec.Struct) -> FileEntry:
    content = zstd.compress(msgspec.json.encode(value))
    entry = FileEntry(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    file = store / history_key(entry.sha256)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return entry
