"""Which club a spelling means: each kind of evidence, and what is held back."""

import datetime as dt
import random

import msgspec
import pytest

from soccer_assets.football.spellings import Decided, Held, Sighting, Spellings, Why
from soccer_assets.football.team_resolution import resolve
from soccer_assets.football.written_names import written_names

START = dt.date(2024, 8, 10)
SEASON = "2024/2025"
# No two of them are alike.
CLUBS = [
    *("amber", "birchwood", "cobalt", "dunmore", "elfbury", "foxley", "goblinford", "heathrow", "ipswell"),
    *("jadeport", "kestrel", "lindale", "mossend", "norwick", "ogreton", "pinehurst", "quarry", "ravensby"),
    *("stonegate", "trollham"),
]


def rounds(
    clubs: list[str], number: int, *, season: str = SEASON, first: dt.date = START, competition: str = "ENG-1"
) -> list[Sighting]:
    """The first rounds of a round robin, a week apart, each with a score."""
    order, matches = list(clubs), []
    for week in range(number):
        for at in range(len(order) // 2):
            home, away = order[at], order[-1 - at]
            if week % 2:
                home, away = away, home
            day = first + dt.timedelta(weeks=week)
            matches.append(Sighting(competition, season, day, home, away, score=(week % 3, at % 2)))
        order = [order[0], order[-1], *order[1:-1]]
    return matches


def respelled(matches: list[Sighting], old: str, new: str) -> list[Sighting]:
    """The same matches with one team spelled otherwise."""
    return [
        msgspec.structs.replace(
            match,
            home=new if match.home == old else match.home,
            away=new if match.away == old else match.away,
        )
        for match in matches
    ]


@pytest.mark.parametrize("spelling", ["elfbury city", "rayo elfbury", "elfbry", "fc elfbury"])
def test_an_upcoming_fixture_of_a_full_league_is_the_club_without_a_match(spelling: str) -> None:
    """Twenty clubs are placed: a twenty-first name in the fixtures is one of them, spelled otherwise."""
    played = rounds(CLUBS, 6)
    fixtures = [msgspec.structs.replace(match, score=None) for match in rounds(CLUBS, 7)[60:]]

    found = resolve([*played, *respelled(fixtures, "elfbury", spelling)], CLUBS)

    assert isinstance(found[spelling], Decided)
    assert found[spelling].club == "elfbury"


def test_a_league_is_solved_at_once() -> None:
    """Two open names of one round, each like two clubs: together only one assignment is left."""
    clubs = [*CLUBS[:16], "sheffield wednesday", "sheffield united", "bristol city", "bristol rovers"]
    played = rounds(clubs, 6)
    fixtures = [msgspec.structs.replace(match, score=None) for match in rounds(clubs, 7)[60:]]
    for old, new in (("sheffield wednesday", "sheff weds"), ("sheffield united", "sheff utd")):
        fixtures = respelled(fixtures, old, new)

    found = resolve([*played, *fixtures], clubs)

    assert {name: decision.club for name, decision in found.items() if isinstance(decision, Decided)} == {
        "sheff weds": "sheffield wednesday",
        "sheff utd": "sheffield united",
    }


def test_the_same_match_told_twice_is_proof() -> None:
    """At the season's start, with nobody placed yet, the result of a fixture says who was meant."""
    last_season = rounds(CLUBS, 8, season="2023/2024", first=dt.date(2023, 8, 12))
    fixture = Sighting("ENG-1", SEASON, START, "spartans", "amber")
    result = Sighting("ENG-1", SEASON, START, "trollham", "amber", score=(2, 0))

    found = resolve([*last_season, fixture, result], CLUBS)

    assert found["spartans"] == Decided("trollham", Why.SAME_MATCH)


def test_a_name_that_plays_beside_the_club_it_resembles_is_another_club() -> None:
    """`Dundee` and `Dundee United` play on the same days."""
    clubs = [*CLUBS[:10], "ravenna town"]
    played = rounds(clubs[:10], 8, competition="X-1")
    beside = [
        Sighting("X-1", SEASON, START + dt.timedelta(weeks=6 + week), "foxley united", club)
        for week, club in enumerate(["quarry", "stonegate"])
    ]

    found = resolve([*played, *beside], [*clubs, "quarry", "stonegate"])

    assert found["foxley united"] == Decided("foxley united", Why.RIVALS)


def test_a_name_alone_between_seasons_is_held_back_with_its_best_guess() -> None:
    """A season later `Lausanne Ouchy` may be `Lausanne` or a club of its own: nobody guesses."""
    last_season = rounds(CLUBS[:10], 8, season="2023/2024", first=dt.date(2023, 8, 12), competition="X-1")
    fixture = Sighting("X-1", SEASON, START, "quarry ouchy", "amber")

    found = resolve([*last_season, fixture], [*CLUBS[:10], "quarry"])

    assert isinstance(found["quarry ouchy"], Held)
    assert found["quarry ouchy"].guess == "quarry"
    assert "quarry" in found["quarry ouchy"].reason


def test_a_missing_club_goes_on_under_the_only_name_like_it() -> None:
    """`PSV Eindhoven` is missing from a complete season in which only `PSV` is like it."""
    last_season = rounds(CLUBS, 8, season="2023/2024", first=dt.date(2023, 8, 12))
    renamed = respelled(rounds(CLUBS, 1), "quarry", "quarry eindhoven")

    found = resolve([*last_season, *renamed], CLUBS)

    assert found["quarry eindhoven"] == Decided("quarry", Why.CONTINUITY)


LAST_SEASON = {"season": "2023/2024", "first": dt.date(2023, 8, 12)}
OTHER_CLUBS = [*(name[::-1] for name in CLUBS), "upton", "vale park", "wexcombe", "yarrow"]


def listed(clubs: list[str], competition: str, old: str, new: str) -> list[Sighting]:
    """The fixtures of a league's first round, one club by another name."""
    fixtures = [
        msgspec.structs.replace(match, score=None) for match in rounds(clubs, 1, competition=competition)
    ]
    return respelled(fixtures, old, new)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_club_that_went_up_goes_on_under_the_only_name_like_it(is_listed: bool) -> None:
    """Once its old league names all its clubs too, and none like it; before, the name is held back."""
    last_season = [
        *rounds(CLUBS, 4, competition="ENG-1", **LAST_SEASON),
        *rounds(OTHER_CLUBS, 4, competition="ENG-2", **LAST_SEASON),
    ]
    fixtures = listed(CLUBS, "ENG-1", "amber", "rebma stadium")
    if is_listed:
        fixtures += listed(OTHER_CLUBS, "ENG-2", "rebma", "amber")

    found = resolve([*last_season, *fixtures], [*CLUBS, *OTHER_CLUBS])

    guess = Held("rebma", f"rebma stadium may be rebma, or a new club of ENG-1 {SEASON}")
    assert found["rebma stadium"] == (Decided("rebma", Why.CONTINUITY) if is_listed else guess)


def test_a_newcomer_beside_a_club_of_the_tier_above_is_not_that_club() -> None:
    """`Bradford Park Avenue` comes from outside, while `Bradford` goes on as `Bradford City` above."""
    above = ["bradford", *CLUBS[1:]]
    last_season = [
        *rounds(above, 4, competition="ENG-1", **LAST_SEASON),
        *rounds(OTHER_CLUBS, 4, competition="ENG-2", **LAST_SEASON),
    ]
    below = listed(OTHER_CLUBS, "ENG-2", "yarrow", "bradford park avenue")
    fixtures = [*listed(above, "ENG-1", "bradford", "bradford city"), *below]

    alone = resolve([*last_season, *below], [*above, *OTHER_CLUBS])
    found = resolve([*last_season, *fixtures], [*above, *OTHER_CLUBS])

    assert isinstance(alone["bradford park avenue"], Held)
    assert found["bradford city"] == Decided("bradford", Why.CONTINUITY)
    assert found["bradford park avenue"] == Decided("bradford park avenue", Why.RIVALS)


def test_a_name_like_nobody_is_a_new_club() -> None:
    """A promoted club that nobody resembles is new at once."""
    later = Sighting("ENG-1", SEASON, START + dt.timedelta(weeks=5), "zenith", "amber")

    found = resolve([*rounds(CLUBS[:18], 4), later], CLUBS[:18])

    assert found["zenith"] == Decided("zenith", Why.NOBODY_LIKE_IT)


def test_a_placeholder_fits_nobody_in_a_full_league() -> None:
    """`Sieger EF` is no club: with a full roster it is held back, without a guess."""
    played = rounds(CLUBS, 4)
    final = Sighting("ENG-1", SEASON, START + dt.timedelta(days=200), "sieger ef", "n.n.")

    found = resolve([*played, final], CLUBS)

    assert all(isinstance(found[name], Held) and found[name].guess is None for name in ("sieger ef", "n.n."))


def test_the_first_matches_of_a_competition_bring_its_clubs() -> None:
    """In an empty home every name of the first matches is a club, but two spellings of one are one."""
    matches = (
        respelled(rounds(CLUBS[:4], 8, competition="X-1"), "amber", "am-ber")[:2]
        + rounds(CLUBS[:4], 8, competition="X-1")[2:]
    )

    found = resolve(matches, [])

    clubs = {decision.club for decision in found.values() if isinstance(decision, Decided)}
    assert len(clubs) == 4


def test_a_list_of_fixtures_in_a_young_home_brings_no_clubs_of_its_own() -> None:
    """With two matches known, `Atl. Trollo` of the fixtures is `Ath Trollo`, and `Rayo Ogreton` waits."""
    known = ["ath trollo", "ogreton", "amber"]
    played = [Sighting("X-1", SEASON, START, "ath trollo", "ogreton", score=(1, 0))]
    week = START + dt.timedelta(weeks=1)
    fixtures = [
        Sighting("X-1", SEASON, week, "atl. trollo", "amber"),
        Sighting("X-1", SEASON, week + dt.timedelta(days=7), "amber", "atl. trollo"),
        Sighting("X-1", SEASON, week, "rayo ogreton", "birchwood"),
    ]

    found = resolve([*played, *fixtures], known)

    assert found["atl. trollo"] == Decided("ath trollo", Why.LIKENESS)
    assert isinstance(found["rayo ogreton"], Held)
    assert found["rayo ogreton"].guess == "ogreton"


def test_results_under_other_names_than_the_list_of_fixtures_bring_no_second_league() -> None:
    """An empty home reads a list first, spelled by another hand: the first results are of its clubs.

    Also in a league with a guest in its play-offs, and while the fixtures are listed beside the results.
    """
    for competition in ("ENG-1", "GER-1"):
        clubs = CLUBS if competition == "ENG-1" else CLUBS[:18]
        played = rounds(clubs, 1, competition=competition)
        listed = {club: f"fc {club}" for club in clubs}
        fixtures = [
            msgspec.structs.replace(match, home=listed[match.home], away=listed[match.away], score=None)
            for match in played
        ]

        found = resolve([*fixtures, *played], set(listed.values()))

        assert {
            name: decision.club for name, decision in found.items() if isinstance(decision, Decided)
        } == listed


def test_a_guest_that_is_known_takes_no_club_its_place() -> None:
    """Two seasons are read at once: who was relegated comes back as the guest of the next one's play-off.

    The promoted club is new all the same, although eighteen clubs of the season are known beside it; so is
    a club of another tier that is the guest of both play-offs.
    """
    before = rounds(CLUBS[:18], 34, season="2023/2024", first=dt.date(2023, 8, 12), competition="GER-1")
    clubs = [*CLUBS[:17], "walled garden"]
    season = rounds(clubs, 34, competition="GER-1")
    play_off = Sighting("GER-1", SEASON, dt.date(2025, 5, 22), CLUBS[3], CLUBS[17], score=(1, 1))
    guest = [
        Sighting("GER-1", label, dt.date(year, 5, 23), CLUBS[4], "lower tier", score=(0, 1))
        for label, year in (("2023/2024", 2024), (SEASON, 2025))
    ]

    assert isinstance(resolve([*before, *season, *guest], ())["lower tier"], Decided)
    matches = [*before, *season, play_off]

    found = resolve(matches, ())

    assert isinstance(found["walled garden"], Decided)
    assert {name: decision.club for name, decision in found.items() if isinstance(decision, Decided)} == {
        name: name for name in [*CLUBS[:18], "walled garden"]
    }


def test_results_under_names_like_nobody_wait_once_all_clubs_are_listed() -> None:
    """Nothing shows who they are, and the roster has no place: they are held back, not new clubs."""
    played = rounds(CLUBS, 1)
    fixtures = [
        msgspec.structs.replace(match, home=match.home[::-1], away=match.away[::-1], score=None)
        for match in played
    ]

    found = resolve([*fixtures, *played], {club[::-1] for club in CLUBS})

    assert all(isinstance(found[club], Held) for club in CLUBS)


def test_what_a_person_decided_comes_before_all_evidence() -> None:
    """A name that was decided by hand is not looked at again."""
    found = resolve(
        [Sighting("X-1", SEASON, START, "zenith", "amber")],
        CLUBS,
        Spellings(by_hand={"zenith": "trollham"}),
    )

    assert found["zenith"] == Decided("trollham", Why.BY_HAND)


def test_written_names_join_and_part() -> None:
    """A rename that no fixture proves, and two clubs that are alike."""
    china = written_names()["China"]
    season = [Sighting("CHN-1", "2024", START, "shandong taishan", "shenzhen xinpengcheng")]

    found = resolve(season, ["shandong luneng", "shenzhen"], china)

    assert found["shandong taishan"] == Decided("shandong luneng", Why.WRITTEN_DOWN)
    assert found["shenzhen xinpengcheng"].club == "shenzhen xinpengcheng"


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_decides_when_not_how(seed: int) -> None:
    """However a season arrives, in passes of any size and order, each name ends as the club it is."""
    chance = random.Random(seed)  # noqa: S311
    spelled = {"elfbury": "elfbury city", "goblinford": "goblinfd", "ogreton": "rayo ogreton"}
    season = rounds(CLUBS, 12)
    told = []
    for match in season:
        names = [
            spelled[name] if name in spelled and match.day > START + dt.timedelta(weeks=5) else name
            for name in (match.home, match.away)
        ]
        told.append(msgspec.structs.replace(match, home=names[0], away=names[1]))
    early, late = told[:60], told[60:]
    chance.shuffle(late)
    known, seen = set(CLUBS), list(early)
    clubs_of = {name: name for name in CLUBS}
    size = chance.randint(6, 30)
    for part in _batched(late, size):
        seen.extend(part)
        named = [
            msgspec.structs.replace(
                match, home=clubs_of.get(match.home, match.home), away=clubs_of.get(match.away, match.away)
            )
            for match in seen
        ]
        for name, decision in resolve(named, known).items():
            if isinstance(decision, Decided):
                clubs_of[name] = decision.club
                known.add(decision.club)

    assert {name: clubs_of[name] for name in spelled.values()} == {new: old for old, new in spelled.items()}
    assert known == set(CLUBS)


def _batched(items: list[Sighting], size: int) -> list[list[Sighting]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


@pytest.mark.parametrize("spelling", ["elfbury city", "st xyz", "zzz"])
@pytest.mark.parametrize("weeks", [1, 6, 30])
def test_a_league_with_guests_in_its_play_offs_has_no_place_for_a_name_before_them(
    spelling: str, weeks: int
) -> None:
    """Eighteen clubs are placed before March: a nineteenth name is one of them or held, never a new club."""
    clubs = CLUBS[:18]
    played = rounds(clubs, weeks, competition="FRA-1")
    fixtures = [
        msgspec.structs.replace(match, score=None)
        for match in rounds(clubs, weeks + 1, competition="FRA-1")[9 * weeks :]
    ]

    found = resolve([*played, *respelled(fixtures, "elfbury", spelling)], clubs)

    decision = found[spelling]
    assert decision.club == "elfbury" if isinstance(decision, Decided) else decision.guess == "elfbury"


def test_a_guest_of_the_play_offs_is_a_new_club() -> None:
    """After the season's last round a club of the tier below meets the league's sixteenth."""
    clubs = CLUBS[:18]
    played = rounds(clubs, 33, competition="FRA-1", first=dt.date(2024, 8, 17))
    leg = Sighting("FRA-1", SEASON, dt.date(2025, 5, 29), "zanthia", "amber", score=(1, 0))
    back = Sighting("FRA-1", SEASON, dt.date(2025, 6, 2), "amber", "zanthia", score=(1, 0))

    found = resolve([*played, leg, back], clubs)

    assert found["zanthia"] == Decided("zanthia", Why.NOBODY_LIKE_IT)


def test_a_name_like_nobody_in_a_full_league_is_held_with_a_true_reason() -> None:
    """The one club without a match that day is the guess; two without one leave none."""
    played = rounds(CLUBS, 6)
    fixtures = [msgspec.structs.replace(match, score=None) for match in rounds(CLUBS, 7)[60:]]
    guessed = resolve([*played, *respelled(fixtures, "elfbury", "xyz")], CLUBS)["xyz"]
    alone = [match for match in fixtures if "elfbury" in (match.home, match.away)]
    unsure = resolve([*played, *respelled(alone, "elfbury", "xyz")], CLUBS)["xyz"]

    assert isinstance(guessed, Held)
    assert guessed.guess == "elfbury"
    assert "only elfbury could have played" in guessed.reason
    assert isinstance(unsure, Held)
    assert unsure.guess is None
    assert "nobody in it is spelled like it" in unsure.reason


def test_of_several_free_clubs_the_one_that_is_spelled_alike_is_the_guess() -> None:
    """The reason names who could have played: not the opponent, nor who has met it at this ground already."""
    played = rounds(CLUBS, 6)
    fixtures = [msgspec.structs.replace(match, score=None) for match in rounds(CLUBS, 7)[60:]]
    mine = next(match for match in fixtures if "elfbury" in (match.home, match.away))
    opponent = mine.away if mine.home == "elfbury" else mine.home
    guessed = resolve([*played, *respelled([mine], "elfbury", "efbr futbol")], CLUBS)["efbr futbol"]

    assert isinstance(guessed, Held)
    assert guessed.guess == "elfbury"
    assert "could have played its matches" in guessed.reason
    side = "home" if mine.home == "elfbury" else "away"
    met = {getattr(match, side) for match in played if opponent in (match.home, match.away)} - {opponent}
    assert {opponent, *met}.isdisjoint(guessed.reason.partition("; ")[2].split(" could")[0].split(", "))
