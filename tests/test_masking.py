"""No part of a secret is in a text that people read, however a parser cut it."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import redis
import sqlalchemy as sa

from soccer_assets.masking import mask

PASSWORDS = [
    "pa/ssw0rd",
    "se:cr3t/wo:rd",
    "half#other",
    "half?other",
    "at@inside",
    "ab/cd/ef",
    "[v6]/rest",
    "plain-one",
]


def _error_of(parse: Callable[[str], Any], address: str) -> str:
    try:
        parse(address)
    except Exception as error:  # noqa: BLE001 - whatever the parser raises is printed
        return f"{error} in {address}"
    return address


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("variable", ["SOCCER_REDIS_URL", "ANYTHING"])
@pytest.mark.parametrize(
    "parse", [lambda url: urlsplit(url).port, sa.make_url, redis.Redis.from_url, lambda url: url]
)
def test_no_piece_of_a_password_outlives_its_parser(
    password: str, variable: str, parse: Callable[[str], Any]
) -> None:
    for written in (password, quote(password, safe="")):
        address = f"redis://me:{written}@cache.example.org:6379/0"
        text = mask(_error_of(parse, address), {variable: address})
        for piece in [password, written, *re.split(r"[/:#?@\[\]]", password)]:
            assert not piece or not re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", text), text


def test_named_secrets_and_secret_parameters_are_masked_and_other_text_is_not() -> None:
    environ = {"PGPASSFILE_PASS": "hunter22", "SMTP_PASS": "swordfish", "HOME": "/home/me", "FLAG_KEY": "on"}
    text = "swordfish on /home/me: GET https://x.example.org/a?api_key=abc&day=2&sig=zz failed"
    masked = "*** on /home/me: GET https://x.example.org/a?api_key=***&day=2&sig=*** failed"
    assert mask(text, environ) == masked
