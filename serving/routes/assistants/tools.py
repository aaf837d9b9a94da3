"""The tools of an assistant: what each may be asked, and the request of the HTTP API that answers it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from serving.http.inner_request import Asked
from serving.http.schemas import MarketsBody, PairingBody, PredictionList, PredictionPage
from serving.scoring.assumptions import MOST_ASSUMED, Assumption, Assumptions
from serving.scoring.schemas import Name, Pairing
from soccer_assets.contract.reports import QualityReport
from soccer_assets.contract.season_projection import SeasonProjection

MOST_IDS = 100
_MOST_MATCHES = 100
# Ids are parts of paths and of lists with commas.
_ID = r"^[!-$&-+\-.0->@-~]+$"

_Id = Annotated[str, Meta(min_length=1, max_length=100, pattern=_ID, examples=["52ebe02471d9ac99"])]
_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-05"])]
# A slash would be another path.
_Competition = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[^/]+$",
        description="Code or name of a competition; case and accents are ignored.",
        examples=["ENG-1", "Premier League"],
    ),
]
_Model = Literal["champion", "previous", "candidate"]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of a tool."""

    def asked(self) -> Asked:
        """The request of the HTTP API that answers them."""
        raise NotImplementedError


class FindMatches(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which matches: all that is left out is not asked for."""

    competition: _Competition | None = None
    team: Annotated[
        Name | None,
        Meta(description="Id or name of a team; case and accents are ignored.", examples=["Leeds United"]),
    ] = None
    from_day: Annotated[_Day | None, Meta(description="First day.")] = None
    to_day: Annotated[
        _Day | None, Meta(description="Last day, included; the first day again for one day.")
    ] = None
    time_zone: Annotated[
        str, Meta(max_length=64, description="Whose days these are.", examples=["Europe/London"])
    ] = "UTC"
    limit: Annotated[int, Meta(ge=1, le=_MOST_MATCHES, description="Matches of one answer.")] = 20
    cursor: Annotated[
        Annotated[str, Meta(max_length=300)] | None,
        Meta(description="`next_cursor` of the answer before: the matches that follow."),
    ] = None

    def asked(self) -> Asked:
        """`GET /predict/matches/`."""
        given = {
            "competition": self.competition,
            "team": self.team,
            "from": self.from_day,
            "to": self.to_day,
            "tz": self.time_zone,
            "limit": str(self.limit),
            "cursor": self.cursor,
        }
        query = tuple((name, value) for name, value in given.items() if value is not None)
        return Asked(path="/predict/matches/", query=query)


class GetPrediction(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which matches, by their ids."""

    match_ids: Annotated[
        tuple[_Id, ...],
        Meta(
            min_length=1,
            max_length=MOST_IDS,
            description="The `match_id` of each, from `find_matches`. Counts as so many requests.",
        ),
    ]
    model: Annotated[_Model, Meta(description="Whose prediction.")] = "champion"

    def asked(self) -> Asked:
        """`GET /predict/?ids=`."""
        return Asked(path="/predict/", query=(("ids", ",".join(self.match_ids)), ("model", self.model)))


class GetMarkets(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which match, by its id."""

    match_id: Annotated[_Id, Meta(description="From `find_matches`.")]
    model: Annotated[_Model, Meta(description="Whose prediction.")] = "champion"

    def asked(self) -> Asked:
        """`GET /predict/{match_id}/markets`."""
        return Asked(path=f"/predict/{self.match_id}/markets", query=(("model", self.model),))


class WhatIf(Pairing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two teams, when and in which competition; with `state`, a match under way."""

    markets: Annotated[bool, Meta(description="Answer with every market of the score too.")] = False

    def asked(self) -> Asked:
        """`POST /predict/`."""
        row = Pairing(**{name: getattr(self, name) for name in Pairing.__struct_fields__})
        query = (("markets", "true"),) if self.markets else ()
        return Asked(path="/predict/", method="POST", query=query, body=msgspec.json.encode(row))


class GetProjection(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which league; with `results`, how its season ends if they come true."""

    competition: _Competition
    results: Annotated[
        tuple[Assumption, ...],
        Meta(
            max_length=MOST_ASSUMED,
            description="Results to assume, each of the next match of two teams on the ground of the first.",
            examples=[
                [{"home_team": "Leeds United", "away_team": "Hull City", "home_goals": 2, "away_goals": 0}]
            ],
        ),
    ] = ()

    def asked(self) -> Asked:
        """`GET /projections/{competition}`, or POST where results are assumed."""
        path = f"/projections/{self.competition}"
        if not self.results:
            return Asked(path=path)
        body = msgspec.json.encode(Assumptions(results=self.results))
        return Asked(path=path, method="POST", body=body)


class GetTrackRecord(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is asked for: there is one record."""

    def asked(self) -> Asked:
        """`GET /monitoring/quality`."""
        return Asked(path="/monitoring/quality")


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool: its name for programs and for people, what it does, its arguments, and the body it answers."""

    name: str
    title: str
    description: str
    arguments: type[Arguments] | type[WhatIf]
    answer: type[msgspec.Struct]

    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        return _object_schema(self.arguments)

    def output_schema(self) -> dict[str, Any]:
        """JSON Schema of the answer."""
        return _object_schema(self.answer)


def _object_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a struct as an object, which the protocol asks for, not as a reference to one."""
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    schema = components.pop(kind.__name__)
    return {**schema, "$defs": components} if components else schema


TOOLS = (
    Tool(
        name="find_matches",
        title="Find football matches",
        description=(
            "Upcoming football matches in order of kickoff, by competition, team and day, each with the "
            "probabilities of a home win, a draw and an away win after 90 minutes. Start here: it gives the "
            "match ids and the codes of competitions that the other tools take. Needs the scope `read`."
        ),
        arguments=FindMatches,
        answer=PredictionPage,
    ),
    Tool(
        name="get_prediction",
        title="Read predictions",
        description=(
            "The prediction of some matches: probabilities, expected goals, likely scores, the reasons in "
            "words, and how fresh the data is. Of a played match it is the last one before kickoff. Ids "
            "without a prediction are listed in `unknown`. Needs the scope `read`."
        ),
        arguments=GetPrediction,
        answer=PredictionList,
    ),
    Tool(
        name="get_markets",
        title="Read the markets of a match",
        description=(
            "Every market of one match after 90 minutes, with the probability of each way it can end and its "
            "fair price, which is no offer of a bookmaker: totals, handicaps, both teams to score, exact "
            "scores and more. Needs the scope `read`."
        ),
        arguments=GetMarkets,
        answer=MarketsBody,
    ),
    Tool(
        name="what_if",
        title="Predict a match that is in no list",
        description=(
            "The prediction of a match of two teams that is in no fixture list, on a day, in a competition, "
            "on the home side's ground or a neutral one, also from a score at a minute of a match under way. "
            "Teams are named by id or name. Needs the scope `predict`."
        ),
        arguments=WhatIf,
        answer=PairingBody,
    ),
    Tool(
        name="get_projection",
        title="Project a season",
        description=(
            "How the season of a league may end: for each team its expected points and the probability of "
            "every place and of each band of places, such as the title or relegation; and what the next "
            "matches decide. With `results` the same if these come true, which needs the scope `predict`; "
            "otherwise `read`."
        ),
        arguments=GetProjection,
        answer=SeasonProjection,
    ),
    Tool(
        name="get_track_record",
        title="Read the track record",
        description=(
            "How good the predictions that were published before kickoff have been: log loss and calibration "
            "by week, competition and slice, against textbook Elo and bookmakers' closing prices where there "
            "are any, and how many matches they cover. Needs the scope `read`."
        ),
        arguments=GetTrackRecord,
        answer=QualityReport,
    ),
)
