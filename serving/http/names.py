"""Competition and team in the query of a list: ids or names, understood as `POST /predict/` does.

An unknown one is refused: an empty list would say that it has no matches.
"""

from typing import Annotated, NoReturn

from litestar.params import QueryParameter

from serving.problems import ParameterError, bad_request
from serving.release.current import Current
from serving.release.snapshot import Snapshot
from soccer_assets.contract.release import CompetitionEntry
from soccer_assets.football.name_lookup import UnclearNameError
from soccer_assets.football.text_folding import fold

# As in the rows of POST.
_LONGEST = 120

Competition = Annotated[
    str | None,
    QueryParameter(
        description="Code or name, such as `ENG-1`; case and accents are ignored.",
        min_length=1,
        max_length=_LONGEST,
    ),
]
TeamName = Annotated[
    str | None,
    QueryParameter(
        description="Team id or name; case and accents are ignored. Without a competition: all of this name.",
        min_length=1,
        max_length=_LONGEST,
    ),
]


def find_competition(snapshot: Snapshot, text: str) -> CompetitionEntry | None:
    """The competition of a code or a name; None where only rows of the release have this code.

    Raises:
        ProblemError: 400, there is none, or several have this name.
    """
    try:
        if snapshot.names is not None:
            return snapshot.names.competition(text)
    except UnclearNameError as error:
        if not snapshot.has_competition(text):
            refuse("competition", str(error))
        return None
    if not snapshot.has_competition(text):
        refuse("competition", f"there is no competition {text!r}")
    return None


def known_code(current: Current | None, text: str) -> tuple[str | None, str]:
    """The code of a competition's code or name; None, and why, where the release's directory has no such one.

    Raises:
        ProblemError: 400, no code has such characters.
    """
    reason = f"there is no competition {text!r}"
    if "\0" in text:  # PostgreSQL refuses it
        refuse("competition", reason)
    names = None if current is None else current.snapshot.names
    try:
        return (None if names is None else names.competition(text).code), reason
    except UnclearNameError as error:
        return None, str(error)


def find_teams(snapshot: Snapshot, text: str, competition: CompetitionEntry | None) -> tuple[str, ...]:
    """The ids of a team's id or name: one of a competition, otherwise all of this name.

    Raises:
        ProblemError: 400, there is none, or several in the competition.
    """
    found: tuple[str, ...] = ()
    reason = f"there is no team {text!r}"
    if snapshot.names is not None:
        try:
            if competition is None:
                found = tuple(team.id for team in snapshot.names.teams(text))
            else:
                found = (snapshot.names.team(text, competition).id,)
        except UnclearNameError as error:
            reason = str(error)
    # The name of a club may be spelled in a row as it is in no directory.
    found = found or snapshot.team_ids(text, fold.__wrapped__(text))
    return found or refuse("team", reason)


def refuse(parameter: str, reason: str) -> NoReturn:
    """Raise 400 for a parameter."""
    raise bad_request(f"`{parameter}`: {reason}.", ParameterError(parameter, reason))
