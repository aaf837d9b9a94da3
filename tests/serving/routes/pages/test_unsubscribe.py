"""The link that ends a follower's messages."""

import pytest

from soccer_assets.contract.following import UNSUBSCRIBED_PREFIX, unfollow_token

HTML = {"Accept": "text/html"}


@pytest.fixture
def token(client):
    return unfollow_token(client.app.state["page_gate"].secret, "abc123")


def test_one_click_leaves_the_wish_and_a_look_does_not(client, store, token):
    """Without a key or a session; programs that open links change nothing."""
    wish = store / UNSUBSCRIBED_PREFIX / "abc123"
    page = client.get(f"/unsubscribe/{token}", headers=HTML)
    assert page.status_code == 200
    assert f'action="/unsubscribe/{token}"' in page.text
    assert not wish.exists()
    done = client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, wish.exists()) == (200, True)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: "x" + text, lambda _: "abc123"])
def test_a_forged_link_is_unknown(client, store, token, change):
    assert client.post(f"/unsubscribe/{change(token)}").status_code == 404
    assert not (store / UNSUBSCRIBED_PREFIX).exists()


def test_no_pages_no_link(store, serve):
    assert serve(pages="off").get("/unsubscribe/abc123.x").status_code == 404
