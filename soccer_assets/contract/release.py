"""The release: a folder of files written once, a manifest, and a pointer written last.

``SCHEMA_VERSION`` rises only when a field goes or changes its meaning: readers ignore fields that they do not
know.
"""

import msgspec

from soccer_assets.contract.markets import GoalModel

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


# `body` is the JSON of `GET /predict/{match_id}` without the `VOLATILE_FIELDS`, which depend on the time of
# the request and are appended by the sidecar. Times are ISO 8601 in UTC ending in Z: they sort as text.
# Two rows with bodies of 1.6 KB fit a page. WITHOUT ROWID each body would fill a page of its own: 460 MB for
# 100,000 predictions instead of 210, and look-ups take twice as long.
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
CREATE INDEX prediction_by_kickoff ON prediction (model, kickoff, match_id, competition);
CREATE INDEX prediction_by_competition ON prediction (model, competition, kickoff, match_id);
CREATE INDEX prediction_by_source_match_id ON prediction (source_match_id, model);
CREATE INDEX prediction_by_home ON prediction (model, home_team_id, kickoff);
CREATE INDEX prediction_by_away ON prediction (model, away_team_id, kickoff);
"""

VOLATILE_FIELDS = ("data_as_of", "checked_at", "next_expected_at", "stale", "stale_reasons")


def release_key(release_id: str, name: str) -> str:
    """The object key of a file of a release."""
    return f"releases/{release_id}/{name}"


class Team(msgspec.Struct, frozen=True):
    """A team in a response."""

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


class Advance(msgspec.Struct, frozen=True):
    """Probability that each side goes on from a cup tie."""

    home: float
    away: float


class Reason(msgspec.Struct, frozen=True):
    """The contribution of one group of features to one forecast.

    Attributes:
        group: name of the group.
        log_odds: contribution to the log-odds of home against away; above 0 favours the home side.
        draw_log_odds: contribution to the log-odds of a draw against the geometric mean of home and away.
        text: the same as a sentence.
    """

    group: str
    log_odds: float
    draw_log_odds: float
    text: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a match after 90 minutes plus stoppage time."""

    home_goals: int
    away_goals: int
    outcome: str


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One model's prediction of one match, as a release stores it: without the volatile fields.

    The fields about goals derive from one grid of scores, whose wins, draws and losses add up to ``p_home``,
    ``p_draw`` and ``p_away``. Predictions made before these fields existed have none.

    Attributes:
        neutral: neither side is at home.
        away_is_host: the side named second is at home: a tournament's host, or a finalist on its own ground.
        expected_goals: mean goals of each side after 90 minutes.
        over_2_5: probability of three goals or more.
        both_teams_to_score: probability that both teams score.
        likely_scores: the five likeliest scores, the likeliest first.
        reasons: the feature groups with the largest contributions, largest first, the home ground, and last
            everything else: they add up to the log-odds of the probabilities; of the champion only.
        information: what it was made from: ``results``, ``results+statistics`` or
            ``results+statistics+prices`` (of past matches); empty in predictions of earlier versions.
        goal_model: the rates that the grid is made of: with the three probabilities it gives every market.
        p_advance: who goes on from a cup tie, by aggregate, extra time and shoot-out; None where nothing says
            that the match decides one, and in predictions of earlier versions.
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
    away_is_host: bool = False
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    expected_goals: Goals | None
    over_2_5: float | None = None
    both_teams_to_score: float | None = None
    likely_scores: tuple[ScoreChance, ...] = ()
    reasons: tuple[Reason, ...] = ()
    information: str = ""
    goal_model: GoalModel | None = None
    p_advance: Advance | None = None
    model: str
    model_version: str
    model_run_id: str
    release_id: str
    feed: str
    predicted_at: str
    result: Result | None = None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model's facts and scores, see `GET /predict/model/info`; ``information`` as in `Prediction`."""

    name: str
    version: str
    run_id: str
    alias: str
    recipe: str
    content_sha256: str
    trained_at: str
    train_end: str
    trained_rows: int
    information: str = ""
    scorecard: dict[str, dict[str, int | float]]


class TeamEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A team that clients can name; ``aliases`` are other spellings, folded."""

    id: str
    name: str
    country: str
    sex: str
    age_group: str
    aliases: tuple[str, ...] = ()


class CompetitionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A competition that clients can name; tier 0 is a cup or a competition of national teams.

    Attributes:
        first_half_share: share of its goals in the first half; None in releases of earlier versions.
        time_zone: IANA name of the zone in which its days are counted.
    """

    code: str
    name: str
    country: str
    tier: int
    sex: str
    age_group: str
    squad: str = "first"
    first_half_share: float | None = None
    time_zone: str = "UTC"


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Teams and competitions of a release, for resolving names and ids.

    Attributes:
        redirects: id of each merged team -> id of the team it was merged into.
    """

    teams: tuple[TeamEntry, ...] = ()
    competitions: tuple[CompetitionEntry, ...] = ()
    redirects: dict[str, str] = {}


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a release."""

    sha256: str
    bytes: int


class GoldenRow(msgspec.Struct, frozen=True):
    """A feature row with the model's probabilities: a reload scores it again and refuses on a difference."""

    features: tuple[float, ...]
    probabilities: tuple[float, float, float]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The database that a release was made from; the next publish refuses one that lost any of it.

    Attributes:
        installation: the database's id.
        ledger_sequence: number of the ledger's newest entry; 0 while it is empty.
        ledger_hash: hash of that entry; GENESIS while it is empty.
        settled: how often a match got its result.
        removed: how many of these matches no longer count as played; the removals say why.
    """

    installation: str
    ledger_sequence: int
    ledger_hash: str
    settled: int
    removed: int


class FeedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider allows to be made of its matches; nothing where it says nothing.

    Attributes:
        feed: name of the feed.
        attribution: the line that names the source, on every page and file.
        may_publish_results: results may be shown to the public.
        may_publish_live: scores of matches under way may be shown to the public.
        may_redistribute: its rows may be handed on in files.
    """

    feed: str
    attribution: str = ""
    may_publish_results: bool = False
    may_publish_live: bool = False
    may_redistribute: bool = False


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a release; written after its files and before the pointer.

    Attributes:
        terms: of the feeds that its matches come from; empty in releases of earlier versions.
        origin: not hashed into the release's id; None in releases of earlier versions.
    """

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
    origin: Origin | None = None
    terms: tuple[FeedTerms, ...] = ()


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The current release, and the hash of its manifest.

    Attributes:
        projections: the season projections in the release's folder, which follow it; None before the first,
            and in releases of earlier versions.
        history: the index of the history's parts (``history_parts.py``), which follows the release; None
            before the first, and in releases of earlier versions.
    """

    schema_version: int
    release_id: str
    manifest_sha256: str
    model_version: str
    published_at: str
    projections: FileEntry | None = None
    history: FileEntry | None = None
