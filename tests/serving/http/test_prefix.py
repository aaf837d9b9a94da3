"""Below the path prefix of a proxy: links, the documentation, and paths that keep the prefix."""

import json
import re

import pytest

from tests.serving.builders import READER, make_prediction, make_release

TOLD = {"X-Forwarded-Prefix": "/soccer/v1/"}


@pytest.fixture
def two_pages(store):
    """A store whose release has two matches."""
    make_release(store, [make_prediction("m1"), make_prediction("m2")], release_id="r2")
    return store


def test_links_begin_with_the_prefix_that_the_proxy_tells(two_pages, serve):
    """The next page, the index and the documentation lead to the public paths."""
    client = serve()
    page = client.get("/predict/matches/?limit=1", headers=READER | TOLD)
    assert page.links["next"]["url"].startswith("/soccer/v1/predict/matches")
    assert client.get("/", headers=TOLD).json()["links"]["readiness"] == "/soccer/v1/ready"
    named = re.findall(r'(?:src|href)="([^"]+)"', client.get("/schema", headers=TOLD).text)
    assert named
    assert all(path.startswith("/soccer/v1/schema/assets/") for path in named)
    document = client.get("/schema/openapi.json", headers=TOLD).json()
    assert document["servers"] == [{"url": "/soccer/v1"}]
    assert client.get("/schema/openapi.json").json()["servers"] == [{"url": "/"}]


def test_a_configured_prefix_is_in_links_and_taken_off_paths(two_pages, serve):
    """The setting outweighs the header; a proxy may leave the prefix on the path or take it off."""
    client = serve(root_path="/soccer")

    for path in ("/predict/matches", "/soccer/predict/matches"):
        page = client.get(f"{path}?limit=1", headers=READER | TOLD)
        following = page.links["next"]["url"]
        assert following.startswith("/soccer/predict/matches")
        found = client.get(following, headers=READER).json()["items"]
        assert [item["match_id"] for item in found] == ["m2"]
    assert (
        client.get("/soccer/predict/m1", headers=READER).content
        == client.get("/predict/m1", headers=READER).content
    )
    assert client.get("/soccers/predict/m1", headers=READER).status_code == 404


@pytest.mark.parametrize(
    "told",
    ["//evil.example.com", "https://evil.example.com", '/a"><script>', "/..//x", "soccer", "/" + "a" * 99],
)
def test_what_is_no_path_is_no_prefix(client, told):
    """A link never leads to another host."""
    body = client.get("/", headers={"X-Forwarded-Prefix": told}).text

    assert json.loads(body)["links"]["readiness"] == "/ready"
