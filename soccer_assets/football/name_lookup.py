"""Look-up of teams and competitions by id or by name; case and accents do not matter.

A name is searched among the teams that can play in the competition: of its sex and age group, and of its
country before others. An ambiguous name is an error, never a guess.
"""

from collections import defaultdict
from collections.abc import Iterable

from soccer_assets.contract.release import CompetitionEntry, Directory, TeamEntry
from soccer_assets.football.football_error import FootballError
from soccer_assets.football.near_names import NearNames
from soccer_assets.football.text_folding import fold

_NEAREST = 5
# The cache of `fold` would keep what strangers send.
_fold_once = fold.__wrapped__


class UnclearNameError(FootballError):
    """A name is unknown or ambiguous; the message lists candidates."""


class Names:
    """An index of a directory.

    Attributes:
        competitions: entries by code.
    """

    def __init__(self, directory: Directory) -> None:
        self._teams = {team.id: team for team in directory.teams}
        self._redirects = directory.redirects
        self.competitions = {entry.code: entry for entry in directory.competitions}
        self._competitions = {fold(entry.code): entry for entry in directory.competitions}
        self._competitions_by_name = defaultdict(list)
        for entry in directory.competitions:
            self._competitions_by_name[fold(entry.name)].append(entry)
        self._by_name: dict[str, list[TeamEntry]] = defaultdict(list)
        for team in directory.teams:
            for spelling in {fold(team.name), *team.aliases}:
                self._by_name[spelling].append(team)
        # Made when a name is first unclear, since most are not.
        self._countries = {(team.sex, team.age_group, team.country) for team in directory.teams}
        self._near_competitions: NearNames | None = None
        self._near_teams: dict[tuple[str, str, str], tuple[NearNames, dict[str, list[TeamEntry]]]] = {}

    def competition(self, text: str, *, with_hint: bool = True) -> CompetitionEntry:
        """The competition of a code or a name.

        Args:
            text: from a client.
            with_hint: whether the message of an unknown one names the nearest, which takes milliseconds.

        Raises:
            UnclearNameError: there is none, or several have that name.
        """
        folded = _fold_once(text)
        found = self._competitions.get(folded)
        if found is not None:
            return found
        named = self._competitions_by_name.get(folded, [])
        if len(named) == 1:
            return named[0]
        if named:
            listed = _listed(f"{entry.code} ({entry.country})" for entry in named)
            raise UnclearNameError(f"{text!r} may be {listed}; send the code")
        if not with_hint:
            raise UnclearNameError(f"there is no competition {text!r}")
        if self._near_competitions is None:
            self._near_competitions = NearNames([*self._competitions, *self._competitions_by_name])
        near = self._near_competitions.nearest(folded)
        codes = {self._competitions[name].code for name in near if name in self._competitions}
        codes |= {entry.code for name in near for entry in self._competitions_by_name.get(name, ())}
        raise UnclearNameError(f"there is no competition {text!r}{_hint(sorted(codes))}")

    def team(self, text: str, competition: CompetitionEntry, *, with_hint: bool = True) -> TeamEntry:
        """The team of an id or a name, as an entrant of a competition.

        Args:
            text: from a client.
            competition: limits the search.
            with_hint: as in `competition`.

        Raises:
            UnclearNameError: there is none, several have that name, or it plays in other competitions (men's
                and women's, senior and youth teams do not meet).
        """
        team = self._teams.get(self._redirects.get(text, text))
        if team is not None:
            if not _may_enter(team, competition):
                raise UnclearNameError(f"{_described(team)} does not play in {competition.code}")
            return team
        folded = _fold_once(text)
        named = [
            candidate for candidate in self._by_name.get(folded, ()) if _may_enter(candidate, competition)
        ]
        found = [candidate for candidate in named if candidate.country == competition.country] or named
        if len(found) == 1:
            return found[0]
        if found:
            raise UnclearNameError(f"{text!r} may be {_listed(map(_described, found))}; send the id")
        near = self._near(folded, competition) if with_hint else ()
        raise UnclearNameError(
            f"there is no team {text!r} for {competition.code}{_hint(map(_described, near))}"
        )

    def teams(self, text: str) -> list[TeamEntry]:
        """All teams of an id or a name, whatever they play in; empty if there is none."""
        team = self._teams.get(self._redirects.get(text, text))
        return [team] if team is not None else list(self._by_name.get(_fold_once(text), ()))

    def _near(self, folded: str, competition: CompetitionEntry) -> list[TeamEntry]:
        """Entrants with names like the given one; those of the competition's country where it has any."""
        among = (competition.sex, competition.age_group, competition.country)
        if among not in self._countries:
            among = (*among[:2], "")  # of all countries: one index for all international competitions
        found = self._near_teams.get(among)
        if found is None:
            spelled: dict[str, list[TeamEntry]] = defaultdict(list)
            for team in self._teams.values():
                if _may_enter(team, competition) and among[2] in ("", team.country):
                    spelled[fold(team.name)].append(team)
            found = self._near_teams[among] = NearNames(spelled), spelled
        near, spelled = found
        return [team for name in near.nearest(folded) for team in spelled[name]][:_NEAREST]


def _may_enter(team: TeamEntry, competition: CompetitionEntry) -> bool:
    return (team.sex, team.age_group) == (competition.sex, competition.age_group)


def _described(team: TeamEntry) -> str:
    return f"{team.name} ({team.country}, id {team.id})"


def _listed(words: Iterable[str]) -> str:
    return " or ".join(words)


def _hint(words: Iterable[str]) -> str:
    listed = _listed(words)
    return f"; did you mean {listed}?" if listed else ""
