"""Tables and projections: what is open and what decided, assumed results, why a league is not projected."""

import html
import re
from http import HTTPStatus

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.pages.table_view import projected_rows
from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import BandEntry, SeasonProjection, TeamProjection
from tests.serving import league
from tests.serving.builders import (
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_projections,
    write_status,
)
from tests.serving.conftest import reload
from tests.serving.past import english_teams, load_now, past_row, past_season, write_history
from tests.serving.routes.test_projections import projections_file

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A sidecar with public pages, a projected league, one that is not, and a cup."""
    home = tmp_path_factory.mktemp("competitions")
    store, settings = home / "store", make_settings(home, pages="public")
    rows = [make_prediction("m1"), make_prediction("cup", competition="INT-CUP")]
    make_release(store, rows, directory=msgspec.json.encode(league.directory()))
    write_projections(store, projections_file())
    write_status(store)
    write_keys(store)
    season = past_season(past_row(0, 0, 1, (2, 1)), past_row(3, 0, 2), competition="MEX-1")
    load_now(settings, write_history(store, season, teams=english_teams()))
    app = create_app(settings, scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as client:
        reload(client)
        yield client


def get(pages, path, status=200):
    page = pages.get(f"/competitions{path}", headers=HTML)
    assert page.status_code == status
    return page


def text_of(page):
    bare = re.sub(r"<title>.*?</title>|<[^>]+>", " ", page.text, flags=re.DOTALL)
    plain = html.unescape(bare).replace("\N{EN DASH}", "-").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(plain.split())


def rows_of(page):
    """The cells of each row of the table, as texts."""
    table = re.search(r'<table class="league">.*?</table>', page.text, re.DOTALL)[0]
    table = re.sub(r"<title>.*?</title>", "", table, flags=re.DOTALL)
    return [
        [
            " ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        ]
        for row in table.split("<tr>")[2:]
    ]


def test_every_competition_is_listed_by_country(pages):
    text = text_of(get(pages, ""))
    assert "England Championship 2024/2025 · 4 matches left" in text
    assert "World Cup of Nations no table" in text
    assert "MEX-1 not projected" in text


def test_table_with_the_end_of_the_season(pages):
    rows = rows_of(get(pages, "/ENG-2"))
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert {row[1] for row in rows} == {"Leeds", "Derby", "Hull", "Stoke"}
    for row in rows:
        assert all(cell not in {"0 %", "100 %"} for cell in row)


def test_places_are_shaded_and_given_as_numbers(pages):
    page = get(pages, "/ENG-2")
    assert page.text.count('<svg role="img" viewBox="0 0 4 1"') == 4
    assert "likeliest place" in page.text
    assert "Every final place as numbers" in page.text


def test_matches_by_importance_lead_to_their_pages(pages):
    page = get(pages, "/ENG-2")
    assert 'href="/matches/m1"' in page.text
    assert 'name="result-m1"' in page.text


def test_assumed_result_moves_the_table(pages):
    """The same random seasons: what changes is of the result."""
    before = {row[1]: row for row in rows_of(get(pages, "/ENG-2"))}
    page = get(pages, "/ENG-2?result-m1=3-0")
    assert "Assumed: Leeds 3-0 Derby." in text_of(page)
    after = {row[1]: row for row in rows_of(page)}
    points = {name: float(row[4].split()[0]) for name, row in after.items()}
    assert points["Leeds"] > float(before["Leeds"][4])
    assert points["Derby"] < float(before["Derby"][4])
    assert "(+" in after["Leeds"][4]
    assert 'value="3-0"' in page.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?result-m1=many", "is no score of Leeds"),
        ("?result-m1=31-0", "is no score of Leeds"),
        ("?result-m9=1-0", "no longer among the next ones"),
        ("?result-m1=%3Cscript%3E", "is no score of Leeds"),
    ],
)
def test_assumption_that_cannot_be_used_is_told(pages, query, said):
    page = get(pages, f"/ENG-2{query}", HTTPStatus.BAD_REQUEST)
    assert said in html.unescape(page.text)
    assert "<script>" not in page.text.partition("<body>")[2]
    assert rows_of(page)


def test_too_many_simulations_at_a_time_are_told_beside_the_table(pages, monkeypatch):
    """503 with the table as it is: what was typed is not lost."""
    monkeypatch.setattr("serving.scoring.assumptions._MOST_WAITING", 0)
    page = get(pages, "/ENG-2?result-m1=3-0", HTTPStatus.SERVICE_UNAVAILABLE)
    assert "Simulating is unavailable right now; try again shortly." in page.text
    assert 'value="3-0"' in page.text
    assert len(rows_of(page)) == 4


def test_other_parameters_are_refused(pages):
    assert get(pages, "/ENG-2?x=1", HTTPStatus.BAD_REQUEST)


def test_league_that_is_not_projected_says_why_and_shows_its_table(pages):
    page = get(pages, "/MEX-1")
    assert "Not projected: write `rules` for MEX-1" in html.unescape(page.text)
    assert [row[1] for row in rows_of(page)][:1] == ["Millwall"]


def test_cup_has_no_table_and_an_unknown_code_no_page(pages):
    assert "has no table" in get(pages, "/INT-CUP").text
    get(pages, "/XXX-9", HTTPStatus.NOT_FOUND)


def test_page_holds_no_style_and_no_script_of_its_own(pages):
    page = get(pages, "/ENG-2")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", page.text)


def one(name, points, played, p, places=(0.5, 0.5)):
    return TeamProjection(
        team=Team(name, name),
        place=1,
        played=played,
        points=points,
        expected_points=points,
        places=places,
        bands={"title": p},
    )


def season(*teams, left, cups=False, play_off=None):
    return SeasonProjection(
        competition="X",
        season="2024",
        feed="simulated",
        as_of="2025-04-25T08:55:00Z",
        key="k",
        matches_left=left,
        bands=(BandEntry(name="title", first=1, last=1, cups=cups, play_off=play_off),),
        teams=teams,
    )


def decided(found):
    return {row.team.name: row.bands[0].is_decided for row in projected_rows(found, found, ())}


def test_what_the_simulation_never_saw_is_open_while_points_can_still_bring_it():
    """Three points behind with one match left: 0 of 10,000 seasons is not "impossible"."""
    assert decided(season(one("a", 9, 3, 1.0), one("b", 6, 3, 0.0), left=1)) == {"a": False, "b": False}
    assert decided(season(one("a", 10, 3, 1.0), one("b", 6, 3, 0.0), left=1)) == {"a": True, "b": True}
    assert decided(season(one("a", 10, 3, 1.0), one("b", 6, 3, 0.0), left=1, cups=True)) == {
        "a": False,
        "b": False,
    }


def test_a_club_that_can_still_play_off_for_a_band_is_not_out_of_it():
    teams = one("a", 10, 3, 1.0), one("b", 6, 3, 0.0)
    assert decided(season(*teams, left=1, play_off=(2, 3))) == {"a": True, "b": False}
    assert decided(season(*teams, left=1, play_off=(3, 3))) == {"a": True, "b": True}


def test_season_without_matches_left_is_decided_unless_a_tie_is_drawn():
    over = season(one("a", 9, 4, 1.0, (1.0, 0.0)), one("b", 6, 4, 0.0, (0.0, 1.0)), left=0)
    assert decided(over) == {"a": True, "b": True}
    drawn = season(one("a", 9, 4, 0.5), one("b", 9, 4, 0.5), left=0)
    assert decided(drawn) == {"a": False, "b": False}
