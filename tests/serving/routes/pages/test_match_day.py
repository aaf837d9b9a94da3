"""The list of matches: by day and time zone, filters, what came, hostile names, and one release at a time."""

import contextlib
import html
import re

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.contract.release import Result, ScoreChance, Team
from tests.serving import league
from tests.serving.builders import (
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)
from tests.serving.conftest import reload

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HOSTILE = Team("t-x", "<script>alert(1)</script>")
FORMULA = Team("t-f", '=cmd|" /c calc"!A1')


def directory(zones: dict[str, str]) -> bytes:
    """The league's directory with time zones."""
    found = league.directory()
    entries = tuple(
        msgspec.structs.replace(entry, time_zone=zones.get(entry.code, "UTC")) for entry in found.competitions
    )
    return msgspec.json.encode(msgspec.structs.replace(found, competitions=entries))


PREDICTIONS = (
    make_prediction(
        "m1", likely_scores=(ScoreChance(1, 1, 0.125),), p_home=0.336, p_draw=0.332, p_away=0.332
    ),
    make_prediction("late", kickoff="2025-04-26T23:30:00Z", home_team=Team("t2", "Köln")),
    make_prediction("day", kickoff="2025-04-26T12:00:00Z", kickoff_precision="day", home_team=HOSTILE),
    make_prediction("cup", kickoff="2025-04-28T18:00:00Z", competition="INT-CUP", home_team=FORMULA),
    make_prediction(
        "old",
        kickoff="2025-04-24T18:45:00Z",
        home_team=Team("t6", "Hull"),
        status="finished",
        result=Result(home_goals=0, away_goals=2, outcome="away"),
    ),
)


def publish(store, release_id="r1", predictions=PREDICTIONS, zones=None):
    make_release(
        store,
        predictions,
        release_id=release_id,
        directory=directory(zones or {"ENG-2": "Europe/London", "INT-CUP": "America/New_York"}),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A sidecar whose pages are public."""
    home = tmp_path_factory.mktemp("matches")
    publish(home / "store")
    write_status(home / "store", moved_match_ids=("late",))
    write_keys(home / "store")
    with opened(home) as client:
        yield client


@contextlib.contextmanager
def opened(home):
    app = create_app(make_settings(home, pages="public"), scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as client:
        reload(client)
        yield client


def get(pages, query=""):
    page = pages.get(f"/{query}", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    return page


def cards(page):
    """The text of each card, without tags."""
    parts = page.text.split('<li class="match')[1:]
    bare = (re.sub(r"<title>.*?</title>|<[^>]+>", " ", f"<{part.partition('</p>')[0]}") for part in parts)
    return [" ".join(html.unescape(text).split()) for text in bare]


@pytest.mark.parametrize("accept", ["application/json", "*/*", None])
def test_programs_keep_the_links(pages, accept):
    headers = {"Accept": accept} if accept else {}
    answer = pages.get("/", headers=headers)
    assert answer.json()["links"]["projections"] == "/projections/"
    assert answer.headers["vary"] == "Accept"


def test_both_forms_of_the_path_are_kept_apart_by_caches(pages):
    assert "Accept" in get(pages).headers["vary"].split(", ")


def test_keyed_page_asks_for_a_session(store, client):
    client.follow_redirects = False
    asked = client.get("/?tz=UTC", headers=HTML)
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2F%3Ftz%3DUTC"
    form = client.get("/sign-in", headers=HTML)
    token = re.search(r'name="form_token" value="([^"]+)"', form.text)[1]
    client.post("/sign-in", data={"form_token": token, "key": TOKENS["reader"]}, headers=HTML)
    page = client.get("/", headers=HTML)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    assert "Leeds" in page.text


def test_next_day_with_matches_and_what_came_before(pages):
    """Friday has none: Saturday is shown, and Thursday below with what was said and what came."""
    page = get(pages)
    assert "<h1>Saturday 26 April 2025</h1>" in page.text
    assert "Yesterday: what was said, and what came" in page.text
    played = cards(page)[-1]
    assert played.startswith("19:45 Hull 0 against Derby 2")
    assert "✓ 20 %" in played
    assert "was given 20 %" in played


def test_shares_add_to_100_and_their_exact_numbers_are_there(pages):
    page = get(pages)
    assert "15:00 Leeds against Derby 34 % 33 % 33 % likeliest 1\N{EN DASH}1 (12 %)" in next(
        card for card in cards(page) if "15:00" in card
    )
    assert 'title="0.336"' in page.text


def test_clock_is_of_the_competition_and_says_so(pages):
    """14:00 in UTC is 15:00 in London's summer; 23:30 is of the next day there."""
    page = get(pages, "?day=2025-04-26")
    assert "Times in London (BST)." in page.text
    assert [card.split()[0] for card in cards(page)] == ["time", "15:00"]
    assert "00:30 kickoff moved since Köln against" in cards(get(pages, "?day=2025-04-27"))[0]


def test_chosen_time_zone_moves_days_and_clocks(pages):
    page = get(pages, "?day=2025-04-26&tz=America/New_York")
    assert "Times in New York (EDT)." in page.text
    assert [card.split()[0] for card in cards(page)] == ["time", "10:00", "19:30"]


def test_match_of_a_known_day_has_no_clock_time_in_any_zone(pages):
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Honolulu", "Etc/GMT%2B12"):
        (card,) = [card for card in cards(get(pages, f"?day=2025-04-26&tz={zone}")) if "script" in card]
        assert card.startswith("time open ")
        assert not re.search(r"^\d\d:\d\d", card)


CHANGES = (
    ("2025-03-30T00:30:00Z", "00:30", "2025-03-30"),  # half an hour before summer time
    ("2025-03-30T01:30:00Z", "02:30", "2025-03-30"),
    ("2025-10-25T22:30:00Z", "23:30", "2025-10-25"),
    ("2025-10-25T23:30:00Z", "00:30", "2025-10-26"),
    ("2025-10-26T00:30:00Z", "01:30", "2025-10-26"),  # 01:30 comes twice
    ("2025-10-26T01:30:00Z", "01:30", "2025-10-26"),
    ("2025-10-26T23:59:00Z", "23:59", "2025-10-26"),  # the 25th hour
)


def test_days_that_change_the_clock(tmp_path, serve):
    rows = [make_prediction(f"m{number}", kickoff=row[0]) for number, row in enumerate(CHANGES)]
    publish(tmp_path / "store", predictions=rows)
    pages = serve(pages="public")
    for day, short in (("2025-03-30", "BST"), ("2025-10-25", "BST"), ("2025-10-26", "GMT")):
        page = get(pages, f"?day={day}")
        assert [card.split()[0] for card in cards(page)] == [row[1] for row in CHANGES if row[2] == day]
        assert f"({short})" in page.text


def test_filters(pages):
    assert len(cards(get(pages, "?day=2025-04-28&competition=int-cup"))) == 1
    assert len(cards(get(pages, "?day=2025-04-28&competition=ENG-2"))) == 0
    page = get(pages, "?team=koln")
    assert "Köln against Derby" in cards(page)[0]
    assert "Sunday 27 April 2025" in page.text
    derby = cards(get(pages, "?team=t-derby"))
    assert len(derby) == 5
    assert derby[-1].startswith("19:45 Hull")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?team=Nobody", "there is no team"),
        ("?competition=XYZ", "there is no competition"),
        ("?tz=Mars/Olympus", "is not a time zone"),
        ("?day=tomorrow", "is no day"),
        ("?day=0001-01-01&tz=Asia/Tokyo", "out of range"),
        ("?day=9999-12-31", "out of range"),
    ],
)
def test_what_cannot_be_understood_is_told_beside_the_form(pages, query, said):
    page = get(pages, query)
    assert page.status_code == 400
    assert said in page.text
    assert 'role="alert"' in page.text
    assert page.headers["cache-control"] != "public, max-age=30"


def test_hostile_names_are_text(pages):
    page = get(pages, "?tz=UTC&day=2025-04-26")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "=cmd|&#34; /c calc&#34;!A1" in get(pages, "?day=2025-04-28").text
    again = get(pages, "?team=%22%3E%3Cscript%3Ealert(2)%3C/script%3E")
    assert "<script>alert" not in again.text


def test_pages_need_no_script_and_hold_no_style(pages):
    page = get(pages)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'self'")


def test_days_lead_to_the_next_ones_that_have_matches(pages):
    links = re.findall(r'rel="(prev|next)" href="([^"]+)"', get(pages, "?day=2025-04-27").text)
    assert links == [("prev", "/?day=2025-04-26"), ("next", "/?day=2025-04-28")]
    links = re.findall(r'rel="(prev|next)" href="([^"]+)"', get(pages, "?day=2025-04-26&tz=UTC").text)
    assert links == [("prev", "/?day=2025-04-24&amp;tz=UTC"), ("next", "/?day=2025-04-28&amp;tz=UTC")]


def test_full_day_is_paged_and_small(tmp_path, serve):
    store = tmp_path / "store"
    rows = [make_prediction(f"m{number}", home_team=Team("t0", "W" * 40)) for number in range(130)]
    publish(store, predictions=rows)
    pages = serve(pages="public")
    sizes = []
    for number in (1, 2, 3):
        page = pages.get(f"/?day=2025-04-26&page={number}", headers=HTML | {"Accept-Encoding": "gzip"})
        sizes.append(len(cards(page)))
        assert int(page.headers["content-length"]) < 30_000
    assert sizes == [40, 40, 40]
    assert "130 matches, page 3 of 4" in page.text


def test_page_is_of_one_release_before_and_after_a_swap(tmp_path, serve):
    publish(tmp_path / "store")
    pages = serve(pages="public")
    before = get(pages, "?day=2025-04-26")
    publish(tmp_path / "store", "r2", [make_prediction("m9", home_team=Team("t7", "Everton"))])
    assert get(pages, "?day=2025-04-26").text == before.text
    reload(pages)
    after = get(pages, "?day=2025-04-26")
    assert [card.split()[1] for card in cards(after)] == ["Everton"]
    assert after.headers["etag"] != before.headers["etag"]


def test_before_the_first_release_the_page_says_so(serve):
    page = serve(pages="public").get("/", headers=HTML)
    assert page.status_code == 503
    assert 'role="alert"' in page.text
