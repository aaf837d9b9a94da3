"""What the page of a team shows: matches ahead and behind, its strength, and its season's projection."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from serving.pages.line_chart import LineChart, Series, line_chart, whole
from serving.release.current import Current
from serving.release.history import HistoryView
from serving.release.history_rows import PastMatch, PastTeam, StrengthPoint
from serving.release.snapshot import PageQuery
from soccer_assets.clock import parse_instant
from soccer_assets.contract.release import Prediction
from soccer_assets.contract.season_projection import CourseStep, SeasonProjection, TeamProjection

_FORM = 10
MOST_AHEAD = 60


class FormRow(msgspec.Struct, frozen=True, kw_only=True):
    """A match of the team's form.

    Attributes:
        result: ``won``, ``drawn`` or ``lost``, from the team's side.
        chance: what was said for that result before the kickoff; None where nothing was.
    """

    match: PastMatch
    result: str
    chance: float | None


class OutlookStep(NamedTuple):
    """A projection of the season: when it was made, the points of then, and those expected at the end."""

    at: dt.datetime
    points: int
    expected_points: float


class SeasonOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """How a season of the team may end.

    Attributes:
        steps: of its earlier projections and the current one, oldest first.
    """

    competition: str
    season: str
    team: TeamProjection
    steps: tuple[OutlookStep, ...]

    def chart(self, *, shows_points: bool) -> LineChart | None:
        """The points expected over the season, and those won where they may be shown; None of one step."""
        expected = tuple((step.at, step.expected_points) for step in self.steps)
        series = [Series("expected", "Points expected at the end", expected)]
        if shows_points:
            won = tuple((step.at, float(step.points)) for step in self.steps)
            series.append(Series("won", "Points so far", won))
        return line_chart(series, y_text=whole)


class TeamPast(msgspec.Struct, frozen=True, kw_only=True):
    """What the history has of a team."""

    facts: PastTeam
    form: tuple[FormRow, ...]
    points: tuple[StrengthPoint, ...]


def team_past(view: HistoryView, team_id: str) -> TeamPast | None:
    """The past of a team; None where the history does not know it."""
    facts = view.team(team_id)
    if facts is None:
        return None
    matches = view.team_matches(facts.id, limit=_FORM)
    return TeamPast(
        facts=facts,
        form=tuple(_form_row(match, facts.id) for match in matches if match.goals is not None),
        points=tuple(view.team_strength(facts.id)),
    )


def matches_ahead(current: Current, team_id: str, now: str) -> list[Prediction]:
    """The team's matches ahead with their forecasts, the next first."""
    query = PageQuery(limit=MOST_AHEAD, kickoff_from=now, upcoming_only=True, team_ids=(team_id,))
    page = current.snapshot.page(query)
    return [msgspec.json.decode(body, type=Prediction) for _, body in page.rows]


def outlooks(current: Current, team_id: str) -> tuple[SeasonOutlook, ...]:
    """The projections of the seasons that the team plays."""
    courses = current.projections.courses
    return tuple(
        SeasonOutlook(
            competition=projection.competition,
            season=projection.season,
            team=team,
            steps=_steps(courses.get(projection.competition, {}).get(team_id, ()), projection, team),
        )
        for projection in current.projections.competitions.values()
        for team in projection.teams
        if team.team.id == team_id
    )


def _steps(
    course: Sequence[CourseStep], projection: SeasonProjection, team: TeamProjection
) -> tuple[OutlookStep, ...]:
    earlier = [
        OutlookStep(dt.datetime.fromtimestamp(step.at, dt.UTC), step.points, step.expected_points)
        for step in course
    ]
    return (*earlier, OutlookStep(parse_instant(projection.as_of), team.points, team.expected_points))


def league_name(current: Current, code: str) -> str:
    """The name of a competition; its code where the release does not name it."""
    names = current.snapshot.names
    entry = None if names is None else names.competitions.get(code)
    return code if entry is None else entry.name


def name_of(current: Current, past: TeamPast | None, ahead: Sequence[Prediction], team_id: str) -> str | None:
    """The team's name, of whoever knows it; None where nobody does."""
    if past is not None:
        return past.facts.name
    for match in ahead:
        for side in (match.home_team, match.away_team):
            if side.id == team_id:
                return side.name
    return next((outlook.team.team.name for outlook in outlooks(current, team_id)), None)


def _form_row(match: PastMatch, team_id: str) -> FormRow:
    home, away = match.goals or (0, 0)
    is_home = match.home.id == team_id
    gap = home - away if is_home else away - home
    said = match.forecast
    chance = None
    if said is not None:
        own, other = (said.home, said.away) if is_home else (said.away, said.home)
        chance = own if gap > 0 else said.draw if gap == 0 else other
    return FormRow(match=match, result="won" if gap > 0 else "drawn" if gap == 0 else "lost", chance=chance)
