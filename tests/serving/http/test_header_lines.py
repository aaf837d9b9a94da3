"""Header fields in several lines."""

import pytest

from serving.http.header_lines import RepeatedHeaderError, joined
from tests.serving.builders import READER, TOKENS
from tests.serving.http.test_fast_path import ask

KEY = (b"x-api-key", TOKENS["reader"].encode())


def test_lists_are_joined_in_the_order_of_their_first_lines():
    """As RFC 9110 allows every recipient to do."""
    lines = [(b"accept", b"a"), (b"x-forwarded-for", b"1"), (b"accept", b"b"), (b"x-forwarded-for", b"2")]

    assert joined(lines) == [(b"accept", b"a, b"), (b"x-forwarded-for", b"1, 2")]
    assert joined([(b"cookie", b"a=1"), (b"cookie", b"b=2")]) == [(b"cookie", b"a=1; b=2")]


def test_a_field_of_one_value_may_be_repeated_but_not_contradicted():
    """A proxy that repeats a header says nothing new."""
    assert joined([(b"x-api-key", b"a"), (b"x-api-key", b"a")]) == [(b"x-api-key", b"a")]
    with pytest.raises(RepeatedHeaderError, match="x-api-key"):
        joined([(b"x-api-key", b"a"), (b"x-api-key", b"b")])


@pytest.mark.parametrize("path", ["/predict/m1", "/predict/matches/", "/predict/model/info"])
def test_a_tag_in_any_line_is_known(client, path):
    """304 also where a proxy has split the list of tags."""
    tag = client.get(path, headers=READER).headers["etag"].encode()

    for lines in ((b'"x"', tag), (tag, b'"x"')):
        headers = [KEY, *((b"if-none-match", line) for line in lines)]
        assert ask(client, path=path, headers=headers)[0] == 304


def test_a_client_behind_a_proxy_that_adds_a_line_cannot_name_its_address(store, serve):
    """HAProxy adds a line of its own to the client's: only the last address of all is the proxy's word."""
    sidecar = serve(failed_keys_per_minute=1, trusted_proxies=("127.0.0.1",))
    forwarded = [(b"x-forwarded-for", b"198.51.100.7")]
    statuses = [
        ask(
            sidecar,
            path="/predict/m1",
            headers=[(b"x-api-key", b"wrong"), (b"x-forwarded-for", b"6.6.6.%d" % number), *forwarded],
        )[0]
        for number in range(4)
    ]

    assert 429 in statuses  # a minute may end between two requests


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (b"x-api-key", (TOKENS["reader"].encode(), b"wrong")),
        (b"last-event-id", (b"1-0", b"2-0")),
        (b"content-type", (b"application/json", b"text/plain")),
    ],
)
def test_two_different_values_of_one_are_refused(client, name, values):
    """Neither is taken for the client's word."""
    headers = [(name, value) for value in values]
    status, _, body = ask(client, path="/predict/m1", headers=headers if name == KEY[0] else [KEY, *headers])

    assert status == 400
    assert b"urn:soccer-assets:problem:repeated-header" in body
    assert name in body
