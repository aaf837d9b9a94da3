"""How servers are asked: this machine's own addresses without a proxy, plain HTTP without certificates."""

import ipaddress
import ssl
from collections.abc import MutableMapping
from typing import TypedDict
from urllib.parse import urlsplit

# What a process that honours proxies must ask directly.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine's loopback address: `HTTP_PROXY` must not be used for it."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def certificates(url: str) -> ssl.SSLContext | bool:
    """What httpx calls ``verify``: all certificates, or for a plain HTTP address none.

    It otherwise reads those of 140 authorities for each client, in 20 ms of CPU, also where it needs none.
    """
    return _NO_CERTIFICATES if url.lower().startswith("http://") else True


class HttpOptions(TypedDict):
    """Arguments of httpx's clients and functions."""

    trust_env: bool
    verify: ssl.SSLContext | bool


def http_options(url: str) -> HttpOptions:
    """How httpx asks a server: past a proxy of the environment on this machine, and see `certificates`."""
    return {"trust_env": not is_loopback(url), "verify": certificates(url)}


def no_proxy(listed: str) -> str:
    """The value of `NO_PROXY` with this machine's own names added to those that are ``listed``."""
    names = [name for part in listed.split(",") if (name := part.strip())]
    return ",".join([*names, *(name for name in LOOPBACK_NAMES if name not in names)])


def ask_loopback_directly(environ: MutableMapping[str, str]) -> None:
    """Exempt this machine's own addresses from the proxy of an environment, in both of its spellings."""
    listed = environ.get("no_proxy") or environ.get("NO_PROXY", "")
    environ["NO_PROXY"] = environ["no_proxy"] = no_proxy(listed)
