"""The contract: what the graph publishes and the sidecar reads.

A **release** is a folder of files written once, with a manifest; a pointer, written last, names the current
one; beside the pointer lies ``status.json``, rewritten by every run. Both sides import this module and
nothing else of each other. Readers ignore fields they do not know, so a new field ships first in the graph;
``SCHEMA_VERSION`` rises only when a field goes or changes its meaning.
"""

import datetime as dt

import msgspec

SCHEMA_VERSION = 1

OUTCOMES = ("home", "draw", "away")

MODEL_NAME = "match_outcome"
CHAMPION = "champion"
PREVIOUS = "previous"
CANDIDATE = "candidate"
ALIASES = (CHAMPION, PREVIOUS, CANDIDATE)

POINTER_KEY = "releases/current.json"
STATUS_KEY = "releases/status.json"
API_KEYS_KEY = "auth/keys.json"
OUTBOX_PREFIX = "outbox/"

MANIFEST_FILE = "manifest.json"
PREDICTIONS_FILE = "predictions.sqlite"
TEAM_STATE_FILE = "team_state.bin"
MODEL_FILE = "model.bin"
DIRECTORY_FILE = "directory.json"

EVENT_STREAM = "soccer:events"
EVENT_STREAM_MAXLEN = 10_000

# The longest a run may leave the feed unlooked at before every answer says so: three hourly runs.
CHECK_PROMISE = dt.timedelta(hours=3)

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


class AssetState(msgspec.Struct, frozen=True, kw_only=True):
    """Freshness of one watched asset."""

    key: str
    state: str
    promise: str
    last_materialized_at: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the data, rewritten by every run even when no release was needed.

    Attributes:
        checked_at: when the feed was last looked at.
        data_as_of: kickoff of the newest result known.
        next_expected_at: when the next result should be known: kickoff + 3 h + the feed's lag.
        moved_match_ids: matches whose kickoff moved since they were predicted.
    """

    schema_version: int
    feed: str
    checked_at: str
    data_as_of: str | None
    next_expected_at: str | None
    moved_match_ids: tuple[str, ...] = ()
    assets: tuple[AssetState, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the event stream: `release`, `promotion`, `freshness`, `alert` or `reset`."""

    type: str
    at: str
    release_id: str | None = None
    detail: dict[str, str] = {}


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A client's key: the SHA-256 of a 256-bit token, never the token."""

    id: str
    sha256: str
    scopes: tuple[str, ...]
    created_at: str
    note: str = ""


class ApiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys that are accepted."""

    schema_version: int
    keys: tuple[ApiKey, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a sidecar refused a release; left in the outbox for the graph's alerts."""

    release_id: str
    reason: str
    at: str
    sidecar: str


def stale_reasons(status: Status, now: dt.datetime) -> tuple[str, ...]:
    """Why answers given at ``now`` rest on old data; empty where they do not.

    A month without matches is not stale: only a missed look, or a result that is due and not there.
    """
    reasons = []
    if now > dt.datetime.fromisoformat(status.checked_at) + CHECK_PROMISE:
        hours = CHECK_PROMISE // dt.timedelta(hours=1)
        reasons.append(f"the feed was last checked at {status.checked_at}, over {hours} hours ago")
    if status.next_expected_at is not None and now > dt.datetime.fromisoformat(status.next_expected_at):
        reasons.append(f"a result was due at {status.next_expected_at} and has not arrived")
    return tuple(reasons)


def fresh_until(status: Status) -> dt.datetime:
    """The last instant at which no answer is stale."""
    promised = dt.datetime.fromisoformat(status.checked_at) + CHECK_PROMISE
    if status.next_expected_at is None:
        return promised
    return min(promised, dt.datetime.fromisoformat(status.next_expected_at))
