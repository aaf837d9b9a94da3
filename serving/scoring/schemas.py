"""Request and response rows of `POST /predict/` and its tasks.

A row is a pairing, whose features are computed here, or a row of features. Rows are untrusted and decoded one
by one; problems are reported with the number of the row and the field.
"""

import datetime as dt
import re
from typing import Annotated

import msgspec
from msgspec import Meta

from serving.errors import ServingError
from soccer_assets.contract.markets import SETTLED, GoalModel, Markets
from soccer_assets.contract.prediction import Provenance
from soccer_assets.contract.release import Advance, Goals, Reason, ScoreChance, Team

Name = Annotated[str, Meta(min_length=1, max_length=120)]

_NEUTRAL = (
    "Whether neither side is at home. Left out, the rules of the competition decide: by stage, day and hosts."
)
_STAGE = (
    "Title of the stage or round, such as `Final`; read by the rules of neutral ground, not by the model."
)
_LEG = (
    "1 or 2 of a two-legged tie, which has no neutral ground; not used by the model. Leg 1 comes before its "
    "return leg, leg 2 is told with `first_leg`."
)
_FIRST_LEG = "The first leg's goals of the sides as this row names them: the answer says who goes on."
_KNOCK_OUT = (
    "Whether this match alone decides who goes on. Left out, a stage `Final` without a leg does, in a cup."
)
_AWAY_GOALS = (
    "Whether away goals decide between two sides level on aggregate, as in UEFA's cups until 2020/21."
)
_P_ADVANCE = (
    "Probability that each side goes on, by the aggregate, extra time and a shoot-out; null where nothing "
    "says that the match decides a tie: `leg` 1, `first_leg`, `knock_out`, a cup's `Final`."
)
_GROUND_RULE = "Why the side named first is not at home: a rule, or the request; null where it is at home."

_MARKETS = "Every market of the score after 90 minutes, where `markets=true` was asked for."

_SETTLED = "What the probabilities of home, draw and away are about, also of cup ties that go on."

_STATE = "The match is under way: the answer is about its final score after 90 minutes, given this state."
_MINUTE = r"^[0-9]{1,3}(\+[0-9]{1,2})?$"
_MINUTE_TEXT = (
    "0 to 90, `45+x` for the end of the first half, or `90+x` for added time. One of extra time is 409."
)
_REST = "Goals expected of each side in the rest of the match; null before kickoff."

# As msgspec ends its messages.
_AT = re.compile(r" - at `\$\.?(.*)`$")


class MatchState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A match under way, as the caller sees it."""

    minute: Annotated[
        Annotated[int, Meta(ge=0, le=150)] | Annotated[str, Meta(pattern=_MINUTE, max_length=6)],
        Meta(description=_MINUTE_TEXT, examples=[67, "45+2"]),
    ]
    home_goals: Annotated[int, Meta(ge=0, le=99, description="Of the side named first, so far.")]
    away_goals: Annotated[int, Meta(ge=0, le=99)]
    home_reds: Annotated[int, Meta(ge=0, le=4, description="Red cards of the side named first.")] = 0
    away_reds: Annotated[int, Meta(ge=0, le=4)] = 0


class LegScore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goals of the first leg, by the sides of the row, not by the ground of that match."""

    home_team: Annotated[
        int, Meta(ge=0, le=99, description="Of `home_team`, which was away in the first leg.")
    ]
    away_team: Annotated[int, Meta(ge=0, le=99)]


class Pairing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hypothetical match of two teams.

    Attributes:
        home_team: id or name; case and accents are ignored.
        away_team: likewise.
        kickoff: an instant such as ``2026-12-05T15:00:00Z``, or a day if only that is known.
        competition: code such as ``ENG-1``, or name.
        neutral: on neutral ground; the order of the teams then does not matter. None: rules decide.
        stage: title of the stage or round, for those rules.
        leg: 1 or 2 of a two-legged tie; echoed, and for those rules.
        first_leg: goals of the first leg; the answer says who goes on.
        knock_out: this match alone decides who goes on.
        away_goals: they decide between sides level on aggregate.
        state: of a match under way: the answer is about its final score after 90 minutes.
    """

    home_team: Name
    away_team: Name
    kickoff: Annotated[str, Meta(min_length=10, max_length=40, examples=["2026-12-05T15:00:00Z"])]
    competition: Name
    neutral: Annotated[bool | None, Meta(description=_NEUTRAL)] = None
    stage: Annotated[
        Annotated[str, Meta(min_length=1, max_length=120)] | None,
        Meta(description=_STAGE, examples=["Final"]),
    ] = None
    leg: Annotated[Annotated[int, Meta(ge=1, le=2)] | None, Meta(description=_LEG)] = None
    first_leg: Annotated[LegScore | None, Meta(description=_FIRST_LEG)] = None
    knock_out: Annotated[bool | None, Meta(description=_KNOCK_OUT)] = None
    away_goals: Annotated[bool, Meta(description=_AWAY_GOALS)] = False
    state: Annotated[MatchState | None, Meta(description=_STATE)] = None


class FeatureRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features by name: exactly the `feature_names` of `GET /predict/model/info`, all finite."""

    match_id: Name | int
    features: Annotated[dict[str, float | None], Meta(max_length=500)]


Row = Pairing | FeatureRow


class RowProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem of one field of a row, with what to do.

    Attributes:
        field: its name.
        message: the problem, and what to do.
        is_extra_time: the row is understood, but its match is in extra time.
    """

    field: str
    message: str
    is_extra_time: bool = False


# The JSON body of a scored row, or its problems.
Answer = bytes | tuple[RowProblem, ...]


class ScoredPairing(Provenance, frozen=True, kw_only=True, tag_field="kind", tag="pairing"):
    """Probabilities of a pairing; fields as in `Prediction`."""

    competition: str
    season: str
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    neutral: bool
    away_is_host: bool
    ground_rule: Annotated[str | None, Meta(description=_GROUND_RULE)]
    leg: Annotated[int | None, Meta(description=_LEG)]
    state: Annotated[MatchState | None, Meta(description=_STATE)]
    rest_goals: Annotated[Goals | None, Meta(description=_REST)]
    p_advance: Annotated[Advance | None, Meta(description=_P_ADVANCE)]
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    expected_goals: Goals
    over_2_5: float
    both_teams_to_score: float
    likely_scores: tuple[ScoreChance, ...]
    reasons: tuple[Reason, ...]
    information: str = ""
    goal_model: GoalModel
    markets: Annotated[Markets | None, Meta(description=_MARKETS)]
    settled: Annotated[str, Meta(description=_SETTLED)] = SETTLED
    predicted_at: str


class ScoredFeatures(Provenance, frozen=True, kw_only=True, tag_field="kind", tag="features"):
    """Probabilities of a row of features."""

    match_id: str | int
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    information: str = ""
    predicted_at: str


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refused"):
    """A row of a task that could not be scored."""

    row: int
    errors: tuple[RowProblem, ...]


class MalformedBodyError(ServingError, ValueError):
    """The body is neither a JSON object nor a list."""


class _Probe(msgspec.Struct):
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def split_rows(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """Split a body into rows, not yet decoded, and tell whether it was a list.

    Raises:
        MalformedBodyError: it is neither a JSON object nor a list.
    """
    is_list = body.lstrip()[:1] == b"["
    try:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw]) if is_list else [msgspec.Raw(body)]
        if not is_list:
            msgspec.json.decode(body, type=_Probe)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBodyError(f"the body cannot be read: {error}; send a JSON object or a list") from error
    return rows, is_list


class DecodedRows(msgspec.Struct, frozen=True):
    """The rows of a body, and whether they came as a list."""

    rows: list[Row]
    is_list: bool


class TooManyRows(msgspec.Struct, frozen=True):
    """The number of rows of a body that has too many."""

    rows: int


class UnusableRows(msgspec.Struct, frozen=True):
    """The problems of rows by their number."""

    problems: dict[int, tuple[RowProblem, ...]]
    is_list: bool


# Why a body is not scored; a text says why it is malformed.
BodyFault = str | TooManyRows | UnusableRows


def decode_body(body: bytes, max_rows: int) -> DecodedRows | BodyFault:
    """The rows of a body, or why they cannot be scored."""
    try:
        raw, is_list = split_rows(body)
    except MalformedBodyError as error:
        return str(error)
    if len(raw) > max_rows:
        return TooManyRows(len(raw))
    rows: list[Row] = []
    problems: dict[int, tuple[RowProblem, ...]] = {}
    for number, one in enumerate(raw):
        row = decode_row(one)
        if isinstance(row, RowProblem):
            problems[number] = (row,)
        else:
            rows.append(row)
    return UnusableRows(problems, is_list) if problems else DecodedRows(rows, is_list)


def decode_row(raw: msgspec.Raw) -> Row | RowProblem:
    """Decode one row, or say what is wrong with it."""
    try:
        has_features = msgspec.json.decode(raw, type=_Probe).features is not msgspec.UNSET
        if has_features:
            return msgspec.json.decode(raw, type=FeatureRow)
        return msgspec.json.decode(raw, type=Pairing)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return problem_of(error)


def problem_of(error: Exception) -> RowProblem:
    """What is wrong with a body, from an error of msgspec."""
    message = str(error)
    place = _AT.search(message)
    return RowProblem(place[1] if place else "", _AT.sub("", message))


def parse_kickoff(text: str) -> tuple[dt.datetime, bool]:
    """Parse a kickoff to UTC, and tell whether it is a day only.

    Raises:
        ValueError: it is neither an instant with a time zone nor a day.
    """
    if len(text) == len("2026-12-05"):
        day = dt.date.fromisoformat(text)
        return dt.datetime.combine(day, dt.time(), dt.UTC), True
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no time zone")
    return instant.astimezone(dt.UTC), False
