"""What `POST /predict/` is asked and what it answers: rows as structs, decoded one by one.

A row is a pairing, whose features are made here, or the features themselves. Every row is hostile until it is
decoded; what is wrong with one is said with its number and its field.
"""

import datetime as dt
import re
from typing import Annotated

import msgspec
from msgspec import Meta

from serving.errors import ServingError
from soccer_assets.contract.prediction import Provenance
from soccer_assets.contract.release import Goals, Reason, ScoreChance, Team

Name = Annotated[str, Meta(min_length=1, max_length=120)]

_LEG = "1 or 2 of a tie over two legs. Answered back and not used: today's models know no first leg's result."

# As msgspec ends its messages.
_AT = re.compile(r" - at `\$\.?(.*)`$")


class Pairing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two teams that might meet.

    Attributes:
        home_team: id, or name without regard to case and accents.
        away_team: likewise.
        kickoff: an instant such as ``2026-12-05T15:00:00Z``, or a day where only that is known.
        competition: code such as ``ENG-1``, or name.
        neutral: on neutral ground: then the order of the two teams does not matter.
        leg: 1 or 2 of a tie over two legs.
    """

    home_team: Name
    away_team: Name
    kickoff: Annotated[str, Meta(min_length=10, max_length=40, examples=["2026-12-05T15:00:00Z"])]
    competition: Name
    neutral: bool = False
    leg: Annotated[Annotated[int, Meta(ge=1, le=2)] | None, Meta(description=_LEG)] = None


class FeatureRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features by name: exactly those of `GET /predict/model/info`, each a finite number."""

    match_id: Name | int
    features: Annotated[dict[str, float | None], Meta(max_length=500)]


Row = Pairing | FeatureRow


class RowProblem(msgspec.Struct, frozen=True):
    """What is wrong with one field of a row, and what to do."""

    field: str
    message: str


# The JSON body of a row's scores, or what is wrong with the row.
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
    leg: Annotated[int | None, Meta(description=_LEG)]
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    expected_goals: Goals
    over_2_5: float
    both_teams_to_score: float
    likely_scores: tuple[ScoreChance, ...]
    reasons: tuple[Reason, ...]
    predicted_at: str


class ScoredFeatures(Provenance, frozen=True, kw_only=True, tag_field="kind", tag="features"):
    """Probabilities of a row of features."""

    match_id: str | int
    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str
    predicted_at: str


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refused"):
    """A row of a task that could not be scored; the others were."""

    row: int
    errors: tuple[RowProblem, ...]


class MalformedBodyError(ServingError, ValueError):
    """The body is no JSON object and no list of them."""


class _Probe(msgspec.Struct):
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def split_rows(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """The rows of a body, not decoded yet, and whether it was a list.

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


def decode_row(raw: msgspec.Raw) -> Row | RowProblem:
    """One row, or what is wrong with it."""
    try:
        has_features = msgspec.json.decode(raw, type=_Probe).features is not msgspec.UNSET
        if has_features:
            return msgspec.json.decode(raw, type=FeatureRow)
        return msgspec.json.decode(raw, type=Pairing)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = str(error)
        place = _AT.search(message)
        field = place[1] if place else ""
        return RowProblem(field, _AT.sub("", message))


def parse_kickoff(text: str) -> tuple[dt.datetime, bool]:
    """The instant of a kickoff in UTC, and whether only the day is known.

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
