"""Signing in at the pages: who is let in, with what, for how long, and where the cookie counts."""

import re
from urllib.parse import urlencode

import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.session import Sessions
from serving.routes.pages.page_routes import PAGES
from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKeys
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.page_codes import create_code
from tests.serving.builders import (
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    put,
    write_keys,
)
from tests.serving.conftest import reload

HTML = {"Accept": "text/html"}


@pytest.fixture
def browser(client):
    client.follow_redirects = False
    client.headers.update(HTML)
    return client


def form_token(page):
    return re.search(r'name="form_token" value="([^"]+)"', page.text)[1]


def sign_in(browser, key=TOKENS["reader"], **fields):
    token = form_token(browser.get("/sign-in"))
    return browser.post("/sign-in", data={"form_token": token, "key": key, "next": "/about", **fields})


def test_page_leads_to_the_form_and_back(browser):
    asked = browser.get("/about?x=1")
    assert asked.status_code == 400  # the query is checked first
    asked = browser.get("/about")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fabout"
    signed = sign_in(browser)
    assert (signed.status_code, signed.headers["location"]) == (303, "/about")
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    page = browser.get("/about")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    assert "Cookie" in page.headers["vary"]


PARTS = {"team_id": "t-leeds", "match_id": "m1", "code": "ENG-2"}
EVERY_PAGE = [
    re.sub(r"\{(\w+):\w+\}", lambda part: PARTS[part[1]], path) for one in PAGES for path in one.paths
]


def test_every_page_asks_for_a_session_and_is_kept_by_nobody(browser):
    """A person is led to the form and back, a program gets 401; with a session the page is that person's."""
    for path in EVERY_PAGE:
        asked = browser.get(path)
        assert (asked.status_code, asked.content) == (303, b""), path
        assert asked.headers["location"] == f"/sign-in?{urlencode({'next': path})}"
        assert browser.get(path, headers={"Accept": "application/json"}).status_code == 401, path
    sign_in(browser)
    for path in EVERY_PAGE:
        page = browser.get(path)
        assert page.status_code == 200, path
        assert page.headers["cache-control"] == "private, no-store", path
        assert "Cookie" in page.headers["vary"].split(", "), path
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
        assert "etag" not in page.headers, path


@pytest.mark.parametrize("key", ["wrong", TOKENS["predictor"], "", "\N{SNOWMAN}" * 50])
def test_key_that_may_not_read_is_refused(browser, key):
    refused = sign_in(browser, key)
    assert refused.status_code == 422
    assert "neither a key that may read" in refused.text
    assert browser.get("/about").status_code == 303


def test_session_dies_with_its_key(browser, store):
    sign_in(browser)
    assert browser.get("/about").status_code == 200
    ObjectStore(f"file://{store}").write(API_KEYS_KEY, b'{"schema_version": 1, "keys": []}')
    reload(browser)
    assert browser.get("/about").status_code == 303
    assert ApiKeys(schema_version=1, keys=()) is not None
    write_keys(store)


def test_code_signs_in_once(browser, store):
    own = ObjectStore(f"file://{store}")
    key_id = next(iter(browser.app.state["key_ring"]._by_id.values())).id
    code = create_code(own, key_id)
    assert sign_in(browser, code.lower()).status_code == 303
    assert browser.get("/about").status_code == 200
    browser.cookies.clear()
    assert sign_in(browser, code).status_code == 422


def test_old_code_is_refused(browser, store, monkeypatch):
    key_id = next(iter(browser.app.state["key_ring"]._by_id.values())).id
    monkeypatch.setattr("soccer_assets.stores.releases.page_codes.CODE_SECONDS", -1)
    assert sign_in(browser, create_code(ObjectStore(f"file://{store}"), key_id)).status_code == 422


def test_login_csrf_is_refused(browser):
    token = form_token(browser.get("/sign-in"))
    fields = {"form_token": token, "key": TOKENS["reader"]}
    foreign = browser.post("/sign-in", data=fields, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 422
    cross = browser.post("/sign-in", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 422
    assert browser.post("/sign-in", data=fields | {"form_token": token[:-2]}).status_code == 422
    browser.cookies.clear()  # another browser's token
    assert browser.post("/sign-in", data=fields).status_code == 422


@pytest.mark.parametrize(
    "path", ["//elsewhere.example/", "https://elsewhere.example", "/\\elsewhere", "/a\nb"]
)
def test_next_leads_to_no_other_site(browser, path):
    assert sign_in(browser, next=path).headers["location"] == "/"


def test_sign_out_ends_the_session_here(browser):
    sign_in(browser)
    token = form_token(browser.get("/sign-in"))
    assert browser.post("/sign-out", data={"form_token": token}).headers["location"] == "/sign-in"
    assert browser.get("/about").status_code == 303


def test_cookie_opens_no_other_route(browser):
    """The session counts at pages and at the event stream's GET, nowhere else."""
    sign_in(browser)
    tried = 0
    for route in browser.app.routes:
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items():
            if "scope" not in handler.opt or method == "OPTIONS" or route.path == "/events":
                continue
            path = re.sub(r"\{[^}]+\}", "m1", route.path_format)
            status = browser.request(method, path, headers={"Accept": "*/*"}).status_code
            assert status == 401, (method, path)
            tried += 1
    assert tried > 20


def test_cookie_of_another_installation_is_refused(browser):
    other = Sessions(b"s" * 32, "other", is_https=False)
    gate = browser.app.state["page_gate"]
    assert other.cookie != gate.sessions.cookie
    key_id = next(iter(browser.app.state["key_ring"]._by_id))
    browser.cookies.set(gate.sessions.cookie, other.issue(key_id))
    assert browser.get("/about").status_code == 303


def test_two_homes_on_one_host_do_not_touch_each_others_sessions(browser, tmp_path):
    """A browser sends the cookies of a host to all its ports: home B takes none of A's, and ends none."""
    home = tmp_path / "other"
    make_release(home / "store", [make_prediction("m1")])
    put(home / "store", INSTALLATION_KEY, Installation(id="c" * 32))
    write_keys(home / "store")
    app = create_app(make_settings(home), scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as other:
        reload(other)
        other.headers.update(HTML)
        other.follow_redirects = False
        other._cookies = browser._cookies  # of one browser
        sign_in(browser)
        assert (browser.get("/about").status_code, other.get("/about").status_code) == (200, 303)
        sign_in(other)
        assert (browser.get("/about").status_code, other.get("/about").status_code) == (200, 200)
        token = form_token(other.get("/sign-in"))
        other.post("/sign-out", data={"form_token": token})
        assert (browser.get("/about").status_code, other.get("/about").status_code) == (200, 303)


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "navigate", 200),
        ("same-site", "navigate", 200),
        ("none", "navigate", 200),
        ("same-origin", "cors", 200),
        ("cross-site", "no-cors", 303),
        ("cross-site", "cors", 303),
        ("same-site", "cors", 303),
    ],
)
def test_shared_link_opens_while_signed_in_and_tells_the_other_site_nothing(browser, site, mode, status):
    """Who follows a link from a chat sees the page; a site that loads it as an image or a script does not."""
    sign_in(browser)
    asked = browser.get("/matches/m1", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
    assert asked.status_code == status
    assert ("Leeds" in asked.text) == (status == 200)


def test_forged_and_old_cookies_are_refused(browser):
    gate = browser.app.state["page_gate"]
    key_id = next(iter(browser.app.state["key_ring"]._by_id))
    good = gate.sessions.issue(key_id)
    assert gate.sessions.read(good).key_id == key_id
    for forged in (
        good[:-3] + "AAA",
        good.replace(".", ""),
        "a.b",
        "\N{SNOWMAN}.x",
        "." * 300,
        good + "." + good,
    ):
        assert gate.sessions.read(forged) is None
    late = Sessions(b"s" * 32, "x", is_https=True, now=lambda: 1e9)
    cookie = late.issue("k")
    late._now = lambda: 1e9 + 12 * 3600
    assert late.read(cookie) is None
    assert late.cookie.startswith("__Host-")


def test_secret_is_of_its_owner_alone(browser, store):
    assert browser.app.state["page_gate"].sessions is not None
    assert (store / "auth/pages.secret").stat().st_mode & 0o777 == 0o600


def test_pages_off(store, serve):
    client = serve(pages="off")
    for path in ("/about", "/sign-in"):
        assert client.get(path, headers=HTML).status_code == 404
    assert client.get("/", headers=HTML).headers["content-type"] == "application/json"


def test_public_pages_are_cached_by_all(store, serve):
    client = serve(pages="public")
    page = client.get("/about", headers=HTML)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "public, max-age=30"
    again = client.get("/about", headers=HTML | {"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/sign-in", headers=HTML).status_code == 404


def test_event_stream_takes_a_session_of_its_own_site(browser):
    """EventSource sends the cookie and no header; another port of this host is another site."""
    sign_in(browser)
    gate, handler = browser.app.state["page_gate"], None
    for route in browser.app.routes:
        if route.path == "/events":
            handler, _ = route.route_handler_map["GET"]
    assert handler.opt["takes_session"]
    own = browser.get("/events/", headers={"Accept": "text/event-stream"})
    assert own.status_code == 503  # let in; there is no Redis here
    foreign = browser.get("/events/", headers={"Accept": "*/*", "Sec-Fetch-Site": "same-site"})
    assert foreign.status_code == 401
    browser.cookies.set(gate.sessions.cookie, "forged")
    assert browser.get("/events/", headers={"Accept": "*/*"}).status_code == 401


def test_form_lets_a_browser_send_its_origin(browser):
    """Under the header's `no-referrer` Chromium would send `Origin: null`, which the form refuses."""
    assert '<meta name="referrer" content="same-origin">' in browser.get("/sign-in").text
    refused = browser.post("/sign-in", data={"form_token": "x"}, headers={"Origin": "null"})
    assert refused.status_code == 422
