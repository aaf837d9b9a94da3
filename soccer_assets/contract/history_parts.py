"""The history beside a release: matches, official forecasts, strengths and tables, a part a season.

A part is a file named by the SHA-256 of its bytes, JSON compressed with zstd: written once, never changed.
The index lists the parts of one state of the history, and the pointer names the index. Rows are JSON arrays
in the order of the fields: a new field goes to the end, with a default.
"""

import msgspec

# Rises when a field goes or changes its meaning; parts are then made anew.
HISTORY_SCHEMA_VERSION = 1

HISTORY_FOLDER = "history"
_MARK = "history-"

# Where a match was played.
AT_HOME, NEUTRAL, AWAY_IS_HOST = 0, 1, 2


class Said(msgspec.Struct, frozen=True, array_like=True):
    """A forecast of the ledger.

    Attributes:
        at: when it was recorded, seconds since 1970.
        home: probability, six decimals; likewise ``draw``.
        model: place of the model in the part's ``models``.
    """

    at: int
    home: float
    draw: float
    model: int = 0

    @property
    def away(self) -> float:
        """Probability of the away side."""
        return round(1.0 - self.home - self.draw, 6)


class SideStrength(msgspec.Struct, frozen=True, array_like=True):
    """A side before a match, in hundredths of goals a match against a side of strength 0 on neutral ground.

    Attributes:
        attack: goals it scores.
        defence: goals it lets in; less is better.
        attack_sd: standard deviation of ``attack``; likewise ``defence_sd``.
    """

    attack: int
    defence: int
    attack_sd: int
    defence_sd: int


class HistoryMatch(msgspec.Struct, frozen=True, array_like=True):
    """A match of a season, played or not.

    Attributes:
        kickoff: seconds since 1970.
        precision: of the kickoff: ``minute``, ``day`` or ``tbd``.
        home: place of the side in the part's ``teams``; likewise ``away``.
        ground: `AT_HOME`, `NEUTRAL` or `AWAY_IS_HOST`.
        goals: of a match with a result, after 90 minutes; of an awarded match, the score that counts in the
            table. What stands under way is no result.
        decided_by: ``regular``, ``extra_time``, ``penalties``, ``awarded`` or ``unknown``.
        extra_time: score after extra time, the 90 minutes included.
        is_doubtful: the row teaches nothing: its result contradicts others.
        prices: closing prices of home, draw and away, where a forecast was made and they are known.
        entries: how many forecasts the ledger has of it.
        said: those that moved it by half a point, the official one, and the last one; oldest first.
        official: place of the official forecast in ``said``: the last one before kickoff.
        verdict: ``scored``, or why it is void; None while it is open.
        strengths: of both sides before the match; None until it has a result.
    """

    id: str
    kickoff: int
    precision: str
    round: str | None
    home: int
    away: int
    status: str
    ground: int = AT_HOME
    goals: tuple[int, int] | None = None
    half_time: tuple[int, int] | None = None
    decided_by: str | None = None
    extra_time: tuple[int, int] | None = None
    penalties: tuple[int, int] | None = None
    is_doubtful: bool = False
    prices: tuple[float, float, float] | None = None
    entries: int = 0
    said: tuple[Said, ...] = ()
    official: int | None = None
    verdict: str | None = None
    strengths: tuple[SideStrength, SideStrength] | None = None


class TableLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of a league's table.

    Attributes:
        team: place of the club in the part's ``teams``.
        points: after deductions.
        points_off: points that were taken.
        is_drawn: no rule separates the club from a neighbour.
    """

    team: int
    place: int
    played: int
    wins: int
    draws: int
    losses: int
    goals: int
    goals_against: int
    points: int
    points_off: int = 0
    is_drawn: bool = False


class SeasonTable(msgspec.Struct, frozen=True, kw_only=True):
    """A league's table from the results so far.

    Attributes:
        source: of the season's rules; empty where none are told: three points, goal difference, goals.
        stages: of the season; with several the table counts all results, without groups.
    """

    lines: tuple[TableLine, ...]
    source: str = ""
    stages: int = 1


class SeasonPart(msgspec.Struct, frozen=True, kw_only=True):
    """A season of a competition.

    Attributes:
        tier: 0 is a cup or a competition of national teams: these have no table.
        teams: id and name of each.
        models: SHA-256 of each model that forecast any of the matches.
        matches: by kickoff and id.
    """

    schema_version: int
    competition: str
    season: str
    tier: int
    teams: tuple[tuple[str, str], ...]
    models: tuple[str, ...]
    matches: tuple[HistoryMatch, ...]
    table: SeasonTable | None = None


class TeamRecord(msgspec.Struct, frozen=True, array_like=True):
    """A team of the history; ``aliases`` are other spellings, folded."""

    id: str
    name: str
    sex: str
    age_group: str
    squad: str
    aliases: tuple[str, ...] = ()


class TeamsPart(msgspec.Struct, frozen=True, kw_only=True):
    """The teams of a country; ``redirects``: id of a merged team -> id of the team it was merged into."""

    schema_version: int
    country: str
    teams: tuple[TeamRecord, ...]
    redirects: dict[str, str] = {}


class SeasonEntry(msgspec.Struct, frozen=True, array_like=True):
    """A season's part in the index."""

    competition: str
    season: str
    sha256: str
    bytes: int
    matches: int


class TeamsEntry(msgspec.Struct, frozen=True, array_like=True):
    """A country's teams in the index."""

    country: str
    sha256: str
    bytes: int
    teams: int


class HistoryIndex(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one state of the history, seasons by competition and season, teams by country."""

    schema_version: int
    feed: str
    seasons: tuple[SeasonEntry, ...]
    teams: tuple[TeamsEntry, ...]


def history_key(sha256: str) -> str:
    """The object key of a part or an index."""
    return f"{HISTORY_FOLDER}/{sha256}.json.zst"


def marked_history(key: str) -> str | None:
    """The index that a mark names; None of any other key."""
    name = key.rpartition("/")[2]
    is_mark = key.startswith("releases/") and name.startswith(_MARK) and name.endswith(".json")
    return name.removeprefix(_MARK).removesuffix(".json") if is_mark else None


def history_mark_key(release_id: str, sha256: str) -> str:
    """The object key that tells retention which index a release was served with."""
    return f"releases/{release_id}/{_MARK}{sha256}.json"
