"""Which side of a match is at home: rules of neutral ground, hosts of tournaments, clubs that play abroad.

The data is ``neutral_grounds.toml`` beside this module, written down from the competitions' own rules. Graph
and backtest ask `ground_of`. Not here: a finalist's own ground, which the stored matches tell
(``stores/matches/grounds.py``), and the forecast on neutral ground (``modelling/neutral_ground.py``).
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec

from soccer_assets.football.club_names import words_of
from soccer_assets.football.competitions import Competition
from soccer_assets.football.text_folding import fold

Stage = Literal["", "final", "semi-final", "quarter-final", "third place", "preliminary", "qualification"]

FLAG = "the feed's own flag"

_WITH_COUNTRY = re.compile(r"(.*\S) \(([A-Z]{3})\)")
_A_DAY = dt.timedelta(days=1)
_ALWAYS = dt.date.min, dt.date.max
# Raise it with a change of this module that decides stored matches otherwise: they are then read again.
_VERSION = b"2"
_QUALIFIERS = frozenset({"preliminary", "qualification"})


class Ground(msgspec.Struct, frozen=True):
    """Where a match is played, as seen by its two sides.

    Attributes:
        is_neutral: neither side is at home.
        away_is_host: the side named second is at home.
        rule: what decided it; None where the side named first is at home because nothing says otherwise.
    """

    is_neutral: bool = False
    away_is_host: bool = False
    rule: str | None = None


AT_HOME = Ground()


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """A rule as the data has it; see the head of the file."""

    competitions: tuple[str, ...]
    why: Annotated[str, msgspec.Meta(min_length=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    stages: frozenset[Stage] = frozenset()
    days: frozenset[dt.date] = frozenset()
    start: dt.date = _ALWAYS[0]
    until: dt.date = _ALWAYS[1]
    hosts: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    meetings: tuple[tuple[str, str], ...] = ()


class _Edition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    start: dt.date
    until: dt.date
    hosts: tuple[str, ...] = ()
    home: dict[str, tuple[dt.date, ...]] = {}


class _Tournament(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    competition: str
    why: Annotated[str, msgspec.Meta(min_length=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    editions: tuple[_Edition, ...]
    start: dt.date = _ALWAYS[0]


class _Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    same: tuple[_Names, ...]
    rule: tuple[_Rule, ...]
    tournament: tuple[_Tournament, ...]


def ground_of(
    place: Competition,
    day: dt.date,
    home: str,
    away: str,
    *,
    stage: Stage = "",
    flag: bool | None = None,
    country: str | None = None,
) -> Ground:
    """Which side of a match is at home.

    The feed's own flag decides whether the ground is neutral; where it is not, a host that is named second is
    at home. Without a flag the rules decide.

    Args:
        place: the competition.
        day: UTC day of the kickoff.
        home: the side named first, as the feed spells it.
        away: the side named second.
        stage: see `stage_of`.
        flag: whether the feed says that the ground is neutral; None where it does not say.
        country: where the ground is, in the feed's words; None where it does not say.
    """
    if flag:
        return Ground(is_neutral=True, rule=FLAG)
    if place.code not in ruled_competitions():
        return AT_HOME
    sides = _key(home), _key(away)
    tournament = _tournaments().get(place.code)
    is_played = (
        tournament is not None and day >= tournament.start and not _is_between_editions(tournament, day)
    )
    if tournament is not None and is_played and stage not in _QUALIFIERS:
        hosts = _hosts_on(tournament, day, None if country is None else _key(country))
        return _among(hosts, sides, tournament.why, is_neutral=flag is None)
    if flag is None:
        for rule in _rules()[place.code]:
            if _holds(rule, day, stage, home, sides):
                return _among(_keys(rule.hosts), sides, rule.why, is_neutral=True)
    return AT_HOME


def ruled_competitions() -> frozenset[str]:
    """Codes of the competitions that have a rule."""
    return _ruled_competitions()


def may_be_ruled(code: str, day: dt.date) -> bool:
    """Whether a rule may hold for a match of a competition on a day, whoever plays it at whatever stage."""
    tournament = _tournaments().get(code)
    return (tournament is not None and day >= tournament.start) or any(
        rule.start <= day <= rule.until and (bool(rule.stages) or not rule.days or day in rule.days)
        for rule in _rules().get(code, ())
    )


def is_tournament(code: str) -> bool:
    """Whether a competition is played at one place: each match of its last stages decides alone."""
    return code in _tournaments()


def is_one_leg(code: str, day: dt.date, stage: Stage) -> bool:
    """Whether a stage of a competition was one match on neutral ground on a day."""
    return any(
        rule.start <= day <= rule.until and (stage in rule.stages or _is_of_all_matches(rule))
        for rule in _rules().get(code, ())
    )


def _is_of_all_matches(rule: _Rule) -> bool:
    return not (rule.stages or rule.days or rule.teams or rule.countries or rule.meetings)


def rules_digest() -> int:
    """A number below 2**56 that changes with the data and with what this module makes of it."""
    return int.from_bytes(hashlib.blake2b(_VERSION + _text(), digest_size=7).digest())


_LEG = re.compile(
    r"\blegs?\b|\b(hin|ruck|rueck)spiel\b|\b(ida|vuelta|volta|andata|ritorno|aller|retour)\b",
)
# Not every word: an elimination final or a final of the third place is no final.
_BEFORE_FINAL = (
    r"the|grand|cup|copa|coppa|coupe|pokal|trophy|shield|league|championship|promotion|play ?offs?"
)
# Names of rounds, with the words before the last part of a title: `Promotion Play-offs - Final`.
_STAGES: tuple[tuple[Stage, re.Pattern[str]], ...] = (
    ("third place", re.compile(r".*\b(third|3rd|3) place\b.*|.*\bplatz 3\b.*|.*\bbronze\b.*")),
    ("semi-final", re.compile(r"(.* )?(semi ?finals?|semis?|halbfinale?)|s")),
    ("quarter-final", re.compile(r"(.* )?(quarter ?finals?|viertelfinale?)")),
    ("final", re.compile(rf"((.* )?({_BEFORE_FINAL}) )?(finale?|endspiel)|f")),
)


@lru_cache(maxsize=10_000)
def stage_of(*titles: str) -> Stage:
    """The stage that a feed's titles of a round tell; the first that tells one counts.

    A match of two legs is told with its leg, and has no such stage: both sides are at home once.
    """
    folded = [folded_title(title) for title in titles]
    if any(_LEG.search(title) for title in folded):
        return ""
    return next((stage for title in folded if (stage := _stage(title))), "")


def folded_title(title: str) -> str:
    """A title of a round without accents, case and dashes; its parts are separated by commas."""
    title = fold(title).replace("1/2", "semi").replace("1/4", "quarter").replace("1/8", "eighth")
    return re.sub(r"[-_]+", " ", re.sub(r"\s+[-\u2013\u2014]\s+|[,:|/]", ",", title))


def _stage(title: str) -> Stage:
    if re.search(r"\bpreliminary\b", title):
        return "preliminary"
    if re.search(r"\bqualif", title):
        return "qualification"
    if re.search(r"\b(relegation|abstieg|play ?outs?)\b", title):
        return ""
    last = re.sub(r"\b(replays?|wiederholung(sspiel)?)\b", "", title).strip(" ,").rpartition(",")[2].strip()
    return next((stage for stage, pattern in _STAGES if pattern.fullmatch(last)), "")


def titles_of(round_name: str | None, payload: Mapping[str, Any]) -> tuple[str, ...]:
    """What a provider's row calls the stage of its match: the round, and fields of the payload."""
    season = payload.get("season")
    found = [
        round_name,
        payload.get("stage"),
        payload.get("altGameNote"),
        season.get("slug") if isinstance(season, dict) else None,
    ]
    return tuple(title for title in found if isinstance(title, str))


def _holds(rule: _Rule, day: dt.date, stage: Stage, home: str, sides: tuple[str, str]) -> bool:
    if not rule.start <= day <= rule.until:
        return False
    if rule.stages or rule.days:
        is_stage = stage in rule.stages or (not stage and day in rule.days)
        if not is_stage:
            return False
    if rule.meetings:
        return frozenset(sides) in _pairs(rule.meetings)
    if rule.teams or rule.countries:
        with_country = _WITH_COUNTRY.fullmatch(home)
        return sides[0] in _keys(rule.teams) or (
            with_country is not None and with_country[2] in rule.countries
        )
    return True


def _among(hosts: frozenset[str], sides: tuple[str, str], why: str, *, is_neutral: bool) -> Ground:
    """The ground of a match where only hosts are at home; two of them are no more so than none."""
    first, second = (side in hosts for side in sides)
    if first == second:
        return Ground(is_neutral=True, rule=why) if is_neutral else AT_HOME
    return Ground(away_is_host=second, rule=f"{why}: the host" if second else None)


def _is_between_editions(tournament: _Tournament, day: dt.date) -> bool:
    """Whether a tournament is not on: a match then is one of its qualification, whatever its title says."""
    editions = tournament.editions
    is_known = editions[0].start <= day <= editions[-1].until
    return is_known and not any(one.start - _A_DAY <= day <= one.until + _A_DAY for one in editions)


def _hosts_on(tournament: _Tournament, day: dt.date, country: str | None) -> frozenset[str]:
    edition = next((one for one in tournament.editions if one.start <= day <= one.until), None)
    if edition is None:
        return frozenset()
    hosts = _keys(edition.hosts) | _keys(tuple(team for team, days in edition.home.items() if day in days))
    # Of several hosts that one is at home whose country is told.
    return hosts & {country} if country in hosts else hosts


def _key(name: str) -> str:
    """What names are compared by: ``Arsenal FC (ENG)`` is Arsenal."""
    with_country = _WITH_COUNTRY.fullmatch(name)
    key = "".join(words_of(with_country[1] if with_country else name))
    return _same().get(key, key)


@cache
def _keys(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_key, names))


@cache
def _pairs(meetings: tuple[tuple[str, str], ...]) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(map(_key, pair)) for pair in meetings)


@cache
def _same() -> dict[str, str]:
    return {
        "".join(words_of(name)): "".join(words_of(group.names[0]))
        for group in _data().same
        for name in group.names
    }


@cache
def _ruled_competitions() -> frozenset[str]:
    return frozenset(_rules()) | frozenset(_tournaments())


@cache
def _rules() -> dict[str, list[_Rule]]:
    rules: dict[str, list[_Rule]] = {tournament.competition: [] for tournament in _data().tournament}
    for rule in _data().rule:
        for code in rule.competitions:
            rules.setdefault(code, []).append(rule)
    return rules


@cache
def _tournaments() -> dict[str, _Tournament]:
    return {tournament.competition: tournament for tournament in _data().tournament}


@cache
def _text() -> bytes:
    return resources.files(__package__).joinpath("neutral_grounds.toml").read_bytes()


@cache
def _data() -> _Data:
    """The data, read once.

    Raises:
        ValueError: a block lacks a field, or has one that is not known.
    """
    try:
        return msgspec.toml.decode(_text(), type=_Data)
    except msgspec.ValidationError as fault:
        raise ValueError(f"neutral_grounds.toml: {fault}") from fault
