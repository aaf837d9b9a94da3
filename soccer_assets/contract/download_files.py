"""The files of `/downloads/`: their index in the store, and what each column of each table means.

A file is named by the SHA-256 of its bytes: written once, never changed. The index names the files of one
release; it is the only object that is replaced.
"""

import msgspec

DOWNLOADS_SCHEMA_VERSION = 1
DOWNLOADS_FOLDER = "downloads"
DOWNLOADS_KEY = f"{DOWNLOADS_FOLDER}/current.json"

CSV, PARQUET = "csv", "parquet"

TEXT, NUMBER, COUNT, INSTANT, FLAG = "text", "number", "count", "instant", "flag"


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Attributes:
        kind: ``text``, ``number``, ``count``, ``instant`` (UTC) or ``flag``.
        text: what it means, with its unit; when it is empty.
    """

    name: str
    kind: str
    text: str


class TableOfColumns(msgspec.Struct, frozen=True):
    """A table: what a row is, and its columns in their order."""

    text: str
    columns: tuple[Column, ...]


class DownloadFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file.

    Attributes:
        name: such as ``predictions.csv``.
        table: a name of `DICTIONARY`.
        format: `CSV` or `PARQUET`.
    """

    name: str
    table: str
    format: str
    sha256: str
    bytes: int
    rows: int


class DownloadsIndex(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one state of the home.

    Attributes:
        release_id: whose predictions they hold.
        attribution: a line for each source; keep it with what you make of the files.
        left_out: what is not in the files, and why; empty where nothing is.
        made_from: hash of a table's sources, by table; one with the same is not made again.
    """

    schema_version: int
    made_at: str
    release_id: str
    feed: str
    is_simulated: bool
    attribution: tuple[str, ...]
    left_out: tuple[str, ...]
    files: tuple[DownloadFile, ...]
    made_from: dict[str, str] = {}


class Dictionary(msgspec.Struct, frozen=True):
    """What each column of each table means."""

    tables: dict[str, TableOfColumns]


def download_key(sha256: str, kind: str) -> str:
    """The object key of a file."""
    return f"{DOWNLOADS_FOLDER}/{sha256}.{kind}"


_MATCH = Column("match_id", TEXT, "our id of the match, as in the HTTP API")
_COMPETITION = Column("competition", TEXT, "code of the competition")
_SEASON = Column("season", TEXT, "season, as the feed or the competition's calendar names it")
_TEAM = (Column("team_id", TEXT, "our id of the team"), Column("team", TEXT, "its name"))
_SIDES = (
    Column("home_team", TEXT, "name of the home side"),
    Column("away_team", TEXT, "name of the away side"),
)
_KICKOFF = (
    Column("kickoff", INSTANT, "kickoff; 12:00 where only the day is known"),
    Column("kickoff_precision", TEXT, "minute, day or tbd"),
)
_CHANCES = (
    Column("p_home", NUMBER, "probability of a home win after 90 minutes"),
    Column("p_draw", NUMBER, "probability of a draw"),
    Column("p_away", NUMBER, "probability of an away win; the three add up to 1"),
)
_GOALS = (
    Column("home_goals", COUNT, "goals of the home side after 90 minutes; empty before the result"),
    Column("away_goals", COUNT, "goals of the away side after 90 minutes; empty before the result"),
)

DICTIONARY = Dictionary({
    "predictions": TableOfColumns(
        "A match that the release predicts, or played in the last 90 days, as the champion predicted it.",
        (
            *(_MATCH, _COMPETITION, _SEASON, *_KICKOFF, *_SIDES),
            Column("status", TEXT, "scheduled, tbd, live, finished or postponed"),
            Column("neutral", FLAG, "whether the match is on neutral ground"),
            *_CHANCES,
            Column("expected_home_goals", NUMBER, "mean goals of the home side after 90 minutes"),
            Column("expected_away_goals", NUMBER, "mean goals of the away side after 90 minutes"),
            Column("model_version", TEXT, "version of the champion in the model registry"),
            Column("predicted_at", TEXT, "since when the prediction has had these values, UTC"),
            *_GOALS,
        ),
    ),
    "ledger": TableOfColumns(
        "A forecast as it was recorded before kickoff, in the order of recording; with the result, once it "
        "is known, and the score of the official one, which is the match's last before kickoff.",
        (
            Column("sequence", COUNT, "number of the entry in the ledger, from 1"),
            *(_MATCH, _COMPETITION, _SEASON, *_KICKOFF, *_SIDES, *_CHANCES),
            Column("model_sha256", TEXT, "SHA-256 of the model"),
            Column("recorded_at", INSTANT, "when the entry was recorded"),
            Column("hash", TEXT, "of the entry and all before it"),
            *_GOALS,
            Column("verdict", TEXT, "of an official forecast: scored, or why it is void; empty for others"),
            Column("outcome", TEXT, "home, draw or away; of scored forecasts"),
            Column("log_loss", NUMBER, "minus the natural logarithm of the outcome's probability"),
            Column("rps", NUMBER, "ranked probability score"),
            Column("brier_score", NUMBER, "sum of the squared differences over the three outcomes"),
        ),
    ),
    "ratings": TableOfColumns(
        "A team of a season that is under way or the last one: its strength before its newest rated match.",
        (
            *(_COMPETITION, _SEASON, *_TEAM),
            Column("as_of", INSTANT, "kickoff of that match"),
            Column("attack", NUMBER, "goals a match against a side of strength 0 on neutral ground"),
            Column("defence", NUMBER, "goals that it lets in; less is better"),
            Column("attack_sd", NUMBER, "standard deviation of attack"),
            Column("defence_sd", NUMBER, "standard deviation of defence"),
        ),
    ),
    "tables": TableOfColumns(
        "A line of a league's table by the league's own rules, of the season under way or the last one.",
        (
            *(_COMPETITION, _SEASON, *_TEAM),
            Column("place", COUNT, "in the table, from 1"),
            Column("played", COUNT, "matches"),
            Column("wins", COUNT, "matches won"),
            Column("draws", COUNT, "matches drawn"),
            Column("losses", COUNT, "matches lost"),
            Column("goals", COUNT, "scored"),
            Column("goals_against", COUNT, "let in"),
            Column("points", COUNT, "after deductions"),
            Column("points_off", COUNT, "points that were taken"),
        ),
    ),
    "projections": TableOfColumns(
        "A final place or band of a team, and how probable it is.",
        (
            *(_COMPETITION, _SEASON, *_TEAM),
            Column("as_of", TEXT, "instant of the results and ratings that it was computed from, UTC"),
            Column("expected_points", NUMBER, "mean of the final points"),
            Column("what", TEXT, "a place, such as 3, or a band, such as title"),
            Column("probability", NUMBER, "share of the simulated seasons"),
        ),
    ),
})  # fmt: skip
