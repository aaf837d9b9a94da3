"""The simulated world: countries, leagues, clubs and their true strengths, in closed form from a seed.

Every draw comes from a hash of its key, so any season can be computed without the seasons before it. A
country has two leagues. Eighteen of its clubs move between them: they stand on a circle, half of which is the
top league, and the circle turns by three places a season, so three clubs are promoted and three relegated.
"""

import hashlib
import math
import threading
from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.competitions import Competition

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAGUE_SIZES = (16, 18, 20)
CIRCLE = 18
IN_TOP = CIRCLE // 2
MOVES = 3

_PREFIXES = (  # noqa: SIM905 sixty-four words read better as a text
    "Dragon Griffin Unicorn Kraken Phoenix Goblin Wizard Basilisk Pixie Troll Yeti Gnome Sphinx Hydra "
    "Chimera Centaur Mermaid Banshee Golem Wyvern Cyclops Pegasus Leprechaun Kobold Sprite Ogre Titan "
    "Dryad Selkie Satyr Gargoyle Moonbeam Stardust Comet Nebula Quasar Pulsar Eclipse Meteor Aurora "
    "Cosmic Lunar Solar Orbit Rocket Robot Gadget Pickle Waffle Noodle Muffin Pretzel Biscuit Crumpet "
    "Dumpling Marmalade Custard Treacle Pepper Ginger Nutmeg Bubble Giggle Wobble"
).split()
_SUFFIXES = (  # noqa: SIM905 sixty-four words read better as a text
    "mere holm ford bridge wick ton ville burgh haven port field stead moor dale gate cliff fell marsh "
    "brook wood crest ridge glen well bourne combe shaw thorpe by hurst ley worth minster stoke keld "
    "garth beck strand hollow reach peak spire vale wold heath grove bay point sands isle cross hill "
    "lock mill barrow mouth tarn weir pool shire shore rock side land"
).split()
_FORMS = (
    "{} United",
    "{} Rovers",
    "FC {}",
    "{} City",
    "Sporting {}",
    "{} Athletic",
    "{} Wanderers",
    "Real {}",
)
_COUNTRIES = tuple(
    stem + ending
    for ending in ("ovia", "istan", "aria", "mark", "onia", "adora", "esia", "land", "uay", "ador")
    for stem in ("Zeph", "Quor", "Blim", "Trax", "Yond", "Krum", "Vex", "Pog", "Wump", "Jub")
)


class League(msgspec.Struct, frozen=True):
    """One league of the world; ``number`` counts from 1."""

    number: int
    country: int
    tier: int
    size: int
    calendar: Literal["autumn", "year"]

    @property
    def code(self) -> str:
        """Code of the competition, such as ``SIM-1``."""
        return f"SIM-{self.number}"


class Clubs(msgspec.Struct, frozen=True):
    """The clubs of a country: arrays with one row a club, rates as natural logarithms.

    The first clubs are always in the top league, the next `CIRCLE` move, the rest are always in the second.
    """

    names: tuple[str, ...]
    attack: Floats
    defence: Floats
    drift_amplitudes: Floats
    drift_periods_days: Floats
    drift_phases: Floats


class _Generator(threading.local):
    """A generator a thread: the feed is read in several, and its state is set for each key."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)


_OF_THREAD = _Generator()
_ZEROS = np.zeros(4, np.uint64)


def uniforms(shape: tuple[int, ...], *key: object) -> Floats:
    """Numbers in [0, 1) that depend on the key alone: Philox, whose raw stream numpy guarantees to keep."""
    digest = hashlib.blake2b("|".join(map(str, key)).encode(), digest_size=16).digest()
    # As a new `Philox(key=...)`, which asks the operating system for entropy first: 17 us, not 3.
    _OF_THREAD.philox.state = {
        "bit_generator": "Philox",
        "state": {"counter": _ZEROS, "key": np.frombuffer(digest, "<u8").astype(np.uint64)},
        "buffer": _ZEROS,
        "buffer_pos": 4,  # used up
        "has_uint32": 0,
        "uinteger": 0,
    }
    raw = _OF_THREAD.philox.random_raw(math.prod(shape))
    return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def normals(shape: tuple[int, ...], *key: object) -> Floats:
    """Standard normal numbers that depend on the key alone (Box-Muller)."""
    first, second = uniforms((2, *shape), *key)
    result: Floats = np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)
    return result


@lru_cache(maxsize=1024)
def league_of(seed: int, number: int) -> League:
    """The league with this number: odd ones are top leagues, the next even one is their second league.

    Every third country plays from March to November, the others from August to May.
    """
    country, second = divmod(number - 1, 2)
    size = LEAGUE_SIZES[int(uniforms((1,), seed, "size", number)[0] * len(LEAGUE_SIZES))]
    return League(number, country, second + 1, size, "year" if country % 3 == 1 else "autumn")


def competition_of(league: League) -> Competition:
    """The league as an entry of the competition catalogue."""
    country = _COUNTRIES[league.country]
    return Competition(
        code=league.code,
        name=f"{country} {'Premier Division' if league.tier == 1 else 'Second Division'}",
        country=country,
        tier=league.tier,
        time_zone="UTC",
        calendar=league.calendar,
        feeds={"simulated": league.code},
    )


@lru_cache(maxsize=256)
def clubs_of(seed: int, country: int) -> Clubs:
    """All clubs of a country's two leagues.

    A club's quality has a standard deviation of 0.33 around its group's mean; half of it is attack, half is
    defence. Three slow waves, of half a year to four years, let both drift by some 0.1.
    """
    top, second = (league_of(seed, 2 * country + tier).size for tier in (1, 2))
    always_top = top - IN_TOP
    count = top + second
    group_mean = np.full(count, -0.3)
    group_mean[:always_top] = 0.3
    group_mean[always_top : always_top + CIRCLE] = 0.0
    quality, attack_side, defence_side = normals((3, count), seed, "clubs", country)
    waves = uniforms((3, count, 2, 3), seed, "drift", country)
    return Clubs(
        names=tuple(_club_name(seed, country * 2 * max(LEAGUE_SIZES) + index) for index in range(count)),
        attack=0.5 * (group_mean + 0.33 * quality) + 0.08 * attack_side,
        defence=0.5 * (group_mean + 0.33 * quality) + 0.08 * defence_side,
        drift_amplitudes=0.02 + 0.06 * waves[0],
        drift_periods_days=180.0 + 1280.0 * waves[1],
        drift_phases=2.0 * np.pi * waves[2],
    )


def members_of(seed: int, league: League, year: int) -> Ints:
    """Indices into `clubs_of` of the clubs that play the league's season starting in ``year``."""
    top, second = (league_of(seed, 2 * league.country + tier).size for tier in (1, 2))
    always_top = top - IN_TOP
    circle = always_top + np.arange(CIRCLE)
    is_top = _places(year) < IN_TOP
    if league.tier == 1:
        return np.concatenate([np.arange(always_top), circle[is_top]])
    return np.concatenate([circle[~is_top], np.arange(always_top + CIRCLE, top + second)])


def strengths(seed: int, league: League, year: int, days: Ints) -> tuple[Floats, Floats]:
    """Attack and defence of every club of the country on some days, each of shape (days, clubs).

    Level + season + drift. Clubs of the circle are at their best in the middle of their years at the top, so
    that the weakest of the top league go down and the strongest of the second come up.
    """
    clubs = clubs_of(seed, league.country)
    always_top = league_of(seed, 2 * league.country + 1).size - IN_TOP
    cycle = np.zeros(len(clubs.names))
    cycle[always_top : always_top + CIRCLE] = 0.1 * np.cos(
        2.0 * np.pi * (_places(year) - (IN_TOP - 1) / 2) / CIRCLE
    )
    season = 0.06 * normals((2, len(clubs.names)), seed, "season", league.country, year)
    angle = 2.0 * np.pi * days[:, None, None, None] / clubs.drift_periods_days + clubs.drift_phases
    drift = (clubs.drift_amplitudes * np.sin(angle)).sum(axis=-1)
    attack = clubs.attack + cycle + season[0] + drift[..., 0]
    return attack, clubs.defence + cycle + season[1] + drift[..., 1]


def _places(year: int) -> Ints:
    """Where on the circle each of its clubs stands in a season; the first `IN_TOP` places are top league."""
    return (np.arange(CIRCLE) + MOVES * year) % CIRCLE


def _club_name(seed: int, number: int) -> str:
    """A name no other club of the world has: there are 4,096 towns, and at most 4,000 clubs."""
    towns = len(_PREFIXES) * len(_SUFFIXES)
    # An odd factor has no divisor in common with 4,096: every number has its own town.
    town = (number * 1597 + 2 * seed + 1) % towns
    form = _FORMS[
        int.from_bytes(hashlib.blake2b(f"{seed}|{number}".encode(), digest_size=2).digest(), "little") % 8
    ]
    return form.format(_PREFIXES[town // len(_SUFFIXES)] + _SUFFIXES[town % len(_SUFFIXES)])
