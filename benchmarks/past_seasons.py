"""A history of any number of seasons beside a synthetic release: its leagues and clubs, simulated matches.

Forecasts are the feed's exact probabilities, said twice; strengths wander. The parts have the form of a real
history, which `benchmarks/history.py` measures by itself.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable

import msgspec
import numpy as np
from backports import zstd

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
from soccer_assets.contract.release import FileEntry
from soccer_assets.feeds.providers.simulated.season import Season, play_season
from soccer_assets.feeds.providers.simulated.world import clubs_of, competition_of, league_of
from soccer_assets.football.identity import mint_match_id, mint_team_id
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.synthetic import FEED, LEAGUES, WORLD

_MODEL = "ab" * 32
_DAY, _HOUR = 86_400, 3_600


def write_past(store: ObjectStore, now: dt.datetime, seasons: int) -> FileEntry:
    """Write the parts of the last seasons and their index; returns the index for the pointer to name."""
    entries, teams = list[SeasonEntry](), dict[str, dict[str, TeamRecord]]()
    for number in range(1, LEAGUES + 1):
        competition = competition_of(league_of(WORLD, number))
        clubs = _clubs(number)
        teams.setdefault(competition.country, {}).update({club.id: club for club in clubs})
        for year in range(now.year - 1 - seasons, now.year - 1):
            part = _part(number, year, clubs)
            named = _write(store, part)
            entries.append(
                SeasonEntry(part.competition, part.season, named.sha256, named.bytes, len(part.matches))
            )
    index = HistoryIndex(
        schema_version=HISTORY_SCHEMA_VERSION,
        feed=FEED,
        seasons=tuple(sorted(entries, key=lambda entry: (entry.competition, entry.season))),
        teams=tuple(_country(store, country, teams[country].values()) for country in sorted(teams)),
    )
    return _write(store, index)


def _part(number: int, year: int, clubs: list[TeamRecord]) -> SeasonPart:
    league = league_of(WORLD, number)
    season = play_season(WORLD, league, year)
    places = {
        club: place for place, club in enumerate(sorted({*season.home.tolist(), *season.away.tolist()}))
    }
    matches = [_match(season, row, places, f"{league.code}|{year}|{row}") for row in range(len(season.home))]
    return SeasonPart(
        schema_version=HISTORY_SCHEMA_VERSION,
        competition=league.code,
        season=season.label,
        tier=league.tier,
        teams=tuple((clubs[club].id, clubs[club].name) for club in places),
        models=(_MODEL,),
        matches=tuple(sorted(matches, key=lambda match: (match.kickoff, match.id))),
        table=SeasonTable(lines=_lines(season, places)),
    )


def _match(season: Season, row: int, places: dict[int, int], name: str) -> HistoryMatch:
    kickoff = int(season.kickoff[row])
    home, away = int(season.home[row]), int(season.away[row])
    p_home, p_draw, _ = season.probabilities[row].round(6).tolist()
    prices = season.odds[row].tolist()
    goals = season.goals[row].tolist()
    wave = int(20 * np.sin(kickoff / (200 * _DAY)))
    return HistoryMatch(
        id=mint_match_id(FEED, name),
        kickoff=kickoff,
        precision="minute",
        round=str(season.round[row]),
        home=places[home],
        away=places[away],
        status="finished",
        goals=(goals[0], goals[1]),
        decided_by="regular",
        prices=(prices[0], prices[1], prices[2]),
        entries=20,
        said=(Said(kickoff - 5 * _DAY, p_home, p_draw), Said(kickoff - _HOUR, p_home, p_draw)),
        official=1,
        verdict="scored",
        strengths=(
            SideStrength(130 + wave + home % 9, 130 - wave - home % 7, 20, 19),
            SideStrength(130 - wave + away % 9, 130 + wave - away % 7, 20, 19),
        ),
    )


def _lines(season: Season, places: dict[int, int]) -> tuple[TableLine, ...]:
    """The table by points, goal difference and goals."""
    sums = {club: [0] * 5 for club in places}
    for home, away, (scored, let_in) in zip(
        season.home.tolist(), season.away.tolist(), season.goals.tolist(), strict=True
    ):
        for club, own, others in ((home, scored, let_in), (away, let_in, scored)):
            result = 0 if own > others else 1 if own == others else 2
            sums[club][result] += 1
            sums[club][3] += own
            sums[club][4] += others

    def rank(club: int) -> tuple[int, int, int]:
        wins, draws, _, own, others = sums[club]
        return 3 * wins + draws, own - others, own

    lines = []
    for place, club in enumerate(sorted(places, key=rank, reverse=True), 1):
        wins, draws, losses, own, others = sums[club]
        points, played = rank(club)[0], wins + draws + losses
        lines.append(TableLine(places[club], place, played, wins, draws, losses, own, others, points))
    return tuple(lines)


def _clubs(number: int) -> list[TeamRecord]:
    """The clubs of a league's country, with the ids of the release."""
    competition, league = competition_of(league_of(WORLD, number)), league_of(WORLD, number)
    country, sex, age_group = competition.country, competition.sex, competition.age_group
    return [
        TeamRecord(mint_team_id(country, sex, age_group, name), name, sex, age_group, "first")
        for name in clubs_of(WORLD, league.country).names
    ]


def _country(store: ObjectStore, country: str, teams: Iterable[TeamRecord]) -> TeamsEntry:
    part = TeamsPart(schema_version=HISTORY_SCHEMA_VERSION, country=country, teams=tuple(teams))
    named = _write(store, part)
    return TeamsEntry(country, named.sha256, named.bytes, len(part.teams))


def _write(store: ObjectStore, value: msgspec.Struct) -> FileEntry:
    content = zstd.compress(msgspec.json.encode(value))
    entry = FileEntry(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    store.write(history_key(entry.sha256), content)
    return entry
