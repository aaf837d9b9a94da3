"""Content codings: which one a client gets, and that it holds the same bytes."""

import gzip

import pytest
from backports import zstd

from serving.http.compression import negotiate_encoding
from tests.serving.builders import READER, make_prediction, make_release


@pytest.mark.parametrize("path", ["/predict/predictions/", "/predict/matches/"])
@pytest.mark.parametrize(("coding", "unpack"), [("gzip", gzip.decompress), ("zstd", zstd.decompress)])
def test_lists_are_compressed_for_those_who_take_it(store, serve, path, coding, unpack):
    """The same bytes come smaller, under a tag of the coding's own, which is known again."""
    make_release(store, [make_prediction(f"m{number}") for number in range(50)])
    client = serve()
    plain = client.get(path, headers=READER | {"Accept-Encoding": "identity"})
    with client.stream("GET", path, headers=READER | {"Accept-Encoding": coding}) as response:
        packed = b"".join(response.iter_raw())

    assert unpack(packed) == plain.content
    assert len(packed) < len(plain.content) / 5
    assert response.headers["content-encoding"] == coding
    assert response.headers["etag"] == f'{plain.headers["etag"][:-1]}-{coding}"'
    assert "Accept-Encoding" in response.headers["vary"]
    known = {"If-None-Match": response.headers["etag"], "Accept-Encoding": coding}
    assert client.get(path, headers=READER | known).status_code == 304


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("ZSTD;q=0.5, gzip;q=0.8", "gzip"),
        ("zstd;q=0, *;q=0.1", "gzip"),
        ("*", "zstd"),
        ("gzip; q=0", None),
        ("gzip;q=much", None),
        ("br, xgzip", None),
        ("", None),
    ],
)
def test_a_clients_wishes_choose_the_coding(accepted, coding):
    """Weights count, 0 refuses, zstd goes before gzip, and only a whole name is a name."""
    assert negotiate_encoding(accepted) == coding
