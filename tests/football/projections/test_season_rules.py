"""Rules of seasons: what `seasons.toml` tells of tables, and what its reader refuses."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.league_blocks import Awarded, AwardedResult
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    awarded_score,
    load_awarded,
    named_club,
    season_rules,
    told_competitions,
)
from soccer_assets.football.season_formats import (
    load_season_formats,
    read_league_blocks,
    season_format,
)

_DIVISIONS = {code for code, one in load_competitions().items() if "football-data" in one.feeds}
_NOT_PROJECTED = {"ARG-1", "ARG-LC", "MEX-1", "USA-1"}
_BLOCK = """
[XXX-1]
source = "the league"
formats = [{{ from = "2024/2025", clubs = 4, meetings = 1 }}]
{more}
"""
_GROUPS = (
    'rules = [{ from = "2024/2025", stages = [{ meets = 2 }, { groups = ['
    '{ clubs = 2, meets = 2, places = PLACES }, { clubs = 2, meets = 2 }] }], ties = ["goals"] }]'
)
_RULES = 'rules = [{ from = "2024/2025", stages = [{ meets = 2 }], ties = ["goals"] }]'


def test_every_division_of_football_data_is_told_or_says_why_not() -> None:
    """A league with rules, or a sentence on what to write."""
    assert set(told_competitions()) >= _DIVISIONS - _NOT_PROJECTED
    for code in _NOT_PROJECTED & load_season_formats().keys():
        with pytest.raises(NotProjectedError, match=r"^not projected: .*football/seasons.toml"):
            season_rules(code, "2024")


@pytest.mark.parametrize("code", told_competitions())
def test_the_rules_of_each_told_season_fit_its_clubs(code: str) -> None:
    """Groups hold all clubs, bands lie in the table, deductions and annulled clubs are of told seasons."""
    league = load_season_formats()[code]
    starts = [block.start for block in league.rules] + [block.start for block in league.formats]
    for season in sorted({*starts, *(one.season for one in league.deductions)}):
        if league.rules_of(season) is None or season_format(code, season) is None:
            continue
        rules = season_rules(code, season)
        assert rules.matches(0) == rules.clubs * (rules.clubs - 1) // 2 * rules.stages[0].meets
        assert all(1 <= band.first <= band.last <= rules.clubs for band in rules.bands)
    for one in (*league.deductions, *league.annulled, *league.curtailed, *league.by_decision):
        assert league.rules_of(one.season) is not None, one


def test_the_season_under_way_is_told_with_bands() -> None:
    """Each told league has a champion and, but for those without, places at the foot of the table."""
    for code in told_competitions():
        catalogued = load_competitions()[code]
        season = "2026/2027" if catalogued.calendar_on(dt.date(2026, 9, 1)) == "autumn" else "2026"
        names = {band.name for band in season_rules(code, season).bands}
        assert "title" in names
        assert names & {"relegated", "relegation_play_off"}, code


def test_stages_differ_by_season() -> None:
    """Belgium: a split with halved points until 2025/26, none from 2026/27; Scotland: 198 matches and 30."""
    split, table = season_rules("BEL-1", "2025/2026"), season_rules("BEL-1", "2026/2027")
    assert [group.points for group in split.stages[1].groups] == ["half_up", "half_up", "all"]
    assert (len(table.stages), table.clubs) == (1, 18)
    scotland = season_rules("SCO-1", "2025/2026")
    assert (scotland.matches(0), scotland.matches(1)) == (198, 30)


def test_rules_tell_what_a_stage_counts_and_where_a_match_decides() -> None:
    """Italy since 2022/23: the title and the last place that stays; Romania: the points before the split."""
    italy = season_rules("ITA-1", "2022/2023")
    assert italy.deciders == (1, 17)
    assert season_rules("ITA-1", "2021/2022").deciders == ()
    assert "stage_points" in season_rules("ROU-1", "2024/2025").ties_of(1)
    assert season_rules("ROU-1", "2024/2025").stages[1].fresh == ("h2h",)
    # Goals came before goal difference in the Football League until 1998/99.
    assert season_rules("ENG-2", "1998/1999").ties == ("goals", "goal_difference")
    assert season_rules("ENG-2", "1999/2000").ties == ("goal_difference", "goals")


def test_a_deduction_is_unknown_before_it_was_announced_and_can_be_reversed() -> None:
    """Everton 2023/24: ten points in November, four back in February, two in April."""
    rules = season_rules("ENG-1", "2023/2024")
    days = [dt.date(2023, 11, 16), dt.date(2023, 11, 17), dt.date(2024, 3, 1), dt.date(2024, 5, 19)]

    assert [rules.points_off("Everton", day) for day in days] == [0, 10, 6, 8]


def test_a_deduction_that_takes_effect_later_is_known_but_not_in_the_table() -> None:
    """Announced in March, effective in May: it counts in the season's end, not in April's table."""
    more = _RULES + (
        '\ndeductions = [{ season = "2024/2025", club = "A", points = 3, announced = 2025-03-01, '
        'effective = 2025-05-01, why = "licence" }]'
    )
    deduction = read_league_blocks(_BLOCK.format(more=more))["XXX-1"].deductions[0]
    rules = msgspec.structs.replace(season_rules("ENG-1", "2024/2025"), deductions=(deduction,))

    assert rules.points_off("A", dt.date(2025, 4, 1)) == 3
    assert rules.points_off("A", dt.date(2025, 4, 1), in_table=True) == 0
    assert rules.points_off("A", dt.date(2025, 5, 1), in_table=True) == 3


def test_another_number_of_clubs_is_refused_with_what_to_write() -> None:
    """A season whose fixtures name 21 clubs of 20 is not simulated."""
    with pytest.raises(NotProjectedError, match="21 clubs"):
        season_rules("ENG-1", "2024/2025", clubs=21)
    with pytest.raises(NotProjectedError, match="no rules for 1980"):
        season_rules("ENG-1", "1980/1981")
    with pytest.raises(NotProjectedError, match="is not told"):
        season_rules("CHILE-TOP-DIVISION", "2024")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (_RULES.replace("meets = 2", "meets = 0"), "either `meets` or `groups`"),
        (_RULES.replace("meets = 2", "meets = 99"), "<= 6"),
        (_RULES.replace('"goals"', '"goles"'), "goles"),
        (_RULES.replace('"goals"', '"goals", "goals"'), "told once"),
        (_RULES.replace("2024/2025", "2024/2026"), "no season"),
        (_RULES.replace('from = "2024/2025"', 'from = "2024/2025", to = "2020/2021"'), "holds no season"),
        (_RULES + '\nnot_projected = "why"', "either `rules` or `not_projected`"),
        (_RULES + '\nbands = [{ name = "champion", places = [1, 1] }]', "no band is called"),
        (_RULES + '\nbands = [{ name = "title", places = [0, 1] }]', "places of title"),
        (_RULES + '\nbands = [{ name = "relegated", places = [-1, -3] }]', "places of relegated"),
        (_RULES + '\nbands = [{ name = "relegated", places = [1, -3] }]', "places of relegated"),
        (_RULES.replace("meets = 2", 'meets = 2, fresh = ["h2h"]'), "`fresh` is of a stage in groups"),
        (_GROUPS.replace("PLACES", "[1]"), "1 places of a group of 2"),
        (_GROUPS.replace("PLACES", "[1, 3]"), "a place is of one group"),
        (_RULES[:-2] + ", deciding_matches = [0] }]", "places of deciding matches"),
        (_RULES + "\nband = 1", "unknown field"),
        (
            _RULES + '\ndeductions = [{ season = "2024/2025", club = "A", points = 0, '
            'announced = 2025-01-01, why = "x" }]',
            "0 points is none",
        ),
        (
            _RULES + '\ndeductions = [{ season = "2024/2025", club = "A", points = 3, '
            'announced = "soon", why = "x" }]',
            "date",
        ),
        (
            _RULES[:-1] + (', { from = "2023/2024", stages = [{ meets = 2 }], ties = ["goals"] }]'),
            "begin before",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_block(more: str, says: str) -> None:
    """One sentence with the block and the fault."""
    with pytest.raises(ValueError, match=r"seasons.toml, block \[XXX-1\]") as refused:
        read_league_blocks(_BLOCK.format(more=more))
    assert says in str(refused.value)


@given(st.one_of(st.text(), st.binary()))
def test_no_text_breaks_the_readers(text: str | bytes) -> None:
    """What is no TOML of blocks is a ValueError that names the file."""
    for read, name in ((read_league_blocks, "seasons.toml"), (Awarded.read, "awarded.toml")):
        try:
            read(text)
        except ValueError as fault:
            assert name in str(fault)  # noqa: PT017  most texts are refused, an empty one is not


def test_an_awarded_result_is_found_by_any_spelling_and_a_day_off() -> None:
    """TUR-1: the visitors left the field; the reversed pairing, and the season before, were played."""
    told = ("TUR-1", "2024/2025", dt.date(2025, 2, 10), "Galatasaray SK", "Ad. Demirspor")

    assert awarded_score(*told) == (3, 0)
    assert awarded_score(*told[:3], "Ad. Demirspor", "Galatasaray") is None
    assert awarded_score("TUR-1", "2023/2024", *told[2:]) is None


def test_every_match_of_a_withdrawn_club_is_awarded_from_its_day_on() -> None:
    """Hatayspor at home and away after the earthquake, not before."""
    home = awarded_score("TUR-1", "2022/2023", dt.date(2023, 3, 12), "Hatayspor", "Konyaspor")
    away = awarded_score("TUR-1", "2022/2023", dt.date(2023, 3, 5), "Ad. Demirspor", "Hatayspor")
    before = awarded_score("TUR-1", "2022/2023", dt.date(2023, 2, 4), "Hatayspor", "Konyaspor")

    assert (home, away, before) == ((0, 3), (3, 0), None)


def test_awarded_results_are_of_told_seasons() -> None:
    """Each is of a league with rules for that season, on a day of it."""
    awarded = load_awarded()
    for one in (*awarded.results, *awarded.clubs):
        form = season_format(one.competition, one.season)
        assert form is not None, one
        first_year = int(one.season[:4])
        day = one.day if isinstance(one, AwardedResult) else one.start
        assert dt.date(first_year, 1, 1) <= day < dt.date(first_year + 1, 9, 1)


def test_a_club_is_named_by_one_of_the_seasons_clubs_alone() -> None:
    """A spelling that two clubs of the season could mean is nobody's."""
    assert named_club("Nott'm Forest", ["Everton", "Nottingham Forest"]) == "Nottingham Forest"
    assert named_club("Nott'm Forest", ["Everton", "Fulham"]) is None
