"""The page of a match: forecast, grid, markets, reasons, importance, and the past that the history tells."""

import html
import re

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.pages.match_view import market_tables
from serving.pages.shares import whole_percentages
from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.release import Advance, Goals, Reason, Result, Team
from soccer_assets.contract.season_projection import (
    PROJECTIONS_SCHEMA_VERSION,
    MatchImportance,
    ProjectionPart,
    ProjectionsFile,
    SeasonProjection,
)
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

HTML = {"Accept": "text/html"}
LEEDS, DERBY = Team("t1", "Leeds"), Team("t2", "Derby")
WHOLE = {
    "home_team": LEEDS,
    "away_team": DERBY,
    "expected_goals": Goals(1.55, 0.92),
    "goal_model": GoalModel(1.5, 0.9, -0.07, 0.44),
    "information": "results+statistics",
    "reasons": (
        Reason("strength", 0.5, -0.1, "strength: for the home side (0.50 log-odds)"),
        Reason("home ground", 0.3, 0.0, "home ground: for the home side (0.30 log-odds)"),
        Reason("everything else", 0.116, 0.0, "everything else: for the home side (0.12 log-odds)"),
    ),
}


def projections() -> ProjectionsFile:
    season = SeasonProjection(
        competition="ENG-2",
        season="2024/2025",
        feed="simulated",
        as_of="2025-04-25T08:55:00Z",
        key="k",
        matches=(
            MatchImportance(
                match_id="m1", day="2025-04-26", home_team=LEEDS, away_team=DERBY, importance=0.31
            ),
        ),
    )
    return ProjectionsFile(
        schema_version=PROJECTIONS_SCHEMA_VERSION, competitions={"ENG-2": ProjectionPart(projection=season)}
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A sidecar with public pages and a history of two seasons."""
    home = tmp_path_factory.mktemp("match")
    store, settings = home / "store", make_settings(home, pages="public")
    rows = [
        make_prediction("m1", **WHOLE),
        make_prediction("cup", **WHOLE, competition="INT-CUP", neutral=True, p_advance=Advance(0.646, 0.354)),
        make_prediction("host", home_team=LEEDS, away_team=DERBY, neutral=True, away_is_host=True),
        make_prediction(
            "done", **WHOLE, result=Result(home_goals=2, away_goals=1, outcome="home"), status="finished"
        ),
        make_prediction("day", home_team=Team("x", "<script>x</script>"), kickoff_precision="day"),
    ]
    make_release(store, rows, directory=msgspec.json.encode(league.directory()))
    write_projections(store, projections())
    write_status(store, moved_match_ids=("day",))
    write_keys(store)
    season = past_season(past_row(0, 0, 1, (2, 1)), past_row(2, 1, 0, (1, 3)), past_row(3, 0, 2))
    earlier = past_season(past_row(-52, 0, 1, (1, 1)), season="2023/2024")
    load_now(settings, write_history(store, season, earlier, teams=english_teams()))
    app = create_app(settings, scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as client:
        reload(client)
        yield client


def get(pages, match_id, status=200):
    page = pages.get(f"/matches/{match_id}", headers=HTML)
    assert page.status_code == status
    return page


def text_of(page):
    bare = re.sub(r"<title>.*?</title>|<[^>]+>", " ", page.text, flags=re.DOTALL)
    plain = html.unescape(bare).replace("\N{EN DASH}", "-").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(plain.split())


def test_forecast_with_its_numbers_and_who_said_it(pages):
    text = text_of(get(pages, "m1"))
    assert "Saturday 26 April 2025 , 14:00 UTC" in text
    assert "50 % 30 % 20 %" in text
    assert "Said 25 Apr 2025, 08:55 UTC" in text
    assert "Expected goals 1.55 : 0.92" in text
    assert "Model version 7" in text
    assert "results and match statistics" in text


def test_grid_is_shaded_and_adds_to_one(pages):
    page = get(pages, "m1").text
    cells = [float(p) for p in re.findall(r'<td class="q\d+"? title="([\d.e-]+)"', page)]
    rest = re.search(r"Any other score: (<1|\d+)", html.unescape(page))
    assert len(cells) == 36
    assert 0.97 < sum(cells) < 1.0
    assert rest
    assert page.count('class="q10"') == 1


def test_reasons_lead_from_the_home_ground_to_the_forecast(pages):
    text = text_of(get(pages, "m1"))
    why = text.partition("Why ")[2]
    assert why.index("home ground +0.30") < why.index("strength +0.50") < why.index("forecast +0.92")


def test_markets_have_fair_prices(pages):
    text = text_of(get(pages, "m1"))
    assert "Leeds 50 % 2.00 draw 30 % 3.33 Derby 20 % 5.00" in text
    assert re.search(r"more than 2.5 \d+ % \d\.\d\d", text)


def test_importance_is_that_of_the_projection(pages):
    assert "up to 31 % of a side's chance" in text_of(get(pages, "m1"))
    assert "What it decides" not in get(pages, "done").text


def test_cup_says_after_90_minutes_and_who_goes_through(pages):
    text = text_of(get(pages, "cup"))
    assert "extra time and penalties do not count" in text
    assert "Goes through: Leeds 65 % , Derby 35 %" in text
    assert "neutral ground" in text
    assert "Goes through" not in get(pages, "m1").text


def test_host_named_second_is_told(pages):
    assert "Derby are at home" in text_of(get(pages, "host"))


def test_played_match_marks_what_came(pages):
    page = get(pages, "done")
    assert "2-1" in text_of(page)
    assert "✓ 50 %" in text_of(page)
    assert len(re.findall(r'<td class="q\d+ came"', page.text)) == 1


def test_past_of_both_sides(pages):
    page = get(pages, "m1")
    text = text_of(page)
    assert "Strength over the years" in text
    assert page.text.count('class="curve home"') >= 1
    assert re.search(r"18 Jan 2025 Derby County 1-3 Leeds United 4 Jan 2025 Leeds United 2-1", text)


def test_match_that_only_the_history_has(pages):
    """Its official forecast, how it moved, and what came."""
    text = text_of(get(pages, "m0"))
    assert "Leeds United 2-1 Derby County" in text
    assert "✓ 45 %" in text
    assert "How the forecast moved" in text
    assert "Nothing was said about this match" in text_of(get(pages, "m3"))


def test_unknown_match_is_a_page_of_404(pages):
    assert "There is no such page" in get(pages, "nothing", 404).text


def test_hostile_name_is_text_and_a_day_has_no_clock(pages):
    page = get(pages, "day")
    assert "<script>x" not in page.text
    assert "&lt;script&gt;x" in page.text
    assert "Saturday 26 April 2025 , time open" in text_of(page)
    assert "the kickoff moved since this was said" in text_of(page)


def test_history_is_loading(store, serve):
    page = get(serve(pages="public"), "m1")
    assert "History is loading" in page.text
    assert "50 % 30 % 20 %" in text_of(page)


def test_page_holds_no_style_and_no_script_of_its_own(pages):
    page = get(pages, "m1")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", page.text)
    assert len(page.content) < 60_000


def test_shares_of_the_result_are_those_of_the_bar():
    """Rounded each for itself these three would add to 99."""
    goals = GoalModel(home_rate=1.2, away_rate=1.4, draw_correlation=-0.05, first_half_share=0.44)
    tables = market_tables(goals, (0.314, 0.274, 0.412 + 1e-12), "A", "B")
    rows = {table.title: [row.shown for row in table.rows] for table in tables}
    assert rows["Result"] == [f"{whole} %" for whole in whole_percentages((0.314, 0.274, 0.412))]
    assert sum(int(text.split()[0]) for text in rows["Result"]) == 100
    assert sum(int(text.split()[0]) for text in rows["At half-time"]) == 100
