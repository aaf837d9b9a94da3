"""Masks secrets in text that people read: credentials in addresses, and values of secret variables.

One function for every part that prints, logs or sends what an exception or an address says.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

MASK = "***"
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH(?!OR)|DSN|WEBHOOK", re.IGNORECASE)
# Shorter values of such variables are words such as `on` and numbers.
_SHORTEST_SECRET = 6
# Up to the last @ of the word: a password that nobody quoted may hold / and @ itself.
_URL_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"<>]*@")
_QUERY_SECRET = re.compile(
    r"(?<=[?&])([\w-]*(?:key|token|secret|pass|sig|auth)[\w-]*=)[^&\s'\"<>]+", re.IGNORECASE
)
# Parsers of addresses quote the pieces between these in their errors.
_SEPARATORS = re.compile(r"[:/?#@\[\]&=]+")
# Pieces up to this length are masked only where they stand alone: two letters are in every word.
_SHORT_PIECE = 3


def mask(text: str, environ: Mapping[str, str]) -> str:
    """The text without secrets.

    Masked are: what stands before the ``@`` of an address, query parameters named like secrets, values of
    variables named like secrets, and every piece of the credentials of an address in ``environ``: a parser
    that takes half of a password for a port quotes that half alone.
    """
    text = _QUERY_SECRET.sub(rf"\1{MASK}", _URL_CREDENTIALS.sub(f"{MASK}@", text))
    pieces = {piece for name, value in environ.items() for piece in _secrets_of(name, value)}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) > _SHORT_PIECE:
            text = text.replace(piece, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(piece)}(?!\w)", MASK, text)
    return text


def _secrets_of(name: str, value: str) -> Iterator[str]:
    if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
        yield value
    for address in re.split(r"[,\s]+(?=\S+://)", value):
        _, separator, rest = address.partition("://")
        credentials, at, _ = rest.rpartition("@")
        if not separator or not at:
            continue
        password = credentials.partition(":")[2]
        for form in (password, unquote(password)):
            if form:
                yield form
            yield from (piece for piece in _SEPARATORS.split(form) if piece)
