"""The team state: records of ratings and form of every team and league after the last result.

A state is a value: two tables of records and the names of their rows in one canonical order, so that equal
states have equal bytes, whatever steps led to them.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.football_error import FootballError
from soccer_assets.football.ratings.parameters import (
    AVERAGE_POINTS,
    COVARIANCES,
    FORM_MATCHES,
    GOAL_MODELS,
    LONG_AGO_DAY,
    PRICED,
    RECENT_MATCHES,
    START_DRAW_RATE,
    START_ELO,
    START_ELO_HOME_ADVANTAGE,
    START_GOALS,
    START_HOME_RATE,
    START_LEVEL,
    START_MATCHES_PER_TEAM,
    START_STATISTIC_HOME_ADVANTAGE,
    STATISTIC_MODELS,
    STATISTICS,
    STRENGTHS,
    USUAL_STATISTICS,
)

TEAM_DTYPE = np.dtype(
    [
        ("elo_textbook", "<f8"),
        ("elo", "<f8"),
        ("pi_home", "<f8"),
        ("pi_away", "<f8"),
        ("strength", "<f8", (GOAL_MODELS, STRENGTHS)),  # log goals
        ("covariance", "<f8", (GOAL_MODELS, COVARIANCES)),  # of the strengths: upper triangle, row by row
        ("mean_innovation", "<f8", (GOAL_MODELS,)),  # of recent goal differences, in standard deviations
        ("surprise", "<f8"),  # mean residual of the joint model, as a share of a win
        ("venue_surprise", "<f8"),  # the same of the home side in the team's matches
        ("season_points", "<f8"),
        ("season_goal_difference", "<f8"),
        ("season_matches", "<f8"),
        ("last_season_points", "<f8"),  # a match, shrunk to an average team's
        ("recent_points", "<f8", (FORM_MATCHES,)),  # a ring: match number modulo its length
        ("recent_days", "<i4", (RECENT_MATCHES,)),  # a ring of days since 1970
        ("recent_prices", "<i4", (RECENT_MATCHES,)),  # a ring: 1 where the match had a price
        ("follows_prices", "<i4"),  # 1 once a price has moved the team's priced row
        ("matches", "<i4"),
        ("competition", "<i4"),  # of the last league match; -1 before the first
        ("season", "<i4"),  # of the last league match; -1 before the first
    ]
)

LEAGUE_DTYPE = np.dtype(
    [
        ("elo_home_advantage", "<f8"),  # rating points
        ("mean_elo", "<f8"),
        ("level", "<f8", (GOAL_MODELS,)),  # log goals of a side among equals on neutral ground
        ("goal_home_advantage", "<f8", (GOAL_MODELS,)),  # log goals of the home side over the away side's
        ("mean_attack", "<f8", (GOAL_MODELS,)),
        ("mean_defence", "<f8", (GOAL_MODELS,)),
        ("log_noise_scale", "<f8", (GOAL_MODELS,)),  # log of the factor on its teams' process noise
        # Rows of joint and priced.
        ("statistic_level", "<f8", (STATISTIC_MODELS, STATISTICS)),
        ("statistic_home_advantage", "<f8", (STATISTIC_MODELS, STATISTICS)),
        ("statistic_matches", "<i4", (STATISTIC_MODELS, STATISTICS)),
        ("favourite_gain", "<f8"),  # mean of (score - expected) (expected - 1/2)
        ("draw_surprise", "<f8"),
        ("home_rate", "<f8"),
        ("draw_rate", "<f8"),
        ("goals", "<f8"),
        ("matches_per_team", "<f8"),  # in the last finished season
        ("matches", "<i4"),
        ("season", "<i4"),  # -1 before the first league match
        ("previous_season", "<i4"),  # the one before it; -1 where there was none
        ("season_matches", "<i4"),
        ("season_teams", "<i4"),
        ("seasons_before", "<i4"),
        ("follows_prices", "<i4"),  # 1 once a price has moved the competition's priced row
    ]
)

LEAGUE_SEASONS = ("season", "previous_season")

_FORMAT = "soccer-assets team state 4"
# Fields that stand under an older name in the layout of stored states.
_STORED_NAMES = {
    "mean_innovation": "late_surprise",
    "elo_home_advantage": "home_advantage",
    "goal_home_advantage": "home_gain",
    "log_noise_scale": "restlessness",
    "statistic_home_advantage": "statistic_home_gain",
}


def _stored_layout(records: np.dtype[np.void]) -> list[tuple[str, ...]]:
    return [(_STORED_NAMES.get(name, name), *rest) for name, *rest in records.descr]


# States of before the priced model are read: its rows are unused until a price is seen.
_OLDER_FORMAT = "soccer-assets team state 3"
_NEW_FIELDS = ("recent_prices", "follows_prices")


def _older(records: np.dtype[np.void]) -> np.dtype[np.void]:
    """The records without the priced model: a row less of each goal model's field, one set of statistics."""
    fields = []
    for name, kind, *shapes in records.descr:
        shape = shapes[0] if shapes else ()
        if name.startswith("statistic_"):
            shape = shape[1:]
        elif shape[:1] == (GOAL_MODELS,):
            shape = (PRICED, *shape[1:])
        if name not in _NEW_FIELDS:
            fields.append((name, kind, shape) if shape else (name, kind))
    return np.dtype(fields)


_OLDER_TEAM_DTYPE, _OLDER_LEAGUE_DTYPE = _older(TEAM_DTYPE), _older(LEAGUE_DTYPE)
_LAYOUT = repr((_stored_layout(TEAM_DTYPE), _stored_layout(LEAGUE_DTYPE)))
_OLDER_LAYOUT = repr((_stored_layout(_OLDER_TEAM_DTYPE), _stored_layout(_OLDER_LEAGUE_DTYPE)))


class OutOfOrderError(FootballError):
    """A match lies before what the state already knows; replay from an earlier state."""


class _StateFile(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of a state; `layout` names the records' fields, so that no other layout is ever read."""

    format: str
    layout: str
    as_of: int | None
    as_of_match_id: str
    team_names: list[str]
    competition_names: list[str]
    season_names: list[str]
    teams: bytes
    leagues: bytes


@dataclass(frozen=True, eq=False)
class TeamState:
    """Ratings and form of every team and league after the last applied result.

    Attributes:
        as_of: epoch seconds at which the last applied result became known; None before the first.
        as_of_match_id: the match of that result; results that became known together apply in order of id.
        team_names: team ids, sorted; row i of ``teams`` is ``team_names[i]``.
        competition_names: competition codes, sorted; the rows of ``leagues``.
        season_names: seasons, sorted; the numbers in the columns ``season``.
        teams: records of `TEAM_DTYPE`.
        leagues: records of `LEAGUE_DTYPE`.
    """

    as_of: int | None
    as_of_match_id: str
    team_names: tuple[str, ...]
    competition_names: tuple[str, ...]
    season_names: tuple[str, ...]
    teams: NDArray[np.void]
    leagues: NDArray[np.void]

    @classmethod
    def initial(cls) -> Self:
        """Before any result."""
        return cls(None, "", (), (), (), new_teams(0), new_leagues(0))

    def to_bytes(self) -> bytes:
        """The state as bytes: equal states give equal bytes."""
        return msgspec.msgpack.encode(
            _StateFile(
                _FORMAT,
                _LAYOUT,
                self.as_of,
                self.as_of_match_id,
                list(self.team_names),
                list(self.competition_names),
                list(self.season_names),
                self.teams.tobytes(),
                self.leagues.tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: the bytes are no state, are damaged, or were written by a version with other ratings.
        """
        try:
            file = msgspec.msgpack.decode(data, type=_StateFile)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a team state: {error}; rebuild it from the matches") from error
        is_older = (file.format, file.layout) == (_OLDER_FORMAT, _OLDER_LAYOUT)
        team_dtype, league_dtype = (
            (_OLDER_TEAM_DTYPE, _OLDER_LEAGUE_DTYPE) if is_older else (TEAM_DTYPE, LEAGUE_DTYPE)
        )
        if not is_older and (file.format, file.layout) != (_FORMAT, _LAYOUT):
            raise ValueError("the team state was written by another version; rebuild it from the matches")
        names = (file.team_names, file.competition_names, file.season_names)
        is_damaged = (
            len(file.teams) != len(file.team_names) * team_dtype.itemsize
            or len(file.leagues) != len(file.competition_names) * league_dtype.itemsize
            or any(sorted(set(part)) != part for part in names)
        )
        if is_damaged:
            raise ValueError("the team state is damaged: names and records disagree; rebuild it")
        teams = _as_now(np.frombuffer(file.teams, team_dtype), TEAM_DTYPE)
        leagues = _as_now(np.frombuffer(file.leagues, league_dtype), LEAGUE_DTYPE)
        return cls(
            file.as_of,
            file.as_of_match_id,
            tuple(file.team_names),
            tuple(file.competition_names),
            tuple(file.season_names),
            teams,
            leagues,
        )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the state's bytes, in hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def team(self, name: str) -> np.void | None:
        """The record of a team, or None where it has no result yet."""
        row = self.team_rows.get(name)
        return None if row is None else self.teams[row]

    @cached_property
    def team_rows(self) -> dict[str, int]:
        """The row of each team."""
        return {name: row for row, name in enumerate(self.team_names)}

    def widened(self, teams: set[str], competitions: set[str], seasons: set[str]) -> Self:
        """A copy with fresh records for the names it does not know, in canonical order."""
        team_names = _merged(self.team_names, teams)
        competition_names = _merged(self.competition_names, competitions)
        season_names = _merged(self.season_names, seasons)
        wide_teams, wide_leagues = new_teams(len(team_names)), new_leagues(len(competition_names))
        wide_teams[_positions(self.team_names, team_names)] = self.teams
        wide_leagues[_positions(self.competition_names, competition_names)] = self.leagues
        _renumber(wide_teams, "competition", _positions(self.competition_names, competition_names))
        seasons_moved = _positions(self.season_names, season_names)
        for records, column in ((wide_teams, "season"), *((wide_leagues, name) for name in LEAGUE_SEASONS)):
            _renumber(records, column, seasons_moved)
        return type(self)(
            self.as_of,
            self.as_of_match_id,
            team_names,
            competition_names,
            season_names,
            wide_teams,
            wide_leagues,
        )

    def narrowed(self) -> Self:
        """The same without teams, leagues and seasons that no result has touched."""
        return self._kept(
            np.flatnonzero(self.teams["matches"] > 0), np.flatnonzero(self.leagues["matches"] > 0)
        )

    def selected(self, teams: set[str], competitions: set[str]) -> Self:
        """Only these teams and competitions, as far as it knows them, and the competitions of the teams."""
        keep_teams = sorted(self.team_rows[name] for name in teams if name in self.team_rows)
        wanted = {row for row, name in enumerate(self.competition_names) if name in competitions}
        wanted.update(self.teams["competition"][keep_teams].tolist())
        return self._kept(np.array(keep_teams, np.int64), np.array(sorted(wanted - {-1}), np.int64))

    def _kept(self, keep_teams: NDArray[np.int64], keep_leagues: NDArray[np.int64]) -> Self:
        teams, leagues = self.teams[keep_teams], self.leagues[keep_leagues]
        used = np.unique(np.concatenate([teams["season"], *(leagues[name] for name in LEAGUE_SEASONS)]))
        keep_seasons = used[used >= 0]
        _renumber(teams, "competition", _ranks(keep_leagues, len(self.competition_names)))
        ranks = _ranks(keep_seasons, len(self.season_names))
        for records, column in ((teams, "season"), *((leagues, name) for name in LEAGUE_SEASONS)):
            _renumber(records, column, ranks)
        return type(self)(
            self.as_of,
            self.as_of_match_id,
            tuple(self.team_names[row] for row in keep_teams),
            tuple(self.competition_names[row] for row in keep_leagues),
            tuple(self.season_names[row] for row in keep_seasons),
            teams,
            leagues,
        )


def _as_now(stored: NDArray[np.void], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """A copy of stored records; those of before the priced model get its rows, unused."""
    if stored.dtype == dtype:
        return stored.copy()
    records = new_teams(len(stored)) if dtype == TEAM_DTYPE else new_leagues(len(stored))
    for name in stored.dtype.names or ():
        if stored[name].shape == records[name].shape:
            records[name] = stored[name]
        elif name.startswith("statistic_"):
            records[name][:, 0] = stored[name]
        else:
            records[name][:, :PRICED] = stored[name]
    return records


def new_teams(count: int) -> NDArray[np.void]:
    """Records of ``count`` teams before their first result."""
    teams = np.zeros(count, TEAM_DTYPE)
    teams["elo_textbook"] = teams["elo"] = START_ELO
    teams["recent_points"] = teams["last_season_points"] = AVERAGE_POINTS
    teams["recent_days"] = LONG_AGO_DAY
    teams["competition"] = teams["season"] = -1
    return teams


def new_leagues(count: int) -> NDArray[np.void]:
    """Records of ``count`` competitions before their first result."""
    leagues = np.zeros(count, LEAGUE_DTYPE)
    leagues["elo_home_advantage"] = START_ELO_HOME_ADVANTAGE
    leagues["mean_elo"] = START_ELO
    leagues["level"] = START_LEVEL
    leagues["statistic_level"] = np.log(USUAL_STATISTICS)
    leagues["statistic_home_advantage"] = START_STATISTIC_HOME_ADVANTAGE
    leagues["home_rate"] = START_HOME_RATE
    leagues["draw_rate"] = START_DRAW_RATE
    leagues["goals"] = START_GOALS
    leagues["matches_per_team"] = START_MATCHES_PER_TEAM
    for column in LEAGUE_SEASONS:
        leagues[column] = -1
    return leagues


def _merged(known: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
    return known if seen.issubset(known) else tuple(sorted(seen.union(known)))


def _positions(names: tuple[str, ...], merged: tuple[str, ...]) -> NDArray[np.int32]:
    """Where each of ``names`` stands in ``merged``, which has them all."""
    rows = {name: row for row, name in enumerate(merged)}
    return np.fromiter((rows[name] for name in names), np.int32, len(names))


def _ranks(kept: NDArray[np.integer], count: int) -> NDArray[np.int32]:
    """The new number of each of ``count`` old numbers, of which only ``kept`` are left."""
    ranks = np.full(count, -1, np.int32)
    ranks[kept] = np.arange(len(kept))
    return ranks


def _renumber(records: NDArray[np.void], column: str, numbers: NDArray[np.int32]) -> None:
    """Translate a column of row numbers; -1 stays -1."""
    known = records[column] >= 0
    records[column][known] = numbers[records[column][known]]
