"""What the queries of the history answer: matches, teams, tables and sums, as pages show them."""

import datetime as dt

import msgspec

from soccer_assets.contract.release import Team

Score = tuple[int, int]


class PastForecast(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast of the ledger.

    Attributes:
        at: when it was recorded.
        home: probability; likewise ``draw`` and ``away``.
        model: SHA-256 of the model.
        log_loss: against the result; None unless it is official and scored.
    """

    at: dt.datetime
    home: float
    draw: float
    away: float
    model: str
    log_loss: float | None = None


class PastStrength(msgspec.Struct, frozen=True):
    """A side before a match, in goals a match against a side of strength 0 on neutral ground.

    Attributes:
        attack: goals it scores.
        defence: goals it lets in; less is better.
        attack_sd: standard deviation of ``attack``; likewise ``defence_sd``.
    """

    attack: float
    defence: float
    attack_sd: float
    defence_sd: float


class PastMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match of the history, played or not.

    Attributes:
        precision: of the kickoff: ``minute``, ``day`` or ``tbd``.
        goals: after 90 minutes.
        extra_time: after extra time, the 90 minutes included.
        is_doubtful: its result contradicts others: it counts nowhere.
        prices: closing prices of home, draw and away, where known.
        forecast: the official one, the last before kickoff; of a match without a verdict the last one.
        verdict: ``scored``, or why the forecast is void; None while the match is open or was not forecast.
        entries: how many forecasts the ledger has of it.
        strengths: of both sides before the match.
    """

    id: str
    competition: str
    season: str
    round: str | None
    kickoff: dt.datetime
    precision: str
    home: Team
    away: Team
    status: str
    neutral: bool = False
    away_is_host: bool = False
    goals: Score | None = None
    half_time: Score | None = None
    decided_by: str | None = None
    extra_time: Score | None = None
    penalties: Score | None = None
    is_doubtful: bool = False
    prices: tuple[float, float, float] | None = None
    forecast: PastForecast | None = None
    verdict: str | None = None
    entries: int = 0
    strengths: tuple[PastStrength, PastStrength] | None = None


class StandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a league's table; ``points`` after ``points_off``."""

    team: Team
    place: int
    played: int
    wins: int
    draws: int
    losses: int
    goals: int
    goals_against: int
    points: int
    points_off: int
    is_drawn: bool


class PastSeason(msgspec.Struct, frozen=True, kw_only=True):
    """A season of a competition.

    Attributes:
        standings: empty where the competition has no table.
        rules_source: of the table's rules; empty where none are told: three points, goal difference, goals.
        stages: with several, the table counts all results, without groups.
    """

    competition: str
    season: str
    standings: tuple[StandingRow, ...]
    rules_source: str
    stages: int


class SeasonLink(msgspec.Struct, frozen=True):
    """A season and how many matches it has (of a team, where a team was asked for)."""

    competition: str
    season: str
    matches: int


class PastTeam(msgspec.Struct, frozen=True, kw_only=True):
    """A team and what it played in, the newest season first.

    Attributes:
        id: of a merged team, that of the team it was merged into.
        scored: how many of its matches were forecast and scored.
        log_loss: mean over these; None without.
    """

    id: str
    name: str
    country: str
    sex: str
    age_group: str
    squad: str
    aliases: tuple[str, ...]
    seasons: tuple[SeasonLink, ...]
    scored: int
    log_loss: float | None


class StrengthPoint(msgspec.Struct, frozen=True):
    """A team's strength before a match of a day."""

    day: dt.date
    strength: PastStrength


class FoundTeam(msgspec.Struct, frozen=True, kw_only=True):
    """A team that a search found."""

    id: str
    name: str
    country: str
    sex: str
    age_group: str
    matches: int


class SettledFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which scored forecasts are asked for.

    Attributes:
        first: first UTC day of the kickoffs; likewise ``last``, both included.
        outcome: ``home``, ``draw`` or ``away``: ``p_from`` and ``p_before`` bound its probability.
    """

    competition: str | None = None
    team_id: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    outcome: str | None = None
    p_from: float = 0.0
    p_before: float = 2.0


class SettledPage(msgspec.Struct, frozen=True):
    """Scored forecasts, the newest kickoff first, and the cursor of the next page."""

    matches: tuple[PastMatch, ...]
    cursor: str | None


class RecordSum(msgspec.Struct, frozen=True, kw_only=True):
    """Scored forecasts of a competition or a month.

    Attributes:
        key: code of the competition, or month such as ``2025-04``.
        log_loss: mean; likewise ``price_log_loss`` over the ``priced`` matches with closing prices, and
            ``own_log_loss`` of the forecasts on the same.
    """

    key: str
    matches: int
    log_loss: float
    priced: int
    price_log_loss: float | None
    own_log_loss: float | None


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts of an outcome with a probability from ``p_from`` to ``p_before``.

    Attributes:
        mean: of the probabilities.
        happened: how many of the matches ended so.
    """

    outcome: str
    p_from: float
    p_before: float
    matches: int
    mean: float
    happened: int
