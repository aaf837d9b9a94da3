"""Which club a spelling means, in a feed that has no team ids: decided on evidence, or held back.

A new spelling is a club that is known, a new club, or open. What decides, strongest first:

1. The spelling is written down (``team_names.toml``), or a person has decided.
2. *The same match reported twice*: the spelling meets an opponent on a day on which a known club meets that
   opponent at the same ground.
3. *A full roster*: the season's format names how many clubs it has, and all of them are placed: the spelling
   is one of those that have no match on its days, and the league's open spellings are assigned at once.
4. *Continuity*: a season names all its clubs, one of the season before or after is missing, and the spelling
   alone is like it. The same of a club that has gone up or down a tier, once both leagues name all clubs.
5. *Likeness*: the spelling abbreviates exactly one club that could have played its matches.

Against two spellings being one club: they meet, they play within a day of each other, they stand in two
leagues of one season, or together they meet an opponent more often than the format allows.

What none of this decides is held back: a prediction for a club without history would be wrong in silence.
The order in which matches arrive changes when a spelling is decided, never how.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from soccer_assets.football.club_names import Likeness, closeness, likeness, words_of
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.name_assignment import LEAST_MARGIN, best_assignment
from soccer_assets.football.season_formats import SeasonFormat, season_format
from soccer_assets.football.spellings import Decided, Held, Sighting, Spellings, Why

# The spellings of a competition's first matches in a home are its clubs: nothing is known before them.
FIRST_MATCHES = 30
# After matches on this many days a spelling without a rival in reach is a club of its own.
DAYS_TO_DECIDE = 2
# No club plays on two days in a row: 3 of 92,357 matches of football-data do, all of them misdated.
_BETWEEN_MATCHES = dt.timedelta(days=1)
# Half of the letters: a name that is less like a club suggests nobody.
_LEAST_GUESS = 0.5
# Of several clubs that an open spelling may mean.
_SHOWN = 5


def resolve(
    sightings: Iterable[Sighting],
    known: Collection[str],
    spellings: Spellings = Spellings(),  # noqa: B008 - frozen
) -> dict[str, Decided | Held]:
    """Decide every spelling of the sightings that is not a known club.

    Args:
        sightings: matches of one pool (country, sex, age group), stored and new; stored ones go by club.
        known: clubs that are decided.
        spellings: what is written down or decided by hand.

    Returns:
        For each open spelling the club it means, or why it is held back.
    """
    return _Resolution(sightings, known, spellings).run()


class _Season:
    """One season of one competition: who has been placed, and on which days."""

    def __init__(self, competition: str, season: str, is_league: bool) -> None:
        self.is_league = is_league
        self.format: SeasonFormat | None = season_format(competition, season)
        self.names: set[str] = set()
        self.names_before_guests: set[str] = set()

    def add(self, match: "Sighting") -> None:
        """Name the clubs of a match."""
        self.names |= {match.home, match.away}
        if self.format is not None and match.day < self.format.guests_from:
            self.names_before_guests |= {match.home, match.away}


class _Resolution:
    def __init__(self, sightings: Iterable[Sighting], known: Collection[str], spellings: Spellings) -> None:
        self.matches = sorted(set(sightings), key=lambda match: (match.day, match.competition, match.home))
        self.clubs = set(known)
        self.spellings = spellings
        self.decided: dict[str, Decided | Held] = {}
        self.by_name: defaultdict[str, list[Sighting]] = defaultdict(list)
        # Matches of clubs that have more names than their own.
        self._by_club: dict[str, list[Sighting]] = {}
        self.seasons: dict[tuple[str, str], _Season] = {}
        for match in self.matches:
            key = (match.competition, match.season)
            if key not in self.seasons:
                self.seasons[key] = _Season(*key, match.is_league)
            self.seasons[key].add(match)
            for name in (match.home, match.away):
                self.by_name[name].append(match)

    @cached_property
    def first_names(self) -> set[str]:
        """Spellings among the first matches of their competition."""
        counted: defaultdict[str, int] = defaultdict(int)
        found = set()
        for match in self.matches:
            counted[match.competition] += 1
            if counted[match.competition] <= FIRST_MATCHES:
                found |= {match.home, match.away}
        return found

    @cached_property
    def _apart(self) -> frozenset[tuple[str, str]]:
        """Pairs that are two clubs, under every name of theirs, by the words that tell a club."""
        names = self.spellings.groups
        found = set()
        for first, second in self.spellings.apart:
            for one in names.get(first, (first,)):
                for other in names.get(second, (second,)):
                    pair = sorted((" ".join(words_of(one)), " ".join(words_of(other))))
                    found.add((pair[0], pair[1]))
        return frozenset(found)

    def run(self) -> dict[str, Decided | Held]:
        waiting = sorted(self.by_name.keys() - self.clubs, key=lambda name: (self.by_name[name][0].day, name))
        while waiting:
            placed = [name for name in waiting if self._decide(name)]
            if not placed:
                placed = self._assign_leagues(waiting)
            if not placed:
                break
            waiting = [name for name in waiting if name not in set(placed)]
        for name in waiting:
            self.decided[name] = self._hold(name)
        return self.decided

    def club_of(self, name: str) -> str:
        found = self.decided.get(name)
        return found.club if isinstance(found, Decided) else name

    def clubs_in(self, season: _Season) -> set[str]:
        """The clubs of a season, and its open spellings."""
        return {self.club_of(name) for name in season.names}

    def matches_of(self, club: str) -> list[Sighting]:
        """Matches of a club under all its decided spellings."""
        return self._by_club.get(club, self.by_name[club])

    def _place(self, name: str, club: str, why: Why) -> bool:
        self.decided[name] = Decided(club, why)
        if club == name:
            self.clubs.add(name)
        else:
            self._by_club[club] = [*self.matches_of(club), *self.by_name[name]]
        return True

    def _decide(self, name: str) -> bool:
        """Place a name where the evidence decides; returns whether it did."""
        found = self._told(name) or self._compared(name)
        return found is not None and self._place(name, *found)

    def _told(self, name: str) -> tuple[str, Why] | None:
        """The club that a person, a written rename, or a match told twice names."""
        if (chosen := self.spellings.by_hand.get(name)) is not None:
            return chosen, Why.BY_HAND
        if written := sorted(self.clubs & set(self.spellings.groups.get(name, ()))):
            return written[0], Why.WRITTEN_DOWN
        if (twin := self._same_match(name)) is not None:
            return twin, Why.SAME_MATCH
        return None

    def _compared(self, name: str) -> tuple[str, Why] | None:
        """The club that is alone like the name, or the name itself where it is a new club."""
        alike = {club: found for club in self.clubs if (found := likeness(name, club))}
        possible = {club: found for club, found in alike.items() if not self._contradicted(name, club)}
        if name in self.first_names and not self._is_full(name):
            is_played = any(match.score is not None for match in self.by_name[name])
            same = [club for club, found in possible.items() if found is Likeness.SAME]
            if len(same) == 1:
                return same[0], Why.LIKENESS
            # Lists of fixtures are spelled by another hand than results: a name of theirs alone is no club.
            if is_played or max(possible.values(), default=Likeness.NONE) < Likeness.PARTIAL:
                return name, Why.FIRST
        return self._matched(name, alike, possible)

    def _matched(
        self, name: str, alike: Mapping[str, Likeness], possible: Mapping[str, Likeness]
    ) -> tuple[str, Why] | None:
        """The decision on a name that is not among a competition's first ones."""
        matches = self.by_name[name]
        is_played = any(match.score is not None for match in matches)
        full, days = self._is_full(name), {match.day for match in matches}
        strong = [club for club, found in possible.items() if found >= Likeness.STRONG]
        if len(strong) == 1:
            # Results spell a club alike all season: beside a club of the season only a full roster decides.
            beside = any(strong[0] in clubs for _, clubs in self._rosters(name))
            is_seen = len(days) >= DAYS_TO_DECIDE and not (beside and is_played)
            if full or is_seen or possible[strong[0]] is Likeness.SAME:
                return strong[0], Why.LIKENESS
        partial = [club for club, found in possible.items() if found >= Likeness.PARTIAL]
        if len(partial) == 1 and self._continues(name, partial[0]):
            return partial[0], Why.CONTINUITY
        if full:
            return None
        # A cup brings clubs that no league of the home has: there a word in common says nothing.
        in_cup = not any(match.is_league for match in matches)
        if not possible or (not partial and (in_cup or len(days) >= DAYS_TO_DECIDE)):
            return name, Why.RIVALS if alike else Why.NOBODY_LIKE_IT
        return None

    def _same_match(self, name: str) -> str | None:
        """The club of whom one of the name's matches is reported too."""
        found = set()
        for match in self.by_name[name]:
            at_home = match.home == name
            opponent = self.club_of(match.away if at_home else match.home)
            for other in self.matches_of(opponent) if opponent in self.clubs else ():
                rival = other.home if at_home else other.away
                club = self.club_of(rival)
                is_near = abs(other.day - match.day) <= _BETWEEN_MATCHES
                if rival != name and club in self.clubs and is_near and self._agree(match, name, other, club):
                    found.add(club)
        if len(found) != 1:
            return None
        (club,) = found
        return None if self._contradicted(name, club) else club

    def _contradicted(self, name: str, club: str) -> bool:
        """Whether a spelling and a club cannot be one."""
        words, others = " ".join(words_of(name)), " ".join(words_of(club))
        if (min(words, others), max(words, others)) in self._apart:
            return True
        theirs = self.matches_of(club)
        their_days = defaultdict(list)
        for match in theirs:
            their_days[match.day].append(match)
        leagues = {match.season: match.competition for match in theirs if match.is_league}
        for match in self.by_name[name]:
            opponent = self.club_of(match.away if match.home == name else match.home)
            if opponent == club:
                return True
            if match.is_league and leagues.get(match.season, match.competition) != match.competition:
                season = self.seasons[match.competition, match.season]
                if season.format is None or not season.format.guests:
                    return True
            for shift in (-1, 0, 1):
                for other in their_days.get(match.day + shift * _BETWEEN_MATCHES, ()):
                    is_one = self._agree(match, name, other, club) or self._is_listed(
                        match, name, other, club
                    )
                    if not is_one:
                        return True
        return self._meets_too_often(name, club)

    def _agree(self, match: Sighting, name: str, other: Sighting, club: str) -> bool:
        """Whether two matches are one if the name is the club: same sides, and no other score."""
        home = club if match.home == name else self.club_of(match.home)
        away = club if match.away == name else self.club_of(match.away)
        return (
            match.competition == other.competition
            and (home, away) == (self.club_of(other.home), self.club_of(other.away))
            and (match.score is None or other.score is None or match.score == other.score)
        )

    def _is_listed(self, match: Sighting, name: str, other: Sighting, club: str) -> bool:
        """Whether a fixture and a result may be one match with both sides spelled otherwise.

        Lists of fixtures are spelled by another hand: where an opponent is open too, it is like the other's.
        """
        at_home = match.home == name
        if (
            match.competition != other.competition
            or (match.score is not None and other.score is not None)
            or at_home != (self.club_of(other.home) == club)
        ):
            return False
        sides = (match.away, other.away) if at_home else (match.home, other.home)
        first, second = map(self.club_of, sides)
        return not {first, second} <= self.clubs and likeness(first, second) > Likeness.NONE

    def _meets_too_often(self, name: str, club: str, *, with_fixtures: bool = False) -> bool:
        """Whether both together meet an opponent more often than the format allows.

        ``with_fixtures`` counts matches of the name that are not played yet too.
        """
        days: defaultdict[tuple[str, str, str, str], set[dt.date]] = defaultdict(set)
        for matches, me in ((self.by_name[name], name), (self.matches_of(club), club)):
            for match in matches:
                at_home = self.club_of(match.home) == me
                opponent = self.club_of(match.away if at_home else match.home)
                if match.score is not None or (with_fixtures and me == name):
                    days[match.competition, match.season, "home" if at_home else "away", opponent].add(
                        match.day
                    )
        for (competition, season, _, _), played in days.items():
            found = self.seasons[competition, season].format
            if found is not None and len(played) > found.most_meetings:
                return True
        return False

    def _rosters(self, name: str) -> list[tuple[_Season, set[str]]]:
        """The leagues' seasons a spelling plays in, and the clubs placed there."""
        keys = {(match.competition, match.season) for match in self.by_name[name] if match.is_league}
        return [(self.seasons[key], self.clubs_in(self.seasons[key]) & self.clubs) for key in sorted(keys)]

    def _continues(self, name: str, club: str) -> bool:
        """Whether a club is missing where it was, and the spelling alone is like it.

        In the season before or after; or a tier above or below, in a league that names all its clubs by now.
        """
        for key in sorted({(match.competition, match.season) for match in self.by_name[name]}):
            season = self.seasons[key]
            clubs = self.clubs_in(season)
            if season.format is None or len(clubs) < season.format.clubs or club in clubs:
                continue
            beside = [found for found in _adjacent(key[1]) if (key[0], found) in self.seasons]
            was_there = any(club in self.clubs_in(self.seasons[key[0], found]) for found in beside)
            if was_there and self._like(club, season.names - self.clubs) == {name}:
                return True
            if self._has_left_its_tier(club, *key) and self._open_in(key[1], club) == {name}:
                return True
        return False

    def _has_left_its_tier(self, club: str, competition: str, season: str) -> bool:
        """Whether a club was a tier above or below the season before, and that league goes on without it."""
        for (code, label), before in self.seasons.items():
            is_beside = label == _adjacent(season)[0] and abs(_tier(code) - _tier(competition)) == 1
            if is_beside and _tier(code) and club in self.clubs_in(before):
                now = self.seasons.get((code, season))
                if now is None or now.format is None:
                    return False
                clubs = self.clubs_in(now)
                return len(clubs) >= now.format.clubs and not self._like(club, clubs)
        return False

    def _open_in(self, label: str, club: str) -> set[str]:
        """The open spellings of a season's leagues that are like a club."""
        names = (season.names for (_, of), season in self.seasons.items() if of == label)
        return self._like(club, set[str]().union(*names) - self.clubs)

    def _like(self, club: str, names: Iterable[str]) -> set[str]:
        return {name for name in names if likeness(name, club) >= Likeness.PARTIAL}

    def _is_full(self, name: str) -> bool:
        """Whether a season the spelling plays in has all its clubs already."""
        return any(
            self._has_all_clubs(season, self._first_day(name, season)) for season, _ in self._rosters(name)
        )

    def _has_all_clubs(self, season: _Season, day: dt.date) -> bool:
        """Whether a season has no place for another club that plays its first match on a day.

        Read at once, a season has its guests beside its clubs: they take no club's place.
        """
        if season.format is None:
            return False
        names = season.names_before_guests if day < season.format.guests_from else season.names
        clubs = {self.club_of(name) for name in names} & self.clubs
        return len(clubs) >= season.format.most_clubs_on(day)

    def _first_day(self, name: str, season: _Season) -> dt.date:
        """The first day of a name in a season: who was a guest before comes back as a club, or as a guest."""
        mine = (
            match for match in self.by_name[name] if self.seasons[match.competition, match.season] is season
        )
        return min(match.day for match in mine)

    def _assign_leagues(self, waiting: Sequence[str]) -> list[str]:
        """Assign the open spellings of full rosters at once; only an unambiguous assignment is taken."""
        for _, season in sorted(self.seasons.items()):
            names = [name for name in waiting if name in season.names]
            clubs = sorted(self.clubs_in(season) & self.clubs)
            names = [name for name in names if self._has_all_clubs(season, self._first_day(name, season))]
            if not names:
                continue
            found = best_assignment(names, clubs, self._contradicted)
            for name, club in found.items():
                self._place(name, club, Why.ROSTER)
            if found:
                return list(found)
        return []

    def _hold(self, name: str) -> Held:
        possible = [
            club for club in self.clubs if likeness(name, club) and not self._contradicted(name, club)
        ]
        ranked = sorted(possible, key=lambda club: (-closeness(name, club), club))
        match = self.by_name[name][-1]
        where = f"{match.competition} {match.season}"
        if not ranked:
            return self._hold_unlike(name, where)
        if len(ranked) == 1:
            return Held(ranked[0], f"{name} may be {ranked[0]}, or a new club of {where}")
        return Held(ranked[0], f"{name} may be {' or '.join(ranked[:3])}, or a new club of {where}")

    def _hold_unlike(self, name: str, where: str) -> Held:
        """Hold a name like nobody in a full roster: who had no match on its days tells the guess."""
        clubs = set[str]().union(*(clubs for _, clubs in self._rosters(name)))
        free = sorted(club for club in clubs if not self._contradicted(name, club))
        # A fixture may stay listed beside its result on another day: good for a guess, too weak to decide.
        free = [club for club in free if not self._meets_too_often(name, club, with_fixtures=True)] or free
        if not free:
            return Held(
                None, f"the roster of {where} is full, and nobody in it could have played its matches"
            )
        if len(free) == 1:
            return Held(
                free[0], f"the roster of {where} is full, and only {free[0]} could have played its matches"
            )
        ranked = sorted(free, key=lambda club: (-closeness(name, club), club))
        best, second = (closeness(name, club) for club in ranked[:2])
        is_ahead = best >= _LEAST_GUESS and best - second >= LEAST_MARGIN
        others = f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
        return Held(
            ranked[0] if is_ahead else None,
            f"the roster of {where} is full, and nobody in it is spelled like it; "
            f"{', '.join(ranked[:_SHOWN])}{others} could have played its matches",
        )


def _tier(code: str) -> int:
    """The tier of a league of the catalogue; 0 of others."""
    found = load_competitions().get(code)
    return 0 if found is None else found.tier


def _adjacent(season: str) -> tuple[str, str]:
    """The season before and the one after: of ``2024/2025`` or ``2025``."""
    years = [int(year) for year in season.split("/")]
    return tuple("/".join(str(year + shift) for year in years) for shift in (-1, 1))  # type: ignore[return-value]
