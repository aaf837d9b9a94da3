"""Public pages: what caches keep, what strangers cannot put into them, and what search engines are told."""

import re
import xml.etree.ElementTree as ET

import msgspec
import pytest

from soccer_assets.contract.release import FeedTerms, Result
from soccer_assets.contract.season_projection import CourseStep
from tests.serving.builders import make_prediction, make_release, write_projections
from tests.serving.http.test_fast_path import ask
from tests.serving.routes.test_projections import projections_file

HTML = {"Accept": "text/html"}
ADDRESS = "https://forecasts.example.org"


@pytest.fixture
def public(store, serve):
    return serve(pages="public", pages_url=ADDRESS)


def test_a_stranger_puts_nothing_into_a_cached_page(public):
    """Headers that anyone may send do not change what a shared cache keeps."""
    plain = public.get("/about", headers=HTML)
    for told in (
        {"X-Forwarded-Prefix": "/evil"},
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Cookie": "soccer=evil"},
        {"X-Forwarded-For": "198.51.100.7"},
    ):
        page = public.get("/about", headers=HTML | told)
        assert (page.content, page.headers["etag"]) == (plain.content, plain.headers["etag"])
    assert "set-cookie" not in plain.headers


def test_prefix_of_a_trusted_proxy_is_in_links(store, serve):
    client = serve(pages="public", trusted_proxies=("127.0.0.1",))
    headers = [(b"accept", b"text/html"), (b"x-forwarded-prefix", b"/soccer")]
    _, _, body = ask(client, path="/about", headers=headers)
    assert b'href="/soccer/"' in body


def test_cards_that_are_kept_hold_the_links_of_their_prefix(store, serve):
    """Whoever asked first: the cards of a list are kept for all."""
    client = serve(pages="public", trusted_proxies=("127.0.0.1",))
    accept = (b"accept", b"text/html")
    for prefix in (b"", b"/soccer", b""):
        headers = [accept, (b"x-forwarded-prefix", prefix)] if prefix else [accept]
        _, _, body = ask(client, path="/", headers=headers)
        assert b'href="%s/matches/m1"' % prefix in body


def test_address_asks_too_often(store, serve):
    """A forged X-Forwarded-For does not buy more; another address behind a trusted proxy is its own."""
    client = serve(pages="public", pages_per_minute=3)
    client.app.state["page_views"]._now = lambda: 30.0
    statuses = [
        client.get("/about", headers=HTML | {"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(5)
    ]
    assert statuses == [200, 200, 200, 429, 429]
    behind = serve(pages="public", pages_per_minute=1, trusted_proxies=("127.0.0.1",))
    behind.app.state["page_views"]._now = lambda: 30.0
    for address, status in ((b"198.51.100.1", 200), (b"198.51.100.2", 200), (b"198.51.100.1", 429)):
        headers = [(b"accept", b"text/html"), (b"x-forwarded-for", address)]
        assert ask(behind, path="/about", headers=headers)[0] == status


def test_share_titles_exist_in_public_only(public, client):
    page = public.get("/about", headers=HTML).text
    assert f'<link rel="canonical" href="{ADDRESS}/about">' in page
    assert 'property="og:title" content="About"' in page
    assert "og:title" not in client.get("/sign-in", headers=HTML).text


def test_search_engines_are_told(public, client):
    assert f"Sitemap: {ADDRESS}/sitemap.xml" in public.get("/robots.txt").text
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert client.get("/sitemap.xml").status_code == 404
    tree = ET.fromstring(public.get("/sitemap.xml").content)  # noqa: S314 - our own
    listed = [node.text for node in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert f"{ADDRESS}/about" in listed
    assert all(public.get(path.removeprefix(ADDRESS), headers=HTML).status_code == 200 for path in listed)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_only_get(public, method):
    assert public.request(method, "/about", headers=HTML).status_code == 405


def has_score(text):
    return re.search("7[-\N{EN DASH}]6", text) is not None


def release_with_terms(store, **allowed):
    """A played match, of a feed with these terms."""
    played = make_prediction(
        "done",
        status="finished",
        kickoff="2025-04-24T14:00:00Z",
        result=Result(home_goals=7, away_goals=6, outcome="home"),
    )
    terms = (FeedTerms(feed="fake", attribution="Data: <Fake & Co>", **allowed),)
    make_release(store, [make_prediction("m1"), played], release_id="r2", terms=terms)


def test_results_that_may_not_be_public_are_left_out_and_it_is_said(store, serve):
    """To those with a key they are shown; the source is named on every page."""
    release_with_terms(store)
    public = serve(pages="public")
    page = public.get("/matches/done", headers=HTML)
    assert not has_score(page.text)
    assert "Results are left out" in page.text
    assert "Data: &lt;Fake &amp; Co&gt;" in page.text
    day = public.get("/?day=2025-04-24", headers=HTML).text
    assert "Leeds" in day
    assert not has_score(day)
    assert not has_score(public.get("/?team=Leeds", headers=HTML).text)


def test_places_and_points_are_results_too(store, serve):
    """A projection is a forecast; the table of today that it starts from is not. Its order would tell it."""
    release_with_terms(store)
    file = projections_file()
    league = file.competitions["ENG-2"]
    leader, second = (line.team.id for line in league.projection.teams[:2])
    file.competitions["ENG-2"] = msgspec.structs.replace(
        league, course={leader: (CourseStep(1742000000, 50, 70.2),)}
    )
    write_projections(store, file)
    path = "/competitions/ENG-2"
    public = serve(pages="public")
    page = public.get(path, headers=HTML).text
    assert "Places and points of today are left out" in page
    assert "Pts" not in page
    expected = [
        float(text) for text in re.findall(r'<td title="([0-9.]+)">[0-9.]+</td>\s*<td class="strip">', page)
    ]
    assert len(expected) == 4
    assert expected == sorted(expected, reverse=True)
    assert "Projected once so far" in public.get(f"/teams/{second}", headers=HTML).text
    page = public.get(f"/teams/{leader}", headers=HTML).text
    assert "Points expected" in page
    assert "Place now" not in page
    assert 'class="curve expected"' in page
    assert 'class="curve won"' not in page
    assert ">50<" not in page


def test_results_that_may_be_public_are_shown(store, serve):
    release_with_terms(store, may_publish_results=True)
    public = serve(pages="public")
    assert has_score(public.get("/matches/done", headers=HTML).text)
    assert "Results are left out" not in public.get("/matches/done", headers=HTML).text
