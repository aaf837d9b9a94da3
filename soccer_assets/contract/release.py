"""The release: a folder of files written once, a manifest, and a pointer written last.

``SCHEMA_VERSION`` rises only when a field goes or changes its meaning: readers ignore fields that they do not
know.
"""

import msgspec

SCHEMA_VERSION = 1

OUTCOMES = ("home", "draw", "away")

MODEL_NAME = "match_outcome"
CHAMPION = "champion"
PREVIOUS = "previous"
CANDIDATE = "candidate"
ALIASES = (CHAMPION, PREVIOUS, CANDIDATE)

POINTER_KEY = "releases/current.json"

MANIFEST_FILE = "manifest.json"
PREDICTIONS_FILE = "predictions.sqlite"
TEAM_STATE_FILE = "team_state.bin"
MODEL_FILE = "model.bin"
DIRECTORY_FILE = "directory.json"


# `body` is the JSON object of `GET /predict/{match_id}` but for the five fields that move with the clock
# (`VOLATILE_FIELDS`), which the sidecar appends. Times are ISO 8601 in UTC ending in Z: they sort as text.
# Bodies of 1.6 KB lie two to a page beside their row; in the leaves of an index (WITHOUT ROWID) each would
# fill a page of its own: 460 MB for 100,000 instead of 210, and twice the time of a look-up.
PREDICTIONS_DDL = """
CREATE TABLE prediction (
    match_id TEXT NOT NULL,
    model TEXT NOT NULL,
    kickoff TEXT NOT NULL,
    competition TEXT NOT NULL,
    home_team_id TEXT NOT NULL,
    away_team_id TEXT NOT NULL,
    home_team_folded TEXT NOT NULL,
    away_team_folded TEXT NOT NULL,
    source_match_id TEXT NOT NULL,
    is_upcoming INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX prediction_by_match_id ON prediction (match_id, model);
CREATE INDEX prediction_by_kickoff ON prediction (model, kickoff, match_id);
CREATE INDEX prediction_by_competition ON prediction (model, competition, kickoff);
CREATE INDEX prediction_by_source_match_id ON prediction (source_match_id, model);
"""

VOLATILE_FIELDS = ("data_as_of", "checked_at", "next_expected_at", "stale", "stale_reasons")


def release_key(release_id: str, name: str) -> str:
    """The object key of a file of a release."""
    return f"releases/{release_id}/{name}"


class Team(msgspec.Struct, frozen=True):
    """A team as an answer names it."""

    id: str
    name: str


class Goals(msgspec.Struct, frozen=True):
    """Goals of the home and the away side; expected goals may be fractions."""

    home: float
    away: float


class ScoreChance(msgspec.Struct, frozen=True):
    """One score after 90 minutes and its probability."""

    home: int
    away: int
    p: float


class Reason(msgspec.Struct, frozen=True):
    """How one group of features moved one forecast.

    Attributes:
        group: name of the group.
        log_odds: what it adds to the log-odds of home against away; above 0 speaks for the home side.
        draw_log_odds: what it adds to the log-odds of a draw against the geometric mean of home and away.
        text: the sentence for people.
    """

    group: str
    log_odds: float
    draw_log_odds: float
    text: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a match ended after 90 minutes and stoppage time."""

    home_goals: int
    away_goals: int
    outcome: str


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One model's probabilities for one match: what a release stores, without the volatile fields.

    What is said of the goals is read off one grid of scores, whose wins, draws and defeats add up to
    ``p_home``, ``p_draw`` and ``p_away``. Predictions of releases before these fields have none of it.

    Attributes:
        expected_goals: mean goals of each side after 90 minutes.
        over_2_5: probability of three goals or more.
        both_teams_to_score: probability that both teams score.
        likely_scores: the five likeliest scores, the likeliest first.
        reasons: the feature groups that moved the forecast most, the strongest first; of the champion only.
    """

    match_id: str
    competition: str
    season: str
    round: str | None
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    status: str
    neutral: bool
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    expected_goals: Goals | None
    over_2_5: float | None = None
    both_teams_to_score: float | None = None
    likely_scores: tuple[ScoreChance, ...] = ()
    reasons: tuple[Reason, ...] = ()
    model: str
    model_version: str
    model_run_id: str
    release_id: str
    feed: str
    predicted_at: str
    result: Result | None = None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model as `GET /predict/model/info` shows it."""

    name: str
    version: str
    run_id: str
    alias: str
    recipe: str
    content_sha256: str
    trained_at: str
    train_end: str
    trained_rows: int
    scorecard: dict[str, dict[str, float]]


class TeamEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A team as a client may name it; ``aliases`` are other spellings, folded."""

    id: str
    name: str
    country: str
    sex: str
    age_group: str
    aliases: tuple[str, ...] = ()


class CompetitionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A competition as a client may name it; tier 0 is a cup or one of national teams."""

    code: str
    name: str
    country: str
    tier: int
    sex: str
    age_group: str
    squad: str = "first"


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Who is meant by a name or an id: what a release knows of teams and competitions.

    Attributes:
        redirects: ids of teams that were merged into others -> the id that is meant.
    """

    teams: tuple[TeamEntry, ...] = ()
    competitions: tuple[CompetitionEntry, ...] = ()
    redirects: dict[str, str] = {}


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a release."""

    sha256: str
    bytes: int


class GoldenRow(msgspec.Struct, frozen=True):
    """Features and the probabilities the model gave them: a reload scores them again, equal or refuse."""

    features: tuple[float, ...]
    probabilities: tuple[float, float, float]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a release holds; written after its files and before the pointer."""

    schema_version: int
    release_id: str
    feed: str
    is_simulated: bool
    created_at: str
    data_as_of: str | None
    snapshot_id: str
    models: dict[str, ModelCard]
    feature_names: tuple[str, ...]
    golden_rows: tuple[GoldenRow, ...]
    prediction_rows: int
    ledger_head: str | None
    files: dict[str, FileEntry]


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Which release is current, and the hash its manifest must have."""

    schema_version: int
    release_id: str
    manifest_sha256: str
    model_version: str
    published_at: str
