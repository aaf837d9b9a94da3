"""`/teams`: search, the page of a team, its calendar and feed, and the links that need no session."""

import re
from xml.etree import ElementTree as ET

import pytest
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKeys
from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import (
    PROJECTIONS_SCHEMA_VERSION,
    CourseStep,
    ProjectionPart,
    ProjectionsFile,
    SeasonProjection,
    TeamProjection,
)
from tests.serving.builders import (
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    put,
    write_keys,
    write_projections,
    write_status,
)
from tests.serving.conftest import reload
from tests.serving.past import english_teams, load_now, past_row, past_season, write_history

HTML = {"Accept": "text/html"}
LEEDS, DERBY = Team("t1", "Leeds United"), Team("t2", "Derby County")
HOSTILE = Team(
    "t9", "<script>alert(1)</script>, a \\; name that is \N{SNOWMAN} longer than a line of a calendar"
)


COURSE = (CourseStep(1742000000, 50, 70.2), CourseStep(1743500000, 55, 72.8))


def projections():
    """Leeds has 60 points and 75.3 expected, after the steps of `COURSE`."""
    line = TeamProjection(
        team=LEEDS, place=2, played=30, points=60, expected_points=75.3, places=(0.6, 0.4), bands={}
    )
    season = SeasonProjection(
        competition="ENG-2",
        season="2024/2025",
        feed="simulated",
        as_of="2025-04-25T08:55:00Z",
        key="k",
        teams=(line,),
    )
    part = ProjectionPart(projection=season, course={LEEDS.id: COURSE})
    return ProjectionsFile(schema_version=PROJECTIONS_SCHEMA_VERSION, competitions={"ENG-2": part})


def sidecar(home, mode):
    """A sidecar with a history of two seasons and three matches of Leeds ahead."""
    store, settings = home / "store", make_settings(home, pages=mode)
    rows = [
        make_prediction("m1", home_team=LEEDS, away_team=DERBY),
        make_prediction("m2", home_team=HOSTILE, away_team=LEEDS, kickoff="2025-05-03T14:00:00Z"),
        make_prediction(
            "m3",
            home_team=LEEDS,
            away_team=Team("t3", "Millwall"),
            kickoff="2025-05-10T00:00:00Z",
            kickoff_precision="day",
        ),
        make_prediction("m4", home_team=DERBY, away_team=Team("t3", "Millwall")),
    ]
    make_release(store, rows)
    write_projections(store, projections())
    write_status(store)
    write_keys(store)
    season = past_season(past_row(0, 0, 1, (2, 1)), past_row(1, 2, 3, (0, 0)), past_row(2, 1, 0, (3, 1)))
    earlier = past_season(past_row(-52, 0, 1, (1, 1)), season="2023/2024")
    load_now(settings, write_history(store, season, earlier, teams=english_teams(gone="t1")))
    return TestClient(create_app(settings, scorer=StubScorer()), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Public pages."""
    with sidecar(tmp_path_factory.mktemp("teams"), "public") as client:
        reload(client)
        yield client


@pytest.fixture
def keyed(tmp_path):
    """Keyed pages, signed in as the reader."""
    with sidecar(tmp_path, "keyed") as client:
        reload(client)
        client.follow_redirects = False
        sessions = client.app.state["page_gate"].sessions
        client.cookies.set(sessions.cookie, sessions.issue("reader"))
        yield client


def page(client, path, status=200):
    found = client.get(path, headers=HTML)
    assert found.status_code == status
    return found.text


def test_search_forgives_typing_mistakes(pages):
    text = page(pages, "/teams?q=Leds+Utd")
    assert '<a href="/teams/t1">Leeds United</a>' in text
    assert "No team has a name like" in page(pages, "/teams?q=Xyzzyq")
    assert "A letter may be wrong" in page(pages, "/teams")
    assert "<script>alert" not in page(pages, "/teams?q=%3Cscript%3Ealert(1)")


def test_team_shows_past_and_future(pages):
    text = page(pages, "/teams/t1")
    assert "<h1>Leeds United</h1>" in text
    assert (
        text.index("26 Apr 2025, 14:00 UTC") < text.index("3 May 2025") < text.index("Sat 10 May, time open")
    )
    assert "m4" not in text
    form = re.findall(r"</span> (won|drawn|lost)</span></td><td><span title=\"([\d.]+)", text)
    assert [result for result, _ in form] == ["lost", "won", "drawn"]  # the newest first
    assert [float(chance) for _, chance in form] == pytest.approx([0.45, 0.45, 0.3])
    assert "polygon" in text
    assert "3 forecasts scored" in text
    assert "<script>alert" not in text
    assert "also leeds utd" in text
    assert "style=" not in text


def test_projection_over_the_season_is_drawn_and_written(pages):
    """A line of three steps with its numbers."""
    text = page(pages, "/teams/t1")
    course = text[text.index("<h3>Over the season</h3>") : text.index('id="form"')]
    assert re.search(r'class="curve expected" d="M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){2}"', course)
    assert re.search(r'class="curve won"', course)
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td><td>([\d.]+)</td>', course)
    assert rows == [
        ("15 Mar 2025", "50", "70.2"),
        ("1 Apr 2025", "55", "72.8"),
        ("25 Apr 2025", "60", "75.3"),
    ]


def test_merged_team_is_the_one_it_was_merged_into(pages):
    assert "<h1>Leeds United</h1>" in page(pages, "/teams/gone")


def test_unknown_team_is_not_found(pages):
    assert "There is no such page" in page(pages, "/teams/nobody", 404)
    for name in ("calendar.ics", "feed.atom"):
        assert pages.get(f"/teams/nobody/{name}").status_code == 404


def test_team_that_only_the_release_has(pages):
    text = page(pages, "/teams/t9")
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text


def test_calendar_is_rfc_5545(pages):
    answer = pages.get("/teams/t1/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    lines = answer.content.decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert all(len(line.encode()) <= 75 for line in lines)
    text = answer.content.decode().replace("\r\n ", "")
    assert text.count("BEGIN:VEVENT") == 3
    assert "DTSTART:20250426T140000Z" in text
    assert "DTSTART;VALUE=DATE:20250510" in text
    assert "UID:m1@soccer-assets" in text
    assert "alert(1)</script>\\, a \\\\\\; name" in text
    assert "Leeds United 50 %\\, draw 30 %\\, Derby County 20 %" in text


def test_feed_is_atom(pages):
    answer = pages.get("/teams/t1/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring(answer.content)  # noqa: S314 - our own
    assert feed.tag == f"{atom}feed"
    entries = feed.findall(f"{atom}entry")
    assert len(entries) == 3
    assert len({entry.findtext(f"{atom}id") for entry in entries}) == 3
    assert all(entry.findtext(f"{atom}updated") == "2025-04-25T08:55:00Z" for entry in entries)
    assert "<script>alert(1)</script>" in entries[1].findtext(f"{atom}title")


def test_keyed_links_work_without_a_session_until_the_key_is_revoked(keyed):
    text = page(keyed, "/teams/t1")
    link = re.search(r'href="(/teams/t1/calendar\.ics\?token=[^"]+)"', text)[1]
    keyed.cookies.clear()
    answer = keyed.get(link)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    token = link.partition("?")[2]
    assert keyed.get(f"/teams/t1/feed.atom?{token}").status_code == 200
    assert keyed.get("/teams/t1/calendar.ics").status_code == 401
    assert keyed.get(f"/teams/t2/calendar.ics?{token}").status_code == 401  # of another team
    assert keyed.get(f"{link}x").status_code == 401
    assert keyed.get("/about", params={"token": token}, headers=HTML).status_code == 400


def test_revoked_key_ends_its_links(keyed, tmp_path):
    link = re.search(r'href="(/teams/t1/feed\.atom\?token=[^"]+)"', page(keyed, "/teams/t1"))[1]
    keyed.cookies.clear()
    put(tmp_path / "store", API_KEYS_KEY, ApiKeys(schema_version=1, keys=()))
    reload(keyed)
    assert keyed.get(link).status_code == 401


def test_history_is_loading(store, serve):
    client = serve(pages="public")
    assert "History is loading" in page(client, "/teams")
    text = page(client, "/teams/t-leeds")
    assert "<h1>Leeds</h1>" in text
    assert "History is loading" in text
