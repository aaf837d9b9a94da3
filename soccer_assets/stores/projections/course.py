"""How a season's projection moved: a new part takes a step from the part that it replaces."""

import datetime as dt

import msgspec

from soccer_assets.clock import parse_instant
from soccer_assets.contract.season_projection import CourseStep, ProjectionPart, SeasonProjection

# Two steps a week at most: 80 in a season, 40 kB for 20 clubs.
_LEAST_APART = dt.timedelta(days=3)


def with_course(part: ProjectionPart, before: ProjectionPart | None) -> ProjectionPart:
    """The part with the course of the one that it replaces, which is itself the newest step of it.

    A step is left out within three days of the one before it. Another season begins without a course.
    """
    if before is None or not part.projection.teams or not _is_same_season(part, before):
        return part
    return msgspec.structs.replace(part, course=_extended(before))


def _is_same_season(part: ProjectionPart, before: ProjectionPart) -> bool:
    return (part.projection.season, part.projection.feed) == (
        before.projection.season,
        before.projection.feed,
    )


def _extended(before: ProjectionPart) -> dict[str, tuple[CourseStep, ...]]:
    at = _seconds(before.projection)
    last = max((steps[-1].at for steps in before.course.values() if steps), default=None)
    if last is not None and at - last < _LEAST_APART.total_seconds():
        return before.course
    steps = {
        line.team.id: CourseStep(at, line.points, round(line.expected_points, 1))
        for line in before.projection.teams
    }
    return {
        team: (*before.course.get(team, ()), *((steps[team],) if team in steps else ()))
        for team in sorted({*before.course, *steps})
    }


def _seconds(projection: SeasonProjection) -> int:
    return int(parse_instant(projection.as_of).timestamp())
